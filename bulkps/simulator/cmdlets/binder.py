"""Binds what a client sent to a cmdlet's parameters, with PowerShell's own errors.

Pure. It knows the cmdlets from the shipped cmdlet data; ``Offer`` decides which of them a tenant has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts, cmdlet_facts
from bulkps.simulator.cmdlets.client_types import nullable
from bulkps.simulator.cmdlets.cmdlet_result import Category, ErrorInfo, Refused, Secret, Value

#: What a client sends: names and values in order; a positional argument has no name.
Arguments = Sequence[tuple[str | None, Value]]

#: Releases whose endpoints may have functions of the module BulkPS, and the one parameter set of those.
_OWN_RELEASES, _OWN_SET = ("EXO", "SE"), ("__AllParameterSets",)
_BINDING = "System.Management.Automation.ParameterBindingException"
_ACTIONS = {"SilentlyContinue": 0, "Stop": 1, "Continue": 2, "Inquire": 3, "Ignore": 4, "Suspend": 5}
_COMMON = {
    "verbose": "vb", "debug": "db", "erroraction": "ea", "warningaction": "wa", "informationaction": "infa",
    "progressaction": "proga", "errorvariable": "ev", "warningvariable": "wv", "informationvariable": "iv",
    "outvariable": "ov", "outbuffer": "ob", "pipelinevariable": "pv",
}  # fmt: skip
_COMMON_ALIASES = {alias: name for name, alias in _COMMON.items()}
#: Mandatory parameters, one tuple for each way to call the cmdlet. The documentation is wrong for these two.
_REQUIRED: dict[str, tuple[tuple[str, ...], ...]] = {
    "New-Mailbox": (("InactiveMailbox", "Name", "MicrosoftOnlineServicesID", "Password"),),
    "New-MailboxRestoreRequest": (
        ("SourceMailbox", "TargetMailbox"),
        ("SourceDatabase", "SourceStoreMailbox", "TargetMailbox"),
    ),
}
#: Parameters that belong to one of these ways and cannot be combined with the others.
_EXCLUSIVE: dict[str, tuple[frozenset[str], ...]] = {
    "New-MailboxRestoreRequest": (
        frozenset({"SourceMailbox", "SourceIsArchive"}),
        frozenset({"SourceDatabase", "SourceStoreMailbox"}),
    ),
}
_NUMBERS = {"Int32", "UInt32", "Int64"}


#: Every release: PowerShell's own cmdlets exist everywhere.
_RELEASES = ("2010", "2013", "2016", "2019", "SE", "EXO")
#: Types that hold several values and also accept a hashtable with Add and Remove.
_COLLECTIONS = {"MultiValuedProperty", "ProxyAddressCollection"}


def _parameter(name: str, kind: str) -> ParameterFacts:
    return ParameterFacts(name, kind, _RELEASES)


#: Cmdlets of PowerShell's own that a restricted endpoint shows.
_HELPERS = {
    "get-command": CmdletFacts(
        "Get-Command", _RELEASES, False, False, (), {"Name": _parameter("Name", "String[]")}
    ),
    "select-object": CmdletFacts(
        "Select-Object",
        _RELEASES,
        False,
        False,
        (),
        {
            "Property": _parameter("Property", "String[]"),
            "First": _parameter("First", "Int32"),
            "InputObject": _parameter("InputObject", "Object"),
        },
    ),
}


@dataclass(frozen=True)
class Bound:
    """A cmdlet with its parameters bound.

    Attributes:
        cmdlet: The cmdlet's name in its documented case.
        mutates: Whether it can change anything.
        parameters: Values by the parameters' documented names.
        error_action: ``Stop``, ``SilentlyContinue`` and so on; ``Continue`` unless given.
        warning_action: The same for warnings.
    """

    cmdlet: str
    mutates: bool
    parameters: Mapping[str, Value]
    error_action: str = "Continue"
    warning_action: str = "Continue"


def facts_of(name: str) -> CmdletFacts | None:
    """Return the facts of the cmdlet called *name*, helper cmdlets too, or None."""
    return _HELPERS.get(name.casefold()) or cmdlet_facts(name)


def own_function(name: str, parameters: Mapping[str, str], mandatory: str) -> CmdletFacts:
    """Return the facts of a function of the module BulkPS, which is not in the documentation.

    Args:
        name: The function.
        parameters: The type of each parameter.
        mandatory: The mandatory parameter.
    """
    facts = {
        one: ParameterFacts(one, kind, _OWN_RELEASES, *((_OWN_SET, _OWN_SET) if one == mandatory else ()))
        for one, kind in parameters.items()
    }
    return CmdletFacts(name, _OWN_RELEASES, True, False, _OWN_SET, facts)


def bind(facts: CmdletFacts, arguments: Arguments) -> Bound:
    """Bind *arguments* to the parameters of the cmdlet that *facts* describe.

    Raises:
        Refused: PowerShell's binder would fail; always terminating.
    """
    values: dict[str, Value] = {}
    common: dict[str, str] = {}
    for name, value in arguments:
        if name is not None and (known := _common_name(name)):
            common[known] = _action(value) if known.endswith("action") else ""
            continue
        parameter = _positional(facts, value) if name is None else _named(facts, name)
        if parameter.name in values:
            raise _refused(
                f"Cannot bind parameter because parameter '{parameter.name}' is specified more than once.",
                "ParameterAlreadyBound",
                facts,
            )
        values[parameter.name] = _converted(facts, parameter, value)
    _check_mandatory(facts, values)
    return Bound(
        facts.name,
        facts.mutates,
        values,
        common.get("erroraction") or "Continue",
        common.get("warningaction") or "Continue",
    )


def missing_mandatory(cmdlet: str, names: Sequence[str]) -> Refused:
    """Return PowerShell's error for a call of *cmdlet* without the parameters *names*."""
    info = ErrorInfo(
        f"Cannot process command because of one or more missing mandatory parameters: {' '.join(names)}.",
        _BINDING,
        Category.InvalidArgument,
        f"MissingMandatoryParameter,{cmdlet}",
        activity=cmdlet,
    )
    return Refused(info, terminating=True)


def not_recognized(name: str) -> ErrorInfo:
    """Return PowerShell's error for a cmdlet that does not exist here."""
    return ErrorInfo(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable "
        "program. Check the spelling of the name, or if a path was included, verify that the path is correct "
        "and try again.",
        "System.Management.Automation.CommandNotFoundException",
        Category.ObjectNotFound,
        "CommandNotFoundException",
        target=name,
    )


def _refused(message: str, error_id: str, facts: CmdletFacts, target: str = "") -> Refused:
    info = ErrorInfo(
        message, _BINDING, Category.InvalidArgument, f"{error_id},{facts.name}", target, facts.name
    )
    return Refused(info, terminating=True)


def _common_name(name: str) -> str | None:
    folded = name.lstrip("-").rstrip(":").casefold()
    return folded if folded in _COMMON else _COMMON_ALIASES.get(folded)


def _action(value: Value) -> str:
    for name, number in _ACTIONS.items():
        if str(value).casefold() in {name.casefold(), str(number)}:
            return name
    return "Continue"


def _named(facts: CmdletFacts, name: str) -> ParameterFacts:
    parameter = facts.parameter(name.lstrip("-").rstrip(":"))
    if parameter is None:
        raise _refused(
            f"A parameter cannot be found that matches parameter name '{name.lstrip('-')}'.",
            "NamedParameterNotFound",
            facts,
        )
    return parameter


def _positional(facts: CmdletFacts, value: Value) -> ParameterFacts:
    for name in ("Identity", "Name", "Property"):
        if parameter := facts.parameters.get(name):
            return parameter
    raise _refused(
        f"A positional parameter cannot be found that accepts argument '{value}'.",
        "PositionalParameterNotFound",
        facts,
    )


def _check_mandatory(facts: CmdletFacts, values: Mapping[str, Value]) -> None:
    ways = _known_ways(facts, values) or _ways(facts, values)
    # The handler refuses all other ways to call New-Mailbox.
    if facts.name == "New-Mailbox" and "InactiveMailbox" not in values:
        return
    # The way that was probably meant: the one with the fewest missing parameters, then with the most given
    # ones.
    meant = min(ways, key=lambda way: (len(set(way) - values.keys()), -len(way)), default=())
    if missing := [name for name in meant if name not in values]:
        raise missing_mandatory(facts.name, missing)


def _known_ways(facts: CmdletFacts, values: Mapping[str, Value]) -> list[tuple[str, ...]]:
    """Return the ways to call a cmdlet whose parameter sets differ from the documentation."""
    groups = _EXCLUSIVE.get(facts.name, ())
    if sum(not group.isdisjoint(values) for group in groups) > 1:
        raise _ambiguous_set(facts)
    ways = _REQUIRED.get(facts.name, ())
    return [way for way in ways if facts.parameters.keys() >= set(way)] or list(ways)


def _ambiguous_set(facts: CmdletFacts) -> Refused:
    return _refused(
        "Parameter set cannot be resolved using the specified named parameters.",
        "AmbiguousParameterSet",
        facts,
    )


def _ways(facts: CmdletFacts, values: Mapping[str, Value]) -> list[tuple[str, ...]]:
    """Return the mandatory parameters of each parameter set that contains all *values*."""
    possible = [
        name
        for name in facts.sets
        if all(not (allowed := facts.parameters[given].sets) or name in allowed for given in values)
    ]
    if facts.sets and not possible:
        raise _ambiguous_set(facts)
    return [
        tuple(name for name, parameter in facts.parameters.items() if one in parameter.mandatory_in)
        for one in possible
    ]


def _converted(facts: CmdletFacts, parameter: ParameterFacts, value: Value) -> Value:
    """Return *value* as the parameter's type holds it."""
    kind = parameter.type
    if kind == "SwitchParameter":
        # A switch without a value arrives as null.
        return True if value is None else _boolean(facts, parameter, value)
    if kind == "Boolean":
        if value is None and nullable(parameter):
            return None
        return _boolean(facts, parameter, value)
    if kind == "SecureString":
        if isinstance(value, Secret):
            return value
        raise _cannot_convert(facts, parameter, value, "System.Security.SecureString")
    if value is None or value == "":
        return _empty(facts, parameter, value)
    if isinstance(value, Mapping):
        if kind in _COLLECTIONS:
            return {key: _several(facts, parameter, entry) for key, entry in value.items()}
        raise _cannot_convert(facts, parameter, "System.Collections.Hashtable", kind)
    if kind.endswith("[]") or kind in _COLLECTIONS:
        return _several(facts, parameter, value)
    return _scalar(facts, parameter, value)


def _several(facts: CmdletFacts, parameter: ParameterFacts, value: Value) -> Value:
    entries = value if isinstance(value, list) else [value]
    return [_scalar(facts, parameter, entry) for entry in entries]


def _empty(facts: CmdletFacts, parameter: ParameterFacts, value: Value) -> Value:
    # A reading cmdlet treats an empty Identity as missing: the documented trap.
    if not facts.mutates or not parameter.mandatory_in:
        return value
    what, error_id = ("null", "Null") if value is None else ("an empty string", "EmptyString")
    raise _refused(
        f"Cannot bind argument to parameter '{parameter.name}' because it is {what}.",
        f"ParameterArgumentValidationError{error_id}NotAllowed",
        facts,
    )


def _boolean(facts: CmdletFacts, parameter: ParameterFacts, value: Value) -> bool:
    if isinstance(value, bool | int):
        return bool(value)
    kind = "SwitchParameter" if parameter.type == "SwitchParameter" else "System.Boolean"
    raise _cannot_convert(facts, parameter, value, kind)


def _scalar(facts: CmdletFacts, parameter: ParameterFacts, value: Value) -> Value:
    kind = parameter.type.removesuffix("[]")
    if kind == "Guid" and not isinstance(value, UUID):
        try:
            return UUID(str(value))
        except ValueError:
            raise _cannot_convert(facts, parameter, value, "System.Guid") from None
    if kind in _NUMBERS:
        try:
            return int(str(value))
        except ValueError:
            raise _cannot_convert(facts, parameter, value, f"System.{kind}") from None
    if parameter.values:
        for allowed in parameter.values:
            if allowed.casefold() == str(value).casefold():
                return allowed
        raise _cannot_convert(facts, parameter, value, kind)
    # Identities are text to the binder, whatever type they came in.
    return str(value) if isinstance(value, UUID) and kind != "Guid" else value


def _cannot_convert(facts: CmdletFacts, parameter: ParameterFacts, value: Value, kind: str) -> Refused:
    allowed = ""
    if parameter.values and parameter.type != "Boolean":
        allowed = (
            f' Error: "Unable to match the identifier name {value} to a valid enumerator name. Specify one '
            "of "
            f'the following enumerator names and try again: {", ".join(parameter.values)}"'
        )
    return _refused(
        f"Cannot bind parameter '{parameter.name}'. Cannot convert value \"{value}\" to type "
        f'"{kind}".{allowed}',
        "CannotConvertArgumentNoMessage",
        facts,
    )
