"""Progress on standard error: a bar on a terminal, plain lines elsewhere, nothing when quiet."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bulkps.engine.item import Change, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.library.exporting import ExportStage, OnProgress

#: Seconds between two plain lines.
_EVERY = 5.0


class _Tally:
    """Where the items stand; counters, for a run may have a million of them."""

    def __init__(self, total: int, over: int) -> None:
        self.total, self.over = total, over
        self.at_exchange = self.failed = 0

    def take_in(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.event == "item.accepted":
                self.at_exchange += 1
            elif change.item.phase is Phase.OVER:
                self.over += 1
                self.failed += change.item.status is BulkItemStatus.FAILED
                # Only what was accepted here is counted off: a resumed run has others at Exchange too.
                self.at_exchange = max(0, self.at_exchange - bool(change.item.ref))

    def sentence(self) -> str:
        waiting = f", {self.at_exchange} at Exchange" if self.at_exchange else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.over} of {self.total} rows at their end{waiting}{failed}"


class Watch:
    """Takes in how far a run is, and shows nothing of it.

    Args:
        tally: Where the items stand.
    """

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally

    def changes(self, changes: Sequence[Change]) -> None:
        """Take in changes that are durable."""
        self._tally.take_in(changes)

    def reading(self, objects: int, left: int) -> None:
        """Take in how much pre-flight has read, on whatever thread."""


class _Bar(Watch):
    """Shows it as a bar."""

    def __init__(self, tally: _Tally, title: str, bar: Progress) -> None:
        super().__init__(tally)
        self._bar = bar
        self._task = bar.add_task(title, total=tally.total, completed=tally.over, note="")

    def changes(self, changes: Sequence[Change]) -> None:
        super().changes(changes)
        at_exchange = self._tally.at_exchange
        note = f"{at_exchange} at Exchange" if at_exchange else ""
        self._bar.update(self._task, completed=self._tally.over, note=note)

    def reading(self, objects: int, left: int) -> None:
        self._bar.update(self._task, note=_reading(objects, left))


class _Lines(Watch):
    """Shows it as a line every few seconds, where there is something new."""

    def __init__(self, tally: _Tally) -> None:
        super().__init__(tally)
        self._said, self._last = time.monotonic(), ""

    def changes(self, changes: Sequence[Change]) -> None:
        super().changes(changes)
        self._say(self._tally.sentence())

    def reading(self, objects: int, left: int) -> None:
        self._say(_reading(objects, left))

    def end(self) -> None:
        """Say once more where the items stand."""
        self._said = time.monotonic() - _EVERY
        self._say(self._tally.sentence())

    def _say(self, sentence: str) -> None:
        if sentence != self._last and time.monotonic() - self._said >= _EVERY:
            self._said, self._last = time.monotonic(), sentence
            click.echo(sentence, err=True)


def _reading(objects: int, left: int) -> str:
    # What a round finds decides what the next one asks.
    return f"pre-flight: {objects} objects read, at least {left} cmdlet{'s' * (left != 1)} left"


@contextmanager
def progress(title: str, total: int, over: int, *, quiet: bool) -> Iterator[Watch]:
    """Give what shows how far a run is.

    Args:
        title: What is running.
        total: How many rows there are.
        over: How many of them are at their end already.
        quiet: Show nothing.
    """
    tally = _Tally(total, over)
    if quiet:
        yield Watch(tally)
    elif sys.stderr.isatty():
        with _rich_bar() as bar:
            yield _Bar(tally, title, bar)
    else:
        lines = _Lines(tally)
        yield lines
        lines.end()


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
    """Give a callback that shows how far an export is; it may be called for every single object."""
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
    """Says every few seconds how far an export is."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def show(self, stage: ExportStage, done: int, total: int | None) -> None:
        if time.monotonic() - self._said >= _EVERY:
            self._said = time.monotonic()
            of = f" of {total}" if total is not None else ""
            click.echo(f"{done}{of} {stage.value}", err=True)
