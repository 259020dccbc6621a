"""The properties of an object that a cmdlet has just created. Pure.

``number`` is different for every object that is created, so that its GUIDs are too.
"""

from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant import fake_directory

#: The first number of a mailbox that a cmdlet creates: people have the smaller ones.
_FIRST_NUMBER = 6_000_000


def mailbox(seed: int, number: int, name: str, alias: str, address: str) -> dict[str, Value]:
    """Return the properties of a new user's mailbox."""
    made = fake_directory.mailbox(seed, "created", _FIRST_NUMBER + number, alias, address, archive=False)
    addresses: list[Value] = [f"SMTP:{address}"]
    return {**made, **_directory(seed, number, name), **_unnamed(name), "EmailAddresses": addresses,
            "LegacyExchangeDN": fake_directory.legacy_dn(seed, f"{number}-{alias}")}  # fmt: skip


def contact(seed: int, number: int, name: str, alias: str, external: str) -> dict[str, Value]:
    """Return the properties of a new mail contact with the address *external*."""
    made = _mailed(seed, number, name, alias, external)
    return {**made, **_type("MailContact"), "ExternalEmailAddress": f"SMTP:{external}"}


def mail_user(seed: int, number: int, name: str, alias: str, external: str, upn: str) -> dict[str, Value]:
    """Return the properties of a new mail user whose mailbox is at *external*, if anywhere.

    Assumed: without -PrimarySmtpAddress the external address is the primary one.
    """
    made = _mailed(seed, number, name, alias, external or upn)
    account = {"UserPrincipalName": upn, "MicrosoftOnlineServicesID": upn}
    elsewhere = {"ExternalEmailAddress": f"SMTP:{external}"} if external else {}
    return {**made, **_type("MailUser"), **account, **elsewhere}


def group(seed: int, number: int, name: str, alias: str, address: str, kind: str) -> dict[str, Value]:
    """Return the properties of a new group of the *kind* ``Distribution``, ``Security`` or ``RoomList``."""
    security = kind == "Security"
    made = {
        **_mailed(seed, number, name, alias, address),
        **_type(f"MailUniversal{'Security' if security else 'Distribution'}Group"),
    }
    made["GroupType"] = "Universal, SecurityEnabled" if security else "Universal"
    return made | ({"RecipientTypeDetails": "RoomList"} if kind == "RoomList" else {})


def disabled_user(one: dict[str, Value]) -> dict[str, Value]:
    """Return the properties of the account that stays when its mailbox *one* is disabled."""
    kept = (
        "DisplayName", "Name", "FirstName", "LastName", "Guid", "Identity", "DistinguishedName",
        "ExternalDirectoryObjectId", "UserPrincipalName", "Department", "Company", "Title", "Office",
        "IsDirSynced",
    )  # fmt: skip
    account = {name: one[name] for name in kept if name in one}
    return {**account, **_type("User"), "WindowsEmailAddress": "", "WhenSoftDeleted": None}


def _directory(seed: int, number: int, name: str) -> dict[str, Value]:
    made = fake_directory.living(seed, name)
    own = {"ExternalDirectoryObjectId": str(fake_directory.guid(seed, "created", "entra", number))}
    guid: UUID = fake_directory.guid(seed, "created", "object", number)
    return {**made, **own, "Name": name, "Guid": guid}


def _mailed(seed: int, number: int, name: str, alias: str, address: str) -> dict[str, Value]:
    directory = (
        "Identity",
        "DistinguishedName",
        "ExternalDirectoryObjectId",
        "WhenSoftDeleted",
        "Name",
        "Guid",
    )
    made = _directory(seed, number, name)
    return {
        **{key: made[key] for key in directory},
        **_unnamed(name),
        "Alias": alias,
        "PrimarySmtpAddress": address,
        "WindowsEmailAddress": address,
        "EmailAddresses": [f"SMTP:{address}"],
        "LegacyExchangeDN": fake_directory.legacy_dn(seed, f"{number}-{alias}"),
        "ExchangeGuid": fake_directory.NO_GUID,
        "ArchiveGuid": fake_directory.NO_GUID,
        "IsDirSynced": False,
    }


def _unnamed(name: str) -> dict[str, Value]:
    return {"DisplayName": name, "FirstName": "", "LastName": ""}


def _type(name: str) -> dict[str, Value]:
    return {"RecipientType": name, "RecipientTypeDetails": name}
