"""What cells and rows may hold, and how a person is told."""

from pathlib import Path

import pytest

from bulkps.intake import Problem, check
from bulkps.intake.csv_reader import CELL_LIMIT, CHUNK
from tests.conftest import Run
from tests.intake.intakefiles import (
    ANN,
    GUID,
    HEADER,
    RECOVERY,
    RESTORE,
    guid,
    only_problem,
    operation_of,
    read,
    row,
    save,
    save_bytes,
    sentences,
)

FULL = f"{HEADER},target_folder,conflict_resolution"
PEOPLE = "source_guid,target_upn,display_name"


@pytest.mark.parametrize("blank", [" ", "\u00a0", "\t", "\u200b", "\ufeff", " \u00a0\t "])
def test_blanks_around_cells_are_stripped_from_values_and_kept_in_cells(tmp_path: Path, blank: str) -> None:
    cells = [f"{blank}{cell}{blank}" for cell in (GUID, "ann@contoso.com", "In Box", "keepall")]
    path = save(tmp_path, FULL, ",".join(cells))

    [found] = read(path)

    assert found.values == {
        "source_guid": GUID,
        "target_mailbox": "ann@contoso.com",
        "target_folder": "In Box",
        "conflict_resolution": "KeepAll",
    }
    assert found.cells == tuple(cells)


def test_a_cell_of_blanks_is_empty(tmp_path: Path) -> None:
    path = save(tmp_path, FULL, f"{ANN},\u00a0,\u200b")

    assert set(read(path)[0].values) == {"source_guid", "target_mailbox"}
    path = save(tmp_path, PEOPLE, f"{GUID},ann@contoso.com,\u00a0")
    required = "a value, because this column is required: text of one line"
    assert only_problem(path, RECOVERY) == f"row 2, display_name: found nothing, expected {required}"


@pytest.mark.parametrize(
    "zeros", ["00000000-0000-0000-0000-000000000000", f"{{{'0' * 8}-0000-0000-0000-{'0' * 12}}}"]
)
def test_a_guid_of_zeros_names_nothing(tmp_path: Path, zeros: str) -> None:
    sentence = only_problem(save(tmp_path, HEADER, f"{zeros},ann@contoso.com"))

    assert sentence.startswith(f"row 2, source_guid: found '{zeros}', expected a GUID")


@pytest.mark.parametrize("given", [f"{{{GUID}}}", GUID.upper(), f" {{{GUID.upper()}}} "])
def test_a_guid_may_have_braces_and_capitals(tmp_path: Path, given: str) -> None:
    path = save(tmp_path, HEADER, f"{given},ann@contoso.com")

    assert read(path)[0].values["source_guid"] == GUID


@pytest.mark.parametrize(
    ("days", "value"), [("30", "30.00:00:00"), ("1.12:00:00", "1.12:00:00"), ("UNLIMITED", "Unlimited")]
)
def test_a_request_is_kept_for_days(tmp_path: Path, days: str, value: str) -> None:
    path = save(tmp_path, f"{HEADER},keep_request", f"{ANN},{days}")

    assert read(path)[0].values["keep_request"] == value


@pytest.mark.parametrize("days", ["0", "0.12:00:00", "00:30:00", "thirty days", "-1"])
def test_a_request_that_is_gone_before_anybody_looks_is_refused(tmp_path: Path, days: str) -> None:
    path = save(tmp_path, f"{HEADER},keep_request", f"{ANN},{days}")

    assert "expected a number of days from 1" in only_problem(path)


def test_a_user_principal_name_is_no_longer_than_the_name_that_is_made_of_it(tmp_path: Path) -> None:
    names = [f"{'a' * length}@contoso.com" for length in (52, 53)]
    path = save(tmp_path, PEOPLE, *(f"{guid(number)},{name},Ann" for number, name in enumerate(names)))

    assert "expected at most 64 characters" in only_problem(path, RECOVERY)


def test_newlines_and_delimiters_inside_quotes_are_kept(tmp_path: Path) -> None:
    own = operation_of("  who: {help: Who., required: true}\n  note: {help: A note.}")
    path = save_bytes(tmp_path, b'who,note\r\nann,"a\r\nb,\n""c"""\r\n')

    assert read(path, own)[0].values["note"] == 'a\r\nb,\n"c"'


def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    texts = ["'; Remove-Mailbox *; '", "$(Get-Date)", "=cmd|' /C calc'!A0", "🎉", "O'Brien", "_x000A_"]
    lines = [f'{row(number)},"{text}"' for number, text in enumerate(texts)]

    assert [
        found.values["target_folder"] for found in read(save(tmp_path, f"{HEADER},target_folder", *lines))
    ] == texts


@pytest.mark.parametrize("address", ["o'brien@contoso.com", "a+b@contoso.com"])
def test_addresses_as_exchange_takes_them_are_sound(tmp_path: Path, address: str) -> None:
    assert read(save(tmp_path, HEADER, f"{GUID},{address}"))[0].values["target_mailbox"] == address


@pytest.mark.parametrize("identity", ["*@contoso.com", "a*n@contoso.com", "CN=*,OU=Users,DC=contoso,DC=com"])
def test_an_identity_that_would_name_several_is_refused(tmp_path: Path, identity: str) -> None:
    sentence = only_problem(save(tmp_path, HEADER, f'{GUID},"{identity}"'))

    assert sentence.startswith(f"row 2, target_mailbox: found '{identity}', expected")


@pytest.mark.parametrize("address", ["ann..b@contoso.com", "ann b@contoso.com", "ann@", "zoë@contoso.com"])
def test_a_wrong_address_is_named_with_row_column_and_what_was_expected(tmp_path: Path, address: str) -> None:
    sentence = only_problem(save(tmp_path, HEADER, row(1), f"{GUID},{address}"))

    assert sentence.startswith(f"row 3, target_mailbox: found '{address}', expected an SMTP address such as")


def test_a_value_outside_the_allowed_ones_has_a_hint(tmp_path: Path) -> None:
    sentence = only_problem(save(tmp_path, FULL, f"{ANN},,KeepAl"))

    assert "expected one of KeepSourceItem, KeepLatestItem" in sentence
    assert "did you mean KeepAll?" in sentence


def test_a_dotless_i_is_not_an_i(tmp_path: Path) -> None:
    assert "row 2, conflict_resolution" in only_problem(save(tmp_path, FULL, f"{ANN},,KeepTargetıtem"))


def test_a_cell_too_long_for_exchange_is_a_problem(tmp_path: Path) -> None:
    path = save(tmp_path, FULL, f"{row(1)},{'x' * 255},", f"{row(2)},{'x' * 256},")

    sentence = only_problem(path)

    assert "row 3, target_folder" in sentence
    assert "at most 255 characters (it has 256)" in sentence
    assert len(sentence) < 200


def test_blanks_do_not_count_towards_the_length(tmp_path: Path) -> None:
    assert len(read(save(tmp_path, FULL, f"{ANN},{'x' * 255}   ,"))) == 1


@pytest.mark.parametrize(("cells", "found"), [("{},x,y,z", "5 cells"), ("{},", "3 cells"), ("{}", "2 cells")])
def test_a_ragged_row_is_a_problem_even_if_only_empty_cells_are_missing(
    tmp_path: Path, cells: str, found: str
) -> None:
    sentence = only_problem(save(tmp_path, FULL, cells.format(ANN)))

    assert sentence == f"row 2: found {found}, expected 4 cells"


def test_empty_cells_beyond_the_header_are_no_problem(tmp_path: Path) -> None:
    assert len(read(save(tmp_path, HEADER, f"{row(1)},,, ,", row(2)))) == 2


def test_empty_rows_are_skipped_and_not_counted(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, "", row(1), ",", " , ,,", "", row(2), "")

    assert check(path, RESTORE).rows == 2
    assert [found.row for found in read(path)] == [3, 7]


def test_rows_are_counted_as_an_editor_counts_lines(tmp_path: Path) -> None:
    path = save_bytes(
        tmp_path,
        f'{HEADER},note\r\n{row(1)},"two\r\nlines"\r\n\r\n{row(2)},"a\nb\nc"\r\n{row(3)},x\r\n'.encode(),
    )

    assert [found.row for found in read(path)] == [2, 5, 8]


def test_lone_carriage_returns_end_lines_too(tmp_path: Path) -> None:
    path = save(tmp_path, HEADER, row(1), row(2), end="\r")

    assert [found.row for found in read(path)] == [2, 3]


def test_row_numbers_are_right_across_chunks_with_and_without_quotes(tmp_path: Path) -> None:
    lines = [f'{row(number)},{{"x\ny"}}'.replace("{", "").replace("}", "") for number in range(CHUNK - 1)]
    lines += [f"{row(number)},plain" for number in range(1000, 1000 + 2 * CHUNK)]
    lines += [f"{row(5000)},", "x,y,"]

    report = check(save(tmp_path, f"{HEADER},note", *lines), RESTORE)

    assert report.rows == len(lines)
    assert {problem.row for problem in report.problems} == {1 + 2 * (CHUNK - 1) + 2 * CHUNK + 2}


def test_all_problems_of_a_file_are_found_in_its_order(tmp_path: Path) -> None:
    path = save(tmp_path, FULL, "x,y,,z", f"{ANN},", row(1) + ',"a"b,', f"{ANN},,", f"{ANN},{'x' * 300},")

    assert [(problem.row, problem.column) for problem in check(path, RESTORE).problems] == [
        (2, "source_guid"),
        (2, "target_mailbox"),
        (2, "conflict_resolution"),
        (3, ""),
        (4, ""),
        (6, "target_folder"),
        (6, "source_guid"),
    ]


def test_a_stray_quote_is_a_problem_and_the_next_row_is_checked(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},target_folder", f'{row(1)},"a"b', "x,a@b.com,")

    assert [problem.row for problem in check(path, RESTORE).problems] == [2, 3]
    assert "row 2: found a quote in the middle of a quoted cell" in sentences(check(path, RESTORE))[0]


def test_a_quote_inside_an_unquoted_cell_is_text(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},target_folder", f'{ANN},12" vinyl')

    assert read(path)[0].values["target_folder"] == '12" vinyl'


def test_a_quote_that_is_never_closed_is_named_by_the_row_in_which_it_opens(tmp_path: Path) -> None:
    path = save(
        tmp_path, f"{HEADER},target_folder", f"{row(1)},", f'{row(2)},"open', f"{row(3)},", f"{row(4)},"
    )

    assert only_problem(path).startswith("row 3: found a quote that is never closed (to line 5)")


def test_a_cell_beyond_every_limit_is_a_problem_and_the_rest_is_checked(tmp_path: Path) -> None:
    path = save(
        tmp_path, f"{HEADER},note", f'{row(1)},"{"x" * (CELL_LIMIT + 1)}"', f"{row(2)},", "x,a@b.com,"
    )

    assert [problem.row for problem in check(path, RESTORE).problems] == [2, 4]
    assert "1,048,576 characters" in sentences(check(path, RESTORE))[0]


def test_a_long_cell_of_a_carried_column_is_no_problem(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},note", f"{ANN},{'x' * 200_000}")

    assert len(read(path)[0].cells[2]) == 200_000


def test_a_sentence_shortens_and_escapes_what_was_found() -> None:
    long = Problem(7, "target_folder", "x" * 500, "less").sentence()
    lines = Problem(7, "target_folder", "a\r\nb\ud800", "less").sentence()

    assert long == f"row 7, target_folder: found '{'x' * 79}…', expected less"
    assert lines == r"row 7, target_folder: found 'a\r\nb\ud800', expected less"


def test_a_sentence_about_a_file_has_no_row() -> None:
    assert Problem(None, "", "a PDF", "a CSV file").sentence() == "found a PDF, expected a CSV file"


def test_values_of_other_kinds_are_typed(tmp_path: Path) -> None:
    own = operation_of(
        "  who: {help: Who., required: true}\n"
        "  hidden: {help: Hidden., type: [boolean]}\n"
        "  quota: {help: Quota., type: [number]}"
    )
    path = save(tmp_path, "who,hidden,quota", "ann,Yes,050", "bob,off,")

    assert [found.values for found in read(path, own)] == [
        {"who": "ann", "hidden": True, "quota": 50},
        {"who": "bob", "hidden": False},
    ]


def test_rows_of_every_chunk_are_checked(tmp_path: Path) -> None:
    lines = [row(number) for number in range(3 * CHUNK)]
    for place in (0, CHUNK - 2, CHUNK - 1, CHUNK, 3 * CHUNK - 1):
        lines[place] = f"{guid(9000 + place)},wrong"

    found = check(save(tmp_path, HEADER, *lines), RESTORE)

    assert [problem.row for problem in found.problems] == [2, CHUNK, CHUNK + 1, CHUNK + 2, 3 * CHUNK + 1]


def test_lengths_are_counted_as_exchange_counts(tmp_path: Path) -> None:
    people = [f"{guid(1)},a@contoso.com,{'😀' * 128}", f"{guid(2)},b@contoso.com,{'😀' * 128}x"]

    sentence = only_problem(save(tmp_path, PEOPLE, *people), RECOVERY)

    assert "row 3, display_name" in sentence
    assert "at most 256 characters (it has 257; Exchange counts an emoji as two)" in sentence


@pytest.mark.parametrize("header", ["Database", "SourceDatabase", "source database", "Source_Database"])
def test_a_header_that_would_change_what_is_done_is_taken_only_letter_by_letter(
    tmp_path: Path, header: str
) -> None:
    path = save(tmp_path, f"{HEADER},{header}", f"{ANN},DB01")

    assert "source_database" not in read(path)[0].values
    assert any("was not used as source_database" in note for note in check(path, RESTORE).notes)
    path = save(tmp_path, f"{HEADER},source_database", f"{ANN},DB01")
    assert read(path)[0].values["source_database"] == "DB01"


@pytest.mark.parametrize("inside", ["\u00a0", "\u00ad", "\u200b", "\u202e", "\ufeff"])
def test_what_shows_nothing_inside_a_name_is_named(tmp_path: Path, inside: str) -> None:
    report = check(save(tmp_path, PEOPLE, f"{GUID},a@contoso.com,Ann{inside}Beebe"), RECOVERY)

    assert report.sound
    assert f"U+{ord(inside):04X}" in report.warnings[0].expected
    assert "at character 4" in report.warnings[0].expected


@pytest.mark.parametrize(
    "name",
    ["علی\u200cرضا", "👩\u200d👩\u200d👧", "\u05e9\u200f \u05d0", "山田\u3000太郎", "മോഹന\u0d4d\u200d"],
)
def test_what_a_script_needs_inside_a_name_is_not(tmp_path: Path, name: str) -> None:
    report = check(save(tmp_path, PEOPLE, f"{GUID},a@contoso.com,{name}"), RECOVERY)

    assert (report.sound, report.warnings) == (True, ())
    assert (
        read(save(tmp_path, PEOPLE, f"{GUID},a@contoso.com,{name}"), RECOVERY)[0].values["display_name"]
        == name
    )


def test_a_name_of_question_marks_alone_is_refused(tmp_path: Path) -> None:
    assert "all letters were lost and became question marks" in only_problem(
        save(tmp_path, PEOPLE, f"{GUID},a@contoso.com,???? ????"), RECOVERY
    )


@pytest.mark.parametrize(
    "name", ["Christopher Null", "None Such", "#1 Sales", "Ann #2", "System Team", "Err:", "0815"]
)
def test_words_that_only_look_like_stand_ins_are_names(tmp_path: Path, name: str) -> None:
    report = check(save(tmp_path, PEOPLE, f"{GUID},a@contoso.com,{name}"), RECOVERY)

    assert (report.sound, report.warnings) == (True, ())


@pytest.mark.parametrize(
    "cell", ["#¡VALOR!", "#НД", "Err:502", "########", "@{Name=Ann}", "Deserialized.System.String"]
)
def test_errors_and_types_of_other_programs(tmp_path: Path, cell: str) -> None:
    report = check(save(tmp_path, PEOPLE, f"{GUID},a@contoso.com,{cell}"), RECOVERY)

    assert report.sound is (cell == "#НД")


def test_the_fast_look_lets_nothing_pass_that_the_close_look_refuses(tmp_path: Path) -> None:
    cells = [
        "MÃ¼ller",
        "Bj”rn",
        "NULL",
        "#N/A",
        "J?rgen",
        "èâàí",
        "System.String[]",
        "锟斤拷",
        "M眉ller",
        "a\u200bb",
    ]
    rows = [f"{guid(number)},user{number}@contoso.com,{cell}" for number, cell in enumerate(cells)]
    fast = check(save(tmp_path, PEOPLE, *rows), RECOVERY)
    # A ragged row sends the whole chunk to the close look.
    close = check(save(tmp_path, PEOPLE, *rows, f"{guid(99)},x@contoso.com"), RECOVERY)

    assert fast.problems == close.problems[:-1]
    assert fast.warnings == close.warnings
    assert len(fast.problems) + len(fast.warnings) == len(cells)


def test_set_is_checked_like_a_cell(bulkps: Run, tmp_path: Path) -> None:
    result = bulkps(
        "run", "restore", save(tmp_path, HEADER, ANN), "--set", "target_folder=MÃ¼ll", "--dry-run"
    )

    assert result.exit_code == 2
    assert "perhaps 'Müll' (UTF-8 read as cp1252)" in result.stderr
