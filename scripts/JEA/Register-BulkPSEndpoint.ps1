#Requires -Version 5.1
<#
.SYNOPSIS
Registers the JEA endpoint BulkPS on this machine: the Exchange cmdlets that bulkps needs, and nothing else.

.DESCRIPTION
Copies the module BulkPS with its role capability to the modules folder of all users, writes the session
configuration and the sign-in data for Exchange Online next to it, and registers the endpoint. Run it in an
elevated PowerShell of the version that the endpoint will use: Windows PowerShell 5.1, or PowerShell 7 if the
version of ExchangeOnlineManagement on this machine needs it. It does not ask for or write any secret.

To undo it:
  Unregister-PSSessionConfiguration -Name BulkPS
  Remove-Item -Recurse 'C:\Program Files\WindowsPowerShell\Modules\BulkPS'    (PowerShell 7: ...\PowerShell\Modules\BulkPS)

.PARAMETER Operator
The groups (or accounts) that may connect, such as 'CONTOSO\BulkPS Operators'.

.PARAMETER Organization
The primary .onmicrosoft.com domain.

.PARAMETER AppId
The application that signs in. It needs Exchange.ManageAsApp and an Exchange role.

.PARAMETER CertificateThumbprint
Its certificate, which is in the store LocalMachine\My of this machine, with its key.

.PARAMETER ManagedIdentity
Sign in as this machine's managed identity instead.

.PARAMETER ManagedIdentityAccountId
The identity, if it is a user-assigned one.

.PARAMETER ExchangeEnvironmentName
Such as O365USGovGCCHigh; leave it out for the worldwide cloud.

.PARAMETER GroupManagedServiceAccount
The account that sessions run as, such as 'CONTOSO\gmsa-bulkps$', instead of a virtual account. It must be able to
read the certificate's key.

.PARAMETER TranscriptDirectory
A folder for one transcript per session; without it, none are written.

.PARAMETER Name
The endpoint's name; in the settings of bulkps, it is the value of "configuration".

.PARAMETER ModuleFolder
The folder for the files with -StageOnly. A registered endpoint needs them in the modules folder of all users: only
administrators can write there, and PowerShell looks for role capabilities there.

.PARAMETER StageOnly
Only write the files, to ModuleFolder, and register nothing. Works on any system and needs no administrator.

.EXAMPLE
$signIn = @{
    Organization          = 'contoso.onmicrosoft.com'
    AppId                 = '36ee4c6c-0812-40a2-b820-b22ebd02bce3'
    CertificateThumbprint = '83213AEAC56D61C97AEE5C1528F4AC5EBA7321C1'
}
.\Register-BulkPSEndpoint.ps1 -Operator 'CONTOSO\BulkPS Operators' @signIn -WhatIf

Shows what it would do.

.EXAMPLE
.\Register-BulkPSEndpoint.ps1 -Operator 'CONTOSO\BulkPS Operators' -Organization contoso.onmicrosoft.com -ManagedIdentity

Registers an endpoint that signs in as the machine's managed identity.
#>
[CmdletBinding(SupportsShouldProcess = $true, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Certificate')]
param(
    [Parameter(Mandatory = $true)] [ValidateNotNullOrEmpty()] [string[]] $Operator,
    [Parameter(Mandatory = $true)] [ValidateNotNullOrEmpty()] [string] $Organization,
    [Parameter(Mandatory = $true, ParameterSetName = 'Certificate')] [guid] $AppId,
    [Parameter(Mandatory = $true, ParameterSetName = 'Certificate')]
    [ValidatePattern('\A[0-9A-Fa-f]{40}\z')] [string] $CertificateThumbprint,
    [Parameter(Mandatory = $true, ParameterSetName = 'ManagedIdentity')] [switch] $ManagedIdentity,
    [Parameter(ParameterSetName = 'ManagedIdentity')] [guid] $ManagedIdentityAccountId,
    [string] $ExchangeEnvironmentName,
    [string] $GroupManagedServiceAccount,
    [string] $TranscriptDirectory,
    [ValidatePattern('\A[A-Za-z0-9._-]+\z')] [string] $Name = 'BulkPS',
    [string] $ModuleFolder,
    [switch] $StageOnly
)

$ErrorActionPreference = 'Stop'

# Anyone who can write to the files of an endpoint can run anything as the account of its sessions.
if (-not $StageOnly) {
    if ($PSVersionTable.PSEdition -eq 'Core' -and -not $IsWindows) {
        throw 'An endpoint can only be registered on Windows. To only write the files, use -StageOnly.'
    }
    $me = [Security.Principal.WindowsPrincipal] [Security.Principal.WindowsIdentity]::GetCurrent()
    if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
        throw 'Run this in an elevated PowerShell (Run as administrator): it writes to Program Files and registers an endpoint.'
    }
    if (-not (Get-Module -ListAvailable -Name ExchangeOnlineManagement)) {
        throw 'The module ExchangeOnlineManagement is not installed for all users: Install-Module ExchangeOnlineManagement -Scope AllUsers'
    }
}
if ([bool] $ModuleFolder -ne [bool] $StageOnly) {
    throw '-StageOnly and -ModuleFolder can only be used together.'
}

function ConvertTo-Literal([string] $Text) {
    # The text as a literal for a data file: nothing in it is expanded.
    "'" + $Text.Replace("'", "''") + "'"
}

$source = Join-Path (Split-Path $PSScriptRoot -Parent) 'BulkPS'
$version = (Import-PowerShellDataFile -LiteralPath (Join-Path $source 'BulkPS.psd1')).ModuleVersion
if (-not $ModuleFolder) {
    $modules = if ($PSVersionTable.PSEdition -eq 'Core') { 'PowerShell\Modules' } else { 'WindowsPowerShell\Modules' }
    $ModuleFolder = Join-Path $env:ProgramFiles $modules
}
$target = Join-Path (Join-Path $ModuleFolder 'BulkPS') $version
$endpoint = Join-Path $target 'Endpoint'
$roles = Join-Path $target 'RoleCapabilities'
$configuration = Join-Path $endpoint "$Name.pssc"

if ($PSCmdlet.ShouldProcess($target, 'Copy the module BulkPS, its role capability and how to sign in')) {
    foreach ($folder in $endpoint, $roles) { $null = New-Item -ItemType Directory -Path $folder -Force }
    foreach ($file in 'BulkPS.psd1', 'BulkPS.psm1') { Copy-Item -LiteralPath (Join-Path $source $file) -Destination $target -Force }
    Copy-Item -LiteralPath (Join-Path (Join-Path $PSScriptRoot 'RoleCapabilities') 'BulkPS.psrc') -Destination $roles -Force
    Copy-Item -LiteralPath (Join-Path $PSScriptRoot 'Connect-Exchange.ps1') -Destination $endpoint -Force

    $lines = @('# How the sessions of the endpoint sign in to Exchange Online. Do not put secrets in here.', '@{')
    $lines += "    Organization = $(ConvertTo-Literal $Organization)"
    if ($ManagedIdentity) {
        $lines += '    ManagedIdentity = $true'
        if ($PSBoundParameters.ContainsKey('ManagedIdentityAccountId')) {
            $lines += "    ManagedIdentityAccountId = '$ManagedIdentityAccountId'"
        }
    }
    else {
        $lines += "    AppId = '$AppId'"
        $lines += "    CertificateThumbprint = '$CertificateThumbprint'"
    }
    if ($ExchangeEnvironmentName) { $lines += "    ExchangeEnvironmentName = $(ConvertTo-Literal $ExchangeEnvironmentName)" }
    $lines += '}'
    Set-Content -LiteralPath (Join-Path $endpoint 'Exchange.psd1') -Value $lines -Encoding UTF8

    $session = Import-PowerShellDataFile -LiteralPath (Join-Path $PSScriptRoot 'BulkPS.pssc')
    $session.ScriptsToProcess = @(Join-Path $endpoint 'Connect-Exchange.ps1')
    $session.RoleDefinitions = @{}
    foreach ($group in $Operator) { $session.RoleDefinitions[$group] = @{ RoleCapabilities = 'BulkPS' } }
    if ($GroupManagedServiceAccount) {
        $session.Remove('RunAsVirtualAccount')
        $session.GroupManagedServiceAccount = $GroupManagedServiceAccount
    }
    if ($TranscriptDirectory) { $session.TranscriptDirectory = $TranscriptDirectory }
    New-PSSessionConfigurationFile -Path $configuration @session
}

if ($StageOnly) {
    Write-Output "Nothing was registered. The session configuration is $configuration"
    return
}
if ($PSCmdlet.ShouldProcess($Name, 'Register the endpoint (this restarts WinRM and ends open sessions on this machine)')) {
    if (-not (Test-PSSessionConfigurationFile -Path $configuration)) {
        throw "$configuration is not a valid session configuration; nothing was registered."
    }
    $null = Register-PSSessionConfiguration -Name $Name -Path $configuration -Force
    Write-Output "The endpoint $Name is registered. To try it: Get-PSSessionCapability -ConfigurationName $Name -Username <user>"
    Write-Output "To undo: Unregister-PSSessionConfiguration -Name $Name; Remove-Item -Recurse '$(Split-Path $target -Parent)'"
}
