"""The seed's names, without the command line."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import bulkps as library
from bulkps import (
    RECOVERY_COLUMNS,
    RESTORE_COLUMNS,
    RESULTS_COLUMNS,
    BulkCSVHandler,
    BulkItemStatus,
    BulkOperationConfig,
    BulkOperationItem,
    BulkOperationManager,
    BulkOperationType,
    InvalidInput,
    load_settings,
)
from bulkps.engine.config import FollowPolicy, LookupPolicy
from tests.conftest import Run, Tenant, read_csv

StartTenant = Callable[..., Tenant]
QUICK = BulkOperationConfig(delay_between_batches=0)


def restores(bulkps: Run, rows: int, path: Path) -> list[BulkOperationItem]:
    bulkps("template", "restore", "--rows", rows, "-o", path)
    return BulkCSVHandler().import_restore_csv(path)


def test_every_public_name_is_there() -> None:
    assert library.__version__
    for name in library.__all__:
        assert getattr(library, name) is not None
    assert set(library.__all__) <= set(dir(library))
    with pytest.raises(AttributeError):
        library.nothing  # noqa: B018


def test_the_columns_are_those_that_existing_files_have() -> None:
    assert RECOVERY_COLUMNS[:8] == (
        "source_guid",
        "target_upn",
        "display_name",
        "target_smtp",
        "first_name",
        "last_name",
        "department",
        "company",
    )
    assert RESTORE_COLUMNS[:4] == ("source_guid", "target_mailbox", "target_folder", "conflict_resolution")
    assert RESULTS_COLUMNS[:4] == ("row_number", "source_identity", "target_identity", "status")


def test_import_execute_and_export(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    items = restores(bulkps, 15, tmp_path / "in.csv")
    seen: list[tuple[int, BulkItemStatus]] = []

    manager = BulkOperationManager(
        load_settings(there.config), progress=lambda item: seen.append((item.row_number, item.status))
    )
    result = manager.execute_bulk_restore(items)

    assert (result.total, result.completed, result.failed, result.success_rate) == (15, 15, 0, 1.0)
    assert result.simulated
    assert {item.status for item in items} == {BulkItemStatus.COMPLETED}
    assert all(item.duration_seconds is not None and item.duration_seconds >= 0 for item in items)
    assert {row for row, status in seen if status is BulkItemStatus.COMPLETED} == {
        i.row_number for i in items
    }
    assert BulkCSVHandler().export_results_csv(result, tmp_path / "out.csv") == 15
    assert len(read_csv((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))) == 15
    assert manager.get_operation_status(result.run).completed == 15


def test_a_run_is_cancelled_from_another_thread(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(latency=0.05)
    bulkps("template", "recovery", "--rows", 40, "-o", tmp_path / "in.csv")
    items = BulkCSVHandler().import_recovery_csv(tmp_path / "in.csv")
    cancellers: list[threading.Thread] = []
    seen: list[int] = []

    def progress(item: BulkOperationItem) -> None:
        seen.append(item.row_number)
        if not cancellers:
            cancellers.append(threading.Thread(target=manager.cancel_operation))
            cancellers[0].start()

    manager = BulkOperationManager(load_settings(there.config), progress=progress)
    result = manager.execute_bulk_recovery(items)
    cancellers[0].join()

    assert result.skipped > 0
    assert result.exit_code == manager.get_operation_status(result.run).exit_code == 4
    assert sum(result.counts.values()) == 40
    assert sorted(seen) == [item.row_number for item in items], "one call for each item"
    sent = {item.source_identity for item in items if item.status is not BulkItemStatus.SKIPPED}
    assert set(there.simulator.effects_by_mailbox()) <= sent
    assert not manager.cancel_operation()


def test_a_callback_that_raises_costs_no_answer(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()
    items = restores(bulkps, 12, tmp_path / "in.csv")

    def progress(item: BulkOperationItem) -> None:
        raise ZeroDivisionError

    manager = BulkOperationManager(load_settings(there.config), progress=progress)
    with pytest.raises(ZeroDivisionError):
        manager.execute_bulk_restore(items)

    assert manager.get_operation_status().failed == 0
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


@pytest.mark.parametrize(
    ("no_language", "behind"),
    # What is behind a lost answer was sent with it in one batch, and did not happen.
    [(True, []), (False, ["never-answered", "never-answered"])],
    ids=["one by one", "a batch"],
)
def test_failed_items_are_sent_again_and_those_in_doubt_looked_up(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, no_language: bool, behind: list[str]
) -> None:
    there = tenant(
        no_language=no_language,
        faults="New-MailboxRestoreRequest#1=transient,New-MailboxRestoreRequest#2=answer-lost,"
        "Get-MailboxRestoreRequest#1=transient,Get-MailboxRestoreRequest#2=transient",
    )
    items = restores(bulkps, 4, tmp_path / "in.csv")
    settings = load_settings(there.config)
    once = BulkOperationManager(
        settings,
        config=BulkOperationConfig(
            preflight=False,
            retry_failed=False,
            delay_between_batches=0,
            # Who goes on waits as long as what was sent could still have begun.
            lease=4,
            follow=FollowPolicy(first_wait=0.2),
            # The doubts cannot be looked up at first.
            lookup=LookupPolicy(first_wait=0.1, attempts=1, settle=0),
        ),
    )

    first = once.execute_bulk_restore(items)
    again = BulkOperationManager(settings).retry_failed(first.run)

    assert first.failed == 2 + len(behind)
    codes = sorted(item.error_code for item in items if item.error_code)
    assert codes == ["in-doubt", "in-doubt", *behind]
    assert (again.completed, again.failed) == (4, 0)
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


def test_items_that_no_file_gave_are_checked_in_the_same_way(tenant: StartTenant) -> None:
    there = tenant()
    manager = BulkOperationManager(load_settings(there.config))
    guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
    items = [
        BulkOperationItem(1, {"source_guid": guid, "target_mailbox": "a@contoso.com"}),
        BulkOperationItem(2, {"source_guid": f"{{{guid.upper()}}}", "target_mailbox": "b@contoso.com"}),
        BulkOperationItem(3, {"source_guid": "x", "target_mailbox": "c@contoso.com", "colour": "red"}),
        BulkOperationItem(4, {"source_guid": guid}),
    ]

    with pytest.raises(InvalidInput) as caught:
        manager.execute_bulk_restore(items)
    validated = manager.execute_bulk_validation(BulkOperationType.RESTORE, items)

    text = str(caught.value)
    assert (
        "row 2, source_guid + source_is_archive + target_mailbox: found" in text
        or "no duplicate: row 1" in text
    )
    assert "row 3, source_guid: found 'x'" in text
    assert "row 3: found the column 'colour', expected a column of restore" in text
    assert "row 4, target_mailbox: found nothing, expected a value, because this column is required" in text
    assert there.simulator.calls == {}
    assert (validated.completed, validated.failed) == (1, 3)


def test_a_bad_file_is_refused_with_its_problems(tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_text("source_guid,target_upn,display_name\nx,y,\n")

    with pytest.raises(InvalidInput) as caught:
        BulkCSVHandler().import_recovery_csv(file)

    assert len(caught.value.problems) == 3
    assert BulkCSVHandler().validate_csv_format(file, BulkOperationType.RECOVERY).problem_count == 3


def test_a_template_is_written_for_each_of_the_seeds_types(tmp_path: Path) -> None:
    path = BulkCSVHandler().generate_template(BulkOperationType.RECOVERY, tmp_path / "t.csv")

    assert len(BulkCSVHandler().import_recovery_csv(path)) == 1
