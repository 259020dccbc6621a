"""Remove- of every kind of object, and Disable-Mailbox. Pure: the time is ``now``.

In Exchange Online a mailbox that is removed or disabled is soft-deleted, or inactive if a hold keeps it. On
an Exchange Server it is disconnected and stays in its database.
"""

from bulkps.simulator.cmdlets.archive_cmdlets import disable_archive
from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.cmdlets.group_managers import check_manager
from bulkps.simulator.cmdlets.nouns import (
    DISTRIBUTION_GROUP,
    GROUPS,
    MAIL_CONTACT,
    MAIL_USER,
    MAILBOXES,
    Noun,
    kebab,
)
from bulkps.simulator.tenant import fake_directory, new_objects
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.tenant import moment

_QUESTION = "Are you sure you want to perform this action? "


def remove_mailbox(call: Call) -> None:
    """Remove-Mailbox: the mailbox and its account; returns nothing."""
    call.only("Identity", "Force", "IgnoreDefaultScope", "DomainController")
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    if call.dry:
        return
    call.confirmed(f'{_QUESTION}Removing mailbox "{mailbox.text("Identity")}" will remove the account too.')
    call.changed("mailbox-removed", mailbox, mailbox, mailbox.text("Name"))
    _leave(call, mailbox)


def disable_mailbox(call: Call) -> None:
    """Disable-Mailbox: the account stays, without a mailbox; with -Archive, only the archive goes."""
    call.only("Identity", "Archive", "IgnoreDefaultScope", "DomainController")
    if call.flag("Archive"):
        disable_archive(call)
        return
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    if call.dry:
        return
    call.confirmed(
        f'{_QUESTION}Disabling mailbox "{mailbox.text("Identity")}" will remove the Exchange properties from '
        "the user object."
    )
    user = Mailbox(Kind.NONE, new_objects.disabled_user(dict(mailbox.properties)))
    call.changed("mailbox-disabled", mailbox, mailbox, mailbox.text("Name"))
    _leave(call, mailbox)
    call.tenant.add(user)


def _leave(call: Call, mailbox: Mailbox) -> None:
    """Let *mailbox* become what is left of one without an account."""
    tenant = call.tenant
    if tenant.on_premises:
        kept = {name: mailbox.properties.get(name) for name in ("DisplayName", "ExchangeGuid", "Database")}
        tenant.remove(mailbox)
        gone = {"DisconnectReason": "Disabled", "DisconnectDate": moment(call.now)}
        legacy = {"LegacyExchangeDN": mailbox.properties.get("LegacyExchangeDN")}
        tenant.add(Mailbox(Kind.DISCONNECTED, {**kept, **legacy, **gone}, mailbox.size))
        return
    held = bool(mailbox.properties.get("LitigationHoldEnabled") or mailbox.properties.get("InPlaceHolds"))
    changes: dict[str, Value] = {
        **fake_directory.deleted(tenant.seed, mailbox.text("Alias"), 0),
        "WhenSoftDeleted": moment(call.now),
        "IsInactiveMailbox": held,
        # The account keeps the Guid in the directory.
        "Guid": call.guid("deleted", mailbox.text("Guid")),
    }
    tenant.forget_rights(mailbox)
    tenant.change(mailbox, Kind.INACTIVE if held else Kind.SOFT_DELETED, changes)


def _remover(noun: Noun, what: str) -> Handler:
    def remove(call: Call) -> None:
        call.only("Identity", "BypassSecurityGroupManagerCheck", "IgnoreDefaultScope", "DomainController")
        one = call.find(call.text("Identity"), noun.kinds)
        if noun.kinds == GROUPS:
            check_manager(call, one)
        if call.dry:
            return
        call.confirmed(f'{_QUESTION}Removing {what} "{one.text("Identity")}".')
        call.changed(f"{kebab(noun.name)}-removed", one, one, one.text("Name"))
        call.tenant.remove(one)

    return remove


HANDLERS: dict[str, Handler] = {
    "Remove-Mailbox": remove_mailbox,
    "Disable-Mailbox": disable_mailbox,
    "Remove-MailContact": _remover(MAIL_CONTACT, "mail contact"),
    "Remove-MailUser": _remover(MAIL_USER, "mail user"),
    "Remove-DistributionGroup": _remover(DISTRIBUTION_GROUP, "distribution group"),
}
