"""How a file may be written, and files that are none."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from bulkps.errors import UsageProblem
from bulkps.intake import check, rows
from tests.intake.intakefiles import (
    ANN,
    HEADER,
    RESTORE,
    only_problem,
    operation_of,
    read,
    row,
    save,
    save_bytes,
    sentences,
)

FOLDER = f"{HEADER},target_folder"


@pytest.mark.parametrize(
    ("encoding", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16")],
)
def test_unicode_encodings_are_read_without_a_word(tmp_path: Path, encoding: str, named: str) -> None:
    path = save(tmp_path, FOLDER, f"{ANN},Zoë 🎉", encoding=encoding)

    report = check(path, RESTORE)

    assert (report.sound, report.encoding, report.notes) == (True, named, ())
    assert read(path)[0].values["target_folder"] == "Zoë 🎉"


def test_excel_unicode_text_big_endian_is_read(tmp_path: Path) -> None:
    text = f"\ufeff{FOLDER}\r\n{ANN},Zoë\r\n".replace(",", "\t")

    path = save_bytes(tmp_path, text.encode("utf-16-be"))

    assert read(path)[0].values["target_folder"] == "Zoë"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_recognised_and_said(tmp_path: Path, encoding: str) -> None:
    path = save(tmp_path, FOLDER, f"{ANN},Zoë", encoding=encoding)

    report = check(path, RESTORE)

    assert report.encoding == encoding
    assert "read as UTF-16: it has no byte order mark" in report.notes[0]
    assert read(path)[0].values["target_folder"] == "Zoë"


def test_cp1252_is_accepted_and_said(tmp_path: Path) -> None:
    path = save(tmp_path, FOLDER, f"{ANN},Zoë – René", encoding="cp1252")

    report = check(path, RESTORE)

    assert report.encoding == "cp1252"
    assert "read as cp1252, the code page of Western European Windows" in report.notes[0]
    assert "it reads 'Zoë – René'; if that is wrong, give the encoding with --encoding" in report.notes[0]
    assert read(path)[0].values["target_folder"] == "Zoë – René"


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("cp1250", "Łukasz Żak"), ("cp1251", "Иван Петров"), ("cp932", "山田"), ("latin-1", "Zoë")],
)
def test_an_encoding_that_nothing_shows_can_be_named(tmp_path: Path, encoding: str, name: str) -> None:
    path = save(tmp_path, FOLDER, f"{ANN},{name}", encoding=encoding)

    report = check(path, RESTORE, encoding=encoding)

    assert (report.sound, report.encoding, report.notes) == (True, encoding, ())
    [found] = rows(path, RESTORE, report)
    assert found.values["target_folder"] == name


def test_an_encoding_that_the_file_is_not_in_is_a_problem(tmp_path: Path) -> None:
    path = save(tmp_path, FOLDER, f"{ANN},Zoë", encoding="cp1252")

    report = check(path, RESTORE, encoding="utf-8")

    assert "bytes that are not valid utf-8" in report.sentences()[0]


@pytest.mark.parametrize("encoding", ["nonsense", "hex"])
def test_an_encoding_that_nobody_knows_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(UsageProblem, match="use a name that Python knows, such as utf-8"):
        check(save(tmp_path, FOLDER, ANN), RESTORE, encoding=encoding)


def test_a_byte_that_cp1252_does_not_have_is_named_with_its_row(tmp_path: Path) -> None:
    path = save_bytes(tmp_path, f"{FOLDER}\n{row(1)},Zo\xeb\n{row(2)},x\x81y\n".encode("latin-1"))

    assert "row 3: found text that is not UTF-8 and makes no sense in cp1252" in only_problem(path)
    assert "'x\\x81y', expected the encoding that it was saved in: --encoding" in only_problem(path)


def test_damaged_utf8_is_not_taken_for_cp1252(tmp_path: Path) -> None:
    good = [f"{row(number)},Zoë".encode() for number in range(3)]
    path = save_bytes(tmp_path, b"\n".join([FOLDER.encode(), *good, f"{row(9)},Ren".encode() + b"\xe9", b""]))

    assert "row 5: found a different encoding from here on" in only_problem(path)
    assert "the byte 0xE9 is not UTF-8; in cp1252 it reads 'René'" in only_problem(path)


def test_a_byte_that_is_no_utf8_among_lines_that_are_is_named_with_its_cell(tmp_path: Path) -> None:
    good = [f"{row(number)},Zoë".encode() for number in range(3)]
    path = save_bytes(tmp_path, b"\n".join([FOLDER.encode(), f"{row(9)},Ren".encode() + b"\xe9", *good, b""]))
    path.write_bytes(path.read_bytes() + f"{row(8)},Ren".encode() + b"\xe9\n")

    found = check(path, RESTORE)

    assert [problem.row for problem in found.problems] == [2, 6]
    assert "text in utf-8, which does not have the byte 0xE9" in sentences(found)[0]


def test_a_surrogate_written_as_utf8_is_refused(tmp_path: Path) -> None:
    path = save_bytes(tmp_path, b"\xef\xbb\xbf" + f"{FOLDER}\n{ANN},".encode() + b"\xed\xa0\x80\n")

    assert "row 2, target_folder" in only_problem(path)


def test_half_a_surrogate_pair_in_utf16_is_refused(tmp_path: Path) -> None:
    text = f"\ufeff{FOLDER}\n{ANN},x\ud83dy\n"

    path = save_bytes(tmp_path, text.encode("utf-16-le", "surrogatepass"))

    assert "U+D83D" in only_problem(path)


@pytest.mark.parametrize("text", ['[\n{"source_guid": "x"}\n]\n', "\ufeff[ {", '{"source_guid": 1}', "[]"])
def test_json_is_told_to_be_json_once(tmp_path: Path, text: str) -> None:
    assert "found JSON, expected a CSV file" in only_problem(save(tmp_path, text))


def test_utf16_that_was_cut_off_is_a_problem_of_the_file(tmp_path: Path) -> None:
    path = save_bytes(tmp_path, f"{HEADER}\n{ANN}\n".encode("utf-16")[:-1])

    assert "middle of a character" in only_problem(path)


@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\x00"])
def test_characters_that_no_session_survives_are_refused(tmp_path: Path, character: str) -> None:
    path = save(tmp_path, f"{FOLDER},note", f"{row(1)},a{character}b,", f"{row(2)},,c{character}")

    report = check(path, RESTORE)

    assert [(problem.row, problem.column) for problem in report.problems] == [
        (2, "target_folder"),
        (3, "note"),
    ]
    assert f"U+{ord(character):04X}" in sentences(report)[0]


@pytest.mark.parametrize("character", ["\x07", "\x1f", "\u2028", "\x85"])
def test_a_control_character_in_a_name_is_named_with_its_place(tmp_path: Path, character: str) -> None:
    sentence = only_problem(save(tmp_path, FOLDER, f"{ANN},ab{character}c"))

    assert f"U+{ord(character):04X}" in sentence
    assert "at character 3" in sentence


def test_other_control_characters_are_warned_of_where_any_text_may_stand(tmp_path: Path) -> None:
    own = operation_of("  who: {help: Who., required: true}\n  note: {help: A note.}")
    path = save(tmp_path, "who,note", "ann,a\x07\x1f\u2028b")

    assert read(path, own)[0].values["note"] == "a\x07\x1f\u2028b"
    assert "text without U+0007 bell at character 2" in check(path, own).warnings[0].expected


def zipped(*names: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name in names:
            kind = "application/vnd.oasis.opendocument.spreadsheet" if name == "mimetype" else "x"
            archive.writestr(name, kind)
    return memory.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (zipped("docProps/app.xml", "xl/workbook.xml"), "Excel workbook (.xlsx)"),
        (zipped("mimetype", "content.xml"), "OpenDocument"),
        (zipped("readme.txt"), "ZIP archive"),
        (b"PK\x03\x04 damaged", "ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel workbook (.xls)"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08\x00\x00\x00", "gzip"),
        (b"\x7fELF\x02\x01\x01\x00\x00\x00", "binary"),
        (b"abc\n" + bytes(range(256)) * 4 + bytes(900), "binary"),
        ("a,b\n".encode("utf-32"), "UTF-32"),
    ],
)
def test_a_file_that_is_no_text_is_called_what_it_is(tmp_path: Path, content: bytes, said: str) -> None:
    sentence = only_problem(save_bytes(tmp_path, content))

    assert said in sentence
    assert "CSV" in sentence


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n\r\n  \n", b"\xff\xfe"])
def test_an_empty_file_is_a_problem(tmp_path: Path, content: bytes) -> None:
    assert "a header line and rows" in only_problem(save_bytes(tmp_path, content))


def test_a_header_alone_is_a_problem(tmp_path: Path) -> None:
    assert "at least one row" in only_problem(save(tmp_path, HEADER, "", " , "))


def test_a_file_that_is_not_there_or_a_folder_is_a_usage_problem(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(UsageProblem, match="cannot read"):
            check(path, RESTORE)


def test_the_digest_is_the_sha256_of_the_bytes(tmp_path: Path) -> None:
    path = save_bytes(tmp_path, f"{HEADER}\n{ANN}\n".encode())

    assert check(path, RESTORE).digest == hashlib.sha256(path.read_bytes()).hexdigest()
