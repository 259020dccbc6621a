"""Whether a record is still the file that it was: not removed, replaced or cut short while it is written."""

from pathlib import Path

from bulkps.errors import RecordFailed

#: What is said of a record that was harmed.
HARMED = (
    "it was removed, replaced or cut short while bulkps worked with it, by a person, a clean-up or a sync "
    "client. Put it back from a copy, keep such programs away from this folder, then resume"
)


class FileIdentity:
    """A file by what identifies it, not by its name.

    Args:
        path: The file; it exists.
        heads: What it begins with, one of these of the same length, unless it is empty. Who goes on writing
            behind the end of a file that was emptied leaves zeros there.

    Raises:
        OSError: If it does not.
    """

    def __init__(self, path: Path, heads: tuple[bytes, ...] = ()) -> None:
        self.path, self._heads = path, heads
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
            raise RecordFailed(str(self.path), "it is gone", HARMED) from None
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error)) from error
        if (found.st_dev, found.st_ino) != self._id:
            raise RecordFailed(str(self.path), "another file has its name", HARMED)
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
            raise RecordFailed(str(self.path), "its beginning is gone", HARMED)
