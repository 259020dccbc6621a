r"""The folder syntax of IncludeFolders and ExcludeFolders. Pure.

``#Inbox#`` is the Inbox in any language, ``#Inbox#/Sub/*`` a folder under it with all its
subfolders, ``Projects/FY2010`` a personal folder. If the name of a personal folder itself is between number
signs, write them with backslashes: ``\#Notes\#``. [New-MailboxRestoreRequest, IncludeFolders]
"""

import difflib
from dataclasses import dataclass

#: The well-known folders. IncludeFolders' documentation says CommunicationHistory, ExcludeFolders' says
#: CommunicatorHistory; which of them a server accepts is not known, so both are passed unchanged.
WELL_KNOWN = (
    "Inbox", "SentItems", "DeletedItems", "Calendar", "Contacts", "Drafts", "Journal", "Tasks", "Notes",
    "JunkEmail", "CommunicationHistory", "CommunicatorHistory", "Voicemail", "Fax", "Conflicts", "SyncIssues",
    "LocalFailures", "ServerFailures",
)  # fmt: skip

_BY_FOLDED_NAME = {name.casefold(): name for name in WELL_KNOWN}


@dataclass(frozen=True)
class Folder:
    """A folder, or a folder with everything below it.

    Attributes:
        well_known: The start of its path, such as ``Inbox``; empty for a personal folder.
        path: The names below that, without escapes.
        subfolders: Whether its subfolders are included.
    """

    well_known: str = ""
    path: tuple[str, ...] = ()
    subfolders: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be a folder."""
        if self.well_known and self.well_known not in WELL_KNOWN:
            raise ValueError(_unknown(self.well_known))
        if not self.well_known and not self.path:
            raise ValueError("a folder needs a name")
        for name in self.path:
            if not name or "/" in name or "*" in name:
                raise ValueError(f"{name!r} cannot be the name of a folder here")

    def __str__(self) -> str:
        head = (f"#{self.well_known}#",) if self.well_known else ()
        tail = ("*",) if self.subfolders else ()
        return "/".join((*head, *(name.replace("#", r"\#") for name in self.path), *tail))


def read_folder(text: str) -> Folder:
    """Return the folder that *text* names.

    Raises:
        ValueError: Its syntax is wrong; the message says what is wrong and what would be right.
    """
    parts = text.strip().strip("/").split("/")
    subfolders = len(parts) > 1 and parts[-1] == "*"
    if subfolders:
        parts.pop()
    if any("*" in part for part in parts):
        raise ValueError(f"{text!r}: * is allowed only alone at the end, as in Projects/*")
    if not all(parts):
        raise ValueError(f"{text!r}: a folder without a name")
    well_known = ""
    if len(parts[0]) > 2 and parts[0][0] == "#" == parts[0][-1] and parts[0][-2] != "\\":
        name = parts.pop(0)[1:-1]
        well_known = _BY_FOLDED_NAME.get(name.casefold(), "")
        if not well_known:
            raise ValueError(_unknown(name))
    return Folder(well_known, tuple(part.replace(r"\#", "#") for part in parts), subfolders)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name.casefold(), _BY_FOLDED_NAME, n=1)
    hint = f"; did you mean #{_BY_FOLDED_NAME[close[0]]}#?" if close else "."
    return rf"#{name}# is not a well-known folder{hint} Write a personal folder of that name as \#{name}\#"
