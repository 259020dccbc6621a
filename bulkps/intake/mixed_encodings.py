"""Finds files whose lines are not all in one encoding: from which line on, and in which encoding.

PowerShell's ``>>`` appends UTF-16 to any file, Add-Content the Windows code page, and an editor UTF-8. Each
program reads its own text correctly, so the mistake stays hidden until a name is wrong.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bulkps.intake.problem import Problem, shortened

_LINE = 1 << 20
_PIECE = 1 << 20
#: How many different pieces of text are checked: enough to recognize any code page.
_PIECES = 2000
_BETWEEN = re.compile(rb"[,;|\t\"\r\n]+")
#: This much text without a NUL is not UTF-16: no twenty ideographs in a row consist of ASCII bytes only.
_EIGHT_BIT = re.compile(rb"[\x20-\x7e\r\n\t]{40}")
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")
_ONE = (
    "one encoding in the whole file; save it again as CSV UTF-8, and append to it with "
    "Export-Csv -Append -Encoding utf8"
)


@dataclass
class Lines:
    """The lines of a text that is not UTF-8 as a whole.

    Attributes:
        good: How many non-ASCII characters are valid UTF-8.
        bad: How many bytes are not.
        good_lines: The first and the last line that is UTF-8 and not only ASCII; 0 if there is none.
        bad_lines: The first and the last line that is not UTF-8.
        pieces: Different pieces of text that are not ASCII, and the line of each, in order.
        surrogates: Whether bytes that are not UTF-8 look like half a surrogate pair in UTF-8.
    """

    good: int = 0
    bad: int = 0
    good_lines: tuple[int, int] = (0, 0)
    bad_lines: tuple[int, int] = (0, 0)
    pieces: dict[bytes, int] = field(default_factory=dict)
    surrogates: bool = False

    @property
    def mixed(self) -> Problem | None:
        """The problem that one part is UTF-8 and the other is not; None if both are mixed everywhere."""
        (first_good, last_good), (first_bad, last_bad) = self.good_lines, self.bad_lines
        if not (self.good and self.bad) or self.surrogates:
            return None
        if first_bad > last_good:
            return _mixed(first_bad, "a code page of Windows, after lines in UTF-8", self._first(bad=True))
        if last_bad < first_good:
            return _mixed(first_good, "UTF-8, after lines in a code page of Windows", self._first(bad=False))
        return None

    def _first(self, *, bad: bool) -> str:
        for piece, line in self.pieces.items():
            if line == (self.bad_lines if bad else self.good_lines)[0]:
                try:
                    return f"it reads {shortened(piece.decode('utf-8').strip())}"
                except UnicodeDecodeError as error:
                    said = shortened(piece.decode("cp1252", "replace").strip())
                    return f"the byte 0x{piece[error.start]:02X} is not UTF-8; in cp1252 it reads {said}"
        return ""


def _mixed(line: int, what: str, shown: str) -> Problem:
    seen = f": {shown}" if shown else ""
    return Problem(line, "", f"a different encoding from here on ({what}){seen}", _ONE)


def read_lines(path: Path) -> Lines:
    """Return the lines of *path*, which is not UTF-8 as a whole."""
    found = Lines()
    for number, line in _lines(path):
        if line.isascii():
            continue
        text = line.decode("utf-8", "surrogateescape")
        sound = text.encode("utf-8", "ignore").decode("utf-8")
        found.bad += len(text) - len(sound)
        found.good += len(sound) - len(sound.encode("ascii", "ignore"))
        if len(text) != len(sound):
            found.bad_lines = found.bad_lines[0] or number, number
            found.surrogates = found.surrogates or bool(_SURROGATE.search(line))
        else:
            found.good_lines = found.good_lines[0] or number, number
        if len(found.pieces) < _PIECES:
            for piece in _BETWEEN.split(line):
                if not piece.isascii():
                    found.pieces.setdefault(piece.strip(), number)
    return found


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number, whole = 1, True
    with path.open("rb") as file:
        while line := file.readline(_LINE):
            yield number, line
            whole = line.endswith(b"\n")
            number += whole


def utf16_appended(path: Path) -> Problem | None:
    """Return the problem that UTF-16 begins somewhere in a text of eight-bit characters."""
    number = next((number for number, line in _lines(path) if b"\x00" in line), 0)
    if not number:
        return None
    with path.open("rb") as file:
        for _ in range(number - 1):
            file.readline()
        tail = file.read(512)
    half = max(1, len(tail) // 2)
    zeros = tail[0::2].count(0), tail[1::2].count(0)
    if number == 1 or max(zeros) * 3 < half or min(zeros) * 5 > half:
        return None
    return _mixed(number, "UTF-16, as PowerShell's >> writes it, after lines in another encoding", "")


def eight_bit_appended(path: Path, encoding: str) -> Problem | None:
    """Return the problem that text of eight-bit characters begins somewhere in UTF-16."""
    end = b"\x00\n" if encoding.endswith("be") else b"\n\x00"
    lines, kept = 1, b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            block = kept + piece
            if found := _EIGHT_BIT.search(block):
                # The line end before it may belong to it.
                lines += block[: found.start() + 2].count(end)
                return _mixed(lines, "eight bits per character, after lines in UTF-16", "")
            # A line end that is split between two pieces is counted once.
            kept = block[-64:] if len(block) % 2 == 0 else block[-63:]
            lines += block[: len(block) - len(kept)].count(end)
    return None
