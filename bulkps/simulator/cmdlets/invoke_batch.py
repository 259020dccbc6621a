"""``Invoke-BulkPSBatch`` as the simulated endpoint offers it: many cmdlets in one pipeline.

A JEA endpoint offers the function of the module BulkPS as well as cmdlets, and runs no script. So does this
endpoint, but Python runs its batches: with the same parameters, the same checks and the same outcome objects,
each written when its item ends. scripts/BulkPS/BulkPS.psm1 defines the batch; a contract test compares both.
"""

import math
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from bulkps.simulator.cmdlets.binder import Arguments, bind, own_function
from bulkps.simulator.cmdlets.cmdlet_result import (
    Answer,
    Category,
    ErrorInfo,
    Item,
    Refused,
    Secret,
    Value,
)
from bulkps.simulator.cmdlets.cmdlet_service import Ending, Service

NAME = "Invoke-BulkPSBatch"
FACTS = own_function(NAME, {"Items": "Object[]", "Until": "String[]", "Within": "Double"}, "Items")
_OUTCOME = "System.Management.Automation.PSCustomObject"
_COMMAND_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_PARAMETER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
#: Parameters that set a variable with the given name.
_VARIABLES = (
    "OutVariable", "OutBuffer", "PipelineVariable", "ErrorVariable", "WarningVariable",
    "InformationVariable", "ov", "ob", "pv", "ev", "wv", "iv",
)  # fmt: skip
#: If a trusted function called these, they would show commands that are hidden from the caller.
_TELLING = frozenset({"get-command", "get-help"})
#: Called with an outcome; it has been sent when this returns.
Write = Callable[[Item], None]


def run_batch(
    service: Service, arguments: Arguments, stop: threading.Event, arrived: float, write: Write
) -> tuple[Ending, ErrorInfo | None]:
    """Run every item of a call of the function, and write its outcome.

    Args:
        service: What runs the items' cmdlets.
        arguments: What the function was given.
        stop: Set when the pipeline is to stop.
        arrived: When the pipeline arrived, by the monotonic clock: ``-Within`` counts from it.
        write: Takes the outcomes.

    Returns:
        How it ended, and the terminating error with which the function itself failed.
    """
    try:
        given = _bound(arguments)
    except Refused as refused:
        return Ending.ANSWERED, refused.info
    patterns = [re.compile(text) for text in map(str, _listed(given.get("Until"))) if _is_pattern(text)]
    within = float(str(given["Within"])) if "Within" in given else math.inf
    met = False
    for item in _listed(given["Items"]):
        if stop.is_set():
            return Ending.STOPPED, None
        # Written this way, a limit that is NaN counts as passed.
        if met := met or not time.monotonic() - arrived < within:
            write(_outcome(_id(item), "not-run", Answer(), (), 0))
            continue
        ending, errors = _run_item(service, item, stop, write)
        if ending is not Ending.ANSWERED:
            return ending, None
        met = any(pattern.search(_searched(one)) for pattern in patterns for one in errors)
    return Ending.ANSWERED, None


def _bound(arguments: Arguments) -> Mapping[str, Value]:
    # The binder makes a list of a single value; a dictionary alone is an item.
    wrapped = [(name, [value] if isinstance(value, Mapping) else value) for name, value in arguments]
    given = bind(FACTS, wrapped).parameters
    if "Within" in given:
        try:
            float(str(given["Within"]))
        except ValueError:
            raise Refused(
                ErrorInfo(
                    f"Cannot bind parameter 'Within'. Cannot convert value \"{given['Within']}\" to type "
                    '"System.Double".',
                    "System.Management.Automation.ParameterBindingException",
                    Category.InvalidArgument,
                    f"CannotConvertArgumentNoMessage,{NAME}",
                    activity=NAME,
                ),
                terminating=True,
            ) from None
    return given


def _run_item(
    service: Service, item: Value, stop: threading.Event, write: Write
) -> tuple[Ending, Sequence[ErrorInfo]]:
    began = time.monotonic()
    keep: Sequence[str] = ()
    try:
        name, parameters = _checked(service, item)
        keep = tuple(map(str, _listed(item.get("keep")))) if isinstance(item, Mapping) else ()
        run = service.run(name, list(parameters.items()), stop)
        if run.ending is Ending.HANGS:
            stop.wait()
            return Ending.STOPPED, ()
        if run.ending is not Ending.ANSWERED:
            return run.ending, ()
        answer = run.answer
    except Refused as refused:
        answer = Answer(failure=refused.info)
    # A command may write an error and then end with the same error: report it once.
    written = [one for one in answer.errors if one is not answer.failure]
    errors = [*written, answer.failure] if answer.failure else written
    state = "failed" if answer.failure else "completed"
    took = round((time.monotonic() - began) * 1000)
    write(_outcome(_id(item), state, answer, errors, took, keep))
    return Ending.ANSWERED, errors


# --- what an item may be ------------------------------------------------------------------------------


def _checked(service: Service, item: Value) -> tuple[str, Mapping[str, Value]]:
    """Return cmdlet and parameters of an item.

    Raises:
        Refused: It is not an item, or it names something that the session does not offer.
    """
    if not isinstance(item, Mapping):
        raise _refusal("BulkPS.Item", "An item must be a dictionary with id, cmdlet and parameters.")
    name, parameters = item.get("cmdlet"), item.get("parameters")
    if not isinstance(name, str) or not _COMMAND_NAME.fullmatch(name):
        raise _refusal(
            "BulkPS.CommandName",
            f"'{'' if name is None else name}' is not the name of a cmdlet: letters, digits and dashes are "
            "allowed.",
        )
    if name.casefold() in _TELLING or not service.offers(name):
        raise _not_offered(name)
    if parameters is None:
        return name, {}
    if not isinstance(parameters, Mapping):
        raise _refusal("BulkPS.Parameters", "The parameters must be a dictionary of values by name.")
    for one in parameters:
        _check_parameter(service, name, one)
    return name, parameters


def _check_parameter(service: Service, cmdlet: str, name: object) -> None:
    if not isinstance(name, str) or not _PARAMETER_NAME.fullmatch(name):
        raise _refusal("BulkPS.ParameterName", f"'{name}' is not the name of a parameter.")
    facts = service.offer.facts(cmdlet)
    exact = facts is not None and facts.parameter(name) is not None
    folded = name.casefold()
    # The binder accepts the beginning of a name as the name.
    begins = any(one.casefold().startswith(folded) for one in _VARIABLES)
    if folded in map(str.casefold, _VARIABLES) or (begins and not exact):
        raise _refusal("BulkPS.ParameterName", f"'{name}' is not allowed in a batch.")


def _refusal(error_id: str, message: str) -> Refused:
    exception = "System.InvalidOperationException"
    return Refused(ErrorInfo(f"{error_id}: {message}", exception, Category.InvalidArgument, error_id))


def _not_offered(name: str) -> Refused:
    return Refused(
        ErrorInfo(
            f"The term '{name}' is not recognized as a name of a cmdlet or function that this session "
            "offers. Check the spelling, the roles of this account and whether the session is connected to "
            "Exchange.",
            "System.Management.Automation.CommandNotFoundException",
            Category.ObjectNotFound,
            "CommandNotFoundException",
            target=name,
        )
    )


# --- outcomes -----------------------------------------------------------------------------------------


def _outcome(
    item: str,
    state: str,
    answer: Answer,
    errors: Sequence[ErrorInfo],
    took: int,
    keep: Sequence[str] = (),
) -> Item:
    properties: dict[str, Value] = {
        "id": item,
        "state": state,
        "output": [_row(one, keep) for one in answer.output],
        "errors": [_error(one) for one in errors],
        "warnings": list(answer.warnings),
        "milliseconds": took,
    }
    return Item(_OUTCOME, "", properties)


def _row(item: Item, keep: Sequence[str]) -> dict[str, Value]:
    if not keep:
        return {name: _plain(value) for name, value in item.properties.items()}
    row: dict[str, Value] = {}
    folded: dict[str, Value] | None = None
    for name in keep:
        if name in item.properties:
            row[name] = _plain(item.properties[name])
            continue
        if folded is None:
            folded = {key.casefold(): value for key, value in item.properties.items()}
        if name.casefold() in folded:
            row[name] = _plain(folded[name.casefold()])
    return row


def _plain(value: Value) -> Value:
    """Return a value as the module writes it: text, bool, number, null, a list or a dictionary of those."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Secret):
        return "***"
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return str(value)


def _error(info: ErrorInfo) -> dict[str, Value]:
    return {
        "message": info.message,
        "type": info.thrown,
        "fqid": info.fully_qualified_id,
        "category": info.category.name,
        "reason": info.reason,
        "target": info.target,
        "inner": [],
    }


def _searched(info: ErrorInfo) -> str:
    return f"{info.thrown} {info.reason} {info.message} {info.fully_qualified_id}"


def _is_pattern(text: str) -> bool:
    """Return whether a pattern is valid; an invalid one never stops a batch."""
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _id(item: Value) -> str:
    found = item.get("id") if isinstance(item, Mapping) else None
    return "" if found is None else str(found)


def _listed(value: Value) -> Sequence[Value]:
    if value is None:
        return ()
    return value if isinstance(value, list | tuple) else [value]
