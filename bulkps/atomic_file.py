"""Writes files completely or not at all, never through a link, and over another file only if asked.

Every file that bulkps writes outside its own home goes through here. Only the owner can read a new file,
where the platform has modes; a replaced file keeps its mode.
"""

import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from bulkps.errors import UsageProblem

if sys.platform != "win32":
    import fcntl

#: The mode of files that only their owner may read and write.
OWNER_ONLY = 0o600
#: The name of a file before it is moved into place.
_TEMPORARY = re.compile(r"\.bulkps-[0-9a-f]{16}\.part")
#: Never through a link, never inherited, and on Windows without converting line ends.
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
#: On Windows a temporary file is not removed for this many seconds after it was last written.
_YOUNG = 3600.0


@dataclass(frozen=True)
class Output:
    """A file that bulkps is asked to write.

    Attributes:
        path: Where it is written.
        replace: Whether a file that already exists there is replaced.
    """

    path: Path
    replace: bool = False

    def refusal(self) -> str:
        """Return why it cannot be written, or an empty text."""
        folder = self.path.parent
        if not folder.is_dir():
            exists = os.path.lexists(folder)
            return (
                f"{folder} is not a folder"
                if exists
                else f"the folder {folder} does not exist; create it first"
            )
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return ""
        except OSError as error:
            return error.strerror or str(error)
        if stat.S_ISLNK(mode):
            return "it is a symbolic link, which bulkps does not follow; give the path of the file itself"
        if not stat.S_ISREG(mode):
            return "it is not a regular file"
        return "" if self.replace else "it already exists; --force replaces it"

    def check(self, tail: str = "") -> None:
        """Check that it can be written, before any work is done for it.

        Args:
            tail: What the sentence ends with, such as ``; nothing was sent``.

        Raises:
            UsageProblem: If it cannot.
        """
        if why := self.refusal():
            raise UsageProblem(f"cannot write {self.path}: {why}{tail}")


@contextmanager
def whole_file(
    output: Output, *, encoding: str = "utf-8", newline: str = "\n", errors: str = "strict"
) -> Iterator[TextIO]:
    """Give a file to write to; it is moved into place, and on the disk, when the block ends without an error.

    Raises:
        OSError: If it cannot be written or moved. A complete file that cannot be moved stays beside it.
    """
    path = output.path
    if why := output.refusal():
        raise OSError(why)
    _remove_abandoned(path.parent)
    descriptor, temporary = _make_temporary(path.parent)
    with ExitStack() as stack:
        if sys.platform != "win32":
            # The lock stays until the file is in place. Windows cannot move an open file.
            stack.callback(os.close, os.dup(descriptor))
        try:
            with os.fdopen(descriptor, "w", encoding=encoding, newline=newline, errors=errors) as file:
                yield file
                file.flush()
                _take_mode(path, file.fileno())
                os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        try:
            _put_in_place(temporary, output)
        except OSError as error:
            # On Windows a file that a spreadsheet has open cannot be replaced, and reading it all took hours.
            reason = f"{error.strerror or error}; the complete file is {_kept(temporary, path)}"
            raise OSError(error.errno, reason) from error


def write_text(output: Output, text: str, *, encoding: str = "utf-8", newline: str = "\n") -> None:
    """Write *text* as a whole file.

    Raises:
        UsageProblem: If it cannot be written.
    """
    try:
        with whole_file(output, encoding=encoding, newline=newline) as file:
            file.write(text)
    except OSError as error:
        raise UsageProblem(f"cannot write {output.path}: {error.strerror or error}") from error


def new_for_owner(path: str, flags: int) -> int:
    """Open a file that only its owner may read, for the built-in ``open``; never through a link."""
    descriptor = os.open(path, flags | _FLAGS, OWNER_ONLY)
    _set_mode(descriptor, OWNER_ONLY)
    return descriptor


def sync_folder(folder: Path) -> None:
    """Write the names in *folder* to the disk, where the platform can."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _make_temporary(folder: Path) -> tuple[int, Path]:
    """Return a new file in *folder*, open for writing, under a name that no one can predict."""
    while True:
        path = folder / f".bulkps-{secrets.token_hex(8)}.part"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, OWNER_ONLY)
        if _locked(descriptor):
            return descriptor, path
        # In the moment between the two calls another process took it for abandoned, and removes it.
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Lock a file for as long as it is open; return whether it is still there."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A file system without locks: there no process can lock it to remove it, either.
            return True
    return os.fstat(descriptor).st_nlink > 0


def _remove_abandoned(folder: Path) -> None:
    """Remove temporary files that killed processes left in *folder*."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                with suppress(OSError):
                    _remove_if_abandoned(Path(entry.path))


def _remove_if_abandoned(path: Path) -> None:
    if sys.platform == "win32":
        # An open file cannot be removed there; one that was just closed is about to be moved into place.
        if time.time() - path.lstat().st_mtime > _YOUNG:
            path.unlink()
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | _FLAGS)
    try:
        facts = os.fstat(descriptor)
        if stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid():
            # If a process still writes it, that process holds the lock, and this raises.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    finally:
        os.close(descriptor)


def _take_mode(path: Path, descriptor: int) -> None:
    """Give a file the mode of the one that it replaces."""
    try:
        before = path.lstat()
    except OSError:
        _set_mode(descriptor, OWNER_ONLY)
        return
    mode = stat.S_IMODE(before.st_mode) & 0o777
    if sys.platform != "win32" and os.fstat(descriptor).st_gid != before.st_gid:
        try:
            os.fchown(descriptor, -1, before.st_gid)
        except OSError:
            # The mode was meant for the previous group; it must not give access to another one.
            mode &= ~0o070
    _set_mode(descriptor, mode)


def _set_mode(descriptor: int, mode: int) -> None:
    # On Windows the mode means nothing: there the folder's access control list says who may read.
    if sys.platform != "win32":
        os.fchmod(descriptor, mode)


def _put_in_place(temporary: Path, output: Output) -> None:
    if output.replace:
        temporary.replace(output.path)
    elif sys.platform == "win32":
        # It raises where the name is taken.
        temporary.rename(output.path)
    else:
        _link(temporary, output.path)
    sync_folder(output.path.parent)


def _link(temporary: Path, path: Path) -> None:
    """Give *temporary* the name *path* unless it is taken, in one step."""
    try:
        os.link(temporary, path, follow_symlinks=False)
    except FileExistsError as error:
        raise FileExistsError(error.errno, "another process created it in the meantime") from error
    except OSError:
        # A file system without hard links.
        if os.path.lexists(path):
            raise
        temporary.replace(path)
    else:
        temporary.unlink()


def _kept(temporary: Path, path: Path) -> Path:
    """Give *temporary* a name that a person finds, and that no later write takes for abandoned."""
    kept = path.with_name(f"{path.stem}-{temporary.name[8:16]}{path.suffix}")
    try:
        return temporary.rename(kept)
    except OSError:
        return temporary
