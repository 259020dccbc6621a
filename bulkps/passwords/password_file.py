"""The file by which generated passwords go out: CSV, one line for each password that is sent.

A line is on disk before its password is sent. A row that is sent again gets a fresh password and a further
line: the last line of a row is the one that counts. Where an answer was lost an earlier one may.
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
from bulkps.exchange.invocation import Secret
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
_ADVICE = "make room or repair access, then resume with another file for passwords"


class PasswordFile:
    """Where the generated passwords of one sitting with a run go, and who can read them.

    Attributes:
        path: The file; it must not be there yet.
        encryptor: How they are encrypted.
        count: How many it holds.
    """

    def __init__(self, path: Path | str, encryptor: Encryptor) -> None:
        self.path, self.encryptor, self.count = Path(path), encryptor, 0
        self._identity = ""
        self._file: TextIO | None = None

    @classmethod
    def for_certificate(cls, path: Path | str, certificate: Path | str) -> Self:
        """Return a file whose passwords only the private key of *certificate* (PEM or DER file) opens.

        Raises:
            UsageProblem: If it is none that passwords can be encrypted for.
        """
        return cls(path, for_certificate(Path(certificate)))

    @classmethod
    def with_passphrase(cls, path: Path | str, passphrase: str) -> Self:
        """Return a file whose passwords *passphrase* (at least 12 characters) opens.

        Raises:
            UsageProblem: If it is too short.
        """
        return cls(path, with_passphrase(Secret(passphrase)))

    @classmethod
    def plain(cls, path: Path | str) -> Self:
        """Return a file that holds the passwords as they are."""
        return cls(path, Plain())

    def check(self) -> None:
        """Make sure that the file can be made.

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
        """Make the file, readable by its owner alone where the platform has that.

        Args:
            identity: What the column is called that says whose a password is.

        Raises:
            UsageProblem: If it already exists, or cannot be made.
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
        """Bring one password to the disk; when it returns it may be sent.

        Args:
            row: The row of the input that it is for.
            identity: Whose it is.
            password: The password.
            at: Epoch seconds.

        Raises:
            RecordFailed: If it could not be written; it must not be sent.
        """
        sent_at = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        owner = _owner(self._identity, str(row), identity, sent_at)
        with self._on_disk() as line:
            # No variable ever holds the text: a tool that shows the variables of a traceback would show it.
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
        """Close the file, and take it away if it holds no password."""
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
        """Give what writes a line; it is on the disk after the block."""
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
    # A CMS message begins with dashes. Nothing may be put into its lines, which nobody else has written.
    return f"'{encrypted}" if encrypted.startswith("-") else encrypted


@dataclass(frozen=True)
class SentPassword:
    """One line of a password file.

    Attributes:
        row: The row of the input.
        identity: Whose the password is.
        sent_at: When it was about to be sent (ISO 8601, UTC).
        password: The password.
    """

    row: str
    identity: str
    sent_at: str
    password: Secret


class PassphraseFile:
    """A password file that was encrypted with a passphrase, for reading.

    Attributes:
        identity: What the column is called that says whose a password is.

    Raises:
        UsageProblem: If *path* cannot be read or is another kind of file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        header, *lines = _lines(path)
        if len(header) != 4 or (header[0], *header[2:]) != (_ROW, _AT, _PASSWORD):
            raise UsageProblem(f"{path}: found no password file, expected one that 'bulkps run' has written")
        self.identity = header[1]
        self._lines = lines
        for line in lines:
            _refuse_other_kinds(path, line)
            if salt_of(line[3]) != salt_of(lines[0][3]):
                raise UsageProblem(
                    f"{path}: the line of row {line[0]} was written to another file than the first: lines "
                    "of several files do not belong together. Put it back as bulkps wrote it"
                )

    def passwords(self, passphrase: Secret, row: int | None = None) -> list[SentPassword]:
        """Return what *passphrase* opens, of one *row* of the input or of all, in the order of the file.

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
        """Return why a line does not open: it was moved, it was changed, or the passphrase is wrong."""
        opens = False
        for other, whose, at, theirs in self._lines:
            owner = _owner(self.identity, other, whose, at)
            if _opens(decryptor, encrypted, owner):
                return UsageProblem(
                    f"{self.path}: the line of row {number} ({identity}) holds the password of row {other} "
                    f"({whose}), sent {at}: somebody has moved it. Put the file back as bulkps wrote it, or "
                    "reset the passwords of both"
                )
            opens = opens or _opens(decryptor, theirs, owner)
        if opens:
            return UsageProblem(
                f"{self.path}: the passphrase opens other rows and not row {number}: its line is not as "
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
    """Return the cells of every whole line; what a crash cut short was never sent."""
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
            f"{path} was encrypted for a certificate: it opens where the certificate's private key is, with "
            "Unprotect-CmsMessage"
        )
    raise UsageProblem(
        f"{path} is not encrypted with a passphrase: if it was written with --passwords-plain, its passwords "
        "are plain text"
    )
