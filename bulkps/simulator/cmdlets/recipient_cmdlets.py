"""Get- of every noun that is made by rule, and Get-Mailbox and Get-Recipient: what is there. Pure.

With an Identity they return everything that it names, as Exchange's reading cmdlets do. Only cmdlets that
change something refuse a name that several objects have. A filter by names costs as much as it names.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.cmdlets.nouns import MAILBOX, NOUNS, RECIPIENT, Noun
from bulkps.simulator.cmdlets.result_filter import condition, keys, limited, passing
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.property_defaults import RETENTION_POLICIES
from bulkps.simulator.tenant.tenant import not_found

_POLICY = "Microsoft.Exchange.Data.Directory.SystemConfiguration.RetentionPolicy"
_DELETED = (Kind.INACTIVE, Kind.SOFT_DELETED)
_CHOICE = (
    "Identity",
    "Filter",
    "ResultSize",
    "SortBy",
    "Sortby",
    "DomainController",
    "ReadFromDomainController",
)
_TYPES = ("RecipientTypeDetails", "RecipientType")


def get_mailbox(call: Call) -> None:
    """Get-Mailbox: active mailboxes, or the deleted ones asked for. No Identity means all of them."""
    call.only(
        *_CHOICE, "RecipientTypeDetails", "Archive", "InactiveMailboxOnly", "IncludeInactiveMailbox",
        "SoftDeletedMailbox",
    )  # fmt: skip
    kinds = {Kind.SOFT_DELETED} if call.flag("SoftDeletedMailbox") else {Kind.ACTIVE}
    if call.flag("IncludeInactiveMailbox"):
        kinds |= {Kind.ACTIVE, Kind.INACTIVE}
    if call.flag("InactiveMailboxOnly"):
        kinds = {Kind.INACTIVE}
    _write(call, MAILBOX, kinds)


def get_recipient(call: Call) -> None:
    """Get-Recipient: every object with an address. Plain users have none; there is no UserPrincipalName."""
    call.only(*_CHOICE, *_TYPES, "IncludeSoftDeletedRecipients", "Properties")
    deleted = _DELETED if call.flag("IncludeSoftDeletedRecipients") else ()
    _write(call, RECIPIENT, (*RECIPIENT.kinds, *deleted))


def get_retention_policy(call: Call) -> None:
    """Get-RetentionPolicy: the organization's policies."""
    call.only("Identity")
    identity = call.text("Identity").casefold()
    every = {name: call.guid("policy", name) for name in RETENTION_POLICIES}
    found = {name: guid for name, guid in every.items() if identity in ("", name.casefold(), str(guid))}
    if not found:
        raise not_found(call.text("Identity"))
    for name, guid in found.items():
        tags = list(RETENTION_POLICIES[name])
        call.write(
            _POLICY,
            name,
            {
                "Identity": name,
                "Name": name,
                "Guid": guid,
                "RetentionId": guid,
                "RetentionPolicyTagLinks": tags,
            },
        )


def _reader(noun: Noun) -> Handler:
    def read(call: Call) -> None:
        call.only(*_CHOICE, *_TYPES)
        _write(call, noun, noun.kinds)

    return read


HANDLERS: dict[str, Handler] = {
    **{f"Get-{noun.name}": _reader(noun) for noun in NOUNS},
    "Get-Mailbox": get_mailbox,
    "Get-Recipient": get_recipient,
    "Get-RetentionPolicy": get_retention_policy,
}


def _write(call: Call, noun: Noun, kinds: Iterable[Kind]) -> None:
    for one in _found(call, noun, tuple(kinds)):
        call.write(noun.type_name, None, noun.reading(call.tenant, one))


def _found(call: Call, noun: Noun, kinds: tuple[Kind, ...]) -> list[Mailbox]:
    """Return the objects of *kinds* that the call asks for, no more than it may have.

    Raises:
        Refused: Its Identity names none.
    """
    identity, text = call.text("Identity"), call.text("Filter")
    wanted = condition(text, call.bound.cmdlet) if text else None
    if identity:
        found = call.matches(identity, kinds)
        if not found:
            raise not_found(identity)
    else:
        named = keys(wanted) if wanted else None
        found = _named(call, named, kinds) if named is not None else _all(call, kinds)
    if wanted:
        properties: Callable[[Mailbox], Mapping[str, Value]] = partial(noun.filterable, call.tenant)
        found = passing(found, wanted, call.bound.cmdlet, properties, noun.names)
    found = [one for one in found if _is_of_type(call, one)] if _chooses(call) else found
    return limited(found, call.parameters.get("ResultSize"), call.answer)


def _chooses(call: Call) -> bool:
    return call.flag("Archive") or any(call.parameters.get(name) for name in _TYPES)


def _is_of_type(call: Call, one: Mailbox) -> bool:
    """Return whether *one* is of the types that the call asks for, and has an archive where it must."""
    if call.flag("Archive") and not one.has_archive:
        return False
    for name in _TYPES:
        wanted = call.parameters.get(name)
        types = {str(entry).casefold() for entry in wanted} if isinstance(wanted, list) else set()
        if types and one.text(name).casefold() not in types:
            return False
    return True


def _named(call: Call, names: Iterable[str], kinds: Iterable[Kind]) -> list[Mailbox]:
    """Return the objects that any of *names* names, each once: without checking all mailboxes."""
    return list({id(one): one for name in sorted(names) for one in call.matches(name, kinds)}.values())


def _all(call: Call, kinds: Iterable[Kind]) -> list[Mailbox]:
    return [one for one in call.tenant.mailboxes(kinds) if one.shown_from <= call.now]
