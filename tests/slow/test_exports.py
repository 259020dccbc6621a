"""Large exports. Short in CI; ``tox -e soak`` (BULKPS_SOAK=1) exports 50,000 mailboxes."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Tenant

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

FEW, MANY = (10_000, 50_000) if os.environ.get("BULKPS_SOAK") else (1_000, 4_000)
#: What a mailbox may cost: its Guid, and the hashes of its names.
_BYTES_A_MAILBOX = 1500


def peak_of_an_export(there: Tenant, path: Path, rows: int) -> int:
    """Return how many bytes Python had allocated at most in a process that exports *rows* mailboxes."""
    # tracemalloc counts what Python itself allocates, the same on every platform.
    code = f"""
    import sys, tracemalloc
    from bulkps.cli import cli
    tracemalloc.start()
    options = ["-o", {str(path)!r}, "--no-sizes", "--quiet", "--config", {str(there.config)!r}]
    try:
        cli(["export", *options], prog_name="bulkps")
    except SystemExit as left:
        assert not left.code, left.code
    print(tracemalloc.get_traced_memory()[1], file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], stderr=subprocess.PIPE, text=True, check=True
    )
    with path.open(encoding="utf-8-sig") as file:
        assert sum(1 for _ in file) == rows + 21, "the header, and 20 soft-deleted ones"
    return int(done.stderr.split()[-1])


def test_an_export_holds_a_few_names_of_each_mailbox_and_nothing_more(
    tenant: Callable[..., Tenant], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    few = peak_of_an_export(tenant(mailboxes=FEW, troubles=False), tmp_path / "few.csv", FEW)
    began = time.monotonic()
    many = peak_of_an_export(tenant(mailboxes=MANY, troubles=False), tmp_path / "many.csv", MANY)

    record_property("megabytes at most", f"{few / 2**20:.1f} of {FEW}, {many / 2**20:.1f} of {MANY}")
    record_property("seconds, the tenant's making with them", round(time.monotonic() - began))
    assert (many - few) / (MANY - FEW) < _BYTES_A_MAILBOX
