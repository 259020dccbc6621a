"""The folders of a mailbox and the rights on them. Pure.

A folder is named by its mailbox and its path, in the language of the mailbox: ``ann@contoso.com:\\Kalender``.
Error texts are those of exo-module-facts.md if it has them; comments mark what is assumed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category, Refused, Value
from bulkps.simulator.cmdlets.mailbox_permissions import PRINCIPALS
from bulkps.simulator.cmdlets.nouns import MAILBOXES
from bulkps.simulator.cmdlets.property_types import chosen, entries
from bulkps.simulator.cmdlets.result_filter import limited
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Mailbox
from bulkps.simulator.tenant.mailbox_content import contents
from bulkps.simulator.tenant.mailbox_language import FOLDER_TYPES, folder_language, spoken
from bulkps.simulator.tenant.tenant import FolderRight, only

_STATISTICS = "Microsoft.Exchange.Management.Tasks.MailboxFolderConfiguration"
_PERMISSION = "Microsoft.Exchange.Management.StoreTasks.MailboxFolderPermission"
_STORE_TASKS = "Microsoft.Exchange.Management.StoreTasks."
_ROOT = "Top of Information Store"
_CALENDAR = "Calendar"
#: Entries that every folder has, with what they may do in the calendar and elsewhere.
_ALWAYS = {"Default": ("AvailabilityOnly", "None"), "Anonymous": ("None", "None")}
#: Roles first, then single rights. [P:Add-MailboxFolderPermission]
_RIGHTS = (
    "None", "Owner", "PublishingEditor", "Editor", "PublishingAuthor", "Author", "NonEditingAuthor",
    "Reviewer", "Contributor", "AvailabilityOnly", "LimitedDetails", "CreateItems", "CreateSubfolders",
    "DeleteAllItems",
    "DeleteOwnedItems", "EditAllItems", "EditOwnedItems", "FolderContact", "FolderOwner", "FolderVisible",
    "ReadItems",
)  # fmt: skip
_FLAGS = ("None", "Delegate", "CanViewPrivateItems")


def folders(call: Call, mailbox: Mailbox) -> Mapping[str, str]:
    """Return the type of each folder of *mailbox* by its name; the root has none."""
    names = spoken(folder_language(call.tenant, mailbox)).folders
    return {"": "Root", **dict(zip(names, FOLDER_TYPES, strict=True))}


def get_folder_statistics(call: Call) -> None:
    """Get-MailboxFolderStatistics: the folders with their types, and how much is in each."""
    call.only("Identity", "FolderScope", "ResultSize", "DomainController")
    mailbox = call.find(call.text("Identity"), MAILBOXES)
    scope = call.text("FolderScope").casefold()
    wanted = [
        (name, kind) for name, kind in folders(call, mailbox).items() if scope in ("", "all", kind.casefold())
    ]
    held = contents(call.tenant.seed, mailbox)
    for name, kind in limited(wanted, call.parameters.get("ResultSize"), call.answer):
        share = fake_directory.chance(call.tenant.seed, "folder", mailbox.key, kind) / len(FOLDER_TYPES)
        size = fake_directory.size_text(int(held.size * share))
        identity = f"{mailbox.text('Identity')}\\{name or _ROOT}"
        call.write(
            _STATISTICS,
            identity,
            {
                "Identity": identity,
                "Name": name or _ROOT,
                "FolderPath": f"/{name or _ROOT}",
                "FolderType": kind,
                "FolderId": str(call.guid("folder", mailbox.key, kind)),
                "ItemsInFolder": int(held.items * share),
                "FolderSize": size,
                "ItemsInFolderAndSubfolders": int(held.items * share),
                "FolderAndSubfolderSize": size,
                "ContainerClass": "IPF.Appointment" if kind == _CALENDAR else "IPF.Note",
            },
        )


@dataclass(frozen=True)
class _User:
    """Who an entry is for: somebody of the directory, or everybody else (``Default``, ``Anonymous``)."""

    key: str
    name: str
    mailbox: Mailbox | None


def add_folder_permission(call: Call) -> None:
    """Add-MailboxFolderPermission: who has an entry already is refused."""
    mailbox, path, user = _place(call)
    if user.key in _present(call, mailbox, path):
        raise call.refused(
            f"An existing permission entry was found for user: {user.name}.",
            f"{_STORE_TASKS}UserAlreadyExistsInPermissionEntryException",
            Category.NotSpecified,
            call.text("Identity"),
        )
    right = FolderRight(user.mailbox, _rights(call), _flags(call, ""))
    if call.dry:
        return
    _keep(call, mailbox, path, user, right, "folder-permission-added")
    _write(call, mailbox, path, user.key)


def set_folder_permission(call: Call) -> None:
    """Set-MailboxFolderPermission: replace the rights of an entry; returns nothing."""
    mailbox, path, user = _place(call)
    present = _present(call, mailbox, path).get(user.key)
    if present is None:
        raise _no_entry(call, user)
    right = FolderRight(user.mailbox, _rights(call), _flags(call, present.flags))
    # Assumed: setting the same rights again says nothing.
    if not call.dry and right != present:
        _keep(call, mailbox, path, user, right, "folder-permission-set")


def remove_folder_permission(call: Call) -> None:
    """Remove-MailboxFolderPermission: take somebody's entry away."""
    mailbox, path, user = _place(call)
    if user.mailbox is None:
        # Assumed, the text too.
        raise call.refused(
            f"The permission entry of '{user.name}' can't be removed. Set its access rights to None instead.",
            f"{_STORE_TASKS}CannotRemoveSpecialUserException",
            Category.InvalidOperation,
            call.text("Identity"),
        )
    if user.key not in _present(call, mailbox, path):
        raise _no_entry(call, user)
    if call.dry:
        return
    call.confirmed(
        "Are you sure you want to perform this action? Removing mailbox folder permission on "
        f'Identity:"{call.text("Identity")}" for user "{user.name}".'
    )
    place = (mailbox, folders(call, mailbox)[path])
    kept = {key: right for key, right in call.tenant.folder_rights.pop(place).items() if key != user.key}
    if kept:
        call.tenant.folder_rights[place] = kept
    call.changed("folder-permission-removed", mailbox, user.mailbox, path)


def get_folder_permission(call: Call) -> None:
    """Get-MailboxFolderPermission: every entry, or that of one user."""
    call.only("Identity", "User", "ResultSize", "DomainController")
    mailbox, path = _folder(call)
    keys = list(_present(call, mailbox, path))
    if call.text("User"):
        user = _user(call)
        if user.key not in keys:
            raise _no_entry(call, user)
        keys = [user.key]
    for key in limited(keys, call.parameters.get("ResultSize"), call.answer):
        _write(call, mailbox, path, key)


HANDLERS: dict[str, Handler] = {
    "Get-MailboxFolderStatistics": get_folder_statistics,
    "Add-MailboxFolderPermission": add_folder_permission,
    "Set-MailboxFolderPermission": set_folder_permission,
    "Remove-MailboxFolderPermission": remove_folder_permission,
    "Get-MailboxFolderPermission": get_folder_permission,
}


def _place(call: Call) -> tuple[Mailbox, str, _User]:
    """Return the mailbox, the folder and the user that the call names."""
    # Whether a mail goes out to the user cannot be seen here.
    call.only(
        "Identity", "User", "AccessRights", "SharingPermissionFlags", "SendNotificationToUser", "Force",
        "DomainController",
    )  # fmt: skip
    return *_folder(call), _user(call)


def _folder(call: Call) -> tuple[Mailbox, str]:
    """Return the mailbox and the name of the folder that Identity names.

    Raises:
        Refused: There is no such mailbox, or no such folder in it.
    """
    identity = call.text("Identity")
    owner, _, path = identity.partition(":")
    mailbox = call.find(owner, MAILBOXES)
    wanted = path.strip("\\").casefold()
    for name in folders(call, mailbox):
        if name.casefold() == wanted:
            return mailbox, name
    raise call.refused(
        f"The operation couldn't be performed because '{identity}' couldn't be found.",
        "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
        target=identity,
    )


def _user(call: Call) -> _User:
    """Return whom User names.

    Raises:
        Refused: There is none, or more than one.
    """
    text = call.text("User")
    for special in _ALWAYS:
        if special.casefold() == text.casefold():
            return _User(special, special, None)
    found = call.matches(text, PRINCIPALS)
    if not found:
        # Administrators quote it in this form.
        raise call.refused(
            f'The user "{text}" is either not valid SMTP address, or there is no matching information.',
            f"{_STORE_TASKS}InvalidExternalUserIdException",
            Category.NotSpecified,
            text,
        )
    one = only(text, found)
    return _User(one.key, one.text("DisplayName"), one)


def _present(call: Call, mailbox: Mailbox, path: str) -> dict[str, FolderRight]:
    """Return the entries of a folder by their user's key."""
    kind = folders(call, mailbox)[path]
    always = {name: FolderRight(None, (rights[kind != _CALENDAR],)) for name, rights in _ALWAYS.items()}
    return {**always, **call.tenant.folder_rights.get((mailbox, kind), {})}


def _keep(call: Call, mailbox: Mailbox, path: str, user: _User, right: FolderRight, kind: str) -> None:
    place = (mailbox, folders(call, mailbox)[path])
    call.tenant.folder_rights[place] = {**call.tenant.folder_rights.get(place, {}), user.key: right}
    call.changed(kind, mailbox, user.mailbox or mailbox, path)


def _rights(call: Call) -> tuple[str, ...]:
    given = entries(call.parameters.get("AccessRights"))
    return tuple(sorted(chosen(call.bound.cmdlet, "AccessRights", one, _RIGHTS) for one in given))


def _flags(call: Call, present: str) -> str:
    """Return SharingPermissionFlags as Exchange shows them; *present* if none are given."""
    given = call.parameters.get("SharingPermissionFlags")
    if given in (None, ""):
        return present
    several = [part.strip() for one in entries(given) for part in str(one).split(",")]
    names = [chosen(call.bound.cmdlet, "SharingPermissionFlags", one, _FLAGS) for one in several]
    return ", ".join(name for name in names if name != "None")


def _no_entry(call: Call, user: _User) -> Refused:
    return call.refused(
        f"There is no existing permission entry found for user: {user.name}.",
        f"{_STORE_TASKS}UserNotFoundInPermissionEntryException",
        Category.NotSpecified,
        call.text("Identity"),
    )


def _write(call: Call, mailbox: Mailbox, path: str, key: str) -> None:
    right = _present(call, mailbox, path)[key]
    name = key if right.user is None else right.user.text("DisplayName")
    properties: dict[str, Value] = {
        "Identity": name,
        "FolderName": path or _ROOT,
        "User": name,
        "AccessRights": list(right.rights),
        "SharingPermissionFlags": right.flags,
    }
    call.write(_PERMISSION, name, properties)
