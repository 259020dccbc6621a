"""Whether a record is still the file that it was: not removed, replaced or cut short while it is written."""

from pathlib import Path

from bulkps.errors import RecordFailed

_ADVICE = (
    "it was removed, replaced or cut short while bulkps worked with it, by a person, a clean-up or a sync "
    "client. Put it back from a copy, keep such programs away from this folder, then resume"
)


class FileIdentity:
    """A file by what identifies it, not by its name.

    Args:
        path: The file; it exists.

    Raises:
        OSError: If it does not.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        found = path.stat()
        self._id, self._size = (found.st_dev, found.st_ino), found.st_size

    def check(self) -> None:
        """Make sure that the file of that name is still the same one, and has lost nothing.

        Raises:
            RecordFailed: If it is not.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise RecordFailed(str(self.path), "it is gone", _ADVICE) from None
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error
        if (found.st_dev, found.st_ino) != self._id:
            raise RecordFailed(str(self.path), "another file has its name", _ADVICE)
        if found.st_size < self._size:
            raise RecordFailed(str(self.path), f"it lost {self._size - found.st_size} bytes", _ADVICE)
        self._size = found.st_size
