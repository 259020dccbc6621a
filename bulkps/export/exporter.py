"""Writes an inventory of inactive and soft-deleted mailboxes; it changes nothing in Exchange.

First the mailboxes are streamed into a temporary file, then all recipients are compared with them, then sizes
are read chunk by chunk. So only a few names per mailbox are kept in memory.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from pathlib import Path

from bulkps.atomic_file import Output
from bulkps.engine.driver import BEAT
from bulkps.errors import CannotConnect, ExportFailed, UsageProblem
from bulkps.exchange.calls_and_outcomes import Answer
from bulkps.exchange.error_catalog import ErrorClass, portable_patterns
from bulkps.exchange.psobject import Properties
from bulkps.export.deleted_mailbox import (
    COLUMNS,
    INACTIVE,
    NAME_COLUMN,
    SOFT_DELETED,
    Cell,
    DeletedMailbox,
    source_of,
)
from bulkps.export.export_writer import Spool, write_inventory
from bulkps.export.mailbox_spooler import KEEP, MailboxSpooler
from bulkps.export.statistics_reader import Sized, StatisticsReader
from bulkps.operations.loader import built_in_operations
from bulkps.operations.model import BulkOperationType
from bulkps.preflight.preflight_facts import Organization, PreflightFacts
from bulkps.preflight.query import (
    ORGANIZATION_PROPERTIES,
    RECIPIENT_PROPERTIES,
    USER_PROPERTIES,
    Facet,
    Read,
    everything,
)
from bulkps.preflight.query_executor import QueryExecutor, Sessions, Take, reason
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.recipient_conflicts import RecipientConflicts
from bulkps.run_target import Target, check_connection
from bulkps.sessions.connection import ConnectionType
from bulkps.sessions.session_factory import endpoint

#: Cmdlets that an export runs.
CMDLETS = (
    "Get-OrganizationConfig", "Get-Mailbox", "Get-Recipient", "Get-User", "Get-MailboxStatistics",
)  # fmt: skip
#: How many mailboxes' sizes are read at once.
_CHUNK = 200
_RECOVERY = built_in_operations()[BulkOperationType.RECOVERY.value]
#: The columns that make an export usable as input: the source, the target to fill in, and a name.
INPUT_COLUMNS = (_RECOVERY.source, _RECOVERY.target, NAME_COLUMN)
#: Every column, in order.
EXPORT_COLUMNS = (*INPUT_COLUMNS, *COLUMNS)


class ExportKind(Enum):
    """Which mailboxes are exported."""

    INACTIVE = "inactive"  #: Those that a hold keeps.
    SOFT_DELETED = "soft-deleted"  #: Those that no hold keeps.
    ALL = "all"  #: Both.


class ExportStage(Enum):
    """The stage of an export."""

    MAILBOXES = "mailboxes read"  #: Reading the inventory.
    RECIPIENTS = "recipients and users compared"  #: Reading all recipients and users.
    WRITTEN = "mailboxes written"  #: Reading statistics and writing rows.


#: Called with the stage, how many are done, and the total; None while the total is unknown.
OnProgress = Callable[[ExportStage, int, int | None], None]


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        path: The file.
        mailboxes: The number of mailboxes in it.
        kinds: The number of each kind.
        recoverable: How many can be recovered: ``yes``, ``no`` and ``unknown``.
        restorable: The same for a restore.
        unread: What could not be read, and why; one sentence each.
        simulated: Whether the simulator was read, not a real Exchange.
    """

    path: Path
    mailboxes: int
    kinds: Mapping[str, int]
    recoverable: Mapping[str, int]
    restorable: Mapping[str, int]
    unread: tuple[str, ...]
    simulated: bool


def export_mailboxes(
    target: Target,
    path: Path,
    *,
    kind: ExportKind = ExportKind.ALL,
    sizes: bool = True,
    force: bool = False,
    on_progress: OnProgress = lambda stage, done, total: None,
) -> ExportReport:
    """Write every inactive and soft-deleted mailbox to *path*, as JSON if it ends in .json, else CSV.

    Args:
        target: Which Exchange to read.
        path: The file; it is written completely or not at all.
        kind: Which mailboxes.
        sizes: Whether to read their sizes: one cmdlet per mailbox, and one more for its archive.
        force: Whether to replace an existing file.
        on_progress: Called with the progress, on another thread.

    Raises:
        UsageProblem: If the connection's Exchange has no such mailboxes, or the file cannot be written there:
            it already exists, is a link, or its folder does not exist.
        CannotConnect: If no session could be opened.
        ExportFailed: If it failed later; nothing was written.
    """
    output = Output(path, force)
    _check(target, output)
    throttled = portable_patterns(target.catalogue, ErrorClass.THROTTLED)
    with (
        _spool(path) as spool,
        endpoint(
            target.connection, target.credentials, target.config.item_timeout, CMDLETS, throttled
        ) as there,
        closing(Sessions(there.connect)) as sessions,
        ThreadPoolExecutor(1) as pool,
    ):
        export = _Export(target, sessions, spool, _Order(output, kind, sizes, on_progress))
        future = pool.submit(export.run)
        try:
            # Waits in short steps, so that Ctrl+C works between them, on Windows too.
            while future not in wait([future], BEAT).done:
                pass
        except BaseException:
            export.interrupt()
            raise
        return future.result()


def _check(target: Target, output: Output) -> None:
    connection = target.connection
    if connection.type is ConnectionType.EXCHANGE:
        raise UsageProblem(
            f"connection {target.name!r} is an Exchange Server, which has no inactive mailboxes. To list its "
            "disconnected mailboxes, use Get-MailboxStatistics -Database"
        )
    check_connection(target.name, connection)
    output.check()


def _spool(path: Path) -> "closing[Spool]":
    try:
        return closing(Spool(path.parent))
    except OSError as error:
        raise UsageProblem(f"cannot write to {path.parent}: {error.strerror or error}") from error


@dataclass(frozen=True)
class _Order:
    """The options of an export."""

    output: Output
    kind: ExportKind
    sizes: bool
    on_progress: OnProgress


@dataclass
class _Tally:
    """Counts of what was written."""

    kinds: Counter[str] = field(default_factory=Counter)
    recoverable: Counter[str] = field(default_factory=Counter)
    restorable: Counter[str] = field(default_factory=Counter)

    def count(self, one: DeletedMailbox) -> None:
        self.kinds[one.kind] += 1
        self.recoverable[one.recovery.answer] += 1
        self.restorable[one.restore.answer] += 1


class _Export:
    """One export, run on its own thread."""

    def __init__(self, target: Target, sessions: Sessions, spool: Spool, order: _Order) -> None:
        self._target, self._spool, self._order = target, spool, order
        count = target.config.sessions if order.sizes else 1
        self._readers = [
            QueryExecutor(target.name, sessions, target.config, target.catalogue) for _ in range(count)
        ]
        self._moment = datetime.now(UTC)
        self._seen: set[str] = set()
        self._lacking: Counter[str] = Counter()
        self._unread: list[str] = []
        self._organization = Organization()
        self._namesakes: RecipientConflicts | None = RecipientConflicts()

    def interrupt(self) -> None:
        """Stop what is being read; safe from any thread."""
        for reader in self._readers:
            reader.interrupt()

    def run(self) -> ExportReport:
        """Read and write everything."""
        try:
            self._read_organization()
            try:
                return self._go_on()
            except CannotConnect as error:
                # Some of it was read already, so this is a failed export, not a failed connection.
                raise self._failed(error.reason, error.advice) from error
        except OSError as error:
            raise self._failed(error.strerror or str(error)) from error
        finally:
            for reader in self._readers:
                reader.close()

    def _go_on(self) -> ExportReport:
        for read, inventory in self._inventories():
            self._read_mailboxes(read, inventory)
        if self._seen:
            self._read_people()
        tally = _Tally()
        count = write_inventory(self._order.output, EXPORT_COLUMNS, self._rows(tally))
        self._unread += [
            f"{name} of {missing} mailbox{'es' * (missing != 1)}: Exchange did not return this property"
            for name, missing in sorted(self._lacking.items())
        ]
        return ExportReport(
            self._order.output.path,
            count,
            dict(tally.kinds),
            dict(tally.recoverable),
            dict(tally.restorable),
            tuple(self._unread),
            self._target.connection.simulated,
        )

    def _failed(self, why: str, advice: str = "") -> ExportFailed:
        return ExportFailed(str(self._order.output.path), why, advice)

    # --- reading --------------------------------------------------------------------------------------

    def _read_organization(self) -> None:
        read = everything(Facet.ORGANIZATION, "Get-OrganizationConfig", ORGANIZATION_PROPERTIES)
        for _, outcome, meaning in self._readers[0].read([read]):
            if outcome.answer is Answer.COMPLETED and meaning is None and outcome.output:
                self._organization = Organization.from_properties(outcome.output[0])
            else:
                self._unread.append(f"{read.cmdlet.name}: {reason(outcome, meaning)}")

    def _inventories(self) -> Iterator[tuple[Read, str]]:
        wanted = self._order.kind
        if wanted is not ExportKind.SOFT_DELETED:
            yield everything(Facet.MAILBOXES, "Get-Mailbox", KEEP, "InactiveMailboxOnly"), INACTIVE
        if wanted is not ExportKind.INACTIVE:
            yield everything(Facet.MAILBOXES, "Get-Mailbox", KEEP, "SoftDeletedMailbox"), SOFT_DELETED

    def _read_mailboxes(self, read: Read, inventory: str) -> None:
        taking = MailboxSpooler(self._spool, self._seen, inventory)

        def take(found: Mapping[str, object]) -> None:
            one = Recipient.from_properties(found)
            if inventory == SOFT_DELETED and self._order.kind is ExportKind.SOFT_DELETED and one.is_inactive:
                return
            if taking.take(one, found) and self._namesakes:
                self._namesakes.expect(one)
                self._order.on_progress(ExportStage.MAILBOXES, len(self._seen), None)

        def begin() -> Take:
            taking.begin()
            return take

        outcome, meaning = self._readers[0].stream(read, begin)
        if outcome.answer is not Answer.COMPLETED or meaning:
            advice = meaning.known.advice if meaning else ""
            raise self._failed(f"{read.cmdlet.line()}: {reason(outcome, meaning)}", advice)
        self._lacking += taking.lacking

    def _read_people(self) -> None:
        reads = (
            everything(Facet.RECIPIENTS, "Get-Recipient", RECIPIENT_PROPERTIES),
            everything(Facet.USERS, "Get-User", USER_PROPERTIES),
        )
        namesakes, done = self._namesakes or RecipientConflicts(), 0

        def take(found: Mapping[str, object]) -> None:
            nonlocal done
            done += 1
            namesakes.take_in(found)
            self._order.on_progress(ExportStage.RECIPIENTS, done, None)

        for read in reads:
            # A retry returns the same objects again, which changes nothing.
            outcome, meaning = self._readers[0].stream(read, lambda: take)
            if outcome.answer is not Answer.COMPLETED or meaning:
                # With only some of them, the other mailboxes would wrongly look free of conflicts.
                self._namesakes = None
                self._unread.append(f"{read.cmdlet.name}: {reason(outcome, meaning)}")

    # --- writing --------------------------------------------------------------------------------------

    def _rows(self, tally: _Tally) -> Iterator[list[Cell]]:
        chunks, sizes, done = self._chunks(), StatisticsReader(self._readers), 0
        for chunk in sizes.of(chunks) if self._order.sizes else chunks:
            for sized in chunk:
                one = self._mailbox(sized)
                tally.count(one)
                yield [*_input(one), *(cell(one) for cell in COLUMNS.values())]
            done += len(chunk)
            self._order.on_progress(ExportStage.WRITTEN, done, len(self._seen))
        self._unread += [
            f"Get-MailboxStatistics of {count} mailbox{'es' * (count != 1)} or archives: {why}"
            for why, count in sizes.unread()
        ]

    def _chunks(self) -> Iterator[list[Sized]]:
        shared = self._shared_guids()
        objects = self._spool.objects()
        while chunk := list(islice(objects, _CHUNK)):
            yield [self._unsized(found, shared) for found in chunk]

    def _unsized(self, found: Mapping[str, object], shared: Set[str]) -> Sized:
        one = Recipient.from_properties(found)
        shares_guid = one.exchange_guid in shared
        return Sized(found, source_of(one, shares_guid=shares_guid), shares_guid)

    def _shared_guids(self) -> Set[str]:
        """Return the ExchangeGuids that several mailboxes share: these are not unique names."""
        seen: set[str] = set()
        shared: set[str] = set()
        for found in self._spool.objects():
            guid = Properties(found).guid("ExchangeGuid") or ""
            (shared if guid in seen else seen).add(guid)
        return shared - {""}

    def _mailbox(self, sized: Sized) -> DeletedMailbox:
        one = Recipient.from_properties(sized.found)
        around = self._namesakes.around(one) if self._namesakes else None
        facts_of = PreflightFacts(sources=(one,), recipients=around, organization=self._organization)
        inventory = str(sized.found.get(MailboxSpooler.INVENTORY))
        return DeletedMailbox(
            sized.found,
            facts_of,
            self._moment,
            sized.statistics,
            sized.archive,
            inventory,
            sized.shares_guid,
        )


def _input(one: DeletedMailbox) -> tuple[Cell, ...]:
    """Return the cells of INPUT_COLUMNS; the administrator fills in the target."""
    return one.source, "", one.of.text("DisplayName")
