"""Headers, delimiters, unknown columns, and results files put in again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bulkps.intake import check, formula_safe
from bulkps.operations.result_columns import ALL_RESULTS_COLUMNS
from tests.intake.intakefiles import (
    ANN,
    GUID,
    HEADER,
    RECOVERY,
    RESTORE,
    only_problem,
    operation_of,
    read,
    row,
    save,
    sentences,
)

ANNS = {"source_guid": GUID, "target_mailbox": "ann.beebe@contoso.com"}
RESULT = dict.fromkeys(ALL_RESULTS_COLUMNS, "") | {
    "row_number": "2",
    "source_identity": "x",
    "status": "FAILED",
}


@pytest.mark.parametrize(("delimiter", "name"), [(",", ""), (";", "semicolon"), ("\t", "tab")])
def test_the_delimiter_is_found_by_itself_and_said_if_it_is_no_comma(
    tmp_path: Path, delimiter: str, name: str
) -> None:
    path = save(tmp_path, HEADER.replace(",", delimiter), ANN.replace(",", delimiter))

    report = check(path, RESTORE)

    assert report.delimiter == delimiter
    assert "".join(report.notes).count(name) == (len(report.notes) if name else 1)
    assert read(path)[0].values == ANNS


def test_the_delimiter_is_the_one_under_which_most_headers_are_known(tmp_path: Path) -> None:
    path = save(tmp_path, '"a,b,c,d,e";source_guid;target_mailbox', f'"x,y";{ANN.replace(",", ";")}')

    assert check(path, RESTORE).delimiter == ";"
    assert read(path)[0].values == ANNS


def test_a_sep_line_is_honoured_and_counted_as_a_line(tmp_path: Path) -> None:
    path = save(tmp_path, "sep=|", HEADER.replace(",", "|"), ANN.replace(",", "|"), "x|y", end="\r\n")

    assert [problem.row for problem in check(path, RESTORE).problems] == [4, 4]
    assert check(path, RESTORE).delimiter == "|"


def test_the_type_line_of_windows_powershell_and_blank_lines_are_no_header(tmp_path: Path) -> None:
    path = save(tmp_path, "#TYPE Selected.System.Management.Automation.PSCustomObject", "", HEADER, ANN)

    assert read(path)[0].row == 4


@pytest.mark.parametrize(
    "header",
    [
        "Source GUID,Target Mailbox",
        "SOURCE-GUID , target-mailbox",
        "\u00a0sourceguid,TargetMailbox\u200b",
        "source_identity,Target",
        '"Source\tGuid","Target UPN"',
    ],
)
def test_headers_are_matched_without_case_blanks_dashes_and_by_aliases(tmp_path: Path, header: str) -> None:
    path = save(tmp_path, header, ANN)

    assert read(path)[0].values == ANNS
    assert check(path, RESTORE).carried == (0, 1)


@pytest.mark.parametrize(
    "header",
    [
        "Password",
        "initial_password",
        "Kennwort",
        "Passphrase",
        "pwd",
        "Password (temp)",
        "password1",
        "o365_password",
        "admin password",
        "new_password_2",
        "Initial PW",
        "InitialPw",
        "user_passwd",
        "Passwort (neu)",
        "pass",
        "mfa_secret",
        "credential",
        "Contrase\u00f1a",
        "PIN",
        "initialpwd",
        "INITIALPWD",
        "accountsecret",
        "pwdtext",
        "Change_Password_Initial",
        "PasswordCountry",
    ],
)
def test_a_column_of_passwords_is_refused_for_all_of_it_would_be_kept(tmp_path: Path, header: str) -> None:
    sentence = only_problem(save(tmp_path, f"{HEADER},{header}", f"{ANN},Hunter2!"))

    assert "expected no passwords" in sentence
    assert "Hunter2" not in sentence


@pytest.mark.parametrize(
    "header",
    [
        "ResetPasswordOnNextLogon",
        "PasswordLastSet",
        "Last password change timestamp",
        "Password policies",
        "Resenha",
        "PasswordNeverExpires",
        "badPwdCount",
        "Passport number",
        "Secretary",
        "Spinner",
    ],
)
def test_a_column_about_passwords_that_holds_none_is_carried_along(tmp_path: Path, header: str) -> None:
    assert check(save(tmp_path, f"{HEADER},{header}", f"{ANN},False"), RESTORE).sound


def test_a_header_with_a_line_end_in_it_counts_its_lines(tmp_path: Path) -> None:
    path = save(tmp_path, '"source\n_guid",target_mailbox,note', f"{ANN},x", "")

    assert check(path, RESTORE).problems[0].row == 1
    path = save(tmp_path, 'source_guid,target_mailbox,"a\nnote"', f"{ANN},x")
    assert read(path)[0].row == 3


def test_two_headers_for_the_same_column_are_a_problem(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},Source Mailbox", f"{ANN},x")

    assert "row 1, Source Mailbox" in only_problem(path)
    assert "'source_guid' in the same header is one already" in only_problem(path)


def test_a_missing_column_is_named_with_its_aliases_and_what_is_there(tmp_path: Path) -> None:
    path = save(tmp_path, "source_guid,city", f"{GUID},Bonn", f"{GUID.replace('f', '0')},Ulm", "x,Ulm")

    found = check(path, RESTORE)

    assert [problem.row for problem in found.problems] == [1, 4]
    assert found.problems[0].column == "target_mailbox"
    assert "target_email" in sentences(found)[0]
    assert "the file has source_guid, city" in sentences(found)[0]


def test_a_file_without_a_header_line_is_told_so_once(tmp_path: Path) -> None:
    sentence = only_problem(save(tmp_path, ANN, row(1), row(2)))

    assert "row 1: found no header line" in sentence
    assert f"'{GUID}' looks like a GUID" in sentence


def test_an_unknown_column_is_carried_and_said_once(tmp_path: Path) -> None:
    path = save(tmp_path, f"ticket,{HEADER},city", f"T1,{row(1)},Bonn", f"T2,{row(2)},")

    report = check(path, RESTORE)

    assert report.sound
    assert report.carried == (0, 1, 2, 3)
    assert report.notes == (
        "columns that the operation does not know, copied to the results unchanged: 'ticket', 'city'",
    )
    assert [found.cells[0] for found in read(path)] == ["T1", "T2"]


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("conflict_resoluton", "conflict_resolution"),
        ("Target Fodler", "target_folder"),
        ("conflcit_resolutoin", "conflict_resolution"),
        ("foldr", "target_folder"),  # folder is another name for it
    ],
)
def test_a_column_one_typing_slip_away_is_a_problem_with_a_hint(
    tmp_path: Path, header: str, meant: str
) -> None:
    path = save(tmp_path, f"{HEADER},{header}", f"{ANN},x")

    assert f"did you mean {meant}?" in only_problem(path)


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param(lambda name, at: name[:at] + name[at + 1 :], id="left out"),
        pytest.param(lambda name, at: name[:at] + name[at] + name[at:], id="twice"),
        pytest.param(lambda name, at: name[:at] + "q" + name[at + 1 :], id="another"),
        pytest.param(lambda name, at: name[:at] + name[at + 1] + name[at] + name[at + 2 :], id="swapped"),
    ],
)
@pytest.mark.parametrize(
    "column", ["conflict_resolution", "target_folder", "priority", "bad_item_limit", "skip_merging"]
)
def test_one_letter_that_is_wrong_anywhere_in_a_column_is_a_slip(
    tmp_path: Path, column: str, slip: Callable[[str, int], str]
) -> None:
    for at in range(len(column) - 1):
        header = slip(column, at)
        if header.replace("_", "") == column.replace("_", ""):
            continue
        path = save(tmp_path, f"{HEADER},{header}", f"{ANN},x")

        assert f"did you mean {column}?" in only_problem(path), header


@pytest.mark.parametrize("header", ["Property", "First Line", "Target Type", "Archives Size", "Department"])
def test_a_column_that_only_resembles_one_is_no_slip(tmp_path: Path, header: str) -> None:
    path = save(tmp_path, f"{HEADER},{header}", f"{ANN},x")

    assert check(path, RESTORE).sound


def test_a_column_like_one_that_is_there_itself_is_no_slip(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},target_folder,target_folders", f"{ANN},x,y")

    assert check(path, RESTORE).sound


def test_strict_columns_refuse_every_unknown_one(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},city,ticket", f"{ANN},x,y")

    report = check(path, RESTORE, strict_columns=True)

    assert [problem.column for problem in report.problems] == ["city", "ticket"]
    assert not report.notes


def test_a_trailing_delimiter_is_ignored_and_not_carried(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},,", f"{row(1)},,", f"{row(2)},", row(3), f"{row(4)},,,,")

    assert check(path, RESTORE).carried == (0, 1)
    assert check(path, RESTORE).notes == ()
    assert len(read(path)) == 4


def test_data_without_a_header_over_it_is_a_problem_once(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},", f"{row(1)},", f"{row(2)},x", f"{row(3)},y")

    assert only_problem(path) == "row 3, column 3: found 'x', expected a header above it, or an empty cell"


def results_file(tmp_path: Path, own: dict[str, str], **result: str) -> Path:
    there = {name: cell for name, cell in (RESULT | result).items() if name not in own}
    header = [*own, *there]
    cells = [*own.values(), *there.values()]
    lines = [",".join(f'"{formula_safe(cell)}"' for cell in cells) for cells in (header, cells)]
    return save(tmp_path, *lines, encoding="utf-8-sig", end="\r\n")


def test_a_results_file_is_input_and_its_result_columns_are_ignored_and_not_carried(tmp_path: Path) -> None:
    path = results_file(tmp_path, ANNS | {"ticket": "T1"}, error="=boom", target_identity="somebody")

    report = check(path, RESTORE)

    assert report.sound, sentences(report)
    assert report.carried == (0, 1, 2)
    assert "results file" in report.notes[0]
    assert read(path)[0].values == ANNS
    assert check(path, RESTORE, strict_columns=True).problem_count == 1


def test_formula_safe_cells_of_a_results_file_come_back_as_they_were(tmp_path: Path) -> None:
    own = ANNS | {"target_folder": "=cmd|' /C calc'!A0", "-note": "@x", "other": "''quoted"}

    [found] = read(results_file(tmp_path, own))

    assert found.values["target_folder"] == "=cmd|' /C calc'!A0"
    assert found.cells[:5] == tuple(own.values())
    assert check(results_file(tmp_path, own), RESTORE).header[3] == "-note"


def test_an_apostrophe_stays_in_a_file_that_is_no_results_file(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},target_folder", f"{ANN},'=x")

    assert read(path)[0].values["target_folder"] == "'=x"


def test_an_address_that_starts_with_an_apostrophe_survives_a_results_file(tmp_path: Path) -> None:
    own = ANNS | {"target_mailbox": "'-x@contoso.com"}

    assert read(results_file(tmp_path, own))[0].values["target_mailbox"] == "'-x@contoso.com"


def test_an_own_source_identity_is_the_source_in_a_results_file(tmp_path: Path) -> None:
    own = {"source_identity": GUID, "target_mailbox": "ann.beebe@contoso.com"}

    path = results_file(tmp_path, own)

    assert read(path)[0].values == ANNS
    assert check(path, RESTORE).carried == (0, 1)


def test_result_columns_stand_in_where_only_they_were_kept(tmp_path: Path) -> None:
    path = results_file(tmp_path, {}, source_identity=GUID, target_identity="ann.beebe@contoso.com")

    assert read(path)[0].values == ANNS


def test_an_own_column_called_like_a_result_column_is_carried(tmp_path: Path) -> None:
    header = f"{HEADER},status,{','.join(ALL_RESULTS_COLUMNS)}"
    path = save(tmp_path, header, f"{ANN},mine,{',' * (len(ALL_RESULTS_COLUMNS) - 1)}")

    assert check(path, RESTORE).carried == (0, 1, 2)


def test_a_header_that_is_never_closed_is_a_problem(tmp_path: Path) -> None:
    assert "row 1: found a header line that is not valid CSV" in only_problem(
        save(tmp_path, 'source_guid,"target', ANN)
    )


def test_a_quote_inside_an_unquoted_header_is_text(tmp_path: Path) -> None:
    path = save(tmp_path, f'{HEADER},size (")', f"{ANN},x")

    assert check(path, RESTORE).header[2] == 'size (")'


def test_a_header_with_half_a_character_is_a_problem(tmp_path: Path) -> None:
    path = save(tmp_path, f"{HEADER},no\ufffete", f"{ANN},")

    assert "row 1, " in only_problem(path)


def test_an_operation_without_a_required_column_skips_empty_rows(tmp_path: Path) -> None:
    own = operation_of("  who: {help: Who.}\n  note: {help: A note.}")
    path = save(tmp_path, "who,note", ",", "ann,", "", " ,x")

    assert [(found.row, found.values) for found in read(path, own)] == [
        (3, {"who": "ann"}),
        (5, {"note": "x"}),
    ]


def test_recovery_takes_the_aliases_of_its_own(tmp_path: Path) -> None:
    path = save(tmp_path, "Inactive Mailbox,UPN,Display Name,sn", f"{GUID},ann@contoso.com,Ann,Beebe")

    assert read(path, RECOVERY)[0].values["last_name"] == "Beebe"
