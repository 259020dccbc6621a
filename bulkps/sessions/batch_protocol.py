"""Our PowerShell module on the wire: what ``Invoke-BulkPSBatch`` gets, and what it writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pypsrp.powershell import RunspacePool

from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord, Invocation, Outcome
from bulkps.resources import shipped
from bulkps.sessions.wire_types import plain, to_wire

#: The function that runs a batch inside the engine.
BATCH_FUNCTION = "Invoke-BulkPSBatch"
#: The function that keeps some properties of each object, so only those cross the wire.
SELECT_FUNCTION = "Select-BulkPSProperty"

_ANSWERS = {"completed": Answer.COMPLETED, "failed": Answer.FAILED, "not-run": Answer.NOT_SENT}
#: The limits that the -Until parameter declares.
_MOST_PATTERNS, _LONGEST_PATTERN = 100, 4000
#: Milliseconds; a larger number was garbled on its way, and no record could hold it.
_LONGEST = 2**31 - 1


def module_text() -> str:
    """Return the text of the module BulkPS, which defines the function when it is run."""
    return shipped("scripts").joinpath("BulkPS", "BulkPS.psm1").read_text(encoding="utf-8-sig")


def patterns_taken(until: Sequence[str]) -> list[str]:
    """Return the patterns that the function takes: a limited number, and none too long."""
    return [text for text in until if len(text) <= _LONGEST_PATTERN][:_MOST_PATTERNS]


def batch_items(pool: RunspacePool, invocation: Invocation) -> dict[str, object]:
    """Return *invocation* in the form in which the function takes an item.

    Raises:
        UnsendableValueError: If the session would not survive a value.
    """
    cmdlet = invocation.cmdlet
    return {
        "id": invocation.id,
        "cmdlet": cmdlet.name,
        "parameters": {name: to_wire(pool, name, value) for name, value in cmdlet.parameters.items()},
        "keep": list(invocation.keep),
    }


def batch_outcome(found: object) -> Outcome:
    """Return an outcome object of the function as an Outcome; an unrecognized one has an empty id."""
    told = _properties(found)
    return Outcome(
        str(told.get("id") or ""),
        # If its state is not known, its effect is not known either.
        _ANSWERS.get(str(told.get("state")), Answer.LOST),
        output=tuple(
            {key: plain(value) for key, value in _properties(one).items()}
            for one in _list(told.get("output"))
        ),
        errors=tuple(dict.fromkeys(_error(one) for one in _list(told.get("errors")))),
        warnings=tuple(str(one) for one in _list(told.get("warnings"))),
        milliseconds=min(max(int(told.get("milliseconds") or 0), 0), _LONGEST),
    )


def _error(found: object) -> ErrorRecord:
    told = _properties(found)
    return ErrorRecord(
        message=str(told.get("message") or ""),
        exception_type=str(told.get("type") or ""),
        fully_qualified_error_id=str(told.get("fqid") or ""),
        category=str(told.get("category") or ""),
        reason=str(told.get("reason") or ""),
        target=str(told.get("target") or ""),
    )


def _properties(found: Any) -> dict[str, Any]:
    if isinstance(found, dict):
        return {str(key): value for key, value in found.items()}
    every = {
        **(getattr(found, "adapted_properties", None) or {}),
        **(getattr(found, "extended_properties", None) or {}),
    }
    return {str(key): value for key, value in every.items()}


def _list(found: Any) -> list[Any]:
    """Return an array as a list; one that a property wrapped stays an object of its own type."""
    if found is None:
        return []
    if isinstance(found, list | tuple):
        return list(found)
    inner = getattr(found, "property_sets", None)
    return list(inner) if isinstance(inner, list | tuple) and inner else [found]


def module_path() -> Path:
    """Return the folder of the module."""
    return Path(str(shipped("scripts").joinpath("BulkPS")))
