"""Compares what rows ask for with what is there. It reads, and records nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bulkps.engine.item import Item
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.exchange.psobject import Properties
from bulkps.operations.current_state import IDENTITY, Compared, compare, locators, properties_read
from bulkps.operations.item_queries import Current
from bulkps.operations.model import Operation, Step
from bulkps.operations.parameter_binding import places
from bulkps.operations.placeholders import Template
from bulkps.preflight.object_lists import folded
from bulkps.preflight.present_state import Objects, StateReader
from bulkps.preflight.query import Read
from bulkps.preflight.query_executor import QueryExecutor

#: How many characters of a value a message shows.
_SHOWN = 80


@dataclass(frozen=True)
class _Asked:
    """What one row asks of one object.

    Attributes:
        item: The row.
        step: What would be sent.
        current: How the object is read.
        identity: What names it.
        filled: The values for the places of the step's templates.
    """

    item: Item
    step: Step
    current: Current
    identity: str
    filled: Mapping[str, Value]


class RowComparison:
    """Reads what is there for rows of an operation of one step that says how.

    Args:
        operation: The operation.
        reader: Runs the reads.

    Attributes:
        reads: What was read with, in order.
        unread: Why something could not be read, for people, by cmdlet.
        found: The objects that were found, by the item's key.
    """

    def __init__(self, operation: Operation, reader: QueryExecutor) -> None:
        self._operation = operation
        self.reads: list[Read] = []
        self.found: dict[str, Mapping[str, object]] = {}
        self._states = StateReader(reader, self.reads.extend)
        self.unread = self._states.unread

    def compared(self, items: Iterable[Item]) -> Mapping[str, tuple[Compared, ...]]:
        """Return what each row sets, as it is and as it would be, by the item's key.

        A row is missing if its object was not read, does not exist, several have its name, or other rows name
        the same object: then Exchange judges the cmdlet.

        Raises:
            CannotConnect: If no session can be opened.
            Interrupted: If that was asked for.
        """
        asked = [one for item in items for one in self._asked(item)]
        if not asked:
            return {}
        read = self._read(asked)
        named = [(one, read[one.current.cmdlet].get(folded(one.identity), ())) for one in asked]
        single = [(one, objects[0]) for one, objects in named if len(objects) == 1]
        # The rows of one object, under whatever names, are sent one after the other: what is there before the
        # first is not what is there before the next.
        rows = Counter(_object(found) for _, found in single)
        told = {}
        for one, found in single:
            if rows[_object(found)] == 1:
                self.found[one.item.key] = found
                told[one.item.key] = compare(one.step, one.filled, found)
        return told

    def _asked(self, item: Item) -> Iterator[_Asked]:
        step = self._operation.steps[item.step]
        if step.current is None:
            return
        filled = places(self._operation, item.values, item.key, "", {})
        identity = Template.parse(step.current.identity).render(filled)
        # An asterisk could match several.
        if isinstance(identity, str) and "*" not in identity and not locators(step, filled):
            yield _Asked(item, step, step.current, identity, filled)

    def _read(self, asked: Sequence[_Asked]) -> Mapping[str, Mapping[str, Objects]]:
        """Return the objects that were found, by cmdlet and folded identity."""
        found = {}
        for cmdlet in dict.fromkeys(one.current.cmdlet for one in asked):
            these = [one for one in asked if one.current.cmdlet == cmdlet]
            read = [name for one in these for name in properties_read(one.step, one.filled)]
            identities = [one.identity for one in these]
            found[cmdlet] = self._states.read(cmdlet, identities, dict.fromkeys(read))
        return found


def _object(found: Mapping[str, object]) -> str:
    """Return what identifies an object among those that were read."""
    properties = Properties(found)
    return properties.guid("Guid") or properties.text("DistinguishedName") or properties.text(IDENTITY) or ""


def is_already_so(compared: Sequence[Compared]) -> bool:
    """Return whether every property has its wanted value already."""
    return bool(compared) and all(one.same for one in compared)


def evidence(compared: Iterable[Compared]) -> str:
    """Return what shows that nothing has to be sent, for people."""
    return "; ".join(f"{one.property} is already {shown(one.present)}" for one in compared)


def shown(value: object) -> str:
    """Return a property's value for people, shortened."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(part)}" for name, part in value.items())
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if value is None or text in ("", "$null"):
        return "empty"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
