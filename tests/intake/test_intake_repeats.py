"""Rows that are there twice."""

from pathlib import Path

from bulkps.intake import check
from bulkps.intake.csv_reader import CHUNK
from bulkps.intake.duplicate_rows import DuplicateRows, Hashes
from tests.intake.intakefiles import (
    GUID,
    HEADER,
    RECOVERY,
    RESTORE,
    guid,
    only_problem,
    operation_of,
    row,
    save,
    sentences,
)

PEOPLE = "source_guid,target_upn,display_name"


def test_the_same_source_and_target_twice_names_the_first_row(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, row(1), row(2), row(1))

    assert only_problem(path) == (
        f"row 4, source_guid: found '{guid(1)}', expected no duplicate: row 2 has the same"
    )


def test_values_are_compared_as_exchange_does(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        HEADER,
        f"{GUID},ann@contoso.com",
        f"{{{GUID.upper()}}}, Ann@Contoso.com ",
        f"{GUID.upper()},ANN@CONTOSO.COM",
    )

    report = check(path, RESTORE)

    assert [problem.row for problem in report.problems] == [3, 4]
    assert all("row 2 has the same" in sentence for sentence in sentences(report))


def test_one_source_twice_is_a_problem_wherever_it_goes(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, f"{GUID},a@contoso.com", f"{GUID},b@contoso.com")

    assert "row 2 has the same" in only_problem(path)


def test_each_unique_group_is_compared_by_itself(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        PEOPLE,
        f"{guid(1)},a@contoso.com,A",
        f"{guid(1)},b@contoso.com,B",
        f"{guid(2)},A@contoso.com,C",
    )

    report = check(path, RECOVERY)

    assert [(problem.row, problem.column) for problem in report.problems] == [
        (3, "source_guid"),
        (4, "target_upn"),
    ]
    assert "row 2 has the same" in sentences(report)[0]
    assert "row 2 has the same" in sentences(report)[1]


def test_the_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    header = "target_mailbox,note,source_guid"
    path = save(tmp_path, header, f"a@contoso.com,1,{GUID}", f"A@contoso.com,2,{GUID}")

    assert "row 2 has the same" in only_problem(path)


def test_repeats_are_found_across_chunks_and_beside_problems(tmp_path: Path) -> None:
    lines = [row(number) for number in range(5 * CHUNK)]
    lines[3 * CHUNK] = row(7)
    lines[4 * CHUNK] = row(7).upper()
    lines[CHUNK] = "wrong," + row(7).split(",")[1]

    report = check(save(tmp_path, HEADER, *lines), RESTORE)

    assert [problem.row for problem in report.problems] == [CHUNK + 2, 3 * CHUNK + 2, 4 * CHUNK + 2]
    assert all("row 9 has the same" in sentence for sentence in sentences(report)[1:])


def test_a_group_with_an_empty_member_does_not_count(tmp_path: Path) -> None:
    own = operation_of("  who: {help: Who., required: true}\n  alias: {help: Alias.}", ["alias"])
    path = save(tmp_path, "who,alias", "ann,", "bob,", "cid, ", "dan,d", "eve,D")

    assert only_problem(path, own) == "row 6, alias: found 'D', expected no duplicate: row 5 has the same"


def test_typed_values_are_compared_by_what_they_mean(tmp_path: Path) -> None:
    own = operation_of("  who: {help: Who., required: true}\n  seat: {help: Seat., type: [number]}", ["seat"])
    path = save(tmp_path, "who,seat", "ann,7", "bob,007")

    assert "row 2 has the same" in only_problem(path, own)


def test_quoted_line_ends_in_compared_text_do_not_confuse_it(tmp_path: Path) -> None:
    own = operation_of("  who: {help: Who., required: true}", ["who"])
    path = save(tmp_path, "who", '"a\nb"', "a", "b", '"A\nB"')

    assert [problem.row for problem in check(path, own).problems] == [6]


def test_two_rows_that_share_a_hash_are_no_repeat() -> None:
    hashes = Hashes()
    hashes.note([1, hash(("a",))])
    hashes.note([hash(("a",)), 2])
    second = DuplicateRows(hashes)

    assert hashes.repeated == {hash(("a",))}
    assert second.earlier(("b",), 2) is None
    assert second.earlier(("a",), 3) is None
    assert second.earlier(("a",), 4) == 3


def test_a_hash_twice_in_one_chunk_is_repeated_and_the_others_are_not() -> None:
    hashes = Hashes()
    hashes.note([1, 2, 2, 3])
    hashes.note([3, 4])

    assert hashes.repeated == {2, 3}
