"""Large runs. Short in CI; ``tox -e soak`` (BULKPS_SOAK=1) runs them in full."""

import csv
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from tests.conftest import Run, Tenant, as_object, read_csv

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

SOAK = bool(os.environ.get("BULKPS_SOAK"))


def test_a_long_restore_with_passing_faults_has_one_effect_a_row_and_records_that_agree(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    rows = 1000 if SOAK else 150
    there = tenant(
        mailboxes=rows, faults="transient=0.01,throttled=0.01,New-MailboxRestoreRequest#7=transient"
    )
    file = tmp_path / "in.csv"
    bulkps("template", "restore", "--rows", rows, "-o", file)

    said = as_object(bulkps("run", "restore", file, "--config", there.config, "--json", "--quiet"))

    assert said["counts"]["COMPLETED"] == rows
    results = read_csv(Path(said["results"]).read_text(encoding="utf-8-sig"))
    effects = Counter(line["mailbox"] for line in there.lines())
    assert effects == {row["source_identity"]: 1 for row in results}
    assert results == read_csv(bulkps("results", "last").stdout), "results and journal agree"
    audit = Path(said["audit"]).read_text(encoding="utf-8")
    assert audit.count('"event": "item.completed"') == rows
    not_sent = audit.count('"event": "item.not-sent"')
    sending = audit.count('"event": "item.sending"')
    assert sending - not_sent == sum(int(row["attempts"]) for row in results) > rows


@pytest.mark.parametrize(("operation", "short"), [("check", 20_000), ("run --dry-run", 3_000)])
def test_a_large_file_takes_bounded_memory(tmp_path: Path, operation: str, short: int) -> None:
    rows = 1_000_000 if SOAK else short
    path = tmp_path / "large.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source_guid", "target_mailbox", "target_folder", "conflict_resolution"])
        for number in range(rows):
            guid = UUID(int=((number + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128)
            writer.writerow([guid, f"user{number}@contoso.com", "Restored mail", "KeepAll"])
    # tracemalloc counts what Python itself allocates, the same on every platform.
    code = f"""
    import sys, tracemalloc
    from bulkps.cli import cli
    tracemalloc.start()
    command, *options = {operation.split()!r}
    try:
        cli([command, "restore", {str(path)!r}, *options], prog_name="bulkps")
    except SystemExit as left:
        assert not left.code, left.code
    print(tracemalloc.get_traced_memory()[1], file=sys.stderr)
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )

    peak = int(done.stderr.split()[-1])
    assert peak < 350 * 2**20, f"{peak / 2**20:.0f} MB at most"
    assert f"{rows} rows" in done.stderr
