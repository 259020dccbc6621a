"""People are called as people are called: every script goes in, through and out again as it is."""

import csv
from collections.abc import Callable
from pathlib import Path

from bulkps.simulator.tenant.mailbox import LIVING
from tests.conftest import Run, Tenant, as_object, read_csv, write_csv

StartTenant = Callable[..., Tenant]
NAMES = {
    "Jürgen Bäcker", "Łukasz Wróbel", "Begoña Muñoz", "小明 漢", "محمد الأحمد", "יעל כהן", "Sam Rivera 🚀",
    "Siobhán O’Neill",
}  # fmt: skip
#: Every ninth is one of them.
ROWS = 9 * len(NAMES)


def test_names_of_every_script_are_recovered_and_reported_as_they_are(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=ROWS)
    there.configure("", preflight=True)
    file = tmp_path / "in.csv"
    bulkps("template", "recovery", "--rows", ROWS, "-o", file)
    wanted = [row for row in read_csv(file.read_text("utf-8-sig")) if row["display_name"] in NAMES]
    assert {row["display_name"] for row in wanted} == NAMES
    write_csv(tmp_path / "few.csv", wanted)
    dry = bulkps("run", "recovery", tmp_path / "few.csv", "--config", there.config, "--dry-run")
    # PowerShell takes the typographic quote for the plain one.
    assert [name for name in sorted(NAMES) if name.replace("’", "’’") not in dry.stdout] == []

    said = bulkps("run", "recovery", file, "--config", there.config, "--yes", "--json", "--quiet")

    assert said.exit_code == 0, said.output
    assert as_object(said)["counts"]["COMPLETED"] == ROWS
    rows = read_csv(bulkps("results", "last").stdout)
    assert {row["display_name"] for row in rows} >= NAMES
    made = there.simulator.tenant
    for row in rows:
        assert made.find(row["target_upn"], LIVING).text("DisplayName") == row["display_name"]


def test_names_of_every_script_are_exported_and_are_input_again(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(mailboxes=ROWS)
    out = tmp_path / "out.csv"

    said = bulkps("export", "-o", out, "--config", there.config, "--quiet")

    assert said.exit_code == 0, said.output
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["display_name"] for row in rows} >= NAMES
    assert all(row["primary_smtp"].isascii() for row in rows if "primary_smtp" in row)
