"""Formula-safe cells, and templates that come back as they went out."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.intake import formula_safe, formula_unsafe, template_text
from bulkps.intake.header import BLANKS
from bulkps.operations.model import Operation
from tests.intake.intakefiles import GUID, RECOVERY, RESTORE, read

FOLDER = RESTORE.columns["target_folder"]
CELLS = st.text(alphabet=st.sampled_from("'=+-@;\t\r\n\"a \u00a0\u200b\uff1d") | st.characters())
#: What Excel runs.
SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
#: What a text cell may hold and keep: no blanks around it, nothing that no session survives, no damage.
SENDABLE = st.text(
    alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00\ufffe\uffff"), max_size=64
).filter(lambda text: text == text.strip(BLANKS) and not (text and FOLDER.problem(text)))


@given(CELLS)
def test_what_was_made_formula_safe_comes_back_exactly(cell: str) -> None:
    assert formula_unsafe(formula_safe(cell)) == cell


@given(CELLS)
def test_a_formula_safe_cell_starts_with_nothing_that_runs_whatever_separates_cells(cell: str) -> None:
    safe = formula_safe(cell)

    assert not safe.startswith(("\t", "\r"))
    for part in re.split("[;\t\r\n]", safe):
        assert not part.lstrip(' \u00a0\u200b\ufeff"').startswith(SIGNS)


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("'=1", "''=1"),
        ("'quoted", "'quoted"),
        ("O'Brien", "O'Brien"),
        ("", ""),
        ("a\r=1", "a\r'=1"),
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ('x;"=1', "x;'\"=1"),
        ("x; '=1", "x; '=1"),
        ("x;'=1", "x;''=1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("\n=1", "'\n'=1"),
        ("\u200b \ufeff@x", "'\u200b \ufeff@x"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\uff20x", "'\uff20x"),
        ("first line\n- second", "first line\n'- second"),
        ("a=b; c-d", "a=b; c-d"),
    ],
)
def test_only_what_a_spreadsheet_would_run_gets_an_apostrophe(cell: str, safe: str) -> None:
    assert formula_safe(cell) == safe
    assert formula_unsafe(safe) == cell


@pytest.mark.parametrize("operation", [RESTORE, RECOVERY], ids=["restore", "recovery"])
def test_a_template_is_sound_and_has_one_row_of_examples(tmp_path: Path, operation: Operation) -> None:
    text = template_text(operation, every=True)
    path = tmp_path / "template.csv"
    path.write_text(text, encoding="utf-8-sig", newline="")

    [found] = read(path, operation)

    assert text.count("\r\n") == text.count("\n") == 2
    assert text.split("\r\n")[0] == ",".join(f'"{name}"' for name in operation.columns)
    assert found.cells == tuple(column.example for column in operation.columns.values())
    assert found.row == 2


@given(st.lists(st.fixed_dictionaries({"folder": SENDABLE}), min_size=1, max_size=5))
def test_a_row_survives_template_check_and_rows(cells: list[dict[str, str]]) -> None:
    given_rows = [
        {
            "source_guid": f"{number:08x}{GUID[8:]}",
            "target_mailbox": f"user{number}@contoso.com",
            "target_folder": row["folder"],
        }
        for number, row in enumerate(cells)
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "in.csv"
        path.write_text(template_text(RESTORE, given_rows), encoding="utf-8", newline="")
        found = read(path)

    assert [row.values for row in found] == [
        {name: cell for name, cell in row.items() if cell} for row in given_rows
    ]
