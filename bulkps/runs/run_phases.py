"""The phases of a run, in order: rows that need no sending, pre-flight, the confirmation, sending."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.driver import Driver
from bulkps.engine.item import Change
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.engine.recorded_events import RunEvent
from bulkps.engine.run_machine import Machine
from bulkps.errors import BulkpsError
from bulkps.exchange.error_catalog import ErrorClass, portable_patterns
from bulkps.operations.model import Operation
from bulkps.operations.release_support import uses
from bulkps.passwords.password_file import PasswordFile
from bulkps.passwords.password_provisioning import password_maker
from bulkps.preflight.comparison_runner import ChangedSince, ComparisonRunner
from bulkps.preflight.query_executor import OnReading, Sessions
from bulkps.preflight.runner import CMDLETS, PreflightRunner
from bulkps.records.recorder import Recorder
from bulkps.run_target import Target
from bulkps.runs.done_meanwhile import skip_what_others_did
from bulkps.runs.held_run import HeldRun
from bulkps.runs.run_creation import batch_name
from bulkps.sessions.session_factory import endpoint

#: Called after changes of items are durable.
OnChanges = Callable[[Sequence[Change]], None]
#: Asked whether anything may be sent.
Confirm = Callable[[], bool]
#: Gets the driver as soon as it exists, so that others can pause or cancel.
OnDriver = Callable[[Driver], None]


@dataclass(frozen=True)
class Orders:
    """The options and callbacks of the caller that starts a run.

    Attributes:
        on_changes: Called after changes are durable.
        on_reading: Called with the progress of pre-flight, on its own thread.
        on_driver: Called with the driver before anything is sent.
        ends_at: Epoch seconds at which it pauses; None for never.
        passwords: An open file for generated passwords, written before they are sent; None for no file.
        confirm: Asked after pre-flight, before anything is sent; None if no confirmation is needed.
        changed_since: Says what somebody has changed since the run that is taken back; see ComparisonRunner.
    """

    on_changes: OnChanges = lambda changes: None
    on_reading: OnReading = lambda objects, left: None
    on_driver: OnDriver = lambda driver: None
    ends_at: float | None = None
    passwords: PasswordFile | None = None
    confirm: Confirm | None = None
    changed_since: ChangedSince = lambda item, found: ""


def cmdlets_of(operation: Operation) -> list[str]:
    """Return the cmdlets that *operation* sends, each once."""
    return list(dict.fromkeys(cmdlet for cmdlet, _ in uses(operation)))


def skip_rest(recorder: Recorder) -> None:
    """Skip the unsent rows of a cancelled run."""
    recorder.skip_pending(StopReason.CANCELLED.value, "never sent: the run was cancelled", time.time())


@dataclass
class RunPhases:
    """Carries out a run that this process holds, phase by phase.

    Attributes:
        held: The run.
        operation: The operation of the run.
        target: Where it is sent.
        orders: The caller's options and callbacks.
    """

    held: HeldRun
    operation: Operation
    target: Target
    orders: Orders
    _recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        """Take the records of the held run."""
        self._recorder = self.held.recorder

    def carry_out(self) -> Finish:
        """Go through the phases; return why the run is over or has stopped for now.

        Raises:
            RecordFailed: If a record could not be written.
            RunOwnedElsewhere: If another process took the run over.
        """
        self._say_started()
        self._settle_without_sending()
        connection, config = self.target.connection, self.target.config
        throttled = portable_patterns(self.target.catalogue, ErrorClass.THROTTLED)
        cmdlets = [*cmdlets_of(self.operation), *(CMDLETS if self.operation.preflight else ())]
        with endpoint(
            connection,
            self.target.credentials,
            config.item_timeout,
            list(dict.fromkeys(cmdlets)),
            throttled,
        ) as there:
            sessions = Sessions(there.connect)
            try:
                finish = (
                    self._preflight(sessions)
                    or self._compare(sessions)
                    or self._ask()
                    or self._send(sessions)
                )
            except BulkpsError:
                raise
            except BaseException as error:
                self._recorder.say(RunEvent.RUN_BROKEN, f"it ended with an error: {type(error).__name__}")
                raise
            finally:
                sessions.close()
        reason = finish.reason.value
        self._recorder.say(RunEvent.RUN_STOPPED, finish.detail or reason, reason=reason)
        return finish

    def _say_started(self) -> None:
        run, connection = self.held.run, self.target.connection
        self._recorder.say(
            RunEvent.RUN_STARTED,
            f"{run.operation} of {run.file} with connection {run.connection}",
            operation=run.operation,
            file=run.file,
            digest=run.digest,
            connection=run.connection,
            server=connection.server,
            username=connection.username,
            simulated=run.simulated,
        )

    def _settle_without_sending(self) -> None:
        """Skip what a cancelled run did not send, and what other runs did while this one was stopped."""
        if self.held.cancelled:
            skip_rest(self._recorder)
        elif not (self.held.fresh or self.target.connection.embedded) and self.operation.steps:
            self.orders.on_changes(skip_what_others_did(self._recorder, self.operation))

    def _preflight(self, sessions: Sessions) -> Finish | None:
        """Run pre-flight, or say that it was skipped; return why the run stops here, or None."""
        if self.operation.preflight is None or self.held.cancelled:
            return None
        # Earlier findings may be outdated: other runs, on other machines too, may have done the same since.
        # So rows that were never sent are checked again.
        before = self.held.run.preflight
        if before and (before.get("state") == "skipped" or not self._recorder.waits()):
            return None
        if not self.target.config.preflight and self.operation.steps:
            # A run that only checks has nothing else to do; the setting is not meant for it.
            self._recorder.preflighted({"state": "skipped"})
            return None
        runner = PreflightRunner(
            self.operation,
            self.target,
            sessions,
            self._recorder,
            self.orders.on_changes,
            self.orders.on_reading,
        )
        found = runner.run(self.operation.preflight)
        return found or (None if self.operation.steps else Finish(StopReason.DONE))

    def _compare(self, sessions: Sessions) -> Finish | None:
        """Skip the rows whose wanted state already exists; return why the run stops here, or None."""
        wanted = self.operation.reads_state and self.target.config.preflight
        if not wanted or self.held.cancelled or not self._recorder.waits():
            return None
        runner = ComparisonRunner(
            *(self.operation, self.target, sessions, self._recorder),
            *(self.orders.on_changes, self.orders.on_reading),
            changed_since=self.orders.changed_since,
        )
        return runner.run()

    def _ask(self) -> Finish | None:
        """Ask whether the rest may be sent; return why the run is over, or None."""
        confirm = self.orders.confirm
        if confirm is None or self.held.cancelled or not self._recorder.waits() or confirm():
            return None
        detail = "it was not confirmed; nothing was sent"
        reason = StopReason.NOT_CONFIRMED
        self._recorder.skip_pending(reason.value, f"never sent: {detail}", time.time())
        return Finish(reason, detail)

    def _send(self, sessions: Sessions) -> Finish:
        machine = Machine(
            self.operation,
            self._config(),
            self.target.catalogue,
            batch_name(self.held.run.id),
            one_first=self.target.credentials.password is not None,
            ends_at=self.orders.ends_at,
            cancelled=self.held.cancelled,
        )
        driver = Driver(
            machine,
            self.operation,
            self._recorder,
            sessions.connect,
            on_changes=self.orders.on_changes,
            prepare=password_maker(self.operation, self.orders.passwords),
            gate=self._recorder.gate,
        )
        self.orders.on_driver(driver)
        return driver.run()

    def _config(self) -> BulkOperationConfig:
        config = self.target.config
        if self.held.fresh or not self.target.connection.embedded:
            return config
        # The simulator's tenant started with this process: a request of an earlier one cannot appear later.
        return replace(config, follow=replace(config.follow, gone_after=0.0))
