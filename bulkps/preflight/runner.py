"""Runs pre-flight: finds the rows that are known to fail, reports them, and keeps them from being sent."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

from bulkps.engine.item import DONE_ALREADY, DONE_DIFFERENTLY, Change, Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.engine.recorded_events import ItemEvent, RunEvent
from bulkps.errors import CannotConnect
from bulkps.exchange.calls_and_outcomes import Answer, Outcome, Value
from bulkps.exchange.error_catalog import Meaning
from bulkps.operations.model import Operation, Preflight
from bulkps.operations.placeholders import Template
from bulkps.preflight.duplicate_targets import DuplicateTargets, done_elsewhere, other_keys, other_names
from bulkps.preflight.findings import Code, Finding, Severity
from bulkps.preflight.onmicrosoft_fallback import fallen_back, wanted_by
from bulkps.preflight.preflight_facts import PreflightFacts
from bulkps.preflight.query import Facet, Read
from bulkps.preflight.query_executor import (
    GIVEN_UP,
    Interrupted,
    OnReading,
    QueryExecutor,
    Sessions,
    reason,
)
from bulkps.preflight.query_planner import QueryPlanner, Wanted
from bulkps.preflight.reading_thread import while_beating, why_stopped
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_findings import recovery_findings, restore_findings
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from bulkps.records.recorder import Recorder
from bulkps.records.row_mapping import DONE_IN_PART, IN_DOUBT_THERE
from bulkps.run_target import Target
from bulkps.sessions.connection import ConnectionType

#: Told of changes that are durable.
_Tell = Callable[[Sequence[Change]], None]
#: Cmdlets that pre-flight may run, beside those of the operation.
CMDLETS = (
    "Get-OrganizationConfig", "Get-AcceptedDomain", "Get-Mailbox", "Get-MailboxStatistics", "Get-Recipient",
    "Get-User", "Get-MailboxRestoreRequest", "Get-MailboxRestoreRequestStatistics",
)  # fmt: skip
#: How many characters an error code has at most.
_LONGEST_CODE = 80
#: Codes of rows that ended before pre-flight, not because of a finding.
_NOT_BLOCKED = (
    DONE_ALREADY,
    DONE_DIFFERENTLY,
    *(reason.value for reason in (StopReason.CANCELLED, StopReason.NOT_CLEAN, StopReason.NOT_CONFIRMED)),
)
#: How many rows are recorded at once.
_CHUNK = 500


@dataclass(frozen=True)
class _Row:
    """A row that is being checked.

    Attributes:
        item: Its item.
        wanted: What it wants.
        replaced: Values that replace cells.
        told: The reasons, as text for the user.
    """

    item: Item
    wanted: Wanted
    replaced: dict[str, Value] = field(default_factory=dict)
    told: tuple[str, ...] = ()


class PreflightRunner:
    """Checks the rows of a run that were not sent yet.

    Args:
        operation: The operation that the run would do.
        target: The connection and its configuration.
        sessions: Where a session comes from; it is kept for the run.
        recorder: Where the results are recorded.
        tell: Called with changes once they are durable.
        on_reading: Called with the progress of reading, on another thread.
    """

    def __init__(
        self,
        operation: Operation,
        target: Target,
        sessions: Sessions,
        recorder: Recorder,
        tell: _Tell,
        on_reading: OnReading,
    ) -> None:
        self._operation, self._target, self._recorder, self._tell = operation, target, recorder, tell
        self._reader = QueryExecutor(target.name, sessions, target.config, target.catalogue, on_reading)
        self._counts: Counter[tuple[Code, Severity]] = Counter()
        self._repeats = DuplicateTargets(operation)
        self._elsewhere: dict[str, tuple[str, str]] = {}
        self._blocked = self._unsure = self._changed = 0

    def run(self, preflight: Preflight) -> Finish | None:
        """Check all rows; return why the run stops here, or None if it continues.

        Raises:
            RecordFailed: If a record could not be written.
        """
        rows = [
            _Row(item, wanted_by(self._operation, preflight, item))
            for item in self._recorder.unsent(_NOT_BLOCKED)
        ]
        online = self._is_online([row.wanted for row in rows])
        config = self._target.config
        planner = QueryPlanner([row.wanted for row in rows], online=online, sizes=config.preflight_sizes)
        if not rows:
            return self._ended(planner)
        try:
            rows = self._read(planner, rows, preflight)
            self._compare(planner, rows)
        except (CannotConnect, Interrupted) as error:
            return why_stopped(error, self._recorder)
        finally:
            self._reader.close()
        if failed := self._unreadable(planner, rows):
            return failed
        self._record(planner, rows)
        return self._ended(planner)

    def _is_online(self, wanted: Sequence[Wanted]) -> bool:
        """Return whether it is Exchange Online, judged by the connection's type and by what the rows ask."""
        databases = [isinstance(one, WantedRestore) and bool(one.source_database) for one in wanted]
        of_a_server = bool(databases) and all(databases)
        return self._target.connection.type is not ConnectionType.EXCHANGE and not of_a_server

    # --- reading --------------------------------------------------------------------------------------

    def _read(self, planner: QueryPlanner, rows: list[_Row], preflight: Preflight) -> list[_Row]:
        """Run every round on another thread; meanwhile renew the lease and check for pause and cancel."""
        for number, reads in enumerate(planner.rounds()):
            self._note(reads)
            for read, outcome, meaning in self._answers(reads) if reads else ():
                if outcome.answer is Answer.COMPLETED and meaning is None:
                    planner.cache.take_in(read, outcome.output)
                elif outcome is GIVEN_UP:
                    planner.cache.give_up(read)
                else:
                    planner.cache.fail(read, reason(outcome, meaning))
            if number == 0 and self._target.config.onmicrosoft_fallback:
                rows = [self._fallen_back(row, planner, preflight) for row in rows]
                planner.wanted = [row.wanted for row in rows]
        self._reader.hand_over()
        return rows

    def _answers(self, reads: list[Read]) -> list[tuple[Read, Outcome, Meaning | None]]:
        return while_beating(lambda: list(self._reader.read(reads)), self._reader, self._recorder)

    def _note(self, reads: Iterable[Read]) -> None:
        for read in reads:
            self._recorder.say(
                RunEvent.PREFLIGHT_READS,
                f"about to read with {read.cmdlet.line()}",
                cmdlet=read.cmdlet.name,
                parameters=read.cmdlet.shown(),
            )

    def _fallen_back(self, row: _Row, planner: QueryPlanner, preflight: Preflight) -> _Row:
        found = fallen_back(row.wanted, planner.cache.organization, preflight)
        if found is None:
            return row
        return replace(row, wanted=found.wanted, replaced=found.values, told=(found.why,))

    def _kept(self, row: _Row, source: Recipient | None, target: Recipient | None) -> _Row:
        """Return the row, changed to keep the X500 address if another row of the run needs it."""
        preflight = self._operation.preflight
        others = self._repeats.needing_address(row.item.row, source, target) if source and target else []
        if not others or preflight is None or not getattr(row.wanted, "remove_x500", False):
            return row
        columns = Template.parse(preflight.wants["remove_x500"]).names
        one, several = "row {} needs", "rows {} need"
        need = (several if len(others) > 1 else one).format(", ".join(map(str, others)))
        why = (
            f"{', '.join(columns)} is ignored: {need} the same X500 address. Once all are completed, remove "
            "it with Set-Mailbox -EmailAddresses @{Remove='X500:…'}"
        )
        replaced = {**row.replaced, **dict.fromkeys(columns, False)}
        return replace(row, replaced=replaced, told=(*row.told, why))

    def _unreadable(self, planner: QueryPlanner, rows: Sequence[_Row]) -> Finish | None:
        """Return why the run stops because a row's source or target could not be read."""
        for row in rows:
            sources, targets = planner.sources(row.wanted), planner.targets(row.wanted)
            if sources is None or (isinstance(row.wanted, WantedRestore) and targets is None):
                unread = planner.cache.unread
                why = unread.get(Facet.MAILBOXES) or unread.get(Facet.DISCONNECTED) or "no answer came"
                detail = f"pre-flight could not read the mailboxes of row {row.item.row}: {why}"
                advice = (
                    "Fix that and resume. Or run it again with --skip-preflight: then nothing is checked."
                )
                return Finish(StopReason.CANNOT_CHECK, detail, advice)
        return None

    # --- what was found -------------------------------------------------------------------------------

    def _record(self, planner: QueryPlanner, rows: Sequence[_Row]) -> None:
        now = time.time()
        judged = [(row, self._found(row, planner.facts_of(row.wanted), now)) for row in rows]
        for row, found in judged:
            if not any(one.severity is Severity.BLOCKER for one in found):
                self._repeats.goes_on(row.item.row, row.wanted, *_sides(row, planner))
        changes = (
            change for row, found in judged for change in self._changes(row, found, _sides(row, planner), now)
        )
        while part := list(islice(changes, _CHUNK)):
            if replaced := [one for one in part if one.event == ItemEvent.REPLACED]:
                self._recorder.replaced(replaced)
            self._recorder.record([one for one in part if one.event != ItemEvent.REPLACED])
            self._tell(part)

    def _changes(
        self,
        row: _Row,
        found: Sequence[Finding],
        sides: tuple[Recipient | None, Recipient | None],
        now: float,
    ) -> Iterator[Change]:
        row, item = self._kept(row, *sides), row.item
        if self._repeats.copies_archive(sides[0]):
            # Another row copies the archive.
            found = [one for one in found if one.code is not Code.ARCHIVE_LEFT_OUT]
        self._counts.update({(one.code, one.severity) for one in found})
        if item.phase is Phase.OVER:
            # A process that was killed had already recorded it. The count still includes it.
            self._blocked += item.status in (BulkItemStatus.SKIPPED, BulkItemStatus.FAILED)
            return
        if row.replaced:
            self._changed += 1
            item = _warned(replace(item, values={**item.values, **row.replaced}), *row.told)
            yield Change(item, ItemEvent.REPLACED, now)
        yield from self._judged(item, found, now)

    def _found(self, row: _Row, around: PreflightFacts, now: float) -> tuple[Finding, ...]:
        # Only computed if there is something to compare with, because it takes time for every row.
        compared = self._elsewhere or around.requests
        others = other_keys(self._operation, row.item, around.sources, around.targets) if compared else {}
        wanted, again = row.wanted, row.item.key != row.item.content
        if isinstance(wanted, WantedRestore):
            wanted = replace(wanted, other_names=other_names(self._operation, others), once_more=again)
        elsewhere = [self._elsewhere[key] for key in others if key in self._elsewhere]
        # A row that is done again may be finished in another run, but not in progress there.
        over = (BulkItemStatus.COMPLETED.name, DONE_IN_PART, IN_DOUBT_THERE)
        return (
            *self._repeats.findings(row.item.row),
            *(done_elsewhere(*one) for one in elsewhere if not (again and one[1] in over)),
            *_findings(wanted, around, now),
        )

    def _compare(self, planner: QueryPlanner, rows: Sequence[_Row]) -> None:
        """Find the same work under other names, in this run and in other runs.

        Raises:
            Interrupted: If another process asked for it.
        """
        for row in rows:
            item = replace(row.item, values={**row.item.values, **row.replaced})
            self._repeats.add(item, row.wanted, *_sides(row, planner))
        # The embedded simulator's tenant ends with its run, and a run that only checks changed nothing.
        if self._target.connection.embedded or not self._operation.steps:
            return
        sides = ((row.item, planner.sources(row.wanted), planner.targets(row.wanted)) for row in rows)
        keys = (key for side in sides for key in other_keys(self._operation, *side))
        while part := list(islice(keys, _CHUNK)):
            if wish := self._recorder.beat():
                raise Interrupted(wish)
            found = self._recorder.elsewhere(part, self._operation)
            self._elsewhere |= {key: (known.run, known.state) for key, known in found.items()}

    def _judged(self, item: Item, found: Sequence[Finding], now: float) -> Iterator[Change]:
        blockers = [one for one in found if one.severity is Severity.BLOCKER]
        sends = bool(self._operation.steps)
        unsure = [one for one in found if one.hides_harm]
        # If a row is sent although something could not be checked, the row itself says so. A validation
        # reports notes in its own way.
        warned = [one for one in found if one.severity is Severity.WARNING] + (unsure if sends else [])
        warnings = tuple(map(_sentence, warned))
        item = _warned(item, *warnings)
        code = _codes(blockers)
        error, advice = (_joined(blockers, name) for name in ("seen", "instead"))
        self._blocked += bool(blockers)
        self._unsure += not blockers and any(one.hides_blocker for one in unsure)
        if not sends:
            notes = " | ".join(_sentence(one) for one in found if one.severity is Severity.NOTE)
            outputs = {"preflight": {"notes": notes}} if notes else {}
            examined = replace(item.examined(now), outputs=outputs)
            ended = examined.failed(now, code, error, advice) if blockers else examined.completed(now)
            yield Change(ended, ItemEvent.EXAMINED, now)
        elif blockers:
            yield Change(item.skipped(now, code, error, advice), ItemEvent.BLOCKED, now)
        elif warnings:
            yield Change(item, ItemEvent.WARNED, now)

    def _ended(self, planner: QueryPlanner) -> Finish | None:
        findings: dict[str, dict[str, int]] = {}
        for code in Code:
            for severity in Severity:
                if count := self._counts[code, severity]:
                    findings.setdefault(code.value, {})[severity.value] = count
        unread = {facet.value: reason for facet, reason in planner.cache.unread.items()}
        counts = {"blocked": self._blocked, "changed": self._changed}
        told = {"state": "done", **counts, "findings": findings, "unread": unread}
        unclean = self._blocked + self._unsure
        if not (unclean and self._target.config.require_clean and self._operation.steps):
            self._recorder.preflighted(told)
            return None
        found = (
            (self._blocked, "found blockers in"),
            (self._unsure, "could not check for all blockers of"),
        )
        why = " and ".join(f"{what} {count} row{'s' * (count != 1)}" for count, what in found if count)
        detail = f"pre-flight {why}, and require_clean does not allow that"
        self._recorder.skip_pending(StopReason.NOT_CLEAN.value, f"never sent: {detail}", time.time())
        self._recorder.preflighted(told)
        return Finish(StopReason.NOT_CLEAN, detail)


def _sides(row: _Row, planner: QueryPlanner) -> tuple[Recipient | None, Recipient | None]:
    """Return the one mailbox that a row's source names, and its target's; None if it is not exactly one."""
    return _only(planner.sources(row.wanted)), _only(planner.targets(row.wanted))


def _only(found: Sequence[Recipient] | None) -> Recipient | None:
    return found[0] if found and len(found) == 1 else None


def _findings(wanted: Wanted, around: PreflightFacts, now: float) -> tuple[Finding, ...]:
    if isinstance(wanted, WantedRecovery):
        return recovery_findings(wanted, around, datetime.fromtimestamp(now, UTC))
    return restore_findings(wanted, around)


def _warned(item: Item, *warnings: str) -> Item:
    """Return *item* with *warnings*, each once: a killed process may have recorded some already."""
    return replace(item, warnings=tuple(dict.fromkeys((*item.warnings, *warnings))))


def _codes(blockers: Iterable[Finding]) -> str:
    """Return the codes, most serious first, as many as the journal's code field holds."""
    codes = ""
    for code in dict.fromkeys(one.code.value for one in blockers):
        if len(codes) + len(code) < _LONGEST_CODE:
            codes += f";{code}" if codes else code
    return codes


def _sentence(one: Finding) -> str:
    return f"{one.code.value}: {one.seen}. {one.instead}"


def _joined(found: Iterable[Finding], name: str) -> str:
    return " ".join(dict.fromkeys(str(getattr(one, name)).rstrip(".") + "." for one in found))
