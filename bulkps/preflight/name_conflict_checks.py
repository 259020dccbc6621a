"""The checks of accounts: who already has the names of the source or of the new account. Pure."""

from collections.abc import Mapping

from bulkps.exchange.garbled_names import damaged_from
from bulkps.exchange.powershell_quoting import quoted
from bulkps.exchange.proxy_addresses import domain_of
from bulkps.preflight.findings import Blocks, Code, Finding, Severity, not_checked
from bulkps.preflight.preflight_facts import Organization, PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRecovery

_INITIAL = ".onmicrosoft.com"
#: How many domains a sentence names.
_NAMED = 5
#: How many characters New-Mailbox -Name takes. [P:New-Mailbox]
_NAME_LENGTH = 64


def account_exists(source: Recipient, recipients: tuple[Recipient, ...] | None) -> Finding | None:
    """B4: the original account still exists, or exists again, perhaps with a new mailbox.

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
        else "Give the account a licence; once it has a mailbox, restore into that "
        "(New-MailboxRestoreRequest). Or delete the account for good before the recovery (Remove-MgUser, "
        "then Remove-MgDirectoryDeletedItem)."
    )
    return Finding(
        Code.ACCOUNT_EXISTS,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{one.label} ({kind}) has {shared}, which belongs to {source.label}",
        instead,
    )


def federated_domain(wanted: WantedRecovery, organization: Organization) -> Finding | None:
    """B5: a new account cannot be created in a federated domain.

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
        f"the domain of {wanted.upn} is federated (AuthenticationType of {domain})",
        f"Recover with a user principal name in {initial} (New-Mailbox -MicrosoftOnlineServicesID; "
        "--onmicrosoft-fallback does it for every such row). Then match the account by its ImmutableId with "
        "directory sync.",
    )


def domain_not_accepted(wanted: WantedRecovery, organization: Organization) -> Finding | None:
    """Next to B5: the new account's domain is not one of the organization's, perhaps because of a typo.

    [Exchange: NotAcceptedDomainException; own-errors.yaml domain-not-accepted]
    """
    # Every organization has a domain: an empty answer means that nothing was read.
    domains = organization.domains or {}
    strange = sorted({domain_of(text) for text in (wanted.upn, wanted.smtp) if text} - domains.keys())
    strange = [one for one in strange if not any(f"*.{parent}" in domains for parent in _parents(one))]
    if domains and not strange:
        return None
    # An accepted domain may include its subdomains (MatchSubDomains).
    if not domains or all(_below(one, domains) for one in strange):
        unread = f"whether {' and '.join(strange)} is an accepted domain"
        return not_checked(Code.DOMAIN_NOT_ACCEPTED, Blocks.RECOVER, unread, "Get-AcceptedDomain")
    known = ", ".join(sorted(domains)[:_NAMED]) + (", …" if len(domains) > _NAMED else "")
    return Finding(
        Code.DOMAIN_NOT_ACCEPTED,
        Severity.BLOCKER,
        Blocks.RECOVER,
        f"{' and '.join(strange)}: not among the organization's accepted domains ({known})",
        "Correct the name, or add the domain first and check it with Get-AcceptedDomain.",
    )


def _below(domain: str, domains: Mapping[str, str]) -> bool:
    """Return whether *domain* is a subdomain of an accepted one."""
    return any(parent in domains or f"*.{parent}" in domains for parent in _parents(domain))


def _parents(domain: str) -> list[str]:
    labels = domain.split(".")
    return [".".join(labels[index:]) for index in range(1, len(labels))]


def fallback_upn(wanted: WantedRecovery, organization: Organization) -> str:
    """Return the same user principal name in the initial domain, if its own domain is federated.

    Empty if it is not federated, if that was not read, if no initial domain is known, or if the new name
    would be longer than a mailbox's Name may be.
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
    """B6: the new account's user principal name, Name or address belongs to another recipient.

    If that recipient is soft-deleted, this is only a warning. Assumed: an active and an inactive mailbox can
    share an address [M365:recover-an-inactive-mailbox], so a deleted one does not keep it from an active one.
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
        "-PrimarySmtpAddress), or remove them from the recipients that have them.",
    )


def name_garbled(wanted: WantedRecovery, source: Recipient) -> Finding | None:
    """The new account's display name is the source's own, damaged by a wrong encoding; no other name is.

    A spreadsheet that saves in a Windows code page replaces characters that this page lacks by question
    marks, plain letters or others. The file's text may still be what is meant, so this is only a warning.
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
        "If that is not meant, save the file as CSV UTF-8 and correct it. For an account that already "
        f"exists: Set-Mailbox -DisplayName {quoted(own)}.",
    )


def _taken(wanted: WantedRecovery, one: Recipient) -> str:
    """Return which of the wanted names *one* already has, as text; empty if none."""
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

    Within 30 days of the deletion that is a validation conflict. Once the old account is purged and the new
    one has a licence, the source is hard-deleted, unless a hold keeps it. So a recovery is blocked; a restore
    only gets a warning, because it may be the last chance. [OEX:delete-or-restore-mailboxes]
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
                f"{one.label} has the source's ExchangeGuid or ArchiveGuid, {min(mine & _guids(one))}",
                # Common practice; Microsoft's page names the problem and no solution.
                "Clear it on-premises (msExchMailboxGUID, msExchArchiveGUID) and let directory sync run "
                "before the account gets a licence. Then restore into its new mailbox "
                "(New-MailboxRestoreRequest).",
            )
    return None


def _guids(one: Recipient) -> frozenset[str]:
    return frozenset(guid for guid in (one.exchange_guid, one.archive_guid) if guid)
