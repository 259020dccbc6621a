# The part of the temporary module tmpEXO_* that does the work; the service's functions follow it in the same
# module, so that -ErrorAction and -WarningAction of a proxy reach Write-Error and Write-Warning here.
# It is kept short for speed: it runs for every call.
param($Connection, [string[]] $Cmdlets)

$script:Common = [System.Collections.Generic.HashSet[string]]::new([System.Management.Automation.Cmdlet]::CommonParameters, [System.StringComparer]::OrdinalIgnoreCase)
[void]$script:Common.Add('Confirm')
$script:Client = $Connection.Client
$script:Uri = [uri]($Connection.Service + '/InvokeCommand')
$script:FromJson = @{}
# Without it, PowerShell 7 takes every text that looks like a date for one.
if ($PSVersionTable.PSVersion -ge [version]'7.5') { $script:FromJson['DateKind'] = 'String' }

function ConvertTo-Sent {
    # Returns a parameter's value as JSON can hold it.
    param($Value)

    if ($null -eq $Value) { return $null }
    if ($Value -is [string]) { return [string]$Value }
    if ($Value -is [switch]) { return [bool]$Value }
    if ($Value -is [System.Security.SecureString]) { return @{ '@type' = 'SecureString'; value = [System.Net.NetworkCredential]::new('', $Value).Password } }
    if ($Value -is [datetime]) { return $Value.ToString('o') }
    if ($Value -is [System.Collections.IDictionary]) {
        $sent = @{}
        foreach ($entry in $Value.GetEnumerator()) { $sent[[string]$entry.Key] = ConvertTo-Sent $entry.Value }
        return $sent
    }
    if ($Value -is [System.Collections.IEnumerable]) {
        $entries = [System.Collections.ArrayList]::new()
        foreach ($entry in $Value) { [void]$entries.Add((ConvertTo-Sent $entry)) }
        return , $entries.ToArray()
    }
    if ($Value -is [bool] -or $Value -is [int] -or $Value -is [long] -or $Value -is [double]) { return $Value.PSObject.BaseObject }
    return [string]$Value
}

function Write-ErrorMessage {
    [CmdletBinding()]
    param([System.Management.Automation.ErrorRecord] $Record)

    $PSCmdlet.WriteError($Record)
}

function New-Record {
    # Returns an ErrorRecord; the service's exception types do not exist here, so that the reason is set.
    param([string] $Message, [string] $Id, [string] $Category, [string] $Exception, $Target, [string] $Cmdlet)

    $record = [System.Management.Automation.ErrorRecord]::new([System.Exception]::new($Message), $Id, $Category, $Target)
    $record.CategoryInfo.Activity = $Cmdlet
    $record.CategoryInfo.Reason = ($Exception -split '\.')[-1]
    $record
}

function Write-Refusal {
    # Writes or throws what the service refused with.
    param([int] $Status, [string] $Text, [string] $Name, $Cmdlet)

    $refusal = $null
    try { $refusal = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $Text } catch { $refusal = $null }
    if ($Status -notin 400, 429 -or -not $refusal -or -not $refusal.error.PSObject.Properties['innererror']) {
        Write-ErrorMessage (New-Record "Error while querying REST service. HttpStatusCode=$Status ErrorMessage=$Text" "HttpStatusCode=$Status" NotSpecified System.Net.Http.HttpRequestException $null $Name)
        return
    }
    foreach ($warning in $refusal.'@adminapi.warnings') { Microsoft.PowerShell.Utility\Write-Warning $warning }
    $inner = $refusal.error.innererror
    $detail = $refusal.error.details[0]
    $target = $null
    if ($detail.target) { $target = $detail.target }
    $record = New-Record $detail.message $inner.internalexception.id $inner.internalexception.category $inner.type $target $Name
    # What the service's binder refuses fails the pipeline, as what the engine's own binder refuses does.
    if ($inner.internalexception.terminating) { $Cmdlet.ThrowTerminatingError($record) }
    Write-ErrorMessage $record
}

function Invoke-ExchangeCommand {
    # Runs a cmdlet at the service and writes what it answers.
    param([string] $Name, $Bound, $Cmdlet, [bool] $Dry, [bool] $Asks)

    $sent = @{}
    foreach ($entry in $Bound.GetEnumerator()) {
        if ($script:Common.Contains($entry.Key)) { continue }
        $value = $entry.Value
        if ($value -is [string]) { $sent[$entry.Key] = [string]$value } else { $sent[$entry.Key] = ConvertTo-Sent $value }
    }
    if ($Dry) { $sent['WhatIf'] = $true }
    # Whoever had to confirm it has done so here: the service can ask no one.
    elseif ($Asks) { $sent['Confirm'] = $false }
    $json = Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject @{ CmdletInput = @{ CmdletName = $Name; Parameters = $sent } } -Compress -Depth 8
    $request = [System.Net.Http.HttpRequestMessage]::new([System.Net.Http.HttpMethod]::Post, $script:Uri)
    $request.Content = [System.Net.Http.StringContent]::new($json, [System.Text.Encoding]::UTF8, 'application/json')
    $Connection.Calls += 1
    [void]$request.Headers.TryAddWithoutValidation('Authorization', 'Bearer ' + $Connection.Token)
    [void]$request.Headers.TryAddWithoutValidation('client-request-id', [string]$Connection.Calls)
    $cancel = [System.Threading.CancellationTokenSource]::new()
    try {
        $task = $script:Client.SendAsync($request, $cancel.Token)
        # A wait of any length would not notice that the pipeline is being stopped.
        while (-not $task.IsCompleted) { [void]([System.IAsyncResult]$task).AsyncWaitHandle.WaitOne(100) }
    }
    finally { $cancel.Cancel() }
    if ($task.IsFaulted -or $task.IsCanceled) {
        $why = 'An error occurred while sending the request.'
        if ($task.IsFaulted) { $base = $task.Exception.GetBaseException().Message } else { $base = 'A task was canceled.' }
        if ($base -ne $why) { $why = "$why $base" }
        Write-ErrorMessage (New-Record "|System.Net.Http.HttpRequestException|$why" 'HttpRequestException' ConnectionError System.Net.Http.HttpRequestException $null $Name)
        return
    }
    $response = $task.Result
    $text = $response.Content.ReadAsStringAsync().Result
    if (-not $response.IsSuccessStatusCode) {
        Write-Refusal ([int]$response.StatusCode) $text $Name $Cmdlet
        return
    }
    $json = $script:FromJson
    $answer = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $text @json
    foreach ($warning in $answer.'@adminapi.warnings') { Microsoft.PowerShell.Utility\Write-Warning $warning }
    $kinds = @($answer.'@standin.kinds'.PSObject.Properties)
    foreach ($object in $answer.value) {
        $properties = $object.PSObject.Properties
        foreach ($kind in $kinds) {
            $property = $properties[$kind.Name]
            if ($null -eq $property -or $null -eq $property.Value) { continue }
            switch ($kind.Value) {
                'guid' { $property.Value = [guid]$property.Value }
                'int' { $property.Value = [int]$property.Value }
                'datetime' { if ($property.Value -is [string]) { $property.Value = [datetime]::Parse($property.Value, [cultureinfo]::InvariantCulture, [System.Globalization.DateTimeStyles]::RoundtripKind) } }
            }
        }
        $object
    }
}
