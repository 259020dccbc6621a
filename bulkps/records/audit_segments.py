"""An audit log as segments: consecutive lines, each continuing the one before.

A sound log is one segment. Memory use grows with the number of breaks, not of lines.
"""

import codecs
import hashlib
import json
import re
from dataclasses import dataclass, field

from bulkps.intake.problem import shortened
from bulkps.records.audit import FIRST

#: After this many breaks the rest is not checked.
MOST = 1000
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(slots=True, eq=False)
class Segment:
    """Consecutive lines, each continuing the one before.

    Attributes:
        first: The position of the first line in the file, from 1; 0 for the start that line 1 continues.
        last: The position of the last line.
        low: The number that the first line carries; 0 if the lines cannot be read.
        previous: The hash that the first line carries.
        head: The hash of the last line; empty if it is not known.
        mark: The hash of the line with the number of the journal's last line, if it is in this segment.
        repeats: Whether it repeats the last line of the segment before.
        problem: Why the lines cannot be read, or do not belong to this log.
    """

    first: int
    last: int
    low: int = 0
    previous: str = ""
    head: str = ""
    mark: str = ""
    repeats: bool = False
    problem: str = ""

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.last - self.first + 1

    @property
    def high(self) -> int:
        """The number of the last line."""
        return self.low + self.last - self.first

    def continued_by(self, number: int, previous: str) -> bool:
        """Whether a line with this number and previous hash comes next."""
        return number == self.high + 1 and self.head in ("", previous) and not self.problem

    def continues(self, other: "Segment") -> bool:
        """Whether its first line comes right after *other*."""
        return other.continued_by(self.low, self.previous)


@dataclass
class Reading:
    """What was read of a log.

    Attributes:
        run: The run that the log belongs to.
        known_lines: How many lines the journal knows about.
        lines: How many lines there are.
        segments: In file order; the first one is the start that line 1 continues.
        cut: What is wrong with the end of the last line; an incomplete line is in no segment.
        converted: The first line that ends with CR LF, or 0.
    """

    run: str
    known_lines: int
    lines: int = 0
    segments: list[Segment] = field(default_factory=lambda: [Segment(0, 0, head=FIRST)])
    cut: str = ""
    converted: int = 0

    def take(self, raw: bytes) -> None:
        """Take the next line, with its end."""
        self.lines += 1
        text, whole = raw.removesuffix(b"\n"), raw.endswith(b"\n")
        if raw.endswith(b"\r\n"):
            text, self.converted = raw[:-2], self.converted or self.lines
        found = _parse(text, self.run)
        if not isinstance(found, str):
            self.cut = self.cut or ("" if whole else "no line end")
            self._take_line(*found, hashlib.sha256(text).hexdigest())
        elif not whole:
            self.cut = "an incomplete line"
        elif self.segments[-1].problem == found:
            self.segments[-1].last = self.lines
        else:
            self.segments.append(Segment(self.lines, self.lines, problem=found))

    def _take_line(self, number: int, previous: str, head: str) -> None:
        if not self.segments[-1].continued_by(number, previous):
            self.segments.append(Segment(self.lines, self.lines, number, previous))
        before, last = self.segments[-2:][0], self.segments[-1]
        last.last, last.head = self.lines, head
        if number == self.known_lines:
            last.mark = head
        # Each line carries the hash of the one before: if this line is the same, so are those before it.
        last.repeats |= (number, head) == (before.high, before.head)


def _parse(text: bytes, run: str) -> tuple[int, str] | str:
    """Return the number and the hash that a line carries, or why it is not a line of this log."""
    try:
        entry = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    except (ValueError, RecursionError):
        if text.startswith(codecs.BOM_UTF8):
            return "a byte order mark at the start"
        return "text that is not JSON" if text else "an empty line"
    if not isinstance(entry, dict):
        return "JSON that is not an object"
    if entry.get("run") != run:
        return f"a line of run {shortened(str(entry.get('run')))}"
    number, previous = entry.get("line"), entry.get("previous")
    if type(number) is not int or number < 1:
        return "a line without its number ('line')"
    if not isinstance(previous, str) or not _SHA256.fullmatch(previous):
        return "a line without the SHA-256 of the line before ('previous')"
    return number, previous
