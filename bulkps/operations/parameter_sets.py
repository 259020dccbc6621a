"""Whether the parameters that a row gives fit one of the cmdlet's parameter sets. Pure.

Only for operations that were made from a cmdlet's name. The documentation's sets are not always right
(it does not list MicrosoftOnlineServicesID for a recovery), and an operation's YAML knows better.
"""

from collections.abc import Collection, Mapping

from bulkps.exchange.calls_and_outcomes import Value
from bulkps.exchange.cmdlet_metadata import CmdletFacts, cmdlet_facts
from bulkps.operations.current_state import CONTEXT
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import bind, places
from bulkps.operations.parameter_types import why_not_in_a_file


class ParameterSets:
    """Checks the rows of one direct operation.

    Args:
        operation: The operation; any row of one that is not direct is accepted.
    """

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._known: dict[frozenset[tuple[str, bool]], str] = {}

    def problem(self, values: Mapping[str, Value]) -> str:
        """Return what a row with these *values* lacks or must not have; an empty text if it fits."""
        if not self._operation.direct:
            return ""
        given = frozenset((name, value is False) for name, value in values.items())
        if given not in self._known:
            self._known[given] = self._examine(values)
        return self._known[given]

    def _examine(self, values: Mapping[str, Value]) -> str:
        step = self._operation.steps[0]
        facts = cmdlet_facts(step.cmdlet)
        if facts is None:
            return f"a cmdlet that bulkps knows; it does not know {step.cmdlet}"
        sent = bind(step, places(self._operation, values, "key", "batch", {})).parameters.keys()
        if CONTEXT.issuperset(sent) and _sets_something(facts):
            return f"a value to set: {facts.name} would change nothing"
        missing = {name: _missing(facts, name, sent) for name in facts.sets}
        outside = {name: _outside(facts, name, sent) for name in facts.sets}
        if any(not missing[name] and not outside[name] for name in facts.sets):
            return ""
        best = min(facts.sets, key=lambda name: (len(outside[name]), len(missing[name])))
        if outside[best]:
            inside = [name for name in sent if name not in outside[best] and _is_chosen(facts, name)]
            strange = ", ".join(f"-{name}" for name in outside[best])
            others = f" together with {', '.join(f'-{name}' for name in inside)}" if inside else ""
            return f"parameters of one parameter set: {facts.name} does not accept {strange}{others}"
        closed = [name for name in missing[best] if why_not_in_a_file(facts.parameters[name])]
        if closed:
            why = why_not_in_a_file(facts.parameters[closed[0]])
            return f"parameters that a file can hold: {facts.name} also needs -{closed[0]}; {why}"
        needed = ", ".join(f"-{name}" for name in missing[best])
        return f"a value for {needed}, which {facts.name} needs together with the others"


def _sets_something(facts: CmdletFacts) -> bool:
    """Return whether it is a Set- cmdlet with a parameter that a row can fill and that changes something."""
    open_ones = (one for name, one in facts.parameters.items() if name not in CONTEXT)
    return facts.name.startswith("Set-") and not all(map(why_not_in_a_file, open_ones))


def _missing(facts: CmdletFacts, name: str, sent: Collection[str]) -> list[str]:
    needed = {key for key, one in facts.parameters.items() if name in one.mandatory_in}
    # A set that is named after one of its parameters is chosen by that parameter, unless every set is:
    # then the documentation has merged the set of a plain call with another (Disable-Mailbox).
    if not set(facts.sets) <= facts.parameters.keys():
        needed |= {name} & facts.parameters.keys()
    return [key for key in facts.parameters if key in needed and key not in sent]


def _outside(facts: CmdletFacts, name: str, sent: Collection[str]) -> list[str]:
    return [key for key in sent if (allowed := facts.parameters[key].sets) and name not in allowed]


def _is_chosen(facts: CmdletFacts, name: str) -> bool:
    """Return whether a parameter belongs to some sets only."""
    return bool(facts.parameters[name].sets)
