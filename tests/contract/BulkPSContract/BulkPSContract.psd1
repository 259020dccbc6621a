@{
    RootModule = 'BulkPSContract.psm1'
    ModuleVersion = '0.1.0'
    GUID = '6f0d1b6e-8d2b-4a57-9d0e-5f6f3c2b1a90'
    Description = 'Cmdlets that answer in every way; for the tests of bulkps only.'
    FunctionsToExport = @('Test-BulkPSEcho', 'Test-BulkPSThrow', 'Test-BulkPSErrors', 'Test-BulkPSNoise', 'Test-BulkPSPrompt', 'Test-BulkPSSleep', 'Test-BulkPSType', 'Test-BulkPSOdd', 'Test-BulkPSBare')
}
