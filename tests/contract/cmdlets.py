"""The cmdlets of BulkPSContract for our own endpoint, which runs no PowerShell."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import (
    Answer,
    Category,
    ErrorInfo,
    Item,
    Secret,
    Value,
)
from bulkps.simulator.cmdlets.cmdlet_service import Further


def _values(*values: Value) -> list[Item]:
    return [Item("System.Management.Automation.PSCustomObject", "", {"Value": value}) for value in values]


def _error(message: str, identifier: str) -> ErrorInfo:
    return ErrorInfo(message, "System.Exception", Category.NotSpecified, identifier)


def _echo(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    if "Value" not in given:
        text = "Cannot process command because of one or more missing mandatory parameters: Value."
        return Answer(failure=_error(text, "MissingMandatoryParameter,Test-BulkPSEcho"))
    return Answer(output=_values(given["Value"]))


def _throw(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    return Answer(failure=_error("thrown on purpose", "thrown on purpose"))


def _errors(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    written = [
        _error("the first", "First,Test-BulkPSErrors"),
        _error("the second", "Second,Test-BulkPSErrors"),
    ]
    return Answer(output=_values("and an output"), errors=written)


def _noise(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    return Answer(output=_values("the output"), warnings=["a warning"])


def _prompt(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    text = (
        "A command that prompts the user failed because the host program does not support user interaction."
    )
    return Answer(failure=_error(text, "HostFunctionNotImplemented,Test-BulkPSPrompt"))


def _sleep(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    stop.wait(float(str(given["Seconds"])))
    return Answer(output=_values("awake"))


def _type(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    properties: dict[str, Value] = {
        "Guid": UUID("3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
        "Utc": datetime(2026, 11, 24, 21, tzinfo=UTC),
        "Yes": True,
        "Number": 7,
        "Large": 5_000_000_000,
        "Text": "O'Brien\n\U0001f600",
        "List": ["a", "b"],
        "One": ["a"],
        "None": None,
        "Enum": "Friday",
        "Size": "16.09 MB (16,873,043 bytes)",
        "Span": "PT1H30M",
    }
    return Answer(output=[Item("System.Management.Automation.PSCustomObject", "", properties)])


def _odd(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    properties: dict[str, Value] = {
        "Noted": "a text",
        "Set": ["a"],
        "Queue": ["first", 2],
        "Secret": Secret("x"),
        "Bytes": b"\1\2\3",
        "Nested": [{"Key": "value"}, [1, 2]],
        "Moment": datetime(2026, 11, 24, 21, tzinfo=timezone(timedelta(hours=1))),
    }
    return Answer(output=[Item("System.Management.Automation.PSCustomObject", "", properties)])


def _bare(given: Mapping[str, Value], stop: threading.Event) -> Answer:
    moment = datetime(2026, 11, 24, 20, tzinfo=UTC)
    return Answer(output=_values("a text", "Friday", moment, b"\1\2\3", ["first", 2]))


FURTHER: dict[str, Further] = {
    "Test-BulkPSEcho": _echo,
    "Test-BulkPSThrow": _throw,
    "Test-BulkPSErrors": _errors,
    "Test-BulkPSNoise": _noise,
    "Test-BulkPSPrompt": _prompt,
    "Test-BulkPSSleep": _sleep,
    "Test-BulkPSType": _type,
    "Test-BulkPSOdd": _odd,
    "Test-BulkPSBare": _bare,
}
