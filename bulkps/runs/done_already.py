"""Rows whose content another run completed: with what they say now, or with other values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bulkps.engine.item import DONE_ALREADY, DONE_DIFFERENTLY, Item, Phase
from bulkps.engine.status import BulkItemStatus
from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.exchange.invocation import Value
from bulkps.intake import cell_values
from bulkps.operations.model import Operation, Step
from bulkps.operations.placeholders import Template
from bulkps.records.row_mapping import Elsewhere, values_text

#: Nouns of cmdlets that change afterwards what one that made something was given.
_CHANGED_BY = ("Mailbox", "User")
#: What it means to do a row again.
_AGAIN = (
    "To send the whole row again although it was completed, use the same bulkps run command with --again: "
    "that repeats {cmdlet}, and everything that it did then is done a second time."
)


def done_already(operation: Operation, item: Item, found: Elsewhere) -> Item:
    """Return *item* SKIPPED, with the evidence that another run completed its content."""
    then = found.item
    at = datetime.fromtimestamp(then.completed_at or 0.0).astimezone().isoformat(timespec="seconds")
    kept = ", ".join(f"{name} {value}" for step in then.outputs.values() for name, value in step.items())
    differ = _different(operation, item, found)
    otherwise = f", with other values: {', '.join(differ)}" if differ else ""
    return replace(
        item,
        status=BulkItemStatus.SKIPPED,
        phase=Phase.OVER,
        outputs=then.outputs,
        code=DONE_DIFFERENTLY if differ else DONE_ALREADY,
        error=f"completed {at} by run {found.run}{f' ({kept})' if kept else ''}{otherwise}",
        advice=_what_is_left(operation, differ),
        completed_at=then.completed_at,
    )


def _different(operation: Operation, item: Item, found: Elsewhere) -> list[str]:
    """Return the columns of which *item* asks for something else than was asked for then."""
    now = _as_kept(item, item.values)
    # What was asked for is in the cells: pre-flight may have put other values in their place.
    cells = cell_values(operation, found.header, found.cells)
    then = {**_as_kept(item, found.item.values), **_as_kept(item, cells)}
    defaults = _as_kept(item, operation.defaults)
    # What is in the key is the same, though it may be spelt otherwise; what is empty asks for nothing.
    return [
        name
        for name in operation.columns
        if name in now
        and name not in operation.key
        and not _only_permits(operation, name)
        # A false that stands there asks for what an empty cell does.
        and _folded(now[name]) != _folded(then.get(name, defaults.get(name, False)))
    ]


def _as_kept(item: Item, values: Mapping[str, Value]) -> dict[str, object]:
    kept: dict[str, object] = json.loads(values_text(replace(item, values=values)))
    return kept


def _folded(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).casefold()


def _only_permits(operation: Operation, column: str) -> bool:
    """Return whether *column* only lets Exchange do what it did anyway, as -AllowLegacyDNMismatch does."""
    given = [parameter for step in operation.steps for parameter in _parameters(step, column)]
    return bool(given) and all(parameter.startswith(("Allow", "Accept")) for parameter in given)


def _what_is_left(operation: Operation, differ: list[str]) -> str:
    again = "" if operation.one_way else _AGAIN.format(cmdlet=_repeated(operation))
    if not differ:
        return f"Nothing is left to do. {again}".strip()
    by_hand = list(dict.fromkeys(way for name in differ for way in _ways(operation, name)))
    ways = f"{'; '.join(by_hand)} sets what is missing by hand. " if by_hand else ""
    return f"Not done: {', '.join(differ)}. {ways}{again}".strip()


def _ways(operation: Operation, column: str) -> Iterator[str]:
    """Yield the cmdlets, with their parameters, that set what *column* says once the rest is done."""
    for step in operation.steps:
        for parameter in _parameters(step, column):
            if step.idempotent and not step.polled:
                yield f"{step.cmdlet} -{parameter}"
            else:
                nouns = _CHANGED_BY if operation.one_way else (step.cmdlet.partition("-")[2],)
                yield from _changing(parameter, nouns)


def _parameters(step: Step, column: str) -> Iterator[str]:
    for parameter, given in step.parameters.items():
        if isinstance(given, str) and column in Template.parse(given).names:
            yield parameter


def _repeated(operation: Operation) -> str:
    """Return the cmdlets whose effect comes twice if a row is done again."""
    return ", ".join(dict.fromkeys(step.cmdlet for step in operation.steps if not step.idempotent))


def _changing(parameter: str, nouns: Sequence[str]) -> Iterator[str]:
    for noun in nouns:
        facts = cmdlet_facts(f"Set-{noun}")
        if facts and facts.parameter(parameter):
            yield f"Set-{noun} -{parameter}"
            return
