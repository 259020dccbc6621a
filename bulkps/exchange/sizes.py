"""Sizes as Exchange prints them, such as ``16.09 MB (16,873,043 bytes)``, to bytes and back. Pure.

The rounded amount is for people; only the bytes in parentheses count. Their group separator is the
server's: comma, dot, blank or apostrophe [CSS reads comma and dot].
"""

import math
import re
from collections.abc import Mapping

#: Bytes, or UNLIMITED. Never negative.
Size = int | float

#: No limit; greater than any number of bytes.
UNLIMITED = math.inf

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB")
#: The largest unit in the documentation of quotas.
_LARGEST_TYPED = "TB"
# Digits with possible group separators; then one word. Assumed: it may be another word than "bytes".
_EXACT = re.compile(rf"(?:{'|'.join(_UNITS)})\s*\(\s*(\d[\d\s.,'’_]{{0,60}}?)\s*[^\W\d_]+\s*\)")
# Without parentheses, as people type a quota: "50GB", "49.5 GB". A group of three after a separator is
# refused, because 1.024 may be a thousand or a little more than one.
_TYPED = re.compile(rf"(\d+)(?:[.,](\d{{1,2}}))?\s*({'|'.join(_UNITS)})", re.IGNORECASE)


def read_size(value: object) -> Size | None:
    """Return the bytes of *value*, UNLIMITED, or None if it is not a size.

    A bare whole number is bytes. An object that lost its type on the way (``Unlimited`1`` as a dictionary
    of IsUnlimited and Value) is read too.
    """
    if isinstance(value, Mapping):
        return _read_object(value)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value if value >= 0 else None
    return _read_text(str(value).strip())


def _read_object(value: Mapping[object, object]) -> Size | None:
    folded = {str(name).casefold(): part for name, part in value.items()}
    if str(folded.get("isunlimited")).casefold() == "true":
        return UNLIMITED
    # Only one level: an object that contains itself is not followed.
    inner = folded.get("value")
    if isinstance(inner, Mapping):
        return None
    return read_size(inner)


def _read_text(text: str) -> Size | None:
    if text.casefold() == "unlimited":
        return UNLIMITED
    if found := _EXACT.search(text):
        return _whole(re.sub(r"\D", "", found.group(1)))
    if text.isdecimal():
        return _whole(text)
    if (typed := _TYPED.fullmatch(text)) and (whole := _whole(typed.group(1))) is not None:
        hundredths = whole * 100 + int((typed.group(2) or "0").ljust(2, "0"))
        return (hundredths << 10 * _UNITS.index(typed.group(3).upper())) // 100
    return None


def _whole(digits: str) -> int | None:
    # int() refuses thousands of digits; no mailbox has more bytes than a 64-bit number counts.
    return int(digits) if len(digits) <= 20 else None


def size_argument(size: Size) -> str:
    """Return *size* for a parameter: a whole number in the largest possible unit, such as ``50688MB``.

    Exchange reads a decimal separator by the server's culture, and may round a bare number of bytes up.
    """
    if size == UNLIMITED:
        return "Unlimited"
    count, unit = int(size), 0
    while count and count % 1024 == 0 and _UNITS[unit] != _LARGEST_TYPED:
        count, unit = count // 1024, unit + 1
    return f"{count}{_UNITS[unit]}"


def size_text(size: Size) -> str:
    """Return *size* as Exchange prints it: ``100 GB (107,374,182,400 bytes)``, or ``Unlimited``."""
    if size == UNLIMITED:
        return "Unlimited"
    count = int(size)
    amount, unit = float(count), _UNITS[0]
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:.4g} {unit} ({count:,} bytes)"
