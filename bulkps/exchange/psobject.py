"""Reading the properties of an output object, whatever shape a session gave them. Pure.

Two things are kept apart everywhere above this module: a property that was *not read* (missing: None here)
and one that is *empty* (there, with nothing in it). A flag that was not read is never taken for False.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from bulkps.exchange.dates import read_date, read_duration
from bulkps.exchange.sizes import Size, read_size

_COMMAS = re.compile(r"[\s,;]+")
#: As sessions write them; and anything that Python takes for one.
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LIKE_ONE = re.compile(r"\s*\{*(?:urn:)?(?:uuid:)?\{*[0-9A-Fa-f-]{32,}\}*\s*")
_NO_GUID = "00000000-0000-0000-0000-000000000000"


def listed(value: object, separator: re.Pattern[str] = _COMMAS) -> tuple[str, ...]:
    """Return the texts of a multi-valued property: a list, or one text, as ``{a, b}`` or ``a, b``.

    Args:
        value: The property as the session gave it.
        separator: What stands between the values where they came as one text.
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
    """Return *value* as a lower-case GUID with dashes; empty for the zero GUID and for what is none."""
    text = str(value)
    # Asked of every name of every mailbox: a failed UUID costs more than all the rest.
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
    """The properties of one output object, found by name without regard to case.

    Args:
        found: Property name to plain value, as ``Outcome.output`` holds it. A value of None is an empty
            property, except for a flag, a size or a date, which it leaves unknown.
    """

    def __init__(self, found: Mapping[str, object]) -> None:
        self._folded = {name.casefold(): value for name, value in found.items()}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._folded

    def raw(self, name: str) -> object:
        """Return the value as it came; None also where there is none."""
        return self._folded.get(name.casefold())

    def text(self, name: str) -> str | None:
        """Return the text without blanks around it, or None if it was not read."""
        if name not in self:
            return None
        value = self.raw(name)
        return "" if value is None else str(value).strip()

    def flag(self, name: str) -> bool | None:
        """Return the flag, given as such or as ``True``, ``False``, ``$true``, ``$false``; else None."""
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
