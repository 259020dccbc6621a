"""Evaluates options of ``commands/shared_options.py``: an output file, the name of an operation."""

from pathlib import Path

from bulkps.atomic_file import Output
from bulkps.errors import UsageProblem
from bulkps.intake.header import column_under
from bulkps.operations.loader import choose
from bulkps.operations.model import Operation
from bulkps.settings import Settings
from bulkps.yaml_config import nearest


def output_file(path: Path | None, force: bool) -> Output | None:
    """Return the output for *path*, or None if there is none.

    Raises:
        UsageProblem: If it cannot be written; nothing was sent.
    """
    if path is None:
        return None
    output = Output(path, force)
    output.check("; nothing was sent")
    return output


def columns_named(operation: Operation, text: str) -> list[str]:
    """Return the columns of *operation* that *text* names, separated by commas.

    Raises:
        UsageProblem: If there is none of a name.
    """
    found = []
    for header in filter(None, map(str.strip, text.split(","))):
        name = column_under(header, operation)
        if name is None:
            raise UsageProblem(
                f"--columns: {operation.name} has no column {header!r}{nearest(header, operation.columns)}; "
                f"to list them: bulkps operations {operation.name}"
            )
        found.append(name)
    return found


def chosen(settings: Settings, name: str) -> Operation:
    """Return the operation called *name*.

    Raises:
        InvalidInput: If its file has problems.
        UsageProblem: If there is none.
    """
    operations, broken = settings.operations(), settings.broken_operations()
    if name.casefold() not in operations and broken:
        if name.casefold() in broken:
            raise broken[name.casefold()]
        unreadable = ", ".join(sorted(error.source for error in broken.values()))
        try:
            return choose(name, operations)
        except UsageProblem as error:
            raise UsageProblem(
                f"{error}. These files have problems and cannot be used: {unreadable}"
            ) from error
    return choose(name, operations)
