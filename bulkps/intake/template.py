"""Templates: the text of a CSV file that the operation takes. Pure."""

import csv
import io
from collections.abc import Mapping, Sequence

from bulkps.operations.model import Operation


def template_text(operation: Operation, rows: Sequence[Mapping[str, str]] | None = None) -> str:
    r"""Return a CSV text with the columns of *operation*; line ends are ``\r\n``.

    Args:
        operation: Whose columns it has.
        rows: Cells by column; what is left out is empty. Without it, one row of the columns' examples.
    """
    if rows is None:
        rows = [{name: column.example for name, column in operation.columns.items()}]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(operation.columns), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
