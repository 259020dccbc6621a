"""What is there already is read first, and not sent again; reading costs by the rows, not by the tenant."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.exchange.calls_and_outcomes import NULL, Value
from bulkps.exchange.value_comparison import has_value
from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.engines import ENGINES

Start = Callable[..., Tenant]
WANTED = {"CustomAttribute1": "Legal", "HiddenFromAddressListsEnabled": "yes", "IssueWarningQuota": "47 GB"}


def people(there: Tenant, count: int) -> list[str]:
    return [str(there.simulator.tenant.active(index)["PrimarySmtpAddress"]) for index in range(count)]


def run(bulkps: Run, file: Path, config: Path, *options: str, code: int = 0) -> dict[str, Any]:
    result = bulkps("run", "Set-Mailbox", file, "--config", config, "--json", "--quiet", *options)
    assert result.exit_code == code, result.output
    return as_object(result)


def calls_of(there: Tenant, work: Callable[[], object]) -> Counter[str]:
    """Return how often each cmdlet is called by *work*."""
    before = Counter(there.simulator.calls)
    work()
    return Counter(there.simulator.calls) - before


def already(there: Tenant, names: list[str]) -> None:
    """Give mailboxes what WANTED asks for."""
    organization = there.simulator.tenant
    for name in names:
        mailbox = organization.find(name, (Kind.ACTIVE,))
        values = {"CustomAttribute1": "Legal", "HiddenFromAddressListsEnabled": True}
        organization.change(
            mailbox, Kind.ACTIVE, {**values, "IssueWarningQuota": "47 GB (50,465,865,728 bytes)"}
        )


@pytest.mark.parametrize("options", ENGINES)
def test_a_file_that_is_run_again_sends_nothing_also_with_an_empty_journal(
    bulkps: Run, tenant: Start, tmp_path: Path, home: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    config = there.configure(preflight=True)
    file = tmp_path / "in.csv"
    write_csv(file, [{"Identity": one, **WANTED} for one in people(there, 12)])

    first = run(bulkps, file, config)
    sent = len(there.lines())
    again = run(bulkps, file, config)
    shutil.rmtree(home)
    elsewhere = run(bulkps, file, config)

    assert first["counts"]["COMPLETED"] == 12
    assert again["counts"]["SKIPPED"] == elsewhere["counts"]["SKIPPED"] == 12
    assert sent == len(there.lines()) == 12


def test_only_the_rows_that_differ_are_sent_and_the_others_say_why_not(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 6)
    already(there, names[:4])
    results = tmp_path / "out.csv"
    write_csv(tmp_path / "in.csv", [{"Identity": one, **WANTED} for one in names])

    said = run(bulkps, tmp_path / "in.csv", config, "--results", str(results))

    assert (said["counts"]["COMPLETED"], said["counts"]["SKIPPED"]) == (2, 4)
    rows = read_csv(results.read_text(encoding="utf-8-sig"))
    assert [row["error_code"] for row in rows] == ["already-so"] * 4 + ["", ""]
    assert "CustomAttribute1 is already Legal" in rows[0]["error"]
    assert "IssueWarningQuota is already 47 GB (50,465,865,728 bytes)" in rows[0]["error"]


def test_a_row_that_somebody_changed_back_is_sent_although_an_earlier_run_completed_it(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, (name,) = there.configure(preflight=True), people(there, 1)
    write_csv(tmp_path / "in.csv", [{"Identity": name, "CustomAttribute1": "Legal"}])

    run(bulkps, tmp_path / "in.csv", config)
    organization = there.simulator.tenant
    organization.change(organization.find(name, (Kind.ACTIVE,)), Kind.ACTIVE, {"CustomAttribute1": "Sales"})
    again = run(bulkps, tmp_path / "in.csv", config)

    assert again["counts"]["COMPLETED"] == 1
    assert organization.find(name, (Kind.ACTIVE,)).properties["CustomAttribute1"] == "Legal"


def test_every_name_of_a_mailbox_finds_it(bulkps: Run, tenant: Start, tmp_path: Path) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 6)
    already(there, names)
    kinds = ("PrimarySmtpAddress", "UserPrincipalName", "ExchangeGuid", "Guid", "DistinguishedName", "Alias")
    rows = [
        {"Identity": str(there.simulator.tenant.active(index)[kind]), **WANTED}
        for index, kind in enumerate(kinds)
    ]
    write_csv(tmp_path / "in.csv", rows)
    said: list[dict[str, Any]] = []

    calls = calls_of(there, lambda: said.append(run(bulkps, tmp_path / "in.csv", config)))

    assert said[0]["counts"]["SKIPPED"] == 6
    # One list, and one read of the alias, which no filter of addresses and GUIDs finds.
    assert calls == {"Get-Command": 1, "Get-Mailbox": 2}


@pytest.mark.parametrize(
    ("rows", "mailboxes", "calls"),
    [
        pytest.param(50, 300, 2, id="by list"),
        pytest.param(500, 600, 1, id="all of them, because most are asked for"),
        pytest.param(450, 2500, 1 + 12, id="by list, once the first pages show that few are asked for"),
    ],
)
def test_reading_costs_by_the_rows(
    bulkps: Run, tenant: Start, tmp_path: Path, rows: int, mailboxes: int, calls: int
) -> None:
    there = tenant(mailboxes=mailboxes)
    config, names = there.configure(preflight=True), people(there, rows)
    already(there, names)
    write_csv(tmp_path / "in.csv", [{"Identity": one, **WANTED} for one in names])
    said: list[dict[str, Any]] = []

    counted = calls_of(there, lambda: said.append(run(bulkps, tmp_path / "in.csv", config)))

    assert said[0]["counts"]["SKIPPED"] == rows
    assert counted == {"Get-Command": counted["Get-Command"], "Get-Mailbox": calls}
    assert counted["Get-Command"] <= 2


@pytest.mark.parametrize("command", [("run", "--dry-run", "--compare"), ("validate",)])
def test_what_would_change_is_shown_for_each_row_and_nothing_is_sent(
    bulkps: Run, tenant: Start, tmp_path: Path, command: tuple[str, ...]
) -> None:
    there = tenant()
    config, (same, other) = there.configure(preflight=True), people(there, 2)
    already(there, [same])
    wanted = {"CustomAttribute1": "Sales", "EmailAddresses": "@{Add=x@contoso.com}", "IssueWarningQuota": ""}
    write_csv(
        tmp_path / "in.csv",
        [{"Identity": same, **dict.fromkeys(wanted, ""), **WANTED}, {"Identity": other, **WANTED, **wanted}],
    )
    arguments = (command[0], "Set-Mailbox", tmp_path / "in.csv", "--config", config, *command[1:])

    shown = bulkps(*arguments)
    told = as_object(bulkps(*arguments, "--json"))

    assert shown.exit_code == told["exit_code"] == 0, shown.output
    assert "row 2: SKIPPED (already-so): " in shown.stdout
    assert "    CustomAttribute1: empty → Sales\n" in shown.stdout
    assert "→ Add x@contoso.com\n" in shown.stdout
    assert [one["row"] for one in told["skipped"]] == [2]
    found = {one["property"]: one for one in told["compared"] if one["row"] == 3}
    assert found["HiddenFromAddressListsEnabled"] == {
        "row": 3,
        "property": "HiddenFromAddressListsEnabled",
        "present": False,
        "wanted": "True",
        "same": False,
    }
    assert not there.lines()


def test_compare_is_refused_where_nothing_can_be_compared(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"Identity": "a"}])

    alone = bulkps("run", "Set-Mailbox", tmp_path / "in.csv", "--compare")
    unknown = bulkps("run", "Remove-MailboxRestoreRequest", tmp_path / "in.csv", "--dry-run", "--compare")
    unchecked = bulkps("validate", "Remove-MailboxRestoreRequest", tmp_path / "in.csv")

    assert (alone.exit_code, unknown.exit_code, unchecked.exit_code) == (2, 2, 2)
    assert "--compare needs --dry-run" in alone.stderr
    assert "does not say how to read what is there" in unknown.stderr
    assert "there are no pre-flight checks" in unchecked.stderr


def test_rows_that_name_one_object_in_two_ways_are_both_sent(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    config, (name,) = there.configure(preflight=True), people(there, 1)
    already(there, [name])
    guid = str(there.simulator.tenant.active(0)["ExchangeGuid"])
    rows = [{"Identity": name, "CustomAttribute1": "B"}, {"Identity": guid, "CustomAttribute1": "Legal"}]
    write_csv(tmp_path / "in.csv", rows)

    said = run(bulkps, tmp_path / "in.csv", config)

    assert said["counts"]["COMPLETED"] == 2


def test_what_is_not_known_is_sent(bulkps: Run, tenant: Start, tmp_path: Path) -> None:
    there = tenant()
    config, (known, unknown) = there.configure(preflight=True), people(there, 2)
    already(there, [known])
    rows = [{"Identity": known, **WANTED}, {"Identity": unknown, **WANTED}]
    write_csv(tmp_path / "in.csv", [*rows, {"Identity": "nobody@contoso.com", **WANTED}])

    said = run(bulkps, tmp_path / "in.csv", config, code=4)

    counts = said["counts"]
    assert (counts["SKIPPED"], counts["COMPLETED"], counts["FAILED"]) == (1, 1, 1)


def test_without_preflight_nothing_is_read(bulkps: Run, tenant: Start, tmp_path: Path) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 2)
    already(there, names)
    write_csv(tmp_path / "in.csv", [{"Identity": one, **WANTED} for one in names])

    calls = calls_of(there, lambda: run(bulkps, tmp_path / "in.csv", config, "--skip-preflight"))

    assert calls == {"Get-Command": 1, "Set-Mailbox": 2}


#: Wanted value, property, type of cell, whether it has the value already.
VALUES: list[tuple[Value, object, str, bool | None]] = [
    (True, True, "boolean", True),
    (False, "True", "boolean", False),
    (True, None, "boolean", None),
    ("50GB", "50 GB (53,687,091,200 bytes)", "size", True),
    ("49GB", "50 GB (53,687,091,200 bytes)", "size", False),
    ("Unlimited", "unlimited", "size", True),
    ("Unlimited", "50 GB (53,687,091,200 bytes)", "size", False),
    ("500", "500", "amount", True),
    (30, "30", "integer", True),
    (30, "31", "integer", False),
    (30, "Unlimited", "integer", None),
    ("30", "30.00:00:00", "duration", True),
    ("08:00:00", "0.08:00:00", "duration", True),
    ("30.00:00:00", "31.00:00:00", "duration", False),
    ("2026-12-31T17:00:00Z", "2026-12-31T17:00:00Z", "date", True),
    ("2026-12-31T17:00:00", "2026-12-31T17:00:00Z", "date", None),
    ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3F2504E0-4F89-41D3-9A0C-0305E82C3301", "guid", True),
    ("ann@contoso.com", "smtp:ann@contoso.com", "smtp", True),
    ("ann@contoso.com", "smtp:Ann@contoso.com", "smtp", None),
    ("ann@contoso.com", "bob@contoso.com", "smtp", False),
    ("Legal", "Legal", "name", True),
    ("Legal", "legal", "name", False),
    ("Ann Beebe", "ann beebe", "identity", True),
    ("ann@contoso.com", "contoso.com/Users/Ann Beebe", "identity", None),
    (NULL, "", "name", True),
    (NULL, None, "name", True),
    (NULL, [], "name", True),
    (NULL, "x", "name", False),
    (("a", "b"), ["a", "b"], "name", True),
    (("a", "b"), ["B", "A"], "name", None),
    (("a", "b"), ["b", "a"], "name", None),
    (("a", "b"), ["a"], "name", None),
    (("a", "b"), "a b", "name", None),
    (("a", "b"), ["a"], "identity", None),
    (("a@c.com", "b@c.com"), ["SMTP:a@c.com", "smtp:b@c.com"], "proxy", None),
    ({"Add": ("a@c.com",)}, ["SMTP:A@c.com"], "proxy", True),
    ({"Add": ("a@c.com",), "Remove": ("b@c.com",)}, ["SMTP:a@c.com"], "proxy", True),
    ({"Remove": ("a@c.com",)}, ["SMTP:a@c.com"], "proxy", False),
    ({"Add": ("x",)}, "{x, y}", "name", None),
    ({"Remove": ("ann@contoso.com",)}, ["Ann Beebe"], "name", None),
    ({"Add": ("ann@contoso.com",)}, ["Ann Beebe"], "name", None),
    ({"Remove": ("Ann",)}, [], "identity", None),
]


@pytest.mark.parametrize(("wanted", "present", "kind", "same"), VALUES)
def test_a_value_is_there_already_only_if_that_is_certain(
    wanted: Value, present: object, kind: str, same: bool | None
) -> None:
    assert has_value(wanted, present, kind) is same


def test_an_operation_of_ones_own_says_how_to_read_what_is_there(
    bulkps: Run, tenant: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    config, names = there.configure(preflight=True), people(there, 3)
    already(there, names[:2])
    own = tmp_path / "own"
    own.mkdir()
    (own / "attribute.yaml").write_text(
        """\
name: attribute
summary: Set the first attribute.
columns:
  who: {help: Who., type: [smtp], required: true}
  what: {help: What., type: [name], required: true}
source: who
key: [who, what]
steps:
  - name: set
    cmdlet: Set-Mailbox
    parameters: {Identity: "{who}", CustomAttribute1: "{what}"}
    idempotent: true
    current: {cmdlet: Get-Mailbox, identity: "{who}"}
""",
        encoding="utf-8",
    )
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(own))
    write_csv(tmp_path / "in.csv", [{"who": one, "what": "Legal"} for one in names])

    result = bulkps("run", "attribute", tmp_path / "in.csv", "--config", config, "--json", "--quiet")

    counts = as_object(result)["counts"]
    assert (counts["SKIPPED"], counts["COMPLETED"]) == (2, 1)


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ("{cmdlet: Set-User, identity: '{who}'}", "Set-User has to be a cmdlet that only reads"),
        ("{cmdlet: Get-OrganizationConfig, identity: '{who}'}", "with the parameter Identity"),
        ("{cmdlet: Get-Mailbx, identity: '{who}'}", "did you mean Get-Mailbox?"),
        ("{cmdlet: Get-Mailbox, identity: '{whom}'}", "{whom} has no value; did you mean who?"),
        ("{cmdlet: Get-Mailbox, identity: '{who}', properties: {Typ: X}}", "no parameter 'Typ'"),
    ],
)
def test_a_wrong_way_to_read_is_found_when_the_file_loads(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, current: str, said: str
) -> None:
    (tmp_path / "x.yaml").write_text(
        "name: x\nsummary: x\ncolumns:\n  who: {help: Who., type: [smtp], required: true}\n"
        "source: who\nkey: [who]\nsteps:\n  - name: set\n    cmdlet: Set-Mailbox\n"
        f"    parameters: {{Identity: '{{who}}', Type: Shared}}\n    current: {current}\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(tmp_path))

    shown = bulkps("operations")

    assert said in shown.stdout + shown.stderr
