"""What keeps a mailbox: Litigation Hold, policies, cases, labels and delay holds, decoded. Pure.

How it is used: ``mailbox_holds`` on the properties of Get-Mailbox, ``organization_holds`` on those of
Get-OrganizationConfig, and ``holds_in_force`` of both. The second is needed: a policy of the whole
organization is not shown on the mailbox, which only shows that it is excluded from one.
[M365:identify-a-hold-on-an-exchange-online-mailbox; facts section 4]
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from bulkps.exchange.dates import FOREVER, date_text
from bulkps.exchange.psobject import Properties, listed, read_guid


class HoldKind(Enum):
    """What sort of hold it is; the value is what a person reads."""

    LITIGATION = "Litigation Hold"  #: LitigationHoldEnabled.
    EDISCOVERY = "eDiscovery case hold"  #: UniH…
    IN_PLACE = "In-Place Hold"  #: 32 hex characters, or cld…: a legacy hold.
    MAILBOX_POLICY = "retention policy for mailboxes"  #: mbx…
    CHAT_POLICY = "retention policy for Skype or Teams chats"  #: skp…
    GROUP_POLICY = "retention policy for Microsoft 365 groups"  #: grp…: group mailboxes only.
    LABEL = "retention label on an item or folder"  #: ComplianceTagHoldApplied.
    DELAY = "delay hold on Outlook data"  #: DelayHoldApplied; up to 30 days after a hold was removed.
    DELAY_RELEASE = "delay hold on data of cloud apps"  #: DelayReleaseHoldApplied.
    UNKNOWN = "unknown hold"  #: A form that bulkps does not know.


class HoldAction(Enum):
    """What a retention policy does, by its suffix."""

    DELETE = "deletes only"  #: :1, which retains nothing.
    RETAIN = "retains"  #: :2
    RETAIN_THEN_DELETE = "retains, then deletes"  #: :3
    UNKNOWN = "does what bulkps does not know"  #: Any other suffix.


@dataclass(frozen=True)
class Hold:
    """One hold.

    Attributes:
        kind: What sort it is.
        written: As Exchange wrote it: an entry of InPlaceHolds, or the property that is True.
        policy: The hold's identity for the cmdlet that looks it up: a GUID with dashes; for an In-Place Hold
            as written, for its prefix belongs to it. Empty where it has none.
        action: What a policy does; None where no suffix says it (older data, and what is no policy).
        excluded: The mailbox is exempt from this organization-wide policy; it does not hold it.
        organization: It is one of the whole organization, not of the mailbox.
        detail: More about it: a Litigation Hold's duration, date and owner.
    """

    kind: HoldKind
    written: str
    policy: str = ""
    action: HoldAction | None = None
    excluded: bool = False
    organization: bool = False
    detail: str = ""

    @property
    def retains(self) -> bool | None:
        """Whether it keeps what is in the mailbox; None if nobody can tell."""
        if self.excluded or self.action is HoldAction.DELETE:
            return False
        if self.kind is HoldKind.UNKNOWN or self.action is HoldAction.UNKNOWN:
            return None
        # Assumed: a policy without a suffix retains, for those that do not are of newer data.
        return True

    @property
    def lookup(self) -> str:
        """The cmdlet that says more about it, as an administrator would type it; empty where there is none.

        Case holds and retention policies are looked up in Security & Compliance PowerShell, another
        connection. Assumed: there a GUID with dashes is as good as one without.
        """
        if self.kind is HoldKind.EDISCOVERY:
            return f"Get-CaseHoldPolicy {self.policy}"
        if self.kind is HoldKind.IN_PLACE:
            return f"Get-MailboxSearch -InPlaceHoldIdentity {self.policy}"
        if self.kind in _POLICIES.values():
            return f"Get-RetentionCompliancePolicy {self.policy} -DistributionDetail"
        return ""

    def __str__(self) -> str:
        words = [self.kind.value]
        words += [self.policy] if self.policy else []
        words += [self.written] if self.kind is HoldKind.UNKNOWN else []
        notes = ["organization-wide"] if self.organization else []
        notes += ["excluded"] if self.excluded else []
        notes += [self.action.value] if self.action else []
        notes += [self.detail] if self.detail else []
        return " ".join(words) + (f" ({', '.join(notes)})" if notes else "")


_POLICIES = {
    "mbx": HoldKind.MAILBOX_POLICY,
    "skp": HoldKind.CHAT_POLICY,
    "grp": HoldKind.GROUP_POLICY,
}
_ACTIONS = {"1": HoldAction.DELETE, "2": HoldAction.RETAIN, "3": HoldAction.RETAIN_THEN_DELETE}
_GUID = r"(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
# Assumed: -skp and -grp exclude as the documented -mbx does.
_POLICY = re.compile(
    rf"(?P<out>-?)(?P<prefix>mbx|skp|grp)(?P<guid>{_GUID})(?::(?P<action>.*))?", re.IGNORECASE
)
_CASE = re.compile(rf"UniH(?P<guid>{_GUID})", re.IGNORECASE)
_IN_PLACE = re.compile(rf"cld{_GUID}|[0-9a-f]{{32}}", re.IGNORECASE)

#: The flags of a mailbox that are holds.
_FLAGS = {
    "ComplianceTagHoldApplied": HoldKind.LABEL,
    "DelayHoldApplied": HoldKind.DELAY,
    "DelayReleaseHoldApplied": HoldKind.DELAY_RELEASE,
}


def decode_hold(text: str, *, organization: bool = False) -> Hold:
    """Return what one entry of InPlaceHolds says. Never raises: an unknown form is a hold of kind UNKNOWN.

    Args:
        text: The entry.
        organization: It is one of Get-OrganizationConfig's.
    """
    text = text.strip()
    if found := _POLICY.fullmatch(text):
        suffix = found["action"]
        return Hold(
            _POLICIES[found["prefix"].lower()],
            text,
            read_guid(found["guid"]),
            None if suffix is None else _ACTIONS.get(suffix.strip(), HoldAction.UNKNOWN),
            excluded=bool(found["out"]),
            organization=organization,
        )
    if found := _CASE.fullmatch(text):
        return Hold(HoldKind.EDISCOVERY, text, read_guid(found["guid"]), organization=organization)
    if _IN_PLACE.fullmatch(text):
        return Hold(HoldKind.IN_PLACE, text, text.lower(), organization=organization)
    return Hold(HoldKind.UNKNOWN, text, organization=organization)


@dataclass(frozen=True)
class MailboxHolds:
    """What is known of a mailbox's own holds.

    Attributes:
        holds: Its holds and its exclusions, in the order in which they were read.
        unread: The properties that were not read: a hold may hide behind each.
    """

    holds: tuple[Hold, ...]
    unread: tuple[str, ...] = ()


def mailbox_holds(found: Mapping[str, object]) -> MailboxHolds:
    """Return the holds that the properties of Get-Mailbox say.

    Get-EXOMailbox gives them with ``-PropertySets Hold``, all but DelayReleaseHoldApplied, which it takes
    ``-Properties`` to ask for.
    """
    properties = Properties(found)
    holds = [Hold(kind, name) for name, kind in _FLAGS.items() if properties.flag(name)]
    unread = [name for name in ("LitigationHoldEnabled", *_FLAGS) if properties.flag(name) is None]
    if properties.flag("LitigationHoldEnabled"):
        holds.insert(0, Hold(HoldKind.LITIGATION, "LitigationHoldEnabled", detail=_litigation(properties)))
    if "InPlaceHolds" not in properties:
        unread.append("InPlaceHolds")
    holds += [decode_hold(text) for text in listed(properties.raw("InPlaceHolds"))]
    return MailboxHolds(tuple(holds), tuple(unread))


def _litigation(properties: Properties) -> str:
    duration, since = properties.duration("LitigationHoldDuration"), properties.date("LitigationHoldDate")
    parts = []
    if duration is not None:
        parts.append("without end" if duration == FOREVER else f"for {duration.days} days")
    if since is not None:
        parts.append(f"since {date_text(since)}")
    if owner := properties.text("LitigationHoldOwner"):
        parts.append(f"by {owner}")
    return " ".join(parts)


def organization_holds(found: Mapping[str, object]) -> tuple[Hold, ...] | None:
    """Return the organization-wide policies of Get-OrganizationConfig, or None if they were not read."""
    properties = Properties(found)
    if "InPlaceHolds" not in properties:
        return None
    return tuple(decode_hold(text, organization=True) for text in listed(properties.raw("InPlaceHolds")))


def holds_in_force(mailbox: MailboxHolds, organization: tuple[Hold, ...] | None) -> tuple[Hold, ...]:
    """Return every hold that keeps a user's mailbox, or may: its own, then the organization's.

    Left out are policies that only delete, those that the mailbox is excluded from, and those for group
    mailboxes. Where *organization* is None the answer is only the mailbox's own.
    """
    excluded = {(hold.kind, hold.policy) for hold in mailbox.holds if hold.excluded}
    own = [hold for hold in mailbox.holds if hold.retains is not False]
    wide = [
        hold
        for hold in organization or ()
        if hold.retains is not False
        and hold.kind is not HoldKind.GROUP_POLICY
        and (hold.kind, hold.policy) not in excluded
    ]
    return tuple(own + wide)
