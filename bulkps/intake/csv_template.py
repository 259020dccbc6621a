"""Templates: the text of a CSV file for an operation. Pure."""

import csv
import io
from collections.abc import Collection, Mapping, Sequence

from bulkps.operations.model import Operation


def template_text(
    operation: Operation,
    rows: Sequence[Mapping[str, str]] | None = None,
    *,
    every: bool = False,
    columns: Collection[str] | None = None,
) -> str:
    r"""Return a CSV text with the columns of *operation*; line ends are ``\r\n``.

    Its cells are quoted but not made formula-safe, because it is read like any file of the administrator.

    Args:
        operation: The operation whose columns it has.
        rows: Cells by column; missing ones are empty. Default: one row with the columns' examples.
        every: Whether it includes the rarely needed columns.
        columns: The columns that it includes beside the required ones; None for the usual ones.
    """
    kept = {
        name: column
        for name, column in operation.columns.items()
        if every or (not column.rare if columns is None else column.required or name in columns)
    }
    if rows is None:
        rows = [{name: column.example for name, column in kept.items()}]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(kept), lineterminator="\r\n", extrasaction="ignore", quoting=csv.QUOTE_ALL
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
