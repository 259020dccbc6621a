"""Get- and Set- of every noun that the tenant knows by data: each property, each type, each refusal."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.simulator.cmdlets.cmdlet_result import Answer
from bulkps.simulator.cmdlets.nouns import NOUNS
from bulkps.simulator.tenant.mailbox import Kind
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import column, run, text_of

#: A value of each type that no property has at first.
SAMPLES: dict[str, Any] = {
    "String": "something else",
    "Int32": 7,
    "DateTime": "2027-01-31 17:00",
    "EnhancedTimeSpan": "45.00:00:00",
    "ByteQuantifiedSize": "64KB",
    "CultureInfo": "nl-NL",
    "ExTimeZoneValue": "GMT Standard Time",
    "SmtpAddress": "somebody.else@contoso.com",
    "ProxyAddress": "smtp:elsewhere@fabrikam.example",
    "ProxyAddressCollection": {"Add": ["another@contoso.com"]},
    "Unlimited": "40",
}


#: The former address stays as a further one.
KEEPS_THE_OLD = {"PrimarySmtpAddress", "WindowsEmailAddress", "MicrosoftOnlineServicesID"}


@pytest.fixture
def tenant() -> Tenant:
    return Tenant(seed=1, mailboxes=12, troubles=False)


def shown(tenant: Tenant, noun: str, identity: object) -> dict[str, Any]:
    """Return what Get- shows of one object."""
    [found] = run(tenant, f"Get-{noun}", Identity=identity).output
    return dict(found.properties)


def mailbox(tenant: Tenant, index: int = 0) -> str:
    return str(tenant.active(index)["PrimarySmtpAddress"])


OBJECTS = {Kind.ACTIVE: "", Kind.CONTACT: "supplier", Kind.MAIL_USER: "mailuser0", Kind.GROUP: "sales"}


def sample(tenant: Tenant, name: str, kind: str, present: object, values: tuple[str, ...]) -> object:
    """Return a value for a parameter that the property does not have now."""
    if isinstance(present, bool) or kind == "Boolean":
        return present is not True
    if values:
        return next(value for value in values if value != present)
    if name.endswith("Quota"):
        return {"ProhibitSendQuota": "98.5GB", "ProhibitSendReceiveQuota": "99.5GB"}.get(name, "40GB")
    return SAMPLES.get(kind)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_documented_parameter_that_has_a_property_sets_it_once_and_sets_it_back(
    noun: Any,
) -> None:
    facts = cmdlet_facts(f"Set-{noun.name}")
    assert facts is not None
    tried = 0
    for parameter in facts.parameters.values():
        tenant = Tenant(seed=1, mailboxes=2, troubles=False)
        identity = OBJECTS[noun.kinds[0]] or mailbox(tenant)
        before = shown(tenant, noun.name, identity)
        value = sample(tenant, parameter.name, parameter.type, before.get(parameter.name), parameter.values)
        if parameter.name not in before or "EXO" not in parameter.availability or value is None:
            continue
        given: dict[str, Any] = {"Identity": before["Identity"], parameter.name: value}

        first, second = (run(tenant, f"Set-{noun.name}", **given) for _ in range(2))

        after = shown(tenant, noun.name, before["Identity"])
        assert not text_of(first) and not first.output, f"{parameter.name}: {text_of(first)}"
        assert [effect["kind"] for effect in first.effects] == [noun.effect], parameter.name
        assert after[parameter.name] != before[parameter.name], parameter.name
        assert not second.effects and "but no settings of" in second.warnings[0], parameter.name
        tried += 1
        if parameter.name not in KEEPS_THE_OLD:
            present = before[parameter.name]
            back = run(tenant, f"Set-{noun.name}", Identity=before["Identity"], **{parameter.name: present})
            assert len(back.effects) == 1, parameter.name
            assert shown(tenant, noun.name, before["Identity"]) == before, parameter.name
    assert tried >= 4


def test_a_parameter_without_a_property_is_refused_by_name(tenant: Tenant) -> None:
    answer = run(tenant, "Set-Mailbox", Identity=mailbox(tenant), ExcludeFromAllHolds=True)

    assert "The simulator has no rules for -ExcludeFromAllHolds of Set-Mailbox" in text_of(answer)
    assert answer.failure is not None and not answer.effects


@pytest.mark.parametrize(
    ("parameter", "value", "printed"),
    [
        ("MaxSendSize", "20MB", "20 MB (20,971,520 bytes)"),
        ("RecipientLimits", "Unlimited", "Unlimited"),
        ("RecipientLimits", 250, "250"),
        ("RetainDeletedItemsFor", "30", "30.00:00:00"),
        ("LitigationHoldDuration", 2555, "2555.00:00:00"),
        ("EndDateForRetentionHold", "12/31/2026 5:00:00 PM", datetime(2026, 12, 31, 17, tzinfo=UTC)),
        ("ForwardingSmtpAddress", "x@fabrikam.example", "smtp:x@fabrikam.example"),
        ("MailTip", "Away", "<html>\n<body>\nAway\n</body>\n</html>\n"),
        ("ExtensionCustomAttribute1", ["a", "b"], ["a", "b"]),
        ("CustomAttribute7", None, ""),
    ],
)
def test_a_value_is_kept_as_exchange_prints_it(
    tenant: Tenant, parameter: str, value: Any, printed: object
) -> None:
    run(tenant, "Set-Mailbox", Identity=mailbox(tenant), **{parameter: value})

    assert shown(tenant, "Mailbox", mailbox(tenant))[parameter] == printed


@pytest.mark.parametrize(
    ("cmdlet", "parameter", "value", "said"),
    [
        ("Set-Mailbox", "MaxSendSize", "much", "ByteQuantifiedSize"),
        ("Set-Mailbox", "RetainDeletedItemsFor", "a month", "EnhancedTimeSpan"),
        ("Set-Mailbox", "EndDateForRetentionHold", "31.12.2026", "System.DateTime"),
        ("Set-Mailbox", "ForwardingAddress", "nobody", 'Couldn\'t find object "nobody"'),
        ("Set-Mailbox", "RetentionPolicy", "None", "couldn't be found"),
        ("Set-MailboxAutoReplyConfiguration", "AutoReplyState", "On", "Disabled, Enabled, Scheduled"),
        ("Set-CalendarProcessing", "AutomateProcessing", "Yes", "None, AutoUpdate, AutoAccept"),
    ],
)
def test_a_value_of_another_type_is_refused(
    tenant: Tenant, cmdlet: str, parameter: str, value: Any, said: str
) -> None:
    answer = run(tenant, cmdlet, Identity=mailbox(tenant), **{parameter: value})

    assert said in text_of(answer)
    assert not answer.effects


def test_a_hashtable_adds_and_removes_a_list_replaces_and_null_clears(tenant: Tenant) -> None:
    name, identity = "ExtensionCustomAttribute1", mailbox(tenant)

    def after(value: Any) -> object:
        run(tenant, "Set-Mailbox", Identity=identity, **{name: value})
        return shown(tenant, "Mailbox", identity)[name]

    assert after(["a", "b"]) == ["a", "b"]
    assert after({"Add": "c", "Remove": ["A"]}) == ["b", "c"]
    assert after("d") == ["d"]
    assert after(None) == []


def test_recipients_are_shown_by_identity_however_they_are_named(tenant: Tenant) -> None:
    one, two, three = (tenant.active(index) for index in range(3))
    identity = mailbox(tenant)

    run(tenant, "Set-Mailbox", Identity=identity, ForwardingAddress=two["PrimarySmtpAddress"])
    run(tenant, "Set-Mailbox", Identity=identity, GrantSendOnBehalfTo=[two["Guid"], three["Alias"]])
    run(tenant, "Set-Mailbox", Identity=identity, GrantSendOnBehalfTo={"Remove": [two["UserPrincipalName"]]})
    run(tenant, "Set-User", Identity=identity, Manager=three["DistinguishedName"])
    found = shown(tenant, "Mailbox", identity)

    assert found["ForwardingAddress"] == two["Identity"]
    assert found["GrantSendOnBehalfTo"] == [three["Identity"]]
    assert shown(tenant, "User", one["Alias"])["Manager"] == three["Identity"]
    run(tenant, "Set-Mailbox", Identity=identity, ForwardingAddress=None)
    assert shown(tenant, "Mailbox", identity)["ForwardingAddress"] is None


@pytest.mark.parametrize("kind", ["Shared", "Room", "Equipment"])
def test_a_mailbox_is_converted_and_converted_back(tenant: Tenant, kind: str) -> None:
    identity = mailbox(tenant)
    before = shown(tenant, "Mailbox", identity)

    run(tenant, "Set-Mailbox", Identity=identity, Type=kind)
    found = run(tenant, "Get-Mailbox", RecipientTypeDetails=[f"{kind}Mailbox"])

    assert column(found, "PrimarySmtpAddress") == [identity]
    assert "no settings" in run(tenant, "Set-Mailbox", Identity=identity, Type=kind).warnings[0]
    run(tenant, "Set-Mailbox", Identity=identity, Type="Regular")
    assert shown(tenant, "Mailbox", identity) == before


def test_of_a_hundred_mailboxes_three_belong_to_nobody() -> None:
    tenant = Tenant(1, 100, troubles=False)

    types = column(run(tenant, "Get-Mailbox", ResultSize="Unlimited"), "RecipientTypeDetails")

    assert types.count("UserMailbox") == 97
    assert {"SharedMailbox", "RoomMailbox", "EquipmentMailbox"} < set(types)
    room = str(tenant.active(98)["Identity"])
    assert shown(tenant, "CalendarProcessing", room)["AutomateProcessing"] == "AutoAccept"
    assert shown(tenant, "CalendarProcessing", mailbox(tenant))["AutomateProcessing"] == "AutoUpdate"


def test_a_hold_says_since_when_and_by_whom(tenant: Tenant) -> None:
    identity = mailbox(tenant)
    before = shown(tenant, "Mailbox", identity)

    run(tenant, "Set-Mailbox", 60.0, Identity=identity, LitigationHoldEnabled=True)
    held = shown(tenant, "Mailbox", identity)
    run(tenant, "Set-Mailbox", Identity=identity, LitigationHoldEnabled=False)

    assert (held["LitigationHoldEnabled"], held["LitigationHoldOwner"]) == (True, "admin@contoso.com")
    assert isinstance(held["LitigationHoldDate"], datetime)
    assert shown(tenant, "Mailbox", identity) == before


def test_a_new_windows_address_becomes_the_primary_one(tenant: Tenant) -> None:
    old = mailbox(tenant)

    run(tenant, "Set-Mailbox", Identity=old, WindowsEmailAddress="ann.new@contoso.com")
    found = shown(tenant, "Mailbox", "ann.new@contoso.com")
    taken = run(tenant, "Set-Mailbox", Identity=mailbox(tenant, 1), WindowsEmailAddress=old)

    assert found["PrimarySmtpAddress"] == found["WindowsEmailAddress"] == "ann.new@contoso.com"
    assert f"smtp:{old}" in found["EmailAddresses"]
    assert f'The proxy address "SMTP:{old}" is already being used' in text_of(taken)


def test_a_synced_object_is_changed_where_it_comes_from(tenant: Tenant) -> None:
    one = tenant.mailboxes([Kind.ACTIVE])[0]
    tenant.change(one, Kind.ACTIVE, {"IsDirSynced": True})

    hidden = run(tenant, "Set-Mailbox", Identity=mailbox(tenant), HiddenFromAddressListsEnabled=True)
    mailed = run(tenant, "Set-Mailbox", Identity=mailbox(tenant), RetentionPolicy="Executives")
    protocols = run(tenant, "Set-CASMailbox", Identity=mailbox(tenant), ImapEnabled=False)

    assert "The action 'Set-Mailbox', 'HiddenFromAddressListsEnabled', can't be performed" in text_of(hidden)
    assert len(mailed.effects) == len(protocols.effects) == 1


def test_an_automatic_reply_is_kept_as_html_and_is_the_same_when_it_is_set_again(tenant: Tenant) -> None:
    def set_reply(**values: Any) -> Answer:
        return run(tenant, "Set-MailboxAutoReplyConfiguration", Identity=mailbox(tenant), **values)

    times = {"StartTime": "2026-12-24", "EndTime": "2027-01-02 08:00"}
    set_reply(AutoReplyState="scheduled", InternalMessage="Back on 2 January.", **times)
    found = shown(tenant, "MailboxAutoReplyConfiguration", mailbox(tenant))
    again = set_reply(InternalMessage=found["InternalMessage"], EndTime=found["EndTime"])
    wrong = set_reply(StartTime="2027-02-01")

    assert found["AutoReplyState"] == "Scheduled"
    assert found["InternalMessage"] == "<html>\n<body>\nBack on 2 January.\n</body>\n</html>\n"
    assert "no settings of" in again.warnings[0]
    assert "start time must be earlier" in text_of(wrong)


def test_a_language_brings_its_formats_and_the_folders_keep_their_names_unless_told(tenant: Tenant) -> None:
    english = next(
        mailbox(tenant, index)
        for index in range(12)
        if shown(tenant, "MailboxRegionalConfiguration", mailbox(tenant, index))["Language"] == "en-US"
    )

    run(tenant, "Set-MailboxRegionalConfiguration", Identity=english, Language="de-DE")
    found = shown(tenant, "MailboxRegionalConfiguration", english)

    assert (found["DateFormat"], found["TimeFormat"]) == ("dd.MM.yyyy", "HH:mm")
    assert found["DefaultFolderNameMatchingUserLanguage"] is False
    run(
        tenant,
        "Set-MailboxRegionalConfiguration",
        Identity=english,
        LocalizeDefaultFolderName=True,
        TimeZone="W. Europe Standard Time",
    )
    found = shown(tenant, "MailboxRegionalConfiguration", english)
    assert found["DefaultFolderNameMatchingUserLanguage"] is True
    assert found["TimeZone"] == "W. Europe Standard Time"


def test_what_is_set_by_one_cmdlet_shows_in_the_others_of_the_same_object(tenant: Tenant) -> None:
    run(tenant, "Set-Contact", Identity="supplier", Phone="+1 425 555 0100", Company="Supplier Ltd")
    run(tenant, "Set-MailContact", Identity="supplier", CustomAttribute1="approved")
    run(tenant, "Set-Group", Identity="sales", Notes="All of Sales")

    assert shown(tenant, "Contact", "supplier")["Phone"] == "+1 425 555 0100"
    assert shown(tenant, "Recipient", "supplier")["CustomAttribute1"] == "approved"
    assert shown(tenant, "Recipient", "supplier")["Company"] == "Supplier Ltd"
    assert shown(tenant, "Group", "sales")["Notes"] == "All of Sales"


def test_a_contact_moves_to_another_address(tenant: Tenant) -> None:
    moved = run(tenant, "Set-MailContact", Identity="supplier", ExternalEmailAddress="new@supplier.example")
    found = shown(tenant, "MailContact", "new@supplier.example")

    assert len(moved.effects) == 1
    assert found["ExternalEmailAddress"] == "SMTP:new@supplier.example"
    assert found["EmailAddresses"] == ["SMTP:new@supplier.example"]


def test_what_if_changes_no_property(tenant: Tenant) -> None:
    answer = run(tenant, "Set-CASMailbox", Identity=mailbox(tenant), ImapEnabled=False, WhatIf=True)

    assert not answer.effects
    assert shown(tenant, "CASMailbox", mailbox(tenant))["ImapEnabled"] is True


def test_an_object_that_was_read_does_not_change_afterwards(tenant: Tenant) -> None:
    read = run(tenant, "Get-CASMailbox", Identity=mailbox(tenant)).output[0]
    run(tenant, "Set-CASMailbox", Identity=mailbox(tenant), ImapEnabled=False)

    assert read.properties["ImapEnabled"] is True


def test_the_retention_policies_are_named(tenant: Tenant) -> None:
    every = column(run(tenant, "Get-RetentionPolicy"), "Name")

    assert every == ["Default MRM Policy", "Executives", "Leavers 7 Years"]
    assert column(run(tenant, "Get-RetentionPolicy", Identity="executives"), "Name") == ["Executives"]
    assert "couldn't be found" in text_of(run(tenant, "Get-RetentionPolicy", Identity="None"))
