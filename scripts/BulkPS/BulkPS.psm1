# The module BulkPS: runs a batch of cmdlets inside the engine and answers for each of them.
#
# Three rules hold this file together:
# - It must also work as text that is dot-sourced into a session: only function definitions stand at its top
#   level, no Set-StrictMode, no script-scope variable, no Export-ModuleMember (the manifest says what is
#   exported). Windows PowerShell 5.1 syntax, ASCII.
# - Every list that is written is an ArrayList of its own. pypsrp reads what is in an Object[] as bare objects, so
#   that dictionaries and lists in it are lost, and it cannot follow the reference that the same object twice
#   becomes on the wire (ToArray gives the same empty array each time).
# - In a session of type RestrictedRemoteServer an unqualified cmdlet name means the session's own restricted
#   proxy. So no cmdlet is called here but the item's own; everything else is .NET.

function Invoke-BulkPSBatch {
    <#
    .SYNOPSIS
    Runs a list of cmdlets one after the other and writes one outcome object as soon as each of them ends.

    .DESCRIPTION
    Each item names a cmdlet and its parameters. The parameters are bound by name (splatted), never made into
    script text. An item that fails never stops the next one.

    An outcome has the properties id, state ('completed' or 'failed'), output, errors, warnings and milliseconds.
    Every error that the item wrote or ended with is in its errors; none reaches the error stream.

    Only functions and cmdlets that the session offers to its caller are run: in a JEA session, those that its
    role capabilities make visible. A script block, a path, an alias, a wildcard or a native program is refused.

    .PARAMETER Items
    Dictionaries with the keys
      id          text that the outcome is attributed by
      cmdlet      name of a function or cmdlet
      parameters  dictionary of values by parameter name
      keep        names of the output properties that are wanted; empty or missing keeps all

    .PARAMETER Until
    Regular expressions. Once an error of an item matches one, the items after it are not run: their outcomes have
    the state 'not-run'. Use it for errors that every further item would get too, such as throttling. At most 100,
    each of at most 4000 characters; the first 4000 characters of the first 20 errors of an item are searched. A
    pattern that takes longer than a tenth of a second is not tried again, so that no caller can keep the server busy.

    .PARAMETER Within
    Seconds from the start of this function within which items may be started. An item that was not started by then
    is not run: its outcome has the state 'not-run'. An item that was started is not interrupted. Default: no limit.

    .OUTPUTS
    One object per item, in order:
      id            the item's id
      state         'completed': the command ran to its end, though it may have written errors;
                    'failed': it ended with a terminating error, or it was refused;
                    'not-run': an earlier item matched -Until, or the time of -Within was over
      output        list of dictionaries with the requested properties. A value that is not an object is under 'Value'.
                    Guid: lower-case text. DateTime: UTC, ISO-8601 with seven digits and Z. TimeSpan: ISO-8601
                    duration. Enumeration: its name. List: ArrayList. Other objects: their text.
      errors        list of dictionaries: message, type, fqid, category, reason, target, inner
      warnings      list of texts
      milliseconds  how long the command ran

    .EXAMPLE
    Invoke-BulkPSBatch -Items @{ id = '1'; cmdlet = 'Get-Mailbox'; parameters = @{ Identity = 'ann' }; keep = 'Guid' }

    Runs Get-Mailbox -Identity ann and writes its outcome with the property Guid.

    .EXAMPLE
    $rows = Import-Csv users.csv | ForEach-Object {
        @{ id = $_.Upn; cmdlet = 'Set-User'; parameters = @{ Identity = $_.Upn; Department = $_.Department } }
    }
    Invoke-BulkPSBatch -Items $rows | Where-Object state -eq 'failed'

    Sets a department for each row and shows those that failed.

    .NOTES
    Part of bulkps, which calls it over PowerShell remoting. Ends when its pipeline is stopped; outcomes that were
    written before stay written.
    #>
    [CmdletBinding()]
    [OutputType([System.Management.Automation.PSCustomObject])]
    param(
        [Parameter(Mandatory = $true, Position = 0)]
        [AllowNull()]
        [AllowEmptyCollection()]
        [object[]] $Items,

        [ValidateCount(0, 100)]
        [ValidateLength(0, 4000)]
        [string[]] $Until,

        [double] $Within
    )

    $limit = $null
    if ($PSBoundParameters.ContainsKey('Within')) {
        $limit = @{ Seconds = $Within; Watch = [System.Diagnostics.Stopwatch]::StartNew(); Began = [datetime]::UtcNow }
    }
    # The preferences of the session's user must not change what is sent or hide what comes back. Set here for the
    # functions of this session, and globally for the rest: a function of another module (the proxies of Exchange
    # Online) sees the global values, not these. $ConfirmPreference and $WhatIfPreference do not change: a user who
    # set them wants to be asked, or to do nothing.
    $PSDefaultParameterValues = @{}
    $ErrorActionPreference = $WarningPreference = 'Continue'
    $InformationPreference = $VerbosePreference = $DebugPreference = $ProgressPreference = 'SilentlyContinue'
    $preferences = @{
        ErrorActionPreference = 'Continue'; WarningPreference = 'Continue'; InformationPreference = 'SilentlyContinue'
        VerbosePreference = 'SilentlyContinue'; DebugPreference = 'SilentlyContinue'
        ProgressPreference = 'SilentlyContinue'
    }
    $variables = $ExecutionContext.SessionState.PSVariable
    $before = @{}
    $commands = @{}
    try {
        foreach ($name in $preferences.Keys) {
            $value = $variables.GetValue("global:$name")
            if ("$value" -ne $preferences[$name]) {
                $variables.Set("global:$name", $preferences[$name])
                $before[$name] = $value
            }
        }
        $met = $false
        $patterns = New-BulkPSPattern $Until
        foreach ($item in $Items) {
            # Once the time is over it stays over, also if somebody sets the clock back.
            if (-not $met -and $null -ne $limit) { $met = Test-BulkPSOver $limit }
            if ($met) {
                $id = ''
                if ($item -is [System.Collections.IDictionary]) { $id = [string] $item['id'] }
                New-BulkPSOutcome $id 'not-run' @() @() @() 0
                continue
            }
            $outcome = Invoke-BulkPSItem $item $commands $PSCmdlet $limit
            $outcome
            if ($patterns.Count -gt 0) { $met = Test-BulkPSMatch $outcome.errors $patterns }
        }
    }
    finally {
        foreach ($name in $before.Keys) {
            $variables.Set("global:$name", $before[$name])
        }
    }
}

function Select-BulkPSProperty {
    <#
    .SYNOPSIS
    Keeps the named properties of each object that comes down the pipeline.

    .DESCRIPTION
    Like Select-Object -Property, with one difference: a property that an object does not have is left out, while
    Select-Object adds an empty one. So the caller can distinguish properties that were not read from empty ones.
    A text, a number, a list or a dictionary does not change.

    .PARAMETER InputObject
    An object, from the pipeline.

    .PARAMETER Property
    Names of properties, without wildcards.

    .OUTPUTS
    An object with those of the named properties that the input object has.

    .EXAMPLE
    Get-Mailbox -ResultSize Unlimited | Select-BulkPSProperty -Property Guid, DisplayName

    Writes two of the properties of each mailbox, so that over PowerShell remoting only these cross the wire.

    .NOTES
    Part of bulkps, which calls it over PowerShell remoting when it reads whole inventories.
    #>
    [CmdletBinding()]
    [OutputType([System.Management.Automation.PSCustomObject])]
    param(
        [Parameter(Mandatory = $true, ValueFromPipeline = $true)]
        [AllowNull()]
        [object] $InputObject,

        [Parameter(Mandatory = $true, Position = 0)]
        [ValidateNotNullOrEmpty()]
        [string[]] $Property
    )

    process {
        if ($null -eq $InputObject -or $InputObject -is [string] -or $InputObject -is [valuetype] -or
            $InputObject -is [System.Collections.IEnumerable]) {
            return , $InputObject
        }
        $row = [ordered] @{}
        foreach ($name in $Property) {
            $found = $InputObject.PSObject.Properties[$name]
            # A property whose getter throws is left out, as the engine leaves it out of what it sends.
            if ($null -ne $found) { try { $row[$name] = $found.Value } catch { continue } }
        }
        [pscustomobject] $row
    }
}

function Invoke-BulkPSItem {
    # Runs one item and writes its outcome, whatever the item does, unless the pipeline itself is stopped.
    param($Item, $Commands, $Caller, $Limit)

    $clock = [System.Diagnostics.Stopwatch]::new()
    $written = [System.Collections.ArrayList]::new()
    $id = ''
    $state = 'failed'
    $thrown = $null
    $ended = $false
    try {
        try {
            if ($Item -isnot [System.Collections.IDictionary]) {
                throw (New-BulkPSRefusal 'BulkPS.Item' 'An item must be a dictionary with id, cmdlet and parameters.')
            }
            $id = [string] $Item['id']
            $command = Resolve-BulkPSCommand $Item['cmdlet'] $Commands $Caller
            $parameters = $Item['parameters']
            if ($null -eq $parameters) { $parameters = @{} }
            Assert-BulkPSParameter $parameters $command
            $invoked = $command.Info
            # Looking up the command may have loaded a module: check the time again, as late as possible.
            if ($null -ne $Limit -and (Test-BulkPSOver $Limit)) {
                $ended = $true
                New-BulkPSOutcome $id 'not-run' @() @() @() 0
                return
            }
            $clock.Start()
            # All streams go to the output, so that records before a terminating error are kept; an assignment would
            # lose them. Redirecting to $null ("6>$null") does not help: the records still reach the caller's streams.
            & $invoked @parameters *>&1 | & { process { $null = $written.Add($_) } }
            $state = 'completed'
            $ended = $true
        }
        catch {
            $thrown = $_
            $ended = $true
        }
        finally {
            $clock.Stop()
            # "break", "continue" and "exit" inside a command unwind its callers, past every catch, and would end
            # the batch without an error. An exception thrown here replaces them. If the pipeline is being stopped,
            # the engine continues to stop: then this exception is not caught and nothing is written.
            if (-not $ended) {
                throw (New-BulkPSRefusal 'BulkPS.Escape' ('The command left by break, continue or exit instead of ' +
                        'returning. Whether it had its effect is not known.') $null 'OperationStopped')
            }
        }
    }
    catch {
        $thrown = $_
    }

    $output = [System.Collections.ArrayList]::new()
    $errors = [System.Collections.ArrayList]::new()
    $warnings = [System.Collections.ArrayList]::new()
    $keep = @()
    if ($Item -is [System.Collections.IDictionary] -and $null -ne $Item['keep']) { $keep = @($Item['keep']) }
    foreach ($one in $written) {
        if ($one -is [System.Management.Automation.ErrorRecord]) {
            # A command may write an error and then throw that very error: once is enough.
            if ($null -eq $thrown -or -not [object]::ReferenceEquals($one.Exception, $thrown.Exception)) {
                $null = $errors.Add((ConvertTo-BulkPSError $one))
            }
        }
        elseif ($one -is [System.Management.Automation.WarningRecord]) {
            $null = $warnings.Add([string] $one.Message)
        }
        elseif ($one -isnot [System.Management.Automation.InformationalRecord] -and
            $one -isnot [System.Management.Automation.InformationRecord]) {
            try { $null = $output.Add((ConvertTo-BulkPSRow $one $keep)) }
            catch { $null = $errors.Add((ConvertTo-BulkPSError $_)) }
        }
    }
    if ($null -ne $thrown) { $null = $errors.Add((ConvertTo-BulkPSError $thrown)) }

    New-BulkPSOutcome $id $state $output $errors $warnings ([System.Math]::Min($clock.ElapsedMilliseconds, [int]::MaxValue))
}

function Test-BulkPSOver {
    # Returns whether the time in which items may be begun is over.
    param($Limit)

    # The stopwatch may stand still while the machine sleeps, and the clock may be set back: whichever says that
    # more has passed.
    $passed = [System.Math]::Max($Limit.Watch.Elapsed.TotalSeconds, ([datetime]::UtcNow - $Limit.Began).TotalSeconds)
    return -not ($passed -lt $Limit.Seconds)
}

function New-BulkPSOutcome {
    # Returns an outcome object.
    param($Id, $State, $Output, $Errors, $Warnings, $Milliseconds)

    [pscustomobject] @{
        id           = $Id
        state        = $State
        output       = [System.Collections.ArrayList]::new($Output)
        errors       = [System.Collections.ArrayList]::new($Errors)
        warnings     = [System.Collections.ArrayList]::new($Warnings)
        milliseconds = [int] $Milliseconds
    }
}

function New-BulkPSPattern {
    # Returns a list of regular expressions, each with a limit of time for a match.
    param($Texts)

    $made = [System.Collections.ArrayList]::new()
    foreach ($text in $Texts) {
        # A pattern that .NET does not take stops nothing.
        try { $null = $made.Add([regex]::new($text, 'CultureInvariant', [timespan]::FromMilliseconds(100))) } catch { continue }
    }
    return , $made
}

function Test-BulkPSMatch {
    # Returns whether one of the errors (as ConvertTo-BulkPSError makes them) matches one of the patterns; takes those
    # that are too slow out of the list.
    param($Errors, $Patterns)

    $searched = 0
    foreach ($one in $Errors) {
        if ($searched -ge 20) { return $false }
        $searched++
        $text = "$($one['type']) $($one['reason']) $($one['message']) $($one['fqid'])"
        if ($text.Length -gt 4000) { $text = $text.Substring(0, 4000) }
        foreach ($pattern in $Patterns.ToArray()) {
            try { if ($pattern.IsMatch($text)) { return $true } } catch { $Patterns.Remove($pattern) }
        }
    }
    return $false
}

function Resolve-BulkPSCommand {
    # Returns the command of that name and its parameters if the session offers it to its caller; throws if not.
    # This function and what it calls is what keeps a JEA endpoint from running arbitrary commands.
    param($Name, $Commands, $Caller)

    # -cnotmatch: without case, [a-z] also takes letters of other scripts.
    if ($Name -isnot [string] -or $Name -cnotmatch '\A[A-Za-z][A-Za-z0-9-]*\z') {
        throw (New-BulkPSRefusal 'BulkPS.CommandName' ("'$Name' is not the name of a cmdlet: letters, digits and " +
                'dashes are allowed.') $Name)
    }
    if ($Commands.ContainsKey($Name)) {
        if ($null -ne $Commands[$Name]) { return $Commands[$Name] }
    }
    else {
        $Commands[$Name] = $null
        $found = Find-BulkPSCommand $Name $Caller
        if ($null -ne $found) {
            $known = $null
            try { $known = $found.Parameters } catch { $known = $null }
            $Commands[$Name] = @{ Info = $found; Parameters = $known; Approved = @{} }
            return $Commands[$Name]
        }
    }
    $message = "The term '$Name' is not recognized as a name of a cmdlet or function that this session offers. " +
        'Check the spelling, the roles of this account and whether the session is connected to Exchange.'
    throw [System.Management.Automation.ErrorRecord]::new(
        [System.Management.Automation.CommandNotFoundException]::new($message),
        'CommandNotFoundException', 'ObjectNotFound', $Name)
}

function Find-BulkPSCommand {
    # Returns the first function or cmdlet of that name that is visible, or nothing.
    param($Name, $Caller)

    $own = $Caller.MyInvocation.MyCommand
    $search = $Caller.SessionState.InvokeCommand
    $unrestricted = Test-BulkPSUnrestricted
    # If a trusted function called these, they would show commands that are hidden from the caller.
    if (-not $unrestricted -and ($Name -eq 'Get-Command' -or $Name -eq 'Get-Help')) { return }
    # A lookup by a trusted function also finds private commands, which a restricted session hides from its caller:
    # so check Visibility for each. GetCommands loads no module, GetCommand does.
    $candidates = @($search.GetCommands($Name, 'Function, Cmdlet', $false))
    if ($candidates.Count -eq 0 -and $unrestricted) {
        $candidates = @($search.GetCommand($Name, 'Function, Cmdlet'))
    }
    foreach ($found in $candidates) {
        if ($null -eq $found -or $found.Visibility -ne 'Public') { continue }
        # The lookup starts in this module: its own functions are not the caller's.
        if ($found.Name -eq $own.Name) { continue }
        if ($own.ModuleName -and $found.ModuleName -eq $own.ModuleName) { continue }
        return $found
    }
}

function Test-BulkPSUnrestricted {
    # Whether the caller could run any script anyway, so that a module may be loaded by naming one of its commands.
    # While a function of this module runs the language mode is its own; the session's is what it was made with.

    $made = [System.Management.Automation.Runspaces.Runspace]::DefaultRunspace.InitialSessionState
    return $null -ne $made -and $made.LanguageMode -eq 'FullLanguage'
}

function Assert-BulkPSParameter {
    # Throws for parameters that are no plain named values.
    param($Parameters, $Command)

    if ($Parameters -isnot [System.Collections.IDictionary]) {
        throw (New-BulkPSRefusal 'BulkPS.Parameters' 'The parameters must be a dictionary of values by name.')
    }
    # These set a variable of the name that they are given, in a scope of this module.
    $variables = 'OutVariable', 'OutBuffer', 'PipelineVariable', 'ErrorVariable', 'WarningVariable',
    'InformationVariable', 'ov', 'ob', 'pv', 'ev', 'wv', 'iv'
    foreach ($name in $Parameters.Keys) {
        $value = $Parameters[$name]
        # The items of a batch have the same parameters: each name is looked at once. A function call for
        # every plain value would cost more than the check.
        if ($Command.Approved.ContainsKey($name)) {
            if (-not ($null -eq $value -or $value -is [string] -or $value -is [System.ValueType])) {
                Assert-BulkPSPlain $value $name 0
            }
            continue
        }
        if ($name -isnot [string] -or $name -cnotmatch '\A[A-Za-z][A-Za-z0-9_-]*\z') {
            throw (New-BulkPSRefusal 'BulkPS.ParameterName' "'$name' is not the name of a parameter." $name)
        }
        $exact = $null -ne $Command.Parameters -and $Command.Parameters.ContainsKey($name)
        foreach ($variable in $variables) {
            # The binder takes the beginning of a name for the name.
            $begins = $variable.StartsWith($name, [System.StringComparison]::OrdinalIgnoreCase)
            if ($variable -eq $name -or ($begins -and -not $exact)) {
                throw (New-BulkPSRefusal 'BulkPS.ParameterName' "'$name' is not allowed in a batch." $name)
            }
        }
        Assert-BulkPSPlain $value $name 0
        $Command.Approved[$name] = $true
    }
}

function Assert-BulkPSPlain {
    # Throws if there is a script block in the value: data is never code.
    param($Value, $Name, $Depth)

    if ($null -eq $Value -or $Value -is [string] -or $Value -is [System.ValueType]) { return }
    if ($Value -is [scriptblock] -or $Depth -gt 8) {
        throw (New-BulkPSRefusal 'BulkPS.ParameterValue' (
                "The parameter '$Name' holds a script block or is nested too deeply.") $Name)
    }
    if ($Value -is [System.Collections.IDictionary]) { $Value = $Value.Values }
    if ($Value -is [System.Collections.IEnumerable]) {
        foreach ($one in $Value) { Assert-BulkPSPlain $one $Name ($Depth + 1) }
    }
}

function New-BulkPSRefusal {
    # Returns an error record of our own, to be thrown.
    param([string] $ErrorId, [string] $Message, $Target = $null, [string] $Category = 'InvalidArgument')

    [System.Management.Automation.ErrorRecord]::new(
        [System.InvalidOperationException]::new("${ErrorId}: $Message"), $ErrorId, $Category, $Target)
}

function ConvertTo-BulkPSError {
    # Returns what is to be known of an error record.
    param($Record)

    $inner = [System.Collections.ArrayList]::new()
    $cause = $Record.Exception.InnerException
    while ($null -ne $cause -and $inner.Count -lt 8) {
        $null = $inner.Add(@{ message = [string] $cause.Message; type = $cause.GetType().FullName })
        $cause = $cause.InnerException
    }
    @{
        # The record's text is that of its ErrorDetails, where it has some, else of its exception.
        message  = [string] $Record
        type     = $Record.Exception.GetType().FullName
        fqid     = [string] $Record.FullyQualifiedErrorId
        category = [string] $Record.CategoryInfo.Category
        reason   = [string] $Record.CategoryInfo.Reason
        target   = [string] $Record.CategoryInfo.TargetName
        inner    = $inner
    }
}

function ConvertTo-BulkPSRow {
    # Returns an output object as a dictionary of its wanted properties.
    param($Object, $Keep)

    if ($null -eq $Object) { return @{ Value = $null } }
    $type = $Object.GetType()
    if ($type.IsPrimitive -or $type.IsEnum -or $Object -is [string] -or $Object -is [guid] -or $Object -is [decimal] -or
        $Object -is [datetime] -or $Object -is [timespan] -or $Object -is [uri] -or $Object -is [version] -or
        $Object -is [System.DateTimeOffset] -or $Object -is [securestring] -or $Object -is [scriptblock] -or
        $Object -is [System.Collections.IEnumerable]) {
        return @{ Value = ConvertTo-BulkPSValue $Object 0 @() }
    }
    $properties = $Object.psobject.Properties
    $row = @{}
    if ($Keep.Count -gt 0) {
        foreach ($name in $Keep) {
            $property = $properties[[string] $name]
            if ($null -eq $property) { continue }
            try { $value = $property.Value } catch { $value = $null }
            # Most are text: a function call for each would cost more than the conversion.
            if ($value -is [string]) { $value = $value.ToString() }
            elseif ($null -ne $value) { $value = ConvertTo-BulkPSValue $value 0 @() }
            $row[[string] $name] = $value
        }
    }
    else {
        foreach ($property in $properties) {
            try { $value = $property.Value } catch { $value = $null }
            if ($null -ne $value) { $value = ConvertTo-BulkPSValue $value 0 @() }
            $row[$property.Name] = $value
        }
    }
    return $row
}

function ConvertTo-BulkPSValue {
    # Returns a value as text, bool, int, long, double, null, a list or a dictionary of those.
    param($Value, $Depth, $Parents)

    if ($null -eq $Value) { return $null }
    # The casts (and ToString) matter: a value that went through a pipeline may be wrapped, with note properties
    # attached to it, and would cross the wire as an object.
    if ($Value -is [string]) { return $Value.ToString() }
    if ($Value -is [bool]) { return [bool] $Value }
    if ($Value -is [int]) { return [int] $Value }
    if ($Value -is [long]) { return [long] $Value }
    if ($Value -is [double]) { return [double] $Value }
    $base = $Value
    # A dictionary may have a key of that name.
    if ($Value -isnot [System.Collections.IDictionary]) { $base = $Value.psobject.BaseObject }
    $invariant = [cultureinfo]::InvariantCulture
    if ($base -is [enum]) { return $base.ToString() }
    if ($base -is [guid]) { return $base.ToString('D') }
    if ($base -is [datetime]) {
        # A time that does not say of which zone it is, is taken as UTC: that is what Exchange gives.
        if ($base.Kind -eq 'Unspecified') { $base = [datetime]::SpecifyKind($base, 'Utc') }
        return [System.Xml.XmlConvert]::ToString($base.ToUniversalTime(), [System.Xml.XmlDateTimeSerializationMode]::Utc)
    }
    if ($base -is [System.DateTimeOffset]) { return [System.Xml.XmlConvert]::ToString($base.UtcDateTime, [System.Xml.XmlDateTimeSerializationMode]::Utc) }
    if ($base -is [timespan]) { return [System.Xml.XmlConvert]::ToString($base) }
    if ($base -is [byte] -or $base -is [sbyte] -or $base -is [int16] -or $base -is [uint16]) { return [int] $base }
    if ($base -is [uint32] -or ($base -is [uint64] -and $base -le [long]::MaxValue)) { return [long] $base }
    # By its text: widening 0.1 would make 0.10000000149 of it.
    if ($base -is [float]) { return [double]::Parse($base.ToString('R', $invariant), $invariant) }
    if ($base -is [decimal]) { return $base.ToString($invariant) }
    if ($base -is [securestring]) { return '***' }
    if ($base -is [byte[]]) { return [convert]::ToBase64String($base) }
    if ($base -is [System.Xml.XmlNode]) { return $base.OuterXml }

    $custom = $base -is [System.Management.Automation.PSCustomObject]
    if ($custom -and $Value.psobject.TypeNames[0] -like 'Deserialized.*') {
        # An object that came from another session brings the text that it had there.
        $text = [string] $Value
        if ($text -and -not $text.StartsWith('@{')) { return $text }
    }
    if (-not $custom -and $base -isnot [System.Collections.IEnumerable]) {
        # Sizes among them: "16.09 MB (16,873,043 bytes)".
        try { return [string] $Value } catch { return $base.GetType().FullName }
    }

    # An object can hold itself (ADObjectId.DomainId does).
    $holder = $base
    # The base of every custom object is the same one.
    if ($custom) { $holder = $Value }
    foreach ($parent in $Parents) {
        if ([object]::ReferenceEquals($parent, $holder)) { return $base.GetType().FullName }
    }
    if ($Depth -ge 4) { return $base.GetType().FullName }
    $Parents = @($Parents) + , $holder
    if ($custom -or $base -is [System.Collections.IDictionary]) {
        $made = @{}
        if ($custom) {
            foreach ($property in $Value.psobject.Properties) {
                try { $made[$property.Name] = ConvertTo-BulkPSValue $property.Value ($Depth + 1) $Parents }
                catch { continue }
            }
        }
        else {
            foreach ($entry in $base.GetEnumerator()) {
                $made[[string] $entry.Key] = ConvertTo-BulkPSValue $entry.Value ($Depth + 1) $Parents
            }
        }
        return $made
    }
    $list = [System.Collections.ArrayList]::new()
    foreach ($one in $base) { $null = $list.Add((ConvertTo-BulkPSValue $one ($Depth + 1) $Parents)) }
    return , $list
}
