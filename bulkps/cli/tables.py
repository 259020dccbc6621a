"""Tables and paragraphs that fit the terminal, and the colours of states.

Wide cells are wrapped between words. If even that is too wide, each row is printed as lines of its own.
"""

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence

import click
from tabulate import tabulate

#: The space between two columns.
_GAP = 2
_BESIDE_HEADER = 2
#: The largest indent of the values of a row that is printed as lines.
_WIDEST_NAME = 30
#: States that are also shown by colour; red needs attention.
_COLOURS = {
    "COMPLETED": "green",
    "FAILED": "red",
    "SKIPPED": "yellow",
    "IN_PROGRESS": "cyan",
    "blocker": "red",
    "warning": "yellow",
}
_STATES = re.compile(rf"\b(?:{'|'.join(_COLOURS)})\b")
#: The columns whose cells are states. Elsewhere, the same words can be part of a text.
_STATE_COLUMNS = ("status", "severity", "rows")


def fitting(rows: Sequence[Sequence[str]], headers: Sequence[str], width: int | None) -> str:
    """Return a table no wider than *width*, or one line for each row if *width* is None.

    Args:
        rows: The cells, without line breaks.
        headers: The columns' names.
        width: In characters.
    """
    if width is None:
        return _table(rows, headers)
    columns = [[header, *(row[place] for row in rows)] for place, header in enumerate(headers)]
    widths = [max(map(len, column)) for column in columns]
    least = [max(max(map(len, cell.split()), default=0) for cell in column) for column in columns]
    # A header stays on its line, with the space that tabulate leaves next to it.
    named = [len(header) + _BESIDE_HEADER for header in headers]
    least, widths = ([max(pair) for pair in zip(one, named, strict=True)] for one in (least, widths))
    room = width - _GAP * (len(headers) - 1)
    if sum(least) > room:
        return _records(rows, headers, width)
    while sum(widths) > room:
        widest = max((one for one in range(len(widths)) if widths[one] > least[one]), key=widths.__getitem__)
        widths[widest] -= 1
    wrapped = [[_wrapped(cell, one) for cell, one in zip(row, widths, strict=True)] for row in rows]
    return _table(wrapped, headers)


def terminal_width() -> int | None:
    """Return the width of a line: COLUMNS, or the terminal's width; None if there is no terminal."""
    if os.environ.get("COLUMNS", "").isdigit() or sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return None


def coloured(text: str) -> str:
    """Return *text* with its states in colour; click removes colours if the output is not a terminal."""
    if os.environ.get("NO_COLOR"):
        return text
    return _STATES.sub(lambda found: click.style(found.group(), fg=_COLOURS[found.group()]), text)


def paragraph(text: str, indent: str = "", following: str | None = None) -> str:
    """Return *text* on lines that fit the terminal and break no word; on one line if there is none.

    Args:
        text: One paragraph.
        indent: What its first line begins with.
        following: What its other lines begin with; None for the same.
    """
    width = terminal_width()
    following = indent if following is None else following
    return f"{indent}{text}" if width is None else _filled(f"{indent}{text}", width, following)


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> str:
    shown = [[_cell(header, cell) for header, cell in zip(headers, row, strict=True)] for row in rows]
    return tabulate(shown, headers=headers, tablefmt="simple", disable_numparse=True)


def _cell(header: str, cell: str) -> str:
    return coloured(cell) if header in _STATE_COLUMNS else cell


def _records(rows: Sequence[Sequence[str]], headers: Sequence[str], width: int) -> str:
    indent = min(max(map(len, headers)) + 2, _WIDEST_NAME)
    lines: list[str] = []
    for row in rows:
        # A row with an empty first cell continues the row before.
        if lines and row[0]:
            lines.append("")
        for header, cell in zip(headers, row, strict=True):
            name = f"{header}:" if row[0] else ""
            if cell:
                line = _filled(f"{name:<{indent}}{cell}", max(width, 2 * indent), " " * indent)
                lines.append(_cell(header, line))
    return "\n".join(lines)


def _filled(text: str, width: int, following: str) -> str:
    return textwrap.fill(
        text, width, subsequent_indent=following, break_long_words=False, break_on_hyphens=False
    )


def _wrapped(cell: str, width: int) -> str:
    return "\n".join(textwrap.wrap(cell, max(width, 1), break_long_words=False, break_on_hyphens=False))
