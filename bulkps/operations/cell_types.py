"""The types of cells: for each how it is read, its description, and a pattern for usual cells.

Reading accepts the forms in which people paste a value, returns the form that is sent, and explains what it
refuses. The pattern lets a reader accept a column of usual cells at once. The time for a cell grows only
linearly with its length: no part of a pattern can match what the next part can, or it never gives anything
back (``++``).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from bulkps.exchange.damaged_text import at
from bulkps.exchange.distinguished_names import read_distinguished_name
from bulkps.exchange.folder_filter import WELL_KNOWN, read_folder
from bulkps.operations.suspicious_cells import filter_problem
from bulkps.operations.value_cells import (
    BOOLEAN,
    CULTURE,
    DAYS,
    INTEGER,
    SIZE,
    Unsound,
    amount_value,
    boolean_value,
    culture_value,
    date_value,
    days_value,
    duration_value,
    integer_value,
    number_value,
    size_value,
    uri_value,
)


@dataclass(frozen=True)
class CellType:
    """A type of cell.

    Attributes:
        name: Its name in an operation's YAML.
        expected: The end of the sentence "expected …".
        read: From a cell to the value that is bound; raises Unsound.
        plain: A regular expression without groups for whole, usual, valid cells; None if that is not simple.
            It never matches a line end or an invalid cell.
        same: Whether the value of such a cell is the cell itself, except for its case.
        words: Whether it holds free text, which may be damaged and still be possible.
        one_line: Whether a line break or another control character makes it invalid.
        longest: The most UTF-16 code units, whatever the column says.
        sign: A character that every cell meant as this type has; if a column allows several types, the
            message explains the one whose sign the cell has.
    """

    name: str
    expected: str
    read: Callable[[str], str | bool | int]
    plain: str | None = None
    same: bool = True
    words: bool = False
    one_line: bool = False
    longest: int = 400
    sign: str = ""


def utf16_length(text: str) -> int:
    """Return the length of *text* as Exchange counts it, in UTF-16 code units: an emoji is two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


# --- GUIDs ----------------------------------------------------------------------------------------------
_HEX = "[0-9A-Fa-f]"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_GUID = re.compile(rf"(?:{_DASHED}|\{{{_DASHED}\}}|\({_DASHED}\)|{_HEX}{{32}})")
_NO_DIGITS = str.maketrans("", "", "-{}()")


def _guid(text: str) -> str:
    if not _GUID.fullmatch(text):
        bare = text.strip("'\"\u2018\u2019\u201c\u201d`")
        if bare != text and _GUID.fullmatch(bare):
            raise Unsound("write it without quotes")
        if text.casefold().startswith("urn:uuid:"):
            raise Unsound("write it without urn:uuid: before it")
        if re.fullmatch(r"[A-Za-z0-9+/]{22}==", text):
            raise Unsound("this looks like an ImmutableId, which is a GUID in base64")
        raise Unsound(_strange(text, "0123456789abcdefABCDEF-{}()"))
    digits = text.translate(_NO_DIGITS).lower()
    if not digits.strip("0"):
        # Such as the ArchiveGuid of a mailbox without an archive.
        raise Unsound("a GUID of zeros names nothing: Exchange prints it when there is no GUID")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


# --- addresses ------------------------------------------------------------------------------------------
# RFC 5321 dot-atom, as Exchange accepts it: an apostrophe or a plus is legal; two dots in a row, a dot at an
# end, a space or a second @ is not. Non-ASCII letters are refused: Exchange's own addresses have none (EAI
# addresses are for recipients elsewhere). An asterisk is legal but refused: in an identity, Exchange takes it
# as a wildcard, and a read would return every object that matches.
_ATOM = r"[A-Za-z0-9!#$%&'+/=?^_`{|}~-]++"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The lookahead limits the local part to 64 characters (RFC 5321 4.5.3.1.1).
_SMTP = rf"(?=[^@\n]{{1,64}}@){_ATOM}(?:\.{_ATOM})*+@{_LABEL}(?:\.{_LABEL})++"
# In a UPN, Entra ID allows A-Z a-z 0-9 ' . - _ ! # ^ ~ before the @, but no dot right before it. Exchange
# Online's MicrosoftOnlineServicesID also allows a plus.
_UPN_ATOM = r"[A-Za-z0-9'_!#^~+-]++"
_UPN = rf"(?=[^@\n]{{1,64}}@){_UPN_ATOM}(?:\.{_UPN_ATOM})*+@{_LABEL}(?:\.{_LABEL})++"
_ADDRESS, _PRINCIPAL = re.compile(_SMTP), re.compile(_UPN)
_ADDRESS_CHARACTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@!#$%&'+/=?^_`{|}~-"
_BETWEEN = re.compile(r"[\s,;|/]")
_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9]{1,15}):")


def _pasted(text: str) -> str:
    """Return the address in a cell that was pasted from Outlook, a browser, or EmailAddresses."""
    text = text.rstrip("; \t")
    if text.endswith(">") and text.count("<") == 1:
        text = text[text.index("<") + 1 : -1].strip()
    found = _PREFIX.match(text)
    return text[found.end() :].strip() if found and found.group(1).casefold() in ("smtp", "mailto") else text


def _address(text: str, kind: re.Pattern[str] = _ADDRESS) -> str:
    bare = _pasted(text)
    if kind.fullmatch(bare):
        return bare
    raise Unsound(_why_no_address(text, bare))


def _principal(text: str) -> str:
    return _address(text, _PRINCIPAL)


def _why_no_address(text: str, bare: str) -> str:
    if (signs := bare.count("@")) > 1:
        if not _BETWEEN.search(bare):
            return f"it has {signs} @ signs"
        return "this is more than one address" + (
            "; separate them by ; and not by a comma" if "," in bare else ""
        )
    if (found := _PREFIX.match(bare)) and "@" in bare:
        return f"this is a {found.group(1).upper()} address"
    if bare.endswith("."):
        return "it ends with a dot"
    # Only what is pasted from a mail program has a name, and so blanks, before the address.
    strange = _strange(text, _ADDRESS_CHARACTERS + "<>:;" + " " * ("<" in text))
    local, _, domain = bare.rpartition("@")
    if local.isascii() and not domain.isascii():
        try:
            return f"{strange}; write this domain as {domain.encode('idna').decode('ascii')}"
        except UnicodeError:
            return strange
    if any(quote in bare for quote in "\u2018\u2019\u00b4"):
        return f"{strange}; in an address, the apostrophe is '"
    return strange


def _proxy(text: str) -> str:
    """Read an entry of EmailAddresses: an SMTP address, or one of another kind with its prefix."""
    found = _PREFIX.match(text)
    prefix = found.group(1) if found else ""
    if prefix == "SMTP":
        raise Unsound("SMTP: in capitals would make it the primary address; write smtp: or nothing before it")
    if prefix.casefold() in ("x500", "sip", "eum", "x400", "spo") and found and text[found.end() :].strip():
        return f"{prefix}:{text[found.end() :].strip()}"
    return _address(text)


def _strange(text: str, allowed: str) -> str:
    """Return the first character that such a cell must not have, and its position."""
    place = next((place for place, one in enumerate(text) if one not in allowed), None)
    return "" if place is None else f"not with {at(text, place)}"


# --- DistinguishedNames and folders ---------------------------------------------------------------------
# Usual names that need no parsing: the only escape is the line feed in a deleted mailbox's name, and there
# are no blanks around commas. Everything else is parsed character by character.
_DN_VALUE = r"(?:[!$-)\-./0-:@-\[\]-~]|\\0A)++(?: ++(?:[!#$-)\-./0-:@-\[\]-~]|\\0A)++)*+"
_DN = rf"(?i:CN|OU)={_DN_VALUE}(?:,(?i:CN|OU)={_DN_VALUE})*+(?:,(?i:DC)={_DN_VALUE})++"


def _distinguished_name(text: str) -> str:
    if (
        place := next((place for place, one in enumerate(text) if one < " " or one == "\x7f"), None)
    ) is not None:
        raise Unsound(f"not with {at(text, place)}")
    try:
        return read_distinguished_name(text)
    except ValueError as error:
        star = text.find("*")
        raise Unsound(
            f"not with {at(text, star)}, which can match several" if star >= 0 else str(error)
        ) from error


_KNOWN = "|".join(WELL_KNOWN)
_WELL_KNOWN_FIRST = re.compile(rf"#((?ai:{_KNOWN}))#")


def _folder(text: str) -> str:
    """Return the folder with its well-known name spelled as in the documentation.

    It is not documented whether Exchange ignores its case.
    """
    if text[0] == "/" or text[-1] == "/":
        raise Unsound("without / at the beginning or end")
    if (place := next((place for place, one in enumerate(text) if one in ";\r\n"), None)) is not None:
        raise Unsound(f"not with {at(text, place)}")
    try:
        read_folder(text)
    except ValueError as error:
        raise Unsound(str(error)) from error
    found = _WELL_KNOWN_FIRST.match(text)
    if found is None:
        return text
    folded = found[1].casefold()
    name = next(name for name in WELL_KNOWN if name.casefold() == folded)
    return f"#{name}#{text[found.end() :]}"


def _identity(text: str) -> str:
    if (star := text.find("*")) >= 0:
        # A reading cmdlet would take it as a wildcard, and return every object that matches.
        raise Unsound(f"not with {at(text, star)}, which can match several")
    return text


# --- words ----------------------------------------------------------------------------------------------
def _filter(text: str) -> str:
    if problem := filter_problem(text):
        raise Unsound(problem)
    return text


_WORDS = 1 << 20

#: Every type of cell by name.
CELL_TYPES = {
    kind.name: kind
    for kind in (
        CellType("text", "text", str, words=True, longest=_WORDS),
        CellType("name", "text of one line", str, words=True, one_line=True, longest=_WORDS),
        CellType(
            "filter",
            "a filter with straight quotes, such as Received -gt '01/01/2024'",
            _filter,
            one_line=True,
            longest=_WORDS,
        ),
        CellType(
            "guid", "a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301", _guid, rf"(?![0-]{{36}}){_DASHED}"
        ),
        CellType("smtp", "an SMTP address such as ann.beebe@contoso.com", _address, _SMTP, sign="@"),
        CellType("upn", "a user principal name such as ann.beebe@contoso.com", _principal, _UPN, sign="@"),
        CellType(
            "proxy",
            "an address such as ann.beebe@contoso.com, or one of another kind such as X500:/o=…",
            _proxy,
            _SMTP,
            longest=2000,
            sign="@",
        ),
        CellType(
            "dn",
            "a DistinguishedName (CN=…,DC=…)",
            _distinguished_name,
            _DN,
            words=True,
            longest=2000,
            sign="=",
        ),
        CellType(
            "boolean", "true or false (also yes, no, 1, 0, on, off)", boolean_value, BOOLEAN, same=False
        ),
        CellType(
            "days",
            "a number of days from 1, such as 30 or 30.00:00:00, or Unlimited",
            days_value,
            DAYS,
            same=False,
        ),
        CellType("number", "a whole number", number_value, "[0-9]{1,9}", same=False),
        CellType(
            "folder",
            "a folder such as Inbox/Projects, #Inbox#/* (well-known, with its subfolders) or Projects/*",
            _folder,
            words=True,
            longest=2000,
        ),
        CellType("integer", "a whole number", integer_value, INTEGER, same=False),
        CellType("date", "a date such as 2026-12-31 or 2026-12-31 17:00", date_value, same=False),
        CellType(
            "duration",
            "a duration such as 30.00:00:00 (days.hours:minutes:seconds), 08:00:00, 30 (days) or Unlimited",
            duration_value,
            same=False,
        ),
        CellType(
            "amount",
            "a number, a size such as 50GB, a duration such as 30.00:00:00, or Unlimited",
            amount_value,
            same=False,
        ),
        CellType("uri", "an address such as https://www.contoso.com", uri_value, longest=2000),
        CellType("culture", "a language such as en-US", culture_value, CULTURE),
        CellType(
            "identity",
            "one object: its address, GUID, DistinguishedName or another unique name",
            _identity,
            rf"(?:{_SMTP}|(?![0-]{{36}}){_DASHED})",
            words=True,
            one_line=True,
            longest=2000,
        ),
        CellType("size", "a size such as 50GB, 49.5 GB or Unlimited", size_value, SIZE, same=False),
    )
}
