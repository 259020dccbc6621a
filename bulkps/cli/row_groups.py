"""The rows of a run that need attention: similar ones in a group, with one advice."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import click

from bulkps.cli import console
from bulkps.cli.tables import coloured, paragraph
from bulkps.engine.item import DONE_DIFFERENTLY, ITEMS_LEFT_BEHIND, WAITS_FOR_OPERATOR
from bulkps.engine.item_status import BulkItemStatus
from bulkps.intake.message_likeness import likeness
from bulkps.intake.row_ranges import RowRanges
from bulkps.operations.model import Operation
from bulkps.preflight.findings import Code
from bulkps.runs import RowResult, Run, RunDetails
from bulkps.visible_text import visible

#: How many rows of a group are listed, and how many of those with a new kind of error.
_SHOWN_ROWS, _SHOWN_NEW = 10, 20
#: How many groups of a section are kept and shown.
_SHOWN_GROUPS = 20
#: How many characters of a source are shown; a DistinguishedName can be longer.
_SHOWN_SOURCE = 200


@dataclass(frozen=True)
class _Section:
    """Rows that are shown under one heading.

    Attributes:
        heading: Their result.
        status: Their status.
        only: The value of ``bulkps results --only`` that shows all of them.
        codes: Their possible codes; empty for any.
        warned: Whether it is about their warnings, not their errors.
    """

    heading: str
    status: BulkItemStatus
    only: str
    codes: frozenset[str] = frozenset()
    warned: bool = False

    def said(self, found: RowResult) -> Iterator[tuple[str, str, str]]:
        """Yield what this section shows for a row: code, error, advice."""
        if self.warned:
            for warning in found.warnings:
                code = warning.partition(": ")[0]
                yield (code if code in _FOUND else ""), warning, ""
        elif not self.codes or found.code.partition(";")[0] in self.codes:
            yield found.code, found.error, found.advice


#: The findings of pre-flight, as result codes.
_FOUND = frozenset(code.value for code in Code)
_SECTIONS = (
    _Section("FAILED", BulkItemStatus.FAILED, "failed"),
    _Section(
        "COMPLETED with items left behind",
        BulkItemStatus.COMPLETED,
        ITEMS_LEFT_BEHIND,
        frozenset({ITEMS_LEFT_BEHIND}),
    ),
    _Section(
        "IN_PROGRESS, waiting for a person",
        BulkItemStatus.IN_PROGRESS,
        "in_progress",
        frozenset({WAITS_FOR_OPERATOR}),
    ),
    _Section("COMPLETED with a warning", BulkItemStatus.COMPLETED, "completed", warned=True),
    _Section("SKIPPED, not done", BulkItemStatus.SKIPPED, "skipped", frozenset({DONE_DIFFERENTLY})),
    _Section("SKIPPED by pre-flight", BulkItemStatus.SKIPPED, "skipped", _FOUND),
)


@dataclass
class _Group:
    """Rows with the same code and the same advice, except for the row's own values in it.

    Attributes:
        code: Their code.
        error: The error of the first one.
        advice: The advice of the first one.
        same: Whether all have exactly the same error and advice.
        rows: Their numbers.
        listed: The listed rows: number, what it is about, and its error if that is of a new kind.
    """

    code: str
    error: str
    advice: str
    same: bool = True
    rows: RowRanges = field(default_factory=RowRanges)
    listed: list[tuple[int, str, str]] = field(default_factory=list)
    _said: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Note the error that is shown for all of them."""
        self._said.add(likeness(self.error))

    def add(self, row: int, about: str, error: str, advice: str) -> None:
        """Add a row; it is listed if it is among the first ones or has a new kind of error."""
        self.rows.add(row)
        self.same &= (error, advice) == (self.error, self.advice)
        new = likeness(error) not in self._said
        if len(self.listed) < (_SHOWN_NEW if new else _SHOWN_ROWS):
            self._said.add(likeness(error))
            self.listed.append((row, about, error if new else ""))


def show_rows(details: RunDetails) -> list[str]:
    """Print the rows of a run that need attention; return their codes, each once."""
    codes: dict[str, None] = {}
    run, operation = details.run, details.operation
    for section in _SECTIONS:
        groups, left = _grouped(section, details.row_results(section.status), operation)
        for group in groups:
            _show(group, section, run)
            codes |= dict.fromkeys(filter(None, group.code.split(";")))
        if left.count:
            console.show(f"\nand others, {left}: bulkps results {run.id} --only {section.only}")
    return list(codes)


def say_explained(codes: Sequence[str]) -> None:
    """Name the command that explains *codes*."""
    if codes:
        console.say(f"Explanations and fixes: bulkps explain {' '.join(dict.fromkeys(codes))}")


def _grouped(
    section: _Section, results: Iterable[RowResult], operation: Operation
) -> tuple[list[_Group], RowRanges]:
    """Return the groups of a section in the order of their first rows, and the rows that are in none."""
    groups: dict[tuple[str, str], _Group] = {}
    left = RowRanges()
    for found in results:
        for code, error, advice in section.said(found):
            key = (code, likeness(error if section.warned else advice))
            if key not in groups and len(groups) == _SHOWN_GROUPS:
                left.add(found.row)
                continue
            group = groups.setdefault(key, _Group(code, error, advice))
            group.add(found.row, _about(found, operation), error, advice)
    return list(groups.values()), left


def _about(found: RowResult, operation: Operation) -> str:
    """Return what a row is about: its source, and its target if the operation has one."""
    names = (operation.source, operation.target) if operation.target else (operation.source,)
    return "  ".join(console.short(found.values.get(name) or "", _SHOWN_SOURCE) for name in names).rstrip()


def _show(group: _Group, section: _Section, run: Run) -> None:
    """Print one group: what all of its rows have in common, then the rows."""
    code = f": {group.code}" if group.code else ""
    heading = paragraph(f"{section.heading}{code}, {group.rows}", following="  ")
    # Only the state in the heading is coloured, not the text below it.
    click.echo("\n" + coloured(visible(heading, lines=True)))
    if not group.same:
        _say(f"For example row {group.listed[0][0]}:", "  ")
    if group.error:
        _say(group.error, "  ")
    if group.advice:
        _say(f"-> {group.advice}", "  ", "     ")
    for row, about, error in group.listed:
        _say(f"row {row}  {about}{': ' if error else ''}{error}", "  ", "      ")
    more = group.rows.count - len({row for row, _, _ in group.listed})
    if more:
        _say(f"and {more:,} more: bulkps results {run.id} --only {section.only}", "  ")


def _say(text: str, indent: str, following: str | None = None) -> None:
    console.show(paragraph(visible(console.short(text)), indent, following))
