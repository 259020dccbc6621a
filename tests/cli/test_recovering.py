"""RECOVERY from the file to the new mailbox: what is made, read back, set after, and told."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator.tenant.mailbox import LIVING, Mailbox
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv

StartTenant = Callable[..., Tenant]
#: What is waited for in tests: a moment, and then it is given up.
POLL = "  poll: {first_wait: 0.05, max_wait: 0.1, give_up_after: 20}\n"
FALLBACK = "--onmicrosoft-fallback"


def started(tenant: StartTenant, run: str = POLL, **options: Any) -> Tenant:
    there = tenant(**options)
    there.configure(run, preflight=True)
    return there


def row(there: Tenant, number: int, **cells: str) -> dict[str, str]:
    source = there.simulator.tenant.inactive(number)
    given = {"source_guid": str(source["ExchangeGuid"]), "target_upn": f"new{number}@contoso.com"}
    return {**given, "display_name": f"New {number}", **cells}


def carried_out(bulkps: Run, there: Tenant, path: Path, *options: str) -> dict[str, Any]:
    said = bulkps("run", "recovery", path, "--config", there.config, "--yes", "--quiet", "--json", *options)
    assert said.exit_code in (0, 4), said.output
    return as_object(said)


def recovered(bulkps: Run, there: Tenant, folder: Path, *rows: dict[str, str]) -> list[dict[str, str]]:
    """Run *rows*; return their results."""
    write_csv(folder / "in.csv", list(rows))
    carried_out(bulkps, there, folder / "in.csv", FALLBACK)
    return results(bulkps)


def results(bulkps: Run) -> list[dict[str, str]]:
    verified = bulkps("audit", "verify", "last")
    assert verified.exit_code == 0, verified.output
    return read_csv(bulkps("results", "last").stdout)


def retried(bulkps: Run, there: Tenant) -> dict[str, str]:
    said = bulkps("retry", "last", "--config", there.config, "--quiet")
    assert said.exit_code == 0, said.output
    [found] = results(bulkps)
    return found


def sent(there: Tenant) -> Counter[str]:
    return Counter(line["cmdlet"] for line in there.lines())


def made(there: Tenant, upn: str) -> Mailbox:
    [mailbox] = there.simulator.tenant.matches(upn, LIVING)
    return mailbox


# --- the .onmicrosoft.com domain ----------------------------------------------------------------------


def test_an_account_of_a_federated_domain_is_made_in_the_onmicrosoft_domain_if_that_is_asked_for(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, troubles=True)
    ours = row(there, 1, target_upn="ann@fabrikam.com", target_smtp="Ann.B@fabrikam.com", department="Legal")
    other = row(there, 2)

    first = recovered(bulkps, there, tmp_path, ours, other)
    again = carried_out(bulkps, there, tmp_path / "in.csv")

    assert [one["status"] for one in first] == ["COMPLETED", "COMPLETED"]
    assert first[0]["target_upn"] == "ann@fabrikam.com", "the row's own cells are as they were"
    assert first[0]["target_identity"] == "ann@contoso.onmicrosoft.com"
    assert "federated-domain: target_upn was changed to" in first[0]["warnings"]
    assert "ann@contoso.onmicrosoft.com" in first[0]["warnings"]
    assert "federated-domain" not in first[1]["warnings"]
    mailbox = made(there, "ann@contoso.onmicrosoft.com")
    assert mailbox.text("UserPrincipalName") == mailbox.text("Name") == "ann@contoso.onmicrosoft.com"
    assert mailbox.text("PrimarySmtpAddress") == "Ann.B@fabrikam.com"
    assert mailbox.text("Department") == "Legal"
    assert again["counts"]["SKIPPED"] == 2
    assert {one["error_code"] for one in results(bulkps)} == {"done-already"}
    assert sent(there)["New-Mailbox"] == 2


def test_a_name_that_is_taken_in_the_onmicrosoft_domain_is_found_beforehand(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, troubles=True)
    alias = str(there.simulator.tenant.active(4)["Alias"])

    [found] = recovered(bulkps, there, tmp_path, row(there, 1, target_upn=f"{alias}@fabrikam.com"))

    assert (found["status"], found["error_code"]) == ("SKIPPED", "name-taken")
    assert f"{alias}@contoso.onmicrosoft.com" in found["error"].casefold()
    assert not sent(there)


def test_without_the_fallback_an_account_of_a_federated_domain_is_blocked(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, troubles=True)
    write_csv(tmp_path / "in.csv", [row(there, 1, target_upn="ann@fabrikam.com"), row(there, 2)])

    carried_out(bulkps, there, tmp_path / "in.csv")

    found = results(bulkps)
    assert [one["error_code"] for one in found] == ["federated-domain", ""]
    assert [one["status"] for one in found] == ["SKIPPED", "COMPLETED"]
    assert found[0]["target_identity"] == "ann@fabrikam.com"


def test_a_row_that_fell_back_and_failed_is_sent_again_with_the_same_name(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, POLL + "  max_retries: 0\n", troubles=True, faults="New-Mailbox#1=transient")

    [first] = recovered(bulkps, there, tmp_path, row(there, 1, target_upn="ann@fabrikam.com"))
    again = retried(bulkps, there)

    assert (first["status"], first["target_identity"]) == ("FAILED", "ann@contoso.onmicrosoft.com")
    assert (again["status"], again["target_identity"]) == ("COMPLETED", "ann@contoso.onmicrosoft.com")
    assert again["warnings"].count("federated-domain") == 1
    assert made(there, "ann@contoso.onmicrosoft.com")


# --- read back ----------------------------------------------------------------------------------------


def test_what_was_made_is_read_back_until_exchange_shows_it(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, provisioning_seconds=0.5)

    [found] = recovered(bulkps, there, tmp_path, row(there, 1, company="Contoso"))

    assert (found["status"], found["attempts"]) == ("COMPLETED", "1")
    assert sent(there) == {"New-Mailbox": 1, "Set-User": 1}
    shown = json.loads(found["evidence"])["shown"]
    mailbox = made(there, "new1@contoso.com")
    for name in ("LitigationHoldEnabled", "RetentionHoldEnabled", "ArchiveStatus"):
        assert shown[name] == mailbox.text(name) != ""
    assert shown["ExchangeGuid"] == found["source_identity"]


def test_what_is_never_shown_has_failed_and_retry_looks_again_and_makes_nothing_twice(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    give_up = "  poll: {first_wait: 0.05, max_wait: 0.1, give_up_after: 0.2}\n"
    there = started(tenant, give_up, provisioning_seconds=3600)

    [first] = recovered(bulkps, there, tmp_path, row(there, 1, department="Legal"))
    made(there, "new1@contoso.com").shown_from = 0.0
    again = retried(bulkps, there)

    assert (first["status"], first["error_code"]) == ("FAILED", "not-shown")
    assert "did not show it within 0.2 s" in first["error"]
    assert "Already done: mailbox (New-Mailbox)" in first["advice"]
    assert (again["status"], again["error_code"]) == ("COMPLETED", "")
    assert sent(there) == {"New-Mailbox": 1, "Set-User": 1}
    assert there.simulator.calls["New-Mailbox"] == 1


def test_what_passes_while_it_is_read_back_is_waited_for_too(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    # The first is pre-flight's own.
    there = started(
        tenant, faults="Get-Mailbox#2=transient,Get-Mailbox#3=throttled,Get-Mailbox#4=session-lost"
    )

    [found] = recovered(bulkps, there, tmp_path, row(there, 1))

    assert (found["status"], found["attempts"]) == ("COMPLETED", "1")
    assert there.simulator.calls["Get-Mailbox"] == 5
    assert sent(there) == {"New-Mailbox": 1}


# --- set after ----------------------------------------------------------------------------------------


def test_department_and_company_are_set_after_as_a_step_with_its_own_outcome(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant)

    with_both, without = recovered(
        bulkps, there, tmp_path, row(there, 1, department="Legal", company="Contoso"),
        row(there, 2, department="", company=""),
    )  # fmt: skip

    assert set(json.loads(with_both["evidence"])) == {"mailbox", "shown", "user"}
    assert set(json.loads(without["evidence"])) == {"mailbox", "shown"}
    assert sent(there) == {"New-Mailbox": 2, "Set-User": 1}
    assert made(there, "new1@contoso.com").text("Company") == "Contoso"


def test_a_row_whose_account_was_not_set_says_what_is_done_and_retry_sends_only_the_rest(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, POLL + "  max_retries: 0\n", faults="Set-User#1=transient")

    [first] = recovered(bulkps, there, tmp_path, row(there, 1, department="Legal"))
    calls = Counter(there.simulator.calls)
    again = retried(bulkps, there)

    assert first["status"] == "FAILED"
    assert "Already done: mailbox (New-Mailbox), shown (Get-Mailbox)." in first["advice"]
    assert again["status"] == "COMPLETED"
    later = Counter(there.simulator.calls) - calls
    assert {name: later[name] for name in ("New-Mailbox", "Get-Mailbox", "Set-User")} == {
        "New-Mailbox": 0, "Get-Mailbox": 0, "Set-User": 1,
    }  # fmt: skip
    assert made(there, "new1@contoso.com").text("Department") == "Legal"


# --- what reaches the new mailbox ---------------------------------------------------------------------


def test_every_property_of_the_new_mailbox_is_that_of_the_file_and_the_licence_is_told_of(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant)
    cells = {
        "target_upn": "zoë.o'brien@contoso.com".replace("ë", "e"), "display_name": "O'Brien, Zoë; \"Zed\"",
        "target_smtp": "Zoe@contoso.com", "first_name": "Zoë", "last_name": "O'Brien",
        "department": "R&D", "company": "Contoso | Ltd", "archive": "true", "reset_password": "false",
    }  # fmt: skip

    [found] = recovered(bulkps, there, tmp_path, row(there, 1, **cells))

    assert found["status"] == "COMPLETED", found
    mailbox = made(there, cells["target_upn"])
    wanted = {
        "UserPrincipalName": "target_upn", "Name": "target_upn", "DisplayName": "display_name",
        "PrimarySmtpAddress": "target_smtp", "FirstName": "first_name", "LastName": "last_name",
        "Department": "department", "Company": "company",
    }  # fmt: skip
    assert {name: mailbox.text(name) for name in wanted} == {
        name: cells[column] for name, column in wanted.items()
    }
    assert mailbox.text("ExchangeGuid") == found["source_identity"]
    given = next(line["parameters"] for line in there.lines() if line["cmdlet"] == "New-Mailbox")
    assert (given["Archive"], given["ResetPasswordOnNextLogon"]) == (True, False)
    assert "licence" in found["advice"]
    assert "Set-MgUserLicense" in found["advice"]


def test_what_a_row_leaves_empty_is_not_sent_and_a_password_must_be_changed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant)

    recovered(bulkps, there, tmp_path, row(there, 1))

    [line] = there.lines()
    assert set(line["parameters"]) == {
        "InactiveMailbox", "Name", "MicrosoftOnlineServicesID", "DisplayName", "Password",
        "ResetPasswordOnNextLogon",
    }  # fmt: skip
    assert line["parameters"]["ResetPasswordOnNextLogon"] is True


def test_a_mailbox_that_somebody_else_has_under_that_name_is_never_taken_for_the_recovered_one(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults="New-Mailbox#1=session-lost")
    config = there.configure()
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("settle: 0.2", "settle: 0.2, attempts: 3"), encoding="utf-8")
    living = there.simulator.tenant.active(4)
    row = {
        "source_guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "target_upn": str(living["UserPrincipalName"]),
        "display_name": str(living["DisplayName"]),
        "department": "Legal",
    }
    write_csv(tmp_path / "in.csv", [row])

    said = bulkps("run", "recovery", tmp_path / "in.csv", "--config", there.config, "--yes", "--quiet")

    assert said.exit_code == 4, said.output
    assert [one["error_code"] for one in results(bulkps)] == ["in-doubt"]
    assert "Set-User" not in there.simulator.calls


@pytest.mark.parametrize("rows", [1, pytest.param(25, marks=pytest.mark.proof)])
def test_a_source_may_be_named_by_its_distinguished_name(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, rows: int
) -> None:
    there = started(tenant)
    named = [
        row(there, number, source_guid=str(there.simulator.tenant.inactive(number)["DistinguishedName"]))
        for number in range(rows)
    ]

    found = recovered(bulkps, there, tmp_path, *named)

    assert {one["status"] for one in found} == {"COMPLETED"}
    assert set(there.simulator.effects_by_mailbox("mailbox-recovered")) == {
        str(there.simulator.tenant.inactive(number)["ExchangeGuid"]) for number in range(rows)
    }


def test_validate_says_what_the_fallback_would_do(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = started(tenant, troubles=True)
    write_csv(tmp_path / "in.csv", [row(there, 1, target_upn="ann@fabrikam.com")])
    command = ("validate", "recovery", tmp_path / "in.csv", "--config", there.config, "--quiet")

    without, using = bulkps(*command), bulkps(*command, FALLBACK)

    assert (without.exit_code, using.exit_code) == (4, 0), using.output
    assert FALLBACK in " ".join(without.stdout.split())


def test_two_accounts_that_fall_back_to_one_name_are_told_before_either_is_made(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = started(tenant, troubles=True)

    found = recovered(
        bulkps, there, tmp_path, row(there, 1, target_upn="ann@fabrikam.com"),
        row(there, 2, target_upn="ann@contoso.onmicrosoft.com"),
    )  # fmt: skip

    assert [one["status"] for one in found] == ["SKIPPED", "SKIPPED"], found
    assert {one["error_code"] for one in found} == {"name-taken"}
    assert sent(there)["New-Mailbox"] == 0
