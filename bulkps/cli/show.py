"""``bulkps show``."""

from collections.abc import Mapping
from pathlib import Path

import click

from bulkps.cli import console
from bulkps.cli.options import json_option
from bulkps.cli.printed_command import next_command
from bulkps.engine.status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.records import paths
from bulkps.records.journal import Journal
from bulkps.records.row_mapping import Run
from bulkps.records.run_queries import at_exchange, in_doubt, left_behind, looked_up, stalled
from bulkps.runs.run_service import operation_of
from bulkps.settings import SIMULATOR
from bulkps.visible_text import visible

#: How many rows that are looked up are shown, and how many characters of why.
_SHOWN_LOOKED_UP, _SHOWN_REASON = 5, 100


@click.command()
@click.argument("run")
@json_option
def command(run: str, as_json: bool) -> None:
    """Show the state of RUN, the status of its rows, and where its files are.

    RUN is the name of a run, the beginning of one, or "last".

    Example:

    \b
        bulkps show last
    """
    with Journal(paths.journal_path()) as journal:
        found = journal.run(run)
        counts = journal.counts(found.id)
        standing = {
            "at_exchange": _at_exchange(journal, found),
            "stalled": _stalled(journal, found),
            "in_doubt": in_doubt(journal, found.id) or "",
            "looked_up": _looked_up(journal, found),
            "items_left_behind": left_behind(journal, found.id) or "",
            "worker": journal.worker(found.id),
        }
    facts = _facts(found, counts, standing)
    if as_json:
        told = {"counts": console.totals(counts), "preflight": dict(found.preflight)}
        console.as_json({**facts, **told, "exit_code": int(ExitCode.COMPLETED)})
        return
    rows = [
        (name.replace("_", " "), str(value))
        for name, value in facts.items()
        if value not in ("", False) and name != "run"
    ]
    console.show(console.table(rows, ("run", found.id)))
    console.show()
    console.show(console.counts_table(counts))
    if facts["worker"]:
        console.say(
            f"{facts['worker']} works on it now. bulkps pause {found.id} lets it stop; until it has, nothing "
            "else can resume the run"
        )
    elif facts["next"] and found.connection != SIMULATOR and not found.invocation.get("config"):
        # A program gave the library its settings: no file of them is known.
        console.say(f"add --config FILE if only FILE has the connection {found.connection!r}")


def _waited(found: Run) -> str:
    """Return how long the run was held back, and why, for people."""
    reasons = {"throttled": "because Exchange throttled", "paced": "to stay under what Exchange lets through"}
    return ", ".join(f"{seconds:.0f} s {reasons.get(why, why)}" for why, seconds in found.waited.items())


def _is_open(counts: Mapping[BulkItemStatus, int]) -> bool:
    return bool(counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS])


def _at_exchange(journal: Journal, found: Run) -> str:
    """Return what Exchange last said of what it works on, for people."""
    follows = [step.follow for step in operation_of(found).steps if step.follow]
    waiting = {status for follow in follows for status in follow.waiting}
    return ", ".join(
        f"{count} {status or 'not asked yet'}{' (waits for an operator)' if status in waiting else ''}"
        for status, count in at_exchange(journal, found.id).items()
    )


def _stalled(journal: Journal, found: Run) -> str:
    """Return what Exchange says in detail of what it works on, as far as it was asked, for people."""
    steps = [step.name for step in operation_of(found).steps if step.follow and step.follow.detail]
    told = [stalled(journal, found.id, step) for step in steps]
    return ", ".join(f"{count} {visible(detail)}" for one in told for detail, count in one.items())


def _looked_up(journal: Journal, found: Run) -> str:
    """Return which rows are looked up, why, and when next, for people."""
    count, first = looked_up(journal, found.id, _SHOWN_LOOKED_UP)
    rows = [
        f"row {item.row} at {console.local_time(item.not_before)}: {item.code}: "
        f"{visible(console.short(item.error, _SHOWN_REASON))}"
        for item in first
    ]
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return "; ".join(rows) + more


def _facts(
    found: Run, counts: Mapping[BulkItemStatus, int], standing: Mapping[str, object]
) -> dict[str, object]:
    results = paths.results_path(found.id)
    return {
        "run": found.id,
        "operation": found.operation,
        "connection": found.connection,
        "simulated": found.simulated,
        "state": "interrupted" if found.state == "running" and not standing["worker"] else found.state,
        **standing,
        "waited": _waited(found),
        "detail": found.detail,
        "file": found.file,
        "who": found.who,
        "created_at": console.local_time(found.created_at),
        "ended_at": "" if standing["worker"] else console.local_time(found.ended_at),
        "results": str(results) if Path(results).exists() else "",
        "audit": found.audit,
        "journal": str(paths.journal_path()),
        "next": next_command(found) if _is_open(counts) and not standing["worker"] else "",
    }
