"""Checks that a record is still the same file: not removed, replaced or cut short while it is in use."""

from pathlib import Path

from bulkps.errors import RecordFailed

#: The advice for a damaged record.
HARMED = (
    "it was removed, replaced or cut short while bulkps used it, by a person, a clean-up job or a sync "
    "client. Restore it from a backup, keep such programs away from this folder, then resume"
)


class FileIdentity:
    """The identity of a file, which is more than its name.

    Args:
        path: The file; it exists.
        heads: It begins with one of these, all of the same length, unless it is empty. If a file is emptied
            while a program writes behind its end, it begins with zeros.

    Raises:
        OSError: If it does not exist.
    """

    def __init__(self, path: Path, heads: tuple[bytes, ...] = ()) -> None:
        self.path, self._heads = path, heads
        found = path.stat()
        self._id, self._size = (found.st_dev, found.st_ino), found.st_size

    def check(self) -> None:
        """Check that the file of that name is still the same one, and has lost nothing.

        Raises:
            RecordFailed: If it is not.
        """
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise RecordFailed(str(self.path), "the file is missing", HARMED) from None
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error
        if (found.st_dev, found.st_ino) != self._id:
            raise RecordFailed(str(self.path), "it is now a different file", HARMED)
        if found.st_size < self._size:
            raise RecordFailed(str(self.path), f"it lost {self._size - found.st_size} bytes", HARMED)
        self._size = found.st_size
        if self._heads and found.st_size:
            self._check_head()

    def _check_head(self) -> None:
        try:
            with self.path.open("rb") as file:
                head = file.read(len(self._heads[0]))
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error
        if head not in self._heads:
            raise RecordFailed(str(self.path), "its beginning is missing", HARMED)
