# A stand-in for tests and rehearsal, never the real module: it signs in to the simulated tenant whose URL is
# in the environment variable BULKPS_STANDIN_URL. Windows PowerShell 5.1 and PowerShell 7.

Set-StrictMode -Version 2
if ($PSVersionTable.PSVersion.Major -lt 6) { Microsoft.PowerShell.Utility\Add-Type -AssemblyName System.Net.Http }

$script:Connections = [System.Collections.ArrayList]::new()
$script:Opened = 0
$script:ProxyText = [System.IO.File]::ReadAllText([System.IO.Path]::Combine($PSScriptRoot, 'Proxy.ps1'))

function Send-Request {
    # Returns the answer to a request as an object; a refusal is thrown with the service's own words.
    param($Client, [string] $Url, [string] $Token, $Body)

    $method = [System.Net.Http.HttpMethod]::Get
    if ($null -ne $Body) { $method = [System.Net.Http.HttpMethod]::Post }
    $request = [System.Net.Http.HttpRequestMessage]::new($method, $Url)
    if ($Token) { [void]$request.Headers.TryAddWithoutValidation('Authorization', "Bearer $Token") }
    if ($null -ne $Body) {
        $json = Microsoft.PowerShell.Utility\ConvertTo-Json -InputObject $Body -Compress
        $request.Content = [System.Net.Http.StringContent]::new($json, [System.Text.Encoding]::UTF8, 'application/json')
    }
    try { $response = $Client.SendAsync($request).GetAwaiter().GetResult() }
    catch { throw "The stand-in's service at $Url does not answer: $($_.Exception.GetBaseException().Message)" }
    $text = $response.Content.ReadAsStringAsync().GetAwaiter().GetResult()
    $answer = Microsoft.PowerShell.Utility\ConvertFrom-Json -InputObject $text
    if ($response.IsSuccessStatusCode) { return $answer }
    if ($answer.PSObject.Properties['error_description']) { throw $answer.error_description }
    throw "Error while querying REST service. HttpStatusCode=$([int]$response.StatusCode) ErrorMessage=$text"
}

function Get-ServiceUrl {
    $given = $env:BULKPS_STANDIN_URL
    if (-not $given) {
        throw 'This ExchangeOnlineManagement is the stand-in of bulkps, for tests and rehearsal: it needs the URL of a simulated tenant in BULKPS_STANDIN_URL. Start one with "bulkps simulate --rest-port 0".'
    }
    # Passwords travel to it as text, and it sends functions that are run here.
    if (-not ([uri]$given).IsLoopback) { throw "BULKPS_STANDIN_URL must lead to this machine, not to $given." }
    $given.TrimEnd('/')
}

function Get-Thumbprint {
    # Returns the thumbprint of the certificate that the caller signs in with. A thumbprint is taken as it is:
    # there is no certificate store on every system, and nothing here is signed with it.
    param($Given)

    if ($Given['CertificateThumbprint']) { return $Given['CertificateThumbprint'] }
    if ($Given['Certificate']) { return $Given['Certificate'].Thumbprint }
    if (-not $Given['CertificateFilePath']) { return '' }
    $path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Given['CertificateFilePath'])
    if (-not [System.IO.File]::Exists($path)) { throw [System.IO.FileNotFoundException]::new("Could not find file '$path'.", $path) }
    $certificate = [System.Security.Cryptography.X509Certificates.X509Certificate2]::new($path, $Given['CertificatePassword'])
    try { $certificate.Thumbprint } finally { $certificate.Dispose() }
}

function New-ConnectionState {
    # Signs in and returns what the proxies and Get-ConnectionInformation need to know.
    param($Given)

    $url = Get-ServiceUrl
    $handler = [System.Net.Http.HttpClientHandler]::new()
    $handler.UseProxy = $false
    $client = [System.Net.Http.HttpClient]::new($handler)
    $client.DefaultRequestHeaders.ExpectContinue = $false
    # A cmdlet of the real service may take 15 minutes.
    $client.Timeout = [timespan]::FromSeconds(900)
    $token = Send-Request $client "$url/token" '' @{
        client_id = [string]$Given['AppId']; organization = [string]$Given['Organization']
        thumbprint = [string](Get-Thumbprint $Given)
        managed_identity = [string]($true -eq $Given['ManagedIdentity'])
        account_id = [string]$Given['ManagedIdentityAccountId']
    }
    $script:Opened += 1
    @{
        Id = $script:Opened; ConnectionId = [guid]::NewGuid(); Client = $client; Url = $url
        Token = $token.access_token; TenantId = $token.tenant_id; Given = $Given
        Service = "$url/adminapi/beta/$($token.tenant_id)"; Calls = 0
        Expiry = ([datetimeoffset]$token.expires_on).ToUniversalTime()
        ModuleName = 'tmpEXO_' + [guid]::NewGuid().ToString('N').Substring(0, 8)
    }
}

function Connect-ExchangeOnline {
    <#
    .SYNOPSIS
    Signs in to the simulated tenant and defines its cmdlets in this session.
    #>
    [CmdletBinding()]
    param(
        [string] $ConnectionUri, [string] $AzureADAuthorizationEndpointUri,
        [ValidateSet('O365Default', 'O365USGovGCCHigh', 'O365USGovDoD', 'O365GermanyCloud', 'O365China')]
        [string] $ExchangeEnvironmentName = 'O365Default',
        [string] $DelegatedOrganization, [string[]] $CommandName, [string[]] $FormatTypeName,
        [string] $AppId, [System.Security.Cryptography.X509Certificates.X509Certificate2] $Certificate,
        [string] $CertificateFilePath, [System.Security.SecureString] $CertificatePassword, [string] $CertificateThumbprint,
        [switch] $ManagedIdentity, [string] $ManagedIdentityAccountId, [string] $Organization,
        [switch] $BypassMailboxAnchoring, [switch] $DisableWAM, [switch] $LoadCmdletHelp,
        [switch] $SkipLoadingCmdletHelp, [switch] $SkipLoadingFormatData, [uint32] $PageSize = 1000,
        [switch] $ShowBanner = $true, [bool] $ShowProgress, [bool] $UseMultithreading, [bool] $TrackPerformance,
        [switch] $EnableErrorReporting, [string] $LogDirectoryPath, [string] $LogLevel
    )

    $given = @{ PageSize = $PageSize; ExchangeEnvironmentName = $ExchangeEnvironmentName }
    foreach ($entry in $PSBoundParameters.GetEnumerator()) { $given[$entry.Key] = $entry.Value }
    $connection = $null
    try {
        if (-not $AppId -and -not $ManagedIdentity) { throw 'The stand-in signs in with -AppId and a certificate, or with -ManagedIdentity: it cannot ask a person.' }
        $connection = New-ConnectionState $given
        $asked = '*'
        if ($CommandName) { $asked = [uri]::EscapeDataString($CommandName -join ',') }
        $module = Send-Request $connection.Client "$($connection.Service)/EXOModuleFile?Version=3.9.0&cmdlets=$asked" $connection.Token $null
        # A module exports only what is defined when it says so.
        $code = [scriptblock]::Create("$($script:ProxyText)`n$($module.text)`nMicrosoft.PowerShell.Core\Export-ModuleMember -Function `$Cmdlets")
        $made = Microsoft.PowerShell.Core\New-Module -Name $connection.ModuleName -ScriptBlock $code -ArgumentList $connection, @($module.cmdlets)
        Microsoft.PowerShell.Core\Import-Module -ModuleInfo $made -Global -DisableNameChecking
    }
    catch {
        if ($connection) { $connection.Client.Dispose() }
        $PSCmdlet.ThrowTerminatingError([System.Management.Automation.ErrorRecord]::new($_.Exception, 'ConnectExchangeOnline', 'AuthenticationError', $null))
    }
    $connection.Module = $made
    [void]$script:Connections.Add($connection)
    if ($ShowBanner) { Microsoft.PowerShell.Utility\Write-Host 'This is the stand-in of bulkps for ExchangeOnlineManagement: nothing real is behind it.' }
}

function Disconnect-ExchangeOnline {
    <#
    .SYNOPSIS
    Ends the connections of this session and takes their cmdlets away.
    #>
    [CmdletBinding(SupportsShouldProcess = $true)]
    param([string[]] $ConnectionId)

    foreach ($connection in @($script:Connections)) {
        if ($ConnectionId -and ($ConnectionId -notcontains [string]$connection.ConnectionId)) { continue }
        if (-not $PSCmdlet.ShouldProcess([string]$connection.ConnectionId)) { continue }
        $names = @($connection.Module.ExportedFunctions.Keys)
        Microsoft.PowerShell.Core\Remove-Module -ModuleInfo $connection.Module -Force
        # It took them from the scope that it was called in, this module's, and left them in the session's.
        foreach ($name in $names) {
            $found = Microsoft.PowerShell.Management\Get-Item -Path "Function:\$name" -ErrorAction Ignore
            if ($found -and $found.ModuleName -eq $connection.ModuleName) { Microsoft.PowerShell.Management\Remove-Item -Path "Function:\$name" -Confirm:$false }
        }
        $connection.Client.Dispose()
        $script:Connections.Remove($connection)
    }
}

function Get-ConnectionInformation {
    <#
    .SYNOPSIS
    Shows the connections of this session.
    #>
    [CmdletBinding()]
    param([string[]] $ConnectionId)

    foreach ($connection in @($script:Connections)) {
        if ($ConnectionId -and ($ConnectionId -notcontains [string]$connection.ConnectionId)) { continue }
        $given = $connection.Given
        $status = 'Active'
        if ($connection.Expiry -le [datetimeoffset]::UtcNow) { $status = 'Expired' }
        [pscustomobject]@{
            ConnectionId = $connection.ConnectionId; State = 'Connected'; Id = $connection.Id
            Name = "ExchangeOnline_$($connection.Id)"; UserPrincipalName = ''
            ConnectionUri = $connection.Url; AzureAdAuthorizationEndpointUri = "$($connection.Url)/token"
            TokenExpiryTimeUTC = $connection.Expiry
            CertificateAuthentication = -not ($true -eq $given['ManagedIdentity'])
            ModuleName = $connection.ModuleName; ModulePrefix = ''
            Organization = [string]$given['Organization']; DelegatedOrganization = [string]$given['DelegatedOrganization']
            AppId = [string]$given['AppId']; PageSize = $given['PageSize']; TenantID = $connection.TenantId
            TokenStatus = $status; ConnectionUsedForInbuiltCmdlets = $true; IsEopSession = $false
        }
    }
}

Microsoft.PowerShell.Core\Export-ModuleMember -Function Connect-ExchangeOnline, Disconnect-ExchangeOnline, Get-ConnectionInformation
