"""Creates a run in the journal from valid rows."""

import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import islice
from typing import Any

from bulkps import yaml_config
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item import Item
from bulkps.engine.resend import Known
from bulkps.errors import ContentElsewhere, RecordFailed, UsageProblem
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.item_key import item_key
from bulkps.operations.loader import dump_operation
from bulkps.operations.model import BulkOperationType, Operation, is_given
from bulkps.operations.release_support import lacking, releases, without_effect
from bulkps.records import paths
from bulkps.records.creation import Claim, create
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import DONE_IN_PART, IN_DOUBT_THERE, Elsewhere, Run
from bulkps.records.run_queries import elsewhere, living
from bulkps.run_target import Target, offered, who
from bulkps.runs.done_already import done_already
from bulkps.runs.next_command import next_command

#: How many characters of the operation's name are part of a run's name, and so of file and request names.
_NAMED = 19
#: How many rows are looked up in the journal at once.
_AT_ONCE = 500
#: What finishes content that another run left, by its state there.
_WAYS = {
    IN_DOUBT_THERE: "{retry} checks it and finishes it. If you see in Exchange that the change was not made, "
    "--again sends the row",
    DONE_IN_PART: "bulkps results {run} --only failed shows what was done, and {retry} does the rest. If you "
    "see in Exchange that all of it must be done, --again sends the whole row",
}


def only_checked(operation: Operation) -> Operation:
    """Return *operation* for a validation: it has no steps, so nothing can ever be sent."""
    return replace(operation, steps=(), one_way=False, advice="")


def create_run(
    journal: Journal,
    operation: Operation,
    report: CheckReport,
    rows: Iterable[InputRow],
    target: Target,
    *,
    again: bool = False,
    checks: bool = False,
    invocation: Mapping[str, Any] | None = None,
) -> Run:
    """Keep a new run in the journal, all rows or nothing, and return it.

    Content that another run completed is SKIPPED with that evidence.

    Args:
        journal: Where it is kept.
        operation: The operation.
        report: The file, checked.
        rows: Its rows.
        target: Where to.
        again: Whether rows that another run completed are done again.
        checks: Whether the rows are only checked: nothing is sent, and the check is not remembered.
        invocation: The options that the next command has to repeat; see Run.

    Raises:
        UsageProblem: If a row fills a column that the target, or another column, rules out.
        InvalidInput: If *rows* meets a problem.
        ContentElsewhere: If another run has the content of a row and has not finished it.
        RecordFailed: If it cannot be kept.
    """
    kept = only_checked(operation) if checks else operation
    run = replace(_new_run(kept, report, target), invocation=invocation or {})
    # The embedded simulator's tenant ends with its run, so nothing that was done there remains. And rows that
    # were only checked may be checked again.
    remembers = not (target.connection.embedded or checks)
    try:
        planned = _planned(run, operation, rows, offered(target.connection), again=again)
        claim = _claim(operation, target, again=again) if remembers else None
        create(journal, run, planned, claim, operation, target.config.lease)
    except RecordFailed as error:
        advice = "free disk space or fix access, then run the command again; there is no run to resume yet"
        raise RecordFailed(error.what, error.reason, advice) from error
    return run


def batch_name(run: str) -> str:
    """Return the BatchName of the requests that a run creates."""
    return f"bulkps-{run}"


def items_of(
    journal: Journal | None,
    operation: Operation,
    report: CheckReport,
    rows: Iterable[InputRow],
    target: Target,
    *,
    again: bool = False,
) -> Iterator[Item]:
    """Yield the items that ``create_run`` would create, and keep none of them.

    Args:
        journal: What other runs did; None if there were none.
        operation: The operation.
        report: The file, checked.
        rows: Its rows.
        target: Where to.
        again: Whether rows that another run completed would be done again.

    Raises:
        UsageProblem: If a row fills a column that the target, or another column, rules out.
        InvalidInput: If *rows* meets a problem.
        ContentElsewhere: If another run has the content of a row and has not finished it.
        RecordFailed: If the journal cannot be read.
    """
    run = _new_run(operation, report, target)
    planned = _planned(run, operation, rows, offered(target.connection), again=again)
    claim = _claim(operation, target, again=again)
    while part := [item for item, _ in islice(planned, _AT_ONCE)]:
        if journal is not None and not target.connection.embedded:
            with journal.reading() as connection:
                alive = living(journal, connection)
                contents = [item.content for item in part]
                known = elsewhere(connection, run, contents, operation, alive)
            part = list(claim(part, known))
        yield from part


def _new_run(operation: Operation, report: CheckReport, target: Target) -> Run:
    doing = operation.name if operation.steps else BulkOperationType.VALIDATE.value
    named = doing[:_NAMED].rstrip("-")
    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{named}-{secrets.token_hex(2)}"
    return Run(
        id=name,
        operation=doing,
        operation_text=dump_operation(operation),
        connection=target.name,
        simulated=target.connection.simulated,
        place=target.connection.place,
        options=_options_text(target.config),
        file=str(report.path.absolute()),
        digest=report.digest,
        header=report.header,
        carried=report.carried,
        who=who(),
        created_at=time.time(),
        audit=str(paths.audit_path(name)),
    )


def _planned(
    run: Run, operation: Operation, rows: Iterable[InputRow], offers: Collection[str], *, again: bool
) -> Iterator[tuple[Item, Sequence[str]]]:
    seen = set[frozenset[str]]()
    for row in rows:
        _refuse_unavailable(operation, row, offers, seen)
        yield _item(operation, row, run.id if again else ""), row.cells


def _claim(operation: Operation, target: Target, *, again: bool) -> Claim:
    """Return what decides about new items by other runs, and refuses those that one is working on."""
    # What another run completed may have been changed since: where the present state is read, that decides.
    reads = operation.reads_state and target.config.preflight

    def claim(new: Sequence[Item], known: Mapping[str, Elsewhere]) -> Sequence[Item]:
        _refuse_unfinished(new, known, again=again)
        if again or reads:
            return new
        return [
            done_already(operation, item, known[item.content]) if item.content in known else item
            for item in new
        ]

    return claim


def _refuse_unavailable(
    operation: Operation, row: InputRow, offers: Collection[str], seen: set[frozenset[str]]
) -> None:
    """Refuse a row that fills a column for which the target Exchange has no parameter."""
    given = frozenset(name for name in row.values if is_given(row.values, name))
    if given in seen:
        return
    seen.add(given)
    if idle := without_effect(operation, given):
        others = ", ".join(sorted(given - set(idle)))
        helps = [name for name in operation.columns if not without_effect(operation, given | {name})]
        why = f"unless {' or '.join(helps)} is given too" if helps else f"together with {others}"
        raise UsageProblem(f"row {row.row}: {', '.join(idle)} does nothing {why}; nothing was sent")
    if missing := lacking(operation, given, offers):
        kind = "Exchange Online" if "EXO" in offers else "an Exchange Server"
        raise UsageProblem(
            f"row {row.row} needs {', '.join(missing)}, which {kind} does not have; nothing was sent"
        )
    everywhere = releases(operation)
    if everywhere and not releases(operation, given):
        there = {name: releases(operation, (name,)) for name in sorted(given)}
        apart = [f"{name} (Exchange {', '.join(has)})" for name, has in there.items() if has != everywhere]
        raise UsageProblem(f"row {row.row}: no Exchange has all of {' and '.join(apart)}; nothing was sent")


def _item(operation: Operation, row: InputRow, salt: str) -> Item:
    # Defaults decide whether a step is needed, but are not part of the row's content.
    first = operation.next_step(-1, {**operation.defaults, **row.values}) or 0
    content = item_key(operation, row.values)
    # A repeated row must not use the name of what was created before.
    key = item_key(operation, row.values, salt) if salt else content
    return Item(key, row.row, row.values, content, step=first)


def _refuse_unfinished(items: Sequence[Item], known: Mapping[str, Elsewhere], *, again: bool) -> None:
    # Whoever uses --again has checked what happened to the failed ones.
    unfinished = [
        (item, found)
        for item in items
        if (found := known.get(item.content)) and not (found.is_over if again else found.known is Known.DONE)
    ]
    if unfinished:
        item, found = unfinished[0]
        runs = sorted({one.run for _, one in unfinished})
        raise ContentElsewhere(item.row, found.run, found.state, way_to_the_end(found), runs)


def way_to_the_end(found: Elsewhere) -> str:
    """Return what finishes content that another run left, for people."""
    return _WAYS.get(found.state, "{resume} finishes it").format(
        run=found.run, resume=next_command(found), retry=next_command(found, "retry")
    )


def _options_text(config: BulkOperationConfig) -> str:
    data = asdict(config)
    for name in ("retry", "breakers"):
        data[name] = {kind.value: policy for kind, policy in data[name].items()}
    return yaml_config.dump(data)
