"""The people of the simulated tenant and the properties of their mailboxes.

Pure and deterministic: everything depends only on the seed and a number.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import Value

DOMAIN = "contoso.com"
SERVER = "DB3PR07A005DC01.EURPR07A005.prod.outlook.com"
NO_GUID = UUID(int=0)
_ROOT = (
    "OU=contoso.onmicrosoft.com,OU=Microsoft Exchange Hosted Organizations,"
    "DC=EURPR07A005,DC=prod,DC=outlook,DC=com"
)
_LEGACY = "/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn="
FIRST_DELETION = datetime(2024, 1, 8, 6, 30, tzinfo=UTC)
_FIRST_NAMES = (
    "Ann", "Pilar", "Adele", "Alex", "Allan", "Amber", "Bianca", "Cameron", "Carlos", "Chris", "Daisy",
    "Debra", "Diego", "Emily", "Enrico", "Grady", "Henrietta", "Irvin", "Isaiah", "Johanna", "Joni",
    "Jordan", "Katri", "Lee", "Lidia", "Lynne", "Megan", "Miriam", "Nestor", "Oscar", "Patti",
    "Pradeep", "Raul", "Sara", "Sonia", "Tony", "Vance", "Wanda", "Yara", "Zoe",
)  # fmt: skip
_LAST_NAMES = (
    "Beebe", "Pinilla", "Vance", "Wilber", "Deyoung", "Rodriguez", "Pisani", "White", "Romero", "Green",
    "Ray", "Berger", "Siciliani", "Braun", "Cattaneo", "Archie", "Mueller", "Sayers", "Langer",
    "Lorenz", "Sherman", "Miller", "Ahonen", "Gu", "Holloway", "Robbins", "Bowen", "Graham", "Wilke",
    "Krebs", "Fernandez", "Gupta", "Salinas", "Davis", "Sousa", "Krijnen", "DeLeon", "Howard", "Tanaka",
    "Lindqvist",
)  # fmt: skip
#: Real names with non-ASCII letters; their aliases and addresses are ASCII, as in Exchange.
_OWN_NAMES = (
    ("Jürgen", "Bäcker"), ("Łukasz", "Wróbel"), ("Begoña", "Muñoz"), ("小明", "漢"), ("محمد", "الأحمد"),
    ("יעל", "כהן"), ("Sam", "Rivera 🚀"), ("Siobhán", "O’Neill"),
)  # fmt: skip
#: One in this many people has such a name.
_OWN_NAME_EVERY = 9


#: The bits of a random UUID (version 4, RFC 4122) that are drawn, and those that are not.
_RANDOM_BITS = ~((0xF << 76) | (0x3 << 62)) & (1 << 128) - 1
_VERSION_4 = (0x4 << 76) | (0x2 << 62)


@lru_cache(maxsize=4096)
def digest(seed: int, *parts: object) -> bytes:
    """Return 32 bytes that only depend on *seed* and *parts*."""
    return hashlib.sha256("|".join(map(str, (seed, *parts))).encode()).digest()


def guid(seed: int, *parts: object) -> UUID:
    """Return a UUID that only depends on *seed* and *parts*."""
    # As UUID(bytes=…, version=4), in half the time: a large tenant makes a million of them as it starts.
    number = int.from_bytes(digest(seed, *parts)[:16], "big")
    return UUID(int=number & _RANDOM_BITS | _VERSION_4)


def chance(seed: int, *parts: object) -> float:
    """Return a number in [0, 1) that only depends on *seed* and *parts*."""
    return int.from_bytes(digest(seed, *parts)[:7], "big") / 2**56


def size_text(count: int) -> str:
    """Return *count* bytes as Exchange prints them, such as ``100 GB (107,374,182,400 bytes)``."""
    amount, unit = float(count), "B"
    for bigger in ("KB", "MB", "GB", "TB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, bigger
    return f"{amount:.4g} {unit} ({count:,} bytes)"


def legacy_dn(seed: int, alias: str) -> str:
    """Return the LegacyExchangeDN of the mailbox with *alias*."""
    return f"{_LEGACY}{guid(seed, 'legacy', alias).hex}-{alias}"


#: Three of a hundred active mailboxes belong to no person.
_TYPES = {97: "Shared", 98: "Room", 99: "Equipment"}
#: The properties that are the same in all mailboxes at first.
_SETTINGS: dict[str, Value] = {
    "LitigationHoldDuration": "Unlimited",
    "ComplianceTagHoldApplied": False,
    "DelayHoldApplied": False,
    "DelayReleaseHoldApplied": False,
    "RetentionHoldEnabled": False,
    "SingleItemRecoveryEnabled": True,
    "RetainDeletedItemsFor": "14.00:00:00",
    "ProhibitSendQuota": size_text(106_300_440_576),
    "ProhibitSendReceiveQuota": size_text(107_374_182_400),
    "IssueWarningQuota": size_text(105_226_698_752),
    "ArchiveQuota": size_text(107_374_182_400),
    "IsDirSynced": False,
    "Department": "",
    "Company": "",
    "Title": "",
    "Office": "",
    "HiddenFromAddressListsEnabled": False,
    "CustomAttribute1": "",
}


def _person(seed: int, index: int) -> tuple[str, str]:
    drawn = digest(seed, "person", index)
    return _FIRST_NAMES[drawn[0] % len(_FIRST_NAMES)], _LAST_NAMES[drawn[1] % len(_LAST_NAMES)]


def _called(seed: int, index: int) -> tuple[str, str]:
    """Return first and last name as they are shown."""
    number, rest = divmod(index, _OWN_NAME_EVERY)
    if rest != _OWN_NAME_EVERY // 2:
        return _person(seed, index)
    return _OWN_NAMES[number % len(_OWN_NAMES)]


def mailbox(
    seed: int, kind: str, index: int, alias: str, address: str, *, archive: bool | None = None
) -> dict[str, Value]:
    """Return the properties of every mailbox.

    Args:
        seed: The seed of all names and GUIDs.
        kind: The kind of object that *index* numbers.
        index: Its number among those of its kind.
        alias: Its Alias, and a part of its Name.
        address: Its primary address.
        archive: Whether it has an archive; by default every tenth has one.
    """
    first, last = _called(seed, index)
    archive = index % 10 == 9 if archive is None else archive
    called = f"{first} {last}"
    return {
        "DisplayName": called,
        "Name": alias if called.isascii() else f"{called} ({alias})",
        "Alias": alias,
        "FirstName": first,
        "LastName": last,
        "UserPrincipalName": address,
        "PrimarySmtpAddress": address,
        "WindowsEmailAddress": address,
        "MicrosoftOnlineServicesID": address,
        "EmailAddresses": [f"SMTP:{address}", f"smtp:{alias}@contoso.onmicrosoft.com"],
        "Guid": guid(seed, kind, "guid", index),
        "ArchiveStatus": "Active" if archive else "None",
        "ArchiveName": [f"In-Place Archive - {called}"] if archive else [],
        "AutoExpandingArchiveEnabled": False,
        "LegacyExchangeDN": legacy_dn(seed, alias),
        "RecipientType": "UserMailbox",
        "RecipientTypeDetails": "UserMailbox",
        **_parts(seed, kind, index, archive),
        **_SETTINGS,
    }


def _parts(seed: int, kind: str, index: int, archive: bool) -> dict[str, Value]:
    exchange_guid = guid(seed, kind, "exchange", index)
    archive_guid = guid(seed, kind, "archive", index) if archive else NO_GUID
    database = f"EURPR07DG{index % 40 + 100}-db{index % 90 + 10:03d}"
    database_guid = _database(seed, database)
    locations = [location(exchange_guid, "Primary", database_guid)]
    if archive:
        locations.append(location(archive_guid, "MainArchive", database_guid))
    return {
        "ExchangeGuid": exchange_guid,
        "ArchiveGuid": archive_guid,
        "MailboxLocations": locations,
        "Database": database,
    }


@lru_cache(maxsize=1024)
def _database(seed: int, name: str) -> UUID:
    return guid(seed, "database", name)


def location(part: UUID, kind: str, database: UUID) -> str:
    """Return an entry of MailboxLocations."""
    return f"1;{part};{kind};eurprd07.prod.outlook.com;{database}"


def deleted(seed: int, alias: str, index: int) -> dict[str, Value]:
    """Return the properties that only a deleted mailbox has."""
    return {
        "Identity": f"Soft Deleted Objects\\{alias}",
        "DistinguishedName": f"CN={alias},OU=Soft Deleted Objects,{_ROOT}",
        "ExternalDirectoryObjectId": "",
        "WhenSoftDeleted": FIRST_DELETION + timedelta(hours=index * 7 % 9000, minutes=index % 60),
        "InactiveMailboxRetireTime": None,
    }


def _inactive_alias(seed: int, index: int) -> str:
    first, last = _person(seed, index)
    return f"{first}{last[0]}{index:04d}".lower()


def inactive_mailbox(seed: int, index: int) -> dict[str, Value]:
    """Return the properties of inactive mailbox *index*: deleted, and kept by a hold."""
    first, last = _person(seed, index)
    alias = _inactive_alias(seed, index)
    hold = guid(seed, "hold", index)
    by_kind: tuple[list[Value], ...] = ([], [f"UniH{hold}"], [f"mbx{hold.hex}:2"], [f"mbx{hold.hex}:3"])
    return {
        **mailbox(seed, "inactive", index, alias, f"{first}.{last}.{index:04d}@{DOMAIN}".lower()),
        **deleted(seed, alias, index),
        "IsInactiveMailbox": True,
        "WasInactiveMailbox": False,
        # Every inactive mailbox has at least one hold: a Litigation Hold if the list is empty.
        "LitigationHoldEnabled": index % 4 in (0, 3),
        "InPlaceHolds": by_kind[index % 4],
    }


def soft_deleted_mailbox(seed: int, index: int) -> dict[str, Value]:
    """Return the properties of soft-deleted mailbox *index*, which no hold keeps."""
    first, last = _person(seed, 1_000_000 + index)
    alias = f"{first}{last[0]}s{index:04d}".lower()
    return {
        **mailbox(seed, "soft-deleted", index, alias, f"{first}.{last}.s{index:04d}@{DOMAIN}".lower()),
        **deleted(seed, alias, index),
        "IsInactiveMailbox": False,
        "WasInactiveMailbox": False,
        "LitigationHoldEnabled": False,
        "InPlaceHolds": [],
    }


def active_mailbox(seed: int, index: int) -> dict[str, Value]:
    """Return the properties of active mailbox *index*, of the person whose inactive mailbox is *index*."""
    first, last = _person(seed, index)
    alias = f"{first[0]}{last}{index:04d}".lower()
    properties = mailbox(seed, "active", index, alias, f"{first[0]}.{last}.{index:04d}@{DOMAIN}".lower())
    addresses = properties["EmailAddresses"]
    if isinstance(addresses, list):
        addresses.append(f"X500:{legacy_dn(seed, _inactive_alias(seed, index))}")
    own = {**properties, **living(seed, alias)}
    kind = _TYPES.get(index % 100)
    return own if kind is None else {**own, **resource(kind)}


def resource(name: str) -> dict[str, Value]:
    """Return what makes a mailbox one of the type *name*: ``Shared``, ``Room`` or ``Equipment``."""
    return {
        "RecipientTypeDetails": f"{name}Mailbox",
        "IsShared": name == "Shared",
        "IsResource": name != "Shared",
        "ResourceType": None if name == "Shared" else name,
        "AccountDisabled": True,
    }


def disconnected_mailbox(seed: int, index: int) -> dict[str, Value]:
    """Return the properties of disconnected mailbox *index*: in its database, without an account."""
    alias, person = _account(seed, index)
    return {
        "DisplayName": person,
        "ExchangeGuid": guid(seed, "disconnected", "exchange", index),
        "LegacyExchangeDN": legacy_dn(seed, alias),
        "Database": f"DB{index % 4 + 1:02d}",
        "DisconnectReason": "Disabled",
        "DisconnectDate": FIRST_DELETION + timedelta(hours=index),
    }


def plain_user(seed: int, index: int) -> dict[str, Value]:
    """Return the properties of user *index* without a mailbox, who once had disconnected mailbox *index*."""
    alias, person = _account(seed, index)
    return {
        "DisplayName": person,
        "Name": alias,
        "Identity": f"{DOMAIN}/Users/{alias}",
        "DistinguishedName": f"CN={alias},CN=Users,DC=contoso,DC=com",
        "UserPrincipalName": f"{alias}@{DOMAIN}",
        "Guid": guid(seed, "user", "guid", index),
        "RecipientType": "User",
        "RecipientTypeDetails": "User",
    }


def connected(user: Mapping[str, Value], alias: str) -> dict[str, Value]:
    """Return the properties that a *user* gets, besides the mailbox's own, when one is connected."""
    address = f"{alias}@{DOMAIN}"
    return {
        **_SETTINGS,
        "Alias": alias,
        "PrimarySmtpAddress": address,
        "WindowsEmailAddress": address,
        "EmailAddresses": [f"SMTP:{address}"],
        "RecipientType": "UserMailbox",
        "RecipientTypeDetails": "UserMailbox",
        "DisplayName": user.get("DisplayName"),
    }


def _account(seed: int, index: int) -> tuple[str, str]:
    first, last = _person(seed, 2_000_000 + index)
    return f"{first}{last[0]}d{index:04d}".lower(), f"{first} {last}"


def living(seed: int, alias: str) -> dict[str, Value]:
    """Return the properties that only an active mailbox has."""
    return {
        "Identity": alias,
        "DistinguishedName": f"CN={alias},{_ROOT}",
        "ExternalDirectoryObjectId": str(guid(seed, "entra", alias)),
        "WhenSoftDeleted": None,
        "InactiveMailboxRetireTime": None,
        "IsInactiveMailbox": False,
        "WasInactiveMailbox": False,
        "LitigationHoldEnabled": False,
        "InPlaceHolds": [],
    }


def _account_of(seed: int, index: int, alias: str, address: str, recipient_type: str) -> dict[str, Value]:
    """Return the properties of every object in Exchange Online without a mailbox."""
    first, last = _person(seed, index)
    return {
        "DisplayName": f"{first} {last}",
        "Name": alias,
        "FirstName": first,
        "LastName": last,
        "Guid": guid(seed, "object", alias),
        "RecipientType": recipient_type,
        "RecipientTypeDetails": recipient_type,
        "WindowsEmailAddress": address,
        "Department": "",
        "Company": "",
        "IsDirSynced": False,
        **{key: value for key, value in living(seed, alias).items() if key in _DIRECTORY},
    }


#: Objects that are not people have no first and last name.
_NOBODY: dict[str, Value] = {"FirstName": "", "LastName": ""}
_DIRECTORY = ("Identity", "DistinguishedName", "ExternalDirectoryObjectId", "WhenSoftDeleted")


def _mailed(alias: str, address: str, seed: int) -> dict[str, Value]:
    return {
        "Alias": alias,
        "PrimarySmtpAddress": address,
        "EmailAddresses": [f"SMTP:{address}"],
        "LegacyExchangeDN": legacy_dn(seed, alias),
        "ExchangeGuid": NO_GUID,
        "ArchiveGuid": NO_GUID,
    }


def unlicensed_user(seed: int, index: int, alias: str = "", upn: str = "") -> dict[str, Value]:
    """Return the properties of an account in Exchange Online without a licence and so without a mailbox."""
    alias = alias or f"unlicensed{index}"
    upn = upn or f"{alias}@{DOMAIN}"
    return {**_account_of(seed, 4_000_000 + index, alias, "", "User"), "UserPrincipalName": upn}


def mail_user(seed: int, index: int, alias: str = "") -> dict[str, Value]:
    """Return the properties of a user in Exchange Online with a mailbox elsewhere."""
    alias = alias or f"mailuser{index}"
    address = f"{alias}@{DOMAIN}"
    return {
        **_account_of(seed, 5_000_000 + index, alias, address, "MailUser"),
        **_mailed(alias, address, seed),
        "UserPrincipalName": address,
        "ExternalEmailAddress": f"SMTP:{alias}@mail.{DOMAIN}",
    }


def group(seed: int) -> dict[str, Value]:
    """Return the properties of a distribution group."""
    address = f"sales@{DOMAIN}"
    properties = _account_of(seed, 0, "sales", address, "MailUniversalDistributionGroup")
    return {**properties, **_mailed("sales", address, seed), **_NOBODY, "DisplayName": "Sales"}


def contact(seed: int) -> dict[str, Value]:
    """Return the properties of a mail contact."""
    address = "orders@supplier.example"
    properties = _account_of(seed, 0, "supplier", address, "MailContact")
    named: dict[str, Value] = {"DisplayName": "Supplier", "ExternalEmailAddress": f"SMTP:{address}"}
    return {**properties, **_mailed("supplier", address, seed), **_NOBODY, **named}
