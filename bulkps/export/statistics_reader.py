"""Reads the sizes of many mailboxes, on several sessions at once, and returns them in order."""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue

from bulkps.errors import CannotConnect
from bulkps.exchange.calls_and_outcomes import Answer, Outcome
from bulkps.exchange.error_catalog import Meaning
from bulkps.preflight.query import STATISTICS_PROPERTIES, Facet, Read, one
from bulkps.preflight.query_executor import QueryExecutor, reason
from bulkps.preflight.recipient import Recipient

#: Errors that every further mailbox would meet too: this account cannot use the cmdlet.
_FOR_ALL = ("command-not-found", "param-not-found", "not-assigned-role", "exo-not-connected")


@dataclass
class Sized:
    """A mailbox and its statistics.

    Attributes:
        found: Its properties.
        identity: Its unique name; empty if there is none.
        shares_guid: Whether another mailbox also has its ExchangeGuid.
        statistics: Of its primary mailbox; None if they could not be read.
        archive: Of its archive; None if it has none, or they could not be read.
    """

    found: Mapping[str, object]
    identity: str
    shares_guid: bool = False
    statistics: Mapping[str, object] | None = None
    archive: Mapping[str, object] | None = None


class StatisticsReader:
    """Reads statistics chunk by chunk.

    Args:
        readers: One for each session.
    """

    def __init__(self, readers: Sequence[QueryExecutor]) -> None:
        self._unread: Counter[str] = Counter()
        self._words: dict[str, str] = {}
        self._readers = readers
        self._free: SimpleQueue[QueryExecutor] = SimpleQueue()
        for reader in readers:
            self._free.put(reader)
        self._count, self._usable = len(readers), len(readers)
        self._lock = threading.Lock()
        self._given_up = ""

    def of(self, chunks: Iterable[list[Sized]]) -> Iterator[list[Sized]]:
        """Yield *chunks* with their sizes, in order; only a few are in memory at a time.

        Raises:
            CannotConnect: If no session can be opened any more.
            Interrupted: If that was asked for.
        """
        waiting: deque[Future[list[Sized]]] = deque()
        with ThreadPoolExecutor(self._count) as pool:
            try:
                for chunk in chunks:
                    waiting.append(pool.submit(self._read, chunk))
                    if len(waiting) > self._count:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            except BaseException:
                # Do not wait for the reads in progress: that could take minutes.
                for future in waiting:
                    future.cancel()
                for reader in self._readers:
                    reader.interrupt()
                raise

    def unread(self) -> list[tuple[str, int]]:
        """Return why statistics could not be read, in Exchange's words for the first case, and how often."""
        return [(self._words[kind], count) for kind, count in self._unread.most_common()]

    def _read(self, chunk: list[Sized]) -> list[Sized]:
        reader = self._free.get()
        try:
            self._fill(reader, chunk)
        except CannotConnect:
            with self._lock:
                self._usable -= 1
                last = self._usable < 1
            if last:
                # Put back for the threads that wait for one, so that they fail in the same way.
                self._free.put(reader)
                raise
            # Exchange allows no further session: continue with those that are open.
            return self._read(chunk)
        except BaseException:
            self._free.put(reader)
            raise
        self._free.put(reader)
        return chunk

    def _fill(self, reader: QueryExecutor, chunk: list[Sized]) -> None:
        reads: dict[tuple[Facet, str], Read] = {}
        about: dict[tuple[Facet, str], list[Sized]] = {}
        for sized in chunk:
            for read in _reads(sized):
                reads[read.facet, read.about] = read
                about.setdefault((read.facet, read.about), []).append(sized)
        if self._given_up:
            self._note(self._given_up, "", len(reads))
            return
        for read, outcome, meaning in reader.read(list(reads.values())):
            if kind := _unread(outcome, meaning):
                self._note(kind, reason(outcome, meaning) if meaning else kind, 1)
                if kind in _FOR_ALL:
                    self._given_up = kind
                continue
            for sized in about[read.facet, read.about]:
                if read.facet is Facet.SIZES:
                    sized.statistics = outcome.output[0]
                else:
                    sized.archive = outcome.output[0]

    def _note(self, kind: str, words: str, count: int) -> None:
        with self._lock:
            self._unread[kind] += count
            self._words.setdefault(kind, words)


def _reads(sized: Sized) -> Iterator[Read]:
    if not sized.identity:
        return
    cmdlet, keep, by = "Get-MailboxStatistics", STATISTICS_PROPERTIES, {"Identity": sized.identity}
    yield one(Facet.SIZES, cmdlet, keep, by, "IncludeSoftDeletedRecipients")
    if Recipient.from_properties(sized.found).has_archive:
        yield one(Facet.ARCHIVE_SIZES, cmdlet, keep, by, "Archive", "IncludeSoftDeletedRecipients")


def _unread(outcome: Outcome, meaning: Meaning | None) -> str:
    """Return why statistics were not read, in the same words for every mailbox; empty if they were."""
    if meaning:
        return meaning.known.id
    if outcome.errors:
        return "Exchange does not find the mailbox"
    if outcome.answer is not Answer.COMPLETED:
        return reason(outcome, meaning)
    return {0: "no answer came", 1: ""}.get(len(outcome.output), "several answers came")
