"""The cmdlets of the simulated tenant: New-Mailbox, Set-User, Get-Mailbox, Get-Recipient, Get-Command.

``execute`` is the one way in. Pure: time comes in as ``now``.
"""

from dataclasses import replace
from email.utils import formatdate
from fnmatch import fnmatchcase

from bulkps.simulator import mailboxes, people, restore
from bulkps.simulator.answers import Answer, Category, ErrorInfo, Item, Refused, Secret, Value
from bulkps.simulator.binding import Arguments, bind, facts_of, not_recognized
from bulkps.simulator.call import Call, Handler
from bulkps.simulator.filters import limited, matching
from bulkps.simulator.offer import Offer
from bulkps.simulator.tenant import Kind, Mailbox, Tenant

_TASKS = "Microsoft.Exchange.Management.Tasks."
_MAILBOX = "Microsoft.Exchange.Data.Directory.Management.Mailbox"
_RECIPIENT = "Microsoft.Exchange.Data.Directory.Management.ReducedRecipient"
_RECIPIENT_PROPERTIES = (
    "Identity", "Name", "DisplayName", "Alias", "FirstName", "LastName", "PrimarySmtpAddress",
    "EmailAddresses", "RecipientType", "RecipientTypeDetails", "Guid", "ExchangeGuid", "ArchiveGuid",
    "DistinguishedName", "ExternalDirectoryObjectId", "Department", "Company", "Title", "Office",
    "WhenSoftDeleted",
)  # fmt: skip
RECOVERED_WARNING = (
    "The inactive mailbox has been recovered. To preserve data until you obtain a valid license, we have "
    "enabled "
    "Single Item Recovery for 30 days. Additionally we have also enabled Retention Hold for 30 days. Once a "
    "valid "
    "license has been assigned for this mailbox, you can choose to disable these settings and use "
    "Litigation or "
    "In-Place Hold instead to preserve data."
)


def execute(
    tenant: Tenant, cmdlet: str, arguments: Arguments, now: float, offer: Offer | None = None
) -> Answer:
    """Bind *arguments* to *cmdlet* and run it against *tenant* at *now*, seconds since the epoch.

    Args:
        tenant: What it works on.
        cmdlet: The cmdlet's name.
        arguments: What the client sent.
        now: The time.
        offer: The cmdlets and parameters that exist for the caller; all of them without it.
    """
    answer, offer = Answer(), offer or Offer()
    facts = offer.facts(cmdlet)
    handler = HANDLERS.get(facts.name) if facts else None
    if facts is None or handler is None:
        answer.failure = not_recognized(cmdlet)
        return answer
    try:
        bound = bind(facts, arguments)
    except Refused as refused:
        answer.failure = refused.info
        return answer
    try:
        handler(Call(tenant, bound, now, answer, offer))
    except Refused as refused:
        _fail(
            answer, _complete(refused.info, tenant, facts.name, now), refused.terminating, bound.error_action
        )
    if bound.warning_action in {"SilentlyContinue", "Ignore"}:
        answer.warnings.clear()
    return answer


def select(items: list[Item], arguments: Arguments) -> Answer:
    """Do what Select-Object does with *items*: keep the properties named, or the first of them."""
    answer = Answer()
    facts = facts_of("Select-Object")
    if facts is None:
        return answer
    try:
        bound = bind(facts, arguments)
    except Refused as refused:
        answer.failure = refused.info
        return answer
    first, wanted = bound.parameters.get("First"), bound.parameters.get("Property")
    kept = items[:first] if isinstance(first, int) else items
    answer.output = [_selected(item, wanted) if isinstance(wanted, list) else item for item in kept]
    return answer


def new_mailbox(call: Call) -> None:
    """New-Mailbox -InactiveMailbox: make an inactive mailbox the mailbox of a new user, for good."""
    if not call.text("InactiveMailbox"):
        raise call.refused(
            f"|{_TASKS}RecipientTaskException|The simulated tenant creates mailboxes only from inactive "
            "ones: "
            "use the InactiveMailbox parameter.",
            f"{_TASKS}RecipientTaskException",
            Category.InvalidOperation,
        )
    source = call.tenant.find(call.text("InactiveMailbox"), (Kind.INACTIVE,))
    user_id = call.text("MicrosoftOnlineServicesID")
    address = call.text("PrimarySmtpAddress") or user_id
    _check_free(call, user_id, address)
    _check_password(call)
    if call.dry:
        return
    password = call.parameters["Password"]
    if isinstance(password, Secret):
        call.tenant.received_passwords.append(password.value)
    call.changed("mailbox-recovered", source, source, call.text("Name"))
    call.tenant.change(source, Kind.ACTIVE, _recovered(call, source, user_id, address))
    call.answer.warnings.append(RECOVERED_WARNING)
    call.write(_MAILBOX, source.text("Identity"), source.properties)


def set_user(call: Call) -> None:
    """Set-User: keep what is given on the user's mailbox; writes nothing."""
    user = call.tenant.find(call.text("Identity"), (Kind.ACTIVE,))
    if call.dry:
        return
    call.tenant.change(user, Kind.ACTIVE, call.changes())
    call.changed("user-set", user, user, user.text("Name"))


def get_mailbox(call: Call) -> None:
    """Get-Mailbox: active mailboxes, or the deleted ones asked for. No Identity means all of them."""
    call.only(
        "Identity", "InactiveMailboxOnly", "IncludeInactiveMailbox", "SoftDeletedMailbox", "ResultSize",
        "Filter", "SortBy", "DomainController",
    )  # fmt: skip
    kinds = {Kind.SOFT_DELETED} if call.flag("SoftDeletedMailbox") else {Kind.ACTIVE}
    if call.flag("IncludeInactiveMailbox"):
        kinds |= {Kind.ACTIVE, Kind.INACTIVE}
    if call.flag("InactiveMailboxOnly"):
        kinds = {Kind.INACTIVE}
    for mailbox in _found(call, kinds):
        call.write(_MAILBOX, mailbox.text("Identity"), mailbox.properties)


def get_recipient(call: Call) -> None:
    """Get-Recipient: the same for recipients, with fewer properties."""
    call.only("Identity", "IncludeSoftDeletedRecipients", "ResultSize", "Filter", "SortBy", "Properties")
    kinds = set(Kind) if call.flag("IncludeSoftDeletedRecipients") else {Kind.ACTIVE}
    for mailbox in _found(call, kinds):
        properties = {name: mailbox.properties.get(name) for name in _RECIPIENT_PROPERTIES}
        call.write(_RECIPIENT, mailbox.text("Identity"), properties)


def get_command(call: Call) -> None:
    """Get-Command: the simulated cmdlets, each with the parameters that this tenant knows."""
    wanted = call.parameters.get("Name")
    patterns = [str(name) for name in wanted] if isinstance(wanted, list) else ["*"]
    for pattern in patterns:
        found = [name for name in HANDLERS if fnmatchcase(name.casefold(), pattern.casefold())]
        names = [name for name in found if call.offer.facts(name)]
        if not names:
            info = not_recognized(pattern)
            error_id = "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
            raise Refused(replace(info, fully_qualified_id=error_id, activity="Get-Command"))
        for name in names:
            call.write("System.Management.Automation.FunctionInfo", name, _command(name, call.offer))


HANDLERS: dict[str, Handler] = {
    "New-Mailbox": new_mailbox,
    "Set-User": set_user,
    "Get-Mailbox": get_mailbox,
    "Get-Recipient": get_recipient,
    "Get-Command": get_command,
    **restore.HANDLERS,
    **mailboxes.HANDLERS,
}


def _fail(answer: Answer, info: ErrorInfo, terminating: bool, error_action: str) -> None:
    """Put *info* where the engine puts it; -ErrorAction Stop brings it in both places."""
    if terminating:
        answer.failure = info
    elif error_action not in {"SilentlyContinue", "Ignore"}:
        answer.errors.append(info)
        answer.failure = info if error_action == "Stop" else None


def _complete(info: ErrorInfo, tenant: Tenant, cmdlet: str, now: float) -> ErrorInfo:
    """Return *info* with what Exchange Online's own error writer adds."""
    if info.fully_qualified_id:
        return info
    request_id = people.guid(tenant.seed, "error", cmdlet, now, info.message)
    stamp = formatdate(now, usegmt=True)
    return replace(
        info,
        activity=cmdlet,
        fully_qualified_id=f"[Server=AM9P191MB1860,RequestId={request_id},TimeStamp={stamp}],Write-ErrorMessage",
    )


def _selected(item: Item, wanted: list[Value]) -> Item:
    folded = {name.casefold(): name for name in item.properties}
    kept: dict[str, Value] = {}
    for entry in map(str, wanted):
        if entry == "*":
            kept.update(item.properties)
        else:
            known = folded.get(entry.casefold(), "")
            kept[known or entry] = item.properties.get(known)
    return Item(f"Selected.{item.type_name}", "", kept)


def _found(call: Call, kinds: set[Kind]) -> list[Mailbox]:
    identity = call.text("Identity")
    found = [call.tenant.find(identity, kinds)] if identity else call.tenant.mailboxes(kinds)
    if call.text("Filter"):
        found = matching(found, call.text("Filter"))
    return limited(found, call.parameters.get("ResultSize"), call.answer)


def _check_free(call: Call, user_id: str, address: str) -> None:
    name = call.text("Name")
    if any(mailbox.text("Name").casefold() == name.casefold() for mailbox in _active(call, name)):
        raise call.refused(
            f'The name "{name}" is already being used. Please try another name.',
            f"{_TASKS}ADObjectAlreadyExistsException",
            Category.InvalidArgument,
            name,
        )
    for wanted in (user_id, address):
        if holders := _active(call, wanted):
            raise call.refused(
                f'The proxy address "SMTP:{wanted}" is already being used by the proxy addresses or '
                f'LegacyExchangeDN of "{holders[0].text("Identity")}". Please choose another proxy address.',
                f"{_TASKS}ProxyAddressExistsException",
                Category.InvalidArgument,
                wanted,
            )


def _active(call: Call, identity: str) -> list[Mailbox]:
    return call.tenant.matches(identity, (Kind.ACTIVE,))


def _check_password(call: Call) -> None:
    password = call.parameters.get("Password")
    value = password.value if isinstance(password, Secret) else ""
    classes = sum(
        any(test(character) for character in value)
        for test in (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    )
    if len(value) < 8 or classes < 3:
        # Active Directory's sentence; the exception's name is assumed.
        exception = "Microsoft.Exchange.Data.Directory.ADInvalidPasswordException"
        raise call.refused(
            f"|{exception}|The password does not meet the length, complexity, or history requirement of the "
            "domain.",
            exception,
            Category.InvalidArgument,
        )


def _recovered(call: Call, source: Mailbox, user_id: str, address: str) -> dict[str, Value]:
    """Return what changes of *source* as it becomes the mailbox of *user_id*."""
    name = call.text("Name")
    alias = call.text("Alias") or user_id.partition("@")[0]
    old = [
        f"smtp:{entry.partition(':')[2]}"
        for entry in source.addresses()
        if entry.startswith(("SMTP:", "smtp:"))
    ]
    kept = [
        entry for entry in old if not _active(call, entry[5:]) and entry[5:].casefold() != address.casefold()
    ]
    given = {
        key: call.parameters[key]
        for key in ("DisplayName", "FirstName", "LastName", "Initials", "ImmutableId")
        if call.text(key)
    }
    return {
        **people.living(call.tenant.seed, name),
        "Name": name,
        "Alias": alias,
        "Guid": call.guid("recovered", source.text("ExchangeGuid")),
        "UserPrincipalName": user_id,
        "MicrosoftOnlineServicesID": user_id,
        "WindowsEmailAddress": address,
        "PrimarySmtpAddress": address,
        "EmailAddresses": [f"SMTP:{address}", *kept],
        "RetentionHoldEnabled": True,
        "RetainDeletedItemsFor": "30.00:00:00",
        **given,
    }


def _command(name: str, offer: Offer) -> dict[str, Value]:
    facts = offer.facts(name)
    kinds = {key: one.type for key, one in facts.parameters.items()} if facts else {}
    return {"Name": name, "CommandType": "Function", "Parameters": kinds, "ModuleName": "tmpEXO_simulator"}
