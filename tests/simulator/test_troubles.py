"""The troubled mailboxes: each is there to be found, and its cmdlet fails as Exchange's does."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from bulkps.exchange.error_catalog import shipped_catalogue
from bulkps.preflight.preflight_facts import Organization, PreflightFacts, RestoreRequest
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_findings import recovery_findings, restore_findings
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from bulkps.simulator import Trouble
from bulkps.simulator.cmdlets.cmdlet_result import Answer, Secret
from bulkps.simulator.tenant.mailbox import Kind
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import NOW, column, run, text_of

TENANT = Tenant(seed=1, mailboxes=3)
CODES = tuple(TENANT.troubles)
NOTHING: dict[str, object] = {}


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=3)


def send(tenant: Tenant, row: Trouble, operation: str = "", **more: Any) -> Answer:
    """Do what a row of *row* asks for."""
    if (operation or row.operation) == "recovery":
        given = {
            "InactiveMailbox": row.source,
            "Name": row.upn,
            "MicrosoftOnlineServicesID": row.upn,
            "Password": Secret("Str0ng-enough"),
        }
        return run(tenant, "New-Mailbox", **{**given, **more})
    given = {"SourceMailbox": row.source, "TargetMailbox": row.target, "Name": "bulkps-1"}
    switches = {"SourceIsArchive": row.source_is_archive, "TargetIsArchive": row.target_is_archive}
    asked = {name: True for name, on in switches.items() if on}
    return run(tenant, "New-MailboxRestoreRequest", **{**given, **asked, **more})


def found(tenant: Tenant, cmdlet: str, **parameters: Any) -> list[dict[str, object]]:
    return [dict(item.properties) for item in run(tenant, cmdlet, **parameters).output]


def mailboxes(tenant: Tenant, identity: str, **switches: bool) -> tuple[Recipient, ...]:
    read = []
    for one in found(tenant, "Get-Mailbox", Identity=identity, **switches):
        asked: dict[str, Any] = {"Identity": one["Guid"], "IncludeSoftDeletedRecipients": True}
        sizes = [found(tenant, "Get-MailboxStatistics", **asked), []]
        if one["ArchiveStatus"] != "None":
            sizes[1] = found(tenant, "Get-MailboxStatistics", Archive=True, **asked)
        read.append(Recipient.from_properties(one, *(part[0] if part else NOTHING for part in sizes)))
    return tuple(read)


def around(tenant: Tenant, row: Trouble) -> PreflightFacts:
    """Read through the cmdlets what pre-flight wants to know."""
    sources = mailboxes(tenant, row.source, SoftDeletedMailbox=True, IncludeInactiveMailbox=True)
    targets = mailboxes(tenant, row.target)
    names = [row.upn, row.target, *(str(one.user_principal_name) for one in sources)]
    recipients = [
        *(one for name in names for one in found(tenant, "Get-User", Identity=name)),
        *found(tenant, "Get-Recipient", Identity=row.source, IncludeSoftDeletedRecipients=True),
    ]
    requests = found(tenant, "Get-MailboxRestoreRequest", TargetMailbox=row.target)
    statistics = [
        found(tenant, "Get-MailboxRestoreRequestStatistics", Identity=one["Identity"])[0] for one in requests
    ]
    return PreflightFacts(
        sources=sources,
        targets=targets,
        recipients=tuple(map(Recipient.from_properties, recipients)),
        requests=tuple(map(RestoreRequest.from_properties, requests, statistics)),
        organization=Organization.from_properties(
            found(tenant, "Get-OrganizationConfig")[0], found(tenant, "Get-AcceptedDomain")
        ),
    )


def codes(tenant: Tenant, row: Trouble, operation: str = "") -> list[str]:
    """Return what pre-flight finds in the row."""
    read = around(tenant, row)
    if (operation or row.operation) == "recovery":
        wanted = WantedRecovery(row.source, row.upn)
        findings = recovery_findings(wanted, read, datetime.fromtimestamp(NOW, UTC))
    else:
        name = row.request if row.code == "request-exists" else "bulkps-1"
        archives = (row.source_is_archive, row.target_is_archive)
        findings = restore_findings(WantedRestore(row.source, row.target, name, *archives), read)
    return [one.code.value for one in findings]


@pytest.mark.parametrize("code", CODES)
def test_preflight_finds_each_trouble_and_nothing_else(code: str) -> None:
    before = {"target-synced": ["legacy-dn-mismatch"]}.get(code, [])
    after = {
        # The size of an archive that is not there cannot be read.
        "target-has-no-archive": ["not-visible-in-archive", "not-checked"],
        "source-has-no-archive": ["not-checked"],
    }.get(code, [])

    assert codes(TENANT, TENANT.trouble(code)) == [*before, code, *after]


@pytest.mark.parametrize(
    "code", ["auto-expanding-archive", "ambiguous-identity", "source-missing", "guid-reused"]
)
def test_what_is_in_the_way_of_both_operations_is_found_for_both(code: str) -> None:
    for operation in ("recovery", "restore"):
        assert code in codes(TENANT, TENANT.trouble(code), operation)


def test_a_troubled_mailbox_says_by_its_alias_what_is_wrong() -> None:
    every = run(
        TENANT, "Get-Mailbox", ResultSize="Unlimited", IncludeInactiveMailbox=True, SoftDeletedMailbox=True
    )
    aliases = [str(alias) for alias in column(every, "Alias")]

    for code in CODES:
        assert any(re.match(rf"b\d\d-{code}\b", alias) for alias in aliases)


@pytest.mark.parametrize(
    ("code", "operation", "known_as", "text"),
    [
        ("auto-expanding-archive", "recovery", "", "with an auto-expanding archive"),
        ("auto-expanding-archive", "restore", "", "with an auto-expanding archive"),
        (
            "additional-shards",
            "recovery",
            "recover-additional-shards",
            "additional shards that need recovery",
        ),
        ("still-soft-deleted", "recovery", "softdeleted-blocks-create", "Restore the user account instead"),
        ("account-exists", "recovery", "proxy-in-use", "is already being used by"),
        ("federated-domain", "recovery", "recover-federated-namespace", "which is federated"),
        ("name-taken", "recovery", "proxy-in-use", "is already being used by"),
        ("not-inactive", "recovery", "not-found-on-dc", "couldn't be found on"),
        ("ambiguous-identity", "recovery", "ambiguous", "matches multiple entries"),
        ("ambiguous-identity", "restore", "ambiguous", "matches multiple entries"),
        ("target-missing", "restore", "not-found-on-dc", "couldn't be found on"),
        ("target-not-a-mailbox", "restore", "not-found-on-dc", "couldn't be found on"),
        ("target-is-source", "restore", "", "are the same mailbox"),
        ("target-has-no-archive", "restore", "", "doesn't have an archive"),
        ("legacy-dn-mismatch", "restore", "restore-legacydn-mismatch", "doesn't match the legacyExchangeDN"),
        ("source-has-no-archive", "restore", "", "doesn't have an archive"),
        ("target-synced", "restore", "restore-legacydn-mismatch", "doesn't match the legacyExchangeDN"),
        ("source-missing", "restore", "not-found-on-dc", "couldn't be found on"),
        ("source-missing", "recovery", "not-found-on-dc", "couldn't be found on"),
        ("guid-reused", "recovery", "", "is already used by"),
    ],
)
def test_the_cmdlet_refuses_and_changes_nothing(
    tenant: Tenant, code: str, operation: str, known_as: str, text: str
) -> None:
    answer = send(tenant, tenant.trouble(code), operation)

    assert text in text_of(answer)
    assert not answer.effects and not answer.failure
    [info] = answer.errors
    said = f"{info.exception} {info.message}"
    meant = next((entry.id for entry in shipped_catalogue() if entry.matches(said)), "")
    # An empty one: the catalogue has no entry for just that, as the text is assumed.
    assert meant == known_as or not known_as


@pytest.mark.parametrize(
    "code", ["additional-shards", "still-soft-deleted", "account-exists", "not-inactive"]
)
def test_what_cannot_be_recovered_can_be_restored(tenant: Tenant, code: str) -> None:
    assert send(tenant, tenant.trouble(code), "restore").effects


def test_a_target_that_is_too_full_fails_in_the_end_and_not_at_once(tenant: Tenant) -> None:
    row = tenant.trouble("target-too-full")

    [request] = send(tenant, row).output
    identity = request.properties["Identity"]
    [ended] = run(tenant, "Get-MailboxRestoreRequestStatistics", 10, Identity=identity).output

    assert (ended.properties["Status"], ended.properties["FailureSide"]) == ("Failed", "Target")
    assert "target mailbox quota of 100 GB (107,374,182,400 bytes) is exceeded" in str(ended.properties)

    # The licence allows no more, so somebody makes room.
    tenant.find(row.target, [Kind.ACTIVE]).size = 0
    run(tenant, "Resume-MailboxRestoreRequest", 10, Identity=identity)
    assert column(run(tenant, "Get-MailboxRestoreRequest", 20, Identity=identity), "Status") == ["Completed"]


def test_an_unfinished_request_stays_so_and_a_second_of_another_name_is_taken(tenant: Tenant) -> None:
    for code, status in (("request-exists", "Suspended"), ("request-unfinished", "InProgress")):
        row = tenant.trouble(code)
        for later in (0, 1e9):
            there = run(tenant, "Get-MailboxRestoreRequest", later, TargetMailbox=row.target)
            assert (column(there, "Name"), column(there, "Status")) == ([row.request], [status])
        assert "name must be unique" in text_of(send(tenant, row, Name=row.request))
        assert send(tenant, row).effects


def test_an_archive_that_is_left_out_is_only_warned_of(tenant: Tenant) -> None:
    answer = send(tenant, tenant.trouble("archive-left-out"))

    assert answer.effects
    assert "There exists an archive mailbox" in answer.warnings[0]


def test_a_synced_target_takes_no_address_but_what_is_of_the_cloud_only(tenant: Tenant) -> None:
    row = tenant.trouble("target-synced")
    refused = run(tenant, "Set-Mailbox", Identity=row.target, EmailAddresses={"Add": "X500:/o=x"})
    taken = run(tenant, "Set-Mailbox", Identity=row.target, RetainDeletedItemsFor="30")

    assert "because the object is being synchronized from your on-premises organization" in text_of(refused)
    assert taken.effects


def test_a_target_is_taken_once_it_has_the_sources_legacy_dn(tenant: Tenant) -> None:
    row = tenant.trouble("legacy-dn-mismatch")
    source = tenant.find(row.source, [Kind.INACTIVE]).text("LegacyExchangeDN")

    run(tenant, "Set-Mailbox", Identity=row.target, EmailAddresses={"Add": f"X500:{source}"})

    assert send(tenant, row).effects


def test_troubles_change_nothing_about_everybody_else() -> None:
    sound = Tenant(seed=1, mailboxes=3, troubles=False)

    assert not sound.troubles and not sound.requests()
    assert len(TENANT.troubles) == 22
    for index in range(3):
        for make in (Tenant.active, Tenant.inactive):
            assert make(sound, index) == make(TENANT, index)
    assert not Tenant(seed=1, mailboxes=1, on_premises=True).troubles
    with pytest.raises(KeyError):
        TENANT.trouble("nonsense")
