"""A row that another run completed with other values is not done: it says what is left, and how."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]


def done(bulkps: Run, there: Tenant, file: Path, *options: object) -> dict[str, Any]:
    operation = "recovery" if "target_upn" in file.read_text(encoding="utf-8-sig") else "restore"
    said = bulkps("run", operation, file, "--config", there.config, "--json", "--quiet", "--yes", *options)
    return as_object(said)


def changed(file: Path, **cells: str) -> Path:
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    write_csv(file, [{**rows[0], **cells}, *({**dict.fromkeys(cells, ""), **row} for row in rows[1:])])
    return file


@pytest.mark.parametrize(
    ("column", "by_hand"),
    [
        ("display_name", "Set-Mailbox -DisplayName"),
        ("department", "Set-User -Department"),
        ("target_smtp", "Set-Mailbox -PrimarySmtpAddress"),
    ],
)
def test_a_recovered_row_that_says_something_else_now_is_not_called_done(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, column: str, by_hand: str
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "recovery", 3, tmp_path / "in.csv")
    assert done(bulkps, there, file)["exit_code"] == 0
    cell = "björn@contoso.com" if column == "target_smtp" else "Björn Olsson"
    changed(file, **{column: cell.replace("ö", "o") if "@" in cell else cell})
    before = len(there.lines())

    said = done(bulkps, there, file)
    told = bulkps("run", "recovery", file, "--config", there.config, "--quiet", "--yes")

    assert (said["exit_code"], said["counts"]["SKIPPED"]) == (4, 3)
    assert (said["done_already"], said["done_differently"]) == (2, 1)
    first, *others = read_csv(bulkps("results", "last").stdout)
    assert first["error_code"] == "done-differently"
    assert f"with other values: {column}" in first["error"]
    assert f"Not done: {column}. To set what is missing by hand: {by_hand}." in first["advice"]
    assert {one["error_code"] for one in others} == {"done-already"}
    assert told.exit_code == 4
    assert by_hand in told.stdout
    assert "1 row SKIPPED: completed by earlier runs with other values (done-differently)" in told.stderr
    assert len(there.lines()) == before


def test_what_was_set_for_every_row_or_is_the_default_is_no_other_value(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    assert done(bulkps, there, file, "--set", "exclude_dumpster=yes")["exit_code"] == 0
    changed(file, exclude_dumpster="on", conflict_resolution="KeepAll", skip_merging="")

    said = done(bulkps, there, file, "--set", "exclude_dumpster=true")

    assert (said["exit_code"], said["done_already"], said["done_differently"]) == (0, 2, 0)


def test_a_restore_that_is_to_be_done_in_another_way_is_told_that_again_does_it(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    assert done(bulkps, there, file)["exit_code"] == 0
    changed(file, conflict_resolution="ForceCopy")

    said = done(bulkps, there, file)

    assert (said["exit_code"], said["done_differently"]) == (4, 1)
    [advice, _] = [row["advice"] for row in read_csv(bulkps("results", "last").stdout)]
    assert "Not done: conflict_resolution. To send the whole row again" in advice
    assert "That repeats New-MailboxRestoreRequest" in advice


def test_a_permission_that_was_given_afterwards_and_how_long_a_request_is_kept_copy_nothing_again(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    assert done(bulkps, there, file)["exit_code"] == 0

    changed(file, allow_legacy_dn_mismatch="true")
    permitted = done(bulkps, there, file)
    changed(file, keep_request="60.00:00:00")
    kept = done(bulkps, there, file)

    assert (permitted["exit_code"], permitted["done_already"]) == (0, 2)
    assert (kept["exit_code"], kept["done_differently"]) == (4, 1)
    [advice, _] = [row["advice"] for row in read_csv(bulkps("results", "last").stdout)]
    assert "To set what is missing by hand: Set-MailboxRestoreRequest -CompletedRequestAgeLimit." in advice
