# What the tests share: sessions like those that bulkps opens. A test never calls the module in Pester's own session,
# where the functions of a test are not those of the session.

$script:Root = (Resolve-Path (Join-Path $PSScriptRoot '..' '..')).Path
# Plain texts: a session configuration file takes no wrapped one.
$script:Module = "$Root/scripts/BulkPS"
$script:Jea = "$Root/scripts/JEA"

# Commands that misbehave in every way that a cmdlet can.
$script:Commands = @'
function Get-Nothing { [CmdletBinding()] param($A) }
function Get-Echo {
    [CmdletBinding()] param($Value)
    [pscustomobject]@{ Type = "$(if ($null -ne $Value) { $Value.GetType().FullName })"; Text = "$Value" }
}
function Get-Thing {
    [CmdletBinding()] param([Parameter(Mandatory)] $Identity, [int] $Count = 1)
    foreach ($i in 1..$Count) { [pscustomobject]@{ Name = "$Identity"; Number = $i; Other = 'x' } }
}
function Write-Two {
    [CmdletBinding()] param()
    Write-Error 'first' -ErrorId One -Category LimitsExceeded -TargetObject 'the target'
    Write-Warning 'careful'
    'between'
    Write-Error 'second'
    'end'
}
function Stop-Midway { [CmdletBinding()] param() Write-Error 'first'; 'out'; Write-Warning 'careful'; throw 'the end' }
function Stop-Again { [CmdletBinding()] param() try { throw 'told twice' } catch { $PSCmdlet.WriteError($_); throw } }
function Stop-Chain {
    $middle = [System.ArgumentException]::new('middle', [System.FormatException]::new('inner'))
    throw [System.InvalidOperationException]::new('outer', $middle)
}
function Write-Detailed {
    [CmdletBinding()] param()
    $record = [System.Management.Automation.ErrorRecord]::new([System.Exception]::new('bare'), 'Id', 'NotSpecified', $null)
    $record.ErrorDetails = 'said so'
    $PSCmdlet.WriteError($record)
}
function Write-Noise {
    [CmdletBinding()] param()
    Write-Host 'noise'
    Write-Verbose v -Verbose
    Write-Debug d -Debug
    Write-Information i -InformationAction Continue
    Write-Progress p
    'kept'
}
function Skip-Break { break }
function Skip-Continue { continue }
function Skip-Label { break outer }
function Skip-Exit { exit 3 }
function Skip-After { 'written'; continue }
function Read-Answer { Read-Host 'who' }
function Remove-Much {
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')] param()
    if ($PSCmdlet.ShouldProcess('all')) { 'done' }
}
function Wait-Long { Start-Sleep -Seconds 60 }
function Wait-Little { Start-Sleep -Milliseconds 600; 'waited' }
'@

function New-Session {
    # Returns an open runspace: 'module' imports the module, 'text' runs its text.
    param([string] $How)

    $runspace = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault2())
    $runspace.Open()
    if ($How -eq 'module') { $null = Invoke-In $runspace "Import-Module '$Module'" }
    else { $null = Invoke-In $runspace ". ([scriptblock]::Create([System.IO.File]::ReadAllText('$Module/BulkPS.psm1')))" }
    $null = Invoke-In $runspace $Commands
    $runspace
}

function Invoke-In {
    # Runs script text in a session and returns its output.
    param($Runspace, [string] $Script)

    $shell = [powershell]::Create()
    $shell.Runspace = $Runspace
    try {
        $output = $shell.AddScript($Script).Invoke()
        if ($shell.HadErrors -and $shell.Streams.Error.Count) { throw $shell.Streams.Error[0] }
        $output
    }
    finally { $shell.Dispose() }
}

function Invoke-Batch {
    # Runs items in a session as bulkps does, and returns the outcomes; what reached the streams is in $Streams.
    param($Runspace, [object[]] $Items, [hashtable] $Further = @{})

    $shell = [powershell]::Create()
    $shell.Runspace = $Runspace
    try {
        $output = $shell.AddCommand('Invoke-BulkPSBatch').AddParameter('Items', $Items).AddParameters($Further).Invoke()
        $script:Streams = @{ Errors = $shell.Streams.Error.Count; Warnings = $shell.Streams.Warning.Count
            Progress = $shell.Streams.Progress.Count; Verbose = $shell.Streams.Verbose.Count
            Information = $shell.Streams.Information.Count
        }
        $output
    }
    finally { $shell.Dispose() }
}

function Item {
    param([string] $Cmdlet, [hashtable] $Parameters = @{}, [string[]] $Keep = @(), [string] $Id = $Cmdlet)

    @{ id = $Id; cmdlet = $Cmdlet; parameters = $Parameters; keep = $Keep }
}

function Open-Child {
    # Returns an open runspace in a child pwsh -s under a session configuration, over the real remoting protocol.
    param([string] $Configuration)

    if (-not $env:BULKPS_TEST_PWSH) { throw 'BULKPS_TEST_PWSH must name the engine; tests/test_pester.py sets it.' }
    $instance = [System.Management.Automation.Runspaces.PowerShellProcessInstance]::new()
    $instance.Process.StartInfo.FileName = $env:BULKPS_TEST_PWSH
    $arguments = $instance.Process.StartInfo.ArgumentList
    $arguments.Clear()
    foreach ($one in '-s', '-NoProfile', '-NoLogo', '-ConfigurationFile', $Configuration) { $arguments.Add($one) }
    $runspace = [runspacefactory]::CreateOutOfProcessRunspace($null, $instance)
    $runspace.Open()
    $runspace
}
