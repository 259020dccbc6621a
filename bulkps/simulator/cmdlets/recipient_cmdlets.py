"""Get-Mailbox, Get-Recipient, Get-User and Get-MailUser: what is in the directory. Pure.

With an Identity they return everything that it names, as Exchange's reading cmdlets do. Only cmdlets that
change something refuse a name that several objects have.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.cmdlets.result_filter import condition, keys, limited, passing
from bulkps.simulator.tenant.mailbox import Kind, Mailbox, Properties
from bulkps.simulator.tenant.tenant import not_found

_MANAGEMENT = "Microsoft.Exchange.Data.Directory.Management."
MAILBOX_TYPE = f"{_MANAGEMENT}Mailbox"
_RECIPIENTS = (Kind.ACTIVE, Kind.MAIL_USER, Kind.GROUP, Kind.CONTACT)
_DELETED = (Kind.INACTIVE, Kind.SOFT_DELETED)
USERS = (Kind.ACTIVE, Kind.NONE, Kind.MAIL_USER)
_RECIPIENT_PROPERTIES = (
    "Identity", "Name", "DisplayName", "Alias", "FirstName", "LastName", "PrimarySmtpAddress",
    "EmailAddresses", "RecipientType", "RecipientTypeDetails", "Guid", "ExchangeGuid", "ArchiveGuid",
    "DistinguishedName", "ExternalDirectoryObjectId", "Department", "Company", "Title", "Office",
    "WhenSoftDeleted",
)  # fmt: skip
_USER_PROPERTIES = (
    "Identity", "Name", "DisplayName", "FirstName", "LastName", "UserPrincipalName", "WindowsEmailAddress",
    "MicrosoftOnlineServicesID", "RecipientType", "RecipientTypeDetails", "Guid", "DistinguishedName",
    "ExternalDirectoryObjectId", "Department", "Company", "Title", "Office", "IsDirSynced",
)  # fmt: skip
_MAIL_USER_PROPERTIES = (
    *_RECIPIENT_PROPERTIES, "UserPrincipalName", "ExternalEmailAddress", "LegacyExchangeDN", "IsDirSynced",
    "WindowsEmailAddress",
)  # fmt: skip
_CHOICE = ("Identity", "Filter", "ResultSize", "SortBy", "DomainController")


def get_mailbox(call: Call) -> None:
    """Get-Mailbox: active mailboxes, or the deleted ones asked for. No Identity means all of them."""
    call.only(*_CHOICE, "InactiveMailboxOnly", "IncludeInactiveMailbox", "SoftDeletedMailbox")
    kinds = {Kind.SOFT_DELETED} if call.flag("SoftDeletedMailbox") else {Kind.ACTIVE}
    if call.flag("IncludeInactiveMailbox"):
        kinds |= {Kind.ACTIVE, Kind.INACTIVE}
    if call.flag("InactiveMailboxOnly"):
        kinds = {Kind.INACTIVE}
    for mailbox in _found(call, kinds):
        call.write(MAILBOX_TYPE, None, mailbox.as_is)


def get_recipient(call: Call) -> None:
    """Get-Recipient: every object with an address. Plain users have none; there is no UserPrincipalName."""
    call.only(*_CHOICE, "IncludeSoftDeletedRecipients", "Properties")
    deleted = _DELETED if call.flag("IncludeSoftDeletedRecipients") else ()
    _write(call, "ReducedRecipient", (*_RECIPIENTS, *deleted), _RECIPIENT_PROPERTIES)


def get_user(call: Call) -> None:
    """Get-User: every account, with a mailbox here, elsewhere, or without one."""
    call.only(*_CHOICE, "Sortby")
    _write(call, "User", USERS, _USER_PROPERTIES)


def get_mail_user(call: Call) -> None:
    """Get-MailUser: users with a mailbox elsewhere."""
    call.only(*_CHOICE)
    _write(call, "MailUser", (Kind.MAIL_USER,), _MAIL_USER_PROPERTIES)


HANDLERS: dict[str, Handler] = {
    "Get-Mailbox": get_mailbox,
    "Get-Recipient": get_recipient,
    "Get-User": get_user,
    "Get-MailUser": get_mail_user,
}


def _write(call: Call, type_name: str, kinds: Iterable[Kind], names: Iterable[str]) -> None:
    for one in _found(call, kinds):
        call.write(_MANAGEMENT + type_name, None, partial(_reduced, one.as_is, names))


def _reduced(made: Properties | Callable[[], Properties], names: Iterable[str]) -> dict[str, Value]:
    properties = made() if callable(made) else made
    return {name: properties.get(name) for name in names}


def _found(call: Call, kinds: Iterable[Kind]) -> list[Mailbox]:
    """Return the objects of *kinds* that the call asks for, no more than it may have.

    Raises:
        Refused: Its Identity names none.
    """
    kinds, identity, text = tuple(kinds), call.text("Identity"), call.text("Filter")
    wanted = condition(text, call.bound.cmdlet) if text else None
    if identity:
        found = call.matches(identity, kinds)
        if not found:
            raise not_found(identity)
    else:
        named = keys(wanted) if wanted else None
        found = _named(call, named, kinds) if named is not None else _all(call, kinds)
    if wanted:
        found = passing(found, wanted, call.bound.cmdlet, _properties)
    return limited(found, call.parameters.get("ResultSize"), call.answer)


def _named(call: Call, names: Iterable[str], kinds: Iterable[Kind]) -> list[Mailbox]:
    """Return the objects that any of *names* names, each once: without checking all mailboxes."""
    return list({id(one): one for name in sorted(names) for one in call.matches(name, kinds)}.values())


def _all(call: Call, kinds: Iterable[Kind]) -> list[Mailbox]:
    return [one for one in call.tenant.mailboxes(kinds) if one.shown_from <= call.now]


def _properties(one: Mailbox) -> Mapping[str, Value]:
    return one.properties
