"""Whether an audit log is the one that was written, and where it is not.

A line carries its own number and the hash of the line before; the journal keeps the hash of the last. So a
changed line shows in the line behind it, a removed, inserted or moved one in the numbers, and a log whose
hashes were all made anew only in the journal.
"""

from bisect import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from bulkps.records.audit_segments import CUT_SHORT, MOST, Reading, Stretch, arrange, beginning, read
from bulkps.records.row_mapping import Run

#: What a run's state is while lines may be on their way from the audit log to the journal, or after a crash.
_MAY_GO_ON = ("new", "running", "cancelling", "interrupted")


def is_over(state: str) -> bool:
    """Return whether a run in *state* stopped in order, so that the journal has all that its log has."""
    return state not in _MAY_GO_ON


class Kind(Enum):
    """What was done to a log."""

    CHANGED = "changed"  #: Another line stands where one was.
    REMOVED = "removed"  #: Lines are missing.
    INSERTED = "inserted"  #: Lines are there that bulkps did not write there.
    MOVED = "moved"  #: Lines stand in another order.
    FOREIGN = "foreign"  #: Not a line of this log.
    CUT = "cut"  #: The end is missing.
    CONVERTED = "converted"  #: The line ends are others.
    UNCHECKED = "unchecked"  #: So much is wrong that the rest was not looked at.


ADVICE: Mapping[Kind, str] = {
    Kind.CHANGED: "compare it and all before it with a copy: the hashes before it may have been made anew",
    Kind.REMOVED: "take what is missing from a copy, and find out who removed it",
    Kind.INSERTED: "do not believe it: bulkps did not write it there; find out who did",
    Kind.MOVED: "do not believe the order; a copy has the right one",
    Kind.FOREIGN: "do not believe it: bulkps did not write it so; a copy has what stood there",
    Kind.CUT: "take the end from a copy; if this is a copy, it may have been made before the run was over",
    Kind.CONVERTED: "take a copy that was made byte by byte; an editor or a transfer as text does this",
    Kind.UNCHECKED: "take a copy: this is no audit log of bulkps any more",
}


@dataclass(frozen=True)
class Finding:
    """One thing that was done to a log.

    Attributes:
        line: Where in the file, from 1; where a missing line should be.
        last: The last line that it is about.
        kind: What was done.
        found: What is there.
        expected: What should be.
    """

    line: int
    last: int
    kind: Kind
    found: str
    expected: str

    @property
    def advice(self) -> str:
        """What to do."""
        return ADVICE[self.kind]

    def sentence(self) -> str:
        """Return it for a person."""
        where = f"line {self.line}" if self.line == self.last else f"lines {self.line} to {self.last}"
        return f"{where}: {self.kind.value}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Known:
    """What the journal knows of a run's log.

    Attributes:
        lines: How many lines it has.
        head: The hash of the last of them.
        over: Whether the run stopped in order, so that nothing can be behind them.
    """

    lines: int
    head: str
    over: bool

    @classmethod
    def of(cls, run: Run) -> "Known":
        """Return what the journal knows of *run*'s log."""
        return cls(run.audit_lines, run.audit_head, is_over(run.state))


@dataclass(frozen=True)
class Verdict:
    """What became of a log.

    Attributes:
        lines: How many lines were read; all but where a finding says that the rest was not looked at.
        findings: What is wrong, in the order of the file.
        notes: What a person should know; nothing is wrong with it.
    """

    lines: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def verify(lines: Iterable[bytes], run: str, asked: Callable[[], Known | None]) -> Verdict:
    """Return what is wrong with the log of *run* that *lines* (bytes with their line ends) are.

    *asked* is what the journal knows of it, None if it does not know the run. It is called before the lines
    are read and again after: a run that goes on meanwhile is not a run that is over.
    """
    known = asked()
    reading = read(lines, run, known.lines if known else 0)
    if known and known != asked():
        known = Known(known.lines, known.head, over=False)
    return _Judge(reading, known).verdict()


class _Judge:
    """Tells from the stretches of a log what was done to it."""

    def __init__(self, reading: Reading, known: Known | None) -> None:
        self._reading, self._known = reading, known
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._spine, self._spare = arrange(reading)
        #: The stretches in the order of their numbers, as far as each number is there.
        self._order = list(self._spine)
        self._vouched = False

    def verdict(self) -> Verdict:
        """Return it."""
        by_number = sorted(self._spare, key=lambda one: one.low)
        strangers = [one for one in by_number if not self._find_place(one)]
        marks = self._marks()
        self._vouched = bool(self._known and (not self._known.lines or self._known.head in marks.values()))
        strange = [one for one in self._reading.stretches if one.problem]
        self._gaps(sorted([*strangers, *strange], key=lambda one: one.first))
        self._links()
        if self._reading.broken_off:
            self._add(self._reading.lines + 1, Kind.UNCHECKED, f"more than {MOST} breaks before", "one chain")
        else:
            self._end()
        found = sorted(self._findings, key=lambda finding: (finding.line, finding.last))
        return Verdict(self._reading.lines, tuple(found), tuple(self._notes))

    def _add(self, line: int, kind: Kind, found: str, expected: str, last: int = 0) -> None:
        self._findings.append(Finding(line, last or line, kind, found, expected))

    # --- numbers --------------------------------------------------------------------------------------

    def _find_place(self, one: Stretch) -> bool:
        """Put *one* where its numbers are missing, if they are; return whether."""
        place = bisect(self._order, one.low, key=lambda other: other.low)
        left = self._order[place - 1] if place else beginning()
        if place < len(self._order):
            fits = one.high < self._order[place].low
        else:
            fits = one.high <= self._reading.known_lines or left.continued_by(one.low, one.previous)
        if not fits or left.high >= one.low:
            return False
        self._order.insert(place, one)
        behind = f"behind number {left.high}, which is line {left.last}" if left.low else "at the beginning"
        it = "it" if one.lines == 1 else "them"
        self._add(one.first, Kind.MOVED, _numbers([(one.low, one.high)]), f"{it} {behind}", one.last)
        return True

    def _gaps(self, strangers: list[Stretch]) -> None:
        """Tell of the numbers that are missing, and of what stands in their place or between others."""
        end = Stretch(self._reading.lines + 1, self._reading.lines + 1, self._behind_the_end())
        missing = self._missing(end)
        for left, right in pairwise([beginning(), *self._spine, end]):
            here = [gap for gap in missing if left.high < gap[0] < right.low]
            for one in (one for one in strangers if left.last < one.first < right.first):
                wanted = _take(here, sum(b - a + 1 for a, b in here) if _is_cut(one) else one.lines)
                self._stranger(one, wanted, left, right)
            if not here:
                continue
            if right is end:
                self._add(
                    end.first, Kind.CUT, "the end of the file", f"{_numbers(here)}, which the journal has"
                )
            else:
                self._add(right.first, Kind.REMOVED, f"number {right.low}", f"{_numbers(here)} before it")

    def _behind_the_end(self) -> int:
        highest = self._order[-1].high if self._order else 0
        return max(highest, 0 if self._reading.broken_off else self._reading.known_lines) + 1

    def _missing(self, end: Stretch) -> list[tuple[int, int]]:
        """Return the numbers that are not there, from and to."""
        missing = []
        for left, right in pairwise([beginning(), *self._order, end]):
            if right.low <= left.high + 1:
                continue
            if right is not end and right.previous == left.head:
                self._add(
                    right.first,
                    Kind.CHANGED,
                    f"number {right.low}, although it continues {_number_of(left)}",
                    f"number {left.high + 1}; lines between may be gone, and hashes made anew",
                )
            else:
                missing.append((left.high + 1, right.low - 1))
        return missing

    def _stranger(self, one: Stretch, wanted: list[tuple[int, int]], left: Stretch, right: Stretch) -> None:
        if wanted:
            expected = _numbers(wanted)
        elif right.first > self._reading.lines:
            expected = f"nothing behind {_number_of(left)}"
        else:
            expected = f"nothing between {_number_of(left)} and number {right.low}"
        if _is_cut(one):
            # After a crash this is how a log ends; a resume takes it off.
            if not self._may_be_half():
                self._add(one.first, Kind.CUT, CUT_SHORT, f"{expected} whole" if wanted else "a whole line")
        elif one.problem:
            self._add(one.first, Kind.FOREIGN, one.problem, expected, one.last)
        else:
            kind = Kind.CHANGED if wanted else Kind.INSERTED
            self._add(one.first, kind, self._said(one), expected, one.last)

    def _said(self, one: Stretch) -> str:
        """Return the numbers that a stretch which does not belong says it has."""
        said = _numbers([(one.low, one.high)])
        for other in self._order:
            if other.low <= one.low <= other.high:
                return f"{said}, as line {other.first + one.low - other.low} is"
        return said

    # --- hashes ---------------------------------------------------------------------------------------

    def _links(self) -> None:
        """Tell of the lines that are not those which the next line was chained to."""
        for place, right in enumerate(self._order):
            left = self._order[place - 1] if place else beginning()
            if right.low != left.high + 1 or not left.head or right.previous == left.head:
                continue
            carried = f"{_short(right.previous)}, which line {right.first} carries"
            if not left.low:
                self._accuse(right.first, f"{_short(right.previous)} as 'previous'", "64 zeros")
            elif self._known and (left.high, left.head) == (self._known.lines, self._known.head):
                self._add(
                    right.first,
                    Kind.INSERTED,
                    f"{_short(right.previous)} as 'previous'",
                    f"{_short(left.head)}, which the journal has of line {left.last}",
                )
            elif self._stands(place):
                self._accuse(left.last, f"SHA-256 {_short(left.head)}", carried)
            else:
                self._add(
                    min(left.last, right.first),
                    Kind.CHANGED,
                    f"SHA-256 {_short(left.head)} in line {left.last}",
                    f"{carried}; one of the two was changed, or both",
                    max(left.last, right.first),
                )

    def _stands(self, place: int) -> bool:
        """Return whether something vouches for the first line of the stretch at *place*."""
        one = self._order[place]
        if one.lines > 1:
            return True
        if self._known and one.high == self._known.lines:
            return one.head == self._known.head
        after = self._order[place + 1] if place + 1 < len(self._order) else None
        return bool(after and one.continued_by(after.low, after.previous))

    def _accuse(self, line: int, found: str, expected: str) -> None:
        """Tell of a changed line, unless it has been told of."""
        if not any(finding.line == finding.last == line for finding in self._findings):
            self._add(line, Kind.CHANGED, found, expected)

    # --- the end --------------------------------------------------------------------------------------

    def _end(self) -> None:
        reading, known = self._reading, self._known
        if not reading.lines and not (known and not known.lines) and not self._findings:
            self._add(1, Kind.CUT, "an empty file", "at least one line")
        if reading.converted:
            self._add(reading.converted, Kind.CONVERTED, "CR LF at the end of lines", "LF")
        if not reading.whole:
            self._no_line_end()
        if known is None:
            self._notes.append(
                f"the journal here does not know run {reading.run}: whether lines are missing at the end, or "
                "all hashes were made anew, cannot be checked"
            )
        elif self._vouched:
            self._behind(known)
        elif marks := self._marks():
            line = max(marks)
            self._accuse(
                line,
                f"SHA-256 {_short(marks[line])}",
                f"{_short(known.head)}, which the journal has: it was changed, or a line before it was and "
                "every hash behind that was made anew",
            )

    def _marks(self) -> dict[int, str]:
        """Return the hash of the line that should be the journal's last, by where it is."""
        return {
            line: digest
            for line, digest in self._reading.marks.items()
            if any(one.first <= line <= one.last for one in self._order)
        }

    def _may_be_half(self) -> bool:
        return bool(self._vouched and self._known and not self._known.over)

    def _no_line_end(self) -> None:
        if self._may_be_half() and self._reading.lines not in self._reading.marks:
            self._notes.append(
                f"line {self._reading.lines} is not whole and the journal does not know it: its process is "
                "writing it, or ended meanwhile; a resume takes it off"
            )
        elif not _is_cut(self._reading.stretches[-1]):
            self._add(self._reading.lines, Kind.CUT, "no line end", "one behind the last line")

    def _behind(self, known: Known) -> None:
        """Tell of lines behind those that the journal knows, which continue the chain."""
        count = sum(one.high - max(one.low - 1, known.lines) for one in self._order if one.high > known.lines)
        first = next((one for one in self._order if one.high > known.lines), None)
        if first is None:
            return
        line = first.first + max(0, known.lines + 1 - first.low)
        if any(finding.line <= line <= finding.last for finding in self._findings):
            return
        lines = f"{count} line{'s' * (count != 1)}"
        if known.over:
            self._add(line, Kind.INSERTED, lines, "nothing: the journal has the end", line + count - 1)
        else:
            self._notes.append(
                f"{lines} at the end that the journal does not know yet: the run goes on, a crash came "
                "between the two, or the journal was put back from a backup. The next resume looks up the "
                "rows that they announce before anything is sent"
            )


def _is_cut(one: Stretch) -> bool:
    return one.problem == CUT_SHORT


def _take(gaps: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Take the first *count* numbers out of *gaps* and return them."""
    taken = []
    while gaps and count:
        low, high = gaps.pop(0)
        middle = min(high, low + count - 1)
        taken.append((low, middle))
        count -= middle - low + 1
        if middle < high:
            gaps.insert(0, (middle + 1, high))
    return taken


def _numbers(ranges: Iterable[tuple[int, int]]) -> str:
    said = [f"{low}" if low == high else f"{low} to {high}" for low, high in ranges]
    return f"number{'s' * (len(said) > 1 or ' ' in said[0])} {', '.join(said)}"


def _number_of(one: Stretch) -> str:
    return f"number {one.high} (line {one.last})" if one.low else "the beginning"


def _short(digest: str) -> str:
    return f"{digest[:12]}…"
