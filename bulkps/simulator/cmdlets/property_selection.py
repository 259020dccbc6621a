"""Commands after a cmdlet in a pipeline: Select-Object, and bulkps's own function that selects. Pure."""

from collections.abc import Mapping
from functools import partial

from bulkps.exchange.cmdlet_metadata import CmdletFacts
from bulkps.simulator.cmdlets.binder import bind, facts_of, own_function
from bulkps.simulator.cmdlets.cmdlet_result import (
    Answer,
    Category,
    ErrorInfo,
    Item,
    Refused,
    Value,
)
from bulkps.simulator.wire.pipeline_reader import Command

NAME = "Select-BulkPSProperty"
#: The function of the module BulkPS, as far as it is called: what comes down the pipeline is no argument.
FACTS = own_function(NAME, {"Property": "String[]"}, "Property")
_CUSTOM = "System.Management.Automation.PSCustomObject"


def select(items: list[Item], command: Command, functions: Mapping[str, CmdletFacts]) -> Answer:
    """Return the result of *command* for the *items* from the pipeline.

    Args:
        items: What comes.
        command: Select-Object, or our own function.
        functions: What the endpoint itself offers, by name.
    """
    name = command.name.casefold()
    own = name == NAME.casefold() and NAME in functions
    facts = FACTS if own else facts_of("Select-Object")
    if facts is None or not (own or name == "select-object"):
        return Answer(failure=_not_simulated(command))
    try:
        given = bind(facts, command.arguments).parameters
    except Refused as refused:
        return Answer(failure=refused.info)
    first, wanted = given.get("First"), given.get("Property")
    kept = items[:first] if isinstance(first, int) else items
    if not isinstance(wanted, list):
        return Answer(output=kept)
    names = [str(name) for name in wanted]
    if own:
        return Answer(output=[Item(_CUSTOM, "", partial(_having, item, names)) for item in kept])
    return Answer(output=[_selected(item, names) for item in kept])


def _having(item: Item, names: list[str]) -> Mapping[str, Value]:
    """Return the named properties that *item* has, under the requested names."""
    found = item.properties
    if all(name in found for name in names):
        return {name: found[name] for name in names}
    folded = {name.casefold(): value for name, value in found.items()}
    return {name: folded[name.casefold()] for name in names if name.casefold() in folded}


def _selected(item: Item, names: list[str]) -> Item:
    """Return *item* as Select-Object does: with every requested property."""
    properties = item.properties
    folded = {name.casefold(): name for name in properties}
    kept: dict[str, Value] = {}
    for name in names:
        if name == "*":
            kept.update(properties)
        else:
            known = folded.get(name.casefold(), "")
            kept[known or name] = properties.get(known)
    return Item(f"Selected.{item.type_name}", "", kept)


def _not_simulated(command: Command) -> ErrorInfo:
    return ErrorInfo(
        f"The simulated endpoint pipes into Select-Object and its own functions, not into '{command.name}'.",
        "System.NotImplementedException",
        Category.NotImplemented,
        "NotSimulated",
    )
