"""One pipeline on one pool: every wait is limited, and every kind of end is distinguished."""

import threading
import time
from collections.abc import Iterator
from typing import Any, cast

from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.shell import SignalCode

from bulkps.engine.interfaces import Gate
from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord
from bulkps.sessions.runspace_pool import nothing
from bulkps.sessions.wire_errors import WIRE_ERRORS, never_left, reading, text_of, wire_record

#: The shell no longer exists, so nothing can be started in it (exchange-facts.md section 5.1).
_SHELL_GONE = {2150858843, 2150859082, 2150859084}
#: The server accepts nothing from this account for now: every QUOTA_* code (exchange-facts.md section 5.1;
#: PowerShell's own CimChildJobBase sleeps and sends again for each of them).
_QUOTA = {2150858815, *range(2150859173, 2150859177), 2150859179, *range(2150859236, 2150859243)}
#: How often a wait is interrupted to check for a stop, in seconds.
_LOOKS_UP = 2
#: How long a stopped pipeline may take to confirm that, in seconds.
_STOPS = 30.0


class NotBegunError(Exception):
    """A pipeline did not start, or it is not known whether it did.

    Attributes:
        answer: NOT_SENT, LOST, or FAILED if the server accepts nothing for now.
        record: What the server said.
        lost: Why the session is lost, or empty.
    """

    def __init__(self, answer: Answer, record: ErrorRecord, lost: str) -> None:
        super().__init__(record.message)
        self.answer, self.record, self.lost = answer, record, lost


class OutOfTimeError(Exception):
    """A pipeline ran longer than it may, or must be stopped now; it is still running."""


class GateClosedError(Exception):
    """Nothing may be sent any more."""


def begin(pipeline: PowerShell, gate: Gate | None = None) -> None:
    """Send *pipeline*.

    The gate is asked before every fragment: serializing and sending may take long, and nothing runs before
    the last fragment has arrived.

    Raises:
        NotBegunError: If it did not start, or that is not known.
    """
    shell = cast(Any, pipeline.runspace_pool.shell)
    sent = 0

    def look() -> None:
        nonlocal sent
        if gate is not None and gate.left() <= 0:
            raise GateClosedError
        sent += 1

    shell.look = look
    try:
        pipeline.begin_invoke()
    except GateClosedError as error:
        pipeline.runspace_pool.pipelines.pop(pipeline.id, None)
        record = ErrorRecord("nothing more may be sent: another process may have taken over the run")
        # The engine does not run an incomplete command, but this session keeps waiting for the rest of it.
        raise NotBegunError(Answer.NOT_SENT, record, record.message if sent else "") from error
    except WSManFaultError as error:
        pipeline.runspace_pool.pipelines.pop(pipeline.id, None)
        answer = _proven_by(error) if shell.authentic else Answer.LOST
        lost = "" if answer is Answer.FAILED else text_of(error)
        raise NotBegunError(answer, wire_record(error), lost) from error
    except WIRE_ERRORS as error:
        answer = Answer.NOT_SENT if never_left(error) else Answer.LOST
        raise NotBegunError(answer, wire_record(error), text_of(error)) from error
    finally:
        shell.look = nothing


def _proven_by(fault: WSManFaultError) -> Answer:
    """Return what a fault proves about the command that it answers.

    Most faults do not say when something went wrong. Only those after which nothing can have run are more
    than doubt.
    """
    if fault.code in _SHELL_GONE:
        return Answer.NOT_SENT
    return Answer.FAILED if fault.code in _QUOTA else Answer.LOST


def outputs(
    pipeline: PowerShell,
    limit: float,
    patience: int,
    interrupted: threading.Event | None = None,
    *,
    keep: bool = True,
) -> Iterator[object]:
    """Yield what a started *pipeline* writes, as it arrives, until it ends.

    Args:
        pipeline: A started pipeline.
        limit: Seconds that may pass from one output to the next, and to the end.
        patience: Seconds after which the server answers an empty wait.
        interrupted: Ends the wait when it is set.
        keep: Whether *pipeline* keeps what was yielded; an inventory may be larger than memory.

    Raises:
        OutOfTimeError: If the limit passed or the wait was interrupted.
        WIRE_ERRORS: If the session is lost.
    """
    # Interrupts are checked between two waits, so the waits must be short.
    patience = min(patience, _LOOKS_UP) if interrupted else patience
    taken = 0
    deadline = time.monotonic() + limit
    while pipeline.state == PSInvocationState.RUNNING:
        left = deadline - time.monotonic()
        if left <= 0 or (interrupted and interrupted.is_set()):
            raise OutOfTimeError
        with reading():
            pipeline.poll_invoke(timeout=max(1, min(patience, int(left))))
        if len(pipeline.output) > taken:
            yield from pipeline.output[taken:]
            taken = len(pipeline.output) if keep else _let_go(pipeline)
            # Time that the caller spends on the output does not count for the server.
            deadline = time.monotonic() + limit
    yield from pipeline.output[taken:]
    if not keep:
        _let_go(pipeline)


def _let_go(pipeline: PowerShell) -> int:
    """Forget everything that *pipeline* wrote except errors and warnings; return how much output is left."""
    streams = pipeline.streams
    for written in (pipeline.output, streams.progress, streams.information, streams.verbose, streams.debug):
        written.clear()
    return 0


def stop(pool: RunspacePool, pipeline: PowerShell, patience: int) -> list[object]:
    """Stop a running *pipeline*; return its output that was not fetched yet.

    pypsrp's own stop forgets the pipeline at once, including output that is still on the way.

    Raises:
        WIRE_ERRORS: If the session is lost.
        OutOfTimeError: If it does not confirm that it stopped.
    """
    fetched = len(pipeline.output)
    pool.shell.signal(SignalCode.PS_CTRL_C, str(pipeline.id).upper())
    for _ in outputs(pipeline, _STOPS, patience):
        pass
    rest: list[object] = pipeline.output[fetched:]
    return rest


def close(pipeline: PowerShell) -> str:
    """Close an ended *pipeline*; return why the session is lost, or an empty string.

    If one is left open, a child never acknowledges the pool's end, and an endpoint stops answering after
    a thousand (engine-facts.md).
    """
    try:
        pipeline.close()
    except WIRE_ERRORS as error:
        return text_of(error)
    return ""
