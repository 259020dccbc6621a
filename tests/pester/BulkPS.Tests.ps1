# Invoke-BulkPSBatch in a full-language session, as an installed module and as text that was sent once.

BeforeAll { . "$PSScriptRoot/Sessions.ps1" }

Describe 'A batch, the module as <_>' -ForEach @('module', 'text') {
    BeforeAll { $session = New-Session $_ }
    AfterAll { $session.Dispose() }

    Context 'outcomes' {
        It 'has exactly the properties that bulkps reads' {
            $outcome = Invoke-Batch $session (Item Get-Thing @{ Identity = 'a' })

            $outcome.PSObject.Properties.Name | Should -Be 'id', 'state', 'output', 'errors', 'warnings', 'milliseconds'
            $outcome.id | Should -BeOfType string
            $outcome.state | Should -Be 'completed'
            $outcome.milliseconds | Should -BeOfType int
        }

        It 'writes one outcome per item, in order' {
            $outcomes = Invoke-Batch $session @(1..20 | ForEach-Object { Item Get-Thing @{ Identity = $_ } @('Name') "id$_" })

            $outcomes.id | Should -Be @(1..20 | ForEach-Object { "id$_" })
            $outcomes.output.Name | Should -Be @(1..20 | ForEach-Object { "$_" })
        }

        It 'has lists for none, one and several' {
            foreach ($count in 1, 3) {
                $outcome = Invoke-Batch $session (Item Get-Thing @{ Identity = 'a'; Count = $count })
                $outcome.output.GetType() | Should -Be ([System.Collections.ArrayList])
                $outcome.output.Count | Should -Be $count
            }
            $nothing = Invoke-Batch $session (Item Get-Nothing)
            foreach ($name in 'output', 'errors', 'warnings') {
                $nothing.$name.GetType() | Should -Be ([System.Collections.ArrayList])
                $nothing.$name.Count | Should -Be 0
            }
            # The same list twice would be a reference on the wire.
            [object]::ReferenceEquals($nothing.output, $nothing.errors) | Should -BeFalse
        }

        It 'takes no items' {
            Invoke-Batch $session @() | Should -BeNullOrEmpty
        }

        It 'keeps the properties asked for, by the names asked with' {
            $outcome = Invoke-Batch $session (Item Get-Thing @{ Identity = 'a' } @('NAME', 'number', 'Missing'))

            $outcome.output[0].Keys | Sort-Object | Should -Be 'NAME', 'number'
            $outcome.output[0]['number'] | Should -Be 1
        }

        It 'keeps all without keep' {
            (Invoke-Batch $session @{ id = 1; cmdlet = 'Get-Thing'; parameters = @{ Identity = 'a' } }).output[0].Keys |
                Sort-Object | Should -Be 'Name', 'Number', 'Other'
        }

        It 'hands values over as they are' {
            $secret = ConvertTo-SecureString 'x' -AsPlainText -Force
            $list = [System.Collections.ArrayList] @('a', 'b')
            $values = 'text; $(boom) ''"', $true, 5, 5000000000, 1.5, $secret, $list, @{ a = 1 }, $null
            $types = Invoke-Batch $session @($values | ForEach-Object { Item Get-Echo @{ Value = $_ } } | Select-Object -First 6)

            $types.output.Type | Should -Be 'System.String', 'System.Boolean', 'System.Int32', 'System.Int64', 'System.Double',
            'System.Security.SecureString'
            $types[0].output[0].Text | Should -Be 'text; $(boom) ''"'
            (Invoke-Batch $session (Item Get-Echo @{ Value = $list })).output[0].Type | Should -Be 'System.Collections.ArrayList'
            (Invoke-Batch $session (Item Get-Echo @{ Value = @{ a = 1 } })).output[0].Type | Should -Be 'System.Collections.Hashtable'
            (Invoke-Batch $session (Item Get-Echo @{ Value = $null })).output[0].Type | Should -Be ''
        }
    }

    Context 'errors' {
        It 'has every non-terminating error, in order, and goes on' {
            $outcome = Invoke-Batch $session (Item Write-Two)

            $outcome.state | Should -Be 'completed'
            $outcome.errors.message | Should -Be 'first', 'second'
            $outcome.output.Value | Should -Be 'between', 'end'
            $outcome.warnings | Should -Be 'careful'
            $first = $outcome.errors[0]
            $first.Keys | Sort-Object | Should -Be 'category', 'fqid', 'inner', 'message', 'reason', 'target', 'type'
            $first.fqid | Should -Be 'One,Write-Two'
            $first.category | Should -Be 'LimitsExceeded'
            $first.target | Should -Be 'the target'
            $first.reason | Should -Be 'WriteErrorException'
            $first.type | Should -Be 'Microsoft.PowerShell.Commands.WriteErrorException'
        }

        It 'lets nothing reach the streams of the batch' {
            $null = Invoke-Batch $session @((Item Write-Two), (Item Stop-Midway), (Item Write-Noise), (Item Get-Nope))

            $Streams.GetEnumerator() | Where-Object Value -ne 0 | ForEach-Object { "$($_.Key) $($_.Value)" } | Should -BeNullOrEmpty
        }

        It 'keeps what came before a terminating error' {
            $outcome = Invoke-Batch $session (Item Stop-Midway)

            $outcome.state | Should -Be 'failed'
            $outcome.errors.message | Should -Be 'first', 'the end'
            $outcome.output.Value | Should -Be 'out'
            $outcome.warnings | Should -Be 'careful'
        }

        It 'goes on with the next item' {
            $outcomes = Invoke-Batch $session @((Item Stop-Midway), (Item Get-Nope), (Item Get-Thing @{ Identity = 'a' }))

            $outcomes.state | Should -Be 'failed', 'failed', 'completed'
        }

        It 'has inner exceptions with their types' {
            $found = (Invoke-Batch $session (Item Stop-Chain)).errors[0]

            $found.type | Should -Be 'System.InvalidOperationException'
            $found.inner.message | Should -Be 'middle', 'inner'
            $found.inner.type | Should -Be 'System.ArgumentException', 'System.FormatException'
        }

        It 'shows the text that people know' {
            (Invoke-Batch $session (Item Write-Detailed)).errors[0].message | Should -Be 'said so'
        }

        It 'has an error once with -ErrorAction Stop, <cmdlet>' -ForEach @(
            @{ cmdlet = 'Write-Two'; parameters = @{}; message = 'first' }
            @{ cmdlet = 'Get-Item'; parameters = @{ LiteralPath = '/no/such' }; message = 'Cannot find path*' }
        ) {
            $outcome = Invoke-Batch $session (Item $cmdlet ($parameters + @{ ErrorAction = 'Stop' }))

            $outcome.state | Should -Be 'failed'
            $outcome.errors.Count | Should -Be 1
            $outcome.errors[0].message | Should -BeLike $message
        }

        It 'has an error once that is written and then thrown' {
            $outcome = Invoke-Batch $session (Item Stop-Again)

            $outcome.state | Should -Be 'failed'
            $outcome.errors.message | Should -Be 'told twice'
        }

        It 'says that <what>' -ForEach @(
            @{ what = 'a parameter is unknown'; cmdlet = 'Get-Thing'; parameters = @{ Nope = 1 }
                fqid = 'NamedParameterNotFound,Get-Thing'
            }
            @{ what = 'a mandatory one is missing'; cmdlet = 'Get-Thing'; parameters = @{}
                fqid = 'MissingMandatoryParameter,Get-Thing'
            }
            @{ what = 'a value does not fit'; cmdlet = 'Get-Thing'; parameters = @{ Identity = 1; Count = 'many' }
                fqid = 'ParameterArgumentTransformationError,Get-Thing'
            }
            @{ what = 'a cmdlet does not exist'; cmdlet = 'Get-Nope'; parameters = @{}
                fqid = 'CommandNotFoundException'
            }
            @{ what = 'a prompt cannot be answered'; cmdlet = 'Read-Answer'; parameters = @{}
                fqid = '*Microsoft.PowerShell.Commands.ReadHostCommand'
            }
            @{ what = 'a confirmation cannot be given'; cmdlet = 'Remove-Much'; parameters = @{}
                fqid = '*,Remove-Much'
            }
        ) {
            $outcomes = Invoke-Batch $session @((Item $cmdlet $parameters), (Item Get-Nothing))

            $outcomes.state | Should -Be 'failed', 'completed'
            $outcomes[0].errors.Count | Should -Be 1
            $outcomes[0].errors[0].fqid | Should -BeLike $fqid
        }
    }

    Context 'escapes' {
        It 'survives <_>' -ForEach @('Skip-Break', 'Skip-Continue', 'Skip-Label', 'Skip-Exit') {
            $outcomes = Invoke-Batch $session @((Item $_), (Item Get-Nothing))

            $outcomes.state | Should -Be 'failed', 'completed'
            $outcomes[0].errors.fqid | Should -Be 'BulkPS.Escape'
        }

        It 'keeps what came before it' {
            (Invoke-Batch $session (Item Skip-After)).output.Value | Should -Be 'written'
        }
    }

    Context 'patterns' {
        It 'runs nothing behind an error that matches one, as <_>' -ForEach @('first', 'WriteErrorException', '(?i:ONE,write-two)') {
            $outcomes = Invoke-Batch $session @((Item Write-Two), (Item Get-Nothing), (Item Write-Two)) @{ Until = 'nothing', '(', $_ }

            $outcomes.state | Should -Be 'completed', 'not-run', 'not-run'
        }

        It 'goes on where none matches' {
            (Invoke-Batch $session @((Item Write-Two), (Item Get-Nothing)) @{ Until = 'careful', '(' }).state | Should -Be 'completed', 'completed'
        }

        It 'tries one that does not end once, and shortly' {
            $null = Invoke-In $session 'function Write-Long { [CmdletBinding()] param() Write-Error ("a" * 3000 + "!") }'
            $clock = [System.Diagnostics.Stopwatch]::StartNew()

            $outcomes = Invoke-Batch $session @(1..20 | ForEach-Object { Item Write-Long }) @{ Until = '(a+)+$', '(a|aa)+$', '(a|a?)+$' }

            $outcomes.state | Select-Object -Unique | Should -Be 'completed'
            $clock.Elapsed.TotalSeconds | Should -BeLessThan 30
        }

        It 'searches not more than the beginning of an error' {
            $null = Invoke-In $session 'function Write-Far { [CmdletBinding()] param() Write-Error ("a" * 5000 + "far") }'

            (Invoke-Batch $session @((Item Write-Far), (Item Get-Nothing)) @{ Until = 'far' }).state | Should -Be 'completed', 'completed'
        }

        It 'takes no <what>' -ForEach @(
            @{ what = 'more than a hundred'; until = @('a') * 101 }
            @{ what = 'one that is too long'; until = @('a' * 4001) }
        ) {
            { Invoke-Batch $session (Item Get-Nothing) @{ Until = $until } } | Should -Throw -ExpectedMessage "*'Until'*"
        }
    }

    Context 'time' {
        It 'begins nothing when there is none: <_>' -ForEach @(0, -1, [double]::NaN) {
            $outcomes = Invoke-Batch $session @((Item Get-Nothing @{} @() 'a'), (Item Get-Nothing @{} @() 'b'), 5) @{ Within = $_ }

            $outcomes.state | Should -Be 'not-run', 'not-run', 'not-run'
            $outcomes.id | Should -Be 'a', 'b', ''
            $outcomes.errors.Count | Should -Be 0
        }

        It 'lets what was begun end, and begins nothing behind it' {
            $outcomes = Invoke-Batch $session @((Item Wait-Little), (Item Get-Nothing), (Item Get-Nothing)) @{ Within = 0.5 }

            $outcomes.state | Should -Be 'completed', 'not-run', 'not-run'
            $outcomes[0].output.Value | Should -Be 'waited'
        }

        It 'looks again when a module was loaded for the command' {
            $folder = Join-Path ([System.IO.Path]::GetTempPath()) ([guid]::NewGuid())
            $null = New-Item -ItemType Directory -Path "$folder/SlowToLoad"
            Set-Content "$folder/SlowToLoad/SlowToLoad.psm1" 'Start-Sleep -Milliseconds 600; function Get-SlowToLoad { "ran" }'
            New-ModuleManifest "$folder/SlowToLoad/SlowToLoad.psd1" -RootModule SlowToLoad.psm1 -FunctionsToExport Get-SlowToLoad
            $before = $env:PSModulePath
            $env:PSModulePath = $folder + [System.IO.Path]::PathSeparator + $before
            try { $outcome = Invoke-Batch $session (Item Get-SlowToLoad) @{ Within = 0.5 } }
            finally { $env:PSModulePath = $before; Remove-Item -Recurse $folder }

            $outcome.state | Should -Be 'not-run'
        }

        It 'is enough' {
            (Invoke-Batch $session @((Item Get-Nothing), (Item Get-Nothing)) @{ Within = 60 }).state | Should -Be 'completed', 'completed'
        }
    }

    Context 'the session around it' {
        It 'is not changed by a batch, nor changes what is sent' {
            $null = Invoke-In $session @'
$global:ErrorActionPreference = 'SilentlyContinue'; $global:WarningPreference = 'SilentlyContinue'
$global:ProgressPreference = 'Continue'; $global:VerbosePreference = 'Continue'
$global:PSDefaultParameterValues = @{ '*:Value' = 'planted'; 'Write-Two:ErrorAction' = 'Ignore' }
Import-Module -Global (New-Module -Name Proxies {
    function Write-Proxied { [CmdletBinding()] param() Write-Error 'of a module'; Write-Warning 'of a module' }
})
$global:before = @((Get-Variable -Scope Global).Name) + 'before'
'@
            $outcomes = Invoke-Batch $session @((Item Write-Proxied), (Item Write-Two), (Item Get-Echo), (Item Stop-Midway))

            $outcomes[0].errors.message | Should -Be 'of a module'
            $outcomes[0].warnings | Should -Be 'of a module'
            $outcomes[1].errors.Count | Should -Be 2
            $outcomes[2].output[0].Text | Should -Be ''
            Invoke-In $session @'
$ErrorActionPreference, $WarningPreference, $ProgressPreference, $VerbosePreference, $PSDefaultParameterValues.Count
'@ | Should -Be 'SilentlyContinue', 'SilentlyContinue', 'Continue', 'Continue', 2
            Invoke-In $session '(Get-Variable -Scope Global).Name | Where-Object { $_ -notin $before }' | Should -BeNullOrEmpty
            $null = Invoke-In $session @'
$global:ErrorActionPreference = $global:WarningPreference = 'Continue'; $global:VerbosePreference = 'SilentlyContinue'
$global:PSDefaultParameterValues = @{}
'@
        }

        It 'may be strict' {
            $null = Invoke-In $session 'Set-StrictMode -Version Latest'
            try { $outcomes = Invoke-Batch $session @((Item Write-Two), @{}, @{ id = 1; cmdlet = 'Get-Nothing' }, 5) }
            finally { $null = Invoke-In $session 'Set-StrictMode -Off' }

            $outcomes.state | Should -Be 'completed', 'failed', 'completed', 'failed'
            $outcomes[1].errors.fqid | Should -Be 'BulkPS.CommandName'
            $outcomes[3].errors.fqid | Should -Be 'BulkPS.Item'
        }
    }

    It 'streams, and when it is stopped keeps what was written and nothing more' {
        $null = Invoke-In $session '$global:ErrorActionPreference = "SilentlyContinue"'
        $shell = [powershell]::Create()
        $shell.Runspace = $session
        $null = $shell.AddCommand('Invoke-BulkPSBatch').AddParameter('Items', @((Item Get-Nothing), (Item Wait-Long), (Item Get-Nothing)))
        $output = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $none = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $none.Complete()
        $started = $shell.BeginInvoke($none, $output)
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while ($output.Count -eq 0 -and $clock.ElapsedMilliseconds -lt 10000) { [System.Threading.Thread]::Sleep(5) }

        $started.IsCompleted | Should -BeFalse
        $output[0].id | Should -Be 'Get-Nothing'
        $shell.Stop()

        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $output.Count | Should -Be 1
        $clock.ElapsedMilliseconds | Should -BeLessThan 10000
        $shell.Dispose()
        Invoke-In $session '"$global:ErrorActionPreference"' | Should -Be 'SilentlyContinue'
        $null = Invoke-In $session '$global:ErrorActionPreference = "Continue"'
        (Invoke-Batch $session (Item Get-Nothing)).state | Should -Be 'completed'
    }

    Context 'what it refuses' {
        It 'runs nothing by the name <_>' -ForEach @(
            '', ' ', '*', 'Get-Th*', 'Get-Thing;Get-Thing', '{ Get-Thing }', './x.ps1', '/bin/ls', 'C:\x.exe',
            'Microsoft.PowerShell.Utility\Get-Date', '& Get-Thing', '$x', "Get-Thing`n", 'function:Get-Thing', '-x', '.', ('Get-Thin' + [char] 0x261)
        ) {
            $outcome = Invoke-Batch $session (Item $_ @{ Identity = 'a' })

            $outcome.state | Should -Be 'failed'
            $outcome.errors.fqid | Should -Be 'BulkPS.CommandName'
        }

        It 'runs no <_>' -ForEach @('ls', 'pwsh', 'dotnet', 'gci', 'Invoke-BulkPSBatch') {
            # Native programs, aliases, and itself.
            (Invoke-Batch $session (Item $_)).errors.fqid | Should -Be 'CommandNotFoundException'
        }

        It 'runs no script block as a cmdlet' {
            $outcome = Invoke-Batch $session @{ id = 1; cmdlet = { 'ran' }; parameters = @{} }

            $outcome.errors.fqid | Should -Be 'BulkPS.CommandName'
            $outcome.output.Count | Should -Be 0
        }

        It 'takes no parameter <name>' -ForEach @(
            @{ name = 'OutVariable' }, @{ name = 'outv' }, @{ name = 'ov' }, @{ name = 'PipelineVariable' }, @{ name = 'ErrorVar' }
            @{ name = 'iv' }, @{ name = 'a b' }, @{ name = 'A:' }, @{ name = '-A' }, @{ name = '' }
        ) {
            (Invoke-Batch $session (Item Get-Nothing @{ $name = 'invoked' })).errors.fqid | Should -Be 'BulkPS.ParameterName'
        }

        It 'takes no script block in a value' {
            foreach ($value in { 1 }, @{ a = { 1 } }, @(1, @({ 1 }))) {
                (Invoke-Batch $session (Item Get-Echo @{ Value = $value })).errors.fqid | Should -Be 'BulkPS.ParameterValue'
            }
        }

        It 'takes no list of parameters' {
            (Invoke-Batch $session @{ id = 1; cmdlet = 'Get-Echo'; parameters = @('a') }).errors.fqid | Should -Be 'BulkPS.Parameters'
        }
    }

    It 'loads a module by the name of its command, where any script may be run' {
        (Invoke-Batch $session (Item Get-FileHash @{ LiteralPath = $PSCommandPath } @('Algorithm'))).output[0].Algorithm | Should -Be 'SHA256'
    }
}

Describe 'A value' {
    BeforeAll {
        $session = New-Session 'module'
        $null = Invoke-In $session @'
function Get-Value { param([string] $Script) [pscustomobject]@{ V = & ([scriptblock]::Create($Script)) } }
class Size { [long] $Bytes; Size([long] $b) { $this.Bytes = $b } [string] ToString() { return '16.09 MB (16,873,043 bytes)' } }
function Get-Deserialized {
    $made = [pscustomobject]@{ DistinguishedName = 'x' }
    $made.PSObject.TypeNames.Insert(0, 'Deserialized.Microsoft.Exchange.Data.Directory.ADObjectId')
    $made | Add-Member ScriptMethod ToString { 'contoso/x' } -Force -PassThru
}
class Failing { hidden [int] $x; [string] ToString() { throw 'no text' } }
'@
        function Convert([string] $Script) {
            , (Invoke-Batch $session (Item Get-Value @{ Script = $Script } @('V'))).output[0]['V']
        }
    }
    AfterAll { $session.Dispose() }

    It 'becomes <expected>: <script>' -ForEach @(
        @{ script = '[guid]"AAAAAAAA-0000-0000-0000-000000000001"'; expected = 'aaaaaaaa-0000-0000-0000-000000000001' }
        @{ script = '[datetime]::SpecifyKind([datetime]"2024-02-03T04:05:06.1234567", "Utc")'; expected = '2024-02-03T04:05:06.1234567Z' }
        @{ script = '[datetime]::SpecifyKind([datetime]"2024-02-03T04:05:06", "Unspecified")'; expected = '2024-02-03T04:05:06Z' }
        @{ script = '[datetimeoffset]"2024-02-03T04:05:06+02:00"'; expected = '2024-02-03T02:05:06Z' }
        @{ script = '[timespan]"1.02:03:04.5"'; expected = 'P1DT2H3M4.5S' }
        @{ script = '[System.DayOfWeek]::Friday'; expected = 'Friday' }
        @{ script = '[System.IO.FileAttributes]"Hidden, System"'; expected = 'Hidden, System' }
        @{ script = '[uri]"https://a.example/b?c=d"'; expected = 'https://a.example/b?c=d' }
        @{ script = '[version]"1.2.3"'; expected = '1.2.3' }
        @{ script = '[Size]::new(16873043)'; expected = '16.09 MB (16,873,043 bytes)' }
        @{ script = '[Failing]::new()'; expected = 'Failing' }
        @{ script = '[decimal]::Parse("1.50", [cultureinfo]::InvariantCulture)'; expected = '1.50' }
        @{ script = '[uint64]::MaxValue'; expected = '18446744073709551615' }
        @{ script = '[char]"x"'; expected = 'x' }
        @{ script = 'ConvertTo-SecureString x -AsPlainText -Force'; expected = '***' }
        @{ script = ', [byte[]] (1, 2)'; expected = 'AQI=' }
        @{ script = '{ 1 }'; expected = ' 1 ' }
        @{ script = '[ipaddress]"127.0.0.1"'; expected = '127.0.0.1' }
        @{ script = '"a" | Add-Member note 1 -PassThru'; expected = 'a' }
        @{ script = 'Get-Deserialized'; expected = 'contoso/x' }
    ) {
        $value = Convert $script

        $value | Should -BeExactly $expected
        $value | Should -BeOfType string
        $value.PSObject.Properties.Name | Should -Be 'Length'
    }

    It 'stays as it is: <script>' -ForEach @(
        @{ script = '$true'; type = [bool]; expected = $true }
        @{ script = '[int] 7'; type = [int]; expected = 7 }
        @{ script = '[byte] 7'; type = [int]; expected = 7 }
        @{ script = '[uint32]::MaxValue'; type = [long]; expected = 4294967295 }
        @{ script = '[long] 5000000000'; type = [long]; expected = 5000000000 }
        @{ script = '0.1'; type = [double]; expected = 0.1 }
        @{ script = '[float] 0.1'; type = [double]; expected = 0.1 }
        @{ script = '"text"'; type = [string]; expected = 'text' }
    ) {
        $value = Convert $script

        $value | Should -BeExactly $expected
        $value.GetType() | Should -Be $type
    }

    It 'may be null' {
        $row = (Invoke-Batch $session (Item Get-Value @{ Script = '$null' } @('V'))).output[0]

        $row.ContainsKey('V') | Should -BeTrue
        $row['V'] | Should -BeNullOrEmpty
    }

    It 'may be a list of none, one or several, of whatever kind' {
        foreach ($script in ', @()', ', @(1)', ', @(1, "a", $null)', ', [System.Collections.Generic.List[int]] (1, 2)', ', @(, @(1, 2))') {
            (Convert $script).GetType() | Should -Be ([System.Collections.ArrayList])
        }
        (Convert ', @([guid]::Empty)')[0] | Should -Be '00000000-0000-0000-0000-000000000000'
        (Convert ', @(, @(1, 2))')[0].Count | Should -Be 2
    }

    It 'may be an object of properties, to a depth of four' {
        $value = Convert '@{ a = @{ b = [pscustomobject]@{ c = @{ d = @{ e = 1 } } } }; day = [System.DayOfWeek]::Friday }'

        $value['day'] | Should -Be 'Friday'
        $value['a']['b']['c'] | Should -BeOfType hashtable
        $value['a']['b']['c']['d'] | Should -BeOfType string
    }

    It 'may hold itself' {
        (Convert '$o = [pscustomobject]@{ x = 1 }; $o | Add-Member me $o; $o')['me'] | Should -BeOfType string
        (Convert '$l = [System.Collections.ArrayList] @(); $null = $l.Add($l); , $l')[0] | Should -BeOfType string
        (Convert '$h = @{}; $h.me = $h; $h')['me'] | Should -BeOfType string
    }

    It 'is null if it cannot be read' {
        $null = Invoke-In $session 'function Get-Broken { [pscustomobject]@{ Good = 1 } | Add-Member ScriptProperty Bad { throw "no" } -PassThru }'

        $row = (Invoke-Batch $session (Item Get-Broken)).output[0]
        $row['Good'] | Should -Be 1
        $row['Bad'] | Should -BeNullOrEmpty
    }

    It 'that is the whole output is under Value' {
        $null = Invoke-In $session 'function Get-Plain { "a"; 5; $null; [System.DayOfWeek]::Monday; @{ k = 1 } }'
        $output = (Invoke-Batch $session (Item Get-Plain @{} @('Ignored'))).output

        $output[0]['Value'] | Should -Be 'a'
        $output[1]['Value'] | Should -Be 5
        $output[2].ContainsKey('Value') | Should -BeTrue
        $output[3]['Value'] | Should -Be 'Monday'
        $output[4]['Value']['k'] | Should -Be 1
    }
}

Describe 'The module' {
    It 'has a sound manifest and exports two functions' {
        $found = Test-ModuleManifest (Join-Path $Module 'BulkPS.psd1')

        $found.ExportedFunctions.Keys | Sort-Object | Should -Be 'Invoke-BulkPSBatch', 'Select-BulkPSProperty'
        $found.Version | Should -Be '0.1.0'
    }

    It 'has help with examples' {
        $session = New-Session 'module'
        $help = Invoke-In $session 'Get-Help Invoke-BulkPSBatch -Full'
        $session.Dispose()

        $help.Synopsis | Should -BeLike 'Runs a list*'
        @($help.examples.example).Count | Should -Be 2
        $help.parameters.parameter.name | Should -Contain 'Items'
    }

    It 'is in the syntax of Windows PowerShell 5.1 and ASCII: <_>' -ForEach @(
        'BulkPS/BulkPS.psm1', 'BulkPS/BulkPS.psd1', 'JEA/BulkPS.pssc', 'JEA/RoleCapabilities/BulkPS.psrc', 'JEA/Connect-Exchange.ps1',
        'JEA/Register-BulkPSEndpoint.ps1'
    ) {
        $path = Join-Path $Root 'scripts' $_
        $problems = $null
        $tokens = $null
        $tree = [System.Management.Automation.Language.Parser]::ParseFile($path, [ref] $tokens, [ref] $problems)

        $problems | Should -BeNullOrEmpty
        [System.IO.File]::ReadAllText($path) | Should -Match '\A[\x00-\x7F]*\z'
        # What 7 has and 5.1 does not.
        $tokens.Kind | Should -Not -BeIn 'QuestionMark', 'QuestionDot', 'QuestionLBracket', 'QuestionQuestion',
        'QuestionQuestionEquals', 'AndAnd', 'OrOr', 'Clean'
        $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.TernaryExpressionAst] }, $true) | Should -BeNullOrEmpty
    }

    It 'has nothing but functions at its top level, so that its text can be sent, and calls no cmdlet of the session' {
        $tree = [System.Management.Automation.Language.Parser]::ParseFile((Join-Path $Module 'BulkPS.psm1'), [ref] $null, [ref] $null)
        $functions = $tree.EndBlock.Statements

        $functions | Should -BeOfType System.Management.Automation.Language.FunctionDefinitionAst
        $called = $tree.FindAll({ $args[0] -is [System.Management.Automation.Language.CommandAst] }, $true) | ForEach-Object GetCommandName |
            Where-Object { $_ }
        $called | Where-Object { $_ -notin $functions.Name } | Should -BeNullOrEmpty
    }
}
