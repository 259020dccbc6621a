"""Tables fit the terminal and break no word; without a terminal a row is a line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Run, Tenant, rehearsal

StartTenant = Callable[..., Tenant]


def tables(text: str) -> list[list[str]]:
    """Return the lines of every table in *text*: from its headers to the next empty line."""
    found: list[list[str]] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("---") and set(line) <= {"-", " "}:
            end = next((at for at in range(number, len(lines)) if not lines[at].strip()), len(lines))
            found.append(lines[number - 1 : end])
    return found


def words(text: str) -> set[str]:
    return {word.strip(":") for word in text.split() if set(word) != {"-"}}


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_wide_table_fits_the_terminal_and_breaks_no_word(
    bulkps: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    wide = bulkps("operations", "restore").stdout
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = bulkps("operations", "restore").stdout

    assert max(len(line) for table in tables(wide) for line in table) > 200
    # Where it is too narrow for columns, each row has the names of the columns beside its cells.
    assert words(wide) <= words(narrow)
    assert tables(narrow) or width == 80
    assert all(len(line) <= width for table in tables(narrow) for line in table)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_what_happened_to_a_row_is_read_whole_at_every_width(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")
    monkeypatch.setenv("COLUMNS", str(width))

    said = bulkps("run", "restore", file, "--config", there.config, "--quiet").stdout

    assert "failed-at-exchange" in said
    assert "Get-MailboxRestoreRequestStatistics" in said
    # What is wider than the terminal without a blank, such as a long name, stands on a line of its own.
    below = said.splitlines()[1:]
    assert [line for line in below if len(line) > width and len(line.split()) > 1] == []
