@{
    RootModule           = 'ExchangeOnlineManagement.psm1'
    ModuleVersion        = '3.9.0'
    GUID                 = '6c3b6f0e-1a52-4f0e-9d0b-b0b0b0b0b0b0'
    Author               = 'bulkps'
    Description          = 'A STAND-IN for tests and rehearsal, never the real ExchangeOnlineManagement. It signs in to the simulated tenant of "bulkps simulate" on this machine and to nothing else.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @('Connect-ExchangeOnline', 'Disconnect-ExchangeOnline', 'Get-ConnectionInformation')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{ PSData = @{ Tags = @('stand-in', 'simulator', 'test') } }
}
