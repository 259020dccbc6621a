"""The nouns of the generic Get- and Set- cmdlets, as data: what each acts on, and its properties. Pure.

A parameter of Set- that has a property of its name works without code. ``special_parameters`` has those that
change something else; every other parameter is refused by name.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant import property_defaults as initial
from bulkps.simulator.tenant.mailbox import Kind, Mailbox, Properties
from bulkps.simulator.tenant.mailbox_language import FOLDER_LANGUAGE, REGIONAL, first_language, spoken
from bulkps.simulator.tenant.tenant import Tenant

MANAGEMENT = "Microsoft.Exchange.Data.Directory.Management."
_STORAGE = "Microsoft.Exchange.Data.Storage.Management."
MAILBOXES = (Kind.ACTIVE,)
GROUPS = (Kind.GROUP,)
CONTACTS = (Kind.CONTACT,)
MAIL_USERS = (Kind.MAIL_USER,)
USERS = (Kind.ACTIVE, Kind.NONE, Kind.MAIL_USER)
#: Every object with an address.
RECIPIENTS = (Kind.ACTIVE, Kind.MAIL_USER, Kind.GROUP, Kind.CONTACT)

_NAMES = ("Identity", "Name", "DisplayName", "Guid", "DistinguishedName", "ExternalDirectoryObjectId")
_ADDRESSES = ("Alias", "PrimarySmtpAddress", "EmailAddresses", "WindowsEmailAddress", "LegacyExchangeDN")
_TYPES = ("RecipientType", "RecipientTypeDetails", "IsDirSynced", "WhenSoftDeleted")
_PERSON = ("FirstName", "LastName", *initial.PERSON)
_CUSTOM = tuple(f"CustomAttribute{number}" for number in range(1, 16))


_Made = Properties | Callable[[], Properties]


@dataclass(frozen=True)
class Noun:
    """What a Get- and a Set- cmdlet act on.

    Attributes:
        name: The noun.
        type_name: The .NET type of what Get- returns.
        kinds: The kinds of the objects.
        first: What its properties hold until they are changed, or a function that says so for an object.
        shown: Properties of the object in the directory that it shows too; empty for all of them.
        apart: Whether its properties are kept apart from those in the directory.
    """

    name: str
    type_name: str
    kinds: tuple[Kind, ...]
    first: Mapping[str, Value] | Callable[[int, Mailbox], Mapping[str, Value]]
    shown: tuple[str, ...] = ()
    apart: bool = False

    def properties(self, tenant: Tenant, one: Mailbox) -> dict[str, Value]:
        """Return what Get- shows of *one*."""
        return self.reading(tenant, one)()

    def filterable(self, tenant: Tenant, one: Mailbox) -> dict[str, Value]:
        """Return what a filter sees of *one*: more than Get- shows."""
        return {**self.properties(tenant, one), **one.properties}

    def reading(self, tenant: Tenant, one: Mailbox) -> Callable[[], dict[str, Value]]:
        """Return a function that returns what Get- shows of *one* as it is now, whenever it is called."""
        usual = partial(self.first, tenant.seed, one) if callable(self.first) else self.first
        changed = tenant.settings.get((self.name, one), {}) if self.apart else {}
        return partial(self._merged, one.as_is, usual, changed)

    def _merged(self, made: _Made, usual: _Made, changed: Mapping[str, Value]) -> dict[str, Value]:
        directory, usual = (one() if callable(one) else one for one in (made, usual))
        if self.apart:
            seen = {name: value for name, value in changed.items() if name != FOLDER_LANGUAGE}
            return {**{name: directory.get(name) for name in self.shown}, **usual, **seen}
        if not self.shown:
            return {**usual, **directory}
        return {name: directory.get(name, usual.get(name)) for name in dict.fromkeys((*self.shown, *usual))}

    @property
    def names(self) -> frozenset[str]:
        """The names of the properties that it surely has."""
        return frozenset(self.shown) | (frozenset() if callable(self.first) else self.first.keys())

    @property
    def effect(self) -> str:
        """The kind under which its changes are counted, such as ``mailbox-set``."""
        return f"{kebab(self.name)}-set"


def kebab(name: str) -> str:
    """Return a name in lower case with dashes: ``CASMailbox`` is ``cas-mailbox``."""
    text = ""
    for at, letter in enumerate(name):
        starts = letter.isupper() and at and (name[at - 1].islower() or name[at + 1 : at + 2].islower())
        text += f"-{letter}" if starts else letter
    return text.lower()


def _processing(_seed: int, one: Mailbox) -> Mapping[str, Value]:
    owned = one.text("RecipientTypeDetails") in {"RoomMailbox", "EquipmentMailbox"}
    return initial.RESOURCE_PROCESSING if owned else initial.CALENDAR_PROCESSING


def _regional(seed: int, one: Mailbox) -> Mapping[str, Value]:
    language = first_language(seed, one)
    usual = spoken(language)
    return {
        "Language": language,
        "DateFormat": usual.date,
        "TimeFormat": usual.time,
        "TimeZone": usual.zone,
        "DefaultFolderNameMatchingUserLanguage": True,
    }


def _settings(
    name: str, kind: str, usual: Mapping[str, Value] | Callable[[int, Mailbox], Mapping[str, Value]]
) -> Noun:
    return Noun(name, f"{_STORAGE}{kind}", MAILBOXES, usual, ("Identity",), apart=True)


MAILBOX = Noun("Mailbox", f"{MANAGEMENT}Mailbox", MAILBOXES, initial.MAILBOX)
USER = Noun(
    "User",
    f"{MANAGEMENT}User",
    USERS,
    initial.USER,
    (*_NAMES, *_TYPES, "FirstName", "LastName", "UserPrincipalName", "WindowsEmailAddress",
     "MicrosoftOnlineServicesID", "IsDirSynced"),
)  # fmt: skip
RECIPIENT = Noun(
    "Recipient",
    f"{MANAGEMENT}ReducedRecipient",
    RECIPIENTS,
    {name: initial.MAILBOX[name] for name in (*_CUSTOM, "HiddenFromAddressListsEnabled")},
    ("Identity", "Name", "DisplayName", "Alias", "FirstName", "LastName", "PrimarySmtpAddress",
     "EmailAddresses", "RecipientType", "RecipientTypeDetails", "Guid", "ExchangeGuid", "ArchiveGuid",
     "DistinguishedName", "ExternalDirectoryObjectId", "Department", "Company", "Title", "Office",
     "WhenSoftDeleted", "ExternalEmailAddress", "ManagedBy", "Manager"),
)  # fmt: skip
CONTACT = Noun(
    "Contact", f"{MANAGEMENT}Contact", CONTACTS, initial.PERSON,
    (*_NAMES, *_TYPES, "FirstName", "LastName", "WindowsEmailAddress"),
)  # fmt: skip
MAIL_CONTACT = Noun(
    "MailContact", f"{MANAGEMENT}MailContact", CONTACTS, initial.MAIL_CONTACT,
    (*_NAMES, *_ADDRESSES, *_TYPES, "ExternalEmailAddress"),
)  # fmt: skip
MAIL_USER = Noun(
    "MailUser", f"{MANAGEMENT}MailUser", MAIL_USERS, initial.MAIL_USER,
    (*_NAMES, *_ADDRESSES, *_TYPES, *_PERSON, "ExchangeGuid", "ArchiveGuid", "UserPrincipalName",
     "MicrosoftOnlineServicesID", "ExternalEmailAddress"),
)  # fmt: skip
DISTRIBUTION_GROUP = Noun(
    "DistributionGroup", f"{MANAGEMENT}DistributionGroup", GROUPS, initial.DISTRIBUTION_GROUP,
    (*_NAMES, *_ADDRESSES, *_TYPES),
)  # fmt: skip
GROUP = Noun(
    "Group", f"{MANAGEMENT}WindowsGroup", GROUPS, initial.GROUP, (*_NAMES, *_TYPES, "WindowsEmailAddress")
)
#: The nouns of the cmdlets that are made by rule: Get- and Set- of each.
NOUNS = (
    MAILBOX,
    USER,
    CONTACT,
    MAIL_CONTACT,
    MAIL_USER,
    DISTRIBUTION_GROUP,
    GROUP,
    Noun(
        "CASMailbox", f"{MANAGEMENT}CASMailbox", MAILBOXES, initial.CAS_MAILBOX,
        (*_NAMES, "PrimarySmtpAddress", "EmailAddresses", "LegacyExchangeDN", "RecipientTypeDetails"),
        apart=True,
    ),
    _settings("MailboxAutoReplyConfiguration", "MailboxAutoReplyConfiguration", initial.AUTO_REPLY),
    _settings(REGIONAL, REGIONAL, _regional),
    _settings("CalendarProcessing", "CalendarConfiguration", _processing),
)  # fmt: skip
