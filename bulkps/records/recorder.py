"""Journal and audit of one run as the engine's Records."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, update

from bulkps.engine.item import IN_DOUBT, LONGEST_TEXT, Change, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.operations.model import Operation
from bulkps.records import bulk_updates
from bulkps.records.audit import Audit
from bulkps.records.audit_opening import Ahead
from bulkps.records.journal import Journal
from bulkps.records.journal_writes import keep_audit, keep_before, keep_changes, keep_facts, replace_values
from bulkps.records.lease import Heartbeat, Lease, holding
from bulkps.records.row_mapping import Elsewhere
from bulkps.records.run_queries import elsewhere, ended_badly, living
from bulkps.records.schema import runs

_SENTENCES = {
    ItemEvent.SENDING: "about to send {cmdlet}",
    ItemEvent.NOT_SENT: "{cmdlet} did not reach Exchange; it will be sent again",
    ItemEvent.RETRY: "Exchange refused {cmdlet} for now; it will be sent again",
    ItemEvent.ACCEPTED: "Exchange accepted {cmdlet} and is working on it",
    ItemEvent.STEP_COMPLETED: "{cmdlet} completed; the next step follows",
    ItemEvent.CHANGED_SINCE: "somebody has changed it since; it is not taken back",
    ItemEvent.COMPLETED: "completed",
    ItemEvent.FAILED: "failed",
    ItemEvent.IN_DOUBT: "it is not known yet whether {cmdlet} made its change; bulkps checks in Exchange",
    ItemEvent.READ: "what is there before it is sent",
    ItemEvent.RECOVERING: "{cmdlet} shows that its request failed; the cmdlet that may help is sent next",
    ItemEvent.RESUMED: "{cmdlet} resumed its request; Exchange continues",
    ItemEvent.MADE_ANEW: "its failed request was removed; a new request for the row follows",
    ItemEvent.REFUSED: "Exchange refused {cmdlet} with an unknown error; bulkps checks in Exchange",
    ItemEvent.CONFLICT: "{cmdlet} met an existing object; bulkps checks whether it is the item's own",
    ItemEvent.STILL_IN_DOUBT: "it is still not known whether the change was made",
    ItemEvent.ABSENT: "{cmdlet} shows that it did not happen; it is sent again",
    ItemEvent.ADOPTED: "{cmdlet} shows that it happened",
    ItemEvent.LEFT_IN_DOUBT: "it is not known whether the change was made; a person has to check",
    ItemEvent.WAITS_FOR_OPERATOR: "Exchange waits for an operator",
    ItemEvent.PROGRESS: "Exchange is working on it",
    ItemEvent.BLOCKED: "pre-flight found a problem that would make it fail; it is not sent",
    ItemEvent.WARNED: "pre-flight has a warning",
    ItemEvent.REPLACED: "pre-flight replaced the value of a cell",
    ItemEvent.EXAMINED: "examined; nothing was sent",
    ItemEvent.DONE_BY_OTHER_RUN: "another run completed or started it after this one stopped; not sent",
    ItemEvent.ALREADY_SO: "Exchange already shows what it asks for; nothing is sent",
    ItemEvent.ANNOUNCED: "the audit log announced it, but the journal did not have it; it is looked up",
    ItemEvent.UNKNOWN_STATUS: "Exchange reports a status that the operation does not name",
}

#: The sentence for a retry by the item's code, if Exchange did not refuse anything.
_OF_RETRIES = {
    IN_DOUBT: "no answer shows whether {cmdlet} made its change; it is sent again, which is safe",
    "not-shown": "{cmdlet} does not show it yet; it is read again",
}
#: How many items one page has.
_PAGE = 1000
#: Decides about items by what other runs know about their contents.
Decide = Callable[[Sequence[Item], Mapping[str, Elsewhere]], list[Change]]
#: Items with these statuses in the journal were not sent by a later sitting.
_NEVER_SENT_LATER = (BulkItemStatus.COMPLETED, BulkItemStatus.SKIPPED)


class Recorder:
    """Writes what the driver records to the audit log first, then to the journal, in one transaction.

    In this order a crash between the two leaves a line that announces something that was never sent. In the
    other order something could be sent that is not in the audit log. No other process can take the run over
    in between, because that needs a transaction of the journal too.

    Args:
        journal: The journal.
        audit: The run's audit log.
        lease: The lease that this process holds on the run.
        heartbeat: What renews it.
        clock: Returns epoch seconds.
    """

    def __init__(
        self,
        journal: Journal,
        audit: Audit,
        lease: Lease,
        heartbeat: Heartbeat,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._journal, self._audit, self._lease, self._heartbeat = journal, audit, lease, heartbeat
        self._run, self._clock = lease.run, clock
        self._waited = journal.run(lease.run).waited
        self._loaded = -1

    @property
    def gate(self) -> Lease:
        """The gate: it tells for how long work may still be started at Exchange."""
        return self._lease

    def catch_up(self, ahead: Ahead) -> None:
        """Take over what the audit log has beyond the journal: a lookup must show whether it was sent."""
        with self._keeping() as connection:
            self._say(
                RunEvent.AUDIT_AHEAD,
                "the audit log has more than the journal: a crash came between the two, or the journal was "
                "restored from a backup. The rows that it announced are looked up before anything is sent",
                lines=ahead.unknown,
                cut=ahead.cut,
            )
            known = self._journal.items(connection, self._run, [one.key for one in ahead.announced])
            now, changes = self._clock(), []
            for one in ahead.announced:
                item = known.get(one.key)
                if item is not None and item.status not in _NEVER_SENT_LATER:
                    announced = item.announced(one.step, one.attempt, one.outputs, one.at)
                    changes.append(Change(announced, ItemEvent.ANNOUNCED, now))
                    self._write(changes[-1])
            keep_changes(connection, self._run, changes)

    def skip_by_others(self, operation: Operation, decide: Decide) -> list[Change]:
        """Record and return what *decide* says about the PENDING items, by what other runs know about them.

        Args:
            operation: What is done with them.
            decide: Decides about some items by what other runs know about their contents.
        """
        run, after = self._journal.run(self._run), -1
        every: list[Change] = []
        while True:
            with self._keeping() as connection:
                waiting = self._journal.waiting(connection, self._run, after, _PAGE)
                alive = living(self._journal, connection)
                known = elsewhere(connection, run, [item.content for item in waiting], operation, alive)
                changes = decide(waiting, known) if known else []
                for change in changes:
                    self._write(change)
                keep_changes(connection, self._run, changes)
            every += changes
            if len(waiting) < _PAGE:
                return every
            after = waiting[-1].row

    def load(self, count: int) -> tuple[Sequence[Item], bool]:
        """Return the next unfinished items, and whether those were the last."""
        found = self._journal.pending(self._run, self._loaded, count)
        if found:
            self._loaded = found[-1].row
        return found, len(found) < count

    @contextmanager
    def _keeping(self) -> Iterator[Connection]:
        """Give a connection that holds the run; the audit log is on the disk when the block ends.

        Raises:
            RunOwnedElsewhere: If another process took the run over; nothing was written anywhere.
            RecordFailed: If a record could not be written, or is no longer the same file.
        """
        self._journal.check_files()
        self._audit.check_file()
        with holding(self._journal, self._lease) as connection:
            yield connection
            self._audit.sync()
            keep_audit(connection, self._run, self._audit.lines, self._audit.head)

    def record(self, changes: Sequence[Change]) -> None:
        """Make *changes* durable.

        Raises:
            RecordFailed: If they are not.
        """
        with self._keeping() as connection:
            for change in changes:
                self._write(change)
            keep_changes(connection, self._run, changes)

    def skip_pending(self, code: str, reason: str, now: float) -> None:
        """Make every PENDING item SKIPPED."""
        with self._keeping() as connection:
            self._audit.write(RunEvent.RUN_REST_SKIPPED, reason, now, {"code": code})
            bulk_updates.skip_pending(connection, self._run, code, reason, now)

    def retry_failed(self, operation: Operation, *, remembers: bool) -> int:
        """Take up the FAILED items again, as the run's *operation* allows.

        Args:
            operation: The run's operation.
            remembers: Whether what other runs did counts.

        Returns:
            How many stay as they are because another run did them since, or is working on them.
        """
        run = self._journal.run(self._run)
        with self._keeping() as connection:
            self._say(RunEvent.RUN_RETRY_ASKED, "failed items will be sent again")
            alive = living(self._journal, connection) if remembers else None
            left = bulk_updates.retry_failed(connection, run, operation, self._clock(), alive)
            if left:
                sentence = "another run completed these items since, or is working on them"
                self._say(RunEvent.RUN_RETRY_LEFT, sentence, items=left)
        return left

    def goes_on(self) -> None:
        """Keep that the run continues, although it was cancelled before."""
        with self._keeping() as connection:
            connection.execute(update(runs).where(runs.c.id == self._run).values(state="running"))

    def waits(self) -> bool:
        """Return whether any item is still to be sent."""
        return self._journal.counts(self._run)[BulkItemStatus.PENDING] > 0

    def following(self) -> int:
        """Return how many items are at Exchange."""
        return self._journal.following(self._run)

    def followed(self, step: int, refs: Sequence[str]) -> Sequence[Item]:
        """Return the items at Exchange whose ref is one of *refs*."""
        return self._journal.followed(self._run, step, refs)

    def followed_except(self, step: int, refs: Iterable[str]) -> Sequence[Item]:
        """Return the items at Exchange whose ref is none of *refs*."""
        return self._journal.followed_except(self._run, step, refs)

    def beat(self) -> str:
        """Return what another process asked for.

        Raises:
            RunOwnedElsewhere: If another process took the run over.
            RecordFailed: If the lease can no longer be renewed.
        """
        if self._heartbeat.error is not None:
            raise self._heartbeat.error
        return self._heartbeat.wish

    def paced(self, notes: Sequence[str], waited: Mapping[str, float]) -> None:
        """Write how the pace changed; keep how long the run was held back, by reason."""
        total = dict(self._waited)
        for reason, seconds in waited.items():
            total[reason] = total.get(reason, 0.0) + round(seconds, 1)
        with self._keeping() as connection:
            for note in notes:
                self._say(RunEvent.RUN_PACE, note)
            keep_facts(connection, self._run, waited=total)

    def preflighted(self, found: Mapping[str, object]) -> None:
        """Keep what pre-flight found."""
        done = found["state"] == "done"
        with self._keeping() as connection:
            self._say(RunEvent.PREFLIGHT_DONE if done else RunEvent.PREFLIGHT_SKIPPED, "pre-flight", **found)
            keep_facts(connection, self._run, preflight=found)

    def replaced(self, changes: Sequence[Change]) -> None:
        """Keep *changes* of items whose column values pre-flight replaced."""
        with self._keeping() as connection:
            for change in changes:
                self._write(change)
            keep_changes(connection, self._run, changes)
            replace_values(connection, self._run, [change.item for change in changes])

    def read_before(self, changes: Sequence[Change]) -> None:
        """Keep *changes* of items whose state was read before they are sent."""
        with self._keeping() as connection:
            for change in changes:
                self._write(change)
            keep_changes(connection, self._run, changes)
            keep_before(connection, self._run, [change.item for change in changes])

    def unsent(self, leaving: Collection[str]) -> Iterator[Item]:
        """Yield every item of a run for which nothing was ever sent, in file order.

        Args:
            leaving: Items with one of these codes are left out: they were finished before pre-flight.
        """
        for item, _ in self._journal.rows(self._run):
            if item.code not in leaving and (item.sent_at is None or item.status is BulkItemStatus.PENDING):
                yield item

    def elsewhere(self, contents: Sequence[str], operation: Operation) -> Mapping[str, Elsewhere]:
        """Return what other runs at the same place know about these contents, by content."""
        run = self._journal.run(self._run)
        with self._journal.reading() as connection:
            return elsewhere(connection, run, contents, operation, living(self._journal, connection))

    def ended_badly(self, leaving: Sequence[str]) -> int:
        """Return how many items are FAILED or SKIPPED, except those with one of these codes."""
        return ended_badly(self._journal, self._run, leaving)

    def note(self, event: RunEvent, sentence: str) -> None:
        """Write what happened to the run itself into the audit log."""
        self.say(event, sentence)

    def say(self, event: RunEvent, sentence: str, **facts: object) -> None:
        """Write an event of the run itself to the audit log and keep the log's head."""
        with self._keeping():
            self._say(event, sentence, **facts)

    def _say(self, event: RunEvent, sentence: str, **facts: object) -> None:
        self._audit.write(event, sentence, self._clock(), facts)

    def _write(self, change: Change) -> None:
        item, cmdlet = change.item, change.cmdlet
        facts: dict[str, object] = {
            "row": item.row,
            "key": item.key,
            "status": item.status.name,
            "step": item.step,
            "attempt": item.attempt,
        }
        if cmdlet:
            facts |= {"cmdlet": cmdlet.name}
        if cmdlet and change.event == ItemEvent.SENDING:
            facts |= {"parameters": cmdlet.shown()}
        optional = {
            "code": item.code,
            "error": item.error,
            "error_ids": [record.fully_qualified_error_id for record in change.errors],
            # The item keeps only the beginning of a long text.
            "messages": [record.message for record in change.errors if len(record.message) > LONGEST_TEXT],
            "warnings": list(change.warnings),
            "milliseconds": change.milliseconds,
            "outputs": {step: dict(kept) for step, kept in item.outputs.items()},
            "progress": item.progress,
            "before": dict(item.before) if change.event == ItemEvent.READ else {},
        }
        facts |= {name: value for name, value in optional.items() if value}
        told = _OF_RETRIES.get(item.code) if change.event == ItemEvent.RETRY else None
        told = told or _SENTENCES.get(change.event, change.event)
        sentence = told.format(cmdlet=cmdlet.name if cmdlet else "it")
        self._audit.write(change.event, sentence, change.at, facts)
