"""Reads the present state of objects: one by one, by list, or all of them, whichever costs least."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from bulkps.exchange.calls_and_outcomes import Answer
from bulkps.preflight.object_lists import (
    NAMES,
    TRY_ALL,
    folded,
    inventory,
    is_worth_it,
    listable,
    lists,
    names_of,
    single,
)
from bulkps.preflight.query import Facet, Read
from bulkps.preflight.query_executor import FewAreSoughtError, QueryExecutor, Take, reason

Objects = tuple[Mapping[str, object], ...]


class StateReader:
    """Reads objects by their names, each once.

    Args:
        reader: Runs the reads.
        note: Told of each read before it is sent.

    Attributes:
        unread: Why something could not be read, for people, by cmdlet.
    """

    def __init__(self, reader: QueryExecutor, note: Callable[[Iterable[Read]], None]) -> None:
        self._reader, self._note = reader, note
        self.unread: dict[str, str] = {}

    def read(
        self, cmdlet: str, identities: Iterable[str], properties: Iterable[str]
    ) -> Mapping[str, Objects]:
        """Return the objects that each identity names, by its folded form; one that was not read is missing.

        Raises:
            CannotConnect: If no session can be opened.
            Interrupted: If that was asked for.
        """
        keep = tuple(dict.fromkeys((*NAMES, *properties)))
        named = {folded(identity): identity for identity in identities}
        found = self._all(cmdlet, set(named), keep) if len(named) > TRY_ALL else {}
        left = [one for key, one in named.items() if key not in found and listable(cmdlet, one)]
        found |= self._by_lists(cmdlet, left, keep)
        # Exchange finds an object by more names than its properties show: a read by its name proves absence.
        rest = [one for key, one in named.items() if key not in found]
        return found | self._one_by_one(cmdlet, rest, keep)

    def _all(self, cmdlet: str, wanted: set[str], keep: tuple[str, ...]) -> dict[str, Objects]:
        """Return what reading everything shows; nothing if only a small part is wanted, or it fails."""
        found: dict[str, list[Mapping[str, object]]] = {}

        def begin() -> Take:
            found.clear()
            seen = hits = 0

            def take(one: Mapping[str, object]) -> None:
                nonlocal seen, hits
                seen += 1
                names = names_of(one) & wanted
                hits += bool(names)
                for name in names:
                    found.setdefault(name, []).append(one)
                if not is_worth_it(seen, hits, len(wanted)):
                    raise FewAreSoughtError

            return take

        read = inventory(cmdlet, keep)
        self._note([read])
        try:
            outcome, meaning = self._reader.stream(read, begin)
        except FewAreSoughtError:
            return {}
        if outcome.answer is not Answer.COMPLETED or meaning is not None:
            return {}
        return {name: tuple(objects) for name, objects in found.items()}

    def _by_lists(self, cmdlet: str, identities: Sequence[str], keep: tuple[str, ...]) -> dict[str, Objects]:
        if len(identities) < 2:
            return {}
        reads = list(lists(Facet.STATE, cmdlet, identities, keep))
        self._note(reads)
        found: dict[str, Objects] = {}
        for read, outcome, meaning in self._reader.read(reads):
            if outcome.answer is not Answer.COMPLETED or meaning is not None:
                # Such as a property that this Exchange cannot filter by: they are read one by one.
                continue
            named = [(one, names_of(one)) for one in outcome.output]
            for key in map(folded, read.covers):
                if these := tuple(one for one, names in named if key in names):
                    found[key] = these
        return found

    def _one_by_one(
        self, cmdlet: str, identities: Sequence[str], keep: tuple[str, ...]
    ) -> dict[str, Objects]:
        reads = [single(cmdlet, identity, keep) for identity in identities]
        self._note(reads)
        found: dict[str, Objects] = {}
        for read, outcome, meaning in self._reader.read(reads):
            if outcome.answer is Answer.COMPLETED and meaning is None:
                found[folded(str(read.cmdlet.parameters["Identity"]))] = outcome.output
            else:
                self.unread[cmdlet] = reason(outcome, meaning)
        return found
