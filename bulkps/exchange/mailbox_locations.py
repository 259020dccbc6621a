"""Where the parts of a mailbox are: the property MailboxLocations. Pure.

A value looks like ``1;<mailboxGuid>;Primary;eurprd07.prod.outlook.com;<databaseGuid>``.
"""

import re
from dataclasses import dataclass

from bulkps.exchange.psobject import listed, read_guid

PRIMARY = "Primary"
AUX_PRIMARY = "AuxPrimary"
MAIN_ARCHIVE = "MainArchive"
AUX_ARCHIVE = "AuxArchive"

_KINDS = {
    kind.casefold(): kind
    for kind in (
        PRIMARY, AUX_PRIMARY, MAIN_ARCHIVE, AUX_ARCHIVE, "Aggregated", "ComponentShared", "PreviousPrimary",
    )
}  # fmt: skip
# The values themselves hold semicolons. If they came as one text, a new one begins at "1;<guid>;".
_BETWEEN = re.compile(r"(?<![\s,])[\s,]++(?=\d++;)")


@dataclass(frozen=True, slots=True)
class MailboxLocation:
    """One part of a mailbox.

    Attributes:
        guid: Its mailbox GUID, lower case; empty if it could not be read.
        kind: Its MailboxLocationType in Exchange's spelling, such as ``AuxPrimary``; one that is not known
            stays unchanged.
        forest: Where it is, such as ``eurprd07.prod.outlook.com``.
        database: The GUID of its database, lower case; empty if it could not be read.
    """

    guid: str
    kind: str
    forest: str = ""
    database: str = ""


def read_locations(value: object) -> tuple[MailboxLocation, ...]:
    """Return the parts of a mailbox from its MailboxLocations: a list, or one text. Never raises.

    An entry without a type in third place is not a location and is left out.
    """
    found = (_location(text) for text in listed(value, _BETWEEN))
    return tuple(location for location in found if location)


def _location(text: str) -> MailboxLocation | None:
    # The first number is the version of the format; only 1 has been seen.
    _, guid, kind, forest, database = [*(part.strip() for part in text.split(";")), "", "", "", "", ""][:5]
    if not kind:
        return None
    return MailboxLocation(read_guid(guid), _KINDS.get(kind.casefold(), kind), forest, read_guid(database))


def kinds_of(locations: tuple[MailboxLocation, ...]) -> frozenset[str]:
    """Return the MailboxLocationTypes of *locations*."""
    return frozenset(location.kind for location in locations)
