"""Reads cells that hold a value: true or false, a number, a date, a duration, a size. Pure.

Each pattern, where there is one, matches whole, usual, valid cells; see cell_types.CellType.
"""

import re
from datetime import datetime

from bulkps.exchange.sizes import read_size, size_argument
from bulkps.operations.suspicious_cells import FALSE, TRUE


class Unsound(ValueError):
    """A cell is not of the type; the text says why if that adds to what was expected."""


#: The English words; the words of spreadsheets in other languages are accepted too.
_ENGLISH = ("true", "yes", "y", "1", "on", "$true", "false", "no", "n", "0", "off", "$false")
BOOLEAN = "(?ai:" + "|".join(re.escape(word) for word in _ENGLISH) + ")"


def boolean_value(text: str) -> bool:
    """Return whether *text* means true or false, in English or in the language of a spreadsheet.

    Raises:
        Unsound: If it is none.
    """
    folded = text.casefold()
    if folded in TRUE:
        return True
    if folded in FALSE:
        return False
    raise Unsound("")


DAYS = r"(?ai:unlimited|0{0,9}[1-9][0-9]{0,3}(?:\.(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?)"
_DAYS_READ, _NUMBER_READ = re.compile(DAYS), re.compile("[0-9]{1,9}")


def days_value(text: str) -> str:
    """Return a number of days as a duration, or ``Unlimited``.

    Raises:
        Unsound: If it is none.
    """
    if not _DAYS_READ.fullmatch(text):
        raise Unsound("")
    if text.casefold() == "unlimited":
        return "Unlimited"
    return text if ":" in text else f"{int(text)}.00:00:00"


def number_value(text: str) -> int:
    """Return a whole number without a sign.

    Raises:
        Unsound: If it is none.
    """
    if not _NUMBER_READ.fullmatch(text):
        raise Unsound("")
    return int(text)


INTEGER = r"-?[0-9]{1,18}"
_INTEGER_READ = re.compile(INTEGER)


def integer_value(text: str) -> int:
    """Return a whole number.

    Raises:
        Unsound: If it is none.
    """
    if not _INTEGER_READ.fullmatch(text):
        raise Unsound("")
    return int(text)


# --- dates, durations, addresses on the web ---------------------------------------------------------------
# A date travels as text, and the server reads it by its own culture: only ISO 8601 means the same everywhere.
_DATE = (
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_DATE_READ = re.compile(_DATE)


def date_value(text: str) -> str:
    """Return a date in ISO 8601.

    Raises:
        Unsound: If it is none.
    """
    if not _DATE_READ.fullmatch(text):
        raise Unsound("day and month are never guessed" if re.search("[./]", text) else "")
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise Unsound(f"{text} is no day of the calendar") from error
    return text.replace(" ", "T")


_DURATION = r"(?ai:unlimited|[0-9]{1,5}|(?:[0-9]{1,5}\.)?(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?)"
_DURATION_READ = re.compile(_DURATION)


def duration_value(text: str) -> str:
    """Return a duration as .NET reads it, or ``Unlimited``.

    Raises:
        Unsound: If it is none.
    """
    if not _DURATION_READ.fullmatch(text):
        raise Unsound("")
    return "Unlimited" if text.casefold() == "unlimited" else text


_URI_READ = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"]+")


def uri_value(text: str) -> str:
    """Return an absolute address.

    Raises:
        Unsound: If it is none.
    """
    if not _URI_READ.fullmatch(text):
        raise Unsound("")
    return text


CULTURE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}"
_CULTURE_READ = re.compile(CULTURE)


def culture_value(text: str) -> str:
    """Return the name of a language, such as ``en-US``.

    Raises:
        Unsound: If it is none.
    """
    if not _CULTURE_READ.fullmatch(text):
        raise Unsound("")
    return text


# As people type it, and as Exchange prints it: a cell copied from Get-Mailbox is valid. To Exchange, a number
# without a unit is bytes; a small one is more likely meant as gigabytes, and as bytes would block a mailbox.
SIZE = (
    r"(?ai:unlimited|0|[0-9]{7,15}|[0-9]{1,9}(?:[.,][0-9]{1,2})?[ ]?[KMGT]?B"
    r"|[0-9.,]{1,15} [KMGT]?B \([0-9][0-9.,'\u2019 \u00a0\u202f]{0,25} bytes\))"
)
_SIZE_READ = re.compile(SIZE)
_THOUSANDS = re.compile(r"([0-9]{1,3})[.,]([0-9]{3})[ ]?([KMGT]?B)", re.IGNORECASE | re.ASCII)


def size_value(text: str) -> str:
    """Return a size as Exchange takes it, or ``Unlimited``.

    Raises:
        Unsound: If it is none.
    """
    size = read_size(text) if _SIZE_READ.fullmatch(text) else None
    if size is not None:
        return size_argument(size)
    if found := _THOUSANDS.fullmatch(text):
        whole, rest, unit = found.groups()
        raise Unsound(f"{text} can mean {whole}{rest}{unit} or {whole}.{rest[:2]}{unit}: write one of these")
    if re.fullmatch("[0-9]{1,6}", text):
        raise Unsound(f"without a unit, {text} means bytes: write {text}GB or {text}MB")
    raise Unsound("")


def amount_value(text: str) -> str:
    """Return a value of a type that may be unlimited; the data does not say of what.

    Raises:
        Unsound: If it is none.
    """
    if text.casefold() == "unlimited":
        return "Unlimited"
    if _INTEGER_READ.fullmatch(text) or _DURATION_READ.fullmatch(text):
        return text
    return size_value(text)
