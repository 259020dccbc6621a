"""How Exchange holds and prints a parameter's value: sizes, durations, dates, lists, enumerations. Pure.

The binder of the client passes most values as they come; the service judges them by the type that the
documentation names. Error texts are PowerShell's for a value that cannot be converted.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from bulkps.exchange.cmdlet_metadata import ParameterFacts
from bulkps.simulator.cmdlets.cmdlet_result import Category, ErrorInfo, Refused, Value
from bulkps.simulator.tenant import fake_directory

UNLIMITED = "Unlimited"
_SIZE = re.compile(r"(\d+)(?:\.(\d+))? ?(B|KB|MB|GB|TB)?(?: \([\d,]+ bytes\))?", re.IGNORECASE)
_PRINTED = re.compile(r"\(([\d,]+) bytes\)")
_SPAN = re.compile(
    r"(?P<days>\d+)(?:\.(?P<hours>\d{1,2}):(?P<minutes>\d\d)(?::(?P<seconds>\d\d))?)?|"
    r"(?P<h>\d{1,2}):(?P<m>\d\d)(?::(?P<s>\d\d))?"
)
#: Forms of a date besides ISO 8601: the service reads texts by the culture en-US.
_DATES = ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M", "%m/%d/%Y")
_NUMBERS = {"Int16", "Int32", "Int64", "UInt16", "UInt32", "UInt64"}
_TEXTS = {"String", "SmtpAddress", "CountryInfo", "GeoCoordinates"}
_COLLECTIONS = {"MultiValuedProperty", "ProxyAddressCollection"}
#: The allowed values of enumerations that the data does not have. [Microsoft's pages]
_ENUMERATIONS: dict[str, tuple[str, ...]] = {
    "CalendarProcessingFlags": ("None", "AutoUpdate", "AutoAccept"),
    "EwsApplicationAccessPolicy": ("EnforceAllowList", "EnforceBlockList"),
    "ExternalAudience": ("None", "Known", "All"),
    "GroupType": ("Distribution", "Security"),
    "MacAttachmentFormat": ("BinHex", "UuEncode", "AppleSingle", "AppleDouble"),
    "MemberUpdateType": ("Open", "Closed", "ApprovalRequired"),
    "MessageBodyFormat": ("Text", "Html", "TextAndHtml"),
    "MessageFormat": ("Text", "Mime"),
    "MimeTextFormat": (
        "TextOnly", "HtmlOnly", "HtmlAndTextAlternative", "TextEnrichedOnly",
        "TextEnrichedAndTextAlternative", "BestBodyFormat", "Tnef",
    ),
    "OofState": ("Disabled", "Enabled", "Scheduled"),
    "ResourceBookingType": ("Standard", "Reserved"),
    "TransportModerationNotificationFlags": ("Never", "Internal", "Always"),
    "UseMapiRichTextFormat": ("Never", "Always", "UseDefaultSettings"),
}  # fmt: skip


def held(cmdlet: str, parameter: ParameterFacts, value: Value, current: Value) -> Value:
    """Return what a property holds after *parameter* was given as *value*.

    Args:
        cmdlet: The cmdlet, for its error.
        parameter: What the documentation says of the parameter.
        value: What was given; null clears.
        current: What the property holds now, to which a hashtable adds and from which it removes.

    Raises:
        Refused: The value is not of the parameter's type.
    """
    if parameter.type.endswith("[]") or parameter.type in _COLLECTIONS or isinstance(current, list):
        return merged(value, current, lambda entry: _single(cmdlet, parameter, entry))
    if value is None or value == "":
        # What is text is then empty; everything else has no value at all.
        return "" if parameter.type in _TEXTS else None
    return _single(cmdlet, parameter, value)


def merged(value: Value, current: Value, held_as: Callable[[Value], Value]) -> list[Value]:
    """Return the entries of a multivalued property: a hashtable adds and removes, a list replaces.

    Args:
        value: What was given.
        current: The entries now.
        held_as: Returns an entry as Exchange holds it.
    """
    if not isinstance(value, Mapping):
        return list(dict.fromkeys(map(held_as, entries(value))))
    folded = {str(name).casefold(): several for name, several in value.items()}
    removed = {str(held_as(one)).casefold() for one in entries(folded.get("remove"))}
    kept = [one for one in entries(current) if str(one).casefold() not in removed]
    known = {str(one).casefold() for one in kept}
    # Assumed: adding what is there, and removing what is not, gives no error.
    added = [one for one in map(held_as, entries(folded.get("add"))) if str(one).casefold() not in known]
    return [*kept, *dict.fromkeys(added)]


def entries(value: Value) -> list[Value]:
    """Return the entries of *value*: those of a list, the only one, or none."""
    if isinstance(value, list | tuple):
        return [one for one in value if one not in (None, "")]
    return [] if value in (None, "") else [value]


def same(first: Value, second: Value) -> bool:
    """Return whether two values of a property are the same; the order of a list does not matter."""
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return sorted(map(str, first)) == sorted(map(str, second))
    empty: tuple[Value, ...] = (None, "", [])
    return first == second or (first in empty and second in empty)


def size_of(cmdlet: str, name: str, value: Value) -> int | None:
    """Return a size in bytes; None for Unlimited.

    Raises:
        Refused: It is not a size.
    """
    text = str(value)
    if text.casefold() == UNLIMITED.casefold():
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        kind = "Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]"
        raise not_of_type(cmdlet, name, text, kind)
    if "(" in text:
        return bytes_of(text)
    unit = 1 << 10 * ("B", "KB", "MB", "GB", "TB").index((found[3] or "B").upper())
    return int(found[1]) * unit + int(float(f"0.{found[2] or 0}") * unit)


def size_printed(size: int | None) -> str:
    """Return a size as Exchange prints it."""
    return UNLIMITED if size is None else fake_directory.size_text(size)


def bytes_of(text: str) -> int | None:
    """Return the bytes of a size as Exchange prints it; None for Unlimited."""
    found = _PRINTED.search(text)
    return int(found[1].replace(",", "")) if found else None


def chosen(cmdlet: str, name: str, value: Value, allowed: tuple[str, ...]) -> str:
    """Return the one of *allowed* that *value* names, in its documented case.

    Raises:
        Refused: It names none.
    """
    for one in allowed:
        if one.casefold() == str(value).casefold():
            return one
    raise Refused(
        ErrorInfo(
            f'Cannot bind parameter \'{name}\' to the target. Exception setting "{name}": "Unable to match '
            f"the identifier name {value} to a valid enumerator name. Specify one of the following "
            f'enumerator names and try again: {", ".join(allowed)}"',
            "System.Management.Automation.ParameterBindingException",
            Category.InvalidArgument,
            f"ParameterBindingFailed,{cmdlet}",
            activity=cmdlet,
        ),
        terminating=True,
    )


def not_of_type(cmdlet: str, name: str, value: Value, kind: str) -> Refused:
    """Return PowerShell's error for a *value* that cannot become the .NET type *kind*."""
    return Refused(
        ErrorInfo(
            f"Cannot process argument transformation on parameter '{name}'. Cannot convert value "
            f'"{value}" to type "{kind}".',
            "System.Management.Automation.ParameterBindingArgumentTransformationException",
            Category.InvalidArgument,
            f"ParameterArgumentTransformationError,{cmdlet}".rstrip(","),
            activity=cmdlet,
        ),
        terminating=True,
    )


def _single(cmdlet: str, parameter: ParameterFacts, value: Value) -> Value:
    kind, name = parameter.type.removesuffix("[]"), parameter.name
    if isinstance(value, bool):
        return value
    if kind in _NUMBERS:
        return int(str(value))
    if kind == "ByteQuantifiedSize" or (kind == "Unlimited" and _is_size(name)):
        return size_printed(size_of(cmdlet, name, value))
    if kind == "Unlimited":
        return _amount(cmdlet, name, value)
    if kind in {"EnhancedTimeSpan", "TimeSpan"}:
        return _span(cmdlet, name, value)
    if kind in {"DateTime", "ExDateTime"}:
        return _moment(cmdlet, name, value)
    if kind == "ProxyAddress":
        text = str(value)
        return text if ":" in text else f"smtp:{text}"
    return chosen(cmdlet, name, value, _ENUMERATIONS[kind]) if kind in _ENUMERATIONS else str(value)


def _is_size(name: str) -> bool:
    return name.endswith("Quota") or name in {"MaxSendSize", "MaxReceiveSize"}


def _amount(cmdlet: str, name: str, value: Value) -> str:
    """Return an Unlimited that is no size: a duration or a number."""
    if str(value).casefold() == UNLIMITED.casefold():
        return UNLIMITED
    if name.endswith(("Duration", "AgeLimit", "Interval")):
        return _span(cmdlet, name, value)
    if not str(value).isdecimal():
        raise not_of_type(cmdlet, name, value, "Microsoft.Exchange.Data.Unlimited`1[System.Int32]")
    return str(value)


def _span(cmdlet: str, name: str, value: Value) -> str:
    """Return a duration as Exchange prints it: ``30.00:00:00``."""
    found = _SPAN.fullmatch(str(value))
    if found is None:
        raise not_of_type(cmdlet, name, value, "Microsoft.Exchange.Data.EnhancedTimeSpan")
    given = {key: int(text) for key, text in found.groupdict().items() if text}
    span = timedelta(
        days=given.get("days", 0),
        hours=given.get("hours", given.get("h", 0)),
        minutes=given.get("minutes", given.get("m", 0)),
        seconds=given.get("seconds", given.get("s", 0)),
    )
    days, rest = span.days, span.seconds
    clock = f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    return f"{days}.{clock}" if days else clock


def _moment(cmdlet: str, name: str, value: Value) -> datetime:
    """Return a point in time. Assumed: a text without an offset is in UTC."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    text = str(value)
    for parse in (datetime.fromisoformat, *(_with(form) for form in _DATES)):
        try:
            found = parse(text)
        except ValueError:
            continue
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    raise not_of_type(cmdlet, name, text, "System.DateTime")


def _with(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form).replace(tzinfo=UTC)
