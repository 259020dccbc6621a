"""Rows that mean the same although they say it differently; known once it was read whom they name."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bulkps.engine.item import Item
from bulkps.exchange.invocation import Value
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import item_key, places
from bulkps.operations.placeholders import Template
from bulkps.preflight.findings import Blocks, Code, Finding, Severity
from bulkps.preflight.query_cache import identities
from bulkps.preflight.query_planner import Wanted
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.wanted import WantedRecovery, WantedRestore

#: How many rows are named; whoever repeats a file repeats all of it.
_NAMED = 5


@dataclass
class DuplicateTargets:
    """Finds rows of one run of which Exchange would do the same twice.

    The file was refused where its cells say so. Here one mailbox may have been named by its ExchangeGuid in
    one row and by its DistinguishedName in another.

    Attributes:
        operation: What is done.
    """

    operation: Operation
    _rows: dict[tuple[str, ...], dict[int, str]] = field(default_factory=dict)
    _needing: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)
    _archives: set[str] = field(default_factory=set)
    _meanings: dict[int, dict[tuple[str, ...], str]] = field(default_factory=dict)

    def add(self, item: Item, wanted: Wanted, source: Recipient | None, target: Recipient | None) -> None:
        """Take in what a row means.

        Args:
            item: The row, replaced values in place.
            wanted: What it wants.
            source: The one mailbox that its source names, or None.
            target: The one mailbox that its target names, or None.
        """
        self._meanings[item.row] = dict(self._all_of(item, wanted, source, target))
        for meaning in self._meanings[item.row]:
            self._rows.setdefault(meaning, {})[item.row] = _meaning(
                source, item.values.get(self.operation.source)
            )

    def _all_of(
        self, item: Item, wanted: Wanted, source: Recipient | None, target: Recipient | None
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        found = {self.operation.source: source, self.operation.target: target}
        for group in self.operation.unique:
            if not any(found.get(name) for name in group):
                continue
            parts = tuple(_meaning(found.get(name), item.values.get(name)) for name in group)
            yield ("", *group, *parts), _label(found.get(group[0]), item.values.get(group[0]))
        if isinstance(wanted, WantedRecovery):
            names = {text.casefold() for text in (wanted.upn, wanted.smtp, wanted.name) if text}
            self._wanted |= names
            if source and source.exchange_guid:
                yield ("guid", source.exchange_guid), source.exchange_guid
            # A mailbox that is recovered keeps its own addresses.
            for name in names | (source.smtp if source else frozenset()):
                yield ("name", name), name

    def goes_on(self, row: int, wanted: Wanted, source: Recipient | None, target: Recipient | None) -> None:
        """Take in that nothing blocks a row."""
        if not isinstance(wanted, WantedRestore) or source is None or target is None:
            return
        if wanted.source_is_archive:
            self._archives.add(_meaning(source, None))
        if not wanted.allow_legacy_dn_mismatch:
            pair = (_meaning(source, None), _meaning(target, None))
            self._needing.setdefault(pair, []).append(row)

    def needing_address(self, row: int, source: Recipient | None, target: Recipient | None) -> list[int]:
        """Return the other rows that need the X500 address of *source* at *target*."""
        rows = self._needing.get((_meaning(source, None), _meaning(target, None)), [])
        return [one for one in rows if one != row]

    def copies_archive(self, source: Recipient | None) -> bool:
        """Return whether a row copies the archive of *source*."""
        return source is not None and _meaning(source, None) in self._archives

    def findings(self, row: int) -> Iterator[Finding]:
        """Yield what speaks against a row because others are there: none of them is sent."""
        for meaning, label in self._meanings.get(row, {}).items():
            rows = self._rows[meaning]
            if meaning[0] == "guid" and len(set(rows.values())) > 1:
                yield _share_guid(list(rows), label)
            elif meaning[0] == "name" and label in self._wanted and len(set(rows.values())) > 1:
                yield _wanted_twice(list(rows), label)
            elif not meaning[0] and len(rows) > 1:
                yield _named_twice(list(rows), label)


def _meaning(found: Recipient | None, cell: Value) -> str:
    known = found and (found.guid or found.exchange_guid or found.distinguished_name)
    return str(known or cell or "").casefold()


def _label(found: Recipient | None, cell: Value) -> str:
    return found.label if found else str(cell)


def _named_twice(rows: Sequence[int], label: str) -> Finding:
    return Finding(
        Code.REPEATED_ROW,
        Severity.BLOCKER,
        Blocks.BOTH,
        f"{_listed(rows)} mean one mailbox, {label}, and name it in different ways",
        "Keep the one that is meant, named by ExchangeGuid (Get-Mailbox); to copy one mailbox into several, "
        "use a file for each (New-MailboxRestoreRequest).",
    )


def _share_guid(rows: Sequence[int], guid: str) -> Finding:
    return Finding(
        Code.AMBIGUOUS_IDENTITY,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{_listed(rows)} name different mailboxes with one ExchangeGuid, {guid}",
        "Exchange recovers one of them and refuses the others: keep the row that is meant "
        f"(Get-Mailbox -Identity {guid} -SoftDeletedMailbox -IncludeInactiveMailbox shows them all), and "
        "copy the content of the others (New-MailboxRestoreRequest, by DistinguishedName).",
    )


def _wanted_twice(rows: Sequence[int], name: str) -> Finding:
    return Finding(
        Code.NAME_TAKEN,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{_listed(rows)} want {name}, or bring it along, for different mailboxes",
        "Choose another for all but one (New-Mailbox -MicrosoftOnlineServicesID, -PrimarySmtpAddress).",
    )


def done_elsewhere(run: str, status: str) -> Finding:
    """Return what speaks against a row that another run named in another way."""
    return Finding(
        Code.REPEATED_ROW,
        Severity.BLOCKER,
        Blocks.BOTH,
        f"run {run} has the same source and target, named in another way, {status}",
        f"bulkps show {run} and Get-MailboxRestoreRequest say what became of it; bulkps run --again does it "
        "once more.",
    )


def _listed(rows: Sequence[int]) -> str:
    named = ", ".join(map(str, rows[:_NAMED]))
    return f"rows {named}{f' and {len(rows) - _NAMED} more' if len(rows) > _NAMED else ''}"


def other_keys(
    operation: Operation,
    item: Item,
    sources: tuple[Recipient, ...] | None,
    targets: tuple[Recipient, ...] | None,
) -> dict[str, dict[str, Value]]:
    """Return the keys that *item* would have, had its row named source or target in another way.

    Args:
        operation: What is done.
        item: The row; one that is to be done once more has the key of the first time among its others.
        sources: What its source names; of several nobody knows which is meant.
        targets: What its target names; the same.

    Returns:
        The values of such a row by its key.
    """
    sides = ((operation.source, sources), (operation.target, targets))
    (source, names), (target, ways) = (
        (name, _spellings(operation, item.values, name, found)) for name, found in sides
    )
    others = [{**item.values, source: one, target: other} for one in names for other in ways]
    keys = {item_key(operation, values): values for values in others}
    return {key: values for key, values in keys.items() if key != item.key}


def _spellings(
    operation: Operation, values: Mapping[str, Value], column: str, found: Sequence[Recipient] | None
) -> list[Value]:
    """Return every text by which a cell of *column* may name what was *found*."""
    others = identities(found[0]) if found and len(found) == 1 and column in operation.columns else set()
    asked = operation.columns.get(column)
    # As a cell of that name would be read: a key is made of what was read, and not of what was written.
    fitting = {str(asked.canonical(name)) for name in others if asked and not asked.problem(name)}
    return [values.get(column), *sorted(fitting)]


def other_names(operation: Operation, others: Mapping[str, Mapping[str, Value]]) -> frozenset[str]:
    """Return the names of the requests that rows with the keys of *others* would make, folded."""
    if operation.preflight is None or "request_name" not in operation.preflight.wants:
        return frozenset()
    name = Template.parse(operation.preflight.wants["request_name"])
    return frozenset(
        str(name.render(places(operation, values, key, "", {}))).casefold() for key, values in others.items()
    )
