"""What can be done to an audit log, and where it has to be found."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bulkps.records.audit import FIRST, line_hash

Lines = list[bytes]
Harm = Callable[[Lines], Lines]
#: Line and kind of each finding; a line from the end is negative, 0 is the one behind the last.
Found = Sequence[tuple[int, str]]


def lines_of(path: Path) -> Lines:
    return path.read_bytes().splitlines(keepends=True)


def edited(line: bytes, /, **changes: Any) -> bytes:
    return json.dumps({**json.loads(line), **changes}, ensure_ascii=False).encode() + b"\n"


def rechained(lines: Lines, start: int, *, numbers: bool = False) -> Lines:
    """Return *lines* with every hash from the one with index *start* on made anew."""
    done = lines[:start]
    for number, line in enumerate(lines[start:], start + 1):
        previous = line_hash(done[-1].decode().removesuffix("\n")) if done else FIRST
        done.append(edited(line, previous=previous, **({"line": number} if numbers else {})))
    return done


def value(*indexes: int) -> Harm:
    def harm(lines: Lines) -> Lines:
        changed = [edited(lines[index], message="nothing of note") for index in indexes]
        done = list(lines)
        for index, line in zip(indexes, changed, strict=True):
            done[index] = line
        return done

    return harm


def swapped(one: int, other: int) -> Harm:
    def harm(lines: Lines) -> Lines:
        done = list(lines)
        done[one], done[other] = lines[other], lines[one]
        return done

    return harm


def put_in(index: int, make: Callable[[Lines], Lines]) -> Harm:
    return lambda lines: [*lines[:index], *make(lines), *lines[index:]]


def put_for(index: int, make: Callable[[bytes], bytes]) -> Harm:
    return lambda lines: [*lines[:index], make(lines[index]), *lines[index:][1:]]


def chained(count: int) -> Iterator[bytes]:
    """Yield the lines of a log of a run that nobody knows."""
    previous = FIRST
    for number in range(1, count + 1):
        line = json.dumps({"previous": previous, "line": number, "run": "r", "row": number})
        previous = line_hash(line)
        yield line.encode() + b"\n"


#: Of one log, all of it. A finding of two neighbours is one of the first.
CHANGES: dict[str, tuple[Harm, Found]] = {
    "a value of the first line": (value(0), [(1, "changed")]),
    "a value": (value(4), [(5, "changed")]),
    "a value of the last line but one": (value(-2), [(-2, "changed")]),
    "a value of the last line": (value(-1), [(-1, "changed")]),
    "values of lines far from each other": (value(2, 8), [(3, "changed"), (9, "changed")]),
    # One of the two or both: what a changed line says of the one before it proves nothing.
    "values of neighbours": (value(4, 5), [(5, "changed")]),
    "white space": (put_for(4, lambda line: line.replace(b"{", b"{ ", 1)), [(5, "changed")]),
    "a number": (put_for(4, lambda line: edited(line, line=99)), [(5, "changed")]),
    "the number of the last line": (put_for(-1, lambda line: edited(line, line=99)), [(-1, "changed")]),
    "a number to one that is there": (put_for(4, lambda line: edited(line, line=2)), [(5, "changed")]),
    "the first hash": (put_for(0, lambda line: edited(line, previous="ab" * 32)), [(1, "changed")]),
    "a hash": (put_for(4, lambda line: edited(line, previous="ab" * 32)), [(4, "changed")]),
    "a hash to none": (put_for(4, lambda line: edited(line, previous=None)), [(5, "foreign")]),
    "the run": (put_for(4, lambda line: edited(line, run="another")), [(5, "foreign")]),
    "a value, and the next hash made anew": (
        lambda lines: [*rechained(value(4)(lines)[:6], 5), *lines[6:]],
        [(6, "changed")],
    ),
    "a value, and every hash made anew": (lambda lines: rechained(value(4)(lines), 5), [(-1, "changed")]),
    "the first line removed": (lambda lines: lines[1:], [(1, "removed")]),
    "a line removed": (lambda lines: [*lines[:4], *lines[5:]], [(5, "removed")]),
    "lines removed in two places": (
        lambda lines: [*lines[:4], *lines[6:8], *lines[9:]],
        [(5, "removed"), (7, "removed")],
    ),
    "a line removed, and every hash made anew": (
        lambda lines: rechained([*lines[:4], *lines[5:]], 4),
        [(5, "changed"), (-1, "changed")],
    ),
    "a line removed, and every hash and number made anew": (
        lambda lines: rechained([*lines[:4], *lines[5:]], 4, numbers=True),
        [(0, "cut")],
    ),
    "the last line removed": (lambda lines: lines[:-1], [(0, "cut")]),
    "the tail cut off": (lambda lines: lines[:-4], [(0, "cut")]),
    "cut in the middle of the last line": (lambda lines: [*lines[:-1], lines[-1][:40]], [(-1, "cut")]),
    "cut in the middle of a line": (lambda lines: [*lines[:6], lines[6][:40]], [(7, "cut")]),
    "cut before the last line end": (lambda lines: [*lines[:-1], lines[-1][:-1]], [(-1, "cut")]),
    "an empty file": (lambda lines: [], [(0, "cut")]),
    "a line copied behind itself": (put_in(5, lambda lines: [lines[4]]), [(6, "inserted")]),
    "an earlier line copied": (put_in(5, lambda lines: [lines[1]]), [(6, "inserted")]),
    "a later line copied": (put_in(5, lambda lines: [lines[7]]), [(6, "inserted")]),
    "lines copied behind themselves": (put_in(5, lambda lines: lines[2:5]), [(6, "inserted")]),
    "the last line copied": (lambda lines: [*lines, lines[-1]], [(-1, "inserted")]),
    "a line copied to the end": (lambda lines: [*lines, lines[2]], [(-1, "inserted")]),
    "a forged line that continues the one before": (
        put_in(4, lambda lines: [edited(lines[4], message="forged")]),
        [(5, "inserted")],
    ),
    "a forged line that continues nothing": (
        put_in(4, lambda lines: [edited(lines[4], previous="ab" * 32)]),
        [(5, "inserted")],
    ),
    "a forged line with a number of its own": (
        put_in(4, lambda lines: [edited(lines[4], line=99)]),
        [(5, "inserted")],
    ),
    "forged lines that continue each other": (
        put_in(4, lambda lines: rechained([*lines[:4], edited(lines[4], at="x"), lines[5]], 4)[4:]),
        [(5, "inserted")],
    ),
    "a forged line, and every hash made anew": (
        lambda lines: rechained(put_in(4, lambda all_: [edited(all_[4], at="x")])(lines), 4),
        [(5, "inserted"), (-1, "changed")],
    ),
    "a forged line, and every hash and number made anew": (
        lambda lines: rechained(put_in(4, lambda all_: [edited(all_[4], at="x")])(lines), 4, numbers=True),
        [(-2, "changed")],
    ),
    "a line put in place of another": (lambda lines: [*lines[:4], lines[2], *lines[5:]], [(5, "changed")]),
    "a forged line with a number of its own for the last": (
        put_for(-1, lambda line: edited(line, line=99, previous="ab" * 32)),
        [(-1, "changed")],
    ),
    "neighbours swapped": (swapped(4, 5), [(5, "moved")]),
    "the first two swapped": (swapped(0, 1), [(1, "moved")]),
    "the last two swapped": (swapped(-1, -2), [(-2, "moved")]),
    "lines far from each other swapped": (swapped(2, 8), [(3, "moved"), (9, "moved")]),
    "a line moved to the end": (lambda lines: [*lines[:4], *lines[5:], lines[4]], [(-1, "moved")]),
    "lines moved to the front": (
        lambda lines: [*lines[:2], *lines[8:11], *lines[2:8], *lines[11:]],
        [(3, "moved")],
    ),
    "a line put behind the end that continues the chain": (
        lambda lines: rechained([*lines, edited(lines[-1], line=len(lines) + 1)], len(lines)),
        [(-1, "inserted")],
    ),
    "a line put behind the end that does not": (
        lambda lines: [*lines, edited(lines[-1], line=len(lines) + 1, previous="ab" * 32)],
        [(-1, "inserted")],
    ),
    "text": (put_for(4, lambda line: b"text\n"), [(5, "foreign")]),
    "text put in": (put_in(4, lambda lines: [b"text\n", b"\n"]), [(5, "foreign"), (6, "foreign")]),
    "other JSON": (put_for(4, lambda line: b"[1]\n"), [(5, "foreign")]),
    "JSON that is too deep": (put_for(4, lambda line: b"[" * 100_000 + b"\n"), [(5, "foreign")]),
    "other bytes": (put_for(4, lambda line: b"\xff\xfe" + line), [(5, "foreign")]),
    "other bytes at the end": (lambda lines: [*lines, b"\0\xff\n"], [(-1, "foreign")]),
    "a byte order mark": (put_for(0, lambda line: b"\xef\xbb\xbf" + line), [(1, "foreign")]),
    "other line ends": (lambda lines: [line[:-1] + b"\r\n" for line in lines], [(1, "converted")]),
    "half a line behind the end": (lambda lines: [*lines, b'{"previous": "0'], [(-1, "cut")]),
}  # fmt: skip
#: Those that nobody can find without the journal: the chain is whole.
ONLY_THE_JOURNAL_SHOWS = (
    "a value of the last line",
    "a value, and every hash made anew",
    "a line removed, and every hash and number made anew",
    "a forged line, and every hash and number made anew",
    "the last line removed",
    "the tail cut off",
    "a line put behind the end that continues the chain",
)
