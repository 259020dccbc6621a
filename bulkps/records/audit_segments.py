"""An audit log as segments: lines that stand together, each continuing the one before.

A sound log is one segment. Memory grows with the breaks, not with the lines.
"""

import codecs
import hashlib
import json
import re
from dataclasses import dataclass, field

from bulkps.intake.problem import shortened
from bulkps.records.audit import FIRST

#: After so many breaks nothing can be told any more.
MOST = 1000
_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(slots=True, eq=False)
class Segment:
    """Lines that stand together and continue one another.

    Attributes:
        first: Where the first stands in the file, from 1; 0 for what the first line of all continues.
        last: Where the last stands.
        low: The number that the first says it has; 0 if they cannot be read.
        previous: The hash that the first carries.
        head: The hash of the last; empty if it is not known.
        mark: The hash of the line with the number of the journal's last, if that is among them.
        repeats: Whether the last line of the segment before is among them once more.
        problem: Why they cannot be read, or are none of this log.
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
        """How many there are."""
        return self.last - self.first + 1

    @property
    def high(self) -> int:
        """The number of the last."""
        return self.low + self.last - self.first

    def continued_by(self, number: int, previous: str) -> bool:
        """Whether a line with this number that carries this hash comes next."""
        return number == self.high + 1 and self.head in ("", previous) and not self.problem

    def continues(self, other: "Segment") -> bool:
        """Whether its first line comes next behind *other*."""
        return other.continued_by(self.low, self.previous)


@dataclass
class Reading:
    """What there is to know of a log.

    Attributes:
        run: The run whose log it is.
        known_lines: How many lines the journal knows.
        lines: How many there are.
        segments: In the order of the file; the first begins with what the first line continues.
        cut: What is wrong with the end of the last line; half a line is in no segment.
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
            self.cut = "half a line"
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
        # Each carries the hash of the one before: if this line is the same, so are those before it.
        last.repeats |= (number, head) == (before.high, before.head)


def _parse(text: bytes, run: str) -> tuple[int, str] | str:
    """Return the number and the hash that a line carries, or why it is none of ours."""
    try:
        entry = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    except (ValueError, RecursionError):
        if text.startswith(codecs.BOM_UTF8):
            return "a byte order mark in front"
        return "text that is not JSON" if text else "an empty line"
    if not isinstance(entry, dict):
        return "JSON that is no object"
    if entry.get("run") != run:
        return f"a line of run {shortened(str(entry.get('run')))}"
    number, previous = entry.get("line"), entry.get("previous")
    if type(number) is not int or number < 1:
        return "a line without a number of its own ('line')"
    if not isinstance(previous, str) or not _SHA256.fullmatch(previous):
        return "a line without the SHA-256 of the one before ('previous')"
    return number, previous
