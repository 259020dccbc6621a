"""Templates: the text of a CSV file that the operation takes. Pure."""

import csv
import io
from collections.abc import Mapping, Sequence

from bulkps.operations.model import Operation


def template_text(
    operation: Operation, rows: Sequence[Mapping[str, str]] | None = None, *, every: bool = False
) -> str:
    r"""Return a CSV text with the columns of *operation*; line ends are ``\r\n``.

    Its cells are quoted and else as they are, for it is read again as any file of an administrator's own.

    Args:
        operation: Whose columns it has.
        rows: Cells by column; what is left out is empty. Without it, one row of the columns' examples.
        every: Whether the columns that few need are there too.
    """
    columns = {name: column for name, column in operation.columns.items() if every or not column.rare}
    if rows is None:
        rows = [{name: column.example for name, column in columns.items()}]
    text = io.StringIO()
    writer = csv.DictWriter(
        text, list(columns), lineterminator="\r\n", extrasaction="ignore", quoting=csv.QUOTE_ALL
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
