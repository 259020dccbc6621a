"""Converts Python values to wire values and back, and pypsrp's errors to ErrorRecords.

The facts behind it were measured (engine-facts.md, "Values" and "What a value can break").
"""

import math
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from pypsrp.complex_objects import GenericComplexObject, ObjectMeta
from pypsrp.powershell import RunspacePool

from bulkps.exchange.calls_and_outcomes import NULL, ErrorRecord, Secret, Value

#: An object can contain itself (ADObjectId.DomainId does), so nothing is followed deeper than this.
_DEEPEST = 4
_DATE_TIME_OFFSET = "System.DateTimeOffset"
#: No session survives these: the engine's XML reader fails silently.
_DEADLY = re.compile("[\ud800-\udfff\ufffe\uffff]")


class UnsendableValueError(Exception):
    """A value that would break the session; it was not sent."""


def to_wire(pool: RunspacePool, name: str, value: Value) -> Any:
    """Return *value* in the form that pypsrp serializes for *pool*.

    Args:
        pool: The open pool that will send it; a SecureString belongs to one pool.
        name: The parameter, for the error.
        value: What is bound.

    Raises:
        UnsendableValueError: If the session would not survive it.
    """
    if isinstance(value, Secret):
        pool.exchange_keys()
        return pool.serialize(_checked(name, value.reveal(), secret=True), ObjectMeta("SS"))
    if value is None or value is NULL:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        # An int beyond 32 bits kills the session unless its wire type is named.
        return pool.serialize(value, ObjectMeta("I32" if -(2**31) <= value < 2**31 else "I64"))
    if isinstance(value, str):
        return _checked(name, value)
    if isinstance(value, Mapping):
        # pypsrp turns it into a Hashtable, and each list in it into an ArrayList, as remoting itself does.
        return {_checked(name, key): to_wire(pool, name, part) for key, part in value.items()}
    return [_checked(name, part) for part in value]


def _checked(name: str, text: str, *, secret: bool = False) -> str:
    found = _DEADLY.search(text)
    if found:
        shown = "a character" if secret else f"U+{ord(found[0]):04X}"
        raise UnsendableValueError(f"BulkPS.UnsendableValue: {name} holds {shown}, which no session survives")
    return text


def properties(found: object, wanted: Iterable[str]) -> Mapping[str, object]:
    """Return the *wanted* properties of an output object as plain values; all if none are named.

    PowerShell's property names ignore case; the names come back as they were requested. A value that is not
    an object (a text, a list, an enumeration) is under ``Value``, whatever properties were attached to it.
    """
    if not isinstance(found, GenericComplexObject) or found.property_sets or _moment(found):
        return {"Value": plain(found)}
    every = {**(found.adapted_properties or {}), **(found.extended_properties or {})}
    names = tuple(wanted)
    if not names:
        return {name: plain(value) for name, value in every.items()}
    if not every.keys() >= set(names):
        folded = {name.casefold(): value for name, value in every.items()}
        every = {name: folded[name.casefold()] for name in names if name.casefold() in folded}
    return {name: plain(every[name]) for name in names if name in every}


def plain(value: Any, depth: int = 0) -> Any:
    """Return a wire value as None, bool, int, float, str or a list or dict of those.

    scripts/BulkPS/BulkPS.psm1 does the same with a value inside the engine.
    """
    if isinstance(value, float) and not math.isfinite(value):
        # JSON cannot express it.
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if depth >= _DEEPEST:
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(part, depth + 1) for part in value]
    if isinstance(value, dict):
        return {str(key): plain(part, depth + 1) for key, part in value.items()}
    if isinstance(value, GenericComplexObject):
        return _plain_object(value, depth)
    return str(value)


def _plain_object(value: GenericComplexObject, depth: int) -> Any:
    if text := _moment(value) or value.to_string:
        return text
    if value.property_sets:
        # A primitive that the engine wrapped in a PSObject, with or without added properties.
        inner = [plain(part, depth + 1) for part in value.property_sets]
        return inner[0] if len(inner) == 1 else inner
    every = {**(value.adapted_properties or {}), **(value.extended_properties or {})}
    return {name: plain(part, depth + 1) for name, part in every.items()}


def _moment(value: GenericComplexObject) -> str:
    """Return a DateTimeOffset in UTC, else an empty text: its own text is in the server's language."""
    kind = value.types[0].removeprefix("Deserialized.") if value.types else ""
    found = (value.adapted_properties or {}).get("UtcDateTime") if kind == _DATE_TIME_OFFSET else None
    return found if isinstance(found, str) else ""


def error_record(found: Any) -> ErrorRecord:
    """Return a pypsrp error record as an ErrorRecord.

    ``str(record)`` is the text that people know; ``record.message`` is only the category's text.
    """
    exception = found.exception
    types = list(getattr(exception, "types", None) or [])
    return ErrorRecord(
        message=str(found),
        exception_type=str(types[0]) if types else "",
        fully_qualified_error_id=str(found.fq_error or ""),
        category=_category(found),
        reason=str(found.reason or ""),
        target=str(found.target_name or ""),
    )


def _category(found: Any) -> str:
    return str(found.message or "").split(":", 1)[0]


def error_records(found: Iterable[Any]) -> tuple[ErrorRecord, ...]:
    """Return each error once: ``-ErrorAction Stop`` brings a record in the stream and in the state."""
    return tuple(dict.fromkeys(error_record(record) for record in found))


def plain_texts(found: Iterable[Any]) -> tuple[str, ...]:
    """Return the texts of warning records."""
    return tuple(str(record.message) for record in found)
