"""``bulkps show``."""

from collections.abc import Mapping
from pathlib import Path

import click

from bulkps.cli import render
from bulkps.cli.handingout import same_again
from bulkps.cli.options import json_option
from bulkps.engine.status import BulkItemStatus
from bulkps.library.runs import operation_of
from bulkps.records import home
from bulkps.records.journal import Journal
from bulkps.records.overview import at_exchange, in_doubt
from bulkps.records.rows import Run
from bulkps.settings import SIMULATOR


@click.command()
@click.argument("run")
@json_option
def command(run: str, as_json: bool) -> None:
    """Show how RUN stands: where it came from, where its rows are, where its records lie.

    RUN is a run's name, a unique beginning of it, or "last".

    Example:

    \b
        bulkps show last
    """
    with Journal(home.journal_path()) as journal:
        found = journal.run(run)
        counts = journal.counts(found.id)
        standing = {
            "at_exchange": _at_exchange(journal, found),
            "in_doubt": in_doubt(journal, found.id) or "",
        }
    facts = _facts(found, counts, standing)
    if as_json:
        told = {"counts": render.totals(counts), "preflight": dict(found.preflight)}
        render.as_json({**facts, **told})
        return
    rows = [
        (name.replace("_", " "), str(value))
        for name, value in facts.items()
        if value not in ("", False) and name != "run"
    ]
    click.echo(render.table(rows, ("run", found.id)))
    click.echo()
    click.echo(render.counts_table(counts))
    if facts["next"] and found.connection != SIMULATOR:
        # The journal knows the connection's name, not which file has it.
        render.say(f"resume with --config FILE where only FILE has the connection {found.connection!r}")


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


def _facts(
    found: Run, counts: Mapping[BulkItemStatus, int], standing: Mapping[str, object]
) -> dict[str, object]:
    results = home.results_path(found.id)
    return {
        "run": found.id,
        "operation": found.operation,
        "connection": found.connection,
        "simulated": found.simulated,
        "state": found.state,
        **standing,
        "waited": _waited(found),
        "detail": found.detail,
        "file": found.file,
        "who": found.who,
        "created_at": render.local_time(found.created_at),
        "ended_at": render.local_time(found.ended_at),
        "results": str(results) if Path(results).exists() else "",
        "audit": found.audit,
        "journal": str(home.journal_path()),
        "next": f"bulkps resume {found.id}{same_again(found.passwords)}" if _is_open(counts) else "",
    }
