"""Where bulkps keeps its files: one folder per user, or BULKPS_HOME; other users cannot read or write it.

The content of the home decides what a resume sends: anyone who can write there could have anything sent. On
Windows modes mean nothing; there the access control list of the user profile protects it.
"""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

from platformdirs import user_data_path

from bulkps.atomic_file import OWNER_ONLY, new_for_owner
from bulkps.errors import UsageProblem

if sys.platform != "win32":
    import pwd

#: The mode of folders that only their owner may list, read and write.
_FOLDER_MODE = 0o700
_OTHERS, _OTHERS_WRITE = 0o077, 0o022
#: The suffixes of a database and the files that SQLite puts beside it.
_BESIDE = ("", "-wal", "-shm")


def home() -> Path:
    """Return the folder that holds journal, audit and results: BULKPS_HOME, else the platform's own."""
    given = os.environ.get("BULKPS_HOME")
    return Path(given).expanduser().resolve() if given else user_data_path("bulkps", appauthor=False)


def journal_path() -> Path:
    """Return the journal's file; its folder exists."""
    return _in(home()) / "journal.sqlite3"


def audit_path(run: str) -> Path:
    """Return a run's audit log; its folder exists."""
    return _in(home() / "audit") / f"{run}.jsonl"


def within_home(path: str) -> str:
    """Return *path* as the journal keeps it, so that a moved or remounted home still works."""
    whole = Path(path)
    return whole.relative_to(home()).as_posix() if whole.is_relative_to(home()) else path


def from_home(path: str) -> str:
    """Return the full path for a result of ``within_home``, or of a log that is in this home now."""
    here = home() / "audit" / Path(path).name
    return str(home() / path if not Path(path).is_absolute() or here.exists() else path)


def results_path(run: str) -> Path:
    """Return where a run's results go by default; its folder exists."""
    return _in(home() / "results") / f"{run}.csv"


def private_database(path: Path) -> None:
    """Create *path* if needed and make it private; SQLite gives the files beside it the same mode.

    Raises:
        UsageProblem: If it belongs to another user, or others can write to it.
        OSError: If it cannot be created.
    """
    if sys.platform == "win32":
        return
    with suppress(FileExistsError):
        os.close(new_for_owner(str(path), os.O_RDWR | os.O_CREAT | os.O_EXCL))
    for name in _BESIDE:
        beside = path.with_name(path.name + name)
        if beside.exists():
            _make_private(beside, OWNER_ONLY)


def private_folder(folder: Path) -> None:
    """Create *folder* if needed and make it private.

    Raises:
        UsageProblem: If it belongs to another user, or others can write to it.
        OSError: If it cannot be created.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=_FOLDER_MODE)
    if not folder.is_dir():
        raise NotADirectoryError("it is not a folder")
    if _make_private(folder, _FOLDER_MODE):
        _hide_contents(folder)


def _in(folder: Path) -> Path:
    for one in dict.fromkeys((home(), folder)):
        try:
            private_folder(one)
        except OSError as error:
            raise UsageProblem(
                f"cannot create {one}: {error.strerror or error}; set BULKPS_HOME to use another folder"
            ) from error
    return folder


def _make_private(path: Path, mode: int) -> bool:
    """Remove other users' access to *path*; return whether they could read it.

    Raises:
        UsageProblem: If it belongs to another user, or others can write to it.
    """
    if sys.platform == "win32":
        return False
    found = path.stat()
    if found.st_uid != os.geteuid():
        owner, me = _user(found.st_uid), _user(os.geteuid())
        raise UsageProblem(
            f"{path} belongs to {owner}, not to {me}, and its content decides what is sent; nothing was "
            f"sent. Run bulkps as {owner}, set BULKPS_HOME to a folder of your own, or make it yours: "
            f"sudo chown -R {me} '{path}'"
        )
    if found.st_mode & _OTHERS_WRITE:
        raise UsageProblem(
            f"other users can write to {path} (mode {stat.S_IMODE(found.st_mode):04o}), and its content "
            "decides what is sent; nothing was sent. Check that no one has changed it, then run: "
            f"chmod {mode:o} '{path}'"
        )
    if not found.st_mode & _OTHERS:
        return False
    path.chmod(mode)
    return True


def _hide_contents(folder: Path) -> None:
    """Make the files in *folder* private: an earlier version left them readable."""
    for path in folder.iterdir():
        if stat.S_ISREG(path.lstat().st_mode) and path.lstat().st_mode & _OTHERS_WRITE == 0:
            with suppress(OSError):
                path.chmod(OWNER_ONLY)


def _user(number: int) -> str:
    if sys.platform != "win32":
        with suppress(KeyError):
            return pwd.getpwuid(number).pw_name
    return str(number)
