"""The language of a mailbox: how it writes dates, and what its folders are called. Pure.

The folders of a mailbox are named in the language in which it was first opened: a German calendar is
``Kalender``, and rights on it are at ``ann@contoso.com:\\Kalender``.
"""

from dataclasses import dataclass

from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Mailbox
from bulkps.simulator.tenant.tenant import Tenant

#: Where the language of a mailbox's folders is kept: among its regional settings. Exchange shows it nowhere.
REGIONAL, FOLDER_LANGUAGE = "MailboxRegionalConfiguration", "FolderLanguage"
#: The FolderType of the folders that every mailbox has.
FOLDER_TYPES = (
    "Inbox",
    "SentItems",
    "DeletedItems",
    "Drafts",
    "JunkEmail",
    "Calendar",
    "Contacts",
    "Tasks",
    "Notes",
)
_ENGLISH = "en-US"


@dataclass(frozen=True)
class Language:
    """How a language writes dates, and the names of a mailbox's folders in it.

    Attributes:
        date: Its first DateFormat.
        time: Its first TimeFormat.
        zone: The TimeZone of most who speak it.
        folders: The names of FOLDER_TYPES.
    """

    date: str
    time: str
    zone: str
    folders: tuple[str, ...]


LANGUAGES: dict[str, Language] = {
    _ENGLISH: Language(
        "M/d/yyyy",
        "h:mm tt",
        "Pacific Standard Time",
        (
            "Inbox", "Sent Items", "Deleted Items", "Drafts", "Junk Email", "Calendar", "Contacts", "Tasks",
            "Notes",
        ),
    ),
    "de-DE": Language(
        "dd.MM.yyyy",
        "HH:mm",
        "W. Europe Standard Time",
        (
            "Posteingang", "Gesendete Elemente", "Gelöschte Elemente", "Entwürfe", "Junk-E-Mail", "Kalender",
            "Kontakte", "Aufgaben", "Notizen",
        ),
    ),
    "fr-FR": Language(
        "dd/MM/yyyy",
        "HH:mm",
        "Romance Standard Time",
        (
            "Boîte de réception", "Éléments envoyés", "Éléments supprimés", "Brouillons",
            "Courrier indésirable", "Calendrier", "Contacts", "Tâches", "Notes",
        ),
    ),
    "es-ES": Language(
        "dd/MM/yyyy",
        "H:mm",
        "Romance Standard Time",
        (
            "Bandeja de entrada", "Elementos enviados", "Elementos eliminados", "Borradores",
            "Correo no deseado", "Calendario", "Contactos", "Tareas", "Notas",
        ),
    ),
}  # fmt: skip
#: Of eight people, five have English mailboxes.
_DRAWN = (_ENGLISH,) * 5 + ("de-DE", "fr-FR", "es-ES")


def first_language(seed: int, mailbox: Mailbox) -> str:
    """Return the language in which *mailbox* was first opened."""
    return _DRAWN[fake_directory.digest(seed, "language", mailbox.key)[0] % len(_DRAWN)]


def folder_language(tenant: Tenant, mailbox: Mailbox) -> str:
    """Return the language in which the folders of *mailbox* are named."""
    changed = tenant.settings.get((REGIONAL, mailbox), {}).get(FOLDER_LANGUAGE)
    return str(changed or first_language(tenant.seed, mailbox))


def spoken(language: str) -> Language:
    """Return what is known of *language*; of one that is not known here, what English has."""
    alike = (one for name, one in LANGUAGES.items() if name[:2] == language[:2].casefold())
    return LANGUAGES.get(language) or next(alike, LANGUAGES[_ENGLISH])
