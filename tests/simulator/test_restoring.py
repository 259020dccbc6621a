"""Restore requests: what they are told, how far they are, and on-premises from a disconnected mailbox."""

from typing import Any

import pytest

from bulkps.simulator.cmdlets.cmdlet_result import Answer
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import column, restore, run, text_of


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=12, restore_seconds=300.0, troubles=False)


@pytest.fixture
def server() -> Tenant:
    return Tenant(seed=1, mailboxes=2, restore_seconds=3.0, on_premises=True)


def disconnected(server: Tenant, index: int = 0) -> Mailbox:
    return server.mailboxes([Kind.DISCONNECTED])[index]


def reconnect(server: Tenant, store: object, **parameters: Any) -> Answer:
    """Restore disconnected mailbox *store* of DB01 into the first active mailbox."""
    given = {
        "SourceDatabase": disconnected(server).text("Database"),
        "SourceStoreMailbox": str(store),
        "TargetMailbox": server.active(0)["Alias"],
        "AllowLegacyDNMismatch": True,
    }
    return run(server, "New-MailboxRestoreRequest", **{**given, **parameters})


def statistics(tenant: Tenant, at: float = 0.0, **parameters: Any) -> dict[str, Any]:
    [found] = run(tenant, "Get-MailboxRestoreRequestStatistics", at, **parameters).output
    return dict(found.properties)


def test_the_statistics_repeat_what_was_asked_for(tenant: Tenant) -> None:
    asked: dict[str, Any] = {
        "TargetRootFolder": "Restored",
        "SourceRootFolder": "Inbox",
        "SourceIsArchive": True,
        "TargetIsArchive": True,
        "IncludeFolders": ["#Inbox#/*", "Projects/*"],
        "ExcludeFolders": ["#DeletedItems#"],
        "ConflictResolutionOption": "KeepAll",
        "AssociatedMessagesCopyOption": "DoNotCopy",
        "ExcludeDumpster": True,
        "SkipMerging": ["FolderACLs"],
        "ContentFilter": "(Received -gt '1/1/2020')",
        "CompletedRequestAgeLimit": "7",
    }

    answer = restore(tenant, 9, **asked)
    found = statistics(tenant, Identity=answer.output[0].properties["Identity"])

    assert not answer.warnings
    assert {name: found[name] for name in asked} == asked
    assert found["SourceExchangeGuid"] == tenant.inactive(9)["ArchiveGuid"]


def test_what_was_not_asked_for_is_as_exchange_takes_it(tenant: Tenant) -> None:
    found = statistics(tenant, Identity=restore(tenant).output[0].properties["Identity"])

    assert found["ConflictResolutionOption"] == "KeepSourceItem"
    assert (found["SourceIsArchive"], found["TargetIsArchive"], found["ExcludeDumpster"]) == (False,) * 3
    assert (found["IncludeFolders"], found["ExcludeFolders"]) == ([], [])


def test_a_parameter_that_is_not_simulated_is_never_ignored(tenant: Tenant) -> None:
    assert "doesn't evaluate the parameter 'TargetType'" in text_of(restore(tenant, TargetType="Archive"))


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        ("0", 0),
        ("00:00:00", 0),
        ("00:10:00", 600),
        ("1.02:00:00", 93_600),
        ("2", 172_800),
        ("Unlimited", None),
        (None, None),
    ],
)
def test_a_completed_request_is_kept_as_long_as_was_asked(
    tenant: Tenant, limit: str | None, kept: int | None
) -> None:
    given: dict[str, Any] = {} if limit is None else {"CompletedRequestAgeLimit": limit}
    identity = restore(tenant, Name="r1", **given).output[0].properties["Identity"]

    def there(at: float) -> bool:
        return bool(run(tenant, "Get-MailboxRestoreRequest", at, Identity=identity).output)

    assert there(299)
    if kept is None:
        assert there(1e7)
        return
    assert kept == 0 or there(300 + kept - 1)
    assert not there(300 + kept)
    assert restore(tenant, at=300 + kept, Name="r1").effects


def test_progress_grows_while_a_request_is_at_work(tenant: Tenant) -> None:
    identity = restore(tenant).output[0].properties["Identity"]
    seen = [statistics(tenant, at, Identity=identity) for at in (0, 150, 200, 250, 300)]

    percents = [one["PercentComplete"] for one in seen]
    items = [one["ItemsTransferred"] for one in seen]
    assert percents == [0, 25, 50, 75, 100]
    assert items == sorted(set(items)) and items[-1] == seen[-1]["EstimatedTransferItemCount"]
    assert seen[-1]["BytesTransferred"] == seen[-1]["EstimatedTransferSize"]
    assert len({one["BytesTransferred"] for one in seen}) == 5


@pytest.mark.parametrize("key", ["ExchangeGuid", "LegacyExchangeDN", "DisplayName"])
def test_a_disconnected_mailbox_is_restored_by_each_of_its_names(server: Tenant, key: str) -> None:
    source = disconnected(server)

    answer = reconnect(server, source.properties[key])
    identity = answer.output[0].properties["Identity"]

    assert answer.output[0].properties["SourceDatabase"] == source.text("Database")
    assert column(run(server, "Get-MailboxRestoreRequest", 5, Identity=identity), "Status") == ["Completed"]
    assert statistics(server, 5, Identity=identity)["SourceExchangeGuid"] == source.exchange_guid


def test_a_disconnected_mailbox_must_be_in_the_database_that_is_named(server: Tenant) -> None:
    here, elsewhere = disconnected(server).exchange_guid, disconnected(server, 1).exchange_guid

    assert "couldn't be found on" in text_of(reconnect(server, elsewhere))
    assert "couldn't be found on" in text_of(reconnect(server, server.active(1)["ExchangeGuid"]))
    assert 'Couldn\'t find database "DB99"' in text_of(reconnect(server, here, SourceDatabase="DB99"))


def test_two_disconnected_mailboxes_of_one_display_name_are_ambiguous(server: Tenant) -> None:
    first = disconnected(server)
    twin = next(
        one
        for one in server.mailboxes([Kind.DISCONNECTED])
        if one is not first and one.text("Database") == first.text("Database")
    )
    server.change(twin, Kind.DISCONNECTED, {"DisplayName": first.text("DisplayName")})

    assert "matches multiple entries" in text_of(reconnect(server, first.text("DisplayName")))


def test_a_stranger_is_refused_on_premises_too(server: Tenant) -> None:
    source = disconnected(server)

    assert "doesn't match the legacyExchangeDN" in text_of(
        reconnect(server, source.exchange_guid, AllowLegacyDNMismatch=False)
    )
    x500 = {"Add": [f"X500:{source.text('LegacyExchangeDN')}"]}
    run(server, "Set-Mailbox", Identity=server.active(0)["Alias"], EmailAddresses=x500)
    assert reconnect(server, source.exchange_guid, AllowLegacyDNMismatch=False).effects


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"SourceStoreMailbox": "x", "TargetMailbox": "y"}, "missing mandatory parameters: SourceDatabase."),
        ({"SourceDatabase": "x", "TargetMailbox": "y"}, "missing mandatory parameters: SourceStoreMailbox."),
        (
            {"SourceMailbox": "x", "SourceDatabase": "x", "SourceStoreMailbox": "x", "TargetMailbox": "y"},
            "Parameter set cannot be resolved",
        ),
        (
            {"SourceIsArchive": True, "SourceDatabase": "x", "SourceStoreMailbox": "x", "TargetMailbox": "y"},
            "Parameter set cannot be resolved",
        ),
        ({}, "missing mandatory parameters: SourceMailbox TargetMailbox."),
    ],
)
def test_the_source_is_named_in_one_way_and_in_full(server: Tenant, given: dict[str, Any], text: str) -> None:
    assert text in text_of(run(server, "New-MailboxRestoreRequest", **given))


def test_exchange_online_has_no_databases(tenant: Tenant) -> None:
    assert "parameter name 'SourceDatabase'" in text_of(restore(tenant, SourceDatabase="DB01"))
    assert "missing mandatory parameters: SourceMailbox" in text_of(
        run(tenant, "New-MailboxRestoreRequest", SourceStoreMailbox="x", TargetMailbox="y")
    )


@pytest.mark.parametrize(
    ("limit", "large"), [("50", False), ("51", True), ("Unlimited", True), (51, True), (0, False)]
)
def test_a_large_loss_must_be_accepted(server: Tenant, limit: object, large: bool) -> None:
    source = disconnected(server).exchange_guid

    for name in ("BadItemLimit", "LargeItemLimit"):
        refused = reconnect(server, source, **{name: limit})
        assert ("'AcceptLargeDataLoss' switch" in text_of(refused)) is large
        assert reconnect(server, source, AcceptLargeDataLoss=True, **{name: limit}).effects
