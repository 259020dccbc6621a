"""Checks whether an audit log is still as it was written, and finds where it is not.

A line carries its own number and the hash of the line before; the journal keeps the hash of the last line. So
the next line shows that a line was changed. The numbers show that one was removed, inserted or moved. Only
the journal shows that all hashes were recomputed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from bulkps.records.audit_segments import MOST, Reading, Segment
from bulkps.records.row_mapping import Run

#: The states in which lines may not have reached the journal yet: while the run works, or after a crash.
_MAY_GO_ON = ("new", "running", "cancelling", "interrupted")


def is_over(state: str) -> bool:
    """Return whether a run in *state* stopped properly, so the journal has everything that its log has."""
    return state not in _MAY_GO_ON


class Kind(Enum):
    """What was done to a log, and what to do about it."""

    advice: str

    CHANGED = "changed", "compare this line and all before it with a backup: older hashes may be recomputed"
    REMOVED = "removed", "restore the missing lines from a backup, and find out who removed them"
    INSERTED = "inserted", "do not trust it: bulkps did not write it there; find out who did"
    MOVED = "moved", "do not trust the order; a backup has the right one"
    FOREIGN = "foreign", "do not trust it: bulkps did not write it; a backup has the original"
    CUT = "cut", "restore the end from a backup; if this is a copy, it may be older than the end of the run"
    CONVERTED = "converted", "use a byte-for-byte copy; an editor or a transfer in text mode does this"
    UNCHECKED = "unchecked", "use a backup: this file is no longer an audit log of bulkps"

    def __new__(cls, name: str, advice: str) -> "Kind":
        """Make a member whose value is *name*."""
        kind = object.__new__(cls)
        kind._value_, kind.advice = name, advice
        return kind


@dataclass(frozen=True)
class Finding:
    """One change to a log: the lines of the file, what is there, and what should be there."""

    line: int
    last: int
    kind: Kind
    found: str
    expected: str

    def sentence(self) -> str:
        """Return it as a sentence for people."""
        where = f"line {self.line}" if self.line == self.last else f"lines {self.line} to {self.last}"
        return f"{where}: {self.kind.value}: found {self.found}, expected {self.expected}"


@dataclass(frozen=True)
class Known:
    """What the journal knows about a run's log.

    Attributes:
        lines: How many lines it has.
        head: The hash of the last line.
        over: Whether the run stopped properly, so nothing can follow them.
    """

    lines: int
    head: str
    over: bool

    @classmethod
    def of(cls, run: Run) -> "Known":
        """Return what the journal knows about *run*'s log."""
        return cls(run.audit_lines, run.audit_head, is_over(run.state))


@dataclass(frozen=True)
class Verdict:
    """The result of checking a log.

    Attributes:
        lines: How many lines were read: all, unless a finding says that the rest was not checked.
        findings: What is wrong, in file order.
        notes: What a person should know, although nothing is wrong.
    """

    lines: int
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def rest_sound(self) -> bool:
        """Whether everything except the first finding is sound."""
        return len(self.findings) < 2


def verify(lines: Iterable[bytes], run: str, asked: Callable[[], Known | None]) -> Verdict:
    """Return what is wrong with the log of *run*, given as *lines* (bytes with their line ends).

    *asked* returns what the journal knows about it, None if the run is not in the journal. It is called
    before and after the lines are read: a run that continues meanwhile is not over.
    """
    known = asked()
    reading = Reading(run, known.lines if known else 0)
    for raw in lines:
        if len(reading.segments) > MOST + 1:
            check = _Check(reading, None)
            check.tell(reading.lines + 1, Kind.UNCHECKED, f"more than {MOST} breaks before", "one chain")
            break
        reading.take(raw)
    else:
        if known and known != asked():
            known = replace(known, over=False)
        check = _Check(reading, known)
        check.end()
    return Verdict(reading.lines, check.findings(), tuple(check.notes))


class _Check:
    """Goes through the segments of a log; where one does not continue the last, says what was done."""

    def __init__(self, reading: Reading, known: Known | None) -> None:
        self._reading, self._in_journal = reading, known is not None
        self._known = known or Known(0, "", over=False)
        self._chain, self._ahead = reading.segments[:1], reading.segments[1:]
        #: Segments that come too early, until the chain reaches them.
        self._early: list[Segment] = []
        self._findings: list[Finding] = []
        self.notes: list[str] = []
        while True:
            before = self._chain[-1]
            fits = next((one for one in (*self._ahead[:1], *self._early) if one.continues(before)), None)
            if fits:
                (self._early if fits in self._early else self._ahead).remove(fits)
                self._chain.append(fits)
            elif self._ahead:
                self._explain(before, self._ahead.pop(0))
            else:
                break

    def findings(self) -> tuple[Finding, ...]:
        """Return what is wrong, in file order, each line once."""
        kept: list[Finding] = []
        for one in self._findings:
            if not any(other.line <= one.line <= other.last for other in kept):
                kept.append(one)
        return tuple(sorted(kept, key=lambda one: one.line))

    def tell(self, line: int, kind: Kind, found: str, expected: str, last: int = 0) -> None:
        """Keep a finding."""
        self._findings.append(Finding(line, last or line, kind, found, expected))

    def _is_last_known(self, one: Segment) -> bool:
        return (one.high, one.head) == (self._known.lines, self._known.head)

    def _explain(self, before: Segment, here: Segment) -> None:
        """Report why *here* does not continue *before*, and continue after what is wrong."""
        number, known = before.high + 1, self._known
        later = [one.low for one in self._ahead if one.low >= number]
        missing = min(later, default=max(number, known.lines + 1)) - number
        back = next((one for one in self._ahead if one.continues(before)), None)
        if here.problem:
            self._strange(before, here, missing)
        elif back:
            self._out_of_place(before, here, back)
        elif self._is_last_known(before) and (known.over or here.low == number):
            # The journal confirms everything before it.
            self._strange(before, here, 0 if known.over else missing)
        elif here.low == number:
            self._unlinked(before, here)
        elif here.low < number and (here.high >= number or self._is_last_known(here)):
            count = min(number - here.low, before.lines)
            twice = [before.last - count + 1, here.first]
            # If lines are the same, the second ones are strange; if not, those that nothing continues.
            ours, strange = twice if here.repeats else reversed(twice)
            expected = f"nothing: line {ours} has number {here.low}"
            self.tell(strange, Kind.INSERTED, _numbers(here.low, count), expected, strange + count - 1)
            self._chain.append(here)
        elif here.previous == before.head:
            found = f"number {here.low}, although it continues {_place(before)}"
            expected = f"number {number}; lines between may be missing, and hashes recomputed"
            self.tell(here.first, Kind.CHANGED, found, expected)
            self._chain.append(here if here.lines > 1 else _unknown(here, number))
        elif number < here.low <= min([*later, known.lines if known.over else here.low]):
            # A number that the log cannot have, or that must come later, was made up.
            expected = f"{_numbers(number, here.low - number)} before it"
            self.tell(here.first, Kind.REMOVED, f"number {here.low}", expected)
            self._chain.append(here)
        else:
            self._strange(before, here, missing)

    def _strange(self, before: Segment, here: Segment, missing: int) -> None:
        """Report lines that do not belong to this log; they take the place of *missing* others."""
        kind = Kind.FOREIGN if here.problem else Kind.CHANGED if missing else Kind.INSERTED
        count = min(missing, here.lines)
        where = f"between {_place(before)} and number {before.high + 1}" if self._ahead else "at the end"
        expected = _numbers(before.high + 1, count) if count else f"nothing {where}"
        self.tell(here.first, kind, here.problem or _numbers(here.low, here.lines), expected, here.last)
        if count:
            self._chain.append(_unknown(here, before.high + 1, count))

    def _out_of_place(self, before: Segment, here: Segment, back: Segment) -> None:
        """Report what *here* is, because *back* continues *before*."""
        # An invented line, or a copy, links to nothing else.
        if not any(here.continues(one) or one.continues(here) for one in self._ahead):
            self._strange(before, here, 0)
            return
        moved = back if back.lines < here.lines else here
        if moved is back:
            self._ahead = [here, *(one for one in self._ahead if one is not back)]
            self._chain.append(back)
        else:
            self._early.append(here)
        expected = f"{'it' if moved.lines == 1 else 'them'} after number {moved.low - 1}"
        self.tell(moved.first, Kind.MOVED, _numbers(moved.low, moved.lines), expected, moved.last)

    def _unlinked(self, before: Segment, here: Segment) -> None:
        """Report which is changed: the end of *before*, or *here*, which has the right number."""
        carried = _short(here.previous)
        found, expected = f"SHA-256 {_short(before.head)}", f"{carried}, which line {here.first} carries"
        stands = here.lines > 1 or self._is_last_known(here)
        if not before.high:
            self.tell(here.first, Kind.CHANGED, f"{carried} as 'previous'", "64 zeros")
        elif stands:
            self.tell(before.last, Kind.CHANGED, found, expected)
        else:
            first, last = sorted((before.last, here.first))
            expected += "; one of the two lines was changed, or both"
            self.tell(first, Kind.CHANGED, f"{found} in line {before.last}", expected, last)
        self._chain.append(here if stands else _unknown(here, here.low))

    def end(self) -> None:
        """Report what is wrong with the end, by what the journal knows about it."""
        reading, known, last = self._reading, self._known, self._chain[-1]
        mark = next((one for one in reversed(self._chain) if one.mark), None)
        vouched = self._in_journal and (not known.lines or bool(mark and mark.mark == known.head))
        if reading.converted:
            self.tell(reading.converted, Kind.CONVERTED, "CR LF at the end of lines", "LF")
        if reading.cut and vouched and not known.over and reading.lines > known.lines:
            # A log ends like this after a crash.
            self.notes.append(
                f"line {reading.lines} is incomplete and not in the journal: its process is still writing "
                "it, or ended while writing; bulkps resume removes it"
            )
        elif reading.cut:
            self.tell(reading.lines, Kind.CUT, reading.cut, "a complete line")
        elif last.high < known.lines:
            expected = f"{_numbers(last.high + 1, known.lines - last.high)}, which the journal has"
            self.tell(reading.lines + 1, Kind.CUT, "the end of the file", expected)
        if not self._in_journal:
            if not reading.lines:
                self.tell(1, Kind.CUT, "an empty file", "at least one line")
            self.notes.append(
                f"run {reading.run} is not in the journal of this computer, so bulkps cannot check whether "
                "lines are missing at the end or all hashes were recomputed"
            )
        elif not vouched and (mark or not self._findings):
            one = mark or last
            expected = (
                f"{_short(known.head)}, which the journal has: this line was changed, or an earlier one was "
                "and every later hash was recomputed"
            )
            line = one.first + known.lines - one.low
            self.tell(line, Kind.CHANGED, f"SHA-256 {_short(one.mark)}", expected)
        elif vouched and last.high > known.lines:
            self._behind(last, last.high - known.lines)

    def _behind(self, last: Segment, count: int) -> None:
        """Report *count* lines after those that the journal has; they continue the chain."""
        lines = f"{count} line{'s' * (count != 1)}"
        if self._known.over:
            first = max(1, last.last - count + 1)
            self.tell(first, Kind.INSERTED, lines, "nothing: the journal has the end", last.last)
        else:
            self.notes.append(
                f"{lines} at the end that the journal does not have yet: the run is working, a crash came "
                "between the two, or the journal was restored from a backup. The next resume looks up the "
                "rows that they announce before it sends anything"
            )


def _unknown(here: Segment, low: int, count: int = 1) -> Segment:
    """Return a stand-in for the *count* lines that were where *here* is; their hashes are not known."""
    return Segment(here.first, here.first + count - 1, low)


def _numbers(low: int, count: int) -> str:
    return f"number {low}" if count == 1 else f"numbers {low} to {low + count - 1}"


def _place(one: Segment) -> str:
    return f"number {one.high} (line {one.last})" if one.high else "the beginning"


def _short(digest: str) -> str:
    return f"{digest[:12]}…"
