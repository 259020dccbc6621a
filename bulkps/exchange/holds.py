"""Decodes what keeps a mailbox: Litigation Hold, policies, cases, labels and delay holds. Pure.

Use ``mailbox_holds`` for the properties of Get-Mailbox, ``organization_holds`` for those of
Get-OrganizationConfig, and ``holds_in_force`` for both. The second is needed because a mailbox does not show
policies of the whole organization; it only shows that it is excluded from one.
[M365:identify-a-hold-on-an-exchange-online-mailbox; facts section 4]
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from bulkps.exchange.dates import FOREVER, date_text
from bulkps.exchange.psobject import Properties, listed, read_guid


class HoldKind(Enum):
    """The kinds of holds; the value is the text for people."""

    LITIGATION = "Litigation Hold"  #: LitigationHoldEnabled.
    EDISCOVERY = "eDiscovery case hold"  #: UniH…
    IN_PLACE = "In-Place Hold"  #: 32 hex characters, or cld…: a legacy hold.
    MAILBOX_POLICY = "retention policy for mailboxes"  #: mbx…
    CHAT_POLICY = "retention policy for Skype or Teams chats"  #: skp…
    GROUP_POLICY = "retention policy for Microsoft 365 groups"  #: grp…: group mailboxes only.
    LABEL = "retention label on an item or folder"  #: ComplianceTagHoldApplied.
    DELAY = "delay hold on Outlook data"  #: DelayHoldApplied; up to 30 days after a hold was removed.
    DELAY_RELEASE = "delay hold on data of cloud apps"  #: DelayReleaseHoldApplied.
    UNKNOWN = "unknown hold"  #: A format that bulkps does not know.


class HoldAction(Enum):
    """What a retention policy does, by its suffix."""

    DELETE = "deletes only"  #: :1, which retains nothing.
    RETAIN = "retains"  #: :2
    RETAIN_THEN_DELETE = "retains, then deletes"  #: :3
    UNKNOWN = "does something that bulkps does not know"  #: Any other suffix.


@dataclass(frozen=True)
class Hold:
    """One hold.

    Attributes:
        kind: Its kind.
        written: As Exchange wrote it: an entry of InPlaceHolds, or the property that is True.
        policy: The hold's identity for the cmdlet that looks it up: a GUID with dashes; for an In-Place Hold
            unchanged, because its prefix is part of it. Empty if it has none.
        action: What a policy does; None if no suffix says it (older data, and holds that are not policies).
        excluded: The mailbox is excluded from this organization-wide policy, so the policy does not hold it.
        organization: It belongs to the whole organization, not to the mailbox.
        detail: Details: a Litigation Hold's duration, date and owner.
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
        """Whether it keeps the mailbox's content; None if that is not known."""
        if self.excluded or self.action is HoldAction.DELETE:
            return False
        if self.kind is HoldKind.UNKNOWN or self.action is HoldAction.UNKNOWN:
            return None
        # Assumed: a policy without a suffix retains, because policies that only delete are in newer data.
        return True

    @property
    def lookup(self) -> str:
        """The cmdlet that shows more about it, as an administrator would type it; empty if there is none.

        Case holds and retention policies are looked up in Security & Compliance PowerShell, a separate
        connection. Assumed: it accepts a GUID with dashes as well as one without.
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
    """Return the hold of one entry of InPlaceHolds. Never raises: an unknown format has kind UNKNOWN.

    Args:
        text: The entry.
        organization: Whether it comes from Get-OrganizationConfig.
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
    """What is known about a mailbox's own holds.

    Attributes:
        holds: Its holds and exclusions, in the order in which they were read.
        unread: The properties that were not read; each may hide a hold.
    """

    holds: tuple[Hold, ...]
    unread: tuple[str, ...] = ()


def mailbox_holds(found: Mapping[str, object]) -> MailboxHolds:
    """Return the holds in the properties of Get-Mailbox.

    Get-EXOMailbox returns them with ``-PropertySets Hold``, except DelayReleaseHoldApplied, which needs
    ``-Properties``.
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
    """Return every hold that keeps a user's mailbox, or may keep it: its own, then the organization's.

    It leaves out policies that only delete, policies that the mailbox is excluded from, and policies for
    group mailboxes. If *organization* is None, the result has only the mailbox's own holds.
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
