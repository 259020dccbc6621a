"""The report, the problems file, the second pass; and that the fast lane agrees with the close look."""

import csv
import os
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.atomic_file import Output
from bulkps.errors import InvalidInput, UsageProblem
from bulkps.intake import check, formula_unsafe, rows
from bulkps.intake.chunk_check import Body
from bulkps.intake.csv_reader import CHUNK, Chunk, Opening, chunks
from bulkps.intake.header import lay_out
from bulkps.intake.row_parser import RowReader, key_of
from bulkps.operations.model import Operation
from tests.intake.intakefiles import ANN, GUID, HEADER, RECOVERY, RESTORE, read, row, save, sentences


def test_a_report_says_what_was_read(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},Ticket ", f"{row(1)},x", f"{row(2)},y")

    report = check(path, RESTORE)

    assert (report.path, report.operation, report.rows, report.problem_count) == (path, "restore", 2, 0)
    assert report.header == ("source_guid", "target_mailbox", "Ticket ")
    assert [found.row for found in rows(path, RESTORE, report)] == [2, 3]


def test_the_report_holds_fifty_problems_and_counts_all(tmp_path: Path) -> None:
    report = check(save(tmp_path, HEADER, *["x,y"] * 300), RESTORE)

    assert report.problem_count == 600
    assert [problem.row for problem in report.problems] == [number for number in range(2, 27) for _ in "xy"]


def test_the_first_fifty_are_the_first_of_the_file_also_with_repeats(tmp_path: Path) -> None:
    lines = [row(1), row(1)] + ["x,a@b.com"] * 60

    report = check(save(tmp_path, HEADER, *lines), RESTORE)

    assert report.problem_count == 61
    assert [problem.row for problem in report.problems] == list(range(3, 53))


def test_the_problems_file_has_all_of_them_and_is_harmless_in_a_spreadsheet(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, *[f"=x{number},a@b.com" for number in range(300)], f"{GUID},\ufffe")
    found = tmp_path / "problems.csv"

    report = check(path, RESTORE, problems=Output(found))

    assert found.read_bytes().startswith(b"\xef\xbb\xbf")
    with found.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["row", "column", "found", "expected"]
    assert len(lines) == report.problem_count + 1 == 302
    assert lines[1][:3] == ["2", "source_guid", "'=x0"]
    assert formula_unsafe(lines[1][2]) == "=x0"


def test_half_a_character_does_not_keep_the_problems_file_from_being_written(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(f"\ufeff{HEADER}\n{GUID},x\ud800\n".encode("utf-16-le", "surrogatepass"))

    check(path, RESTORE, problems=Output(tmp_path / "problems.csv"))

    assert r"x\ud800" in (tmp_path / "problems.csv").read_text(encoding="utf-8-sig")


def test_the_problems_of_a_sound_file_are_a_header(tmp_path: Path) -> None:
    check(save(tmp_path, HEADER, ANN), RESTORE, problems=Output(tmp_path / "problems.csv"))

    assert (tmp_path / "problems.csv").read_text(encoding="utf-8-sig").splitlines() == [
        '"row","column","found","expected"'
    ]


def test_the_problems_file_may_not_be_the_input(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, ANN)

    with pytest.raises(UsageProblem, match="it is the file to check"):
        check(path, RESTORE, problems=Output(tmp_path / "." / "in.csv"))
    assert check(path, RESTORE).sound


def test_a_problems_file_that_cannot_be_written_is_a_usage_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot write the problems"):
        check(save(tmp_path, HEADER, ANN), RESTORE, problems=Output(tmp_path / "no" / "problems.csv"))


def test_the_rows_of_a_file_with_problems_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, "x,a@b.com")
    report = check(path, RESTORE)

    with pytest.raises(InvalidInput) as raised:
        rows(path, RESTORE, report)
    assert list(raised.value.problems) == sentences(report)


def test_a_report_for_another_operation_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, ANN)

    with pytest.raises(InvalidInput, match="checked for restore, not for recovery"):
        rows(path, RECOVERY, check(path, RESTORE))


def test_a_file_that_changed_since_the_check_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, row(1))
    report = check(path, RESTORE)
    save(tmp_path, HEADER, row(2))

    with pytest.raises(InvalidInput, match="has changed since"):
        rows(path, RESTORE, report)


def test_a_file_that_changes_while_its_rows_are_read_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, *map(row, range(3 * CHUNK)))
    found = rows(path, RESTORE, check(path, RESTORE))
    next(found)
    with path.open("a", encoding="utf-8") as file:
        file.write(row(9999) + "\n")

    with pytest.raises(InvalidInput, match="has changed since"):
        list(found)


def test_a_file_that_was_only_touched_is_read_on(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, *map(row, range(3 * CHUNK)))
    found = rows(path, RESTORE, check(path, RESTORE))
    next(found)
    os.utime(path, ns=(1, 1))

    assert len(list(found)) == 3 * CHUNK - 1


def test_an_abandoned_reading_closes_the_file(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, *map(row, range(3)))

    found = rows(path, RESTORE, check(path, RESTORE))
    next(found)
    del found  # An open file would warn, and a warning is an error here.


CELL = st.one_of(
    st.just(""),
    st.sampled_from((GUID, GUID.upper(), f"{{{GUID}}}", f" {GUID}", f"{GUID}\n", "cn=a\x1fb,dc=c")),
    st.sampled_from(
        ("ann@contoso.com", "Ann@Contoso.com\u00a0", "'x@contoso.com", "CN=Ann,DC=x", "CN=Ann,DC=x ")
    ),
    st.sampled_from(
        ("KeepAll", "keepALL", "KeepTargetıtem", "'=x", "'-a@b.com", "{x", "'", "\ufffe", "ſ", "İ")
    ),
    st.sampled_from(("x" * 256, "x" * 255 + " ", " ", "a\nb")),
    st.text(max_size=5),
)


@pytest.mark.parametrize("operation", [RESTORE, RECOVERY], ids=["restore", "recovery"])
@pytest.mark.parametrize("results", [False, True], ids=["input", "results"])
@given(table=st.lists(st.lists(CELL, min_size=8, max_size=8), min_size=1, max_size=6))
def test_the_fast_lane_lets_nothing_pass_that_the_close_look_refuses(
    table: list[list[str]], operation: Operation, results: bool
) -> None:
    names = [*list(operation.columns)[:6], "other", ""]
    marks = ["row_number", "status", "started_at", "completed_at", "duration_seconds", "error_code"]
    header = [*names, *([""] * (8 - len(names))), *(marks if results else [])]
    records = [[*cells, *([""] * (len(header) - 8))] for cells in table]
    layout = lay_out(header, 1, operation)
    assert layout.results == results
    reader = RowReader(operation, layout)
    body = Body(operation, layout, reader, suspicious=True)

    read_chunk = body.read(Chunk(records, range(2, 2 + len(records))))

    for index, record in enumerate(records):
        close = reader.read(record)
        if index in read_chunk.looked_at:
            assert read_chunk.looked_at[index] == close
        else:
            assert (close.faults, close.beyond, close.empty) == ((), (), False)
        for group, keys in zip(body.groups, read_chunk.keys, strict=True):
            assert keys[index] == key_of(close.values, group)


PIECES = st.lists(
    st.sampled_from(["a", "b,", ",", "\n", "\r\n", '"x"', '"y\nz"', '"', " ", '"p""q"', "é"]), max_size=60
)


@given(PIECES, st.integers(min_value=1, max_value=4))
def test_chunks_give_what_the_csv_module_gives(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("bulkps.intake.csv_reader.CHUNK", size)
        path = Path(folder) / "in.csv"
        path.write_text(f"header\n{text}", encoding="utf-8", newline="")
        with path.open(encoding="utf-8", newline="") as file:
            found = list(chunks(file, Opening(lines=1)))
        with path.open(encoding="utf-8", newline="") as file:
            expected, failed = by_the_csv_module(file)

    # An empty line may come as no cell or as an empty one; both are an empty row.
    assert [
        (line, cells or [""]) for chunk in found for line, cells in zip(chunk.lines, chunk.rows, strict=True)
    ] == [(line, cells or [""]) for line, cells in expected]
    assert [problem.row for chunk in found for problem in chunk.problems] == failed
    starts = [line for chunk in found for line in chunk.lines]
    assert all(one < other for one, other in pairwise(starts))


def by_the_csv_module(file: Iterable[str]) -> tuple[list[tuple[int, list[str]]], list[int]]:
    reader = csv.reader(file, strict=True)
    next(reader)
    expected: list[tuple[int, list[str]]] = []
    failed: list[int] = []
    while True:
        start = reader.line_num + 1
        try:
            expected.append((start, next(reader)))
        except csv.Error:
            failed.append(start)
        except StopIteration:
            return expected, failed


def test_a_million_rows_would_not_be_held(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, *map(row, range(4 * CHUNK)))

    with path.open(encoding="utf-8", newline="") as file:
        sizes = [len(chunk.rows) for chunk in chunks(file, Opening(lines=1))]

    assert sizes == [CHUNK] * 4
    assert len(read(path)) == 4 * CHUNK
