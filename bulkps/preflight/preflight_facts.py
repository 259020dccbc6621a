"""What was read about a row: its recipients, the organization and restore requests. Pure.

Every value is built from plain properties as ``Outcome.output`` holds them. None always means *was not read*;
an empty string or tuple means that it was read and is empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bulkps.exchange.holds import Hold, organization_holds
from bulkps.exchange.psobject import Properties, read_guid
from bulkps.preflight.recipient import Recipient


@dataclass(frozen=True)
class RestoreRequest:
    """A restore request that already exists.

    Attributes:
        name: Its Name.
        status: Its Status, such as ``InProgress``.
        identity: Its Identity.
        source_exchange_guid: The mailbox that it copies; only the statistics show it.
        target_is_archive: Whether it copies into the archive; only the statistics show it.
        target: Its TargetMailbox, unchanged.
        batch: Its BatchName.
    """

    name: str
    status: str
    identity: str = ""
    source_exchange_guid: str | None = None
    target_is_archive: bool | None = None
    target: str = ""
    batch: str = ""

    @classmethod
    def from_properties(
        cls, found: Mapping[str, object], statistics: Mapping[str, object] | None = None
    ) -> "RestoreRequest":
        """Return what the properties of Get-MailboxRestoreRequest, and of its statistics, say."""
        of, more = Properties(found), Properties(statistics or {})
        return cls(
            name=of.text("Name") or "",
            status=of.text("Status") or more.text("Status") or "",
            identity=of.text("Identity") or of.text("RequestGuid") or "",
            target=of.text("TargetMailbox") or "",
            batch=of.text("BatchName") or "",
            source_exchange_guid=more.guid("SourceExchangeGuid") or None,
            target_is_archive=more.flag("TargetIsArchive"),
        )

    @property
    def owners(self) -> frozenset[str]:
        """Folded names of the target: the Identity is ``alias\\Name``, TargetMailbox its name or path."""
        alias = self.identity.rpartition("\\")[0]
        # Assumed: the property prints as a name, or as a path that ends in one.
        names = (alias, self.target, self.target.rpartition("/")[2])
        return frozenset(read_guid(name) or name.casefold() for name in names if name)


@dataclass(frozen=True)
class Organization:
    """What was read of the organization.

    Attributes:
        auto_expanding_archive: AutoExpandingArchiveEnabled of Get-OrganizationConfig.
        holds: Its organization-wide policies.
        domains: AuthenticationType by accepted domain, folded; empty if it was not given.
    """

    auto_expanding_archive: bool | None = None
    holds: tuple[Hold, ...] | None = None
    domains: Mapping[str, str] | None = None

    @classmethod
    def from_properties(
        cls,
        config: Mapping[str, object] | None = None,
        accepted_domains: Sequence[Mapping[str, object]] | None = None,
    ) -> "Organization":
        """Return what Get-OrganizationConfig and Get-AcceptedDomain say; None for what was not read."""
        domains = None
        if accepted_domains is not None:
            read = [Properties(domain) for domain in accepted_domains]
            domains = {
                (of.text("DomainName") or of.text("Name") or "").casefold(): of.text("AuthenticationType")
                or ""
                for of in read
            }
        of = Properties(config or {})
        return cls(of.flag("AutoExpandingArchiveEnabled"), organization_holds(config or {}), domains)


@dataclass(frozen=True)
class PreflightFacts:
    """Everything that was read for one row. None: it was not read, or could not be.

    Attributes:
        sources: Every mailbox that the source's identity names: active, inactive and soft-deleted.
        targets: Every mailbox that the target's identity names (restore).
        recipients: Every recipient and user, soft-deleted ones too, that has the source's user principal
            name, one of its addresses or its GUIDs, or a name that the new account will get. It may
            contain others.
        requests: Every restore request into the target (restore).
        organization: The organization.
    """

    sources: tuple[Recipient, ...] | None = None
    targets: tuple[Recipient, ...] | None = None
    recipients: tuple[Recipient, ...] | None = None
    requests: tuple[RestoreRequest, ...] | None = None
    organization: Organization = Organization()
