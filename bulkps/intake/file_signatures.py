"""Recognizes files that are not text, and says what to do about it."""

import re
import zipfile
import zlib
from pathlib import Path

_SAVE = "a CSV file; open it and save it as CSV UTF-8"
_TEXT = "a CSV file"
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or one with a password", _SAVE),
    (b"%PDF", "a PDF document", "a CSV file; export the table again as CSV"),
    (b"\x1f\x8b", "a gzip archive", "a CSV file; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "a CSV file; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive", "a CSV file; unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database", "a CSV file; export the table as CSV"),
    (b"\x89PNG", "a picture (PNG)", _TEXT),
    (b"\xff\xd8\xff", "a picture (JPEG)", _TEXT),
    (b"\xff\xfe\x00\x00", "a text in UTF-32", "a CSV file; save it as CSV UTF-8"),
    (b"\x00\x00\xfe\xff", "a text in UTF-32", "a CSV file; save it as CSV UTF-8"),
)
#: The beginning of a JSON object or a list of objects.
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*[\]{]|\{\s*\")")


def recognized(path: Path, head: bytes) -> tuple[str, str] | None:
    """Return (what it is, what is expected) if *path*, which starts with *head*, is known not to be CSV."""
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    if _JSON.match(head):
        return "JSON", "a CSV file; bulkps export and bulkps results write one if the name ends in .csv"
    return next(((what, wanted) for sign, what, wanted in _SIGNATURES if head.startswith(sign)), None)


def no_text(head: bytes) -> bool:
    """Return whether the NUL bytes in *head* show that this is not text in an eight-bit encoding.

    A single NUL does not: that is a problem of one cell.
    """
    first_line = head.split(b"\n", 1)[0]
    return b"\x00" in first_line or head.count(b"\x00") * 20 > len(head)


def _zipped(path: Path) -> tuple[str, str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            kind = _start(archive, "mimetype") if "mimetype" in names else b""
    except (zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, EOFError):
        names, kind = [], b""
    if any(name.startswith("xl/") for name in names) or path.suffix.casefold() in (".xlsx", ".xlsm", ".xlsb"):
        return "an Excel workbook (.xlsx)", _SAVE
    if b"opendocument.spreadsheet" in kind:
        return "an OpenDocument spreadsheet (.ods)", _SAVE
    return "a ZIP archive", "a CSV file; unpack it first"


def _start(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        return member.read(100)
