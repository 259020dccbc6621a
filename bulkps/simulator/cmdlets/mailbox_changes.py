"""Cmdlets that change existing mailboxes: Set-Mailbox, permissions, and Connect-Mailbox on-premises.

Pure: the time is the argument ``now``. Error texts are those of exchange-facts.md if it has them; comments
mark what is assumed.
"""

import re
from collections.abc import Mapping
from itertools import pairwise

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category, ErrorInfo, Refused, Value
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import LIVING, Kind, Mailbox
from bulkps.simulator.tenant.tenant import not_found

_TASKS = "Microsoft.Exchange.Management.Tasks.RecipientTaskException"
_VALIDATION = "Microsoft.Exchange.Data.DataValidationException"
_PERMISSION = "Microsoft.Exchange.Management.RecipientTasks.MailboxAcePresentationObject"
_QUOTAS = ("IssueWarningQuota", "ProhibitSendQuota", "ProhibitSendReceiveQuota")
_SETTINGS = ("CustomAttribute1", "HiddenFromAddressListsEnabled")
_SIZE = re.compile(r"(\d+)(?:\.(\d+))? ?(B|KB|MB|GB|TB)?", re.IGNORECASE)
_PRINTED = re.compile(r"\(([\d,]+) bytes\)")
_UNLIMITED = "Unlimited"
#: exchange-facts.md: with the usual licences, an Exchange Online mailbox can hold 100 GB.
_LICENCE_LIMIT = 100 * 1024**3
_MOST_PROXIES = 300


def set_mailbox(call: Call) -> None:
    """Set-Mailbox: quotas, EmailAddresses and a few properties; returns nothing."""
    call.only("Identity", "EmailAddresses", "DomainController", *_QUOTAS, *_SETTINGS)
    mailbox = call.find(call.text("Identity"), (Kind.ACTIVE,))
    changes: dict[str, Value] = {name: call.parameters[name] for name in _SETTINGS if name in call.parameters}
    if "CustomAttribute1" in changes:
        changes["CustomAttribute1"] = call.text("CustomAttribute1")
    changes |= _quotas(call, mailbox)
    if "EmailAddresses" in call.parameters:
        _check_not_synced(call, mailbox)
        changes |= _addresses(call, mailbox)
    if all(mailbox.properties.get(name) == value for name, value in changes.items()):
        call.answer.warnings.append(
            "The command completed successfully but no settings of "
            f"'{mailbox.text('Identity')}' have been modified."
        )
        return
    if not call.dry:
        call.tenant.change(mailbox, Kind.ACTIVE, changes)
        call.changed("mailbox-set", mailbox, mailbox, mailbox.text("Name"))


def add_mailbox_permission(call: Call) -> None:
    """Add-MailboxPermission: an existing right only gives a warning."""
    call.only("Identity", "User", "AccessRights", "AutoMapping", "InheritanceType", "DomainController")
    mailbox = call.find(call.text("Identity"), (Kind.ACTIVE,))
    user = _principal(call)
    wanted = call.parameters.get("AccessRights")
    rights = {str(one) for one in wanted} if isinstance(wanted, list) else set()
    place = (mailbox.text("ExchangeGuid"), user.text("ExchangeGuid"))
    if rights <= call.tenant.permissions.get(place, set()):
        call.answer.warnings.append(
            "The appropriate access control entry is already present on the object "
            f'"{mailbox.text("DistinguishedName")}" for account "{_account(call, user)}".'
        )
        return
    if call.dry:
        return
    call.tenant.permissions.setdefault(place, set()).update(rights)
    call.changed("permission-added", mailbox, user, ",".join(sorted(rights)))
    _write_permission(call, mailbox, user, rights)


def get_mailbox_permission(call: Call) -> None:
    """Get-MailboxPermission: the added rights, without the entries that every mailbox has."""
    call.only("Identity", "User", "DomainController")
    mailbox = call.find(call.text("Identity"), (Kind.ACTIVE,))
    wanted = _principal(call).text("ExchangeGuid") if call.text("User") else ""
    for (of, by), rights in call.tenant.permissions.items():
        if of == mailbox.text("ExchangeGuid") and wanted in ("", by):
            _write_permission(call, mailbox, call.tenant.find(by, (Kind.ACTIVE,)), rights)


def connect_mailbox(call: Call) -> None:
    """Connect-Mailbox: connect a disconnected mailbox to a user without a mailbox; returns nothing.

    The mailbox is named by its GUID or LegacyExchangeDN. Exchange also accepts a display name.
    """
    call.only("Identity", "Database", "User", "Alias", "DomainController")
    user = call.find(call.text("User"), (Kind.NONE, Kind.ACTIVE))
    if user.kind is not Kind.NONE:
        raise call.refused(
            "This task does not support recipients of this type. The specified recipient "
            f"{user.text('Identity')} is of type UserMailbox. Please make sure that this recipient matches "
            "the required recipient type for this task.",
            _TASKS,
            Category.InvalidArgument,
            user.text("Identity"),
        )
    found = call.matches(call.text("Identity"), (Kind.DISCONNECTED,))
    mailbox = next((one for one in found if one.text("Database") == call.text("Database")), None)
    if mailbox is None:
        # Assumed: the same text as for any other missing object.
        raise not_found(call.text("Identity"))
    if call.dry:
        return
    alias = call.text("Alias") or user.text("Name")
    own = {name: mailbox.properties[name] for name in ("ExchangeGuid", "LegacyExchangeDN", "Database")}
    call.tenant.remove(mailbox)
    call.tenant.change(user, Kind.ACTIVE, {**fake_directory.connected(user.properties, alias), **own})
    call.changed("mailbox-connected", user, user, user.text("Name"))


HANDLERS: dict[str, Handler] = {
    "Set-Mailbox": set_mailbox,
    "Add-MailboxPermission": add_mailbox_permission,
    "Get-MailboxPermission": get_mailbox_permission,
    "Connect-Mailbox": connect_mailbox,
}


def _quotas(call: Call, mailbox: Mailbox) -> dict[str, Value]:
    given = {name: _size(call, name) for name in _QUOTAS if name in call.parameters}
    if not given:
        return {}
    every = {name: given[name] if name in given else bytes_of(mailbox.text(name)) for name in _QUOTAS}
    for name, size in given.items():
        if not call.tenant.on_premises and (size is None or size > _LICENCE_LIMIT):
            who = mailbox.text("Identity")
            raise call.refused(
                f"The operation on mailbox \"{who}\" failed because it's out of the current user's write "
                f"scope. The value of properties '{name}' exceeds the maximum allowed for user '{who}' with "
                "license 'BPOS_S_Enterprise'.",
                _TASKS,
                Category.InvalidOperation,
                who,
            )
    for smaller, larger in pairwise(_QUOTAS):
        least, most = every[smaller], every[larger]
        if most is not None and (least is None or least > most):
            # Assumed: no documentation has it; administrators quote it in this form.
            raise call.refused(
                f"The value of property '{larger}' must be greater than or equal to that of property "
                f"'{smaller}'. {larger}: '{_text(most)}', {smaller}: '{_text(least)}'.",
                _VALIDATION,
                Category.InvalidOperation,
                mailbox.text("Identity"),
            )
    return {name: _text(size) for name, size in given.items()}


def _size(call: Call, name: str) -> int | None:
    """Return a quota parameter in bytes; None for Unlimited."""
    text = call.text(name)
    if text.casefold() == _UNLIMITED.casefold():
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        kind = "Microsoft.Exchange.Data.Unlimited`1[Microsoft.Exchange.Data.ByteQuantifiedSize]"
        message = (
            f"Cannot process argument transformation on parameter '{name}'. Cannot convert value "
            f'"{text}" to type "{kind}".'
        )
        raise Refused(
            ErrorInfo(
                message,
                "System.Management.Automation.ParameterBindingArgumentTransformationException",
                Category.InvalidArgument,
                f"ParameterArgumentTransformationError,{call.bound.cmdlet}",
                activity=call.bound.cmdlet,
            ),
            terminating=True,
        )
    unit = 1 << 10 * ("B", "KB", "MB", "GB", "TB").index((found[3] or "B").upper())
    return int(found[1]) * unit + int(float(f"0.{found[2] or 0}") * unit)


def bytes_of(text: str) -> int | None:
    """Return the bytes of a size as Exchange prints it; None for Unlimited."""
    found = _PRINTED.search(text)
    return int(found[1].replace(",", "")) if found else None


def _text(size: int | None) -> str:
    return _UNLIMITED if size is None else fake_directory.size_text(size)


def _addresses(call: Call, mailbox: Mailbox) -> dict[str, Value]:
    """Return the changes by EmailAddresses: a hashtable adds and removes, a list replaces."""
    given = call.parameters["EmailAddresses"]
    if isinstance(given, Mapping):
        folded = {str(name).casefold(): entries for name, entries in given.items()}
        removed = {_key(one) for one in _prefixed(folded.get("remove"))}
        kept = [one for one in mailbox.addresses() if _key(one) not in removed]
        added = _prefixed(folded.get("add"))
    else:
        kept, added = [], _prefixed(given)
    for one in added:
        _check_free(call, mailbox, one)
        known = [_key(entry) for entry in kept]
        if one.startswith("SMTP:"):
            # With a new primary address, the old one becomes a secondary address.
            kept = [entry.replace("SMTP:", "smtp:", 1) for entry in kept if _key(entry) != _key(one)]
            kept.insert(0, one)
        elif _key(one) not in known:
            # Assumed: adding an existing address gives no error.
            kept.append(one)
    if len(kept) > _MOST_PROXIES:
        raise call.refused(
            f"There are too many proxy addresses: {len(kept)}, and maximum supported number of recipient "
            f"proxy addresses is {_MOST_PROXIES}",
            _VALIDATION,
            Category.InvalidOperation,
        )
    primary = next((one for one in kept if one.startswith("SMTP:")), "")
    if not primary:
        # Assumed, the text too.
        raise call.refused(
            f'The primary SMTP address of "{mailbox.text("Identity")}" cannot be removed: a mailbox has '
            "exactly one.",
            _VALIDATION,
            Category.InvalidOperation,
            mailbox.text("Identity"),
        )
    address = primary.partition(":")[2]
    changes: dict[str, Value] = {"EmailAddresses": list(kept)}
    return changes | {"PrimarySmtpAddress": address, "WindowsEmailAddress": address}


def _check_not_synced(call: Call, mailbox: Mailbox) -> None:
    if not mailbox.properties.get("IsDirSynced"):
        return
    guid = mailbox.text("Guid")
    raise call.refused(
        f"The operation on mailbox \"{guid}\" failed because it's out of the current user's write scope. The "
        f"action 'Set-Mailbox', 'EmailAddresses', can't be performed on the object '{guid}' because the "
        "object is being synchronized from your on-premises organization. This action should be performed on "
        "the object in your on-premises organization.",
        _TASKS,
        Category.InvalidOperation,
        guid,
    )


def _prefixed(value: Value) -> list[str]:
    entries = value if isinstance(value, list) else [] if value is None else [value]
    texts = [str(one) for one in entries]
    return [text if re.match("[A-Za-z0-9]+:", text) else f"smtp:{text}" for text in texts]


def _key(address: str) -> str:
    return address.casefold()


def _check_free(call: Call, mailbox: Mailbox, address: str) -> None:
    prefix, _, rest = address.partition(":")
    if prefix.casefold() != "smtp":
        return
    holders = [one for one in call.tenant.matches(rest, LIVING) if one is not mailbox]
    if holders:
        raise call.refused(
            f'The proxy address "{prefix}:{rest}" is already being used by the proxy addresses or '
            f'LegacyExchangeDN of "{holders[0].text("Identity")}". Please choose another proxy address.',
            "Microsoft.Exchange.Management.Tasks.ProxyAddressExistsException",
            Category.InvalidArgument,
            rest,
        )


def _principal(call: Call) -> Mailbox:
    found = call.matches(call.text("User"), (Kind.ACTIVE,))
    if len(found) != 1:
        # Assumed: Exchange's text says no more than this.
        raise call.refused(
            f"User or group '{call.text('User')}' wasn't found. Please make sure you've typed it correctly.",
            _TASKS,
            Category.InvalidArgument,
            call.text("User"),
        )
    return found[0]


def _account(call: Call, user: Mailbox) -> str:
    return f"CONTOSO\\{user.text('Alias')}" if call.tenant.on_premises else user.text("UserPrincipalName")


def _write_permission(call: Call, mailbox: Mailbox, user: Mailbox, rights: set[str]) -> None:
    properties: dict[str, Value] = {
        "Identity": mailbox.text("Identity"),
        "User": _account(call, user),
        "AccessRights": sorted(rights),
        "IsInherited": False,
        "Deny": False,
        "InheritanceType": "All",
    }
    call.write(_PERMISSION, mailbox.text("Identity"), properties)
