"""``bulkps runs``."""

from bulkps.cli import console
from bulkps.errors import ExitCode
from bulkps.runs import Run, RunService


def execute(limit: int, as_json: bool) -> None:
    """List the runs in the journal, newest first."""
    with RunService() as service:
        found = [(run, console.totals(service.counts(run))) for run in service.runs(limit)]
    if as_json:
        told = [_facts(run, counts) for run, counts in found]
        console.as_json({"runs": told, "exit_code": int(ExitCode.COMPLETED)})
        return
    if not found:
        console.say("no runs yet; to start one: bulkps run OPERATION FILE")
        return
    rows = [
        (
            run.id,
            console.local_time(run.created_at),
            f"{run.connection}{' (simulated)' * run.simulated}",
            run.state,
            ", ".join(f"{count} {status}" for status, count in counts.items() if count),
        )
        for run, counts in found
    ]
    console.show_table(rows, ("run", "created", "connection", "state", "rows"))


def _facts(run: Run, counts: dict[str, int]) -> dict[str, object]:
    return {
        "run": run.id,
        "operation": run.operation,
        "connection": run.connection,
        "simulated": run.simulated,
        "state": run.state,
        "created_at": run.created_at,
        "file": run.file,
        "counts": counts,
    }
