"""Examines a file: its encoding, its digest, and whether anything in it needs a closer look.

One pass over the bytes, in pieces, so that a file of any size takes the same memory.
"""

import codecs
import hashlib
import io
import locale
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bulkps.errors import InvalidInput, UsageProblem
from bulkps.exchange.code_page_conversion import page_text
from bulkps.exchange.damaged_text import strangeness
from bulkps.intake.code_page_candidates import WINDOWS, garbled, readings
from bulkps.intake.file_signatures import no_text, recognized
from bulkps.intake.mixed_encodings import Lines, eight_bit_appended, read_lines, utf16_appended
from bulkps.intake.problem import Problem, shortened

_PIECE = 1 << 20
_HEAD = 4096
#: Characters that make bulkps check a file cell by cell; lone surrogates need a decoder that accepts them.
_SUSPICIOUS = ("\x00", "\ufffe", "\uffff")
_WESTERN = "cp1252"
_UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
#: How many other likely readings a note names.
_OTHERS = 2


@dataclass(frozen=True)
class Source:
    """A file as it can be read.

    Attributes:
        path: Its path.
        digest: SHA-256 of its bytes, in hexadecimal digits.
        encoding: The codec's name.
        errors: What the decoder does with bytes that it cannot decode. If it is not ``strict``, each such
            byte becomes a lone surrogate, and the check of the cells finds it.
        suspicious: Whether it may hold characters that cannot be sent.
        note: A note about the encoding for the user, or empty.
        problem: Why it cannot be read at all.
    """

    path: Path
    digest: str
    encoding: str = ""
    errors: str = "strict"
    suspicious: bool = False
    note: str = ""
    problem: Problem | None = None

    def open(self) -> io.TextIOWrapper:
        """Return the file, open for reading; line ends as they are."""
        return self.path.open(encoding=self.encoding, errors=self.errors, newline="")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn the operating system's errors about *path* into messages.

    Raises:
        UsageProblem: If it cannot be read.
        InvalidInput: If it can no longer be decoded as it was a moment ago.
    """
    try:
        yield
    except OSError as error:
        raise UsageProblem(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(str(path), ["the file changed while it was being read; try again"]) from error


def examine(path: Path, told: str = "") -> Source:
    """Return the encoding of *path*, and what else is needed to read it.

    Args:
        path: The file.
        told: The encoding that the user gave; empty to detect it.

    Raises:
        OSError: If it cannot be read.
        UsageProblem: If Python knows no such encoding.
    """
    if told:
        return _as_told(path, told)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        problem = Problem(None, "", "an empty file", "a header line and rows")
        return Source(path, digest(path), problem=problem)
    found = recognized(path, head)
    if found:
        return Source(path, digest(path), problem=Problem(None, "", *found))
    marked = _by_mark(head)
    unmarked_utf16 = "" if marked else _utf16_without_mark(head)
    encoding = marked or unmarked_utf16 or "utf-8"
    if not encoding.startswith("utf-16") and no_text(head):
        problem = utf16_appended(path) or Problem(None, "", "a binary file", "a CSV file, which is text")
        return Source(path, digest(path), problem=problem)
    note = "read as UTF-16: it has no byte order mark, but NUL bytes show it" if unmarked_utf16 else ""
    return _decoded(path, encoding, note)


def _as_told(path: Path, told: str) -> Source:
    try:
        # Some codecs, such as hex, are not text encodings.
        "".encode(told)
    except (LookupError, UnicodeError) as error:
        known = "such as utf-8, utf-16, cp1250, cp1251, cp1252, cp932"
        raise UsageProblem(f"unknown encoding {told!r}; use a name that Python knows, {known}") from error
    sha, suspicious, failed = _read_through(path, told)
    if failed:
        problem = Problem(
            None, "", f"bytes that are not valid {told}", "the encoding that the file was saved in"
        )
        return Source(path, sha, told, problem=problem)
    return Source(path, sha, told, suspicious=suspicious)


def digest(path: Path) -> str:
    """Return the SHA-256 of the bytes of *path*, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _by_mark(head: bytes) -> str:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def _utf16_without_mark(head: bytes) -> str:
    """Return the codec of UTF-16 text without a byte order mark, or an empty string.

    The headers of every operation are ASCII, so every second byte of a header line is NUL.
    """
    even, odd = head[0::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd * 5 > half * 2 and even * 20 < half:
        return "utf-16-le"
    return "utf-16-be" if even * 5 > half * 2 and odd * 20 < half else ""


def _decoded(path: Path, encoding: str, note: str) -> Source:
    """Return the Source of a text that is probably in *encoding*."""
    sha, suspicious, failed = _read_through(path, encoding)
    wide = encoding.startswith("utf-16")
    mixed = None
    if wide:
        mixed = eight_bit_appended(path, encoding)
    elif suspicious or failed:
        mixed = utf16_appended(path)
    if mixed:
        return Source(path, sha, encoding, problem=mixed)
    if not failed:
        return Source(path, sha, encoding, suspicious=suspicious, note=note)
    return _damaged_utf16(path, sha, encoding, note) if wide else _not_utf8(path, sha, encoding)


def _read_through(path: Path, encoding: str) -> tuple[str, bool, bool]:
    """Return the digest, whether anything needs a closer look, and whether *encoding* is wrong."""
    decoder = codecs.getincrementaldecoder(encoding)()
    sha = hashlib.sha256()
    suspicious = failed = False
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha.update(piece)
            if not failed:
                try:
                    text = decoder.decode(piece)
                except UnicodeError:
                    failed = True
                else:
                    suspicious = suspicious or any(character in text for character in _SUSPICIOUS)
        if not failed:
            try:
                decoder.decode(b"", final=True)
            except UnicodeError:
                failed = True
    return sha.hexdigest(), suspicious, failed


def _damaged_utf16(path: Path, sha: str, encoding: str, note: str) -> Source:
    if path.stat().st_size % 2:
        expected = "a whole file; it was cut off, or is not UTF-16"
        problem = Problem(None, "", "UTF-16 text that ends in the middle of a character", expected)
        return Source(path, sha, encoding, problem=problem)
    return Source(path, sha, encoding, "surrogatepass", suspicious=True, note=note)


def _not_utf8(path: Path, sha: str, encoding: str) -> Source:
    """Return the Source of a text that is not valid UTF-8: in a Windows code page, or damaged UTF-8.

    Excel saves in the code page of its Windows. On Windows, Python knows that page; elsewhere, cp1252 is
    assumed. Such a text has almost no bytes that happen to be valid UTF-8; a damaged UTF-8 text has many.
    Taking damaged UTF-8 for a code page would garble every name without a warning. So the text counts as
    damaged UTF-8 as soon as it has one valid character for fewer than ten invalid ones.
    """
    lines = read_lines(path)
    if encoding == "utf-8-sig" or lines.good * 10 > lines.bad:
        return Source(path, sha, encoding, "surrogateescape", suspicious=True, problem=lines.mixed)
    page = _code_page()
    problem, note = _as_page(lines, page)
    undefined = any(byte in piece for byte in (*_UNDEFINED_IN_CP1252, 0) for piece in lines.pieces)
    return Source(
        path, sha, page, "surrogateescape", undefined or page != _WESTERN, note=note, problem=problem
    )


def _as_page(lines: Lines, page: str) -> tuple[Problem | None, str]:
    """Return why a text cannot be in *page*; if it can, the note that says so."""
    pieces = tuple(lines.pieces)
    whose = "Western European Windows" if page == _WESTERN else "this Windows"
    wrong = garbled(pieces, page)
    if wrong is not None and (others := readings(pieces, page)):
        # The other encodings show the piece first that made no sense.
        order = sorted(range(len(pieces)), key=lambda place: pieces[place] != wrong)
        shown = "; ".join(str(replace(one, texts=tuple(one.texts[at] for at in order))) for one in others)
        found = (
            f"text that is not UTF-8 and makes no sense in {page} (the code page of {whose}): "
            f"{shortened(page_text(wrong, page))}"
        )
        return Problem(lines.pieces[wrong], "", found, f"the encoding that it was saved in: {shown}"), ""
    own = sum(strangeness(page_text(piece, page)) for piece in pieces)
    likely = [str(one) for one in readings(pieces, page, WINDOWS) if one.strange <= own][:_OTHERS]
    example = f"it reads {shortened(page_text(pieces[0], page))}; " if pieces else ""
    return None, (
        f"not UTF-8, so it was read as {page}, the code page of {whose}; {example}"
        "if that is wrong, give the encoding with --encoding"
        f"{' (' if likely else ''}{'; '.join(likely)}{')' if likely else ''}"
    )


def _code_page() -> str:
    """Return the code page in which spreadsheets on this computer save text."""
    found = locale.getencoding().lower() if sys.platform == "win32" else ""
    return found if re.fullmatch(r"cp\d+", found) and found != "cp65001" else _WESTERN
