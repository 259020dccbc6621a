"""Checks a file and reads it: ``check`` finds every problem, ``rows`` reads a valid file."""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bulkps.atomic_file import Output
from bulkps.errors import InvalidInput, UsageProblem
from bulkps.intake.check_report import SHOWN, CheckReport, Findings, InputRow
from bulkps.intake.chunk_check import Body
from bulkps.intake.csv_reader import DELIMITERS, Chunk, Opening, chunks, read_opening
from bulkps.intake.duplicate_rows import DuplicateRows, Hashes
from bulkps.intake.file_encoding import Source, digest, examine, readable
from bulkps.intake.header import Layout, data_for_header, lay_out
from bulkps.intake.problem import Problem, shortened
from bulkps.intake.problem_groups import ProblemGroups
from bulkps.intake.row_parser import UNSENDABLE, RowReader
from bulkps.operations.model import Operation

#: How many lines a note names.
_NAMED = 10
_AGAIN = {"same": "the header line again", "other": "another header line"}
_ROWS_ONLY = "rows only; were two files joined? Delete the line, or check each file on its own"
_CHANGED = "has changed since it was checked; check it again"


def check(
    path: Path,
    operation: Operation,
    *,
    strict_columns: bool = False,
    problems: Output | None = None,
    encoding: str = "",
) -> CheckReport:
    """Return a report on the file at *path* as input for *operation*.

    Problems with the content are reported, never raised. The memory used does not grow with the file, except
    for about eighty bytes per row that finding duplicate rows takes.

    Args:
        path: A CSV file.
        operation: The operation to run on its rows.
        strict_columns: Whether a column that the operation does not know is a problem.
        problems: A file for all problems, as CSV.
        encoding: Python's name of the file's encoding; empty to detect it.

    Raises:
        UsageProblem: If the file cannot be read, the problems file cannot be written, or the encoding is
            unknown.
    """
    if problems and _same(path, problems.path):
        raise UsageProblem(
            f"cannot write the problems to {path}: it is the file to check; choose another name"
        )
    with readable(path):
        source = examine(path, encoding)
        with Findings(problems) as findings:
            return _Check(source, operation, findings).run(strict_columns=strict_columns)


def _same(path: Path, other: Path) -> bool:
    return path.exists() and other.exists() and path.samefile(other)


class _Check:
    """One check of one file."""

    def __init__(self, source: Source, operation: Operation, findings: Findings) -> None:
        self._source = source
        self._operation = operation
        self._findings = findings
        self._notes = [source.note] if source.note else []
        self._rows = 0
        self._beyond: set[int] = set()
        self._comments: list[int] = []
        self._warnings: list[Problem] = []
        self._warned = ProblemGroups()
        self._below = False

    def run(self, *, strict_columns: bool) -> CheckReport:
        opening = self._opening()
        if opening is None:
            return self._report(Opening(), None)
        layout = lay_out(opening.header, opening.row, self._operation, strict_columns=strict_columns)
        for problem in (*_unsendable(layout, opening), *layout.problems):
            self._findings.add(problem)
        body = _body(self._source, self._operation, layout)
        hashes = [Hashes() for _ in body.groups]
        with self._source.open() as file:
            for chunk in chunks(file, opening):
                self._take(chunk, body, layout, hashes)
        if any(found.repeated for found in hashes):
            self._name_repeats(opening, body, layout, hashes)
        if not self._rows:
            self._findings.add(Problem(None, "", "a header and no rows", "at least one row under the header"))
        self._notes += _notes(opening, layout, self._comments)
        return self._report(opening, layout)

    def _opening(self) -> Opening | None:
        """Return the file's opening; None if a problem with it makes further checks useless."""
        problem = self._source.problem
        if problem is None:
            with self._source.open() as file:
                opening = read_opening(file, self._operation)
            problem = opening.problem
        if problem is None:
            data = data_for_header(opening.header, self._operation)
            if not data:
                return opening
            names = ", ".join(self._operation.columns)
            expected = f"a header line with the names of the columns ({names})"
            problem = Problem(opening.row, "", f"no header line: {data}", expected)
        self._findings.add(problem)
        return None

    def _take(self, chunk: Chunk, body: Body, layout: Layout, hashes: list[Hashes]) -> None:
        if self._below:
            return
        read = body.read(chunk)
        self._rows += len(chunk.rows) + len(chunk.problems)
        found = list(chunk.problems)
        for index, row in read.looked_at.items():
            line = chunk.lines[index]
            self._rows -= row.empty or bool(row.again)
            if row.comment:
                self._comments.append(line)
            if row.again:
                found.append(Problem(line, "", _AGAIN[row.again], _ROWS_ONLY))
            if row.again == "other":
                # The rows below belong to that header, and every one of them would be reported as wrong.
                self._below = True
                break
            for one in row.warnings:
                warning = Problem(line, one.column, one.found, one.expected)
                self._warned.add(warning)
                if len(self._warnings) < SHOWN:
                    self._warnings.append(warning)
            found += [Problem(line, fault.column, fault.found, fault.expected) for fault in row.faults]
            for place in row.beyond:
                if place not in self._beyond:
                    self._beyond.add(place)
                    label, cell = layout.label(place), row.cells[place]
                    found.append(Problem(line, label, cell, "a header above it, or an empty cell"))
        # Records that are not valid CSV come between the others.
        for problem in sorted(found, key=lambda problem: problem.row or 0) if chunk.problems else found:
            self._findings.add(problem)
        for group, keys in zip(hashes, read.keys, strict=True):
            group.note(list(map(hash, filter(None, keys))))

    def _name_repeats(self, opening: Opening, body: Body, layout: Layout, hashes: list[Hashes]) -> None:
        repeats = [DuplicateRows(found) for found in hashes]
        with self._source.open() as file:
            for chunk in chunks(file, opening):
                read = body.read(chunk)
                for index, row in enumerate(chunk.lines):
                    for group, keys, known in zip(body.groups, read.keys, repeats, strict=True):
                        key = keys[index]
                        earlier = known.earlier(key, row) if key is not None else None
                        if earlier is not None:
                            places = [layout.columns[name] for name in group if name in layout.columns]
                            found = ", ".join(chunk.rows[index][place] for place in places)
                            column = " + ".join(layout.label(place) for place in places)
                            expected = f"no duplicate: row {earlier} has the same"
                            self._findings.add(Problem(row, column, found, expected), late=True)

    def _report(self, opening: Opening, layout: Layout | None) -> CheckReport:
        return CheckReport(
            path=self._source.path,
            operation=self._operation.name,
            rows=self._rows,
            problem_count=self._findings.count,
            problems=self._findings.first(),
            notes=tuple(self._notes),
            encoding=self._source.encoding,
            delimiter=opening.delimiter,
            header=layout.header if layout else (),
            carried=layout.carried if layout else (),
            digest=self._source.digest,
            warning_count=self._warned.count,
            warnings=tuple(self._warnings),
            groups=self._findings.groups,
            warning_groups=self._warned,
        )


def rows(path: Path, operation: Operation, report: CheckReport) -> Iterator[InputRow]:
    """Return the rows of a file that *report* found valid.

    Args:
        path: The file.
        operation: The operation that it was checked for.
        report: The result of ``check``.

    Raises:
        InvalidInput: If the report has problems, or the file has changed since; also while the rows are read.
        UsageProblem: If it cannot be read.
    """
    if not report.sound:
        raise InvalidInput(str(path), [problem.sentence() for problem in report.problems])
    if report.operation != operation.name:
        raise InvalidInput(str(path), [f"it was checked for {report.operation}, not for {operation.name}"])
    with readable(path):
        source = examine(path, report.encoding)
    if source.digest != report.digest:
        raise InvalidInput(str(path), [f"the file {_CHANGED}"])
    return _rows(source, operation)


def _rows(source: Source, operation: Operation) -> Iterator[InputRow]:
    with readable(source.path), source.open() as file:
        opening = read_opening(file, operation)
    layout = lay_out(opening.header, opening.row, operation)
    reader = _reader(source, operation, layout)
    with readable(source.path), source.open() as file:
        state = _state(file)
        for chunk in chunks(file, opening):
            # The rows of a long run are read over hours; meanwhile, the file may be saved again.
            if _state(file) != state:
                if digest(source.path) != source.digest:
                    raise InvalidInput(str(source.path), [f"the file {_CHANGED}"])
                state = _state(file)
            if chunk.problems:
                raise InvalidInput(str(source.path), [problem.sentence() for problem in chunk.problems])
            for cells, line in zip(chunk.rows, chunk.lines, strict=True):
                row = reader.read(cells)
                if row.faults or row.beyond or row.again:
                    raise InvalidInput(str(source.path), [f"row {line} is not valid: the file {_CHANGED}"])
                if not row.empty:
                    yield InputRow(line, row.cells, row.values)


def _state(file: io.TextIOWrapper) -> tuple[int, int]:
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def _reader(source: Source, operation: Operation, layout: Layout, *, warn: bool = False) -> RowReader:
    encoding = source.encoding if source.errors == "surrogateescape" else ""
    return RowReader(operation, layout, encoding, warn=warn)


def _body(source: Source, operation: Operation, layout: Layout) -> Body:
    reader = _reader(source, operation, layout, warn=True)
    return Body(operation, layout, reader, suspicious=source.suspicious)


def _unsendable(layout: Layout, opening: Opening) -> Iterator[Problem]:
    for index, header in enumerate(layout.header):
        if UNSENDABLE.search(header):
            yield Problem(opening.row, layout.label(index), header, "a header of whole, sendable characters")


def _notes(opening: Opening, layout: Layout, comments: Sequence[int]) -> Iterator[str]:
    lines = [*opening.comments, *comments]
    if lines:
        named = ", ".join(map(str, lines[:_NAMED])) + (", …" if len(lines) > _NAMED else "")
        yield f"skipped as comments, because they begin with #: line{'s' * (len(lines) > 1)} {named}"
    if opening.delimiter != ",":
        name = DELIMITERS.get(opening.delimiter, repr(opening.delimiter))
        yield f"the cells are separated by {name}, not by comma"
    if layout.results:
        yield "this is a results file of bulkps: its result columns are ignored"
    if layout.exported:
        yield "this is an export of bulkps: its other columns are copied to the results unchanged"
    if layout.taken:
        names = ", ".join(f"{shortened(header)} for {name}" for header, name in layout.taken)
        yield f"columns recognized under another name: {names}"
    for header, name in layout.left:
        yield (
            f"{shortened(header)} was not used as {name}: because this column changes what is done, its "
            f"header must be exactly {name}"
        )
    if layout.unknown:
        names = ", ".join(map(shortened, layout.unknown))
        yield f"columns that the operation does not know, copied to the results unchanged: {names}"
