"""Holds, in every form of section 4 of the facts and of Microsoft's page on identifying them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.holds import (
    Hold,
    HoldAction,
    HoldKind,
    MailboxHolds,
    decode_hold,
    holds_in_force,
    mailbox_holds,
    organization_holds,
)

NO_HOLDS = {
    "LitigationHoldEnabled": False,
    "ComplianceTagHoldApplied": False,
    "DelayHoldApplied": False,
    "DelayReleaseHoldApplied": False,
    "InPlaceHolds": [],
}


@pytest.mark.parametrize(
    ("written", "kind", "policy", "action", "excluded", "retains"),
    [
        (
            "UniH7d895d48-7e23-4a8d-8346-533c3beac15d",
            HoldKind.EDISCOVERY, "7d895d48-7e23-4a8d-8346-533c3beac15d", None, False, True,
        ),
        (
            "c0ba3ce811b6432a8751430937152491",
            HoldKind.IN_PLACE, "c0ba3ce811b6432a8751430937152491", None, False, True,
        ),
        (
            "cld9c0a984ca74b457fbe4504bf7d3e00de",
            HoldKind.IN_PLACE, "cld9c0a984ca74b457fbe4504bf7d3e00de", None, False, True,
        ),
        (
            "mbxcdbbb86ce60342489bff371876e7f224:1",
            HoldKind.MAILBOX_POLICY, "cdbbb86c-e603-4248-9bff-371876e7f224", HoldAction.DELETE, False, False,
        ),
        (
            "mbx7cfb30345d454ac0a989ab3041051209:2",
            HoldKind.MAILBOX_POLICY, "7cfb3034-5d45-4ac0-a989-ab3041051209", HoldAction.RETAIN, False, True,
        ),
        (
            "skp127d7cf1076947929bf136b7a2a8c36f:3",
            HoldKind.CHAT_POLICY, "127d7cf1-0769-4792-9bf1-36b7a2a8c36f",
            HoldAction.RETAIN_THEN_DELETE, False, True,
        ),
        (
            "grp1a0a132ee8944501a4bb6a452ec31171:3",
            HoldKind.GROUP_POLICY, "1a0a132e-e894-4501-a4bb-6a452ec31171",
            HoldAction.RETAIN_THEN_DELETE, False, True,
        ),
        (
            "mbxba6f4ba25b62490aaaa253eea27426ab",
            HoldKind.MAILBOX_POLICY, "ba6f4ba2-5b62-490a-aaa2-53eea27426ab", None, False, True,
        ),
        (
            "-mbxe9b52bf7ab3b46a286308ecb29624696",
            HoldKind.MAILBOX_POLICY, "e9b52bf7-ab3b-46a2-8630-8ecb29624696", None, True, False,
        ),
        (
            "-mbxe9b52bf7ab3b46a286308ecb29624696:3",
            HoldKind.MAILBOX_POLICY, "e9b52bf7-ab3b-46a2-8630-8ecb29624696",
            HoldAction.RETAIN_THEN_DELETE, True, False,
        ),
        (
            "mbx7cfb30345d454ac0a989ab3041051209:9",
            HoldKind.MAILBOX_POLICY, "7cfb3034-5d45-4ac0-a989-ab3041051209", HoldAction.UNKNOWN, False, None,
        ),
        ("xyz7cfb30345d454ac0a989ab3041051209:1", HoldKind.UNKNOWN, "", None, False, None),
        ("...", HoldKind.UNKNOWN, "", None, False, None),
    ],
)  # fmt: skip
def test_an_entry_is_told_by_its_prefix_and_its_suffix(
    written: str, kind: HoldKind, policy: str, action: HoldAction | None, excluded: bool, retains: bool | None
) -> None:
    for text in (written, written.upper(), f" {written.lower()} "):
        hold = decode_hold(text)

        assert (hold.kind, hold.policy, hold.action) == (kind, policy, action)
        assert (hold.excluded, hold.retains, hold.written) == (excluded, retains, text.strip())


@given(st.text())
def test_decoding_never_raises(text: str) -> None:
    assert isinstance(str(decode_hold(text)), str)


@given(st.text(), st.sampled_from(["mbx", "-mbx", "skp", "grp", "UniH", "cld", ""]), st.text())
def test_decoding_never_raises_on_what_is_nearly_a_hold(inner: str, prefix: str, suffix: str) -> None:
    hold = decode_hold(f"{prefix}{inner}:{suffix}")

    assert hold.written == f"{prefix}{inner}:{suffix}".strip()


@pytest.mark.parametrize(
    ("written", "cmdlet"),
    [
        (
            "UniH7d895d48-7e23-4a8d-8346-533c3beac15d",
            "Get-CaseHoldPolicy 7d895d48-7e23-4a8d-8346-533c3beac15d",
        ),
        (
            "mbxcdbbb86ce60342489bff371876e7f224:1",
            "Get-RetentionCompliancePolicy cdbbb86c-e603-4248-9bff-371876e7f224 -DistributionDetail",
        ),
        (
            "cld9c0a984ca74b457fbe4504bf7d3e00de",
            "Get-MailboxSearch -InPlaceHoldIdentity cld9c0a984ca74b457fbe4504bf7d3e00de",
        ),
        ("...", ""),
    ],
)
def test_a_hold_says_what_looks_it_up(written: str, cmdlet: str) -> None:
    assert decode_hold(written).lookup == cmdlet


@pytest.mark.parametrize(
    ("duration", "detail"),
    [
        ("365.00:00:00", "for 365 days since 2020-06-16T01:19:04Z by admin@contoso.com"),
        ("Unlimited", "without end since 2020-06-16T01:19:04Z by admin@contoso.com"),
        ("", "since 2020-06-16T01:19:04Z by admin@contoso.com"),
    ],
)
def test_a_litigation_hold_says_how_long_since_when_and_by_whom(duration: str, detail: str) -> None:
    found = mailbox_holds(
        {
            **NO_HOLDS,
            "LitigationHoldEnabled": "True",
            "LitigationHoldDuration": duration,
            "LitigationHoldDate": "6/16/2020 1:19:04 AM",
            "LitigationHoldOwner": "admin@contoso.com",
        }
    )

    assert found == MailboxHolds((Hold(HoldKind.LITIGATION, "LitigationHoldEnabled", detail=detail),))
    assert str(found.holds[0]) == f"Litigation Hold ({detail})"


@pytest.mark.parametrize(
    ("flag", "kind"),
    [
        ("ComplianceTagHoldApplied", HoldKind.LABEL),
        ("DelayHoldApplied", HoldKind.DELAY),
        ("DelayReleaseHoldApplied", HoldKind.DELAY_RELEASE),
    ],
)
def test_labels_and_delay_holds_are_flags(flag: str, kind: HoldKind) -> None:
    assert mailbox_holds({**NO_HOLDS, flag: True}).holds == (Hold(kind, flag),)


@pytest.mark.parametrize(
    "value",
    [
        ["c0ba3ce811b6432a8751430937152491", "mbxba6f4ba25b62490aaaa253eea27426ab"],
        "{c0ba3ce811b6432a8751430937152491, mbxba6f4ba25b62490aaaa253eea27426ab}",
        "c0ba3ce811b6432a8751430937152491 mbxba6f4ba25b62490aaaa253eea27426ab",
    ],
)
def test_several_holds_come_as_a_list_or_as_one_text(value: object) -> None:
    found = mailbox_holds({**NO_HOLDS, "InPlaceHolds": value})

    assert [hold.kind for hold in found.holds] == [HoldKind.IN_PLACE, HoldKind.MAILBOX_POLICY]
    assert found.unread == ()


def test_a_property_that_was_not_read_may_hide_a_hold_and_is_named() -> None:
    hold_set = {name: value for name, value in NO_HOLDS.items() if name != "DelayReleaseHoldApplied"}

    assert mailbox_holds(hold_set).unread == ("DelayReleaseHoldApplied",)
    assert set(mailbox_holds({}).unread) == set(NO_HOLDS)


def test_an_empty_list_on_the_mailbox_does_not_mean_that_no_policy_keeps_it() -> None:
    organization = organization_holds({"InPlaceHolds": ["mbx7cfb30345d454ac0a989ab3041051209:2"]})

    [hold] = holds_in_force(mailbox_holds({**NO_HOLDS, "InPlaceHolds": "{}"}), organization)

    assert hold.organization
    assert str(hold) == (
        "retention policy for mailboxes 7cfb3034-5d45-4ac0-a989-ab3041051209 (organization-wide, retains)"
    )


def test_a_policy_of_the_organization_does_not_keep_whom_it_excludes_nor_what_it_only_deletes() -> None:
    organization = organization_holds(
        {
            "InPlaceHolds": [
                "mbxe9b52bf7ab3b46a286308ecb29624696:3",
                "mbxcdbbb86ce60342489bff371876e7f224:1",
                "grp1a0a132ee8944501a4bb6a452ec31171:3",
                "skp127d7cf1076947929bf136b7a2a8c36f:3",
            ]
        }
    )
    mailbox = mailbox_holds({**NO_HOLDS, "InPlaceHolds": ["-MBXE9B52BF7AB3B46A286308ECB29624696"]})

    in_force = holds_in_force(mailbox, organization)

    assert [hold.kind for hold in in_force] == [HoldKind.CHAT_POLICY]
    assert "excluded" in str(mailbox.holds[0])


def test_what_nobody_can_tell_counts_as_a_hold() -> None:
    mailbox = mailbox_holds({**NO_HOLDS, "InPlaceHolds": ["new0123"]})

    assert [hold.written for hold in holds_in_force(mailbox, None)] == ["new0123"]


def test_holds_of_the_organization_that_were_not_read_are_not_none_at_all() -> None:
    assert organization_holds({}) is None
    assert organization_holds({"InPlaceHolds": None}) == ()
