"""What takes a run back: for each row that it completed, the values that were there before. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bulkps.engine.item import IN_DOUBT, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import UsageProblem
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.intake import CheckReport, InputRow, check_items, columns_used
from bulkps.operations.added_and_removed import changes_text
from bulkps.operations.cmdlet_operation import cmdlet_operation, column_name
from bulkps.operations.columns import NULL_TEXT, Column
from bulkps.operations.current_state import CONTEXT, IDENTITY, compare
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import bind, places
from bulkps.operations.placeholders import Template
from bulkps.preflight.comparison_runner import ChangedSince
from bulkps.preflight.row_comparison import shown
from bulkps.records.row_mapping import Run

#: Keys of a run's invocation: the run that it takes back, the last row of that one, and whether what somebody
#: has changed since is set back too.
UNDOES, LAST_ROW, EVEN_IF_CHANGED = "undoes", "last_row", "even_if_changed"
#: The types of cells in lists whose entries are the same under one name only.
_ADDRESSES = ("smtp", "proxy")


@dataclass(frozen=True)
class Undo:
    """What takes a run back.

    Attributes:
        operation: What is done.
        report: Its rows, checked.
        rows: The rows.
        cannot: What cannot be taken back, for people, row by row of the run.
        invocation: What the new run has to remember.
    """

    operation: Operation
    report: CheckReport
    rows: Sequence[InputRow]
    cannot: Sequence[str]
    invocation: Mapping[str, object]


@dataclass(frozen=True)
class UndoneRow:
    """A row that takes another one back.

    Attributes:
        row: Its number.
        undoes: The item that it takes back.
        cells: Its cells, by column of the operation.
        cannot: What cannot be taken back, for people; empty if everything can.
    """

    row: int
    undoes: Item
    cells: Mapping[str, str]
    cannot: tuple[str, ...] = ()


def undoing(operation: Operation) -> Operation:
    """Return the operation that takes runs of *operation* back.

    Raises:
        UsageProblem: If it is not known how to read what was there before.
    """
    facts = cmdlet_facts(operation.steps[0].cmdlet) if operation.reads_state else None
    if facts is None:
        raise UsageProblem(
            f"a run of {operation.name} cannot be undone: it does not read what is there before it sends"
        )
    return cmdlet_operation(facts)


def undone_rows(operation: Operation, items: Iterable[Item], last_row: int) -> list[UndoneRow]:
    """Return the rows that take back what a run completed, the last one first.

    Args:
        operation: The operation of the run.
        items: Its items.
        last_row: The highest row number among them.
    """
    back = undoing(operation)
    completed = [item for item in items if item.status is BulkItemStatus.COMPLETED]
    completed.sort(key=lambda item: item.row, reverse=True)
    # A later retry of the run may complete more of its rows: the numbers of the others must stay.
    return [_undone(operation, back, item, last_row + 2 - item.row) for item in completed]


def undo_of(run: Run, operation: Operation, items: Sequence[Item]) -> Undo:
    """Return what takes *run* back.

    Args:
        run: The run.
        operation: Its operation.
        items: Its items.

    Raises:
        UsageProblem: If it has unfinished rows, nothing can be taken back, or it is not known how.
    """
    back = undoing(operation)
    unfinished = (BulkItemStatus.PENDING, BulkItemStatus.IN_PROGRESS)
    if any(item.status in unfinished for item in items):
        raise UsageProblem(f"run {run.id} is not finished: resume or cancel it first")
    last_row = max((item.row for item in items), default=0)
    undone = undone_rows(operation, items, last_row)
    told = [
        f"row {one.undoes.row}: {sentence}; it stays as it is" for one in undone for sentence in one.cannot
    ]
    told += [
        f"row {item.row}: it is not known whether it was changed ({item.code}); it stays as it is"
        for item in items
        if item.status is BulkItemStatus.FAILED and (item.doubtful or item.code == IN_DOUBT)
    ]
    # The same object may be in several rows, whose values are set back one after the other.
    back = replace(back, unique=())
    cells = {one.row: one.cells for one in undone if len(one.cells) > 1}
    report, _ = check_items(back, list(cells.items()))
    for problem in report.problems if cells else ():
        if cells.pop(problem.row or 0, None):
            told.append(f"row {last_row + 2 - (problem.row or 0)}: {problem.expected}; it stays as it is")
    report, rows = check_items(back, list(cells.items()))
    if not rows:
        problems = told or ["it completed no row that changed anything"]
        raise UsageProblem(f"nothing of run {run.id} can be set back: {'; '.join(problems[:3])}")
    invocation = {UNDOES: run.id, LAST_ROW: last_row}
    report = replace(report, path=Path(f"undo of {run.id}"))
    return Undo(columns_used(back, report), report, sorted(rows, key=lambda one: one.row), told, invocation)


def _undone(operation: Operation, back: Operation, item: Item, row: int) -> UndoneRow:
    step = operation.steps[0]
    filled = places(operation, item.values, item.key, "", {})
    identity: object = Template.parse(step.current.identity).render(filled) if step.current else None
    sent = bind(step, filled).parameters
    # Its name may mean another object by now.
    identity = item.before.get(IDENTITY) or identity
    cells, cannot = {IDENTITY: str(identity or "")}, list[str]()
    for parameter, wanted in sent.items():
        if parameter in CONTEXT:
            continue
        name = column_name(parameter)
        column = back.columns.get(name)
        cell = _cell(column, wanted, item.before, parameter) if column else None
        if cell is None:
            known = (
                f"it was {item.before[parameter]}" if parameter in item.before else "what it was is not known"
            )
            cannot.append(f"{parameter}: {known}")
        elif cell:
            cells[name] = cell
    return UndoneRow(row, item, cells, tuple(cannot))


def _cell(column: Column, wanted: Value, before: Mapping[str, object], parameter: str) -> str | None:
    """Return the cell that sets a property back; empty if nothing has to be done, None if it cannot be."""
    if parameter not in before:
        return None
    was, kind = before[parameter], column.type[0]
    if isinstance(wanted, Mapping):
        return _changes_back(wanted, was) if kind in _ADDRESSES and isinstance(was, list) else None
    if was is None or was in ("", []) or was == [None]:
        return NULL_TEXT if column.clearable else None
    # A list's entries, and what names an object, are shown by names that may also mean another one.
    if column.many or kind == "identity" or not isinstance(was, str | bool | int | float):
        return None
    text = str(was).lower() if isinstance(was, bool) else str(was)
    same = text == text.strip() and text.casefold() != NULL_TEXT
    return text if same and not column.problem(text) else None


def _changes_back(wanted: Mapping[str, object], was: Sequence[object]) -> str:
    """Return the cell that removes what was added, and adds what was removed, as far as it was so before."""
    there = {_bare(one) for one in was}
    added = [one for one in _texts(wanted.get("Add")) if _bare(one) not in there]
    removed = [one for one in _texts(wanted.get("Remove")) if _bare(one) in there]
    entries = {name: parts for name, parts in (("Add", removed), ("Remove", added)) if parts}
    return changes_text(entries) if entries else ""


def _texts(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _bare(value: object) -> str:
    return str(value).casefold().removeprefix("smtp:")


def changed_since(operation: Operation, rows: Iterable[UndoneRow]) -> ChangedSince:
    """Return what says, for an item that takes another one back, what may not be as that one left it.

    Args:
        operation: The operation of the run that is taken back.
        rows: What takes it back.
    """
    undone = {one.row: one for one in rows}
    step = operation.steps[0]

    def tell(item: Item, found: Mapping[str, object] | None) -> str:
        if found is None:
            return "its present state could not be read"
        undoes, told = undone[item.row].undoes, list[str]()
        filled = places(operation, undoes.values, undoes.key, "", {})
        for one in compare(step, filled, found):
            if not one.read or one.same or column_name(one.parameter) not in undone[item.row].cells:
                continue
            left = f"the run left {shown(one.wanted)}"
            certain = left if one.same is False else f"it is not certain that {left}"
            told.append(f"{one.property} is {shown(one.present)}, and {certain}")
        return "; ".join(told)

    return tell
