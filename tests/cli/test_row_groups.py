"""Rows that fail alike are told together: one advice, the rows, and the command that shows the rest."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv

StartTenant = Callable[..., Tenant]
Rows = list[dict[str, str]]


def failed_run(bulkps: Run, tenant: StartTenant, folder: Path, rows: int) -> Tenant:
    """Have a run of which Exchange fails every request."""
    there = tenant(failing_requests=1.0)
    file = rehearsal(bulkps, "restore", rows, folder / "in.csv")
    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")
    assert said.exit_code == 4, said.output
    return there


def with_legacy(there: Tenant, rows: int) -> Rows:
    """Return rows whose targets never were their sources' mailboxes."""
    people = there.simulator.tenant
    trouble = people.trouble("legacy-dn-mismatch")
    sources = [trouble.source, *(str(people.inactive(n)["ExchangeGuid"]) for n in range(rows - 1))]
    targets = [trouble.target, *(str(people.active(n + 20)["PrimarySmtpAddress"]) for n in range(rows - 1))]
    return [
        {"source_guid": source, "target_mailbox": target}
        for source, target in zip(sources, targets, strict=True)
    ]


def listed(row: dict[str, str]) -> str:
    """Return how a row of the results is listed."""
    return f"row {row['row_number']}  {row['source_identity']}  {row['target_identity']}"


def blocks(text: str) -> dict[str, list[str]]:
    """Return the groups that were printed: the lines below each heading."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in text.splitlines():
        if re.match(r"(?:FAILED|COMPLETED|SKIPPED|IN_PROGRESS)\b.*\brows? \d", line):
            found[heading := line] = []
        elif heading and line.startswith("  "):
            found[heading].append(line)
        else:
            heading = ""
    return found


def test_rows_that_fail_alike_have_one_advice_and_are_listed(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    failed_run(bulkps, tenant, tmp_path, 14)
    run = as_object(bulkps("show", "last", "--json"))["run"]
    results = read_csv(bulkps("results", "last").stdout)

    said = bulkps("show", "last")

    [(heading, lines)] = blocks(said.stdout).items()
    assert heading == "FAILED: failed-at-exchange, rows 2-15 (14 rows)"
    assert lines[0] == f"  {results[0]['error']}"
    assert lines[1] == f"  -> {results[0]['advice']}"
    assert lines[2:12] == [f"  {listed(row)}" for row in results[:10]]
    assert lines[12:] == [f"  and 4 more: bulkps results {run} --only failed"]
    assert "Explanations and fixes: bulkps explain failed-at-exchange\n" in said.stderr


@pytest.mark.parametrize("command", [pytest.param("retry", marks=pytest.mark.proof), "resume"])
def test_every_report_groups_in_the_same_way(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, command: str
) -> None:
    there = failed_run(bulkps, tenant, tmp_path, 3)

    said = bulkps(command, "last", "--config", there.config, "--quiet")

    [(heading, lines)] = blocks(said.stdout).items()
    assert heading == "FAILED: failed-at-exchange, rows 2-4 (3 rows)"
    assert sum(line.startswith("  -> ") for line in lines) == 1


def test_an_advice_that_names_the_rows_own_mailbox_is_told_once(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=True)
    write_csv(tmp_path / "in.csv", with_legacy(there, 4))

    said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")
    results = read_csv(bulkps("results", "last").stdout)

    skipped = {heading: lines for heading, lines in blocks(said.stdout).items() if heading.startswith("SKIP")}
    [(heading, lines)] = skipped.items()
    assert heading == "SKIPPED by pre-flight: legacy-dn-mismatch, rows 2-5 (4 rows)"
    first = results[0]
    assert lines[:3] == ["  For example row 2:", f"  {first['error']}", f"  -> {first['advice']}"]
    assert lines[3:] == [f"  {listed(row)}" for row in results]


def test_rows_that_fail_otherwise_stand_apart(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=True)
    missing = [
        {"source_guid": f"0000000{n}-0000-4000-8000-000000000000", "target_mailbox": f"none{n}@contoso.com"}
        for n in range(5)
    ]
    write_csv(tmp_path / "in.csv", with_legacy(there, 2) + missing)

    said = bulkps("validate", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    found = [heading for heading in blocks(said.stdout) if heading.startswith("FAILED")]
    assert found == [
        "FAILED: legacy-dn-mismatch, rows 2-3 (2 rows)",
        "FAILED: target-missing;source-missing, rows 4-8 (5 rows)",
    ]
    assert "bulkps explain legacy-dn-mismatch target-missing source-missing" in said.stderr


def test_a_row_whose_words_are_others_is_listed_with_them(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=True)
    [first, second] = with_legacy(there, 2)
    write_csv(tmp_path / "in.csv", [{**first, "ticket": "1"}, {**second, "ticket": "2"}])
    bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")
    with closing(sqlite3.connect(tmp_path / "home" / "journal.sqlite3")) as journal, journal:
        journal.execute("update items set error = 'It is another reason.' where row = 3")

    said = bulkps("show", "last")

    [lines] = blocks(said.stdout).values()
    assert lines[3:] == [
        f"  row 2  {first['source_guid']}  {first['target_mailbox']}",
        f"  row 3  {second['source_guid']}  {second['target_mailbox']}: It is another reason.",
    ]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_groups_fit_the_terminal_and_break_no_word(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    failed_run(bulkps, tenant, tmp_path, 2)
    wide = bulkps("show", "last").stdout
    monkeypatch.setenv("COLUMNS", str(width))

    narrow = bulkps("show", "last").stdout

    group = narrow[narrow.index("\nFAILED: ") :]
    assert wide[wide.index("\nFAILED: ") :].split() == group.split()
    assert [line for line in group.splitlines() if len(line) > width and len(line.split()) > 1] == []


def test_states_have_colours_where_there_is_colour(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed_run(bulkps, tenant, tmp_path, 2)

    plain = bulkps("show", "last").stdout
    coloured = bulkps("show", "last", color=True).stdout
    listed = bulkps("runs", color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    refused = bulkps("show", "last", color=True).stdout

    assert "\x1b[" not in plain + refused
    assert plain == refused == re.sub(r"\x1b\[\d+m", "", coloured)
    red = "\x1b[31mFAILED\x1b[0m"
    assert f"\n{red}: failed-at-exchange, " in coloured
    assert re.search(rf"\n{re.escape(red)} +2\n", coloured)
    assert f"2 {red}" in listed


def test_the_same_word_in_a_text_has_no_colour(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=True)
    [row] = with_legacy(there, 1)
    write_csv(tmp_path / "in.csv", [{**row, "target_mailbox": "FAILED@contoso.com"}])

    said = bulkps("validate", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet", color=True)

    assert "\x1b[31mFAILED\x1b[0m: target-missing, row 2\n" in said.stdout
    assert "'FAILED@contoso.com' names no mailbox" in said.stdout


def test_warnings_of_completed_rows_are_grouped_too(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant(troubles=True)
    there.configure(preflight=True)
    trouble = there.simulator.tenant.trouble("archive-left-out")
    write_csv(tmp_path / "in.csv", [{"source_guid": trouble.source, "target_mailbox": trouble.target}])

    said = bulkps("run", "restore", tmp_path / "in.csv", "--config", there.config, "--quiet")

    found = blocks(said.stdout)
    assert list(found) == [
        "COMPLETED with a warning: archive-left-out, row 2",
        "COMPLETED with a warning, row 2",
    ]
    [preflight, exchange] = found.values()
    assert preflight[0].startswith("  archive-left-out: ")
    assert exchange[0] == "  There exists an archive mailbox that will need to be restored separately."
    assert preflight[1:] == exchange[1:] == [f"  row 2  {trouble.source}  {trouble.target}"]
    assert "1 row COMPLETED with warnings\n" in said.stderr
