"""The file for generated passwords: CSV, one line for each password that is sent.

A line is on disk before its password is sent. A row that is sent again gets a new password and a further
line: the last line of a row is the one that counts. If an answer was lost, an earlier one may count.
"""

import csv
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from bulkps.atomic_file import Output, new_for_owner, sync_folder
from bulkps.errors import RecordFailed, UsageProblem
from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.intake import formula_safe
from bulkps.intake.formula_escape import formula_unsafe
from bulkps.passwords.password_encryption import (
    CMS,
    SCRYPT,
    Decryptor,
    Encryptor,
    Owner,
    Plain,
    WrongPassphrase,
    for_certificate,
    salt_of,
    with_passphrase,
)

if TYPE_CHECKING:
    from _csv import Writer

_ROW, _AT, _PASSWORD = "row_number", "sent_at", "password"
_ADVICE = "free disk space or fix access, then resume with a new password file"


class PasswordFile:
    """The file for the generated passwords of one sitting with a run.

    Attributes:
        path: The file; it must not exist yet.
        encryptor: How they are encrypted.
        count: How many it holds.
    """

    def __init__(self, path: Path | str, encryptor: Encryptor) -> None:
        self.path, self.encryptor, self.count = Path(path), encryptor, 0
        self._identity = ""
        self._file: TextIO | None = None

    @classmethod
    def for_certificate(cls, path: Path | str, certificate: Path | str) -> Self:
        """Return a file that only the private key of *certificate* (PEM or DER file) can open.

        Raises:
            UsageProblem: If passwords cannot be encrypted for it.
        """
        return cls(path, for_certificate(Path(certificate)))

    @classmethod
    def with_passphrase(cls, path: Path | str, passphrase: str) -> Self:
        """Return a file that *passphrase* (at least 12 characters) can open.

        Raises:
            UsageProblem: If it is too short.
        """
        return cls(path, with_passphrase(Secret(passphrase)))

    @classmethod
    def plain(cls, path: Path | str) -> Self:
        """Return a file that holds the passwords in plain text."""
        return cls(path, Plain())

    def check(self) -> None:
        """Check that the file can be created.

        Raises:
            UsageProblem: If it already exists, is a link, or its folder does not exist.
        """
        if os.path.lexists(self.path):
            raise self._exists()
        Output(self.path).check("; nothing was sent")

    def _exists(self) -> UsageProblem:
        return UsageProblem(
            f"{self.path} already exists, and passwords are never written over a file; nothing was sent. "
            "Choose a new name"
        )

    def begin(self, identity: str) -> None:
        """Create the file; only its owner can read it, where the platform has that.

        Args:
            identity: The name of the column with the password's owner.

        Raises:
            UsageProblem: If it already exists, or cannot be created.
        """
        self.check()
        try:
            file = open(  # noqa: SIM115 - it stays open as long as the run is worked on
                self.path, "x", encoding="utf-8-sig", newline="", opener=new_for_owner
            )
        except FileExistsError as error:
            # Another process was faster.
            raise self._exists() from error
        except OSError as error:
            reason = error.strerror or error
            raise UsageProblem(f"cannot write {self.path}: {reason}; nothing was sent") from error
        self._file, self._identity, self.count = file, identity, 0
        sync_folder(self.path.parent)
        with self._on_disk() as line:
            line.writerow([_ROW, formula_safe(identity), _AT, _PASSWORD])

    def keep(self, row: int, identity: str, password: Secret, at: float) -> None:
        """Write one password to the disk; when this returns, the password may be sent.

        Args:
            row: The row of the input that it is for.
            identity: Its owner.
            password: The password.
            at: Epoch seconds.

        Raises:
            RecordFailed: If it could not be written; it must not be sent.
        """
        sent_at = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        owner = _owner(self._identity, str(row), identity, sent_at)
        with self._on_disk() as line:
            # No variable ever holds the text, because some tools show the variables of a traceback.
            line.writerow(
                [
                    str(row),
                    formula_safe(identity),
                    sent_at,
                    _harmless(self.encryptor.encrypt(password, owner)),
                ]
            )
        self.count += 1

    def close(self) -> None:
        """Close the file, and remove it if it holds no password."""
        file, self._file = self._file, None
        if file is None:
            return
        try:
            file.close()
            if not self.count:
                self.path.unlink()
        except OSError as error:
            raise RecordFailed(str(self.path), error.strerror or str(error), _ADVICE) from error

    @contextmanager
    def _on_disk(self) -> Iterator["Writer"]:
        """Give a writer for a line; the line is on the disk after the block."""
        if self._file is None:
            raise RecordFailed(str(self.path), "it is not open", _ADVICE)
        try:
            yield csv.writer(self._file, quoting=csv.QUOTE_ALL)
            self._file.flush()
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            raise RecordFailed(
                str(self.path), getattr(error, "strerror", None) or str(error), _ADVICE
            ) from error


def _owner(column: str, row: str, identity: str, sent_at: str) -> Owner:
    return {_ROW: row, column: identity, _AT: sent_at}


def _harmless(encrypted: str) -> str:
    # A CMS message begins with dashes. Its other lines must not be changed, and bulkps alone wrote them.
    return f"'{encrypted}" if encrypted.startswith("-") else encrypted


@dataclass(frozen=True)
class SentPassword:
    """One line of a password file.

    Attributes:
        row: The row of the input.
        identity: The password's owner.
        sent_at: When it was about to be sent (ISO 8601, UTC).
        password: The password.
    """

    row: str
    identity: str
    sent_at: str
    password: Secret


class PassphraseFile:
    """Reads a password file that was encrypted with a passphrase.

    Attributes:
        identity: The name of the column with the password's owner.

    Raises:
        UsageProblem: If *path* cannot be read or is another kind of file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        header, *lines = _lines(path)
        if len(header) != 4 or (header[0], *header[2:]) != (_ROW, _AT, _PASSWORD):
            raise UsageProblem(f"{path} is not a password file that 'bulkps run' has written")
        self.identity = header[1]
        self._lines = lines
        for line in lines:
            _refuse_other_kinds(path, line)
            if salt_of(line[3]) != salt_of(lines[0][3]):
                raise UsageProblem(
                    f"{path}: the line of row {line[0]} comes from another file than the first line. Lines "
                    "of several files cannot be mixed. Restore the file as bulkps wrote it"
                )

    def passwords(self, passphrase: Secret, row: int | None = None) -> list[SentPassword]:
        """Return the passwords that *passphrase* opens, of one *row* or of all, in file order.

        Raises:
            UsageProblem: If the passphrase is wrong, a line was changed or moved, or there is no such row.
        """
        decryptor, found = Decryptor(passphrase), []
        for number, identity, at, encrypted in self._lines:
            if row is not None and number != str(row):
                continue
            owner = _owner(self.identity, number, identity, at)
            try:
                found.append(SentPassword(number, identity, at, decryptor.decrypt(encrypted, owner)))
            except WrongPassphrase as error:
                raise self._unopened(decryptor, number, identity, encrypted) from error
        if not found:
            raise UsageProblem(f"{self.path} has no password" + (f" of row {row}" if row is not None else ""))
        return found

    def _unopened(self, decryptor: Decryptor, number: str, identity: str, encrypted: str) -> UsageProblem:
        """Return why a line does not open: it was moved or changed, or the passphrase is wrong."""
        opens = False
        for other, whose, at, theirs in self._lines:
            owner = _owner(self.identity, other, whose, at)
            if _opens(decryptor, encrypted, owner):
                return UsageProblem(
                    f"{self.path}: the line of row {number} ({identity}) holds the password of row {other} "
                    f"({whose}), sent {at}: the line was moved. Restore the file as bulkps wrote it, or "
                    "reset both passwords"
                )
            opens = opens or _opens(decryptor, theirs, owner)
        if opens:
            return UsageProblem(
                f"{self.path}: the passphrase opens other rows but not row {number}: its line is not as "
                "bulkps wrote it. Reset that user's password"
            )
        return UsageProblem(
            f"{self.path}: the passphrase is wrong, or the line of row {number} is not as bulkps wrote it"
        )


def _opens(decryptor: Decryptor, encrypted: str, owner: Owner) -> bool:
    try:
        decryptor.decrypt(encrypted, owner)
    except WrongPassphrase:
        return False
    return True


def _lines(path: Path) -> list[list[str]]:
    """Return the cells of every complete line; the password of an incomplete line was never sent."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        found = list(csv.reader(io.StringIO(text, newline="")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageProblem(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    lines = [[formula_unsafe(cell) for cell in line] for line in found]
    if lines and not text.endswith("\n"):
        lines.pop()
    return lines or [[]]


def _refuse_other_kinds(path: Path, line: list[str]) -> None:
    encrypted = line[3] if len(line) == 4 else ""
    if encrypted.startswith(SCRYPT):
        return
    if encrypted.startswith(CMS):
        raise UsageProblem(
            f"{path} is encrypted for a certificate: open it with Unprotect-CmsMessage on the computer that "
            "has the certificate's private key"
        )
    raise UsageProblem(
        f"{path} is not encrypted with a passphrase: if it was written with --passwords-plain, its passwords "
        "are plain text"
    )
