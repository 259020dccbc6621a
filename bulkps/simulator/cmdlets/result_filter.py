"""Limits the objects that a client gets: -Filter and -ResultSize. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from bulkps.simulator.cmdlets.cmdlet_result import Answer, Category, ErrorInfo, Refused, Value
from bulkps.simulator.cmdlets.opath import Condition, parse
from bulkps.simulator.cmdlets.property_types import not_of_type
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import KEYS

_Found = TypeVar("_Found")
_DEFAULT_SIZE = 1000
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
#: Properties that can be compared even if no object has them.
_PROPERTIES = {
    **fake_directory.active_mailbox(0, 0),
    **fake_directory.soft_deleted_mailbox(0, 0),
    **fake_directory.disconnected_mailbox(0, 0),
}
_INDEXED = frozenset(name.casefold() for name in KEYS)


def condition(text: str, cmdlet: str) -> Condition:
    """Return the condition of the OPATH filter *text*.

    Raises:
        Refused: Its form is not supported here.
    """
    try:
        return parse(text)
    except ValueError as error:
        raise _refused(
            "Invalid filter syntax. For a description of the filter parameter syntax see the command help. "
            "The simulated tenant knows -eq and -ne, joined by -and and -or.\n"
            f"'{text}' at {error}.",
            cmdlet,
        ) from None


def keys(wanted: Condition) -> frozenset[str] | None:
    """Return the names by which the tenant finds all matches; None if it must check each object."""
    return wanted.keys(_INDEXED)


def passing(
    found: Iterable[_Found],
    wanted: Condition,
    cmdlet: str,
    properties: Callable[[_Found], Mapping[str, Value]],
    known: Iterable[str] = (),
) -> list[_Found]:
    """Return the objects of *found* with *properties* that match *wanted*; *known* names some of those.

    Raises:
        Refused: It compares a property that no object has.
    """
    listed = list(found)
    names = {name.casefold(): name for name in (*_PROPERTIES, *known)}
    if wanted.names - names.keys():
        # Only then is every object looked at: in a large tenant most are made when they are read.
        names |= {name.casefold(): name for name in set().union(*map(properties, listed))}
    for name in sorted(wanted.names - names.keys()):
        # Exchange's sentence as administrators quote it.
        raise _refused(
            f'"{name}" is not a recognized filterable property. For a complete list of filterable properties '
            "see the command help.",
            cmdlet,
        )
    return [one for one in listed if wanted.admits(properties(one), names)]


def limited(found: list[_Found], size: Value, answer: Answer) -> list[_Found]:
    """Return as many of *found* as ResultSize *size* allows, 1000 if it is None, with Exchange's warning.

    Raises:
        Refused: It is no number.
    """
    if size not in (None, "") and not str(size).isdecimal() and str(size).casefold() != "unlimited":
        raise not_of_type("", "ResultSize", size, "Microsoft.Exchange.Data.Unlimited`1[System.UInt32]")
    if str(size).casefold() == "unlimited":
        return found
    allowed = _DEFAULT_SIZE if size in (None, "") else int(str(size))
    if len(found) > allowed:
        answer.warnings.append(_FIRST_THOUSAND if size in (None, "") else _MORE)
    return found[:allowed]


def _refused(what: str, cmdlet: str) -> Refused:
    info = ErrorInfo(
        f'Cannot bind parameter \'Filter\' to the target. Exception setting "Filter": "{what}"',
        "System.Management.Automation.ParameterBindingException",
        Category.InvalidArgument,
        f"ParameterBindingFailed,{cmdlet}",
        activity=cmdlet,
    )
    return Refused(info, terminating=True)
