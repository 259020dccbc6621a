"""One open runspace pool: a batch in, outcomes out.

Here one pipeline is sent per item: cmdlet name and bound parameters, never script text, so that it is
the same in a no-language session. Never several items as statements of one pipeline: a terminating error
would silently drop the rest (engine-facts.md).
"""

import time
from collections.abc import Callable, Iterator, Sequence

from pypsrp.complex_objects import PSInvocationState
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.engine.ports import SessionLostError
from bulkps.exchange.cmdlet import Answer, ErrorRecord, Invocation, Outcome
from bulkps.sessions.translate import (
    UnsendableValueError,
    error_records,
    plain_texts,
    properties,
    to_wire,
)
from bulkps.sessions.wsman import WIRE_ERRORS, wire_record

#: The shell is not there any more (engine-facts.md, exchange-facts.md section 5.1).
_SHELL_GONE = {2150858843, 2150859082, 2150859084}
#: A refused TCP connection or a name that does not resolve: the request never left.
_NEVER_LEFT = ("NewConnectionError", "ConnectTimeout", "NameResolutionError", "ConnectionRefusedError")


class PSRPSession:
    """An open pool that runs one pipeline per item.

    Args:
        pool: Open, with one runspace.
        item_timeout: Seconds that one item may take.
        on_close: Called once when it is closed.
    """

    def __init__(self, pool: RunspacePool, item_timeout: float, on_close: Callable[[], None]) -> None:
        self._pool, self._item_timeout, self._on_close = pool, item_timeout, on_close

    def invoke(self, batch: Sequence[Invocation]) -> Iterator[Outcome]:
        """Yield an outcome for each invocation of *batch* as it ends.

        Raises:
            SessionLostError: If the pool is gone; the outcomes before it say of every item whether it
                was sent.
        """
        for position, invocation in enumerate(batch):
            outcome, lost = self._run(invocation)
            yield outcome
            if lost:
                for rest in batch[position + 1 :]:
                    yield Outcome(rest.id, Answer.NOT_SENT)
                raise SessionLostError(lost)

    def close(self) -> None:
        """Close pool and connection; what goes wrong then harms nothing any more."""
        try:
            self._pool.close()
        except WIRE_ERRORS:
            pass
        finally:
            self._on_close()

    def _run(self, invocation: Invocation) -> tuple[Outcome, str]:
        """Return the outcome of *invocation*, and why the session is lost, or an empty string."""
        began = time.monotonic()
        pipeline = PowerShell(self._pool)
        try:
            pipeline.add_cmdlet(invocation.cmdlet.name)
            for name, value in invocation.cmdlet.parameters.items():
                pipeline.add_parameter(name, to_wire(self._pool, name, value))
        except UnsendableValueError as error:
            record = ErrorRecord(str(error), exception_type=type(error).__name__)
            return Outcome(invocation.id, Answer.FAILED, errors=(record,)), ""
        except WIRE_ERRORS as error:
            # The key exchange for a SecureString failed: no pipeline was begun.
            return Outcome(invocation.id, Answer.NOT_SENT), str(error)
        refused = self._begin(pipeline, invocation.id)
        if refused:
            return refused
        return self._finish(pipeline, invocation, began)

    def _begin(self, pipeline: PowerShell, identifier: str) -> tuple[Outcome, str] | None:
        """Send *pipeline*; return what came of it if it did not begin."""
        try:
            pipeline.begin_invoke()
        except WSManFaultError as error:
            # A fault is an answer: the server did not take the command.
            self._pool.pipelines.pop(pipeline.id, None)
            if error.code in _SHELL_GONE:
                return Outcome(identifier, Answer.NOT_SENT), str(error)
            return Outcome(identifier, Answer.FAILED, errors=(wire_record(error),)), ""
        except WIRE_ERRORS as error:
            sent = not any(sign in f"{type(error).__name__} {error}" for sign in _NEVER_LEFT)
            answer = Answer.LOST if sent else Answer.NOT_SENT
            return Outcome(identifier, answer, errors=(wire_record(error),)), str(error)
        return None

    def _finish(self, pipeline: PowerShell, invocation: Invocation, began: float) -> tuple[Outcome, str]:
        deadline = began + self._item_timeout
        try:
            while pipeline.state == PSInvocationState.RUNNING:
                left = deadline - time.monotonic()
                if left <= 0:
                    return self._out_of_time(pipeline, invocation)
                # The server answers an empty wait after its operation timeout: shorten the last one.
                pipeline.poll_invoke(timeout=max(1, int(left)) if left < self._patience else None)
            answered = self._outcome(pipeline, invocation, began)
        except WIRE_ERRORS as error:
            return Outcome(invocation.id, Answer.LOST, errors=(wire_record(error),)), str(error)
        try:
            pipeline.close()
        except WIRE_ERRORS as error:
            # The answer is here; only the session is of no more use.
            return answered, str(error)
        return answered, ""

    @property
    def _patience(self) -> int:
        return int(self._pool.connection.operation_timeout)

    def _outcome(self, pipeline: PowerShell, invocation: Invocation, began: float) -> Outcome:
        # Success needs both, and the judge asks for proof beside: a pipeline that completes may have
        # written errors, and one that failed or was stopped may have left none.
        completed = pipeline.state == PSInvocationState.COMPLETED
        return Outcome(
            invocation.id,
            Answer.COMPLETED if completed else Answer.FAILED,
            output=tuple(properties(found, invocation.keep) for found in pipeline.output),
            errors=error_records(pipeline.streams.error),
            warnings=plain_texts(pipeline.streams.warning),
            milliseconds=round((time.monotonic() - began) * 1000),
        )

    def _out_of_time(self, pipeline: PowerShell, invocation: Invocation) -> tuple[Outcome, str]:
        record = ErrorRecord(
            f"no answer within item_timeout ({self._item_timeout:g} s); the pipeline was stopped"
        )
        outcome = Outcome(invocation.id, Answer.LOST, errors=(record,))
        try:
            pipeline.stop()
            pipeline.close()
        except WIRE_ERRORS as error:
            return outcome, str(error)
        return outcome, ""
