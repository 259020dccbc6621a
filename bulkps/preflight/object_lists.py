"""Reads of many objects with one call: a filter over some tens of identities; whose answer is whose. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from bulkps.exchange.psobject import Properties, listed, read_guid
from bulkps.preflight.query import Facet, Read, any_of, everything, one

#: How many identities one filter names. Exchange documents no limit for a filter's length; 40 identities with
#: two comparisons each stay below 8,000 characters, which is assumed to work.
IN_ONE_LIST = 40
#: From how many objects on reading all of them is tried: they come in one call, in slow pages of 1,000.
TRY_ALL = 400
#: After how many objects it is judged, and the least share of them that has to be sought. An organization has
#: 300 mailboxes or 300,000, and only its first pages tell.
_FIRST, _SHARE = 2000, 0.25
#: The properties by which an object is recognized.
NAMES = (
    "Guid", "ExchangeGuid", "ExternalDirectoryObjectId", "DistinguishedName", "UserPrincipalName",
    "PrimarySmtpAddress", "EmailAddresses", "WindowsEmailAddress", "Name", "Alias", "Identity",
)  # fmt: skip
_MAILBOX = ("UserPrincipalName", "EmailAddresses")
#: Filterable properties by which an address finds an object, and those by which a GUID does, by cmdlet
#: [learn.microsoft.com: filter-properties]. An object of any other cmdlet is read by itself.
_FILTERABLE: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Get-Mailbox": (_MAILBOX, ("Guid", "ExchangeGuid")),
    "Get-CASMailbox": (("EmailAddresses",), ("Guid",)),
    "Get-Recipient": (("EmailAddresses",), ("Guid", "ExchangeGuid")),
    "Get-User": (("UserPrincipalName", "WindowsEmailAddress"), ("Guid",)),
    "Get-MailUser": (_MAILBOX, ("Guid",)),
    "Get-MailContact": (("EmailAddresses",), ("Guid",)),
    "Get-DistributionGroup": (("EmailAddresses",), ("Guid",)),
}


def listable(cmdlet: str, identity: str) -> bool:
    """Return whether *identity* can be named in a filter of *cmdlet*."""
    return cmdlet in _FILTERABLE and bool(_pairs(cmdlet, identity))


def lists(
    facet: Facet, cmdlet: str, identities: Sequence[str], keep: tuple[str, ...], *switches: str
) -> Iterator[Read]:
    """Yield reads that together find *identities*, which can all be named in a filter; see ``listable``."""
    for start in range(0, len(identities), IN_ONE_LIST):
        part = tuple(identities[start : start + IN_ONE_LIST])
        text = any_of(pair for identity in part for pair in _pairs(cmdlet, identity))
        yield replace(one(facet, cmdlet, keep, {"Filter": text}, *switches), covers=part)


def single(cmdlet: str, identity: str, keep: tuple[str, ...]) -> Read:
    """Return the read of one object."""
    return one(Facet.STATE, cmdlet, keep, {"Identity": identity})


def is_worth_it(seen: int, hits: int, sought: int) -> bool:
    """Return whether reading all objects goes on.

    Args:
        seen: How many have arrived.
        hits: How many of them have a name that is sought.
        sought: How many names are sought: the more, the more lists it would take instead.
    """
    return seen != max(_FIRST, sought) or hits >= seen * _SHARE


def inventory(cmdlet: str, keep: tuple[str, ...]) -> Read:
    """Return the read of all objects."""
    return everything(Facet.STATE, cmdlet, keep)


def names_of(found: Mapping[str, object]) -> frozenset[str]:
    """Return every name of an object, folded."""
    properties = Properties(found)
    names = set()
    for name in NAMES:
        for text in listed(properties.raw(name)) if name == "EmailAddresses" else (properties.text(name),):
            if text:
                names.add(text.casefold().removeprefix("smtp:"))
                names.add(read_guid(text))
    return frozenset(names - {""})


def folded(identity: str) -> str:
    """Return *identity* as ``names_of`` has it."""
    return read_guid(identity) or identity.casefold().removeprefix("smtp:")


def _pairs(cmdlet: str, identity: str) -> Iterable[tuple[str, str]]:
    addresses, guids = _FILTERABLE[cmdlet]
    if read_guid(identity):
        return [(name, read_guid(identity)) for name in guids]
    if "@" in identity and "=" not in identity:
        return [(name, f"smtp:{identity}" if name == "EmailAddresses" else identity) for name in addresses]
    if identity.casefold().startswith(("cn=", "ou=")):
        return [("DistinguishedName", identity)]
    return []
