"""``bulkps doctor``."""

import click

from bulkps.cli import console
from bulkps.cli.commands.shared_options import AS_JSON
from bulkps.cli.run_common import target
from bulkps.cli.shared_option_values import chosen
from bulkps.errors import BulkpsError, ExitCode
from bulkps.runs.session_diagnosis import Diagnosis, examine
from bulkps.settings import Settings


def execute(settings: Settings, connection: str | None, names: tuple[str, ...], as_json: bool) -> None:
    """Test a connection: open a session and show what it offers and what is missing."""
    wanted = [chosen(settings, name) for name in names] or list(settings.operations().values())
    there = target(settings, settings.choose_connection(connection), settings.run)
    try:
        found = examine(there.name, there.connection, there.credentials, wanted, there.catalogue)
    except BulkpsError as error:
        if as_json:
            failed = {"connection": there.name, "connected": False, "reason": str(error)}
            console.as_json({**failed, "error": str(error), "exit_code": int(error.exit_code)})
            # The error is already printed, and stdout must contain only one object.
            click.get_current_context().find_root().meta[AS_JSON] = False
        raise
    code = ExitCode.COMPLETED if found.complete else ExitCode.CANNOT_CONNECT
    if as_json:
        console.as_json({**_facts(found), "exit_code": int(code)})
    else:
        _show(found)
        if not found.complete:
            console.say("Operations with missing cmdlets or parameters cannot run: ask for the roles.")
    raise SystemExit(int(code))


def _facts(found: Diagnosis) -> dict[str, object]:
    session = found.session
    return {
        "connection": found.connection,
        "connected": True,
        "simulated": found.simulated,
        "way": found.way,
        "engine": session.engine,
        "language": session.language,
        "batching": session.batching,
        "exchange_online": session.exchange_online or None,
        "token_ends": session.token_ends,
        "operations": {
            need.operation: {"ok": not need.missing, "missing": list(need.missing)} for need in found.needs
        },
        "versions": found.versions,
    }


def _show(found: Diagnosis) -> None:
    session = found.session
    batching = "inside the engine" if session.batching else "one pipeline per item"
    rows = [
        ("connection", f"{found.connection} {console.simulated(found.simulated)}".strip()),
        ("connected by", found.way),
        ("engine", session.engine or "unknown"),
        ("language mode", session.language),
        ("batches run", batching),
        (
            "Exchange Online",
            session.exchange_online or "not used (no exchange_online in the connection)",
        ),
    ]
    if session.token_ends is not None:
        rows.append(("token ends", console.local_time(session.token_ends)))
    for need in found.needs:
        state = "nothing is missing" if not need.missing else "missing: " + ", ".join(need.missing)
        state = state if need.counts else f"{state} (does not count)" if need.missing else state
        what = need.operation if need.operation == "pre-flight" else f"operation {need.operation}"
        rows.append((what, state))
    rows += [(f"version of {name}", number) for name, number in found.versions.items()]
    console.show_table(rows, ("", ""))
