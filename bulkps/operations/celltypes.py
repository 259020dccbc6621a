"""What a cell may hold: for each type a pattern, what to call it, and its canonical value.

A pattern describes a whole sound cell, so that a reader can check a row with one compiled
expression and only look closer where that fails.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from bulkps.exchange.folders import WELL_KNOWN
from bulkps.exchange.sizes import read_size, size_argument


@dataclass(frozen=True)
class CellType:
    """A kind of cell.

    Attributes:
        name: As an operation's YAML says it.
        expected: The end of the sentence "expected …".
        pattern: A regular expression without groups that a sound cell matches whole; None for any text.
        canonical: From a sound cell to the value that is bound.
    """

    name: str
    expected: str
    pattern: str | None
    canonical: Callable[[str], str | bool | int] = str


def _guid(text: str) -> str:
    return text.strip("{}").lower()


_TRUE = ("true", "yes", "y", "1", "on", "$true")
_FALSE = ("false", "no", "n", "0", "off", "$false")


def _boolean(text: str) -> bool:
    return text.casefold() in _TRUE


def _size(text: str) -> str:
    size = read_size(text)
    if size is None:
        raise ValueError(f"{text!r} says no size")
    return size_argument(size)


# As people type it, and as Exchange prints it: a cell copied from Get-Mailbox is sound. A number without a
# unit is bytes to Exchange; a small one is far more often a number of gigabytes, and would stop a mailbox.
_SIZE = (
    r"(?ai:unlimited|0|[0-9]{7,15}|[0-9]{1,9}(?:[.,][0-9]{1,2})?[ ]?[KMGT]?B"
    r"|[0-9.,]{1,15} [KMGT]?B \([0-9][0-9.,'\u2019 \u00a0\u202f]{0,25} bytes\))"
)
_HEX = "[0-9A-Fa-f]"
# A GUID of zeros is what Exchange prints where there is none, such as ArchiveGuid without an archive.
_GUID = f"(?![0-]{{36}}){_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
# RFC 5321 dot-atom, as Exchange takes it: an apostrophe or a plus is legal, two dots in a row, a dot
# at an end, a space or a second @ is not. Letters beyond ASCII are refused: Exchange's own addresses
# have none (EAI addresses are for recipients elsewhere). An asterisk is legal and refused all the same: in an
# identity Exchange takes it for any text, and a read would answer with everybody who fits.
_ATOM = r"[A-Za-z0-9!#$%&'+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The lookahead holds the local part to 64 characters (RFC 5321 4.5.3.1.1).
_SMTP = rf"(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+"
# Entra ID allows A-Z a-z 0-9 ' . - _ ! # ^ ~ in a UPN before the @ and no dot right before it;
# plus is legal too in Exchange Online's MicrosoftOnlineServicesID.
_UPN_ATOM = r"[A-Za-z0-9'_!#^~+-]+"
_UPN = rf"(?=[^@]{{1,64}}@){_UPN_ATOM}(?:\.{_UPN_ATOM})*@{_LABEL}(?:\.{_LABEL})+"
# As bulkps.exchange.folders reads them: a first name between number signs is a well-known folder.
_NAME = r"[^/*;\r\n]+"
_KNOWN = "|".join(WELL_KNOWN)
_FOLDER = rf"(?:#(?ai:{_KNOWN})#|(?!#[^/;\r\n]*#(?:[/;\r\n]|\Z)){_NAME})(?:/{_NAME})*(?:/\*)?"
_WELL_KNOWN_FIRST = re.compile(rf"#((?ai:{_KNOWN}))#")


def _folder(text: str) -> str:
    """Return the folder with a well-known name as the documentation spells it.

    Whether Exchange takes another case is not documented.
    """
    found = _WELL_KNOWN_FIRST.match(text)
    if found is None:
        return text
    folded = found[1].casefold()
    name = next(name for name in WELL_KNOWN if name.casefold() == folded)
    return f"#{name}#{text[found.end() :]}"


def _days(text: str) -> str:
    if text.casefold() == "unlimited":
        return "Unlimited"
    return text if ":" in text else f"{int(text)}.00:00:00"


_DN = r"(?i:CN|OU)=[^\r\n*]+,(?i:DC)=[^\r\n*]+"

#: Every type of cell by name.
CELL_TYPES = {
    kind.name: kind
    for kind in (
        CellType("text", "text", None),
        CellType(
            "guid",
            "a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            rf"(?:{_GUID}|\{{{_GUID}\}})",
            _guid,
        ),
        CellType("smtp", "an SMTP address such as ann.beebe@contoso.com", _SMTP),
        CellType("upn", "a user principal name such as ann.beebe@contoso.com", _UPN),
        CellType("dn", "a DistinguishedName (CN=…,DC=…)", _DN),
        CellType(
            "boolean",
            "true or false (also yes, no, 1, 0, on, off)",
            "(?ai:" + "|".join(re.escape(word) for word in (*_TRUE, *_FALSE)) + ")",
            _boolean,
        ),
        CellType(
            "days",
            "a number of days from 1, such as 30 or 30.00:00:00, or Unlimited",
            r"(?ai:unlimited|0*[1-9][0-9]{0,3}(?:\.(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?)",
            _days,
        ),
        CellType("number", "a whole number", r"[0-9]{1,9}", int),
        CellType(
            "folder",
            "a folder such as Inbox/Projects, #Inbox#/* (well-known, with all below it) or Projects/*",
            _FOLDER,
            _folder,
        ),
        CellType("size", "a size such as 50GB, 49.5 GB or Unlimited", _SIZE, _size),
    )
}
