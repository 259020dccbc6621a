"""Journal and audit of one run as the engine's Records."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from bulkps.engine.item import Change, Item
from bulkps.records import sweeps
from bulkps.records.audit import Audit
from bulkps.records.journal import LEASE, Journal
from bulkps.records.overview import elsewhere, ended_badly
from bulkps.records.rows import Elsewhere

#: How many items are read from the journal at once.
_PAGE = 1000
_SENTENCES = {
    "item.sending": "about to send {cmdlet}",
    "item.not-sent": "{cmdlet} did not reach Exchange; it will be sent again",
    "item.retry": "Exchange refused {cmdlet} for now; it will be sent again",
    "item.accepted": "Exchange accepted {cmdlet} and works on it",
    "item.step-completed": "{cmdlet} completed; the next step follows",
    "item.completed": "completed",
    "item.failed": "failed",
    "item.in-doubt": "nobody can tell yet whether {cmdlet} happened; it is looked up",
    "item.refused": "Exchange refused {cmdlet}, in words not known; whether it happened is looked up",
    "item.conflict": "something is in the way of {cmdlet}; whether it is the item's own is looked up",
    "item.still-in-doubt": "whether it happened is still not known",
    "item.absent": "{cmdlet} shows that it did not happen; it is sent again",
    "item.adopted": "{cmdlet} shows that it happened",
    "item.left-in-doubt": "nobody can tell whether it happened; a person has to look",
    "item.waits-for-operator": "Exchange waits for an operator",
    "item.progress": "Exchange is at work on it",
    "item.blocked": "pre-flight found what would make it fail; it is not sent",
    "item.warned": "pre-flight found what should be known",
    "item.replaced": "pre-flight put another value in place of a cell",
    "item.examined": "examined; nothing was sent",
    "item.unknown-status": "Exchange says something that the operation does not name",
}


class Recorder:
    """What the driver records goes to the audit log first, then to the journal.

    In this order a crash between the two leaves a line that announces what was never sent, which is
    harmless; the other way round something could be sent that the audit log never heard of.

    Args:
        journal: The journal.
        audit: The run's audit log.
        run: The run's name.
        owner: Who holds the lease.
        clock: Returns epoch seconds, and goes on while the machine sleeps.
    """

    def __init__(
        self, journal: Journal, audit: Audit, run: str, owner: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._journal, self._audit, self._run, self._owner = journal, audit, run, owner
        self._clock = clock
        self._waited = journal.run(run).waited
        self._confirmed = clock()
        self._loaded = -1

    def load(self, count: int) -> tuple[Sequence[Item], bool]:
        """Return the next unfinished items, and whether those were the last."""
        found = self._journal.pending(self._run, self._loaded, count)
        if found:
            self._loaded = found[-1].row
        return found, len(found) < count

    def record(self, changes: Sequence[Change]) -> None:
        """Make *changes* durable.

        Raises:
            RecordFailed: If they are not.
        """
        self._still_own()
        for change in changes:
            self._write(change)
        self._audit.sync()
        self._keep(changes)

    def skip_pending(self, code: str, reason: str, now: float) -> None:
        """Make every PENDING item SKIPPED."""
        self._still_own()
        self._audit.write("run.rest-skipped", reason, now, {"code": code})
        self._audit.sync()
        self._keep(())
        sweeps.skip_pending(self._journal, self._run, code, reason, now)

    def retry_failed(
        self,
        never: Sequence[str],
        doubtful: Sequence[str],
        steps: sweeps.RetrySteps,
        *,
        remembers: bool,
    ) -> int:
        """Make FAILED items to be sent again, *doubtful* ones looked up first.

        Returns:
            How many stay as they are because of what another run did since, or has underway.
        """
        self.say("run.retry-asked", "failed items are to be sent again", never=list(never))
        now = self._clock()
        run = self._journal.run(self._run)
        left = sweeps.retry_failed(self._journal, run, never, doubtful, steps, now, remembers=remembers)
        if left:
            self.say("run.retry-left", "another run did them since, or has them underway", items=left)
        return left

    def goes_on(self) -> None:
        """Keep that the run goes on, though it was cancelled before."""
        self._still_own()
        self._journal.goes_on(self._run, self._owner)

    def _still_own(self) -> None:
        """Make sure of the lease before a line is written: a machine that slept may have lost it.

        Raises:
            RunOwnedElsewhere: If another process took the run over, which writes the audit log now.
        """
        # A lease is taken over after LEASE seconds.
        if self._clock() - self._confirmed > LEASE / 2:
            self.beat()

    def _keep(self, changes: Sequence[Change]) -> None:
        self._journal.record(self._run, self._owner, changes, self._audit.lines, self._audit.head)
        self._confirmed = self._clock()

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
        """Renew the lease; return what another process wishes."""
        wish = self._journal.beat(self._run, self._owner)
        self._confirmed = self._clock()
        return wish

    def paced(self, notes: Sequence[str], waited: Mapping[str, float]) -> None:
        """Write how the pace changed; keep how long the run was held back, by reason."""
        self._still_own()
        for note in notes:
            self._audit.write("run.pace", note, self._clock(), {})
        total = dict(self._waited)
        for reason, seconds in waited.items():
            total[reason] = total.get(reason, 0.0) + round(seconds, 1)
        self._audit.sync()
        self._keep(())
        self._journal.keep(self._run, waited=total)

    def preflighted(self, found: Mapping[str, object]) -> None:
        """Keep what pre-flight found."""
        self.say("preflight.done" if found["state"] == "done" else "preflight.skipped", "pre-flight", **found)
        self._journal.keep(self._run, preflight=found)

    def replaced(self, changes: Sequence[Change]) -> None:
        """Keep *changes* of items whose column values pre-flight replaced."""
        # Told first: a crash between the two leaves a row that is replaced, and told of, once more.
        self.record(changes)
        self._journal.replace_values(self._run, [change.item for change in changes])

    def unsent(self, leaving: Collection[str]) -> Iterator[Item]:
        """Yield every item of a run of which nothing was ever sent, in the order of the file.

        Args:
            leaving: Those with one of these codes were at their end before anybody looked.
        """
        yield from (item for item, _ in self._journal.rows(self._run) if item.code not in leaving)

    def elsewhere(self, contents: Sequence[str], deeds: Mapping[int, str]) -> Mapping[str, Elsewhere]:
        """Return what other runs at the same place know of these contents (at most 500), by content."""
        return elsewhere(self._journal, self._journal.run(self._run), contents, deeds)

    def ended_badly(self, leaving: Sequence[str]) -> int:
        """Return how many items are FAILED or SKIPPED, but for those with one of these codes."""
        return ended_badly(self._journal, self._run, leaving)

    def note(self, event: str, sentence: str) -> None:
        """Write what happened to the run itself into the audit log."""
        self.say(event, sentence)

    def say(self, event: str, sentence: str, **facts: object) -> None:
        """Write an event of the run itself to the audit log and keep the log's head."""
        self._still_own()
        self._audit.write(event, sentence, self._clock(), facts)
        self._audit.sync()
        self._keep(())

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
        if cmdlet and change.event == "item.sending":
            facts |= {"parameters": cmdlet.shown()}
        optional = {
            "code": item.code,
            "error": item.error,
            "error_ids": [record.fully_qualified_error_id for record in change.errors],
            "warnings": list(change.warnings),
            "milliseconds": change.milliseconds,
            "outputs": {step: dict(kept) for step, kept in item.outputs.items()},
            "progress": item.progress,
        }
        facts |= {name: value for name, value in optional.items() if value}
        sentence = _SENTENCES.get(change.event, change.event).format(cmdlet=cmdlet.name if cmdlet else "it")
        self._audit.write(change.event, sentence, change.at, facts)
