"""Builds the cmdlet for an item from its values. Pure."""

from collections.abc import Mapping

from bulkps.exchange.calls_and_outcomes import NULL, Cmdlet, Part, Secret, Value
from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts, cmdlet_facts
from bulkps.operations.columns import NULL_TEXT
from bulkps.operations.item_queries import Detail, Follow, Parameter, ReconcileQuery
from bulkps.operations.model import Operation, Step
from bulkps.operations.placeholders import Template

#: Stands for a generated password; the driver inserts a new one when the cmdlet is sent.
PASSWORD = Secret("")
#: Switches that a session's preferences turn on by default.
_ON_BY_THEMSELVES = frozenset({"confirm", "whatif"})


def places(
    operation: Operation,
    values: Mapping[str, Value],
    key: str,
    batch: str,
    outputs: Mapping[str, Mapping[str, str]],
) -> dict[str, Value]:
    """Return the values for the places of a step's templates.

    Args:
        operation: The operation; its columns' defaults are used if the item leaves them empty.
        values: The item's column values.
        key: The item's key.
        batch: The run's BatchName.
        outputs: Kept output properties by step name.
    """
    filled: dict[str, Value] = {**operation.defaults, **values}
    # A request that was created again has another name, which is among the outputs.
    filled |= {"item.key": key, "item.name": key, "run.batch": batch, "secret.password": PASSWORD}
    for step, properties in outputs.items():
        filled |= {f"{step}.{name}": value for name, value in properties.items()}
    return filled


def bind(step: Step, filled: Mapping[str, Value]) -> Cmdlet:
    """Return the cmdlet of *step* with its parameters; those with an empty place are left out."""
    return Cmdlet(step.cmdlet, _parameters(step.cmdlet, step.declared(filled), filled))


def bind_query(follow: Follow, batch: str) -> Cmdlet:
    """Return the query that follows a whole run."""
    return Cmdlet(follow.cmdlet, _parameters(follow.cmdlet, follow.parameters, {"run.batch": batch}))


def bind_lookup(question: ReconcileQuery | Detail, filled: Mapping[str, Value]) -> Cmdlet | None:
    """Return the query about one item; None if one of its places is empty.

    Without an identity it would return every object (exchange-facts.md section 1.3).
    """
    bound = _parameters(question.cmdlet, question.parameters, filled)
    return Cmdlet(question.cmdlet, bound) if len(bound) == len(question.parameters) else None


def follow_ref(follow: Follow, filled: Mapping[str, Value]) -> str:
    """Return the value of the query's matching property for an item, folded for comparison."""
    return str(Template.parse(follow.ref).render(filled) or "").casefold()


def _parameters(
    cmdlet: str, declared: Mapping[str, Parameter], filled: Mapping[str, Value]
) -> dict[str, Value]:
    facts = cmdlet_facts(cmdlet)
    bound: dict[str, Value] = {}
    for name, given in declared.items():
        value = _filled(given, filled)
        if value is None:
            continue
        known = facts.parameter(name) if facts else None
        if value is False and facts and known and not _is_sent_as_false(facts, known, given):
            continue
        bound[name] = value
    return bound


def _is_sent_as_false(facts: CmdletFacts, known: ParameterFacts, given: Parameter) -> bool:
    """Return whether a value of false is sent, not left out.

    A false in the operation's definition is sent. A false switch in a cell only means "not this": if it were
    sent, it would select a parameter set. The exceptions are the common switches that can be on by default,
    and switches of a Set- cmdlet that no parameter set is named after: there false is a state
    (-AllowBasicAuthImap:$false).
    """
    if known.type != "SwitchParameter" or given is False or known.name.casefold() in _ON_BY_THEMSELVES:
        return True
    return facts.name.startswith("Set-") and known.name not in facts.sets


def _filled(given: Parameter, filled: Mapping[str, Value]) -> Value:
    """Return *given* with its places filled; None if nothing is left."""
    if not isinstance(given, dict):
        return _part(given, filled)
    entries: dict[str, Part] = {}
    for name, part in given.items():
        value = _part(part, filled)
        if value is None or isinstance(value, Secret | Mapping):
            continue
        # Exchange expects a list here, also for a single value.
        entries[name] = (value,) if isinstance(value, str) else value
    return entries or None


def _part(given: str | bool | int | tuple[str, ...], filled: Mapping[str, Value]) -> Value:
    if isinstance(given, tuple):
        parts: list[str] = []
        for one in given:
            value = Template.parse(one).render(filled)
            if value is not None:
                parts += value if isinstance(value, tuple) else (str(value),)
        return tuple(parts) or None
    if not isinstance(given, str):
        return given
    return NULL if given == NULL_TEXT else Template.parse(given).render(filled)
