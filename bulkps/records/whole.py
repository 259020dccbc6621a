"""A file that is there whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path beside *path* to write to; put that there once the block is left in peace.

    Raises:
        OSError: If it cannot be written or put there. What cannot be put there stays beside it, whole.
    """
    temporary = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    try:
        temporary.replace(path)
    except OSError as error:
        # On Windows a file that a spreadsheet has open cannot be replaced, and to read it all took hours.
        reason = f"{error.strerror or error}; all of it is in {temporary}"
        raise OSError(error.errno, reason) from error
