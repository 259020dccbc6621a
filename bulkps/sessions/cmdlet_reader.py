"""Reads a cmdlet's parameters from an open session, for cmdlets that the data does not have."""

from collections.abc import Iterable, Mapping
from typing import Any

from bulkps.sessions.session_factory import Opened

#: A constant script; the cmdlet's name is its argument. One line for each parameter of each parameter set.
_READ = """\
param($Name)
$ErrorActionPreference = 'Stop'
$command = @(Get-Command -Name $Name -ErrorAction SilentlyContinue)[0]
if (-not $command) { return }
$facts = New-Object -TypeName System.Management.Automation.CommandMetadata -ArgumentList $command
$lines = foreach ($set in $command.ParameterSets) {
    foreach ($one in $set.Parameters) {
        $type = $one.ParameterType
        $inner = [Nullable]::GetUnderlyingType($type)
        if ($inner) { $type = $inner }
        $values = if ($type.IsEnum) { [Enum]::GetNames($type) -join ',' } else {
            @($one.Attributes | Where-Object { $_ -is [System.Management.Automation.ValidateSetAttribute] } |
                ForEach-Object { $_.ValidValues }) -join ',' }
        $aliases = $one.Aliases -join ','
        ($set.Name, $one.Name, $type.Name, [string]$one.IsMandatory, $aliases, $values) -join "`t"
    }
}
New-Object -TypeName PSObject -Property @{
    Name = $command.Name
    Changes = [bool]$facts.SupportsShouldProcess
    Asks = [string]$facts.ConfirmImpact
    Lines = [string[]]@($lines)
}
"""
#: Given by the engine to every cmdlet.
_COMMON = frozenset(
    {
        "Verbose", "Debug", "ErrorAction", "WarningAction", "InformationAction", "ProgressAction",
        "ErrorVariable", "WarningVariable", "InformationVariable", "OutVariable", "OutBuffer",
        "PipelineVariable",
    }
)  # fmt: skip
_TYPES = {"String[]": "String[]", "Object[]": "MultiValuedProperty"}


def read_cmdlet(opened: Opened, name: str) -> dict[str, Any] | None:
    """Return what the session knows about a cmdlet, in the form of the cmdlet data; None if it has none.

    Without script (no-language mode) only the names of its parameters are known, and for each the type that
    the endpoint tells, if it does.

    Raises:
        WIRE_ERRORS: If the session is lost.
    """
    if opened.full_language:
        for one in opened.ask.script(_READ, Name=name).output:
            if one.get("Name"):
                return _from_lines(one)
    for one in opened.ask.cmdlet("Get-Command", Name=name, ErrorAction="SilentlyContinue").output:
        parameters = one.get("Parameters")
        if isinstance(parameters, dict):
            return _from_names(str(one.get("Name") or name), parameters)
    return None


def _from_lines(found: Mapping[str, Any]) -> dict[str, Any]:
    parameters: dict[str, dict[str, Any]] = {}
    sets: list[str] = []
    for line in _texts(found.get("Lines")):
        in_set, name, kind, mandatory, aliases, values = (*line.split("\t"), *[""] * 6)[:6]
        if name in _COMMON or not name:
            continue
        sets += [in_set] if in_set not in sets else []
        one = parameters.setdefault(
            name,
            {
                "type": _TYPES.get(kind, kind),
                "sets": [],
                "mandatoryInSets": [],
                "aliases": aliases.split(","),
            },
        )
        one["sets"].append(in_set)
        one["mandatoryInSets"] += [in_set] if mandatory == "True" else []
        one["values"] = values.split(",")
    verb = str(found["Name"]).partition("-")[0]
    return {
        "name": str(found["Name"]),
        "mutates": bool(found.get("Changes")) or verb not in ("Get", "Search", "Test", "Export"),
        "asks": str(found.get("Asks")) == "High",
        "sets": sets,
        "parameters": {name: _without_empty(one) for name, one in parameters.items()},
    }


def _from_names(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {
        str(key): kind if isinstance(kind, str) and kind.replace("[]", "").isalnum() else "Object"
        for key, kind in parameters.items()
    }
    return {
        "name": name,
        "mutates": name.partition("-")[0] not in ("Get", "Search", "Test", "Export"),
        "asks": "Confirm" in kinds,
        "parameters": {key: {"type": kind} for key, kind in kinds.items() if key not in _COMMON},
    }


def _texts(value: object) -> Iterable[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)] if value else []


def _without_empty(one: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        key: [text for text in value if text] if isinstance(value, list) else value
        for key, value in one.items()
    }
    return {key: value for key, value in kept.items() if value}
