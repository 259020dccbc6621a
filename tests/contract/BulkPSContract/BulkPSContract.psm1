# Cmdlets that answer in every way in which a cmdlet can; for the contract of sessions.

function Test-BulkPSEcho { [CmdletBinding()] param([Parameter(Mandatory = $true)] $Value) $Value }

function Test-BulkPSThrow { [CmdletBinding()] param() throw 'thrown on purpose' }

function Test-BulkPSErrors {
    [CmdletBinding()] param()
    Microsoft.PowerShell.Utility\Write-Error -Message 'the first' -ErrorId 'First'
    Microsoft.PowerShell.Utility\Write-Error -Message 'the second' -ErrorId 'Second'
    'and an output'
}

function Test-BulkPSNoise {
    [CmdletBinding()] param()
    [System.Console]::WriteLine('noise on the console')
    [System.Console]::Error.WriteLine('noise on its errors')
    Microsoft.PowerShell.Utility\Write-Host 'noise for the host'
    Microsoft.PowerShell.Utility\Write-Verbose 'noise for whoever asks' -Verbose
    Microsoft.PowerShell.Utility\Write-Warning 'a warning'
    'the output'
}

function Test-BulkPSPrompt { [CmdletBinding()] param() Microsoft.PowerShell.Utility\Read-Host 'nobody answers' }

function Test-BulkPSSleep {
    [CmdletBinding()] param([int] $Seconds)
    Microsoft.PowerShell.Utility\Start-Sleep -Seconds $Seconds
    'awake'
}

function Test-BulkPSType {
    [CmdletBinding()] param()
    Microsoft.PowerShell.Utility\New-Object -TypeName PSObject -Property @{
        Guid = [System.Guid]'3f2504e0-4f89-41d3-9a0c-0305e82c3301'
        Utc = [System.DateTime]::new(2026, 11, 24, 21, 0, 0, [System.DateTimeKind]::Utc)
        Yes = $true; Number = 7; Large = 5000000000; Text = "O'Brien`n$([char]::ConvertFromUtf32(0x1F600))"
        List = [string[]]@('a', 'b'); One = [string[]]@('a'); None = $null; Enum = [System.DayOfWeek]::Friday
        Size = '16.09 MB (16,873,043 bytes)'; Span = [System.TimeSpan]::FromMinutes(90)
    }
}

function Test-BulkPSOdd {
    # Values that are more than they seem, or that a list, a table or a text can hide.
    [CmdletBinding()] param()
    $noted = 'a text' | Microsoft.PowerShell.Utility\Add-Member -NotePropertyName Note -NotePropertyValue 1 -PassThru
    $set = [System.Collections.Generic.HashSet[string]]::new()
    [void]$set.Add('a')
    $queue = [System.Collections.Queue]::new()
    $queue.Enqueue('first')
    $queue.Enqueue(2)
    $secret = [System.Security.SecureString]::new()
    $secret.AppendChar('x')
    Microsoft.PowerShell.Utility\New-Object -TypeName PSObject -Property @{
        Noted = $noted; Set = $set; Queue = $queue; Secret = $secret; Bytes = [byte[]](1, 2, 3)
        Nested = [object[]]@(@{ Key = 'value' }, [object[]]@(1, 2))
        Moment = [System.DateTimeOffset]::new(2026, 11, 24, 21, 0, 0, [System.TimeSpan]::FromHours(1))
    }
}

function Test-BulkPSBare {
    [CmdletBinding()] param()
    'a text' | Microsoft.PowerShell.Utility\Add-Member -NotePropertyName Note -NotePropertyValue 1 -PassThru
    [System.DayOfWeek]::Friday
    [System.DateTimeOffset]::new(2026, 11, 24, 21, 0, 0, [System.TimeSpan]::FromHours(1))
    , [byte[]](1, 2, 3)
    , [System.Collections.Queue]@('first', 2)
}

Export-ModuleMember -Function 'Test-BulkPS*'
