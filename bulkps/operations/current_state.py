"""The present state of an object: how it is read, and whether a step would change it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bulkps.exchange.calls_and_outcomes import Value
from bulkps.exchange.cmdlet_metadata import CmdletFacts, cmdlet_facts
from bulkps.exchange.psobject import Properties
from bulkps.exchange.value_comparison import has_value
from bulkps.operations.model import Step
from bulkps.operations.parameter_binding import bind
from bulkps.operations.parameter_types import allowed_values, cell_type

#: The parameter that names the object.
IDENTITY = "Identity"
#: Parameters that say where or how something is done, and not what it becomes.
CONTEXT = frozenset({IDENTITY, "Confirm", "WhatIf", "DomainController", "Force", "IgnoreDefaultScope"})


@dataclass(frozen=True)
class Compared:
    """One parameter, and the property that it sets.

    Attributes:
        parameter: The parameter.
        property: The property.
        wanted: The value that would be bound.
        present: The property's value; None also if it was not read.
        same: Whether the property has that value already; None if that is not known.
        read: Whether the object has the property.
    """

    parameter: str
    property: str
    wanted: Value
    present: object
    same: bool | None
    read: bool


def paired(facts: CmdletFacts) -> CmdletFacts | None:
    """Return the cmdlet that reads what a Set- cmdlet changes (Get- with the same noun), or None."""
    verb, _, noun = facts.name.partition("-")
    found = cmdlet_facts(f"Get-{noun}") if verb == "Set" and IDENTITY in facts.parameters else None
    # Where more than Identity is needed, such as a folder permission's User, that names the object too.
    needed = {name for name, one in facts.parameters.items() if set(one.mandatory_in) >= set(facts.sets)}
    return found if found and IDENTITY in found.parameters and needed <= {IDENTITY} else None


def locators(step: Step, filled: Mapping[str, Value]) -> frozenset[str]:
    """Return the parameters, beside Identity, that say which object is meant: the Get- cmdlet has them too.

    Such as the mailbox of an inbox rule. What is read by the identity alone could be another object.
    """
    reading = cmdlet_facts(step.current.cmdlet) if step.current else None
    sent = bind(step, filled).parameters
    return frozenset(sent) & (reading.parameters.keys() if reading else set()) - CONTEXT


def properties_read(step: Step, filled: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the properties that show whether an item needs *step*."""
    return tuple(property for _, property, _ in _set_by(step, filled))


def compare(step: Step, filled: Mapping[str, Value], found: Mapping[str, object]) -> tuple[Compared, ...]:
    """Return each property that *step* sets, as it is and as it would be.

    Args:
        step: A step with ``current``.
        filled: The values for the places of its templates.
        found: The object, as the session returned it.
    """
    properties, facts = Properties(found), cmdlet_facts(step.cmdlet)
    compared = []
    for parameter, name, wanted in _set_by(step, filled):
        known = facts.parameter(parameter) if facts else None
        same = None
        if known is not None and name in properties:
            enumeration = bool(allowed_values(known))
            same = has_value(wanted, properties.raw(name), cell_type(known), any_case=enumeration)
        there = properties.raw(name)
        compared.append(Compared(parameter, name, wanted, there, same, name in properties))
    return tuple(compared)


def _set_by(step: Step, filled: Mapping[str, Value]) -> Iterator[tuple[str, str, Value]]:
    renamed = step.current.properties if step.current else {}
    for parameter, value in bind(step, filled).parameters.items():
        if parameter not in CONTEXT:
            yield parameter, renamed.get(parameter, parameter), value
