"""Rows that mean the same mailboxes under different names, found once those mailboxes were read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bulkps.engine.item import Item
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.operations.item_key import item_key
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import places
from bulkps.operations.placeholders import Template
from bulkps.preflight.findings import Blocks, Code, Finding, Severity
from bulkps.preflight.query_cache import identities
from bulkps.preflight.query_planner import Wanted
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore

#: How many rows a message names: if a file's content is repeated, all of its rows are.
_NAMED = 5


@dataclass
class DuplicateTargets:
    """Finds rows of one run that would make Exchange do the same thing twice.

    Equal cells were refused when the file was read. Here, one row may name a mailbox by its ExchangeGuid and
    another row the same mailbox by its DistinguishedName.

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
        """Add a row and the mailboxes that it names.

        Args:
            item: The row, with its replaced values.
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
        """Note that nothing blocks a row."""
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
        """Yield the findings that a row shares with other rows: none of these rows is sent."""
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
        f"{_listed(rows)} name the same mailbox, {label}, in different ways",
        "Keep the row that you mean and name the mailbox by its ExchangeGuid (Get-Mailbox). To copy one "
        "mailbox into several, use a file for each (New-MailboxRestoreRequest).",
    )


def _share_guid(rows: Sequence[int], guid: str) -> Finding:
    return Finding(
        Code.AMBIGUOUS_IDENTITY,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{_listed(rows)} name different mailboxes with the same ExchangeGuid, {guid}",
        "Exchange recovers one of them and refuses the others. Keep the row that you mean "
        f"(Get-Mailbox -Identity {guid} -SoftDeletedMailbox -IncludeInactiveMailbox shows them all), and "
        "copy the content of the others (New-MailboxRestoreRequest, by DistinguishedName).",
    )


def _wanted_twice(rows: Sequence[int], name: str) -> Finding:
    return Finding(
        Code.NAME_TAKEN,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{_listed(rows)} use {name} for different mailboxes, as a new name or as an address they already "
        "have",
        "Choose another name for all but one (New-Mailbox -MicrosoftOnlineServicesID, -PrimarySmtpAddress).",
    )


def done_elsewhere(run: str, status: str) -> Finding:
    """Return the finding about a row whose source and target another run named in another way."""
    return Finding(
        Code.REPEATED_ROW,
        Severity.BLOCKER,
        Blocks.BOTH,
        f"run {run} has a row with the same source and target under other names: {status}",
        f"To see its result: bulkps show {run}, and Get-MailboxRestoreRequest. To do it again anyway: bulkps "
        "run with --again.",
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
    """Return the keys that *item* would have if its row named source or target in another way.

    Args:
        operation: What is done.
        item: The row; if it is to be done again, the key of its first time is among the others.
        sources: The mailboxes that its source names; if there are several, it is unknown which is meant.
        targets: The mailboxes that its target names; likewise.

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
    # In the form in which a cell with that name is read: keys are made of parsed values, not of raw text.
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
