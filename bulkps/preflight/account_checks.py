"""The checks of accounts: whoever has the source's names already, and the new account's. Pure."""

from collections.abc import Mapping

from bulkps.exchange.addresses import domain_of
from bulkps.exchange.name_comparison import damaged_from
from bulkps.exchange.powershell_text import quoted
from bulkps.preflight.findings import Blocks, Code, Finding, Severity, not_checked
from bulkps.preflight.preflight_facts import Organization, PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.wanted import WantedRecovery

_INITIAL = ".onmicrosoft.com"
#: How many domains a sentence names.
_NAMED = 5
#: How many characters New-Mailbox -Name takes. [P:New-Mailbox]
_NAME_LENGTH = 64


def account_exists(source: Recipient, recipients: tuple[Recipient, ...] | None) -> Finding | None:
    """B4: the original account is still, or again, there, perhaps with a new mailbox.

    [SA:reconnect-inactive-or-soft-deleted-mailboxes-to-ad]
    """
    names = _names(source)
    if recipients is None or not names:
        unread = "who has the source's user principal name and addresses"
        how = "Get-Recipient and Get-User"
        return not_checked(Code.ACCOUNT_EXISTS, Blocks.RECOVER, unread, how)
    living = [one for one in recipients if one.is_deleted is not True and not one.is_object(source)]
    for one in sorted(living, key=lambda one: one.is_mailbox is not True):
        if shared := names & _names(one):
            return _account_exists(source, one, min(shared))
    return None


def _names(one: Recipient) -> frozenset[str]:
    return one.smtp | _folded(one.user_principal_name or "")


def _account_exists(source: Recipient, one: Recipient, shared: str) -> Finding:
    kind = one.details or one.recipient_type or "a recipient"
    instead = (
        f"Restore into that mailbox: New-MailboxRestoreRequest -SourceMailbox {quoted(source.identity)} "
        f"-TargetMailbox {quoted(one.identity)}."
        if one.is_mailbox
        else "Give the account a licence, and once it has a mailbox restore into that "
        "(New-MailboxRestoreRequest); or delete the account for good before the recovery (Remove-MgUser, "
        "then Remove-MgDirectoryDeletedItem)."
    )
    return Finding(
        Code.ACCOUNT_EXISTS,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{one.label}, {kind}, has {shared} of {source.label}",
        instead,
    )


def federated_domain(wanted: WantedRecovery, organization: Organization) -> Finding | None:
    """B5: a new account cannot be made in a federated domain.

    [ODS mailbox-recovery-in-exchange-online; errors.yaml recover-federated-namespace]
    """
    domain = domain_of(wanted.upn)
    domains = organization.domains
    if domains and domain not in domains and not _below(domain, domains):
        return None  # domain_not_accepted says what is wrong with it.
    if not domains or not domains.get(domain):
        unread = f"AuthenticationType of the domain {domain or 'of ' + quoted(wanted.upn)}"
        return not_checked(Code.FEDERATED_DOMAIN, Blocks.RECOVER, unread, "Get-AcceptedDomain")
    if domains[domain].casefold() != "federated":
        return None
    initial = next(iter(sorted(filter(_is_initial, domains))), "the .onmicrosoft.com domain")
    return Finding(
        Code.FEDERATED_DOMAIN,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"AuthenticationType of {domain}, the domain of {wanted.upn}, is Federated",
        f"Recover with a user principal name in {initial} (New-Mailbox -MicrosoftOnlineServicesID; "
        "--onmicrosoft-fallback does it for every such row), then match the account by its ImmutableId with "
        "directory sync.",
    )


def domain_not_accepted(wanted: WantedRecovery, organization: Organization) -> Finding | None:
    """Beside B5: the new account's domain is none of the organization's; a letter too many does it.

    [Exchange: NotAcceptedDomainException; own-errors.yaml domain-not-accepted]
    """
    # No organization is without a domain: an empty answer is none.
    domains = organization.domains or {}
    strange = sorted({domain_of(text) for text in (wanted.upn, wanted.smtp) if text} - domains.keys())
    strange = [one for one in strange if not any(f"*.{parent}" in domains for parent in _parents(one))]
    if domains and not strange:
        return None
    # An accepted domain may stand for those below it (MatchSubDomains).
    if not domains or all(_below(one, domains) for one in strange):
        unread = f"whether {' and '.join(strange)} is an accepted domain"
        return not_checked(Code.DOMAIN_NOT_ACCEPTED, Blocks.RECOVER, unread, "Get-AcceptedDomain")
    known = ", ".join(sorted(domains)[:_NAMED]) + (", …" if len(domains) > _NAMED else "")
    return Finding(
        Code.DOMAIN_NOT_ACCEPTED,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{' and '.join(strange)}: not among the organization's accepted domains ({known})",
        "Correct the name, or add the domain first and see it with Get-AcceptedDomain.",
    )


def _below(domain: str, domains: Mapping[str, str]) -> bool:
    """Return whether *domain* lies below an accepted one."""
    return any(parent in domains or f"*.{parent}" in domains for parent in _parents(domain))


def _parents(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[index:]) for index in range(1, len(labels))]


def fallback_upn(wanted: WantedRecovery, organization: Organization) -> str:
    """Return the same user principal name in the initial domain, if its own domain is federated.

    Empty where it is not, where that was not read, where no initial domain is known, and where it would be
    longer than the mailbox's Name may be.
    """
    domains = organization.domains or {}
    initial = next(iter(sorted(filter(_is_initial, domains))), "")
    federated = domains.get(domain_of(wanted.upn), "").casefold() == "federated"
    upn = f"{wanted.upn.rpartition('@')[0]}@{initial}" if federated and initial else ""
    return upn if len(upn) <= _NAME_LENGTH else ""


def _is_initial(domain: str) -> bool:
    return domain.endswith(_INITIAL) and not domain.endswith(".mail" + _INITIAL)


def name_taken(
    wanted: WantedRecovery, source: Recipient | None, recipients: tuple[Recipient, ...] | None
) -> Finding | None:
    """B6: the new account's user principal name, Name or address belongs to somebody else.

    A soft-deleted holder only warns. Assumed: an active and an inactive mailbox can share an address
    [M365:recover-an-inactive-mailbox], so a deleted one does not keep it from a living one.
    """
    if recipients is None:
        unread = "who has the new account's names"
        how = "Get-Recipient -IncludeSoftDeletedRecipients and Get-User"
        return not_checked(Code.NAME_TAKEN, Blocks.RECOVER, unread, how)
    others = [one for one in recipients if source is None or not one.is_object(source)]
    taken = [(one, what) for one in others if (what := _taken(wanted, one))]
    if not taken:
        return None
    living = any(one.is_deleted is not True for one, _ in taken)
    listed = "; ".join(
        f"{what} belongs to {one.label}{', soft-deleted' if one.is_deleted else ''}" for one, what in taken
    )
    return Finding(
        Code.NAME_TAKEN,
        Severity.BLOCKER if living else Severity.WARNING,
        Blocks.RECOVER,
        listed,
        "Choose names that are not in use (New-Mailbox -Name, -MicrosoftOnlineServicesID, "
        "-PrimarySmtpAddress), or take them from whoever has them.",
    )


def name_garbled(wanted: WantedRecovery, source: Recipient) -> Finding | None:
    """The new account's display name is the source's own after a wrong encoding; a new name is none.

    A spreadsheet that saves in the code page of its Windows makes question marks, plain letters or others of
    what that page does not have. What the file says instead may be what is meant: it is only warned of.
    """
    own = source.display_name or ""
    how = damaged_from(wanted.display_name, own) if wanted.display_name and own else ""
    if not how:
        return None
    return Finding(
        Code.NAME_GARBLED,
        Severity.WARNING,
        Blocks.RECOVER,
        f"the display name {quoted(wanted.display_name)} is the source's own, {quoted(own)}, {how}",
        "If that is not meant, save the file as CSV UTF-8 and correct it; of an account that is made already "
        f"Set-Mailbox -DisplayName {quoted(own)} does.",
    )


def _taken(wanted: WantedRecovery, one: Recipient) -> str:
    """Return which of the wanted names *one* has, as a text; empty if none."""
    addresses = _folded(wanted.upn, wanted.smtp)
    upn, name = (one.user_principal_name or "").casefold(), (one.name or "").casefold()
    found = []
    if upn == wanted.upn.casefold():
        found.append(f"the user principal name {wanted.upn}")
    found += [f"the address {address}" for address in sorted(addresses & one.smtp)]
    if name in _folded(wanted.name or wanted.upn):
        found.append(f"the Name {wanted.name or wanted.upn}")
    return ", ".join(found)


def _folded(*texts: str) -> frozenset[str]:
    return frozenset(text.casefold() for text in texts if text)


def guid_reused(source: Recipient, around: PreflightFacts, blocks: Blocks) -> Finding | None:
    """B16: a newly synced user has the source's ExchangeGuid or ArchiveGuid.

    Within 30 days of the deletion that is a validation conflict, and once the old account is purged and the
    new one licensed the source is hard-deleted, unless a hold keeps it. So recovery is blocked; a restore is
    warned: it may be the last chance. [OEX:delete-or-restore-mailboxes]
    """
    if around.recipients is None:
        unread = "who else has the source's ExchangeGuid or ArchiveGuid"
        return not_checked(Code.GUID_REUSED, blocks, unread, "Get-MailUser and Get-Recipient")
    mine = _guids(source)
    for one in around.recipients:
        if one.is_deleted is not True and not one.is_object(source) and mine & _guids(one):
            return Finding(
                Code.GUID_REUSED,
                Severity.WARNING if blocks is Blocks.RESTORE else Severity.BLOCKER,
                blocks,
                f"{one.label} has the ExchangeGuid or ArchiveGuid {min(mine & _guids(one))} of the source",
                # Common practice; Microsoft's page names the trouble and no cure.
                "Clear it on-premises (msExchMailboxGUID, msExchArchiveGUID) and let directory sync run "
                "before the account gets a licence; then New-MailboxRestoreRequest into its new mailbox.",
            )
    return None


def _guids(one: Recipient) -> frozenset[str]:
    return frozenset(guid for guid in (one.exchange_guid, one.archive_guid) if guid)
