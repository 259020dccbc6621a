"""Every column of a restore at Exchange, as the parameter that it stands for; online and on-premises."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bulkps import BulkOperationItem, BulkOperationManager
from bulkps.errors import InvalidInput
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.settings import load_settings
from bulkps.simulator import Tenant as Organization
from bulkps.simulator.cmdlets.cmdlet_table import execute
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from tests.certificates import certificate
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.engines import ENGINES

StartTenant = Callable[..., Tenant]
#: A row that fills all columns that Exchange Online has, and what its request must have been given.
FULL = {
    "target_folder": "Restored; 2024/Ann's",
    "source_folder": "Projects & plans",
    "conflict_resolution": "keeplatestitem",
    "associated_messages": "MAPBYMESSAGECLASS",
    "skip_merging": "folderrules; FolderACLs",
    "include_folders": "#inbox#/*; Projects/FY2010 ;#SENTITEMS#/Sub/*;\\#Notes\\#",
    "exclude_folders": "#deletedItems#/*;Projects/Old’s $(x)",
    "exclude_dumpster": "yes",
    "content_filter": "Subject -like '*O''Hara; $(x)*' -and Received -gt '01/01/2024'",
    "keep_request": "7.00:00:00",
    "source_is_archive": "1",
    "target_is_archive": "on",
    "allow_legacy_dn_mismatch": "Y",
}
FULL_GIVEN: dict[str, Any] = {
    "TargetRootFolder": "Restored; 2024/Ann's",
    "SourceRootFolder": "Projects & plans",
    "ConflictResolutionOption": "KeepLatestItem",
    "AssociatedMessagesCopyOption": "MapByMessageClass",
    "SkipMerging": ["FolderRules", "FolderACLs"],
    "IncludeFolders": ["#Inbox#/*", "Projects/FY2010", "#SentItems#/Sub/*", "\\#Notes\\#"],
    "ExcludeFolders": ["#DeletedItems#/*", "Projects/Old’s $(x)"],
    "ExcludeDumpster": True,
    "ContentFilter": "Subject -like '*O''Hara; $(x)*' -and Received -gt '01/01/2024'",
    "CompletedRequestAgeLimit": "7.00:00:00",
    "SourceIsArchive": True,
    "TargetIsArchive": True,
    "AllowLegacyDNMismatch": True,
}
#: One that says no wherever it can: a switch that is off is not sent.
REFUSING = {
    "conflict_resolution": "ForceCopy",
    "associated_messages": "DoNotCopy",
    "skip_merging": "InitialConnectionValidation",
    "include_folders": "#Calendar#",
    "keep_request": "unlimited",
    "exclude_dumpster": "no",
    "source_is_archive": "off",
    "target_is_archive": "FALSE",
    "allow_legacy_dn_mismatch": "0",
}
REFUSING_GIVEN: dict[str, Any] = {
    "ConflictResolutionOption": "ForceCopy",
    "AssociatedMessagesCopyOption": "DoNotCopy",
    "SkipMerging": ["InitialConnectionValidation"],
    "IncludeFolders": ["#Calendar#"],
    "CompletedRequestAgeLimit": "Unlimited",
}


def file_of(path: Path, *rows: dict[str, str]) -> Path:
    """Write *rows* to *path*, each with every column that any of them has."""
    columns = dict.fromkeys(name for row in rows for name in row)
    write_csv(path, [{**dict.fromkeys(columns, ""), **row} for row in rows])
    return path


def pair(people: Organization, index: int, **more: str) -> dict[str, str]:
    """Return a row of one person's inactive and active mailbox."""
    source, target = people.inactive(index)["ExchangeGuid"], people.active(index)["PrimarySmtpAddress"]
    return {"source_guid": str(source), "target_mailbox": str(target), **more}


def statistics(people: Organization, name: str) -> dict[str, Any]:
    """Return what Exchange tells of the request called *name*."""
    identity = next(one.identity for one in people.requests() if one.name == name)
    offer = Offer(release="SE") if people.on_premises else Offer()
    told = execute(
        people, "Get-MailboxRestoreRequestStatistics", [("Identity", identity)], time.time(), offer
    )
    [found] = told.output
    return dict(found.properties)


@pytest.mark.proof
@pytest.mark.parametrize("options", ENGINES)
def test_every_column_reaches_exchange_as_the_parameter_that_it_stands_for(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    people = there.simulator.tenant
    rows = [pair(people, 9, **FULL), pair(people, 1), pair(people, 2, **REFUSING)]
    file = file_of(tmp_path / "in.csv", *rows)

    said = bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet")

    assert said.exit_code == 0, said.output
    effects = [one for one in there.lines() if one["kind"] == "restore-request"]
    given = {one["mailbox"]: one["parameters"] for one in effects}
    assert len(effects) == len(given) == 3
    plain: dict[str, Any] = {"ConflictResolutionOption": "KeepAll"}
    for row, wanted in zip(rows, (FULL_GIVEN, plain, REFUSING_GIVEN), strict=True):
        sent = given[row["source_guid"]]
        name = sent["Name"]
        assert sent == {
            "Name": name,
            "BatchName": f"bulkps-{as_object(said)['run']}",
            "SourceMailbox": row["source_guid"],
            "TargetMailbox": row["target_mailbox"],
            **wanted,
        }
        told = statistics(people, name)
        shown = {one: told[one] for one in wanted if one != "AllowLegacyDNMismatch"}
        assert shown == {one: wanted[one] for one in wanted if one != "AllowLegacyDNMismatch"}


def test_an_archive_is_copied_from_and_into_the_archive(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    people = there.simulator.tenant
    sides = (("true", ""), ("", "true"), ("true", "true"))
    for number, (source, target) in enumerate(sides):
        row = pair(
            people, 9 + 10 * number, source_is_archive=source, target_is_archive=target, target_folder="Old"
        )
        file = file_of(tmp_path / f"{number}.csv", row)

        assert bulkps("run", "restore", file, "--config", there.config, "--quiet").exit_code == 0

        told = statistics(people, people.requests()[-1].name)
        kept, living = people.inactive(9 + 10 * number), people.active(9 + 10 * number)
        assert told["SourceExchangeGuid"] == kept["ArchiveGuid" if source else "ExchangeGuid"]
        assert told["TargetExchangeGuid"] == living["ArchiveGuid" if target else "ExchangeGuid"]
        assert told["TargetRootFolder"] == "Old"


# --- a primary mailbox and its archive ----------------------------------------------------------------


def test_a_mailbox_and_its_archive_are_two_rows_of_one_file(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    people = there.simulator.tenant
    rows = [pair(people, 9), pair(people, 9, source_is_archive="yes", target_is_archive="yes")]

    said = bulkps(
        "run", "restore", file_of(tmp_path / "in.csv", *rows), "--config", there.config, "--json", "--quiet"
    )

    assert said.exit_code == 0, said.output
    given = [one["parameters"] for one in there.lines()]
    assert sorted(bool(one.get("SourceIsArchive")) for one in given) == [False, True]
    assert len({one["Name"] for one in given}) == 2


@pytest.mark.parametrize(
    ("first", "second"), [("true", "YES"), ("1", "$true"), ("", "false"), ("no", "0"), ("", "")]
)
def test_the_same_pair_twice_is_a_problem_however_it_is_spelt(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, first: str, second: str
) -> None:
    there = tenant()
    rows = [pair(there.simulator.tenant, 9, source_is_archive=cell) for cell in (first, second)]
    rows[1]["source_guid"] = f"{{{rows[1]['source_guid'].upper()}}}"
    file = file_of(tmp_path / "in.csv", *rows)

    result = bulkps("run", "restore", file, "--config", there.config)
    with pytest.raises(InvalidInput, match="row 1 has the same"):
        manager(there).execute_bulk_restore(items(rows))

    assert result.exit_code == 3, result.output
    assert "no duplicate: row 2 has the same" in result.stderr
    assert there.simulator.calls == {}


def test_the_library_takes_a_mailbox_and_its_archive_by_truth_as_by_text(tenant: StartTenant) -> None:
    there = tenant()
    primary = pair(there.simulator.tenant, 9)
    both: list[dict[str, Value]] = [
        {**primary, "source_is_archive": False},
        {**primary, "source_is_archive": True, "target_is_archive": "on"},
    ]

    with pytest.raises(InvalidInput, match="row 1 has the same"):
        manager(there).execute_bulk_restore(items([both[0], {**primary}]))
    with pytest.raises(InvalidInput, match="row 1 has the same"):
        manager(there).execute_bulk_restore(items([both[1], {**primary, "source_is_archive": "Y"}]))
    done = manager(there).execute_bulk_restore(items(both))

    assert done.completed == 2
    assert len({one["parameters"]["Name"] for one in there.lines()}) == 2


def test_the_library_refuses_text_that_no_session_survives(tenant: StartTenant) -> None:
    there = tenant()
    row = pair(there.simulator.tenant, 9, target_folder="Old\ufffe")

    with pytest.raises(InvalidInput, match="expected text without U\\+FFFE, which cannot be sent"):
        manager(there).execute_bulk_restore(items([row]))

    assert there.simulator.calls == {}


def manager(there: Tenant) -> BulkOperationManager:
    return BulkOperationManager(load_settings(there.config))


def items(rows: Sequence[Mapping[str, Value]]) -> list[BulkOperationItem]:
    return [BulkOperationItem(number, dict(row)) for number, row in enumerate(rows, 1)]


# --- on-premises --------------------------------------------------------------------------------------


@pytest.fixture(params=["simulate", "exchange"])
def server(
    request: pytest.FixtureRequest, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Tenant:
    """An Exchange Server, by the connection of a rehearsal and by the one that leads to a real server."""
    if request.param == "simulate":
        return tenant(on_premises=True, no_language=True)
    return exchange_server(tenant, tmp_path, monkeypatch)


def exchange_server(tenant: StartTenant, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Tenant:
    """Start a server behind TLS and write settings with a connection of type exchange."""
    pem, key = certificate(folder)
    there = tenant(on_premises=True, no_language=True, certificate=pem, key=key)
    monkeypatch.setenv("BULKPS_PASSWORD", "simulator")
    text = there.config.read_text(encoding="utf-8")
    simulated = f"{{type: simulator, server: 127.0.0.1, port: {there.simulator.port}}}"
    assert simulated in text
    real = (
        f"{{type: exchange, server: 127.0.0.1, port: {there.simulator.port}, auth: basic, "
        f"username: simulator, ca_file: '{pem}'}}"
    )
    there.config.write_text(text.replace(simulated, real), encoding="utf-8")
    return there


def disconnected(there: Tenant, index: int = 0) -> Mailbox:
    return there.simulator.tenant.mailboxes([Kind.DISCONNECTED])[index]


def of_database(there: Tenant, index: int, target: int, **more: str) -> dict[str, str]:
    """Return a row that restores a disconnected mailbox."""
    return {
        "source_guid": str(disconnected(there, index).exchange_guid),
        "source_database": disconnected(there, index).text("Database"),
        "target_mailbox": str(there.simulator.tenant.active(target)["PrimarySmtpAddress"]),
        **more,
    }


def test_a_disconnected_mailbox_is_restored_from_its_database(
    bulkps: Run, server: Tenant, tmp_path: Path
) -> None:
    limits = {"bad_item_limit": "60", "large_item_limit": "5", "accept_large_data_loss": "true"}
    rows = [
        of_database(server, 0, 0, priority="high", allow_legacy_dn_mismatch="true", **limits),
        of_database(server, 1, 1, allow_legacy_dn_mismatch="true"),
    ]

    said = bulkps(
        "run", "restore", file_of(tmp_path / "in.csv", *rows), "--config", server.config, "--json", "--quiet"
    )

    assert said.exit_code == 0, said.output
    given = {one["mailbox"]: one["parameters"] for one in server.lines()}
    full, plain = (given[row["source_guid"]] for row in rows)
    assert full == {
        "Name": full["Name"],
        "BatchName": f"bulkps-{as_object(said)['run']}",
        "SourceDatabase": rows[0]["source_database"],
        "SourceStoreMailbox": rows[0]["source_guid"],
        "TargetMailbox": rows[0]["target_mailbox"],
        "ConflictResolutionOption": "KeepAll",
        "AllowLegacyDNMismatch": True,
        "Priority": "High",
        "BadItemLimit": full["BadItemLimit"],
        "LargeItemLimit": full["LargeItemLimit"],
        "AcceptLargeDataLoss": True,
    }
    assert (str(full["BadItemLimit"]), str(full["LargeItemLimit"])) == ("60", "5")
    assert {*plain} == {*full} - {"Priority", "BadItemLimit", "LargeItemLimit", "AcceptLargeDataLoss"}
    told = statistics(server.simulator.tenant, full["Name"])
    assert told["SourceExchangeGuid"] == disconnected(server, 0).exchange_guid
    assert (told["Priority"], str(told["BadItemLimit"]), str(told["LargeItemLimit"])) == ("High", "60", "5")


def test_a_large_loss_that_the_row_does_not_accept_is_refused_by_exchange(
    bulkps: Run, server: Tenant, tmp_path: Path
) -> None:
    row = of_database(server, 0, 0, bad_item_limit="51", allow_legacy_dn_mismatch="true")

    said = bulkps(
        "run", "restore", file_of(tmp_path / "in.csv", row), "--config", server.config, "--quiet", "--json"
    )

    assert said.exit_code == 4, said.output
    assert "AcceptLargeDataLoss" in Path(as_object(said)["results"]).read_text(encoding="utf-8-sig")
    assert server.lines() == []


@pytest.mark.parametrize("rows", [4, 240], ids=["by item", "by database"])
def test_preflight_finds_a_missing_mailbox_and_a_strangers_on_premises(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    there = exchange_server(tenant, tmp_path, monkeypatch)
    missing = {**of_database(there, 2, 2), "source_guid": "00000000-0000-4000-8000-000000000001"}
    elsewhere = {**of_database(there, 3, 3), "source_database": disconnected(there, 4).text("Database")}
    file = [of_database(there, 0, 0), of_database(there, 1, 1, allow_legacy_dn_mismatch="true"), missing]
    file += [elsewhere, *(many_missing(there, index) for index in range(rows - 4))]

    said = bulkps(
        *("validate", "restore", file_of(tmp_path / "in.csv", *file), "--config", there.config),
        *("--results", tmp_path / "out.csv", "--no-sizes", "--quiet"),
    )

    assert said.exit_code == 4, said.output
    found = read_csv((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))
    assert [(one["status"], one["error_code"]) for one in found[:4]] == [
        ("FAILED", "legacy-dn-mismatch"),
        ("COMPLETED", ""),
        ("FAILED", "source-missing"),
        # Exchange looks in no other database than the one that is named.
        ("FAILED", "source-missing"),
    ]
    assert {one["error_code"] for one in found[4:]} <= {"source-missing"}
    assert there.simulator.calls["Get-MailboxStatistics"] == 4, "one a row, or one a database"
    assert there.lines() == []


@pytest.mark.parametrize("rows", [3, 240], ids=["by item", "by database"])
def test_a_database_that_does_not_exist_is_the_matter_of_its_rows_alone(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    there = exchange_server(tenant, tmp_path, monkeypatch)
    sound = of_database(there, 1, 1, allow_legacy_dn_mismatch="true")
    typo = {**of_database(there, 0, 0), "source_database": "DB-typo"}
    file = [sound, typo, *(many_missing(there, index) for index in range(rows - 2))]

    said = bulkps(
        *("validate", "restore", file_of(tmp_path / "in.csv", *file), "--config", there.config),
        *("--results", tmp_path / "out.csv", "--no-sizes", "--quiet"),
    )

    assert said.exit_code == 4, said.output
    found = read_csv((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))
    assert [one["error_code"] for one in found[:2]] == ["", "source-missing"]


def many_missing(there: Tenant, index: int) -> dict[str, str]:
    """Return a row of a mailbox that is in no database."""
    row = of_database(there, index % 20, index % 60)
    return {**row, "source_guid": f"00000000-0000-4000-8000-{index + 16:012x}"}


def test_what_an_exchange_server_does_not_have_is_refused_before_anything_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = exchange_server(tenant, tmp_path, monkeypatch)
    allowed = of_database(there, 0, 0, allow_legacy_dn_mismatch="true")
    filtering = of_database(there, 1, 1, content_filter="Subject -like 'x'")

    result = bulkps(
        *("run", "restore", file_of(tmp_path / "in.csv", allowed, filtering), "--config", there.config),
        "--quiet",
    )

    assert result.exit_code == 2, result.output
    assert "row 3 needs New-MailboxRestoreRequest -ContentFilter" in result.stderr
    assert "which an Exchange Server does not have; nothing was sent" in result.stderr
    assert there.simulator.calls == {}


@pytest.mark.parametrize(
    ("column", "cell", "parameter"),
    [
        ("source_database", "DB01", "SourceDatabase"),
        ("priority", "High", "Priority"),
        ("bad_item_limit", "5", "BadItemLimit"),
        ("large_item_limit", "5", "LargeItemLimit"),
    ],
)
def test_what_exchange_online_does_not_have_is_refused_before_anything_is_sent(
    bulkps: Run, tmp_path: Path, column: str, cell: str, parameter: str
) -> None:
    # The embedded simulator is an Exchange Online, and bulkps knows it.
    row = {
        "source_guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "target_mailbox": "a@contoso.com",
        column: cell,
    }

    result = bulkps("run", "restore", file_of(tmp_path / "in.csv", row), "--quiet")

    assert result.exit_code == 2, result.output
    assert f"row 2 needs New-MailboxRestoreRequest -{parameter}" in result.stderr
    assert "which Exchange Online does not have; nothing was sent" in result.stderr


def test_another_folder_of_the_same_mailbox_is_another_restore(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    people = there.simulator.tenant
    row = {
        "source_guid": str(people.inactive(2)["ExchangeGuid"]),
        "target_mailbox": str(people.active(2)["PrimarySmtpAddress"]),
    }
    ended = []
    for folders in ("#Inbox#/*", "#Calendar#/*", "#Inbox#/*"):
        write_csv(tmp_path / "in.csv", [{**row, "include_folders": folders}])
        said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet", "--json")
        ended.append(as_object(said)["counts"])

    assert [one["COMPLETED"] for one in ended] == [1, 1, 0]
    assert ended[2]["SKIPPED"] == 1, "done already"
    asked = [request.parameters["IncludeFolders"] for request in people.requests() if request.batch]
    assert sorted(map(str, asked)) == ["['#Calendar#/*']", "['#Inbox#/*']"]


def test_a_column_that_does_nothing_beside_another_is_refused_before_anything_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    row = {
        "source_guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "target_mailbox": "ann@contoso.com",
        "source_database": "DB01",
        "source_is_archive": "true",
    }
    write_csv(tmp_path / "in.csv", [row])
    for command in ("run", "validate"):
        said = bulkps(command, "restore", tmp_path / "in.csv", "--config", there.config)
        assert said.exit_code == 2, said.output
        assert "row 2: source_is_archive does nothing together with" in said.stderr
        assert "source_database" in said.stderr
    assert not there.lines()


def test_validate_refuses_what_the_other_end_does_not_have_as_run_does(bulkps: Run, tmp_path: Path) -> None:
    row = {
        "source_guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "target_mailbox": "ann@contoso.com",
        "priority": "High",
    }
    write_csv(tmp_path / "in.csv", [row])
    for command in ("run", "validate"):
        said = bulkps(command, "restore", tmp_path / "in.csv")
        assert said.exit_code == 2, said.output
        assert "New-MailboxRestoreRequest -Priority, which Exchange Online does not have" in said.stderr


def test_columns_of_two_exchanges_in_one_row_are_refused_whatever_is_at_the_other_end(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(on_premises=True)
    row = {
        "source_guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "target_mailbox": "ann@contoso.com",
        "source_database": "DB01",
        "prepare_x500": "true",
    }
    write_csv(tmp_path / "in.csv", [row])
    for command in ("run", "validate"):
        said = bulkps(command, "restore", tmp_path / "in.csv", "--config", there.config)
        assert said.exit_code == 2, said.output
        assert "row 2: no Exchange has all of prepare_x500 (Exchange EXO) and source_database" in said.stderr
    assert not there.simulator.calls


def test_an_exchange_servers_rows_can_be_clean(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(on_premises=True)
    there.configure("", preflight=True)
    rows = [of_database(there, index, index, allow_legacy_dn_mismatch="true") for index in range(3)]
    write_csv(tmp_path / "in.csv", rows)

    said = bulkps(
        "run", "restore", tmp_path / "in.csv", "--config", there.config, "--require-clean", "--quiet"
    )

    assert said.exit_code == 0, said.output
    assert "not-checked" not in "".join(row["warnings"] for row in read_csv(bulkps("results", "last").stdout))
