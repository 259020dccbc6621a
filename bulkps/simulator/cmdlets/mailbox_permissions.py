"""Rights on a mailbox and in a recipient's name: Add-, Remove- and Get-. Pure.

Error texts are those of exchange-facts.md and exo-module-facts.md if they have them; comments mark what is
assumed. The entries that every object has (``NT AUTHORITY\\SELF``) are not shown.
"""

from collections.abc import Iterable

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category, Value
from bulkps.simulator.cmdlets.nouns import MAILBOXES, RECIPIENTS
from bulkps.simulator.cmdlets.property_types import entries
from bulkps.simulator.cmdlets.result_filter import limited
from bulkps.simulator.tenant.mailbox import Kind, Mailbox

_TASKS = "Microsoft.Exchange.Management.Tasks.RecipientTaskException"
_PERMISSION = "Microsoft.Exchange.Management.RecipientTasks.MailboxAcePresentationObject"
_RECIPIENT_PERMISSION = "Microsoft.Exchange.Management.RecipientTasks.RecipientAcePresentationObject"
#: Who can have rights. A distribution group is no security principal, and a contact has no account.
PRINCIPALS = (Kind.ACTIVE, Kind.NONE, Kind.MAIL_USER, Kind.GROUP)
_SECURITY_GROUP = "MailUniversalSecurityGroup"
_SEND_AS = "SendAs"


def add_mailbox_permission(call: Call) -> None:
    """Add-MailboxPermission: an existing right only gives a warning."""
    call.only("Identity", "User", "AccessRights", "AutoMapping", "InheritanceType", "DomainController")
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    user = principal(call, call.text("User"))
    rights = {str(one) for one in entries(call.parameters.get("AccessRights"))}
    place = (mailbox.key, user.key)
    if rights <= call.tenant.permissions.get(place, set()):
        _warn_present(call, mailbox, user)
        return
    if call.dry:
        return
    call.tenant.permissions.setdefault(place, set()).update(rights)
    call.changed("permission-added", mailbox, user, ",".join(sorted(rights)))
    _write(call, mailbox, user, rights)


def remove_mailbox_permission(call: Call) -> None:
    """Remove-MailboxPermission: a right that is not there only gives a warning."""
    call.only("Identity", "User", "AccessRights", "InheritanceType", "DomainController", "IgnoreDefaultScope")
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    user = principal(call, call.text("User"))
    rights = {str(one) for one in entries(call.parameters.get("AccessRights"))}
    held = call.tenant.permissions.get((mailbox.key, user.key), set())
    removed = {one for one in held if one.casefold() in {right.casefold() for right in rights}}
    if call.dry:
        return
    call.confirmed(
        "Are you sure you want to perform this action? Removing mailbox permission "
        f'"{mailbox.text("Identity")}" for user "{account(call, user)}" with access rights '
        f"\"'{', '.join(sorted(rights))}'\"."
    )
    if not removed:
        _warn_absent(call, mailbox, user)
        return
    call.tenant.permissions[mailbox.key, user.key] = held - removed
    if held == removed:
        del call.tenant.permissions[mailbox.key, user.key]
    call.changed("permission-removed", mailbox, user, ",".join(sorted(removed)))


def get_mailbox_permission(call: Call) -> None:
    """Get-MailboxPermission: the added rights, without the entries that every mailbox has."""
    call.only("Identity", "User", "ResultSize", "DomainController", "ReadFromDomainController")
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    wanted = principal(call, call.text("User")).key if call.text("User") else ""
    found = [
        (by, rights)
        for (of, by), rights in call.tenant.permissions.items()
        if of == mailbox.key and wanted in ("", by)
    ]
    for by, rights in limited(found, call.parameters.get("ResultSize"), call.answer):
        _write(call, mailbox, call.tenant.find(by, PRINCIPALS), rights)


def _confirm_sender(call: Call, doing: str, recipient: Mailbox, trustee: Mailbox) -> None:
    call.confirmed(
        f"Are you sure you want to perform this action? {doing} recipient permission "
        f'"{recipient.text("Identity")}" for user or group "{account(call, trustee)}" with access rights '
        f"\"'{_SEND_AS}'\"."
    )


def add_recipient_permission(call: Call) -> None:
    """Add-RecipientPermission: SendAs, the only right there is; an existing one only gives a warning."""
    recipient, trustee = _pair(call)
    holders = call.tenant.senders.get(recipient, [])
    if call.dry:
        return
    _confirm_sender(call, "Adding", recipient, trustee)
    if trustee in holders:
        _warn_present(call, recipient, trustee)
        return
    call.tenant.senders[recipient] = [*holders, trustee]
    call.changed("recipient-permission-added", recipient, trustee, _SEND_AS)
    _write_sender(call, recipient, trustee)


def remove_recipient_permission(call: Call) -> None:
    """Remove-RecipientPermission: a right that is not there only gives a warning."""
    recipient, trustee = _pair(call)
    holders = call.tenant.senders.get(recipient, [])
    if call.dry:
        return
    _confirm_sender(call, "Removing", recipient, trustee)
    if trustee not in holders:
        _warn_absent(call, recipient, trustee)
        return
    kept = [one for one in call.tenant.senders.pop(recipient) if one is not trustee]
    if kept:
        call.tenant.senders[recipient] = kept
    call.changed("recipient-permission-removed", recipient, trustee, _SEND_AS)


def get_recipient_permission(call: Call) -> None:
    """Get-RecipientPermission: of one recipient or of all, for one trustee or for all."""
    call.only("Identity", "Trustee", "AccessRights", "ResultSize", "ReadFromDomainController")
    identity, trustee = call.text("Identity"), call.text("Trustee")
    recipients = [call.find(identity, RECIPIENTS)] if identity else list(call.tenant.senders)
    wanted = principal(call, trustee) if trustee else None
    found = [
        (recipient, holder)
        for recipient in recipients
        for holder in call.tenant.senders.get(recipient, [])
        if wanted in (None, holder)
    ]
    for recipient, holder in limited(found, call.parameters.get("ResultSize"), call.answer):
        _write_sender(call, recipient, holder)


HANDLERS: dict[str, Handler] = {
    "Add-MailboxPermission": add_mailbox_permission,
    "Remove-MailboxPermission": remove_mailbox_permission,
    "Get-MailboxPermission": get_mailbox_permission,
    "Add-RecipientPermission": add_recipient_permission,
    "Remove-RecipientPermission": remove_recipient_permission,
    "Get-RecipientPermission": get_recipient_permission,
}


def principal(call: Call, identity: str) -> Mailbox:
    """Return the user or security group that *identity* names.

    Raises:
        Refused: There is none, or more than one.
    """
    found = [
        one
        for one in call.matches(identity, PRINCIPALS)
        if one.kind is not Kind.GROUP or one.text("RecipientTypeDetails") == _SECURITY_GROUP
    ]
    if len(found) != 1:
        # Assumed: Exchange's text says no more than this.
        raise call.refused(
            f"User or group '{identity}' wasn't found. Please make sure you've typed it correctly.",
            _TASKS,
            Category.InvalidArgument,
            identity,
        )
    return found[0]


def account(call: Call, user: Mailbox) -> str:
    """Return how rights name *user*: by the account, or by the group's Identity."""
    if call.tenant.on_premises:
        return f"CONTOSO\\{user.text('Alias') or user.text('Name')}"
    return user.text("UserPrincipalName") or user.text("Identity")


def _pair(call: Call) -> tuple[Mailbox, Mailbox]:
    call.only("Identity", "Trustee", "AccessRights", "DomainController")
    for right in entries(call.parameters.get("AccessRights")):
        if str(right).casefold() != _SEND_AS.casefold():
            # Assumed: there is no other right; the text is the binder's for an enumeration.
            raise call.refused(
                f'Cannot convert value "{right}" to type "RecipientAccessRight". Specify one of the '
                f"following enumerator names and try again: {_SEND_AS}",
                "System.ArgumentException",
                Category.InvalidArgument,
            )
    return call.find(call.text("Identity"), RECIPIENTS), principal(call, call.text("Trustee"))


def _warn_present(call: Call, one: Mailbox, user: Mailbox) -> None:
    call.answer.warnings.append(
        "The appropriate access control entry is already present on the object "
        f'"{one.text("DistinguishedName")}" for account "{account(call, user)}".'
    )


def _warn_absent(call: Call, one: Mailbox, user: Mailbox) -> None:
    # Seen: its end. Assumed: its beginning.
    call.answer.warnings.append(
        f'Can\'t remove the access control entry on the object "{one.text("DistinguishedName")}" for account '
        f'"{account(call, user)}" because the ACE isn\'t present.'
    )


def _write(call: Call, mailbox: Mailbox, user: Mailbox, rights: Iterable[str]) -> None:
    properties: dict[str, Value] = {
        "Identity": mailbox.text("Identity"),
        "User": account(call, user),
        "AccessRights": sorted(rights),
        "IsInherited": False,
        "Deny": False,
        "InheritanceType": "All",
    }
    call.write(_PERMISSION, mailbox.text("Identity"), properties)


def _write_sender(call: Call, recipient: Mailbox, trustee: Mailbox) -> None:
    properties: dict[str, Value] = {
        "Identity": recipient.text("Identity"),
        "Trustee": account(call, trustee),
        "AccessControlType": "Allow",
        "AccessRights": [_SEND_AS],
        "IsInherited": False,
        "InheritanceType": "None",
    }
    call.write(_RECIPIENT_PERMISSION, recipient.text("Identity"), properties)
