# Invoke-BulkPSBatch in sessions that offer only some commands, and the files of the JEA endpoint.

BeforeAll {
    . "$PSScriptRoot/Sessions.ps1"

    # A module with a hidden command beside a visible one, and one that lies about, not imported.
    $folder = Join-Path $TestDrive 'modules'
    foreach ($name in 'Shop', 'Lying') { $null = New-Item -ItemType Directory -Force (Join-Path $folder $name) }
    Set-Content (Join-Path $folder 'Shop/Shop.psm1') @'
function Get-Ware { [CmdletBinding()] param($Name) [pscustomobject]@{ Name = $Name; Price = 3 } }
function Remove-Ware { [CmdletBinding()] param($Name) "removed $Name" }
function Get-Worn { [CmdletBinding()] param() Write-Error 'worn'; Write-Warning 'careful'; Get-Hidden }
function Get-Hidden { 'from inside' }
'@
    $loaded = Join-Path $TestDrive 'loaded'
    Set-Content (Join-Path $folder 'Lying/Lying.psm1') "Set-Content '$loaded' 1; function Get-Lying { 'loaded' }"
    $saved = $env:PSModulePath
    $env:PSModulePath = $folder + [System.IO.Path]::PathSeparator + $env:PSModulePath
}

AfterAll { $env:PSModulePath = $saved }

Describe 'A no-language session, <_>' -ForEach @('in this process', 'in a child') {
    BeforeAll {
        $path = Join-Path $TestDrive 'restricted.pssc'
        $offer = @{
            ModulesToImport = $Module, "$folder/Shop"; VisibleFunctions = 'Invoke-BulkPSBatch', 'Get-Ware', 'Get-Worn'
            VisibleCmdlets = @{ Name = 'Get-Date'; Parameters = @{ Name = 'Year' } }
        }
        New-PSSessionConfigurationFile -Path $path -SessionType RestrictedRemoteServer -LanguageMode NoLanguage @offer
        if ($_ -eq 'in a child') { $session = Open-Child $path }
        else {
            $session = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateFromSessionConfigurationFile($path))
            $session.Open()
        }
    }
    AfterAll { if ($session) { $session.Dispose() } }

    It 'takes no script text, and batches' {
        { Invoke-In $session '1 + 1' } | Should -Throw
        $outcomes = Invoke-Batch $session @((Item Get-Ware @{ Name = 'a' } @('Price')), (Item Get-Worn))

        $outcomes.state | Should -Be 'completed', 'completed'
        $outcomes[0].output[0]['Price'] | Should -Be 3
        $outcomes[1].errors[0].fqid | Should -Be 'Microsoft.PowerShell.Commands.WriteErrorException,Get-Worn'
        $outcomes[1].warnings | Should -Be 'careful'
        $outcomes[1].output[0]['Value'] | Should -Be 'from inside'
    }

    It 'takes the parameters that are offered and no other' {
        $outcomes = Invoke-Batch $session @((Item Get-Date @{ Year = 2020 }), (Item Get-Date @{ Month = 1 }))

        $outcomes[0].output[0]['Value'] | Should -BeLike '2020-*Z'
        $outcomes[1].errors[0].fqid | Should -Be 'NamedParameterNotFound,Get-Date'
    }

    It 'runs no <_>, which it does not offer' -ForEach @(
        'Remove-Ware', 'Get-Hidden', 'Invoke-Expression', 'Invoke-Command', 'Get-Process', 'Import-Module', 'Set-Variable', 'Get-Lying', 'pwsh',
        'Invoke-BulkPSBatch', 'ConvertTo-BulkPSValue', 'Invoke-BulkPSItem', 'Get-Command', 'Get-Help', 'Get-FileHash', 'Test-Path'
    ) {
        $outcome = Invoke-Batch $session (Item $_)

        $outcome.state | Should -Be 'failed'
        $outcome.errors[0].fqid | Should -Be 'CommandNotFoundException'
        $outcome.output.Count | Should -Be 0
    }

    It 'loads no module by the name of its command' {
        $null = Invoke-Batch $session (Item Get-Lying)

        Test-Path $loaded | Should -BeFalse
    }

    It 'runs no <_> by another name either' -ForEach @('Shop\Remove-Ware', 'Remove-W*', 'function:Remove-Ware') {
        (Invoke-Batch $session (Item $_ @{ Name = 'a' })).errors[0].fqid | Should -Be 'BulkPS.CommandName'
    }

    It 'is not opened by a variable of the module' {
        # What would set $command or $commands inside the function, and make it run what it holds.
        foreach ($name in 'OutVariable', 'PipelineVariable', 'ErrorVariable') {
            $outcomes = Invoke-Batch $session @((Item Get-Ware @{ Name = 'a'; $name = 'commands' }), (Item Remove-Ware))
            $outcomes.state | Should -Be 'failed', 'failed'
        }
    }
}

Describe 'The JEA endpoint' {
    BeforeAll {
        $staged = Join-Path $TestDrive 'staged'
        $register = Join-Path $Jea 'Register-BulkPSEndpoint.ps1'
        $arguments = @{ Operator = 'CONTOSO\Bulk''s "Ops"', 'CONTOSO\Helpers'; Organization = 'contoso.onmicrosoft.com'; ManagedIdentity = $true }
        & $register @arguments -StageOnly -ModuleFolder $staged
        $endpoint = Join-Path $staged 'BulkPS/0.1.0/Endpoint'
        $data = Import-PowerShellDataFile (Join-Path $endpoint 'BulkPS.pssc')
        $role = Import-PowerShellDataFile (Join-Path $staged 'BulkPS/0.1.0/RoleCapabilities/BulkPS.psrc')
    }

    It 'is a no-language session of what its role capability names' {
        $data.SessionType | Should -Be 'RestrictedRemoteServer'
        $data.LanguageMode | Should -Be 'NoLanguage'
        $data.RunAsVirtualAccount | Should -BeTrue
        $data.ScriptsToProcess | Should -Be (Join-Path $endpoint 'Connect-Exchange.ps1')
        $data.RoleDefinitions.Keys | Sort-Object | Should -Be 'CONTOSO\Bulk''s "Ops"', 'CONTOSO\Helpers'
        $role.VisibleFunctions | Should -Contain 'Invoke-BulkPSBatch'
        $role.VisibleFunctions | Should -Contain 'New-MailboxRestoreRequest'
        $role.Keys | Should -Not -Contain 'VisibleExternalCommands'
    }

    It 'has shipped files that Windows would take' {
        Import-PowerShellDataFile (Join-Path $Jea 'BulkPS.pssc') | Should -BeOfType hashtable
        if (Get-Command Test-PSSessionConfigurationFile -ErrorAction Ignore) {
            Test-PSSessionConfigurationFile (Join-Path $endpoint 'BulkPS.pssc') | Should -BeTrue
        }
    }

    It 'may run as a group managed service account, sign in with a certificate and write transcripts' {
        $other = Join-Path $TestDrive 'other'
        $asked = @{
            Operator = 'X\Y'; Organization = "o'x"; AppId = [guid]::Empty; CertificateThumbprint = 'AB' * 20; Name = 'Else'
            GroupManagedServiceAccount = 'X\g$'; TranscriptDirectory = 'T:\t'; StageOnly = $true; ModuleFolder = $other
        }
        & $register @asked
        $session = Import-PowerShellDataFile (Join-Path $other 'BulkPS/0.1.0/Endpoint/Else.pssc')
        $signIn = Import-PowerShellDataFile (Join-Path $other 'BulkPS/0.1.0/Endpoint/Exchange.psd1')

        $session.ContainsKey('RunAsVirtualAccount') | Should -BeFalse
        $session.GroupManagedServiceAccount | Should -Be 'X\g$'
        $session.TranscriptDirectory | Should -Be 'T:\t'
        $signIn.Organization | Should -Be "o'x"
        $signIn.CertificateThumbprint | Should -Be ('AB' * 20)
        $signIn.AppId | Should -Be ([guid]::Empty)
    }

    It 'writes nothing with -WhatIf' {
        $nowhere = Join-Path $TestDrive 'nowhere'
        & $register @arguments -StageOnly -ModuleFolder $nowhere -WhatIf

        Test-Path $nowhere | Should -BeFalse
    }

    It 'is registered on Windows only' -Skip:($IsWindows) {
        { & $register @arguments } | Should -Throw '*only be registered on Windows*'
    }

    Context 'as pwsh applies it, signed in to a stand-in' {
        BeforeAll {
            $online = Join-Path $folder 'ExchangeOnlineManagement'
            $null = New-Item -ItemType Directory -Force $online
            Set-Content (Join-Path $online 'ExchangeOnlineManagement.psm1') @'
# Like the real one: the proxies come to be in a temporary module, imported globally.
function Connect-ExchangeOnline {
    param([string] $Organization, [string[]] $CommandName, [bool] $ShowBanner, [switch] $SkipLoadingFormatData, [switch] $ManagedIdentity,
        [string] $AppId, $Certificate)
    if ($env:BULKPS_TEST_REFUSE) { throw 'AADSTS700016: not found in the directory' }
    $script:Organization = $Organization
    $proxies = New-Module -Name tmpEXO_test -ArgumentList (, ($CommandName + 'Remove-Mailbox')) -ScriptBlock {
        param($Names)
        $proxy = { [CmdletBinding()] param($Identity) [pscustomobject]@{ By = $MyInvocation.MyCommand.Name; Identity = $Identity } }
        $changing = {
            [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
            param([Parameter(ValueFromPipeline)] $Identity, $InactiveMailbox, [string] $Department, [securestring] $Password, [switch] $Archive,
                [switch] $Shared, $Notes)
            if ($PSCmdlet.ShouldProcess('x')) {
                $bound = @($PSBoundParameters.Keys | Sort-Object) -join ','
                [pscustomobject]@{ By = 'Exchange'; Bound = $bound; Secret = "$(if ($Password) { $Password.GetType().Name })" }
            }
        }
        foreach ($name in $Names) { Set-Item "function:$name" $(if ($name -in 'New-Mailbox', 'Set-User') { $changing } else { $proxy }) }
        Export-ModuleMember -Function *
    }
    Import-Module $proxies -Global -DisableNameChecking
}
function Get-ConnectionInformation { [CmdletBinding()] param() [pscustomobject]@{ Organization = $script:Organization; State = 'Connected' } }
'@
            # Roles and run-as accounts are Windows': take them out and offer what the role capability offers.
            $here = @{} + $data
            foreach ($key in 'RoleDefinitions', 'RunAsVirtualAccount', 'ExecutionPolicy') { $here.Remove($key) }
            $here.ModulesToImport = "$staged/BulkPS/0.1.0/BulkPS.psd1", "$online"
            $here.VisibleFunctions = $role.VisibleFunctions
            $here.VisibleCmdlets = $role.VisibleCmdlets
            $path = Join-Path $TestDrive 'here.pssc'
            New-PSSessionConfigurationFile -Path $path @here
            $session = Open-Child $path
        }
        AfterAll { if ($session) { $session.Dispose() } }

        It 'offers exactly what the role capability names' {
            $shell = [powershell]::Create()
            $shell.Runspace = $session
            $offered = $shell.AddCommand('Get-Command').Invoke().Name
            $shell.Dispose()
            $helpers = 'Clear-Host', 'Exit-PSSession', 'Get-Command', 'Get-FormatData', 'Get-Help', 'Measure-Object', 'Out-Default', 'Select-Object'

            $offered | Where-Object { $_ -notin $helpers } | Sort-Object |
                Should -Be (@($role.VisibleFunctions | ForEach-Object { if ($_ -is [hashtable]) { $_.Name } else { $_ } }) +
                    'Get-ConnectionInformation' | Sort-Object)
        }

        It 'offers New-Mailbox and Set-User with the parameters that the role capability names' {
            $shell = [powershell]::Create()
            $shell.Runspace = $session
            $found = @{}
            foreach ($one in $shell.AddCommand('Get-Command').AddParameter('Name', @('New-Mailbox', 'Set-User')).Invoke()) { $found[$one.Name] = $one }
            $shell.Dispose()

            $found['Set-User'].Parameters.Keys | Should -Contain 'Department'
            $found['Set-User'].Parameters.Keys | Should -Not -Contain 'Notes'
            $found['New-Mailbox'].Parameters.Keys | Should -Contain 'Password'
            $found['New-Mailbox'].Parameters.Keys | Should -Not -Contain 'Shared'
        }

        It 'runs them with those, and with no other, in a batch and by themselves' {
            $secret = ConvertTo-SecureString 'x' -AsPlainText -Force
            $outcomes = Invoke-Batch $session @(
                (Item New-Mailbox @{ InactiveMailbox = 'a'; Password = $secret; Archive = $true; Confirm = $false }),
                (Item New-Mailbox @{ InactiveMailbox = 'a'; Shared = $true }),
                (Item Set-User @{ Identity = 'a'; Department = 'b' }),
                (Item Set-User @{ Identity = 'a'; Notes = 'b' }))

            $outcomes.state | Should -Be 'completed', 'failed', 'completed', 'failed'
            $outcomes[0].output[0]['Bound'] | Should -Be 'Archive,Confirm,InactiveMailbox,Password'
            $outcomes[0].output[0]['Secret'] | Should -Be 'SecureString'
            $outcomes[2].output[0]['Bound'] | Should -Be 'Department,Identity'
            $outcomes[1].errors[0].fqid | Should -Be 'NamedParameterNotFound,New-Mailbox'
            $outcomes[3].errors[0].fqid | Should -Be 'NamedParameterNotFound,Set-User'
            foreach ($name in 'Remove-Mailbox', 'tmpEXO_test\Remove-Mailbox', 'New-Mailbox', 'tmpEXO_test\New-Mailbox', 'ExchangeOnlineManagement\New-Mailbox') {
                $shell = [powershell]::Create()
                $shell.Runspace = $session
                { $shell.AddCommand($name).AddParameter('InactiveMailbox', 'a').AddParameter('Shared', $true).Invoke() } | Should -Throw -Because $name
                $shell.Dispose()
            }
        }

        It 'batches the cmdlets of Exchange' {
            $outcomes = Invoke-Batch $session @((Item Get-Mailbox @{ Identity = 'a' }), (Item Get-ConnectionInformation), (Item Remove-Mailbox),
                (Item Connect-ExchangeOnline), (Item Disconnect-ExchangeOnline))

            $outcomes.state | Should -Be 'completed', 'completed', 'failed', 'failed', 'failed'
            $outcomes[0].output[0]['By'] | Should -Be 'Get-Mailbox'
            $outcomes[1].output[0]['Organization'] | Should -Be 'contoso.onmicrosoft.com'
        }

        It 'does not open if it cannot sign in, and says why' {
            $env:BULKPS_TEST_REFUSE = '1'
            try { { Open-Child $path } | Should -Throw '*AADSTS700016*' }
            finally { Remove-Item env:BULKPS_TEST_REFUSE }
        }
    }
}
