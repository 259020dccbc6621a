"""Whether a property already has the value that a parameter would set. Pure.

False negatives only cost a cmdlet that changes nothing. A false positive would leave a change undone, so
whatever is not certain is None: not known.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from bulkps.exchange.calls_and_outcomes import NULL, Value
from bulkps.exchange.dates import FOREVER, read_date, read_duration
from bulkps.exchange.psobject import read_guid
from bulkps.exchange.sizes import read_size

_UNLIMITED = "unlimited"
#: The types of cells that hold addresses; the others in a list may be names of recipients.
_ADDRESSES = ("smtp", "proxy")
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
    if kind in _ADDRESSES:
        bare = there.removeprefix("smtp:").removeprefix("SMTP:")
        # A change of capitals may be what is wanted.
        return True if bare == text else None if _address(there) == _address(text) else False
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
    if not isinstance(present, list | tuple) or kind in _ADDRESSES:
        # Which address is the primary one is not known from the list alone.
        return None
    if tuple(map(str, present)) == wanted:
        return True
    # The entries may be recipients, which have many names, and the order may have a meaning.
    return None


def _changed_already(wanted: Mapping[str, object], present: object, kind: str) -> bool | None:
    if not isinstance(present, list | tuple) or kind not in _ADDRESSES:
        # The entries may be recipients: one that is added or removed can be there under another name.
        return None
    there = {_address(str(one)) for one in present}
    added = {_address(one) for one in _texts(wanted.get("Add"))}
    removed = {_address(one) for one in _texts(wanted.get("Remove"))}
    return added <= there and not removed & there


def _texts(value: object) -> Iterable[str]:
    return [str(one) for one in value if one is not None] if isinstance(value, list | tuple) else []


def _address(text: str) -> str:
    folded = text.strip().casefold()
    return folded.removeprefix("smtp:")


def _is_empty(present: object) -> bool:
    if isinstance(present, list | tuple):
        return not any(str(one) for one in present)
    return present is None or str(present).strip() == ""
