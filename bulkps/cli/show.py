"""``bulkps show``."""

from collections.abc import Mapping

from bulkps.cli import console
from bulkps.cli.printed_command import next_command
from bulkps.cli.row_groups import say_explained, show_rows
from bulkps.engine.item_status import BulkItemStatus
from bulkps.errors import ExitCode
from bulkps.runs import Run, RunDetails, RunService
from bulkps.settings import SIMULATOR
from bulkps.visible_text import visible

#: How many rows that are looked up are shown, and how many characters of the reason.
_SHOWN_LOOKED_UP, _SHOWN_REASON = 5, 100


def execute(run: str, as_json: bool) -> None:
    """Show the state of RUN, the status of its rows, and where its files are."""
    with RunService() as service:
        details = service.details(service.run(run))
        facts = _facts(details)
        if as_json:
            told = {"counts": console.totals(details.counts), "preflight": dict(details.run.preflight)}
            console.as_json({**facts, **told, "exit_code": int(ExitCode.COMPLETED)})
        else:
            _show(details, facts)


def _show(details: RunDetails, facts: Mapping[str, object]) -> None:
    """Print the same as text, and the rows that need attention."""
    found = details.run
    rows = [
        (name.replace("_", " "), str(value))
        for name, value in facts.items()
        if value not in ("", False) and name != "run"
    ]
    console.show_table(rows, ("run", found.id))
    console.show()
    console.show_counts(details.counts)
    say_explained(show_rows(details))
    if facts["worker"]:
        console.say(
            f"{facts['worker']} is working on it. No other process can resume the run until it has stopped; "
            f"to stop it: bulkps pause {found.id}"
        )
    elif facts["next"] and found.connection != SIMULATOR and not found.invocation.get("config"):
        # The run was started from Python with settings of its own: their file is unknown.
        console.say(f"add --config FILE if only FILE has the connection {found.connection!r}")


def _waited(found: Run) -> str:
    """Return how long the run waited, and why, as text."""
    reasons = {"throttled": "because Exchange throttled", "paced": "to stay below Exchange's limits"}
    return ", ".join(f"{seconds:.0f} s {reasons.get(why, why)}" for why, seconds in found.waited.items())


def _is_open(counts: Mapping[BulkItemStatus, int]) -> bool:
    return bool(counts[BulkItemStatus.PENDING] or counts[BulkItemStatus.IN_PROGRESS])


def _at_exchange(details: RunDetails) -> str:
    """Return the last statuses of requests at Exchange, as text."""
    return ", ".join(
        f"{one.count} {one.status or 'not asked yet'}{' (waits for an operator)' * one.waits}"
        for one in details.at_exchange()
    )


def _stalled(details: RunDetails) -> str:
    """Return the last detailed statuses of requests at Exchange, as text."""
    return ", ".join(f"{count} {visible(detail)}" for detail, count in details.stalled())


def _looked_up(details: RunDetails) -> str:
    """Return which rows are looked up, why, and when next, as text."""
    count, first = details.looked_up(_SHOWN_LOOKED_UP)
    rows = [
        f"row {item.row} at {console.local_time(item.not_before)}: {item.code}: "
        f"{visible(console.short(item.error, _SHOWN_REASON))}"
        for item in first
    ]
    more = f" and {count - len(first)} more" if count > len(first) else ""
    return "; ".join(rows) + more


def _facts(details: RunDetails) -> dict[str, object]:
    found, worker = details.run, details.worker
    return {
        "run": found.id,
        "operation": found.operation,
        "connection": found.connection,
        "simulated": found.simulated,
        "state": "interrupted" if found.state == "running" and not worker else found.state,
        "at_exchange": _at_exchange(details),
        "stalled": _stalled(details),
        "in_doubt": details.in_doubt() or "",
        "looked_up": _looked_up(details),
        "items_left_behind": details.left_behind() or "",
        "worker": worker,
        "waited": _waited(found),
        "detail": found.detail,
        "file": found.file,
        "who": found.who,
        "created_at": console.local_time(found.created_at),
        "ended_at": "" if worker else console.local_time(found.ended_at),
        "results": str(details.results or ""),
        "audit": found.audit,
        "journal": str(details.journal.path),
        "next": next_command(found) if _is_open(details.counts) and not worker else "",
    }
