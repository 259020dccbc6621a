@{
    RootModule           = 'BulkPS.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = 'b2a1f0b3-6d3c-4f0e-9a57-3f2f5d0c8e41'
    Author               = 'The bulkps authors'
    CompanyName          = 'bulkps'
    Copyright            = 'MIT License'
    Description          = 'Runs a batch of Exchange cmdlets inside the session and writes one outcome per item. Part of bulkps.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FunctionsToExport    = @('Invoke-BulkPSBatch', 'Select-BulkPSProperty')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{ PSData = @{ Tags = @('Exchange', 'ExchangeOnline', 'Bulk', 'PSRP') } }
}
