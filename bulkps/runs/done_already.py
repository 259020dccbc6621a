"""Rows whose content another run completed, with the same values or with others."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bulkps.engine.item import DONE_ALREADY, DONE_DIFFERENTLY, Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.intake import cell_values
from bulkps.operations.model import Operation, Step
from bulkps.operations.placeholders import Template
from bulkps.records.row_mapping import Elsewhere, values_text

#: Nouns of the Set- cmdlets that can change values later.
_CHANGED_BY = ("Mailbox", "User")
#: What happens if a row is done again.
_AGAIN = (
    "To send the whole row again although it was completed, use the same bulkps run command with --again. "
    "That repeats {cmdlet}, and everything that it did is done a second time."
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
    """Return the columns for which *item* asks for something else than the earlier run did."""
    now = _as_kept(item, item.values)
    # The cells have the requested values: pre-flight may have replaced them in the item.
    cells = cell_values(operation, found.header, found.cells)
    then = {**_as_kept(item, found.item.values), **_as_kept(item, cells)}
    defaults = _as_kept(item, operation.defaults)
    # Columns of the key are the same, even if spelt differently; an empty cell asks for nothing.
    return [
        name
        for name in operation.columns
        if name in now
        and name not in operation.key
        and not _only_permits(operation, name)
        # An explicit false asks for the same as an empty cell.
        and _folded(now[name]) != _folded(then.get(name, defaults.get(name, False)))
    ]


def _as_kept(item: Item, values: Mapping[str, Value]) -> dict[str, object]:
    kept: dict[str, object] = json.loads(values_text(replace(item, values=values)))
    return kept


def _folded(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).casefold()


def _only_permits(operation: Operation, column: str) -> bool:
    """Return whether *column* only permits Exchange something that it did anyway (-AllowLegacyDNMismatch)."""
    given = [parameter for step in operation.steps for parameter in _parameters(step, column)]
    return bool(given) and all(parameter.startswith(("Allow", "Accept")) for parameter in given)


def _what_is_left(operation: Operation, differ: list[str]) -> str:
    again = "" if operation.one_way else _AGAIN.format(cmdlet=_repeated(operation))
    if not differ:
        return f"Nothing is left to do. {again}".strip()
    by_hand = list(dict.fromkeys(way for name in differ for way in _ways(operation, name)))
    ways = f"To set what is missing by hand: {'; '.join(by_hand)}. " if by_hand else ""
    return f"Not done: {', '.join(differ)}. {ways}{again}".strip()


def _ways(operation: Operation, column: str) -> Iterator[str]:
    """Yield the cmdlets, with their parameters, that set the value of *column* once the rest is done."""
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
    """Return the cmdlets whose effect happens twice if a row is done again."""
    return ", ".join(dict.fromkeys(step.cmdlet for step in operation.steps if not step.idempotent))


def _changing(parameter: str, nouns: Sequence[str]) -> Iterator[str]:
    for noun in nouns:
        facts = cmdlet_facts(f"Set-{noun}")
        if facts and facts.parameter(parameter):
            yield f"Set-{noun} -{parameter}"
            return
