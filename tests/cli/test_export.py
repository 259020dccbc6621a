"""``bulkps export``: what the file says of the tenant, and what it is good for."""

import _thread
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from bulkps import BulkOperationManager, ExportKind, load_settings
from bulkps.exchange.sizes import read_size
from bulkps.export.exporter import EXPORT_COLUMNS, ExportStage
from bulkps.intake import formula_unsafe
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.mailbox_content import contents
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.contract.proxy import Deed, Order, Proxy

StartTenant = Callable[..., Tenant]
Row = Mapping[str, Any]
ORGANIZATION_HOLDS = 2
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
QUOTED = ",".join(f'"{name}"' for name in EXPORT_COLUMNS)
DOCS = Path(__file__).resolve().parent.parent.parent / "docs"


@pytest.fixture
def tenant(tenant: StartTenant) -> StartTenant:
    """Starts a tenant in which nothing is wrong with any mailbox."""
    return lambda **options: tenant(**{"troubles": False, **options})


def exported(bulkps: Run, there: Tenant, path: Path, *options: object) -> dict[str, Any]:
    """Export to *path* and return the mailboxes by their ExchangeGuid."""
    result = bulkps("export", "-o", path, "--config", there.config, "--quiet", *options)
    assert result.exit_code == 0, result.output
    if path.suffix == ".json":
        return {row["source_guid"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
    return {row["source_guid"]: row for row in read_csv(path.read_text(encoding="utf-8-sig"))}


def mailbox(there: Tenant, kind: Kind, index: int) -> Mailbox:
    return there.simulator.tenant.mailboxes((kind,))[index]


def change(there: Tenant, one: Mailbox, **properties: Any) -> str:
    """Change what the tenant says of a mailbox; return its ExchangeGuid."""
    there.simulator.tenant.change(one, one.kind, properties)
    return one.text("ExchangeGuid")


def size(text: str) -> int:
    found = read_size(text)
    assert isinstance(found, int)
    return found


def expected(there: Tenant, one: Mailbox) -> dict[str, Any]:
    """Return what an export has to say of *one*, from the tenant's own properties."""
    of = one.properties
    deleted = of["WhenSoftDeleted"]
    assert isinstance(deleted, datetime)
    inside, archive = contents(1, one), contents(1, one, archive=True)
    has_archive = of["ArchiveGuid"] != UUID(int=0)
    locations, addresses, holds = of["MailboxLocations"], of["EmailAddresses"], of["InPlaceHolds"]
    assert isinstance(locations, list)
    assert isinstance(addresses, list)
    assert isinstance(holds, list)
    inactive = one.kind is Kind.INACTIVE
    return {
        "source_guid": one.text("ExchangeGuid"),
        "target_upn": "",
        "display_name": of["DisplayName"],
        "kind": one.kind.value,
        "recoverable": "yes" if inactive else "no",
        "recover_findings": [] if inactive else ["not-inactive"],
        "restorable": "yes",
        "restore_findings": ["archive-left-out"] if has_archive else [],
        "upn_before": of["UserPrincipalName"],
        "primary_address": of["PrimarySmtpAddress"],
        "addresses": addresses,
        "alias": of["Alias"],
        "distinguished_name": of["DistinguishedName"],
        "guid": one.text("Guid"),
        "legacy_exchange_dn": of["LegacyExchangeDN"],
        "deleted_at": deleted.strftime(MOMENT),
        "was_inactive": False,
        "last_hold_ended_at": None,
        "kept_at_least_until": None if inactive else (deleted + timedelta(days=30)).strftime(MOMENT),
        "holds_written": holds,
        "holds_unread": [],
        "litigation_hold": of["LitigationHoldEnabled"],
        "item_count": inside.items,
        "size_bytes": inside.size,
        "deleted_item_count": inside.deleted_items,
        "deleted_size_bytes": inside.deleted_size,
        "has_archive": has_archive,
        "archive_item_count": archive.items if has_archive else None,
        "archive_size_bytes": archive.size if has_archive else None,
        "archive_expands": False,
        "locations": [str(location).split(";")[2] for location in locations],
        "quota_bytes": size(one.text("ProhibitSendReceiveQuota")),
        "archive_quota_bytes": size(one.text("ArchiveQuota")),
        "mailbox_type": "UserMailbox",
        "directory_synced": False,
    }


def as_cell(value: Any) -> str:
    """Return what a value is in a CSV cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("no_language", [pytest.param(False, marks=pytest.mark.proof), True])
def test_a_file_says_of_every_mailbox_what_the_tenant_says(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, no_language: bool
) -> None:
    there = tenant(no_language=no_language)

    before = datetime.now(UTC)
    found = exported(bulkps, there, tmp_path / "out.json")
    cells = exported(bulkps, there, tmp_path / "out.csv")
    after = datetime.now(UTC)

    mailboxes = there.simulator.tenant.mailboxes((Kind.INACTIVE, Kind.SOFT_DELETED))
    assert list(found) == list(cells) == [one.text("ExchangeGuid") for one in mailboxes]
    assert sum(row["has_archive"] for row in found.values()) == 8
    for one in mailboxes:
        row, wanted = found[one.text("ExchangeGuid")], expected(there, one)
        assert tuple(row) == EXPORT_COLUMNS
        assert {name: row[name] for name in wanted} == wanted
        if one.kind is Kind.SOFT_DELETED:
            assert not [hold for hold in row["holds"] if "organization-wide" in hold], "no hold keeps it"
        texts = cells[one.text("ExchangeGuid")]
        deleted = one.properties["WhenSoftDeleted"]
        assert isinstance(deleted, datetime)
        # A day may end between the two files.
        days = {(before - deleted).days, (after - deleted).days}
        assert {row["days_since_deleted"], int(texts["days_since_deleted"])} <= days
        assert {name: texts[name] for name in wanted} == {name: as_cell(v) for name, v in wanted.items()}
        assert texts["holds"] == ";".join(row["holds"])
        assert texts["findings"] == " | ".join(row["findings"])
    assert not there.lines(), "nothing was changed"


def test_holds_of_every_form_are_decoded_and_kept_as_they_were_written(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=4)
    policy = "a" * 32
    guid = str(UUID(policy))
    forms = {
        f"UniH{guid}": f"eDiscovery case hold {guid}",
        policy: f"In-Place Hold {policy}",
        f"cld{policy}": f"In-Place Hold cld{policy}",
        f"mbx{policy}:2": f"retention policy for mailboxes {guid} (retains)",
        f"skp{policy}:3": f"retention policy for Skype or Teams chats {guid} (retains, then deletes)",
        "odd": "unknown hold odd",
    }
    silent = [f"mbx{policy}:1", f"-mbx{policy}"]
    one = change(
        there,
        mailbox(there, Kind.INACTIVE, 0),
        InPlaceHolds=[*silent, *forms],
        LitigationHoldEnabled=True,
        LitigationHoldDuration="365.00:00:00",
        LitigationHoldDate=datetime(2023, 5, 4, tzinfo=UTC),
        LitigationHoldOwner="admin@contoso.com",
        ComplianceTagHoldApplied=True,
        DelayHoldApplied=True,
        DelayReleaseHoldApplied=True,
    )

    row = exported(bulkps, there, tmp_path / "out.json", "--no-sizes")[one]

    own = row["holds"][:-ORGANIZATION_HOLDS]
    assert own == [
        "Litigation Hold (for 365 days since 2023-05-04T00:00:00Z by admin@contoso.com)",
        "retention label on an item or folder",
        "delay hold on Outlook data",
        "delay hold on data of cloud apps",
        *forms.values(),
    ]
    assert all("organization-wide" in hold for hold in row["holds"][-ORGANIZATION_HOLDS:])
    assert row["holds_written"] == [*silent, *forms]
    cells = exported(bulkps, there, tmp_path / "out.csv", "--no-sizes")[one]
    assert formula_unsafe(cells["holds_written"]) == ";".join([*silent, *forms])
    assert cells["litigation_hold"] == "true"


def test_what_speaks_against_a_mailbox_is_found_and_says_what_to_do(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=20)
    inactive = [mailbox(there, Kind.INACTIVE, index) for index in range(20)]
    active = [mailbox(there, Kind.ACTIVE, index) for index in range(3)]
    part = str(inactive[1].properties["MailboxLocations"][0])  # type: ignore[index]
    retired = datetime(2026, 1, 2, tzinfo=UTC)
    wanted = {
        change(there, inactive[0], AutoExpandingArchiveEnabled=True): "auto-expanding-archive",
        change(
            there, inactive[1], MailboxLocations=[part, part.replace("Primary", "AuxPrimary")]
        ): "additional-shards",
        change(there, inactive[2], ExternalDirectoryObjectId=str(UUID(int=7))): "still-soft-deleted",
        inactive[3].text("ExchangeGuid"): "account-exists",
        inactive[4].text("ExchangeGuid"): "account-exists",
        inactive[5].text("ExchangeGuid"): "guid-reused",
        change(
            there,
            mailbox(there, Kind.SOFT_DELETED, 0),
            WasInactiveMailbox=True,
            InactiveMailboxRetireTime=retired,
        ): "not-inactive",
    }
    change(
        there,
        active[0],
        EmailAddresses=["SMTP:a@contoso.com", f"smtp:{inactive[3].text('PrimarySmtpAddress')}"],
    )
    user = mailbox(there, Kind.NONE, 0)
    change(there, user, UserPrincipalName=inactive[4].text("UserPrincipalName").upper())
    change(there, mailbox(there, Kind.MAIL_USER, 0), ExchangeGuid=inactive[5].properties["ExchangeGuid"])

    found = exported(bulkps, there, tmp_path / "out.json", "--no-sizes")

    for source, code in wanted.items():
        assert found[source]["recoverable"] == "no", code
        assert found[source]["recover_findings"] == [code]
        [sentence] = [one for one in found[source]["findings"] if one.startswith(f"blocker {code}: ")]
        assert re.search(r"[A-Z][a-z]+-\w+", sentence), "it names a cmdlet to use instead"
    [first, *_, last] = wanted
    assert (found[first]["restorable"], found[first]["archive_expands"]) == ("no", True)
    assert found[inactive[5].text("ExchangeGuid")]["restore_findings"] == ["guid-reused"]
    assert found[inactive[5].text("ExchangeGuid")]["restorable"] == "yes"
    assert found[inactive[1].text("ExchangeGuid")]["locations"] == ["Primary", "AuxPrimary"]
    assert (found[last]["was_inactive"], found[last]["last_hold_ended_at"]) == (True, "2026-01-02T00:00:00Z")
    assert found[last]["kept_at_least_until"] == "2026-02-01T00:00:00Z"
    others = [row for source, row in found.items() if source not in wanted and row["kind"] == "inactive"]
    assert {row["recoverable"] for row in others} == {"yes"}


@pytest.mark.proof
def test_an_export_is_input_for_recovery_and_restore_once_the_target_is_filled_in(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=12)
    there.configure(preflight=True)
    nasty = "=cmd|' /C calc'!A0"
    change(there, mailbox(there, Kind.INACTIVE, 0), DisplayName=nasty)
    change(there, mailbox(there, Kind.INACTIVE, 1), DisplayName="Zoë, “the boss”; 山")
    file = tmp_path / "out.csv"
    rows = list(exported(bulkps, there, file).values())
    assert rows[0]["display_name"] == f"'{nasty}", "harmless in a spreadsheet"
    recoverable = [row for row in rows if row["recoverable"] == "yes"]
    for number, row in enumerate(recoverable):
        row["target_upn"] = f"new{number}@contoso.com"
    write_csv(tmp_path / "recovery.csv", recoverable)
    for number, row in enumerate(recoverable):
        row["target_upn"] = mailbox(there, Kind.ACTIVE, number).text("PrimarySmtpAddress")
    write_csv(tmp_path / "restore.csv", recoverable)

    for operation in ("recovery", "restore"):
        edited, to_config = tmp_path / f"{operation}.csv", ("--config", there.config)
        checked = bulkps("check", operation, edited, "--strict-columns", "--json")
        assert as_object(checked)["sound"], checked.output
        said = "this is an export of bulkps: its other columns are copied to the results unchanged"
        taken = ["columns recognized under another name: 'target_upn' for target_mailbox"]
        assert as_object(checked)["notes"] == [said, *(taken if operation == "restore" else [])]
        validated = bulkps("validate", operation, edited, "--json", "--quiet", *to_config)
        assert as_object(validated)["counts"]["COMPLETED"] == 12, validated.output
        ran = bulkps("run", operation, edited, "--json", "--quiet", "--yes", *to_config)
        assert as_object(ran)["counts"]["COMPLETED"] == 12, ran.output
        # Recovery makes the sources active: restore takes its own tenant.
        results = read_csv(Path(as_object(ran)["results"]).read_text(encoding="utf-8-sig"))
        assert results[0]["display_name"] == f"'{nasty}", "as it was, not once more"
        assert results[3]["upn_before"] == recoverable[3]["upn_before"]
        if operation == "recovery":
            names = {one.text("DisplayName") for one in there.simulator.tenant.mailboxes((Kind.ACTIVE,))}
            assert {nasty, "Zoë, “the boss”; 山"} <= names
            there = tenant(mailboxes=12)
            there.configure(preflight=True)


#: What the tenant has troubles for and an export cannot see: the row, its target or its request says it.
LATER = {
    "federated-domain", "name-taken", "target-missing", "target-not-a-mailbox", "target-has-no-archive",
    "legacy-dn-mismatch", "target-too-full", "request-exists", "request-unfinished", "domain-not-accepted",
    "source-has-no-archive", "target-synced",
}  # fmt: skip
#: What is no deleted mailbox, and so in no export.
ABSENT = {"target-is-source", "source-missing"}


def test_of_every_troubled_mailbox_the_export_says_what_pre_flight_would(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=3, troubles=True)

    found = exported(bulkps, there, tmp_path / "out.json")

    twins = [row for row in found.values() if "ambiguous-identity" in row["recover_findings"]]
    assert [row["source_guid"] for row in twins] == [row["distinguished_name"] for row in twins]
    assert len(twins) == 2
    assert all(row["size_bytes"] and row["recoverable"] == "yes" for row in twins)
    for code, trouble in there.simulator.tenant.troubles.items():
        if code in ABSENT or code == "ambiguous-identity":
            assert trouble.source not in found
            continue
        row = found[trouble.source]
        codes = {*row["recover_findings"], *row["restore_findings"]}
        assert code not in codes if code in LATER else code in codes
        assert (row["recoverable"] == "no") is (code not in LATER | {"archive-left-out"})
        assert (row["restorable"] == "no") is (code == "auto-expanding-archive")


def test_the_target_is_asked_for_where_it_was_not_filled_in(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    exported(bulkps, tenant(mailboxes=3), tmp_path / "out.csv", "--no-sizes")

    said = as_object(bulkps("check", "recovery", tmp_path / "out.csv", "--json"))

    assert {problem["column"] for problem in said["problems"]} == {"target_upn"}
    assert said["problem_count"] == 23


def test_every_column_is_documented() -> None:
    page = (DOCS / "export.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| (\w+) \|", page, re.MULTILINE)[1:] == list(EXPORT_COLUMNS)


def test_stdout_is_the_file_and_everything_else_goes_to_stderr(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=5)
    exported(bulkps, there, tmp_path / "out.csv")

    result = bulkps("export", "--config", there.config, "--quiet")

    assert result.stdout_bytes == (tmp_path / "out.csv").read_bytes()
    assert result.stderr.splitlines() == [
        "SIMULATED (no real Exchange was touched)",
        "wrote 25 mailboxes to stdout",
        "kind: 5 inactive, 20 soft-deleted",
        "recoverable: 20 no, 5 yes",
        "restorable: 25 yes",
    ]


def test_json_says_what_was_written(bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path) -> None:
    there = tenant(mailboxes=5)
    path = tmp_path / "a folder" / "out.csv"
    path.parent.mkdir()

    result = bulkps("export", "-o", path, "--kind", "inactive", "--config", there.config, "--json")

    assert as_object(result) == {
        "file": str(path),
        "mailboxes": 5,
        "kinds": {"inactive": 5},
        "recoverable": {"yes": 5},
        "restorable": {"yes": 5},
        "unread": [],
        "simulated": True,
        "exit_code": 0,
    }
    assert [one.name for one in path.parent.iterdir()] == ["out.csv"]
    assert not (home / "journal.sqlite3").exists(), "an export is no run"


def test_each_kind_is_exported_by_itself_and_no_mailbox_is_written_twice(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=3)
    # To Exchange both switches may show a mailbox: here the second does because it says so itself.
    both = mailbox(there, Kind.SOFT_DELETED, 0)
    change(there, both, Guid=mailbox(there, Kind.INACTIVE, 0).properties["Guid"], IsInactiveMailbox=True)

    kinds = {
        kind: exported(bulkps, there, tmp_path / f"{kind}.csv", "--kind", kind, "--no-sizes")
        for kind in ("inactive", "soft-deleted", "all")
    }

    assert {kind: len(rows) for kind, rows in kinds.items()} == {"inactive": 3, "soft-deleted": 19, "all": 22}
    assert both.text("ExchangeGuid") not in kinds["all"]
    assert {row["kind"] for row in kinds["soft-deleted"].values()} == {"soft-deleted"}


@pytest.mark.parametrize(("name", "content"), [("out.csv", QUOTED), ("out.json", "[]")])
def test_where_there_are_none_the_file_is_empty_and_valid(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, name: str, content: str
) -> None:
    there = tenant(mailboxes=0)

    assert exported(bulkps, there, tmp_path / name, "--kind", "inactive") == {}

    assert (tmp_path / name).read_text(encoding="utf-8-sig").strip() == content
    assert "Get-Recipient" not in there.simulator.calls, "nobody could be in the way"


def test_sizes_are_left_out_where_they_are_not_wanted(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=3)

    rows = exported(bulkps, there, tmp_path / "out.csv", "--no-sizes")

    assert {row["item_count"] + row["size_bytes"] for row in rows.values()} == {""}
    assert "Get-MailboxStatistics" not in there.simulator.calls


def test_what_cannot_be_read_is_empty_or_unknown_and_told(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(
        mailboxes=12,
        hidden_parameters="Get-OrganizationConfig:*,Get-User:*,Get-MailboxStatistics:IncludeSoftDeletedRecipients",
    )

    result = bulkps("export", "-o", tmp_path / "out.json", "--config", there.config, "--json", "--quiet")

    rows = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert {row["size_bytes"] for row in rows} == {None}
    assert {row["recoverable"] for row in rows if row["kind"] == "inactive"} == {"unknown"}
    assert {row["recoverable"] for row in rows if row["kind"] == "soft-deleted"} == {"no"}
    assert {row["restorable"] for row in rows if row["has_archive"]} == {"unknown"}
    assert all(row["holds_unread"] == ["InPlaceHolds of the organization"] for row in rows)
    assert all("so account-exists was not checked" in " ".join(row["findings"]) for row in rows)
    organization, user, sizes = as_object(result)["unread"]
    assert organization.startswith("Get-OrganizationConfig: ")
    assert user.startswith("Get-User: ")
    assert re.match("Get-MailboxStatistics of 35 mailboxes or archives: .*IncludeSoftDeleted", sizes)
    assert there.simulator.calls["Get-MailboxStatistics"] <= 35


def test_a_property_that_exchange_does_not_give_is_counted(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=4)
    for index in range(3):
        one = mailbox(there, Kind.INACTIVE, index)
        one.properties = {name: value for name, value in one.properties.items() if name != "MailboxLocations"}

    result = bulkps("export", "-o", tmp_path / "out.csv", "--config", there.config, "--no-sizes")

    assert (
        "could not read MailboxLocations of 3 mailboxes: Exchange did not return this property"
        in result.stderr
    )
    assert "recoverable: 20 no, 3 unknown, 1 yes" in result.stderr


def test_what_passes_is_tried_again_and_each_mailbox_is_written_once(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(
        faults="Get-OrganizationConfig#1=throttled,Get-Mailbox#1=transient,Get-Mailbox#3=session-lost,"
        "Get-User#1=throttled,Get-MailboxStatistics#3=transient,Get-MailboxStatistics#9=session-lost"
    )

    rows = exported(bulkps, there, tmp_path / "out.json")

    assert len(rows) == 80
    assert all(row["size_bytes"] is not None for row in rows.values())
    assert {row["recoverable"] for row in rows.values() if row["kind"] == "inactive"} == {"yes"}


def test_an_inventory_that_ends_in_the_error_of_one_object_is_not_taken_for_whole(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=",".join(f"Get-Mailbox#{n}=broken-off" for n in range(1, 9)))

    said = bulkps("export", "-o", tmp_path / "out.csv", "--config", there.config, "--quiet")

    assert said.exit_code == 6, said.output
    assert "couldn't be found" in said.stderr
    assert not (tmp_path / "out.csv").exists()


def test_an_inventory_that_cannot_be_put_in_its_place_stays_beside_it(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    (tmp_path / "out.csv").write_text("open in a spreadsheet", encoding="utf-8")

    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(13, "The process cannot access the file: it is used by another", str(source))

    # As Windows does to a file that another process has open.
    monkeypatch.setattr(Path, "replace", refuse)

    said = bulkps("export", "-o", tmp_path / "out.csv", "--force", "--config", there.config, "--quiet")

    assert said.exit_code == 6, said.output
    (kept,) = tmp_path.glob("out-*.csv")
    assert f"the complete file is {kept}" in said.stderr
    assert len(read_csv(kept.read_text(encoding="utf-8-sig"))) > 20


@pytest.mark.parametrize("cut", [pytest.param(Deed.CUT_AFTER, marks=pytest.mark.proof), Deed.CUT_IN_BODY])
def test_a_stream_that_is_cut_in_the_middle_begins_again(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, cut: Deed
) -> None:
    there = tenant(mailboxes=900)
    orders = [Order(cut, f"Receive {cmdlet}", 2) for cmdlet in ("Get-Mailbox", "Get-Recipient", "Get-User")]
    with Proxy(there.simulator.port, *orders) as proxy:
        text = there.config.read_text(encoding="utf-8")
        there.config.write_text(text.replace(str(there.simulator.port), str(proxy.port)), encoding="utf-8")
        rows = exported(bulkps, there, tmp_path / "out.csv", "--no-sizes")

    assert len(proxy.done) == 3
    assert not proxy.failed
    assert there.simulator.calls["Get-Mailbox"] == 3
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) - 1 == len(rows) == 920
    assert {row["recoverable"] for row in rows.values() if row["kind"] == "inactive"} == {"yes"}


@pytest.mark.parametrize("before", ["nothing", "something"])
@pytest.mark.parametrize("cmdlet", ["Get-Mailbox", "Get-MailboxStatistics", "Invoke-BulkPSBatch"])
def test_an_export_that_breaks_off_leaves_what_was_there(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, before: str, cmdlet: str
) -> None:
    # Only without batches are sizes pipelines of their own.
    there = tenant(mailboxes=300, no_language=cmdlet == "Get-MailboxStatistics")
    there.configure("  connect: {first_wait: 0.05, attempts: 2}\n")
    folder = tmp_path / "out"
    folder.mkdir()
    if before == "something":
        (folder / "out.csv").write_text("as it was", encoding="utf-8")
    order = Order(Deed.DOWN, f"Receive {cmdlet}", 3)
    with Proxy(there.simulator.port, order) as proxy:
        text = there.config.read_text(encoding="utf-8")
        there.config.write_text(text.replace(str(there.simulator.port), str(proxy.port)), encoding="utf-8")
        result = bulkps(
            "export", "-o", folder / "out.csv", "--config", there.config, "--force", "--json", "--quiet"
        )

    assert result.exit_code == as_object(result)["exit_code"] == 6
    assert f"{folder / 'out.csv'} was not written: " in result.stderr
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert kept == ({"out.csv": "as it was"} if before == "something" else {})


def test_an_inventory_that_exchange_refuses_ends_the_export_with_its_words(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=3, hidden_parameters="Get-Mailbox:InactiveMailboxOnly")

    (tmp_path / "new").mkdir()

    result = bulkps("export", "-o", tmp_path / "new" / "out.csv", "--config", there.config)

    assert result.exit_code == 6
    assert "A parameter cannot be found that matches parameter name 'InactiveMailboxOnly'" in result.stderr
    assert list((tmp_path / "new").iterdir()) == []
    to_stdout = bulkps("export", "--config", there.config)
    assert (to_stdout.exit_code, to_stdout.stdout) == (6, "")
    assert "Error: the export was not written: Get-Mailbox -InactiveMailboxOnly" in to_stdout.stderr


@pytest.mark.proof
def test_sizes_are_read_on_several_sessions_or_as_many_as_there_are(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=900, max_sessions=2)
    there.configure(
        "  parallel_execution: true\n  max_sessions: 4\n  connect: {first_wait: 0.02, attempts: 2}\n"
    )

    rows = exported(bulkps, there, tmp_path / "out.json")

    mailboxes = there.simulator.tenant.mailboxes((Kind.INACTIVE, Kind.SOFT_DELETED))
    assert list(rows) == [one.text("ExchangeGuid") for one in mailboxes], "in their order all the same"
    assert [row["size_bytes"] for row in rows.values()] == [contents(1, one).size for one in mailboxes]


def test_what_cannot_be_done_is_refused_before_anything_is_read(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=1)
    (tmp_path / "out.csv").write_text("x", encoding="utf-8")
    (tmp_path / "onprem.yaml").write_text(
        "connection: onprem\nconnections:\n  onprem: {type: exchange, server: ex01, auth: kerberos, "
        "username: 'C\\a'}\n",
        encoding="utf-8",
    )

    there_already = bulkps("export", "-o", tmp_path / "out.csv", "--config", there.config)
    no_file = bulkps("export", "--json", "--config", there.config)
    on_premises = bulkps(
        "export", "-o", tmp_path / "a.csv", "--config", tmp_path / "onprem.yaml", env={"BULKPS_PASSWORD": "x"}
    )

    assert [one.exit_code for one in (there_already, no_file, on_premises)] == [2, 2, 2]
    assert "--force replaces it" in there_already.stderr
    assert "needs -o FILE" in no_file.stderr
    assert "has no inactive mailboxes" in on_premises.stderr
    assert there.simulator.calls == {}


def test_without_a_session_nothing_is_written(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(mailboxes=1)
    there.configure("  connect: {first_wait: 0.02, attempts: 2}\n")
    there.simulator.stop()

    (tmp_path / "new").mkdir()

    result = bulkps("export", "-o", tmp_path / "new" / "out.csv", "--config", there.config)

    assert result.exit_code == 5
    assert list((tmp_path / "new").iterdir()) == []


def test_the_library_exports_too_and_tells_how_far_it_is(tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(mailboxes=30)
    seen: list[tuple[str, int, int | None]] = []

    report = BulkOperationManager(load_settings(there.config)).export_inventory(
        tmp_path / "out.csv",
        kind=ExportKind.INACTIVE,
        on_progress=lambda stage, done, total: seen.append((stage.name, done, total)),
    )

    assert (report.mailboxes, report.kinds, report.unread) == (30, {"inactive": 30}, ())
    assert report.simulated
    assert [one for one in seen if one[0] == "MAILBOXES"] == [("MAILBOXES", n, None) for n in range(1, 31)]
    assert seen[-1] == ("WRITTEN", 30, 30)


@pytest.mark.proof
@pytest.mark.parametrize("stage", list(ExportStage))
def test_ctrl_c_ends_it_and_leaves_nothing_behind(
    tenant: StartTenant, tmp_path: Path, stage: ExportStage
) -> None:
    # Each statistic takes its time: what is left when the first chunk is written takes seconds.
    there = tenant(mailboxes=400, latency=0.02)
    folder = tmp_path / "out"
    folder.mkdir()
    pressed: list[int] = []

    def press(at: ExportStage, done: int, total: int | None) -> None:
        if at is stage and not pressed:
            pressed.append(done)
            _thread.interrupt_main()

    with pytest.raises(KeyboardInterrupt):
        BulkOperationManager(load_settings(there.config)).export_inventory(
            folder / "out.csv", on_progress=press
        )

    assert pressed
    assert list(folder.iterdir()) == []
    assert there.simulator.calls.get("Get-MailboxStatistics", 0) < 420


def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_read(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=1)
    (tmp_path / "a file").write_text("", encoding="utf-8")

    result = bulkps("export", "-o", tmp_path / "a file" / "out.csv", "--config", there.config)

    assert result.exit_code == 2
    assert f"{tmp_path / 'a file'} is not a folder" in result.stderr
    assert there.simulator.calls == {}


@pytest.mark.proof
def test_whoever_listens_and_raises_ends_the_export_and_leaves_no_file(
    tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=600)
    (tmp_path / "out").mkdir()

    def raise_it(stage: ExportStage, done: int, total: int | None) -> None:
        if stage is ExportStage.WRITTEN:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        BulkOperationManager(load_settings(there.config)).export_inventory(
            tmp_path / "out" / "out.csv", on_progress=raise_it
        )

    assert list((tmp_path / "out").iterdir()) == []
    assert there.simulator.calls["Get-MailboxStatistics"] < 600, "the rest is not waited for"
