"""Whatever sees a cell takes time that grows with the cell and no faster.

A pattern that tries the same letters in two ways takes time by the square, or doubles with every letter: one
cell of a file would hang a check. Here hostile cells grow, and what counts is how the work grows with them,
not how long it takes on this machine.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bulkps.exchange.damaged_text import damage
from bulkps.exchange.distinguished_names import read_distinguished_name
from bulkps.exchange.folder_filter import read_folder
from bulkps.exchange.garbled_names import damaged_from
from bulkps.exchange.mailbox_locations import read_locations
from bulkps.exchange.proxy_addresses import read_addresses
from bulkps.exchange.sizes import read_size
from bulkps.intake import check
from bulkps.intake.header import lay_out
from bulkps.operations.cell_types import CELL_TYPES
from bulkps.operations.columns import Column
from bulkps.operations.loader import built_in_operations, load_operation
from bulkps.operations.suspicious_cells import filter_problem, words_problem, words_warning
from bulkps.settings import read_text
from tests.intake.intakefiles import GUID, RESTORE, save

pytestmark = pytest.mark.proof

OWN = Path(__file__).resolve().parents[2] / "config" / "operations"
OPERATIONS = [
    *built_in_operations().values(),
    *(load_operation(read_text(path), path.name) for path in sorted(OWN.glob("*.yaml"))),
]
#: What is repeated, and what ends it so that it does not fit: whoever tries again tries all of it again.
SEEDS = (
    "a", "A", "0", " ", ";", ",", "/", ".", "-", "@", "#", "'", '"', "\\", "=", "{", "(", "<", "?", "*",
    "\u00e9", "\u00c3\u00bc", "\u200b",
    "a;", " ;", "; ", "a ;", "a/", "a /", "/a ", "#Inbox#/", "a.", "a.-", "a@",
    "a@b.", "CN=a,", ",DC=", "CN=,DC=", "CN=a,DC=b;", "\\0A", "\\,", '"a",', "a a", "smtp:", "x:", "<a", "1,",
    "1.", "(1", "0-", "System.", "a=", "\u4e00a", "a\u0431",
)  # fmt: skip
#: Those of them that stand for the others where a cell is only handed on.
FEW = ("a", " ", ";", "a ;", "a/", ",DC=", "a.-", "\u00c3\u00bc", "?")
ENDS = ("", "*", "\u00e9")
#: Four times as much work is linear, sixteen times is not. Both are far from this.
_MOST = 9.0
#: What can be measured; a cell of the longest length takes a hundred times that by the square.
_MEASURABLE = 0.001
_LONGEST = 1 << 13


def _work(task: Callable[[str], object], text: str, times: int = 2) -> float:
    best = float("inf")
    for _ in range(times):
        began = time.process_time()
        task(text)
        best = min(best, time.process_time() - began)
    return best


def _cell(seed: str, end: str, length: int) -> str:
    return seed * (length // len(seed)) + end


def linear(task: Callable[[str], object], seed: str, end: str) -> bool:
    """Return whether *task* takes about four times the work for a cell of four times the length.

    The cell grows in small steps, so that doubling work is seen before it is too much; one that nobody can
    measure at its longest is no danger.
    """
    length = 16
    while (base := _work(task, _cell(seed, end, length))) < _MEASURABLE:
        if length > _LONGEST:
            return True
        length = length * 5 // 4
    longer = length
    while longer < length * 4:
        longer = longer * 5 // 4
        if _work(task, _cell(seed, end, longer), times=1) > base * 80:
            return False
    least = min(_work(task, _cell(seed, end, length), times=5), base)
    return _work(task, _cell(seed, end, length * 4), times=5) / least < _MOST


def slow(task: Callable[[str], object], seeds: Sequence[str] = SEEDS) -> Iterator[tuple[str, str]]:
    """Yield (what is repeated, what ends it) for every hostile cell that *task* is too slow on."""
    for seed in seeds:
        for end in ENDS:
            # Another process may take the processor's cache for a moment: what is so is so twice.
            if not linear(task, seed, end) and not linear(task, seed, end):
                yield seed, end


def _whatever(task: Callable[[str], object]) -> Callable[[str], object]:
    def quiet(text: str) -> object:
        try:
            return task(text)
        except ValueError:
            return None

    return quiet


@pytest.mark.parametrize("pattern", [r"a*a*b", r"(?:a|a)+b"])
def test_a_pattern_that_tries_twice_is_seen_to_be_slow(pattern: str) -> None:
    compiled = re.compile(pattern)

    assert any(not linear(compiled.fullmatch, seed, "é") for seed in ("a", "a;"))


@pytest.mark.parametrize("kind", CELL_TYPES.values(), ids=lambda kind: kind.name)
def test_every_kind_of_cell_is_read_in_linear_time(kind: object) -> None:
    assert not list(slow(_whatever(kind.read)))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "kind", [kind for kind in CELL_TYPES.values() if kind.plain], ids=lambda kind: kind.name
)
def test_every_look_at_first_sight_is_linear(kind: object) -> None:
    compiled = re.compile(kind.plain)  # type: ignore[attr-defined]

    assert not list(slow(compiled.fullmatch))


#: One column of each make.
COLUMNS = {
    (column.type, column.many, column.values, column.clearable): pytest.param(
        column, id=f"{operation.name}-{name}"
    )
    for operation in OPERATIONS
    for name, column in operation.columns.items()
}


@pytest.mark.parametrize("column", COLUMNS.values())
def test_every_shipped_column_takes_any_cell_in_linear_time(column: Column) -> None:
    assert not list(slow(lambda cell: (column.problem(cell), column.warning(cell)), FEW))


@pytest.mark.parametrize(
    "task",
    [
        damage,
        filter_problem,
        read_size,
        lambda text: words_problem(text, one_line=True),
        lambda text: words_warning(text, one_line=True),
        lambda text: damaged_from(text, "Łukasz"),
        lambda text: damaged_from("?ukasz", text),
        _whatever(read_distinguished_name),
        _whatever(read_folder),
        read_addresses,
        read_locations,
        lambda text: lay_out((text, "source_guid"), 1, RESTORE),
    ],
    ids=[
        "damage", "filter", "size", "words", "warnings", "comparison", "comparison-own", "dn", "folder",
        "addresses", "locations", "header",
    ],
)  # fmt: skip
def test_what_looks_into_cells_is_linear(task: Callable[[str], object]) -> None:
    assert not list(slow(task, FEW))


@pytest.mark.parametrize("column", ["target_mailbox", "include_folders", "content_filter", "note"])
def test_a_file_with_a_hostile_cell_is_checked_in_linear_time(tmp_path: Path, column: str) -> None:
    def checked(cell: str) -> None:
        quoted = cell.replace('"', '""')
        line = f'{GUID},"{quoted}"' if column == "target_mailbox" else f'{GUID},ann@contoso.com,"{quoted}"'
        header = "source_guid,target_mailbox" + ("" if column == "target_mailbox" else f",{column}")
        check(save(tmp_path, header, line), RESTORE)

    assert not list(slow(checked, FEW))


def test_sixteen_folders_in_a_cell_are_checked_at_once(tmp_path: Path) -> None:
    """An early pattern took minutes over this: each further folder doubled its work."""
    cell = ";".join(["Projects/2024 and before"] * 16) + ";/"

    report = check(
        save(tmp_path, "source_guid,target_mailbox,include_folders", f"{GUID},ann@contoso.com,{cell}"),
        RESTORE,
    )

    assert "include_folders" in report.problems[0].column
