"""Learns a cmdlet that the data does not have, by asking a session."""

from pathlib import Path

from bulkps.engine.interfaces import SessionRefusedError
from bulkps.errors import CannotConnect, UsageProblem
from bulkps.exchange.cmdlet_metadata import CmdletFacts, facts_from_json
from bulkps.exchange.error_catalog import classify
from bulkps.learned_cmdlets import keep
from bulkps.run_target import Target, offered
from bulkps.sessions.cmdlet_reader import read_cmdlet
from bulkps.sessions.runspace_pool import abandon
from bulkps.sessions.session_factory import open_one, reachable


def learn_cmdlet(cmdlet: str, target: Target, folder: Path) -> tuple[CmdletFacts, Path]:
    """Read *cmdlet* from a session and keep it in *folder*; return what was read, and the file.

    Raises:
        CannotConnect: If no session can be opened.
        InvalidInput: If the file is there and cannot be read.
        UsageProblem: If the session has no such cmdlet, or the file cannot be written.
    """
    facts = read_from_session(cmdlet, target)
    return facts, keep(facts, folder)


def read_from_session(cmdlet: str, target: Target) -> CmdletFacts:
    """Open a session and return what it knows about *cmdlet*.

    Raises:
        CannotConnect: If no session can be opened.
        UsageProblem: If the session has no such cmdlet.
    """
    with reachable(target.connection, target.credentials) as (there, secrets):
        try:
            opened = open_one(there, secrets, [cmdlet])
        except SessionRefusedError as error:
            advice = classify([error.record], target.catalogue, mutates=False).known.advice
            raise CannotConnect(target.name, error.record.message, advice) from error
        try:
            raw = read_cmdlet(opened, cmdlet)
        finally:
            abandon(opened.pool)
            opened.close()
    if raw is None:
        raise UsageProblem(
            f"connection {target.name!r} has no cmdlet {cmdlet!r}, or this account may not use it (RBAC)"
        )
    return facts_from_json({**raw, "availability": offered(target.connection), "learned": True})
