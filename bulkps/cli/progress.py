"""Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bulkps.cli import console
from bulkps.engine.item import WAITS_FOR_OPERATOR, Change, Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.recorded_events import ItemEvent
from bulkps.export.exporter import ExportStage, OnProgress
from bulkps.preflight.query_executor import OnReading
from bulkps.runs import OnChanges
from bulkps.visible_text import visible

#: Seconds between two plain lines.
_EVERY = 5.0
#: How many replaced values are printed.
_CHANGED = 20
#: How many characters of the reason for a lookup are shown.
_SHOWN_REASON = 60


class _Tally:
    """Counts of the items by state; only counters, because a run may have a million items."""

    def __init__(self, total: int, over: int) -> None:
        self.total, self.over = total, over
        self.at_exchange = self.failed = 0
        #: Those that wait for a lookup; few at any time.
        self.looked_up: dict[str, Item] = {}
        #: Those that wait for an operator.
        self.suspended: dict[str, Item] = {}

    def take_in(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.item.phase is Phase.DOUBT:
                self.looked_up[change.item.key] = change.item
            else:
                self.looked_up.pop(change.item.key, None)
            if change.item.code == WAITS_FOR_OPERATOR and change.item.phase is Phase.FOLLOWING:
                self.suspended[change.item.key] = change.item
            else:
                self.suspended.pop(change.item.key, None)
            if change.event in (ItemEvent.ACCEPTED, ItemEvent.RESUMED):
                self.at_exchange += 1
            elif change.item.phase is Phase.OVER:
                self.over += 1
                self.failed += change.item.status is BulkItemStatus.FAILED
                # Only subtract what this process sent: a resumed run has other requests at Exchange too.
                self.at_exchange = max(0, self.at_exchange - bool(change.item.ref))

    def sentence(self) -> str:
        waiting = f", {self.at_exchange} at Exchange" if self.at_exchange else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.over} of {self.total} rows finished{waiting}{failed}{self.waits()}"

    def waits(self) -> str:
        """Return what rows that are looked up or suspended wait for, or an empty text."""
        suspended = ""
        if self.suspended:
            held = min(self.suspended.values(), key=lambda item: item.row)
            said = visible(console.short(held.error or held.progress, _SHOWN_REASON))
            suspended = f", {len(self.suspended)} suspended (row {held.row}: {said})"
        return self._looked_up() + suspended

    def _looked_up(self) -> str:
        if not self.looked_up:
            return ""
        first = min(self.looked_up.values(), key=lambda item: item.not_before)
        at = console.local_time(first.not_before).rpartition(" ")[2]
        why = visible(console.short(first.error, _SHOWN_REASON))
        return f", {len(self.looked_up)} looked up (row {first.row} at {at}: {first.code}: {why})"


@dataclass(frozen=True)
class Shown:
    """The progress of a run on the console.

    Attributes:
        show: Called with changes.
        reading: Called with pre-flight's progress, on any thread.
        hidden: Hides the display inside its block, for a question.
    """

    show: OnChanges
    reading: OnReading = lambda objects, left: None
    hidden: Callable[[], AbstractContextManager[None]] = nullcontext


@contextmanager
def progress(title: str, total: int, over: int, *, quiet: bool) -> Iterator[Shown]:
    """Provide the progress display of a run, which also prints the values that pre-flight replaced.

    Args:
        title: The title.
        total: The number of rows.
        over: How many of them are already finished.
        quiet: Whether to show no progress.
    """
    tally = _Tally(total, over)
    if quiet:
        yield Shown(_Told(tally.take_in, console.say).show)
    elif sys.stderr.isatty():
        yield from _bar(title, tally)
    else:
        yield from _lines(tally)


class _Told:
    """Prints the first replaced values, and passes the changes on."""

    def __init__(self, show: OnChanges, say: Callable[[str], None]) -> None:
        self._show, self._say, self._count = show, say, 0

    def show(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.event == ItemEvent.REPLACED:
                self._count += 1
                if self._count <= _CHANGED:
                    self._say(f"row {change.item.row}: {visible(' | '.join(change.item.warnings))}")
                elif self._count == _CHANGED + 1:
                    self._say("and more: the column warnings of the results lists all of them")
        self._show(changes)


def _bar(title: str, tally: _Tally) -> Iterator[Shown]:
    with _rich_bar() as bar:
        task = bar.add_task(title, total=tally.total, completed=tally.over, note="")

        def show(changes: Sequence[Change]) -> None:
            tally.take_in(changes)
            note = f"{tally.at_exchange} at Exchange" if tally.at_exchange else ""
            note += tally.waits()
            bar.update(task, completed=tally.over, note=note)

        @contextmanager
        def hidden() -> Iterator[None]:
            bar.stop()
            try:
                yield
            finally:
                bar.start()

        def say(text: str) -> None:
            bar.console.print(text, markup=False, highlight=False)

        def reading(objects: int, left: int) -> None:
            bar.update(task, note=_reading(objects, left))

        yield Shown(_Told(show, say).show, reading, hidden)


def _rich_bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


@contextmanager
def export_progress(*, quiet: bool) -> Iterator[OnProgress]:
    """Provide a callback that shows the progress of an export; it may be called for every object."""
    if quiet:
        yield lambda stage, done, total: None
    elif sys.stderr.isatty():
        with _rich_bar() as bar:
            task = bar.add_task("export", total=None, note="")
            yield lambda stage, done, total: bar.update(
                task, completed=done, total=total, description=stage.value
            )
    else:
        yield _ExportLines().show


class _ExportLines:
    """Prints the progress of an export every few seconds."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def show(self, stage: ExportStage, done: int, total: int | None) -> None:
        if time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            of = f" of {total}" if total is not None else ""
            console.say(f"{done}{of} {stage.value}")


def _lines(tally: _Tally) -> Iterator[Shown]:
    said, last = time.monotonic(), ""

    def say(sentence: str) -> None:
        nonlocal said, last
        if sentence != last:
            said, last = time.monotonic(), sentence
            console.say(last)

    def show(changes: Sequence[Change]) -> None:
        waited = bool(tally.looked_up or tally.suspended)
        tally.take_in(changes)
        # While rows wait nothing changes, so a line is printed when the wait begins.
        begins = not waited and (tally.looked_up or tally.suspended)
        if time.monotonic() - said >= _EVERY or begins:
            say(tally.sentence())

    def reading(objects: int, left: int) -> None:
        if time.monotonic() - said >= _EVERY:
            say(_reading(objects, left))

    yield Shown(_Told(show, console.say).show, reading)
    say(tally.sentence())


def _reading(objects: int, left: int) -> str:
    # "At least": the next round depends on what this one finds.
    return f"pre-flight: {objects} objects read, at least {left} cmdlet{'s' * (left != 1)} left"
