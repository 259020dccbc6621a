<#
.SYNOPSIS
Connects a session of the JEA endpoint BulkPS to Exchange Online, once, when it opens.

.DESCRIPTION
Named in ScriptsToProcess of the session configuration; it runs before the caller can use the session. It reads

  ..\RoleCapabilities\BulkPS.psrc   which cmdlets to load from Exchange Online
  Exchange.psd1                     how to sign in; written by Register-BulkPSEndpoint.ps1:
                                    Organization, and either AppId and CertificateThumbprint (a certificate with its
                                    key in LocalMachine\My) or ManagedIdentity = $true (and ManagedIdentityAccountId
                                    for a user-assigned one); ExchangeEnvironmentName if it is not the worldwide one.

Neither file contains a secret. If the script cannot connect, the session does not open, and the caller gets the
reason.
#>

# In a scope of its own, because variables that such a script sets would stay in the session.
& {
    param([string] $Folder)

    $role = Microsoft.PowerShell.Utility\Import-PowerShellDataFile -LiteralPath (
        [System.IO.Path]::Combine($Folder, '..', 'RoleCapabilities', 'BulkPS.psrc')) -ErrorAction Stop
    $signIn = Microsoft.PowerShell.Utility\Import-PowerShellDataFile -LiteralPath (
        [System.IO.Path]::Combine($Folder, 'Exchange.psd1')) -ErrorAction Stop
    $allowed = @{}
    $cmdlets = @(foreach ($one in $role.VisibleFunctions) {
            if ($one -is [System.Collections.IDictionary]) {
                $allowed[$one.Name] = @(foreach ($parameter in $one.Parameters) { $parameter.Name })
                $one.Name
            }
            elseif ($one -notlike '*-BulkPS*') { $one }
        })

    $connect = @{
        Organization = $signIn.Organization; CommandName = $cmdlets; ShowBanner = $false; SkipLoadingFormatData = $true
        ErrorAction = 'Stop'
    }
    if ($signIn.ExchangeEnvironmentName) { $connect.ExchangeEnvironmentName = $signIn.ExchangeEnvironmentName }
    if ($signIn.ManagedIdentity) {
        $connect.ManagedIdentity = $true
        if ($signIn.ManagedIdentityAccountId) { $connect.ManagedIdentityAccountId = $signIn.ManagedIdentityAccountId }
    }
    else {
        # -CertificateThumbprint would look in the user's store, but the account of a session has none.
        $store = [System.Security.Cryptography.X509Certificates.X509Store]::new('My', 'LocalMachine')
        $store.Open('ReadOnly')
        try { $found = $store.Certificates.Find('FindByThumbprint', [string] $signIn.CertificateThumbprint, $false) }
        finally { $store.Close() }
        if ($found.Count -ne 1 -or -not $found[0].HasPrivateKey) {
            throw "BulkPS: no certificate $($signIn.CertificateThumbprint) with a private key in LocalMachine\My"
        }
        $connect.AppId = $signIn.AppId
        $connect.Certificate = $found[0]
    }
    $null = ExchangeOnlineManagement\Connect-ExchangeOnline @connect

    # Commands that are defined in a restricted session after its configuration was applied are hidden, whatever
    # the role capability says. Show those that it names, but only from the modules of Exchange Online.
    foreach ($name in $cmdlets + 'Get-ConnectionInformation') {
        foreach ($command in $ExecutionContext.InvokeCommand.GetCommands($name, 'Function, Cmdlet', $false)) {
            if ($command.ModuleName -ne 'ExchangeOnlineManagement' -and $command.ModuleName -notlike 'tmpEXO_*') { continue }
            if (-not $allowed.ContainsKey($name)) {
                $command.Visibility = 'Public'
                continue
            }
            # Only with the parameters that the role names: a function that has no other takes its place. What the
            # session was configured with came too late for that: the cmdlet was not there yet.
            $exchange = $command.Module
            $metadata = [System.Management.Automation.CommandMetadata]::new($command)
            foreach ($parameter in @($metadata.Parameters.Keys)) {
                if ($parameter -notin $allowed[$name]) { $null = $metadata.Parameters.Remove($parameter) }
            }
            $text = [System.Management.Automation.ProxyCommand]::GetCmdletBindingAttribute($metadata) + "`nparam(`n" +
                [System.Management.Automation.ProxyCommand]::GetParamBlock($metadata) + "`n)`n& `$command @PSBoundParameters"
            $function = [scriptblock]::Create($text).GetNewClosure()
            # Set alone would turn the cmdlet itself into what is to call it. And an imported function is as visible
            # as its module's own, by whose name it could be had with every parameter.
            $ExecutionContext.InvokeProvider.Item.Remove("function:$name", $false)
            $null = $ExecutionContext.InvokeProvider.Item.Set("function:global:$name", $function)
            foreach ($own in @($exchange.ExportedCommands.Values)) { if ($own.Name -eq $name) { $own.Visibility = 'Private' } }
            foreach ($made in $ExecutionContext.InvokeCommand.GetCommands($name, 'Function', $false)) {
                if ($made.ModuleName -ne $exchange.Name) { $made.Visibility = 'Public' }
            }
        }
    }
} $PSScriptRoot
