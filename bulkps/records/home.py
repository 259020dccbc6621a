"""Where bulkps keeps things: one folder per user, or BULKPS_HOME."""

import os
from pathlib import Path

from platformdirs import user_data_path

from bulkps.errors import UsageProblem


def home() -> Path:
    """Return the folder that holds journal, audit and results: BULKPS_HOME, else the platform's own."""
    given = os.environ.get("BULKPS_HOME")
    return Path(given).expanduser().resolve() if given else user_data_path("bulkps", appauthor=False)


def journal_path() -> Path:
    """Return the journal's file; its folder exists."""
    return _in(home()) / "journal.sqlite3"


def audit_path(run: str) -> Path:
    """Return a run's audit log; its folder exists."""
    return _in(home() / "audit") / f"{run}.jsonl"


def results_path(run: str) -> Path:
    """Return where a run's results go when nothing else is asked for; its folder exists."""
    return _in(home() / "results") / f"{run}.csv"


def _in(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageProblem(
            f"cannot make {folder}: {error.strerror or error}; BULKPS_HOME names another place"
        ) from error
    return folder
