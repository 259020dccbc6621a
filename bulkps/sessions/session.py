"""One open runspace pool: a batch in, outcomes out.

Where functions may be called, a batch is one pipeline with our own ``Invoke-BulkPSBatch``. In a session that
offers only cmdlets it is one pipeline per item. Several items are never statements of one pipeline: a
terminating error would silently drop the rest (engine-facts.md).
"""

import re
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell, RunspacePool

from bulkps.engine.interfaces import Gate, SessionLostError, StreamFailedError
from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord, Invocation, Outcome
from bulkps.sessions import pipeline as lines
from bulkps.sessions.batch_protocol import (
    BATCH_FUNCTION,
    SELECT_FUNCTION,
    batch_items,
    batch_outcome,
    patterns_taken,
)
from bulkps.sessions.runspace_pool import abandon
from bulkps.sessions.serializer import LateSeconds
from bulkps.sessions.session_wear import Wear
from bulkps.sessions.wire_errors import WIRE_ERRORS, reading, text_of, wire_record
from bulkps.sessions.wire_types import UnsendableValueError, error_records, plain_texts, properties, to_wire

_ANSWERS = {PSInvocationState.COMPLETED: Answer.COMPLETED, PSInvocationState.FAILED: Answer.FAILED}
#: The function was not started because its own parameters could not be bound.
_NOT_BOUND = (
    "NamedParameterNotFound",
    "MissingMandatoryParameter",
    "ParameterArgumentTransformationError",
    "ParameterArgumentValidationError",
    "AmbiguousParameter",
)


class PSRPSession:
    """An open pool.

    Args:
        pool: An open pool with one runspace.
        patience: Seconds after which the other side answers an empty wait.
        item_timeout: Seconds that one item may take.
        batching: Whether Invoke-BulkPSBatch may be called in it.
        selecting: Whether Select-BulkPSProperty may be called in it.
        wear: How long it may be used.
        until: Regular expressions: once an error matches one, the rest of the batch is not sent. Exchange
            would refuse it too.
        on_close: Called once when it is closed.
    """

    def __init__(
        self,
        pool: RunspacePool,
        patience: int,
        item_timeout: float,
        *,
        batching: bool,
        selecting: bool,
        wear: Wear,
        until: Sequence[str] = (),
        on_close: Callable[[], None],
    ) -> None:
        self._pool, self._patience, self._item_timeout = pool, patience, item_timeout
        self.batching, self._selecting = batching, selecting
        self._wear, self._on_close = wear, on_close
        self._until, self._until_text = tuple(map(re.compile, until)), patterns_taken(until)
        self._interrupted = threading.Event()

    def invoke(self, batch: Sequence[Invocation], gate: Gate | None = None) -> Iterator[Outcome]:
        """Yield an outcome for each invocation of *batch* as it ends.

        Args:
            batch: What to run.
            gate: Asked right before anything is sent; what it does not let through is NOT_SENT. Inside the
                engine it is the time within which items may be started.

        Raises:
            SessionLostError: If the pool is gone; the outcomes before it say for every item whether it
                was sent.
        """
        if self._interrupted.is_set() or _closed(gate):
            yield from (Outcome(one.id, Answer.NOT_SENT) for one in batch)
        elif self.batching and len(batch) > 1:
            yield from self._invoke_together(batch, gate)
        else:
            yield from self._invoke_one_by_one(batch, gate)

    def stream(self, invocation: Invocation) -> Generator[Mapping[str, object], None, None]:
        """Yield the properties of each object that one cmdlet writes, as it arrives; keep none.

        Raises:
            StreamFailedError: If it failed, wrote an error or was stopped: there may be more objects.
            SessionLostError: If the pool is gone.
        """
        if self._interrupted.is_set():
            raise StreamFailedError(Outcome(invocation.id, Answer.NOT_SENT, errors=(self._late(),)))
        began = time.monotonic()
        begun = self._begin(invocation, select=invocation.keep if self._selecting else ())
        if isinstance(begun, tuple):
            outcome, lost = begun
            raise SessionLostError(lost) if lost else StreamFailedError(outcome)
        yield from self._streamed(begun, invocation)
        try:
            outcome = self._outcome(begun, invocation, began)
        except WIRE_ERRORS as error:
            raise SessionLostError(text_of(error)) from error
        # Everything has arrived. If the close fails, the next use of the pool reports it.
        lines.close(begun)
        if outcome.answer is not Answer.COMPLETED or outcome.errors:
            raise StreamFailedError(outcome)

    def interrupt(self) -> None:
        """Stop the pipeline in flight and start no other; safe from any thread."""
        self._interrupted.set()

    def worn(self) -> str:
        """Return why the session should be renewed before its next batch, or an empty string."""
        return self._wear.reason(self._pool, self._patience)

    def close(self) -> None:
        """Close pool and connection; never raises."""
        abandon(self._pool)
        self._on_close()

    def _outputs(self, pipeline: PowerShell) -> Iterator[object]:
        return lines.outputs(pipeline, self._item_timeout, self._patience, self._interrupted)

    def _streamed(self, pipeline: PowerShell, invocation: Invocation) -> Iterator[Mapping[str, object]]:
        arriving = lines.outputs(pipeline, self._item_timeout, self._patience, self._interrupted, keep=False)
        try:
            for found in arriving:
                with reading():
                    one = properties(found, invocation.keep)
                yield one
        except lines.OutOfTimeError as error:
            late = StreamFailedError(Outcome(invocation.id, Answer.LOST, errors=(self._late(),)))
            lost = self._stop(pipeline)[1]
            raise (SessionLostError(lost) if lost else late) from error
        except GeneratorExit:
            # No one listens any more, so the engine must not continue with the rest.
            self._stop(pipeline)
            raise
        except WIRE_ERRORS as error:
            raise SessionLostError(text_of(error)) from error

    # --- one pipeline per item ------------------------------------------------------------------------

    def _invoke_one_by_one(self, batch: Sequence[Invocation], gate: Gate | None) -> Iterator[Outcome]:
        for position, invocation in enumerate(batch):
            if self._interrupted.is_set() or _closed(gate):
                yield from (Outcome(rest.id, Answer.NOT_SENT) for rest in batch[position:])
                return
            outcome, lost = self._run(invocation, gate)
            yield outcome
            if lost or self._would_be_refused(outcome):
                yield from (Outcome(rest.id, Answer.NOT_SENT) for rest in batch[position + 1 :])
                if lost:
                    raise SessionLostError(lost)
                return

    def _would_be_refused(self, outcome: Outcome) -> bool:
        """Return whether the items after it in the batch would be refused too."""
        return any(one.search(record.searched) for one in self._until for record in outcome.errors)

    def _run(self, invocation: Invocation, gate: Gate | None) -> tuple[Outcome, str]:
        """Return the outcome of *invocation*, and why the session is lost, or an empty string."""
        began = time.monotonic()
        begun = self._begin(invocation, gate)
        return begun if isinstance(begun, tuple) else self._finish(begun, invocation, began)

    def _begin(
        self, invocation: Invocation, gate: Gate | None = None, select: Sequence[str] = ()
    ) -> PowerShell | tuple[Outcome, str]:
        """Return the started pipeline, or what ``_run`` returns if there is none."""
        pipeline = PowerShell(self._pool)
        try:
            pipeline.add_cmdlet(invocation.cmdlet.name)
            for name, value in invocation.cmdlet.parameters.items():
                pipeline.add_parameter(name, to_wire(self._pool, name, value))
            if select:
                # A mailbox has about 170 properties, and pre-flight reads 20 of them.
                pipeline.add_cmdlet(SELECT_FUNCTION).add_parameter("Property", list(select))
            self._wear.begun()
            lines.begin(pipeline, gate)
        except UnsendableValueError as error:
            return _unsendable(invocation, error), ""
        except lines.NotBegunError as error:
            return Outcome(invocation.id, error.answer, errors=(error.record,)), error.lost
        except WIRE_ERRORS as error:
            # The key exchange for a SecureString failed, so no pipeline was started.
            return Outcome(invocation.id, Answer.NOT_SENT), text_of(error)
        return pipeline

    def _finish(self, pipeline: PowerShell, invocation: Invocation, began: float) -> tuple[Outcome, str]:
        try:
            for _ in self._outputs(pipeline):
                pass
            outcome = self._outcome(pipeline, invocation, began)
        except lines.OutOfTimeError:
            outcome = Outcome(invocation.id, Answer.LOST, errors=(self._late(),))
            return outcome, self._stop(pipeline)[1]
        except WIRE_ERRORS as error:
            return Outcome(invocation.id, Answer.LOST, errors=(wire_record(error),)), text_of(error)
        # The answer has arrived. If the close fails, only the session is lost.
        lost = lines.close(pipeline)
        if outcome.answer is Answer.LOST:
            lost = lost or "a pipeline ended without being completed or failed"
        return outcome, lost

    def _outcome(self, pipeline: PowerShell, invocation: Invocation, began: float) -> Outcome:
        # Success needs state and errors, and the outcome evaluator also asks for proof: a completed pipeline
        # may have written errors, and a failed one may have left none. A pipeline that someone else stopped
        # may have done anything.
        with reading():
            return Outcome(
                invocation.id,
                _ANSWERS.get(pipeline.state, Answer.LOST),
                output=tuple(properties(found, invocation.keep) for found in pipeline.output),
                errors=error_records(pipeline.streams.error),
                warnings=plain_texts(pipeline.streams.warning),
                milliseconds=round((time.monotonic() - began) * 1000),
            )

    # --- one pipeline per batch -----------------------------------------------------------------------

    def _invoke_together(self, batch: Sequence[Invocation], gate: Gate | None) -> Iterator[Outcome]:
        sendable: list[Invocation] = []
        items: list[dict[str, object]] = []
        try:
            for invocation in batch:
                try:
                    items.append(batch_items(self._pool, invocation))
                    sendable.append(invocation)
                except UnsendableValueError as error:
                    yield _unsendable(invocation, error)
        except WIRE_ERRORS as error:
            yield from (Outcome(one.id, Answer.NOT_SENT) for one in batch)
            raise SessionLostError(text_of(error)) from error
        if items:
            yield from self._together(sendable, items, gate)

    def _together(
        self, batch: Sequence[Invocation], items: list[dict[str, object]], gate: Gate | None
    ) -> Iterator[Outcome]:
        pipeline = PowerShell(self._pool)
        pipeline.add_cmdlet(BATCH_FUNCTION).add_parameter("Items", items)
        if self._until_text:
            pipeline.add_parameter("Until", self._until_text)
        if gate is not None:
            # The last parameter: its value is determined when everything before it is written.
            pipeline.add_parameter("Within", LateSeconds(gate.left))
        self._wear.begun()
        try:
            lines.begin(pipeline, gate)
        except lines.NotBegunError as error:
            yield from (Outcome(one.id, error.answer, errors=(error.record,)) for one in batch)
            if error.lost:
                raise SessionLostError(error.lost) from error
            return
        left = {one.id: one for one in batch}
        try:
            for found in self._outputs(pipeline):
                with reading():
                    outcome = batch_outcome(found)
                if left.pop(outcome.id, None):
                    yield outcome
        except lines.OutOfTimeError:
            yield from self._stopped(pipeline, left)
            return
        except GeneratorExit:
            # No one listens any more, so the engine must not continue with the rest of the batch.
            self._stop(pipeline)
            raise
        except WIRE_ERRORS as error:
            # Outcomes may have been written that never arrived, so the rest is in doubt.
            yield from (Outcome(key, Answer.LOST, errors=(wire_record(error),)) for key in left)
            raise SessionLostError(text_of(error)) from error
        yield from self._unanswered(pipeline, left, len(batch))

    def _stopped(self, pipeline: PowerShell, left: dict[str, Invocation]) -> Iterator[Outcome]:
        """Stop a batch in which an item took too long: that item is in doubt, later ones never ran."""
        rest, lost = self._stop(pipeline)
        try:
            with reading():
                ended = [batch_outcome(found) for found in rest]
        except WIRE_ERRORS as error:
            ended, lost = [], lost or text_of(error)
        for outcome in ended:
            if left.pop(outcome.id, None):
                yield outcome
        keys = list(left)
        # If the engine did not confirm the stop, it may be working on any of them.
        behind = Answer.LOST if lost else Answer.NOT_SENT
        for position, key in enumerate(keys):
            answer = Answer.LOST if position == 0 else behind
            yield Outcome(key, answer, errors=(self._late(),) if answer is Answer.LOST else ())
        if lost:
            raise SessionLostError(lost)

    def _unanswered(self, pipeline: PowerShell, left: dict[str, Invocation], total: int) -> Iterator[Outcome]:
        """Yield what is known about the items without an outcome, after the pipeline ended."""
        try:
            with reading():
                errors = error_records(pipeline.streams.error)
            lost = lines.close(pipeline)
        except WIRE_ERRORS as error:
            errors, lost = (wire_record(error),), text_of(error)
        never_ran = len(left) == total and any(_is_about_the_function(record) for record in errors)
        answer = Answer.NOT_SENT if never_ran else Answer.LOST
        reason = errors or (ErrorRecord("the batch ended without an outcome for it"),)
        yield from (Outcome(key, answer, errors=reason[:1]) for key in left)
        if lost or never_ran:
            raise SessionLostError(lost or errors[0].message)

    def _stop(self, pipeline: PowerShell) -> tuple[list[object], str]:
        """Stop *pipeline*; return output that was on the way, and why the session is lost, or nothing."""
        try:
            rest = lines.stop(self._pool, pipeline, self._patience)
        except lines.OutOfTimeError:
            return [], "a pipeline did not stop when asked"
        except WIRE_ERRORS as error:
            return [], text_of(error)
        return rest, lines.close(pipeline)

    def _late(self) -> ErrorRecord:
        if self._interrupted.is_set():
            return ErrorRecord("the run was interrupted; the pipeline was stopped")
        limit = f"{self._item_timeout:g} s"
        return ErrorRecord(f"no answer within item_timeout ({limit}); the pipeline was stopped")


def _closed(gate: Gate | None) -> bool:
    return gate is not None and gate.left() <= 0


def _unsendable(invocation: Invocation, error: UnsendableValueError) -> Outcome:
    record = ErrorRecord(str(error), exception_type=type(error).__name__)
    return Outcome(invocation.id, Answer.FAILED, errors=(record,))


def _is_about_the_function(record: ErrorRecord) -> bool:
    """Return whether the engine could not even call our function, so no item ran."""
    identifier, _, command = record.fully_qualified_error_id.partition(",")
    if identifier == "CommandNotFoundException":
        # Something may also be missing inside the function, after an item ran.
        return BATCH_FUNCTION in (record.target, *re.findall(r"[\w-]+", record.message))
    return command == BATCH_FUNCTION and identifier in _NOT_BOUND
