"""Whether a property already has the value that a parameter would set. Pure.

False negatives only cost a cmdlet that changes nothing. A false positive would leave a change undone, so
whatever is not certain is None: not known.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from bulkps.exchange.calls_and_outcomes import NULL, Value
from bulkps.exchange.dates import FOREVER, read_date, read_duration
from bulkps.exchange.psobject import listed, read_guid
from bulkps.exchange.sizes import read_size

_UNLIMITED = "unlimited"
_FLAGS = {"true": True, "false": False}


def has_value(wanted: Value, present: object, kind: str, *, any_case: bool = False) -> bool | None:
    """Return whether *present* is what *wanted* would make it; None if that is not known.

    Args:
        wanted: The value that would be bound.
        present: The property's value as the session returned it.
        kind: The type of cell that fills the parameter; see operations.cell_types.
        any_case: Whether texts that differ only in their case are the same, as in an enumeration.
    """
    if wanted is NULL:
        return _is_empty(present)
    if isinstance(wanted, Mapping):
        return _changed_already(wanted, present, kind)
    if isinstance(wanted, tuple):
        return _same_list(wanted, present, kind)
    if isinstance(present, list | tuple):
        return None
    return _same(wanted, present, kind, any_case=any_case)


def _same(wanted: Value, present: object, kind: str, *, any_case: bool) -> bool | None:
    if isinstance(wanted, bool):
        flag = present if isinstance(present, bool) else _FLAGS.get(str(present).strip().casefold())
        return None if flag is None else flag is wanted
    text, there = str(wanted), "" if present is None else str(present).strip()
    if kind in ("size", "amount"):
        return _same_amount(text, present, there)
    if kind == "duration":
        return _same_duration(text, there)
    if kind == "integer":
        return there == text if there.removeprefix("-").isdecimal() else None
    if kind == "guid":
        return read_guid(there) == read_guid(text)
    if kind == "date":
        one, other = read_date(text), read_date(present)
        # Without a zone, the date means the server's.
        return one == other if one and other and text.endswith("Z") else None
    if kind in ("smtp", "proxy"):
        return _address(there) == _address(text)
    if kind == "identity":
        # An object has many names: only the same name is certain.
        return True if there.casefold() == text.casefold() else None
    return there.casefold() == text.casefold() if any_case else there == text


def _same_amount(text: str, present: object, there: str) -> bool | None:
    if _UNLIMITED in (text.casefold(), there.casefold()):
        return text.casefold() == there.casefold()
    one, other = read_size(text), read_size(present)
    if one is not None and other is not None:
        return one == other
    return True if text == there else None


def _same_duration(text: str, there: str) -> bool | None:
    one = FOREVER if text.casefold() == _UNLIMITED else read_duration(text)
    if one is None and text.isdecimal():
        one = timedelta(days=int(text))
    other = FOREVER if there.casefold() == _UNLIMITED else read_duration(there)
    return None if one is None or other is None else one == other


def _same_list(wanted: tuple[str, ...], present: object, kind: str) -> bool | None:
    there = listed(present) if not isinstance(present, list | tuple) else tuple(map(str, present))
    if kind in ("smtp", "proxy"):
        # Which of them is the primary address is not known from the list alone.
        return None
    same = {text.casefold() for text in wanted} == {text.casefold() for text in there}
    return True if same else None if kind == "identity" else False


def _changed_already(wanted: Mapping[str, object], present: object, kind: str) -> bool | None:
    there = {_folded(text, kind) for text in _texts(present)}
    added = {_folded(text, kind) for text in _texts(wanted.get("Add"))}
    removed = {_folded(text, kind) for text in _texts(wanted.get("Remove"))}
    if kind == "identity" and not (added <= there and not removed):
        return None
    return added <= there and not removed & there


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, list | tuple):
        return [str(one) for one in value if one is not None]
    return listed(value)


def _folded(text: str, kind: str) -> str:
    return _address(text) if kind in ("smtp", "proxy") else text.casefold()


def _address(text: str) -> str:
    folded = text.strip().casefold()
    return folded.removeprefix("smtp:")


def _is_empty(present: object) -> bool:
    if isinstance(present, list | tuple):
        return not any(str(one) for one in present)
    return present is None or str(present).strip() == ""
