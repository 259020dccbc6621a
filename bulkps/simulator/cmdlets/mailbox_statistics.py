"""Get-MailboxStatistics: the size of a mailbox; on-premises also the mailboxes of a database. Pure."""

from datetime import UTC, datetime, timedelta

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Refused, Value
from bulkps.simulator.cmdlets.result_filter import condition, passing
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.mailbox_content import contents
from bulkps.simulator.tenant.tenant import not_found

_TYPE = "Microsoft.Exchange.Management.MapiTasks.Presentation.MailboxStatistics"
_TASKS = "Microsoft.Exchange.Management.Tasks."
_STORED = (Kind.ACTIVE, Kind.DISCONNECTED)
_FIRST_LOGON = datetime(2024, 1, 2, 8, 0, tzinfo=UTC)


def get_mailbox_statistics(call: Call) -> None:
    """Get-MailboxStatistics: of one mailbox by its Identity, or of a database's by Database."""
    call.only(
        "Identity", "Archive", "IncludeSoftDeletedRecipients", "Database", "StoreMailboxIdentity", "Filter",
        "NoADLookup", "DomainController",
    )  # fmt: skip
    if call.text("Database"):
        _write_database(call)
        return
    kinds = {Kind.ACTIVE}
    if call.flag("IncludeSoftDeletedRecipients"):
        kinds |= {Kind.INACTIVE, Kind.SOFT_DELETED}
    identity, archive = call.text("Identity"), call.flag("Archive")
    # Assumed: unlike Get-Mailbox, it refuses a name that two mailboxes have. An empty Identity means every
    # mailbox: the documented trap.
    found = [call.find(identity, kinds)] if identity else call.tenant.mailboxes(kinds)
    for mailbox in found:
        if archive and not mailbox.has_archive:
            raise no_archive(call, mailbox, identity)
        _write(call, statistics(call, mailbox, archive=archive))


def statistics(call: Call, mailbox: Mailbox, *, archive: bool = False) -> dict[str, Value]:
    """Return the statistics of *mailbox*, or of its archive."""
    held = contents(call.tenant.seed, mailbox, archive=archive)
    name, prefix = mailbox.text("DisplayName"), "In-Place Archive - " if archive else ""
    return {
        "DisplayName": prefix + name,
        "MailboxGuid": mailbox.properties["ArchiveGuid" if archive else "ExchangeGuid"],
        "ItemCount": held.items,
        "TotalItemSize": fake_directory.size_text(held.size),
        "DeletedItemCount": held.deleted_items,
        "TotalDeletedItemSize": fake_directory.size_text(held.deleted_size),
        "AssociatedItemCount": held.items % 90 + 10,
        "LastLogonTime": _FIRST_LOGON + timedelta(minutes=held.items),
        "IsArchiveMailbox": archive,
        "IsQuarantined": False,
        "LegacyDN": mailbox.properties.get("LegacyExchangeDN"),
        "Database": mailbox.properties.get("Database"),
        "DisconnectReason": mailbox.properties.get("DisconnectReason"),
        "DisconnectDate": mailbox.properties.get("DisconnectDate"),
    }


def no_archive(call: Call, mailbox: Mailbox, identity: str) -> Refused:
    """Return the error for a missing archive. Text and exception are assumed."""
    exception = f"{_TASKS}RecipientTaskException"
    who = mailbox.text("Identity") or mailbox.text("DisplayName")
    return call.refused(f"The mailbox '{who}' doesn't have an archive.", exception, target=identity)


def in_database(call: Call, database: str, kinds: tuple[Kind, ...]) -> list[Mailbox]:
    """Return the mailboxes of *kinds* in *database*.

    Raises:
        Refused: There is no such database.
    """
    every = call.tenant.mailboxes(_STORED)
    wanted = database.casefold()
    if all(one.text("Database").casefold() != wanted for one in every):
        # Assumed: as for any other object; administrators quote it in this form.
        raise call.refused(
            f'Couldn\'t find database "{database}". Make sure you have typed it correctly.',
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            target=database,
        )
    return [one for one in every if one.kind in kinds and one.text("Database").casefold() == wanted]


def stored(found: list[Mailbox], identity: str) -> list[Mailbox]:
    """Return those of *found* that a StoreMailboxIdParameter names: MailboxGuid, LegacyDN or display name."""
    wanted = identity.strip("{}").casefold()
    names = ("ExchangeGuid", "LegacyExchangeDN", "DisplayName")
    return [one for one in found if wanted in {one.text(name).casefold() for name in names}]


HANDLERS: dict[str, Handler] = {"Get-MailboxStatistics": get_mailbox_statistics}


def _write_database(call: Call) -> None:
    identity, text = call.text("StoreMailboxIdentity"), call.text("Filter")
    found = in_database(call, call.text("Database"), _STORED)
    if identity:
        found = stored(found, identity)
        if not found:
            raise not_found(identity)
    every = [statistics(call, mailbox) for mailbox in found]
    if text:
        cmdlet = call.bound.cmdlet
        every = passing(every, condition(text, cmdlet), cmdlet, lambda one: one)
    for one in every:
        _write(call, one)


def _write(call: Call, properties: dict[str, Value]) -> None:
    call.write(_TYPE, str(properties["DisplayName"]), properties)
