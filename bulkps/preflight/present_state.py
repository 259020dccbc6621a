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
        in_lists = [identity for identity in named.values() if listable(cmdlet, identity)]
        if len(named) > TRY_ALL and (found := self._all(cmdlet, set(named), keep)) is not None:
            return found
        found = self._by_lists(cmdlet, in_lists, keep)
        left = [identity for key, identity in named.items() if key not in found]
        return {**found, **self._one_by_one(cmdlet, left, keep)}

    def _all(self, cmdlet: str, wanted: set[str], keep: tuple[str, ...]) -> dict[str, Objects] | None:
        """Read everything; None if only a small part of it is wanted, or it could not be read."""
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
            return None
        if outcome.answer is not Answer.COMPLETED or meaning is not None:
            return None
        return {name: tuple(found.get(name, ())) for name in wanted}

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
                found[key] = tuple(one for one, names in named if key in names)
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
