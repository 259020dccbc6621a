"""Pre-flight without the command line: what items are told, and how the reader reads."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bulkps import (
    BulkCSVHandler,
    BulkItemStatus,
    BulkOperationConfig,
    BulkOperationItem,
    BulkOperationManager,
    BulkOperationType,
    load_settings,
)
from bulkps.engine.config import ConnectPolicy, RetryPolicy
from bulkps.engine.interfaces import Gate, ReadingSession, StreamFailedError
from bulkps.errors import CannotConnect
from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord, Invocation, Outcome
from bulkps.exchange.error_catalog import ErrorClass, shipped_catalogue
from bulkps.preflight.query import Facet, Read, everything, one
from bulkps.preflight.query_executor import QueryExecutor, Sessions
from bulkps.simulator.tenant.fake_directory import disconnected_mailbox
from tests.certificates import certificate
from tests.conftest import Run, Tenant, rehearsal

StartTenant = Callable[..., Tenant]
QUICK = BulkOperationConfig(delay_between_batches=0)


# --- the manager --------------------------------------------------------------------------------------


def with_trouble(there: Tenant, code: str) -> list[BulkOperationItem]:
    """Return an item that meets a trouble and one that nothing speaks against."""
    people = there.simulator.tenant
    trouble = people.trouble(code)
    sound = {
        "source_guid": str(people.inactive(1)["ExchangeGuid"]),
        "target_mailbox": str(people.active(1)["PrimarySmtpAddress"]),
    }
    troubled = {"source_guid": trouble.source, "target_mailbox": trouble.target}
    return [BulkOperationItem(1, {**troubled}), BulkOperationItem(2, {**sound})]


@pytest.mark.parametrize("preflight", [True, False])
def test_items_are_told_what_blocks_them_and_what_should_be_known(
    tenant: StartTenant, preflight: bool
) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=preflight)
    told: list[tuple[int, BulkItemStatus]] = []
    manager = BulkOperationManager(
        load_settings(there.config), progress=lambda item: told.append((item.row_number, item.status))
    )
    blocked, warned = with_trouble(there, "legacy-dn-mismatch"), with_trouble(there, "archive-left-out")

    first = manager.execute_bulk_validation(BulkOperationType.RESTORE, blocked)
    second = manager.execute_bulk_validation("restore", warned)

    assert [item.status.name for item in blocked] == ["FAILED", "COMPLETED"]
    assert blocked[0].error_code == "legacy-dn-mismatch"
    assert blocked[0].error
    assert "Set-Mailbox" in blocked[0].advice
    assert (first.operation, first.exit_code, first.completed, first.failed) == ("validate", 4, 1, 1)
    assert [item.status.name for item in warned] == ["COMPLETED", "COMPLETED"]
    assert warned[0].warnings[0].startswith("archive-left-out: ")
    assert (second.exit_code, second.failed) == (0, 0)
    assert sorted(told[:2]) == [(1, BulkItemStatus.FAILED), (2, BulkItemStatus.COMPLETED)]
    assert there.lines() == []


@pytest.mark.proof
def test_what_is_executed_is_looked_at_first_unless_that_is_switched_off(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(troubles=True)
    settings = load_settings(there.config)
    looked, sent = with_trouble(there, "legacy-dn-mismatch"), with_trouble(there, "legacy-dn-mismatch")
    unseen = BulkOperationConfig(delay_between_batches=0, preflight=False)

    BulkOperationManager(settings, config=QUICK).execute_bulk_restore(looked)
    reads = there.simulator.calls["Get-Mailbox"]
    BulkOperationManager(settings, config=unseen).execute(BulkOperationType.RESTORE, sent, again=True)

    assert [item.status.name for item in looked] == ["SKIPPED", "COMPLETED"]
    assert looked[0].error_code == "legacy-dn-mismatch"
    assert [item.status.name for item in sent] == ["FAILED", "COMPLETED"]
    assert sent[0].error_code == "restore-legacydn-mismatch"
    assert there.simulator.calls["Get-Mailbox"] == reads > 0


def test_unsound_items_are_not_read_about(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    items = BulkCSVHandler().import_restore_csv(rehearsal(bulkps, "restore", 3, tmp_path / "in.csv"))
    items[1].values["target_mailbox"] = ""

    result = BulkOperationManager(load_settings(there.config)).execute_bulk_validation("restore", items)

    assert (result.exit_code, result.failed) == (3, 1)
    assert items[1].error.startswith("row 3, target_mailbox: found nothing, expected a value")
    assert there.simulator.calls == {}


@pytest.mark.parametrize("rows", [2, 45])
def test_an_exchange_server_is_asked_only_what_it_has(
    tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    pem, key = certificate(tmp_path)
    there = tenant(on_premises=True, no_language=True, certificate=pem, key=key)
    monkeypatch.setenv("BULKPS_PASSWORD", "simulator")
    there.config.write_text(
        "connection: server\nconnections:\n  server: {type: exchange, server: 127.0.0.1, "
        f"port: {there.simulator.port}, auth: basic, username: simulator, ca_file: '{pem}'}}\n",
        encoding="utf-8",
    )
    people, items = there.simulator.tenant, []
    for number in range(rows):
        values = {"target_mailbox": str(people.active(number)["PrimarySmtpAddress"])}
        if number < 20:
            gone = disconnected_mailbox(1, number)
            values |= {"source_guid": str(gone["ExchangeGuid"]), "source_database": str(gone["Database"])}
        else:
            values["source_guid"] = str(people.active(59 - number + 20)["ExchangeGuid"])
        items.append(BulkOperationItem(number + 2, {**values, "allow_legacy_dn_mismatch": True}))

    result = BulkOperationManager(load_settings(there.config)).execute_bulk_validation("restore", items)

    # What is active was never deleted: there is nothing of it to copy back.
    codes = [item.error_code for item in items]
    assert codes == ["" if number < 20 else "not-inactive" for number in range(rows)]
    assert result.completed == min(rows, 20)
    calls = there.simulator.calls
    assert "Get-OrganizationConfig" not in calls
    # Two targets one by one, or 45 targets and 25 sources in two lists.
    assert calls["Get-Mailbox"] == 2
    assert "Get-Mailbox" not in there.simulator.inventories


# --- the reader ---------------------------------------------------------------------------------------

ABOUT = [one(Facet.MAILBOXES, "Get-Mailbox", (), {"Identity": name}) for name in "abc"]
EVERYBODY = everything(Facet.USERS, "Get-User", ())
PASSES = ErrorRecord("Too many requests. (429)", exception_type="OverBudgetException")


@dataclass
class Scripted:
    """A session that answers everything, and what stands in ``script`` first."""

    script: dict[str, list[Outcome]] = field(default_factory=dict)
    batches: list[list[str]] = field(default_factory=list)

    def invoke(self, batch: Sequence[Invocation], gate: Gate | None = None) -> Iterator[Outcome]:
        self.batches.append([what(invocation.cmdlet.parameters) for invocation in batch])
        for invocation in batch:
            waiting = self.script.get(what(invocation.cmdlet.parameters))
            found = waiting.pop(0) if waiting else Outcome("", Answer.COMPLETED)
            yield Outcome(invocation.id, found.answer, errors=found.errors)

    def stream(self, invocation: Invocation) -> Generator[Mapping[str, object], None, None]:
        (outcome,) = self.invoke([invocation])
        if outcome.answer is not Answer.COMPLETED or outcome.errors:
            raise StreamFailedError(outcome)
        yield from outcome.output

    def interrupt(self) -> None: ...

    def worn(self) -> str:
        return ""

    def close(self) -> None: ...


def what(parameters: Mapping[str, Any]) -> str:
    return str(parameters.get("Identity", "everybody"))


def read(session: Scripted, reads: Sequence[Read], attempts: int = 2) -> list[tuple[str, bool]]:
    """Return what was answered, in order, and whether it was an error."""
    quick = {
        kind: RetryPolicy(attempts=attempts, first_wait=0)
        for kind in (ErrorClass.TRANSIENT, ErrorClass.THROTTLED)
    }
    config = BulkOperationConfig(retry=quick, connect=ConnectPolicy(attempts=3, first_wait=0))

    def connect() -> ReadingSession:
        return session

    reader = QueryExecutor("there", Sessions(connect), config, shipped_catalogue())
    return [(what(one.cmdlet.parameters), meaning is not None) for one, _, meaning in reader.read(reads)]


@pytest.mark.parametrize("place", range(4))
def test_an_inventory_among_reads_by_name_is_read_once_and_by_itself(place: int) -> None:
    session = Scripted()
    reads = [*ABOUT[:place], EVERYBODY, *ABOUT[place:]]

    answered = read(session, reads)

    assert [name for name, _ in answered] == [what(one.cmdlet.parameters) for one in reads]
    assert ["everybody"] in session.batches
    assert sum(len(batch) for batch in session.batches) == 4


@pytest.mark.parametrize("reads", [[EVERYBODY], ABOUT], ids=["an inventory", "by name"])
def test_sessions_that_open_and_take_nothing_are_not_opened_for_ever(reads: list[Read]) -> None:
    session = Scripted({what(one.cmdlet.parameters): [Outcome("", Answer.NOT_SENT)] * 50 for one in reads})

    with pytest.raises(CannotConnect, match="3 sessions in a row were opened and accepted no cmdlet"):
        read(session, reads)

    assert len(session.batches) == 3


def test_only_what_passes_is_tried_again_and_not_for_ever() -> None:
    refused = Outcome("", Answer.COMPLETED, errors=(PASSES,))
    never = Outcome("", Answer.COMPLETED, errors=(ErrorRecord("Access is denied."),))
    lost, not_sent = Outcome("", Answer.LOST), Outcome("", Answer.NOT_SENT)
    session = Scripted({"a": [refused], "b": [refused, lost], "c": [not_sent, not_sent, not_sent, never]})

    answered = read(session, ABOUT)

    assert sorted(answered) == [("a", False), ("b", False), ("c", True)]
    asked = [name for batch in session.batches for name in batch]
    assert (asked.count("a"), asked.count("b"), asked.count("c")) == (2, 2, 4)
