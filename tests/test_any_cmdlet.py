"""A cmdlet's name is an operation: every cmdlet of the data, from its template to what Exchange gets."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkps.errors import UsageProblem
from bulkps.exchange.cmdlet_metadata import CMDLETS, CmdletFacts
from bulkps.intake import CheckReport, check, columns_used, template_text
from bulkps.operations.loader import choose, dump_operation, load_operation
from bulkps.operations.model import Operation
from bulkps.operations.parameter_types import cell_type, takes_several, why_not_in_a_file
from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv
from tests.engines import ENGINES

Start = Callable[..., Tenant]
#: Cells that no value of such a type looks like.
WRONG = {
    "boolean": "maybe",
    "integer": "five",
    "guid": "not-a-guid",
    "smtp": "ann at contoso",
    "proxy": "ann at contoso",
    "size": "very large",
    "date": "31/12/2026",
    "duration": "a month",
    "amount": "some",
    "uri": "www contoso com",
    "culture": "Deutsch, bitte",
    "identity": "*",
}
#: In no release that bulkps can connect to.
ELSEWHERE = {"Get-RetentionCompliancePolicy"}


def operations() -> Iterator[tuple[Operation, CmdletFacts]]:
    """Yield the operation of every cmdlet that a row can fill."""
    for name in CMDLETS:
        try:
            found = choose(name, {})
        except UsageProblem:
            continue
        yield found, CMDLETS[name]


def checked(path: Path, operation: Operation, text: str) -> CheckReport:
    path.write_text(text, encoding="utf-8", newline="")
    return check(path, operation)


def with_cell(text: str, column: str, cell: str) -> str:
    """Return a template's text with *cell* in its row under *column*."""
    header, row = csv.reader(io.StringIO(text))
    cells = dict(zip(header, row, strict=True)) | {column: cell}
    out = io.StringIO()
    writer = csv.DictWriter(out, list(cells))
    writer.writeheader()
    writer.writerow(cells)
    return out.getvalue()


def test_every_cmdlet_has_a_template_whose_row_is_valid_and_can_be_kept(tmp_path: Path) -> None:
    tried = 0
    for operation, facts in operations():
        text = template_text(operation)
        report = checked(tmp_path / "in.csv", operation, text)

        assert report.sound, f"{facts.name}: {report.sentences()}"
        tried += 1
        if tried % 20 == 0 and facts.name not in ELSEWHERE:
            kept = columns_used(operation, report)
            assert load_operation(dump_operation(kept), facts.name) == kept
    assert tried > 1300


def test_a_cmdlet_that_no_row_can_fill_says_why() -> None:
    refused = dict[str, str]()
    for name in CMDLETS:
        try:
            choose(name, {})
        except UsageProblem as problem:
            refused[name] = str(problem)

    assert len(refused) < 40
    for name, said in refused.items():
        assert f"{name} has no parameter that" in said or f"no row can fill what {name} needs: -" in said


def test_every_cmdlet_refuses_a_parameter_that_it_does_not_have(tmp_path: Path) -> None:
    for operation, facts in operations():
        text = with_cell(template_text(operation), "Frobnication", "x")
        report = checked(tmp_path / "in.csv", operation, text)

        said = " ".join(report.sentences())
        assert f"expected a parameter of {facts.name}" in said, f"{facts.name}: {said}"


def test_every_parameter_that_has_a_type_refuses_a_value_of_another(tmp_path: Path) -> None:
    tried = 0
    for operation, facts in operations():
        known = {cell_type(one): one for one in facts.parameters.values() if not why_not_in_a_file(one)}
        for kind, parameter in known.items():
            if kind in WRONG and parameter.name in operation.columns:
                column = operation.columns[parameter.name]
                assert column.values or column.problem(WRONG[kind]), f"{facts.name} -{parameter.name}"
                tried += 1
    assert tried > 2300


def test_every_cmdlet_with_several_parameter_sets_refuses_a_row_that_fits_none(tmp_path: Path) -> None:
    tried = 0
    for operation, facts in operations():
        pair = incompatible(operation, facts)
        if pair is None:
            continue
        given = {name: operation.columns[name].example for name in (*operation.required_columns(), *pair)}
        path = tmp_path / "in.csv"
        write_csv(path, [given])

        said = " ".join(check(path, operation).sentences())

        assert re.search("parameters of one parameter set|needs together|a file can hold", said), (
            f"{facts.name} {pair}: {said}"
        )
        tried += 1
    assert tried > 80


def incompatible(operation: Operation, facts: CmdletFacts) -> tuple[str, str] | None:
    """Return two columns that no parameter set has together, if there are any."""
    apart = [
        one
        for one in facts.parameters.values()
        if one.sets and one.name in operation.columns and set(one.sets) < set(facts.sets)
    ]
    for first in apart:
        for second in apart:
            if not set(first.sets) & set(second.sets):
                return first.name, second.name
    return None


def test_headers_may_be_spelled_as_people_spell_them(bulkps: Run, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    write_csv(path, [{"identity": "ann@contoso.com", "IMAP enabled": "no", "pop-enabled": "False"}])

    shown = bulkps("run", "set-casmailbox", path, "--dry-run")

    assert shown.exit_code == 0, shown.output
    line = "Set-CASMailbox -Identity 'ann@contoso.com' -ImapEnabled $false -PopEnabled $false"
    assert line in shown.stdout


@pytest.mark.parametrize(
    ("cmdlet", "row", "said"),
    [
        ("Set-CASMailbox", {"Identity": "*", "ImapEnabled": "no"}, "can match several"),
        ("Set-CASMailbox", {"Identity": "", "ImapEnabled": "no"}, "this column is required"),
        ("Set-CASMailbox", {"Identity": "a", "ImapEnabld": "no"}, "did you mean ImapEnabled?"),
        ("Set-Mailbox", {"Identity": "a", "Password": "x"}, "no passwords"),
        ("Set-Mailbox", {"Identity": "a", "Confirm": "no"}, "bulkps sends -Confirm:$false itself"),
        ("New-Mailbox", {"Name": "a", "Shared": "yes", "Room": "yes"}, "does not accept -Shared"),
        ("Set-Mailbox", {"Identity": "a", "Type": "Sharred"}, "did you mean Shared?"),
        ("Set-Mailbox", {"Identity": "a", "RemoveDelayHoldApplied": "no"}, "would change nothing"),
        ("Set-Mailbox", {"Identity": "a", "GrantSendOnBehalfTo": "b;$null"}, "$null stands alone"),
        ("Set-Mailbox", {"Identity": "a", "GrantSendOnBehalfTo": "@{Add=Ann (x)}"}, "with quotes around"),
        ("Set-Mailbox", {"Identity": "a", "EmailAddresses": "@{Ad=b@c.com}"}, "Add and Remove"),
        ("Set-Mailbox", {"Identity": "a", "EmailAddresses": "@{Add=$(whoami)}"}, "expected @{Add=a,b"),
        ("Set-Mailbox", {"Identity": "a", "EndDateForRetentionHold": "01/02/2027"}, "never guessed"),
        ("Set-Mailbox", {"Identity": "a", "EndDateForRetentionHold": "2027-02-30"}, "no day of the calendar"),
    ],
)
def test_a_row_that_the_cmdlet_would_refuse_is_refused_before_anything_is_sent(
    bulkps: Run, tmp_path: Path, cmdlet: str, row: dict[str, str], said: str
) -> None:
    write_csv(tmp_path / "in.csv", [row])

    result = bulkps("run", cmdlet, tmp_path / "in.csv")

    assert result.exit_code == 3
    assert said in result.stderr
    assert "nothing was sent" in result.stderr


@pytest.mark.parametrize(
    ("cmdlet", "row", "sent"),
    [
        ("Set-UnifiedGroup", {"UnifiedGroupWelcomeMessageEnabled": "no"}, "Enabled:$false"),
        ("Set-AuthenticationPolicy", {"AllowBasicAuthImap": "false"}, "-AllowBasicAuthImap:$false"),
        ("Set-Mailbox", {"CustomAttribute1": "x", "RemoveDelayHoldApplied": "no"}, "-CustomAttribute1 'x'"),
        ("Set-Mailbox", {"GrantSendOnBehalfTo": "@{Add=@('Ann (Ext)', b)}"}, "@{Add='Ann (Ext)','b'}"),
        ("Set-Mailbox", {"GrantSendOnBehalfTo": "@{Remove=@(b )}"}, "@{Remove='b'}"),
        ("Set-Mailbox", {"GrantSendOnBehalfTo": "@{Add=@(a,b)}"}, "@{Add='a','b'}"),
    ],
)
def test_what_the_cell_says_is_sent(
    bulkps: Run, tmp_path: Path, cmdlet: str, row: dict[str, str], sent: str
) -> None:
    write_csv(tmp_path / "in.csv", [{"Identity": "a", **row}])

    shown = bulkps("run", cmdlet, tmp_path / "in.csv", "--dry-run")

    assert shown.exit_code == 0, shown.output
    assert shown.stdout.rstrip().endswith(sent)


def test_an_unknown_cmdlet_gets_a_suggestion(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"Identity": "a"}])

    result = bulkps("run", "Set-CASMailbx", tmp_path / "in.csv")

    assert result.exit_code == 2
    assert "did you mean Set-CASMailbox?" in result.stderr


def test_a_template_has_the_columns_that_were_asked_for(bulkps: Run) -> None:
    made = bulkps("template", "Set-CASMailbox", "--columns", "imap_enabled, PopEnabled")
    refused = bulkps("template", "Set-CASMailbox", "--columns", "Identity,Imap")

    assert list(read_csv(made.stdout)[0]) == ["Identity", "ImapEnabled", "PopEnabled"]
    assert refused.exit_code == 2
    assert "has no column 'Imap'" in refused.stderr


def test_the_simulator_says_which_cmdlets_it_has_no_rules_for(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"Identity": "a", "ClassicAttachmentsEnabled": "no"}])

    result = bulkps("run", "Set-OwaMailboxPolicy", tmp_path / "in.csv")

    assert result.exit_code == 2
    assert "the simulator has no rules for Set-OwaMailboxPolicy; nothing was sent" in result.stderr
    assert "Set-Mailbox" in result.stderr


def test_a_cmdlet_that_cannot_be_undone_asks_first(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"Identity": "a"}])
    write_csv(tmp_path / "holds.csv", [{"Identity": "a", "ExcludeFromAllHolds": "yes"}])
    write_csv(tmp_path / "harmless.csv", [{"Identity": "a", "CustomAttribute1": "x"}])

    removed = bulkps("run", "Remove-MailboxRestoreRequest", tmp_path / "in.csv")
    holds = bulkps("run", "Set-Mailbox", tmp_path / "holds.csv")
    harmless = bulkps("run", "Set-Mailbox", tmp_path / "harmless.csv", "--quiet")

    assert (removed.exit_code, holds.exit_code) == (2, 2)
    assert "cannot be undone, and there is no terminal" in removed.stderr
    assert "cannot be undone, and there is no terminal" in holds.stderr
    assert "cannot be undone" not in harmless.stderr


@pytest.mark.parametrize(
    ("cmdlet", "sent"),
    [
        ("Remove-Mailbox", "-Confirm:$false"),
        ("Set-User", "-Confirm:$false"),
        ("Add-RecipientPermission", "-Confirm:$false"),
        ("Set-Mailbox", ""),
    ],
)
def test_only_a_cmdlet_that_asks_is_told_not_to(bulkps: Run, tmp_path: Path, cmdlet: str, sent: str) -> None:
    rows = {"Identity": "a", "Trustee": "b", "AccessRights": "SendAs", "Office": "x", "CustomAttribute1": "x"}
    operation = choose(cmdlet, {})
    write_csv(tmp_path / "in.csv", [{name: cell for name, cell in rows.items() if name in operation.columns}])

    shown = bulkps("run", cmdlet, tmp_path / "in.csv", "--dry-run")

    assert shown.exit_code == 0, shown.output
    assert ("-Confirm:$false" in shown.stdout) == bool(sent)


@pytest.mark.parametrize("options", ENGINES)
def test_set_mailbox_sends_what_every_kind_of_cell_says(
    bulkps: Run, tenant: Start, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    organization = there.simulator.tenant
    people = [str(organization.active(index)["PrimarySmtpAddress"]) for index in range(3)]
    organization.change(
        organization.find(people[1], (Kind.ACTIVE,)), Kind.ACTIVE, {"CustomAttribute1": "old"}
    )
    rows = [
        {"IssueWarningQuota": "47 GB", "HiddenFromAddressListsEnabled": "yes"},
        {"CustomAttribute1": "$null", "EmailAddresses": "@{Add=x1@contoso.com,'x2@contoso.com'}"},
        {"CustomAttribute1": "O'Hara; $(x)", "HiddenFromAddressListsEnabled": "off"},
    ]
    columns = {name: "" for row in rows for name in row}
    path = tmp_path / "in.csv"
    write_csv(path, [{"Identity": one, **columns, **row} for one, row in zip(people, rows, strict=True)])

    result = bulkps("run", "Set-Mailbox", path, "--config", there.config, "--json", "--quiet")

    assert result.exit_code == 0, result.output
    assert as_object(result)["counts"]["COMPLETED"] == 3
    first, second, third = (organization.find(one, (Kind.ACTIVE,)).properties for one in people)
    assert first["IssueWarningQuota"] == "47 GB (50,465,865,728 bytes)"
    assert first["HiddenFromAddressListsEnabled"] is True
    assert second["CustomAttribute1"] == ""
    assert second["EmailAddresses"][-2:] == ["smtp:x1@contoso.com", "smtp:x2@contoso.com"]  # type: ignore[index]
    assert third["CustomAttribute1"] == "O'Hara; $(x)"
    assert third["HiddenFromAddressListsEnabled"] is False


def test_set_gives_every_row_the_same_value_and_makes_up_for_a_missing_column(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    organization = there.simulator.tenant
    people = [str(organization.active(index)["PrimarySmtpAddress"]) for index in range(2)]
    write_csv(tmp_path / "in.csv", [{"Identity": one} for one in people])

    result = bulkps(
        *("run", "Set-Mailbox", tmp_path / "in.csv", "--config", there.config, "--quiet"),
        *("--set", "customattribute1=Legal", "--set", "HiddenFromAddressListsEnabled=true"),
    )

    assert result.exit_code == 0, result.output
    for one in people:
        properties = organization.find(one, (Kind.ACTIVE,)).properties
        assert properties["CustomAttribute1"] == "Legal"
        assert properties["HiddenFromAddressListsEnabled"] is True


def test_the_same_row_counts_as_done_and_a_further_column_makes_another(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    person = str(there.simulator.tenant.active(0)["PrimarySmtpAddress"])
    more = {"HiddenFromAddressListsEnabled": "yes"}
    for name, row in (("one", {}), ("two", {"DisplayName": ""}), ("three", more)):
        write_csv(tmp_path / f"{name}.csv", [{"Identity": person, "CustomAttribute1": "x", **row}])

    told = [
        as_object(bulkps("run", "Set-Mailbox", tmp_path / f"{name}.csv", "--config", there.config, "--json"))
        for name in ("one", "two", "three")
    ]

    assert [one["counts"]["COMPLETED"] for one in told] == [1, 0, 1]
    assert told[1]["counts"]["SKIPPED"] == 1


def test_results_carry_what_was_in_the_file_and_can_be_run_again(
    bulkps: Run, tenant: Start, tmp_path: Path
) -> None:
    there = tenant()
    person = str(there.simulator.tenant.active(0)["PrimarySmtpAddress"])
    row = {"Identity": person, "EmailAddresses": "@{Add=x1@contoso.com; Remove='x2@contoso.com'}"}
    write_csv(tmp_path / "in.csv", [row])
    results = tmp_path / "out.csv"

    bulkps("run", "Set-Mailbox", tmp_path / "in.csv", "--config", there.config, "--results", results)
    checked_again = bulkps("check", "Set-Mailbox", results)

    written = read_csv(results.read_text(encoding="utf-8-sig"))[0]
    # A cell that begins with @ gets an apostrophe, so that no spreadsheet runs it.
    assert {name: written[name].removeprefix("'") for name in row} == row
    assert written["source_identity"] == person
    assert checked_again.exit_code == 0, checked_again.output


def test_a_list_that_replaces_everything_is_warned_about(bulkps: Run, tmp_path: Path) -> None:
    write_csv(tmp_path / "in.csv", [{"Identity": "a", "EmailAddresses": "b@contoso.com;c@contoso.com"}])

    result = bulkps("check", "Set-Mailbox", tmp_path / "in.csv")

    assert result.exit_code == 0
    assert "this list replaces every value that is there" in result.stdout + result.stderr


def test_a_cmdlet_is_read_only_when_it_is_asked_for() -> None:
    listed = list(CMDLETS)

    assert len(listed) == len(set(map(str.casefold, listed))) == len(CMDLETS)
    assert CMDLETS["Set-CASMailbox"].parameter("imapenabled") is not None
    with pytest.raises(KeyError):
        CMDLETS["set-casmailbox"]


def test_python_names_a_cmdlet_like_the_command_line(tmp_path: Path) -> None:
    from bulkps import BulkOperationItem, BulkOperationManager  # noqa: PLC0415 - read the settings of the test

    item = BulkOperationItem(2, {"Identity": "Default", "ClassicAttachmentsEnabled": "no"})
    with pytest.raises(UsageProblem, match="has no rules for Set-OwaMailboxPolicy"):
        BulkOperationManager().execute("Set-OwaMailboxPolicy", [item])
    assert item.values == {"Identity": "Default", "ClassicAttachmentsEnabled": False}


def test_every_type_of_several_values_takes_a_list() -> None:
    assert [
        facts.name
        for operation, facts in operations()
        for name, column in operation.columns.items()
        if (known := facts.parameter(name))
        and takes_several(known) != column.many
        and name != operation.source
    ] == []


def test_the_operation_of_a_cmdlet_can_be_shown(bulkps: Run) -> None:
    shown = bulkps("operations", "Set-CASMailbox", "--json")

    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["columns"]["ImapEnabled"]["expected"].startswith("true or false")
