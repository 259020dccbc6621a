"""New-Mailbox, New-MailContact, New-MailUser and New-DistributionGroup. Pure: the time is ``now``.

Error texts are those of exchange-facts.md if it has them; comments mark what is assumed.
"""

import re
import unicodedata

from bulkps.simulator.cmdlets import recovery_cmdlets
from bulkps.simulator.cmdlets.archive_cmdlets import archive_of
from bulkps.simulator.cmdlets.binder import missing_mandatory
from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Secret, Value
from bulkps.simulator.cmdlets.nouns import (
    DISTRIBUTION_GROUP,
    MAIL_CONTACT,
    MAIL_USER,
    MAILBOX,
    RECIPIENTS,
    Noun,
    kebab,
)
from bulkps.simulator.cmdlets.property_cmdlets import wanted
from bulkps.simulator.cmdlets.property_types import chosen, entries
from bulkps.simulator.cmdlets.proxy_addresses import check_free, check_name_free
from bulkps.simulator.cmdlets.recovery_cmdlets import check_accepted, check_domain, check_password
from bulkps.simulator.cmdlets.special_parameters import recipient
from bulkps.simulator.tenant import fake_directory, new_objects
from bulkps.simulator.tenant.mailbox import Kind, Mailbox

_NOT_IN_AN_ALIAS = re.compile(r"[^A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]")
_GROUP_TYPES = ("Distribution", "Security")
_RESOURCES = ("Shared", "Room", "Equipment")
#: Names of people, which are properties of every object but not of every noun.
_NAMES = ("DisplayName", "FirstName", "LastName", "Initials", "Phone", "Office", "Notes")
#: What the creating cmdlets evaluate themselves, or what no cmdlet shows afterwards.
_OWN = (
    *_NAMES, *_RESOURCES, "Name", "Alias", "PrimarySmtpAddress", "ExternalEmailAddress", "Password",
    "MicrosoftOnlineServicesID", "UserPrincipalName", "ResetPasswordOnNextLogon", "Archive",
    "OrganizationalUnit", "Type", "RoomList", "Members", "CopyOwnerToMember",
)  # fmt: skip


def new_mailbox(call: Call) -> None:
    """New-Mailbox: of a new user, for several people or for a room; or one that was inactive."""
    if call.text("InactiveMailbox"):
        recovery_cmdlets.new_mailbox(call)
        return
    kind = next((one for one in _RESOURCES if call.flag(one)), "")
    account = "UserPrincipalName" if call.tenant.on_premises else "MicrosoftOnlineServicesID"
    _require(call, *(("Name",) if kind else ("Name", "Password", account)))
    name, alias = call.text("Name"), _alias(call)
    address = call.text("PrimarySmtpAddress") or call.text(account) or f"{alias}@{fake_directory.DOMAIN}"
    upn = call.text(account) or f"{alias}@{fake_directory.DOMAIN}"
    check_domain(call, upn)
    check_accepted(call, upn, address)
    _check_free(call, name, upn, address)
    if "Password" in call.parameters:
        check_password(call)
    made = new_objects.mailbox(call.tenant.seed, _number(call), name, alias, address)
    made |= {"UserPrincipalName": upn, "MicrosoftOnlineServicesID": upn}
    made |= fake_directory.resource(kind) if kind else {}
    if call.flag("Archive"):
        made |= archive_of(call, made)
    one = Mailbox(Kind.ACTIVE, made, 0, call.now + call.tenant.provisioning_seconds)
    _create(call, MAILBOX, one)


def new_mail_contact(call: Call) -> None:
    """New-MailContact: somebody elsewhere, in the address list."""
    name, alias, external = call.text("Name"), _alias(call), _external(call)
    _check_free(call, name, external)
    made = new_objects.contact(call.tenant.seed, _number(call), name, alias, external)
    _create(call, MAIL_CONTACT, Mailbox(Kind.CONTACT, made))


def new_mail_user(call: Call) -> None:
    """New-MailUser: an account whose mailbox is elsewhere."""
    name, alias, external = call.text("Name"), _alias(call), _external(call)
    upn = call.text("MicrosoftOnlineServicesID") or call.text("UserPrincipalName")
    upn = upn or f"{alias}@{fake_directory.DOMAIN}"
    check_accepted(call, upn)
    _check_free(call, name, *filter(None, dict.fromkeys((upn, external, call.text("PrimarySmtpAddress")))))
    if "Password" in call.parameters:
        check_password(call)
    made = new_objects.mail_user(call.tenant.seed, _number(call), name, alias, external, upn)
    if primary := call.text("PrimarySmtpAddress"):
        secondary = [f"smtp:{external}"] if external else []
        made |= {"PrimarySmtpAddress": primary, "WindowsEmailAddress": primary}
        made |= {"EmailAddresses": [f"SMTP:{primary}", *secondary]}
    _create(call, MAIL_USER, Mailbox(Kind.MAIL_USER, made))


def new_distribution_group(call: Call) -> None:
    """New-DistributionGroup: with its members, if they are given."""
    name, alias = call.text("Name"), _alias(call)
    address = call.text("PrimarySmtpAddress") or f"{alias}@{fake_directory.DOMAIN}"
    check_accepted(call, address)
    _check_free(call, name, address)
    kind = chosen(call.bound.cmdlet, "Type", call.text("Type") or "Distribution", _GROUP_TYPES)
    kind = "RoomList" if call.flag("RoomList") else kind
    members = [recipient(call, str(one), RECIPIENTS) for one in entries(call.parameters.get("Members"))]
    if call.flag("CopyOwnerToMember"):
        owners = entries(call.parameters.get("ManagedBy"))
        members += [recipient(call, str(one), RECIPIENTS) for one in owners]
    made = new_objects.group(call.tenant.seed, _number(call), name, alias, address, kind)
    group = Mailbox(Kind.GROUP, made)
    _create(call, DISTRIBUTION_GROUP, group)
    if members and not call.dry:
        call.tenant.members[group] = list(dict.fromkeys(members))


HANDLERS: dict[str, Handler] = {
    "New-Mailbox": new_mailbox,
    "New-MailContact": new_mail_contact,
    "New-MailUser": new_mail_user,
    "New-DistributionGroup": new_distribution_group,
}


def _create(call: Call, noun: Noun, one: Mailbox) -> None:
    """Add *one* with the properties that the other parameters give, and write it."""
    names: dict[str, Value] = {name: call.text(name) for name in _NAMES if call.text(name)}
    one.properties = {**one.properties, **names}
    changes = wanted(call, noun, one, noun.properties(call.tenant, one), _OWN)
    if call.dry:
        return
    one.properties = {**one.properties, **changes}
    password = call.parameters.get("Password")
    if isinstance(password, Secret):
        call.tenant.received_passwords.append(password.value)
    call.tenant.add(one)
    call.changed(f"{kebab(noun.name)}-created", one, one, one.text("Name"))
    call.write(noun.type_name, None, noun.reading(call.tenant, one))


def _number(call: Call) -> int:
    """Return a number that no object which was created before has: every creation is an effect."""
    return call.tenant.effects.total()


def _alias(call: Call) -> str:
    """Return -Alias, or what Exchange makes of -Name: without spaces and accents."""
    if given := call.text("Alias"):
        return given
    plain = unicodedata.normalize("NFKD", call.text("Name"))
    made = _NOT_IN_AN_ALIAS.sub("", plain)
    # Assumed: a name without a single letter of ASCII gets an alias by its number.
    return made or f"alias{_number(call)}"


def _external(call: Call) -> str:
    return call.text("ExternalEmailAddress").rpartition(":")[2]


def _check_free(call: Call, name: str, *addresses: str) -> None:
    check_name_free(call, name)
    for address in addresses:
        check_free(call, f"SMTP:{address}")


def _require(call: Call, *names: str) -> None:
    missing = [name for name in names if not call.parameters.get(name)]
    if missing:
        raise missing_mandatory(call.bound.cmdlet, missing)
