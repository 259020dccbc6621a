"""Reads a CSV file: its opening lines, then its records in chunks, each with its first line's number."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from bulkps.intake.header import BLANKS, known_headers
from bulkps.intake.problem import Problem, shortened
from bulkps.operations.definition_validator import folded_header
from bulkps.operations.model import Operation

#: The most characters in a cell. Far above anything that Exchange accepts; it keeps a quote that is never
#: closed from taking in the whole file.
CELL_LIMIT = 1 << 20
#: Lines in a chunk. Small, so that its strings are still in the processor's cache when they are checked.
CHUNK = 256
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}

#: In how many lines below a title a header line is searched.
_LOOKED = 20
_MARK = "\ufeff"
# A spreadsheet may have added delimiters after it, as if it were a row of many cells.
_SEP = re.compile(r'"?sep=([^"\r\n])"?[,;\t|]*+[\r\n]*+', re.IGNORECASE)
_LINE_END = "\r\n"
_LINE_ENDS = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Opening:
    """What comes before the first row.

    Attributes:
        delimiter: The character between the cells.
        header: The header's cells, unchanged.
        row: The line that the header starts on, from 1.
        lines: The number of lines up to and including the header.
        comments: Lines above the header that are comments.
        problem: Why there is no header.
    """

    delimiter: str = ","
    header: tuple[str, ...] = ()
    row: int = 1
    lines: int = 0
    comments: tuple[int, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Chunk:
    """Some consecutive records.

    Attributes:
        rows: The cells of each; empty for an empty line.
        lines: The line that each starts on, from 1.
        problems: Of records that are not valid CSV; these are not among the rows.
    """

    rows: list[list[str]]
    lines: Sequence[int]
    problems: Sequence[Problem] = ()


def read_opening(file: io.TextIOWrapper, operation: Operation) -> Opening:
    """Return the opening of *file*: its header, and the delimiter that gives the most known headers."""
    _raise_limit()
    known = known_headers(operation)
    count, delimiter, line = 0, "", ""
    comments: list[int] = []
    while line := file.readline(CELL_LIMIT):
        # If two programs each add a byte order mark, there are two.
        line = line.lstrip(_MARK)
        count += 1
        named = _SEP.fullmatch(line)
        if named:
            delimiter = named.group(1)
        elif line.startswith("#") and not _understood([line], delimiter, known):
            # Windows PowerShell's Export-Csv puts "#TYPE …" first unless it is told not to.
            comments += [] if line.startswith("#TYPE ") else [count]
        elif line.strip(BLANKS + _LINE_END):
            break
    else:
        return Opening(problem=Problem(None, "", "a file without content", "a header line and rows"))
    lines, length = [line], len(line)
    # A header can contain a quoted line end and then continues on the next line.
    while len(lines) < CHUNK and length < CELL_LIMIT and (line := file.readline(CELL_LIMIT)):
        lines.append(line)
        length += len(line)
    opening = _header(lines, count, delimiter, known)
    return replace(opening, comments=tuple(comments))


def _header(lines: list[str], row: int, delimiter: str, known: Mapping[str, str]) -> Opening:
    """Return the opening whose header starts the *lines*, the first of which is line *row*."""
    failed = False
    best, most = Opening(), (-1, 0)
    others = [one for one in DELIMITERS if one != delimiter]
    for candidate in [delimiter, *others] if delimiter else others:
        reader = csv.reader(lines, delimiter=candidate, strict=True)
        try:
            header = tuple(next(reader))
        except csv.Error:
            failed = True
            continue
        score = (_count(header, known), len(header))
        if score > most:
            best, most = Opening(candidate, header, row, row + reader.line_num - 1), score
        if candidate == delimiter and score[0] > 0:
            break
    if (failed and most[0] < 1) or len(lines[0]) >= CELL_LIMIT:
        found = f"a header line that is not valid CSV: {shortened(lines[0].rstrip(_LINE_END))}"
        expected = "headers with a closing quote for every opening one, and no line longer than a cell may be"
        return Opening(row=row, problem=Problem(row, "", found, expected))
    if most[0] < 1 and (problem := _no_header(best.header, lines, row, known)):
        return Opening(row=row, problem=problem)
    return best


def _count(header: Sequence[str], known: Mapping[str, str]) -> int:
    return sum(folded_header(cell.strip(BLANKS)) in known for cell in header)


def _understood(lines: list[str], delimiter: str, known: Mapping[str, str]) -> int:
    """Return how many headers of the first of *lines* are known, under the best delimiter."""
    counts = [0]
    for candidate in delimiter or DELIMITERS:
        try:
            counts.append(_count(next(csv.reader(lines, delimiter=candidate, strict=True), []), known))
        except csv.Error:
            continue
    return max(counts)


def _no_header(header: Sequence[str], lines: list[str], row: int, known: Mapping[str, str]) -> Problem | None:
    """Return what is wrong with a file if its first line has no known header; None if that is unclear."""
    if len(header) == 1 and _understood([header[0]], "", known) > 1:
        found = f"one quoted cell in each line, such as {shortened(lines[0].rstrip(_LINE_END))}"
        expected = "quotes around cells, not around lines; export it as CSV again"
        return Problem(row, "", found, expected)
    for index, line in enumerate(lines[1:_LOOKED], 1):
        if _understood([line], "", known) > 1:
            found = (
                f"{shortened(lines[0].rstrip(_LINE_END))} above the header line, which is line {row + index}"
            )
            return Problem(row, "", found, "the header line first; delete the lines above it")
    return None


def chunks(file: io.TextIOWrapper, opening: Opening) -> Iterator[Chunk]:
    """Yield the records of *file* after its *opening*."""
    _raise_limit()
    for _ in islice(file, opening.lines):
        pass
    line = opening.lines + 1
    while lines := list(islice(file, CHUNK)):
        block = "".join(lines)
        if '"' in block or len(block) > CELL_LIMIT:
            chunk, used = _parsed(chain(lines, file), len(lines), line, opening.delimiter)
        else:
            # Without quotes, splitting gives the same as the csv module in half the time.
            rows = [text.rstrip(_LINE_END).split(opening.delimiter) for text in lines]
            chunk, used = Chunk(rows, range(line, line + len(rows))), len(rows)
        yield chunk
        line += used


def _parsed(lines: Iterator[str], count: int, first: int, delimiter: str) -> tuple[Chunk, int]:
    """Return the records that begin in the next *count* of *lines*, and how many lines they take."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    starts: list[int] = []
    problems: list[Problem] = []
    line = first
    while reader.line_num < count:
        error = ""
        done = len(rows)
        try:
            for row in islice(reader, count - reader.line_num):
                rows.append(row)
        except csv.Error as raised:
            error = str(raised)
        line = _add_starts(starts, rows[done:], line, first + reader.line_num if not error else None)
        if error:
            problems.append(_problem(error, line, first + reader.line_num - 1))
            line = first + reader.line_num
    return Chunk(rows, starts, problems), reader.line_num


def _add_starts(starts: list[int], rows: list[list[str]], line: int, after: int | None) -> int:
    """Add the lines that *rows* start on, the first on *line*, to *starts*; return the line after them.

    Args:
        starts: The list to extend.
        rows: Consecutive records.
        line: Where the first one starts.
        after: The line after them, if the reader knows it.
    """
    if after == line + len(rows):
        starts.extend(range(line, after))
        return after
    for row in rows:
        starts.append(line)
        line += 1 + sum(len(_LINE_ENDS.findall(cell)) for cell in row)
    return line


def _problem(error: str, row: int, last: int) -> Problem:
    to = f" (to line {last})" if last > row else ""
    if "field limit" in error:
        found = f"a cell of more than {CELL_LIMIT:,} characters{to}"
        return Problem(row, "", found, "a shorter one; is a quote not closed?")
    if "unexpected end" in error:
        expected = "a closing quote before the file ends; the rows after it could not be checked"
        return Problem(row, "", f"a quote that is never closed{to}", expected)
    expected = 'the end of the cell after it; write a quote inside a quoted cell twice ("")'
    return Problem(row, "", f"a quote in the middle of a quoted cell{to}", expected)


def _raise_limit() -> None:
    # The limit applies to the whole process. It is not reset, because nothing needs a lower one.
    if csv.field_size_limit() < CELL_LIMIT:
        csv.field_size_limit(CELL_LIMIT)
