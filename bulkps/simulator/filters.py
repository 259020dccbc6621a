"""Which of the objects found a client gets: -Filter and -ResultSize. Pure."""

import re
from typing import TypeVar

from bulkps.simulator.answers import Answer, Category, ErrorInfo, Refused, Value
from bulkps.simulator.tenant import Mailbox

_Found = TypeVar("_Found")
_DEFAULT_SIZE = 1000
# Property -eq 'value', in which two quotes stand for one; or a bare $true, $false, $null.
_EQUALS = re.compile(
    r"\s*\(?\s*(?P<name>\w+)\s+-eq\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<word>\$?\w+))\s*\)?\s*", re.I
)
_FIRST_THOUSAND = (
    "By default, only the first 1000 items are returned. Use the ResultSize parameter to specify the number "
    "of "
    'items returned. To return all items, specify "-ResultSize Unlimited". Be aware that, depending on the '
    "actual "
    "number of items, returning all items can take a long time and consume a large amount of memory. Also, "
    "we "
    "don't recommend storing the results in a variable. Instead, pipe the results to another task or script "
    "to "
    "perform batch changes."
)
_MORE = (
    "There are more results available than are currently displayed. To view them, increase the value for the "
    "ResultSize parameter."
)


def matching(mailboxes: list[Mailbox], text: str) -> list[Mailbox]:
    """Return those of *mailboxes* that the OPATH filter *text* lets through.

    Raises:
        Refused: The filter is not of the one form known here, ``Property -eq 'value'``.
    """
    parsed = _EQUALS.fullmatch(text)
    if parsed is None:
        raise Refused(
            ErrorInfo(
                'Cannot bind parameter \'Filter\' to the target. Exception setting "Filter": "Invalid '
                "filter "
                "syntax. For a description of the filter parameter syntax see the command help. The "
                "simulated "
                f"tenant knows Property -eq 'value'.\n'{text}' at position 1.\"",
                "System.Management.Automation.ParameterBindingException",
                Category.InvalidArgument,
                "ParameterBindingFailed,Get-Mailbox",
            ),
            terminating=True,
        )
    name, word = parsed["name"], parsed["word"]
    wanted = word.lstrip("$") if word else parsed["text"].replace("''", "'")
    wanted = "" if word and wanted.casefold() == "null" else wanted
    return [mailbox for mailbox in mailboxes if _equals(mailbox, name.casefold(), wanted.casefold())]


def limited(found: list[_Found], size: Value, answer: Answer) -> list[_Found]:
    """Return as many of *found* as ResultSize *size* allows, 1000 if it is None, with Exchange's warning."""
    if str(size).casefold() == "unlimited":
        return found
    allowed = _DEFAULT_SIZE if size in (None, "") else int(str(size))
    if len(found) > allowed:
        answer.warnings.append(_FIRST_THOUSAND if size in (None, "") else _MORE)
    return found[:allowed]


def _equals(mailbox: Mailbox, name: str, wanted: str) -> bool:
    for key, value in mailbox.properties.items():
        if key.casefold() != name:
            continue
        if isinstance(value, list):
            entries = [str(entry).casefold() for entry in value]
            return wanted in entries or wanted in [entry.partition(":")[2] for entry in entries]
        return ("" if value is None else str(value)).casefold() == wanted
    return False
