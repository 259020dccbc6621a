"""Skips the rows whose wanted state is there already: nothing is sent for them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from bulkps.engine.item import ALREADY_SO, Change, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import CannotConnect
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.operations.current_state import Compared, compare, properties_read
from bulkps.operations.item_queries import Current
from bulkps.operations.model import Operation, Step
from bulkps.operations.parameter_binding import places
from bulkps.operations.placeholders import Template
from bulkps.preflight.object_lists import folded
from bulkps.preflight.present_state import Objects, StateReader
from bulkps.preflight.query import Read
from bulkps.preflight.query_executor import Interrupted, OnReading, QueryExecutor, Sessions
from bulkps.preflight.reading_thread import while_beating
from bulkps.records.recorder import Recorder
from bulkps.run_target import Target

#: How many rows are recorded at once.
_CHUNK = 500
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


class ComparisonRunner:
    """Reads what is there for the unsent rows of a run, and skips those that ask for nothing else.

    Args:
        operation: What is done.
        target: Where it is sent.
        sessions: Where a session comes from and goes to.
        recorder: The run's records.
        tell: Told of changes that are durable.
        on_reading: Called with the progress of reading, on another thread.
    """

    def __init__(
        self,
        operation: Operation,
        target: Target,
        sessions: Sessions,
        recorder: Recorder,
        tell: Callable[[Sequence[Change]], None],
        on_reading: OnReading,
    ) -> None:
        self._operation, self._recorder, self._tell = operation, recorder, tell
        self._reader = QueryExecutor(target.name, sessions, target.config, target.catalogue, on_reading)
        self._noted: list[Read] = []
        self._states = StateReader(self._reader, self._noted.extend)

    def run(self) -> Finish | None:
        """Compare all unsent rows; return why the run stops here, or None if it continues.

        Raises:
            RecordFailed: If a record could not be written.
            RunOwnedElsewhere: If another process took the run over.
        """
        asked = [one for item in self._recorder.unsent(()) for one in self._asked(item)]
        if not asked:
            return None
        try:
            found = while_beating(lambda: self._read(asked), self._reader, self._recorder)
            self._reader.hand_over()
        except CannotConnect as error:
            return Finish(StopReason.CANNOT_CONNECT, error.reason, error.advice)
        except Interrupted as stop:
            if str(stop) != "cancel":
                return Finish(StopReason.PAUSED)
            code = StopReason.CANCELLED
            self._recorder.skip_pending(code.value, "never sent: the run was cancelled", time.time())
            return Finish(code)
        finally:
            self._reader.close()
        self._record(asked, found)
        return None

    def _asked(self, item: Item) -> Iterator[_Asked]:
        if item.status is not BulkItemStatus.PENDING or item.doubtful or item.outputs:
            return
        step = self._operation.steps[item.step]
        if step.current is None:
            return
        filled = places(self._operation, item.values, item.key, "", {})
        if self._operation.next_step(item.step, filled, {step.name}) is not None:
            # A row of several steps is so already only if all of them are.
            return
        identity = Template.parse(step.current.identity).render(filled)
        if isinstance(identity, str) and "*" not in identity:
            yield _Asked(item, step, step.current, identity, filled)

    def _read(self, asked: Sequence[_Asked]) -> Mapping[str, Mapping[str, Objects]]:
        """Return the objects that were found, by cmdlet and folded identity."""
        found = {}
        for cmdlet in dict.fromkeys(one.current.cmdlet for one in asked):
            these = [one for one in asked if one.current.cmdlet == cmdlet]
            properties = dict.fromkeys(
                name for one in these for name in properties_read(one.step, one.filled)
            )
            found[cmdlet] = self._states.read(cmdlet, (one.identity for one in these), properties)
        return found

    def _record(self, asked: Sequence[_Asked], found: Mapping[str, Mapping[str, Objects]]) -> None:
        now = time.time()
        # Only now: what is read is decided on the reading thread, and only this one writes records.
        for read in self._noted:
            line = f"read with {read.cmdlet.name}"
            self._recorder.say(RunEvent.PREFLIGHT_READS, line, cmdlet=read.cmdlet.name)
        changes = (
            Change(one.item.skipped(now, ALREADY_SO, _told(compared), ""), ItemEvent.ALREADY_SO, now)
            for one in asked
            if (compared := self._compared(one, found)) and all(each.same for each in compared)
        )
        while part := list(islice(changes, _CHUNK)):
            self._recorder.record(part)
            self._tell(part)

    def _compared(self, one: _Asked, found: Mapping[str, Mapping[str, Objects]]) -> tuple[Compared, ...]:
        objects = found[one.current.cmdlet].get(folded(one.identity), ())
        # Several objects of one name: Exchange refuses the cmdlet, in its own words.
        return compare(one.step, one.filled, objects[0]) if len(objects) == 1 else ()


def _told(compared: Iterable[Compared]) -> str:
    return "; ".join(f"{one.property} is already {_shown(one.present)}" for one in compared)


def _shown(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    if value is None or text == "":
        return "empty"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
