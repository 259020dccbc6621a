"""Nothing that bulkps writes runs in a spreadsheet, whatever its separator, and all of it comes back."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bulkps import intake
from bulkps.operations.loader import built_in_operations
from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
ATTACK = "=cmd|' /C calc'!A0"
#: Cells that a spreadsheet would run, and harmless ones that look like what bulkps makes of them.
CELLS = [
    ATTACK, f"x;{ATTACK}", f'x;"{ATTACK}', f"x\n{ATTACK}", f"x\t{ATTACK}", f"\u00a0{ATTACK}", f"\n{ATTACK}",
    f"\u200b\ufeff{ATTACK}", f"\uff1d{ATTACK[1:]}", "\uff0b1", "\uff0d1", "\uff20x", "+1", "-1", "@x", "\t=1",
    "x;;=1", "x; =1", "'=1", "''=1", "x;'=1", "'x", "O'Brien", "'", "x;'", "'\uff1d1",
]  # fmt: skip
SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cells_of_a_spreadsheet(text: str, separator: str) -> Iterator[str]:
    """Yield what a spreadsheet takes for cells: a quote counts where a cell begins with it, as in Excel."""
    for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator):
        yield from line


def runs(text: str) -> list[str]:
    """Return the cells of a file that some spreadsheet would run."""
    found = []
    for separator in (",", ";", "\t"):
        cells = list(cells_of_a_spreadsheet(text, separator))
        # Where it takes no line end into a cell, each line begins a new one.
        cells += [part for cell in cells for part in re.split("[;\t\r\n]", cell)]
        found += [cell for cell in cells if cell.lstrip(' \u00a0\u200b\ufeff"').startswith(SIGNS)]
    return found


def test_results_are_harmless_and_read_again_as_the_cells_that_they_were(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    config = tenant().config
    rows = read_csv(
        rehearsal(bulkps, "restore", len(CELLS), tmp_path / "in.csv").read_text(encoding="utf-8-sig")
    )
    for row, cell in zip(rows, CELLS, strict=True):
        row["Ticket"] = cell
    write_csv(tmp_path / "in.csv", rows)

    options = ("--config", config, "--quiet", "--json")
    first = as_object(bulkps("run", "restore", tmp_path / "in.csv", *options))
    second = as_object(bulkps("run", "restore", Path(first["results"]), *options))

    for told in (first, second):
        path = Path(told["results"])
        assert runs(path.read_text(encoding="utf-8-sig")) == []
        operation = built_in_operations()["restore"]
        report = intake.check(path, operation)
        place = report.header.index("Ticket")
        assert [row.cells[place] for row in intake.rows(path, operation, report)] == CELLS


def test_an_inventory_is_harmless_and_its_names_come_back(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=len(CELLS))
    for mailbox, cell in zip(there.simulator.tenant.mailboxes((Kind.INACTIVE,)), CELLS, strict=False):
        mailbox.properties = {**mailbox.properties, "DisplayName": cell}
    path = tmp_path / "out.csv"

    said = bulkps(
        "export", "-o", path, "--kind", "inactive", "--no-sizes", "--quiet", "--config", there.config
    )

    assert said.exit_code == 0, said.output
    assert runs(path.read_text(encoding="utf-8-sig")) == []
    with path.open(encoding="utf-8-sig", newline="") as file:
        names = [intake.formula_unsafe(row["display_name"]) for row in csv.DictReader(file)]
    # Blanks around a name are no part of it.
    assert {cell.strip() for cell in CELLS} <= set(names)


@pytest.mark.parametrize("cell", CELLS)
def test_a_problems_file_is_harmless(bulkps: Run, tmp_path: Path, cell: str) -> None:
    write_csv(tmp_path / "in.csv", [{"source_guid": cell, "target_mailbox": cell}])

    assert bulkps("check", "restore", tmp_path / "in.csv", "--problems", tmp_path / "p.csv").exit_code == 3

    assert runs((tmp_path / "p.csv").read_text(encoding="utf-8-sig")) == []
