"""Reads dates and durations in every form that a session may return. Pure.

Over PSRP they come as ISO-8601. If an object was converted to text on the way, they come in the server's
culture: ``6/16/2020 1:19:04 AM``. An ambiguous date is None; day and month are never guessed.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

#: A duration without end; longer than any other.
FOREVER = timedelta.max

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONE = r"(?:\s*(?P<zone>Z|GMT|UTC|[+-]\d{2}:?\d{2}))?"
_TIME = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:\s*(?P<half>[AP]M))?"
_NUMERIC = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<sep>[./-])\s?(?P<b>\d{{1,2}})(?P=sep)\s?(?P<c>\d{{1,4}})\.?(?:,?\s+{_TIME}{_ZONE})?",
    re.IGNORECASE | re.ASCII,
)
# RFC 1123, as in the TimeStamp of a FullyQualifiedErrorId: "Fri, 02 Feb 2024 15:05:39 GMT".
_NAMED = re.compile(
    rf"(?:[A-Z]{{3}},?\s+)?(?P<day>\d{{1,2}})[ -](?P<month>[A-Z]{{3}})[ -](?P<year>\d{{4}})\s+{_TIME}{_ZONE}",
    re.IGNORECASE | re.ASCII,
)
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}.*)?", re.ASCII | re.DOTALL)

_TIMESPAN = re.compile(
    r"(?:(?P<days>\d+)(?:\.|\s+days?,\s*))?(?P<hours>\d{1,2}):(?P<minutes>\d{2}):(?P<seconds>\d{2}(?:\.\d{1,7})?)",
    re.ASCII,
)
_DURATION = re.compile(
    r"P(?=.)(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII,
)


def read_date(value: object) -> datetime | None:
    """Return the moment in *value*, in UTC, or None if there is none or it is ambiguous.

    Assumed: a time without a zone is UTC, as in Exchange Online. .NET's first day (year 1) is not a date.
    """
    if value is None:
        return None
    text = " ".join(str(value).replace("\u200e", "").replace("\u200f", "").split())
    try:
        found = _iso(text) or _numeric(text) or _named(text)
        if found is None or found.year <= 1:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def date_text(moment: datetime) -> str:
    """Return *moment* as ISO-8601 in UTC with whole seconds: ``2020-06-16T01:19:04Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iso(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if _ISO.fullmatch(text) else None


def _numeric(text: str) -> datetime | None:
    if not (found := _NUMERIC.fullmatch(text)):
        return None
    a, b, c = (int(found[name]) for name in "abc")
    if len(found["a"]) == 4:
        return _moment(a, b, c, found)
    day_first = _day_first(a, b, slashes=found["sep"] == "/", half=bool(found["half"]))
    if len(found["c"]) != 4 or day_first is None:
        return None
    return _moment(c, b, a, found) if day_first else _moment(c, a, b, found)


def _day_first(a: int, b: int, *, slashes: bool, half: bool) -> bool | None:
    """Return whether *a* is the day and *b* the month, or None if it may be either."""
    if a > 12 or b > 12:
        return a > 12
    if not slashes:
        return True
    # Slashes with AM or PM are en-US, the language of Exchange Online's servers. Assumed: en-AU and en-IN
    # write the same characters the other way round. Slashes with 24 hours are en-GB, fr-FR or en-ZA: unsure.
    return False if half else None


def _named(text: str) -> datetime | None:
    found = _NAMED.fullmatch(text)
    if not found or found["month"].lower() not in _MONTHS:
        return None
    return _moment(int(found["year"]), _MONTHS.index(found["month"].lower()) + 1, int(found["day"]), found)


def _moment(year: int, month: int, day: int, found: re.Match[str]) -> datetime:
    hour = int(found["hour"] or 0)
    if found["half"]:
        hour = hour % 12 + 12 * (found["half"].upper() == "PM")
    return datetime(
        year,
        month,
        day,
        hour,
        int(found["minute"] or 0),
        int(found["second"] or 0),
        tzinfo=_zone(found["zone"]),
    )


def _zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def read_duration(value: object) -> timedelta | None:
    """Return the duration in *value*, FOREVER for ``Unlimited``, or None if there is none.

    Forms: ``365.00:00:00`` (Exchange), ``P365D`` (the BulkPS module), ``365 days, 0:00:00`` (pypsrp).
    """
    if value is None:
        return None
    text = str(value).strip()
    if text.casefold() == "unlimited":
        return FOREVER
    if not (found := _TIMESPAN.fullmatch(text) or _DURATION.fullmatch(text)):
        return None
    try:
        return timedelta(**{name: float(part) for name, part in found.groupdict().items() if part})
    except OverflowError:
        return None
