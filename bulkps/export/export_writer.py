"""Writes an inventory as CSV or JSON, row by row, complete or not at all; spools it while it is read."""

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from bulkps.atomic_file import Output, whole_file
from bulkps.exchange.dates import date_text
from bulkps.export.deleted_mailbox import Cell
from bulkps.intake import formula_safe

#: Separators for several values in one cell; sentences contain semicolons, so they need their own.
BETWEEN, BETWEEN_SENTENCES = ";", " | "


def write_inventory(output: Output, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    """Write *rows* under *header* to a file, as JSON if its name ends in .json, else CSV; return the count.

    An existing file is only replaced once the new one is complete.

    Raises:
        OSError: If it cannot be written.
    """
    as_json = output.path.suffix.casefold() == ".json"
    encoding, newline = ("utf-8", "\n") if as_json else ("utf-8-sig", "")
    write = _write_json if as_json else _write_csv
    with whole_file(output, encoding=encoding, newline=newline, errors="backslashreplace") as file:
        return write(file, header, rows)


def _write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    count = 0
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    for row in rows:
        writer.writerow([formula_safe(_text(name, cell)) for name, cell in zip(header, row, strict=True)])
        count += 1
    return count


def _text(name: str, cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return date_text(cell)
    if isinstance(cell, tuple):
        return (BETWEEN_SENTENCES if name == "findings" else BETWEEN).join(cell)
    return str(cell)


def _write_json(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> int:
    count = 0
    file.write("[")
    for row in rows:
        file.write(",\n" if count else "\n")
        cells = {name: _plain(cell) for name, cell in zip(header, row, strict=True)}
        file.write(json.dumps(cells, ensure_ascii=False))
        count += 1
    file.write("\n]\n" if count else "]\n")
    return count


def _plain(cell: Cell) -> object:
    if isinstance(cell, datetime):
        return date_text(cell)
    return list(cell) if isinstance(cell, tuple) else cell


class Spool:
    """A temporary file of objects, one per line, for what is read faster than it can be used.

    A tenant's inventory arrives in minutes, but reading its sizes takes hours. Without the spool, the session
    would be idle for so long that Exchange closes it. The file is removed when the process ends.

    Args:
        folder: Where it is created.
    """

    def __init__(self, folder: Path) -> None:
        self._file: TextIO = tempfile.TemporaryFile(  # noqa: SIM115 - closed by close()
            "w+", encoding="utf-8", newline="\n", dir=folder, prefix=".bulkps-"
        )

    def put(self, found: Mapping[str, object]) -> None:
        """Keep one object of plain values."""
        # A value that JSON does not have is kept as text.
        self._file.write(json.dumps(found, default=_printed) + "\n")

    def mark(self) -> int:
        """Return the position of the next object."""
        return self._file.tell()

    def rewind(self, mark: int) -> None:
        """Forget everything from *mark* on."""
        self._file.seek(mark)
        self._file.truncate()

    def objects(self) -> Iterator[dict[str, object]]:
        """Yield everything from the beginning."""
        self._file.seek(0)
        for line in self._file:
            found: dict[str, object] = json.loads(line)
            yield found

    def close(self) -> None:
        """Close and remove it."""
        self._file.close()


def _printed(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
