"""Files as administrators have them, for the tests of intake."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from bulkps.intake import CheckReport, InputRow, check, rows
from bulkps.operations.loader import built_in_operations, load_operation
from bulkps.operations.model import Operation

RESTORE = built_in_operations()["restore"]
RECOVERY = built_in_operations()["recovery"]
HEADER = "source_guid,target_mailbox"
GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
ANN = f"{GUID},ann.beebe@contoso.com"


def guid(number: int) -> str:
    """Return a GUID made of *number*."""
    return str(uuid.UUID(int=number, version=4))


def row(number: int) -> str:
    """Return a sound restore row, different for each *number*."""
    return f"{guid(number)},user{number}@contoso.com"


def save(folder: Path, *lines: str, encoding: str = "utf-8", end: str = "\n") -> Path:
    """Write *lines* to a file in *folder*."""
    return save_bytes(folder, "".join(line + end for line in lines).encode(encoding))


def save_bytes(folder: Path, content: bytes) -> Path:
    """Write *content* to a file in *folder*."""
    path = folder / "in.csv"
    path.write_bytes(content)
    return path


def sentences(report: CheckReport) -> list[str]:
    """Return the sentences of the problems."""
    return [problem.sentence() for problem in report.problems]


def only_problem(path: Path, operation: Operation = RESTORE) -> str:
    """Return the sentence of the one problem of *path*."""
    report = check(path, operation)
    assert report.problem_count == 1, sentences(report)
    return report.problems[0].sentence()


def read(path: Path, operation: Operation = RESTORE) -> list[InputRow]:
    """Return the rows of a sound file."""
    report = check(path, operation)
    assert report.sound, sentences(report)
    return list(rows(path, operation, report))


def operation_of(columns: str, unique: Sequence[str] = ()) -> Operation:
    """Return an operation with *columns*, which is YAML, and one step."""
    groups = "".join(f"\n  - [{group}]" for group in unique)
    return load_operation(
        f"name: own\nsummary: Own.\ncolumns:\n{columns}\nsource: who\nkey: [who]\n"
        f"unique: {groups or '[]'}\n"
        "steps:\n  - name: set\n    cmdlet: Set-Mailbox\n    parameters: {Identity: '{who}'}\n",
        "own.yaml",
    )
