"""Each blocker, before and after: what validate says of a row, and what Exchange says when nobody looked."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.simulator import Trouble
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv

StartTenant = Callable[..., Tenant]

#: What becomes of a row that is sent without a look: its status, and the code of Exchange's own error.
SENT = {
    "auto-expanding-archive": ("FAILED", "auto-expanding-archive"),
    "additional-shards": ("FAILED", "recover-additional-shards"),
    "still-soft-deleted": ("FAILED", "softdeleted-blocks-create"),
    "account-exists": ("FAILED", "proxy-in-use"),
    "federated-domain": ("FAILED", "recover-federated-namespace"),
    "domain-not-accepted": ("FAILED", "domain-not-accepted"),
    "name-taken": ("FAILED", "proxy-in-use"),
    "not-inactive": ("FAILED", "not-found-on-dc"),
    "ambiguous-identity": ("FAILED", "ambiguous"),
    "target-missing": ("FAILED", "not-found-on-dc"),
    "target-not-a-mailbox": ("FAILED", "not-found-on-dc"),
    "target-is-source": ("FAILED", "target-is-source"),
    "target-has-no-archive": ("FAILED", "no-archive"),
    "legacy-dn-mismatch": ("FAILED", "restore-legacydn-mismatch"),
    "target-synced": ("FAILED", "restore-legacydn-mismatch"),
    "source-has-no-archive": ("FAILED", "no-archive"),
    "source-missing": ("FAILED", "not-found-on-dc"),
    "guid-reused": ("FAILED", "guid-reused"),
    "target-too-full": ("FAILED", "failed-at-exchange"),
}
#: Exchange takes these: what is lost or doubled is found later, by somebody else.
TAKEN = ("request-unfinished", "archive-left-out")
#: Found as a warning: such a row may work, or not as one might think.
WARNINGS = ("target-too-full", "archive-left-out", "target-synced")


def row_of(trouble: Trouble) -> dict[str, str]:
    if trouble.operation == "recovery":
        return {"source_guid": trouble.source, "target_upn": trouble.upn, "display_name": "Ann Beebe"}
    return {
        "source_guid": trouble.source,
        "target_mailbox": trouble.target,
        "source_is_archive": str(trouble.source_is_archive).lower(),
        "target_is_archive": str(trouble.target_is_archive).lower(),
    }


def cmdlets(text: str) -> set[str]:
    return set(re.findall(r"\b[A-Z][a-z]+-[A-Z]\w+", text))


@pytest.fixture
def ask(bulkps: Run, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Runs a command on one row and returns its result."""

    def run(command: str, operation: str, there: Tenant, *options: str) -> dict[str, str]:
        out = tmp_path / f"{command}{len(options)}.csv"
        said = bulkps(
            command,
            operation,
            tmp_path / "in.csv",
            "--config",
            there.config,
            "--results",
            out,
            "--force",
            "--quiet",
            *options,
        )
        assert said.exit_code in (0, 4), said.output
        [row] = read_csv(out.read_text(encoding="utf-8-sig"))
        return row

    return run


@pytest.mark.parametrize("code", [*SENT, *TAKEN])
def test_a_blocker_is_found_beforehand_and_exchange_says_the_same_when_nobody_looked(
    tenant: StartTenant, ask: Callable[..., dict[str, str]], tmp_path: Path, code: str
) -> None:
    there = tenant(troubles=True, restore_seconds=0.05)
    there.configure("", preflight=True)
    trouble = there.simulator.tenant.trouble(code)
    write_csv(tmp_path / "in.csv", [row_of(trouble)])

    found = ask("validate", trouble.operation, there, "--sizes")
    nothing = there.lines()
    sent = ask("run", trouble.operation, there, "--skip-preflight", "--yes")

    assert nothing == [], "validate changes nothing"
    warned = code in WARNINGS
    if warned:
        assert f"{code}: " in found["warnings"]
    else:
        assert (found["status"], found["error_code"]) == ("FAILED", code)
    advice = found["warnings"] if warned else found["advice"]
    if code in TAKEN:
        assert sent["status"] == "COMPLETED"
        return
    assert (sent["status"], sent["error_code"]) == SENT[code]
    assert code in sent["advice"], "the advice names the finding and its page"
    assert cmdlets(advice) & cmdlets(sent["advice"]), "and what to do instead"


def test_a_request_that_is_there_already_is_found_and_adopted_when_nobody_looked(
    bulkps: Run,
    tenant: StartTenant,
    ask: Callable[..., dict[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = tenant()
    there.configure("", preflight=True)
    person = there.simulator.tenant
    row = {
        "source_guid": str(person.inactive(3)["ExchangeGuid"]),
        "target_mailbox": str(person.active(3)["PrimarySmtpAddress"]),
    }
    write_csv(tmp_path / "in.csv", [row])
    assert ask("run", "restore", there)["status"] == "COMPLETED"
    # Another machine, whose journal knows nothing of it.
    monkeypatch.setenv("BULKPS_HOME", str(tmp_path / "elsewhere"))

    found = ask("validate", "restore", there, "--no-sizes")
    again = ask("run", "restore", there)
    unseen = ask("run", "restore", there, "--skip-preflight")

    assert (found["status"], found["error_code"]) == ("FAILED", "request-exists")
    assert "Remove-MailboxRestoreRequest" in found["advice"]
    assert (again["status"], again["error_code"]) == ("SKIPPED", "request-exists")
    assert unseen["status"] == "COMPLETED"
    assert "Exchange has it already" in unseen["warnings"]
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    audit = as_object(bulkps("show", "last", "--json"))["audit"]
    assert '"preflight.skipped"' in Path(audit).read_text(encoding="utf-8")


@pytest.mark.proof
@pytest.mark.parametrize("operation", ["recovery", "restore"])
def test_what_is_read_by_item_by_list_and_by_inventory_finds_the_same(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, operation: str
) -> None:
    there = tenant(troubles=True, mailboxes=450)
    there.configure("", preflight=True)
    people = there.simulator.tenant
    rows = [row_of(one) for one in people.troubles.values() if one.operation == operation]
    seen = set()
    rows = [row for row in rows if not (row["source_guid"] in seen or seen.add(row["source_guid"]))]  # type: ignore[func-returns-value]
    sound = [
        {
            "source_guid": str(people.inactive(index)["ExchangeGuid"]),
            **(
                {"target_upn": f"r{index}@contoso.com", "display_name": "R"}
                if operation == "recovery"
                else {"target_mailbox": str(people.active(index)["PrimarySmtpAddress"])}
            ),
        }
        for index in range(420)
    ]
    sound = [{**dict.fromkeys(rows[0], ""), **one} for one in sound]
    found = []
    for number, more in enumerate((0, 100, 420)):
        write_csv(tmp_path / f"{number}.csv", rows + sound[:more])
        before = there.simulator.inventories.get("Get-Mailbox", 0)
        bulkps(
            *("validate", operation, tmp_path / f"{number}.csv", "--config", there.config, "--no-sizes"),
            *("--results", tmp_path / f"r{number}.csv", "--quiet"),
        )
        assert (there.simulator.inventories.get("Get-Mailbox", 0) > before) == (number == 2)
        result = read_csv((tmp_path / f"r{number}.csv").read_text(encoding="utf-8-sig"))
        found.append(
            [(one["source_guid"], one["status"], one["error_code"], one["warnings"]) for one in result]
        )

    assert found[0] == found[1][: len(rows)] == found[2][: len(rows)]
    # All others are valid.
    assert [sum(one[1] == "COMPLETED" for one in more) for more in found[1:]] == [
        sum(one[1] == "COMPLETED" for one in found[0]) + count for count in (100, 420)
    ]
