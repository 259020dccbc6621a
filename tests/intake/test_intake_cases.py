"""Small files made from public reports: each is sound, or refused with what a person can act on.

The files are in cases/, byte for byte; each stands for a kind.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bulkps.errors import InvalidInput
from bulkps.intake import check
from bulkps.operations.loader import load_operation
from bulkps.operations.model import Operation
from bulkps.settings import load_settings, read_text
from tests.conftest import Run, as_object, read_csv, write_csv
from tests.intake.intakefiles import RECOVERY, RESTORE, sentences

CASES = Path(__file__).parent / "cases"
SET_MAILBOX = load_operation(
    read_text(Path(__file__).resolve().parents[2] / "config" / "operations" / "set-mailbox.yaml"),
    "set-mailbox.yaml",
)


@dataclass(frozen=True)
class Case:
    """What must be said of a file: rows if it is sound, a piece of each problem, note and warning."""

    file: str
    operation: Operation = RESTORE
    rows: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


_AGAIN = "found the header line again, expected rows only; were two files joined?"
_UNSOUND_PAGE = "found text that is not UTF-8 and makes no sense in cp1252"
_ERROR = "which a spreadsheet shows when a formula fails"
_TYPE = "the name of a type"
SEMICOLON = "separated by semicolon"
TOLD = (
    Case("r01-line-quoted.csv", problems=("row 1: found one quoted cell in each line",)),
    Case("r02-hash-header.csv", rows=2, notes=("'#'",)),
    Case(
        "r02b-hash-comment.csv", rows=2, notes=("skipped as comments, because they begin with #: lines 1, 3",)
    ),
    Case("r02c-hash-commented-row.csv", rows=1, notes=("begin with #: line 3",)),
    Case("r03-sep-utf16.csv", rows=1, notes=(SEMICOLON,)),
    Case("r03b-sep-pipe.csv", rows=1, notes=("separated by pipe",)),
    Case("r03c-pipe.csv", rows=1, notes=("separated by pipe",)),
    Case("r03d-bom-sep.csv", rows=1, notes=(SEMICOLON,)),
    Case("r04-comma-rows.csv", rows=2),
    Case("r05-double-bom.csv", rows=1),
    Case("r05b-concatenated.csv", problems=(f"row 3: {_AGAIN}",)),
    Case("r05c-concatenated-nonl.csv", problems=(f"row 2: {_AGAIN}",)),
    Case("r06-appended-utf16.csv", problems=("row 6: found a different encoding from here on (UTF-16",)),
    Case(
        "r06c-utf8-appended-ansi.csv",
        problems=(
            "row 4: found a different encoding from here on (a code page of Windows, after lines in UTF-8)",
        ),
    ),
    Case("r06d-late-append.csv", problems=("row 302: found a different encoding from here on (UTF-16",)),
    Case("r07-msdos-cp850.csv", RECOVERY, problems=(_UNSOUND_PAGE,)),
    Case("r07b-msdos-cp437-oe.csv", RECOVERY, problems=(_UNSOUND_PAGE,)),
    Case("r07d-cp1250.csv", RECOVERY, problems=(_UNSOUND_PAGE,)),
    Case("r07e-corrected.csv", RECOVERY, rows=2, notes=(SEMICOLON,)),
    Case(
        "r08-replacement.csv",
        RECOVERY,
        problems=("U+FFFD replacement character) at character 2", "at character 3"),
    ),
    Case(
        "r08b-question.csv",
        RECOVERY,
        rows=2,
        warnings=("question mark at character 2", "question mark at character 3"),
    ),
    Case(
        "r09-excel-errors.csv",
        RECOVERY,
        problems=(
            *(f"{name}, {_ERROR}" for name in ("#N/A", "#NAME?", "#REF!", "#NV", "#WERT!", "#BEZUG!")),
            *[_TYPE] * 3,
        ),
        warnings=("0 is sent unchanged", "NULL is sent unchanged"),
    ),
    Case(
        "r09b-restore-errors.csv",
        problems=(
            _ERROR,
            "straight quotes (') in place of ‘ (U+2018 left single quotation mark) at character 14",
        ),
        warnings=("NULL is sent unchanged",),
    ),
    Case("r10-wahr.csv", rows=4, notes=(SEMICOLON,)),
    Case("r11-invisible.csv", rows=5),
    Case("r11c-invisible-header.csv", rows=1),
    Case("r12-pasted-addresses.csv", rows=5),
    Case(
        "r12b-more.csv",
        problems=(
            "it ends with a dot",
            "(U+2019 right single quotation mark) at character 2; in an address, the apostrophe is '",
            "write this domain as xn--mller-kva.example",
        ),
    ),
    Case("r13-guid-forms.csv", problems=("write it without urn:uuid: before it", "write it without quotes")),
    Case(
        "r13b-guid-zeros.csv",
        problems=("a GUID of zeros names nothing: Exchange prints it when there is no GUID",),
    ),
    Case(
        "r14-get-mailbox-export.csv",
        rows=2,
        notes=(
            "'ExchangeGuid' for source_guid",
            "'Database' was not used as source_database",
            "'Database', 'DisplayName'",
        ),
    ),
    Case(
        "r14b-database-one-row-empty.csv",
        rows=2,
        notes=(
            "'ExchangeGuid' for source_guid",
            "'Database' was not used as source_database",
            "copied to the results unchanged: 'Database'",
        ),
    ),
    Case("r15-odd-names.csv", rows=5),
    Case("r15b-odd-names-recovery.csv", RECOVERY, rows=5),
    Case(
        "r17-linebreak-name.csv",
        RECOVERY,
        problems=("without a line break at character 4", "without a line break at character 6"),
    ),
    Case("r18-dn-forms.csv", rows=5),
    Case(
        "r18b-dn-odd.csv",
        problems=(
            "not with * (U+002A asterisk) at character 8, which can match several",
            "row 2 has the same",
        ),
    ),
    Case("r18c-dn-twice.csv", problems=("row 2 has the same",)),
    Case("r19-set-lost.csv", rows=2),
    Case("r20-own-status-columns.csv", rows=2, notes=("'Notes', 'Notes'",)),
    Case(
        "r21-set-mailbox.csv",
        SET_MAILBOX,
        problems=(
            "1.024GB can mean 1024GB or 1.02GB",
            "SMTP: in capitals would make it the primary address; write smtp:",
            "without a unit, 50 means bytes: write 50GB or 50MB",
            "more than one address; separate them by ; and not by a comma",
            _ERROR,
        ),
        notes=(SEMICOLON,),
    ),
    Case("r22-apostrophes.csv", RECOVERY, rows=2),
    Case(
        "r23-export-through-excel-de.csv",
        RECOVERY,
        rows=1,
        notes=("it reads '?ukasz ?ó??'", SEMICOLON, "this is an export of bulkps"),
        warnings=("question mark at character 1",),
    ),
    Case(
        "r24-hr-columns.csv",
        rows=1,
        notes=(
            "'ExchangeGuid' for source_guid, 'Target' for target_mailbox, 'Folder' for target_folder",
            "'Email', 'Archive'",
        ),
    ),
)


def test_every_file_has_its_case() -> None:
    assert {path.name for path in CASES.glob("*.csv")} == {case.file for case in TOLD}


@pytest.mark.parametrize("case", TOLD, ids=lambda case: case.file)
def test_a_file_is_sound_or_refused_with_what_can_be_acted_on(case: Case) -> None:
    report = check(CASES / case.file, case.operation)

    found = (sentences(report), report.notes, [one.sentence() for one in report.warnings])
    for told, wanted in zip(found, (case.problems, case.notes, case.warnings), strict=True):
        assert len(told) == len(wanted), told
        for sentence, piece in zip(told, wanted, strict=True):
            assert piece in sentence
    assert report.sound is not bool(case.problems)
    assert not report.sound or report.rows == case.rows


@pytest.mark.parametrize(
    ("file", "names"),
    [
        (
            "r07-msdos-cp850.csv",
            "--encoding cp850 (or cp437) reads 'Björn Müller', 'José Núñez', 'Éric Dupré'",
        ),
        ("r07b-msdos-cp437-oe.csv", "--encoding cp850 (or cp437) reads 'Björn Olsson', 'Dagmar Nörd'"),
        ("r07d-cp1250.csv", "--encoding cp1250 reads 'Łukasz Żółć', 'Jiří Šťastný'"),
    ],
)
def test_a_page_that_makes_no_sense_is_refused_with_those_that_do_and_what_a_name_is_in_each(
    file: str, names: str
) -> None:
    [sentence] = sentences(check(CASES / file, RECOVERY))

    assert names in sentence
    assert check(CASES / file, RECOVERY, encoding=names.split()[1]).sound


def _planned(bulkps: Run, file: str, operation: str = "restore") -> list[dict[str, object]]:
    planned = as_object(bulkps("run", operation, CASES / file, "--dry-run", "--json"))["plan"]
    return [one["parameters"] for one in planned]


def test_pasted_addresses_are_sent_as_addresses(bulkps: Run) -> None:
    assert [one["TargetMailbox"] for one in _planned(bulkps, "r12-pasted-addresses.csv")] == [
        "d.sherman.0000@contoso.com",
        "d.siciliani.0001@contoso.com",
        "k.deyoung.0002@contoso.com",
        "r.howard.0003@contoso.com",
        "a.krijnen.0004@contoso.com",
    ]


def test_what_shows_nothing_around_a_cell_is_not_sent(bulkps: Run) -> None:
    assert [one["SourceMailbox"] for one in _planned(bulkps, "r11-invisible.csv")][:3] == [
        "403557e1-fb2f-4790-a07e-753e4e8420c7",
        "0d8427bf-39b5-48ee-9031-b876a57ea046",
        "2e572596-c1b6-4c45-b45b-e6b66890d447",
    ]


def test_booleans_of_other_spreadsheets_are_booleans(bulkps: Run) -> None:
    found = [one.get("AllowLegacyDNMismatch", False) for one in _planned(bulkps, "r10-wahr.csv")]

    assert found == [True, False, True, True]


@pytest.mark.parametrize("file", ["r14-get-mailbox-export.csv", "r14b-database-one-row-empty.csv"])
def test_the_database_of_an_export_chooses_no_other_kind_of_restore(bulkps: Run, file: str) -> None:
    for parameters in _planned(bulkps, file):
        assert "SourceMailbox" in parameters
        assert "SourceDatabase" not in parameters


@pytest.mark.parametrize(
    ("file", "operation", "parameter", "names"),
    [
        (
            "r15-odd-names.csv",
            "restore",
            "TargetRootFolder",
            ["A_x0042_C _X0031_ end", '11 & 22 "Ernst" <rn>', "Zoë 👩‍👩‍👧 Öz", "שלום עולם"],
        ),
        (
            "r22-apostrophes.csv",
            "recovery",
            "DisplayName",
            ["O'Neil, D'Arcy \"Dee\" ’s", "Ann 'x' or 1 -eq 1"],
        ),
    ],
)
def test_odd_names_arrive_letter_by_letter(
    bulkps: Run, file: str, operation: str, parameter: str, names: list[str]
) -> None:
    found = [one[parameter] for one in _planned(bulkps, file, operation) if parameter in one]

    assert found[: len(names)] == names


def test_distinguished_names_are_sent_in_one_spelling(bulkps: Run) -> None:
    found = [str(one["SourceMailbox"]) for one in _planned(bulkps, "r18-dn-forms.csv")]

    assert found[1].startswith("CN=daisys0001,OU=Soft Deleted Objects,OU=contoso.onmicrosoft.com,")
    assert found[3].startswith("CN=raulh0003,")


@pytest.mark.parametrize("file", ["r08b-question.csv", "r02b-hash-comment.csv"])
@pytest.mark.parametrize("command", [("check",), ("run", "--dry-run"), ("run", "--yes")])
def test_notes_and_warnings_are_in_json_too(bulkps: Run, file: str, command: tuple[str, ...]) -> None:
    operation = "recovery" if "question" in file else "restore"

    found = as_object(bulkps(command[0], operation, CASES / file, "--json", *command[1:]))

    warned = [(one["row"], one["column"]) for one in found["cell_warnings"]]
    assert warned == ([(2, "display_name"), (3, "display_name")] if "question" in file else [])
    assert found["cell_warning_count"] == len(warned)
    assert any("skipped as comments" in note for note in found["notes"]) is ("comment" in file)


def test_results_have_unique_headers_that_import_csv_reads(bulkps: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    bulkps("run", "restore", CASES / "r20-own-status-columns.csv", "--skip-preflight", "--results", out)

    text = out.read_text(encoding="utf-8-sig")
    header = text.splitlines()[0].split(",")
    assert len({name.strip().casefold() for name in header}) == len(header)
    [first, _] = read_csv(text)
    assert (first["Notes"], first["Notes_2"], first["input_Status"], first["input_run"]) == (
        "a",
        "b",
        "left",
        "wave 1",
    )
    as_json = tmp_path / "out.json"
    bulkps("results", "last", "-o", as_json)
    assert json.loads(as_json.read_text(encoding="utf-8"))[0]["input"]["Notes_2"] == "b"


def test_a_thumbprint_that_yaml_reads_as_a_number_is_one_problem_with_quotes_as_the_remedy(
    tmp_path: Path,
) -> None:
    text = (CASES / "c2-thumbprint-number.yaml").read_text(encoding="utf-8")
    short = tmp_path / "short.yaml"
    short.write_text(text.replace("1234567890123456789012345678901234567890", "12345678"), encoding="utf-8")

    for path in (CASES / "c2-thumbprint-number.yaml", short):
        with pytest.raises(InvalidInput) as raised:
            load_settings(path, {})

        [sentence] = raised.value.problems
        assert sentence.startswith(
            "line 9: connections.online.exchange_online.certificate_thumbprint: expected"
        )
        assert "put quotes around it" in sentence


def test_a_thumbprint_that_only_looks_like_a_number_is_text() -> None:
    settings = load_settings(CASES / "c3-thumbprint-exp.yaml", {})

    online = settings.connections["online"].exchange_online
    assert online is not None
    assert online.certificate_thumbprint == "0012e45678901234567890123456789012345678"


def _saved_again(bulkps: Run, folder: Path, letters: str) -> tuple[Path, list[str]]:
    """Write an export as a Western Excel saves it again, with who is named so that *letters* are in it."""
    export, again = folder / "export.csv", folder / "again.csv"
    assert bulkps("export", "-o", export, "--kind", "inactive").exit_code == 0
    rows = [
        row
        for row in read_csv(export.read_text(encoding="utf-8-sig"))
        if row["recoverable"] == "yes" and any(letter in row["display_name"] for letter in letters)
    ]
    names = [row["display_name"] for row in rows]
    for number, row in enumerate(rows):
        row["target_upn"] = f"back{number}@contoso.com"
    write_csv(again, rows)
    again.write_bytes(again.read_text(encoding="utf-8").encode("cp1252", "replace"))
    return again, names


@pytest.mark.proof
def test_preflight_says_which_names_a_spreadsheet_garbled_and_what_they_were(
    bulkps: Run, tmp_path: Path
) -> None:
    path, names = _saved_again(bulkps, tmp_path, "Łü")
    out = tmp_path / "out.csv"

    bulkps("validate", "recovery", path, "--results", out)

    told = [row["warnings"] for row in read_csv(out.read_text(encoding="utf-8-sig"))]
    assert any("Ł" in name for name in names)
    for name, warnings in zip(names, told, strict=True):
        assert ("name-garbled" in warnings) is ("Ł" in name)
        assert "Ł" not in name or (name in warnings and name.replace("Ł", "?") in warnings)
