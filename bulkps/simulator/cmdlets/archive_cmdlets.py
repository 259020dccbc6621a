"""Enable-Mailbox and Disable-Mailbox -Archive: a mailbox gets an archive, or loses it. Pure."""

from collections.abc import Mapping

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category, Value
from bulkps.simulator.cmdlets.mailbox_statistics import no_archive
from bulkps.simulator.cmdlets.nouns import MAILBOX, MAILBOXES
from bulkps.simulator.cmdlets.property_types import entries
from bulkps.simulator.tenant import fake_directory

_TASKS = "Microsoft.Exchange.Management.Tasks.RecipientTaskException"


def enable_mailbox(call: Call) -> None:
    """Enable-Mailbox: an archive, or one that grows by itself; returns the mailbox."""
    call.only("Identity", "Archive", "AutoExpandingArchive", "ArchiveName", "Force", "DomainController")
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    if call.flag("AutoExpandingArchive"):
        if not mailbox.has_archive:
            raise no_archive(call, mailbox, call.text("Identity"))
        changes: dict[str, Value] = {"AutoExpandingArchiveEnabled": True}
    elif call.flag("Archive"):
        changes = archive_of(call, mailbox.properties)
    else:
        raise call.refused(
            "The simulated tenant enables archives only: use the Archive or AutoExpandingArchive parameter.",
            _TASKS,
            Category.InvalidOperation,
        )
    present = mailbox.properties.get("AutoExpandingArchiveEnabled") is True
    if mailbox.has_archive and (call.flag("Archive") or present):
        # Assumed, the text too.
        raise call.refused(
            f'The mailbox "{mailbox.text("Identity")}" already has an archive.',
            _TASKS,
            Category.InvalidOperation,
            mailbox.text("Identity"),
        )
    if call.dry:
        return
    call.tenant.change(mailbox, mailbox.kind, changes)
    call.changed("archive-enabled", mailbox, mailbox, mailbox.text("Name"))
    call.write(MAILBOX.type_name, None, MAILBOX.reading(call.tenant, mailbox))


def disable_archive(call: Call) -> None:
    """Disable-Mailbox -Archive: the archive is kept for 30 days without the mailbox; returns nothing."""
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    if not mailbox.has_archive:
        raise no_archive(call, mailbox, call.text("Identity"))
    if call.dry:
        return
    identity = mailbox.text("Identity")
    call.confirmed(
        f'Are you sure you want to perform this action? Disabling the archive for "{identity}" will remove '
        "the archive and mark it for removal."
    )
    archive = mailbox.properties.get("ArchiveGuid")
    places = [
        one for one in entries(mailbox.properties.get("MailboxLocations")) if str(archive) not in str(one)
    ]
    call.tenant.change(
        mailbox,
        mailbox.kind,
        {
            "ArchiveGuid": fake_directory.NO_GUID,
            "ArchiveName": [],
            "ArchiveStatus": "None",
            "AutoExpandingArchiveEnabled": False,
            "DisabledArchiveGuid": archive,
            "MailboxLocations": places,
        },
    )
    call.changed("archive-disabled", mailbox, mailbox, mailbox.text("Name"))


def archive_of(call: Call, mailbox: Mapping[str, Value]) -> dict[str, Value]:
    """Return what a mailbox with the properties *mailbox* has once it has an archive.

    Exchange Online connects the archive that was disabled within the last 30 days.
    """
    former = mailbox.get("DisabledArchiveGuid", fake_directory.NO_GUID)
    made = call.guid("archive", mailbox.get("ExchangeGuid"))
    guid = made if former == fake_directory.NO_GUID else former
    database = fake_directory.guid(call.tenant.seed, "database", mailbox.get("Database"))
    place = fake_directory.location(made, "MainArchive", database).replace(str(made), str(guid))
    named = entries(call.parameters.get("ArchiveName"))
    return {
        "ArchiveGuid": guid,
        "ArchiveName": named or [f"In-Place Archive - {mailbox.get('DisplayName')}"],
        "ArchiveStatus": "Active",
        "DisabledArchiveGuid": fake_directory.NO_GUID,
        "MailboxLocations": [*entries(mailbox.get("MailboxLocations")), place],
    }


HANDLERS: dict[str, Handler] = {"Enable-Mailbox": enable_mailbox}
