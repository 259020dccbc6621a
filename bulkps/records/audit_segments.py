"""An audit log as stretches: lines that stand together, each continuing the one before.

A sound log is one stretch. What someone does to it breaks it into several; where they stand, and what their
lines say of themselves, tells what was done. Memory grows with the breaks, not with the lines.
"""

import codecs
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bulkps.intake.problem import shortened
from bulkps.records.audit import FIRST

#: After so many breaks nothing can be told any more; to tell them apart takes the square of it.
MOST = 1000
#: Why a last line without a line end that is not even JSON cannot be read.
CUT_SHORT = "half a line"
_SHA256 = re.compile("[0-9a-f]{64}")
#: What a reading costs that takes a line for one that does not belong there, one that takes numbers for
#: missing, and one that takes a line for changed. The cheapest reading of a log is believed.
_LINE, _GAP, _CHANGE = 2, 2, 1


@dataclass(slots=True)
class Stretch:
    """Lines that stand together and continue one another.

    Attributes:
        first: Where the first stands in the file, from 1.
        last: Where the last stands.
        low: The number that the first says it has; 0 if they cannot be read.
        previous: The hash that the first carries.
        above: The hash that the last carries.
        head: The hash of the last; empty if it is not known.
        problem: Why they cannot be read, or are none of this log.
    """

    first: int
    last: int
    low: int = 0
    previous: str = ""
    above: str = ""
    head: str = ""
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
        return not self.problem and number == self.high + 1 and previous == self.head


def beginning() -> Stretch:
    """Return what the first line continues."""
    return Stretch(first=0, last=0, head=FIRST)


@dataclass
class Reading:
    """What there is to know of a log.

    Attributes:
        run: The run whose log it is.
        known_lines: How many lines the journal knows.
        lines: How many there are.
        stretches: In the order of the file.
        marks: The hash of each line that has the number of the last that the journal knows, by where it is.
        whole: Whether the last line has its end.
        converted: The first line that ends with CR LF, or 0.
        broken_off: Whether it was not read to its end, because nothing more could be told.
    """

    run: str
    known_lines: int
    lines: int = 0
    stretches: list[Stretch] = field(default_factory=list)
    marks: dict[int, str] = field(default_factory=dict)
    whole: bool = True
    converted: int = 0
    broken_off: bool = False
    _repeats: bool = False

    def take(self, raw: bytes) -> None:
        """Take the next line, with its end."""
        self.lines += 1
        text = raw.removesuffix(b"\n")
        self.whole = len(text) < len(raw)
        if text.endswith(b"\r"):
            text, self.converted = text[:-1], self.converted or self.lines
        found = _parse(text, self.run)
        if isinstance(found, str):
            self._take_strange(found if self.whole else CUT_SHORT)
        else:
            self._take_line(*found, hashlib.sha256(text).hexdigest())

    def _take_strange(self, problem: str) -> None:
        last = self.stretches[-1] if self.stretches else None
        if last and last.problem == problem:
            last.last = self.lines
        else:
            self.stretches.append(Stretch(self.lines, self.lines, problem=problem))

    def _take_line(self, number: int, previous: str, head: str) -> None:
        if number == self.known_lines:
            self.marks[self.lines] = head
        last = self.stretches[-1] if self.stretches else None
        if last and not self._repeats and last.continued_by(number, previous):
            last.last, last.above, last.head = self.lines, previous, head
        else:
            if last and not last.problem and number == last.high and head != last.head:
                self._part_siblings(last, previous)
            self.stretches.append(Stretch(self.lines, self.lines, number, previous, previous, head))
        # Lines that are there twice, one behind the other: what follows continues the first of them as well.
        before = self.stretches[-2] if len(self.stretches) > 1 else None
        self._repeats = bool(before and not before.problem and (number, head) == (before.high, before.head))

    def _part_siblings(self, last: Stretch, previous: str) -> None:
        # Two lines that continue the same one: which of them is ours shows in what follows.
        if last.lines > 1 and previous == last.above:
            self.stretches.append(Stretch(last.last, last.last, last.high, last.above, last.above, last.head))
            last.last, last.head, last.above = last.last - 1, last.above, ""


def read(lines: Iterable[bytes], run: str, known_lines: int) -> Reading:
    """Return what there is to know of the log that *lines* (with their ends) are."""
    reading = Reading(run, known_lines)
    for raw in lines:
        if len(reading.stretches) > MOST:
            reading.broken_off = True
            break
        reading.take(raw)
    return reading


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


def arrange(reading: Reading) -> tuple[list[Stretch], list[Stretch]]:
    """Return the stretches that stand where they belong, and those that do not; strange ones are neither.

    Of all ways to leave out stretches so that the numbers of the others rise, the one is taken that accuses
    the fewest lines.
    """
    nodes = [beginning(), *(one for one in reading.stretches if not one.problem)]
    kept = _cheapest(nodes, reading)
    spare = [one for one in nodes[1:] if not any(one is other for other in kept)]
    for here, there in pairwise(kept):
        if here.high >= there.low:
            spare.append(_trim(here, there))
    return kept, spare


def _cheapest(nodes: Sequence[Stretch], reading: Reading) -> list[Stretch]:
    best = [(0, 0, 0)]
    came = [0]
    for place, there in enumerate(nodes[1:], 1):
        ways = []
        # From behind, because of several that cost the same the nearest is taken.
        for before in range(place - 1, -1, -1):
            here = nodes[before]
            if here.low < there.low and here.high < there.high:
                cost, perfect = _step(here, there)
                so_far = best[before]
                ways.append(
                    ((so_far[0] + cost, so_far[1] - perfect, so_far[2] - there.lines), before),
                )
        cheapest, before = min(ways, key=lambda way: way[0])
        best.append(cheapest)
        came.append(before)

    def over(place: int) -> tuple[int, int, int]:
        cost, *rest = best[place]
        cost += _LINE * (reading.lines - nodes[place].last)
        cost += _GAP * (not reading.broken_off and nodes[place].high < reading.known_lines)
        return (cost, rest[0], rest[1])

    place = min(range(len(nodes)), key=over)
    kept = []
    while place:
        kept.append(nodes[place])
        place = came[place]
    return kept[::-1]


def _step(here: Stretch, there: Stretch) -> tuple[int, bool]:
    """Return what it costs that *there* comes behind *here*, and whether it continues it."""
    twice = max(0, here.high - there.low + 1)
    cost = _LINE * (there.first - here.last - 1 + twice)
    linked = there.previous == here.head
    if there.low == here.high + 1:
        return cost + (0 if linked else _CHANGE), linked
    return cost + (_CHANGE if linked or twice else _GAP), False


def _trim(here: Stretch, there: Stretch) -> Stretch:
    """Take off *here*, and return, the lines whose numbers come again in *there*."""
    twice = here.high - there.low + 1
    cut = Stretch(here.last - twice + 1, here.last, there.low, head=here.head)
    # The hash that the chain has there is known only one line back; and not at all where the other's
    # hashes were made anew on top of them.
    known = twice == 1 and there.previous != here.head
    here.last, here.head, here.above = here.last - twice, here.above if known else "", ""
    return cut
