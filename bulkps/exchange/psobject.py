"""Reads the properties of an output object in every form that a session returns. Pure.

All callers distinguish a property that was *not read* (missing: None here) from one that is *empty* (present,
without a value). A flag that was not read never counts as False.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from bulkps.exchange.dates import read_date, read_duration
from bulkps.exchange.sizes import Size, read_size

_COMMAS = re.compile(r"[\s,;]+")
#: GUIDs as sessions write them, and everything that Python accepts as one.
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LIKE_ONE = re.compile(r"\s*\{*(?:urn:)?(?:uuid:)?\{*[0-9A-Fa-f-]{32,}\}*\s*")
_NO_GUID = "00000000-0000-0000-0000-000000000000"


def listed(value: object, separator: re.Pattern[str] = _COMMAS) -> tuple[str, ...]:
    """Return the texts of a multi-valued property: a list, or one text, as ``{a, b}`` or ``a, b``.

    Args:
        value: The property as the session returned it.
        separator: What separates the values if they came as one text.
    """
    if value is None:
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        parts = [str(part) for part in value if part is not None]
    else:
        text = str(value).strip()
        if text.startswith("{") and text.endswith("}"):
            text = text[1:-1]
        parts = separator.split(text)
    return tuple(part.strip() for part in parts if part.strip())


def read_guid(value: object) -> str:
    """Return *value* as a lower-case GUID with dashes; empty for the zero GUID and for anything else."""
    text = str(value)
    # Called for every name of every mailbox: a failed UUID() costs more than everything else.
    if _GUID.fullmatch(text):
        return "" if text == _NO_GUID else text
    if not _LIKE_ONE.fullmatch(text):
        return ""
    try:
        found = UUID(text.strip().strip("{}"))
    except ValueError:
        return ""
    return str(found) if found.int else ""


class Properties:
    """The properties of one output object, found by name, ignoring case.

    Args:
        found: Property name to plain value, as ``Outcome.output`` holds it. A value of None is an empty
            property; for a flag, a size or a date it means unknown.
    """

    def __init__(self, found: Mapping[str, object]) -> None:
        self._folded = {name.casefold(): value for name, value in found.items()}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._folded

    def raw(self, name: str) -> object:
        """Return the raw value; None also if there is none."""
        return self._folded.get(name.casefold())

    def text(self, name: str) -> str | None:
        """Return the text without surrounding blanks, or None if it was not read."""
        if name not in self:
            return None
        value = self.raw(name)
        return "" if value is None else str(value).strip()

    def flag(self, name: str) -> bool | None:
        """Return the flag, from a bool or from ``True``, ``False``, ``$true``, ``$false``; else None."""
        value = self.raw(name)
        if isinstance(value, bool):
            return value
        return {"true": True, "false": False}.get(str(value).strip().removeprefix("$").casefold())

    def guid(self, name: str) -> str | None:
        """Return the GUID in lower case with dashes, empty for the zero GUID, or None if it was not read."""
        return read_guid(self.raw(name)) if name in self else None

    def size(self, name: str) -> Size | None:
        """Return the size in bytes, UNLIMITED, or None if there is none that can be read."""
        return read_size(self.raw(name))

    def date(self, name: str) -> datetime | None:
        """Return the moment in UTC, or None if there is none that can be read."""
        return read_date(self.raw(name))

    def duration(self, name: str) -> timedelta | None:
        """Return the duration, FOREVER, or None if there is none that can be read."""
        return read_duration(self.raw(name))
