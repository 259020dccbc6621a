"""Cells that a spreadsheet would run as a formula, made harmless and given back.

Pure. The rule is the results file's: an apostrophe in front, taken off again on reading.
"""

import re

# A cell that has apostrophes in front already gets one more, so that taking one off gives back every
# cell exactly, also one that was written with an apostrophe by hand.
_RUNS = re.compile(r"'*[=+\-@\t\r]")


def formula_safe(cell: str) -> str:
    """Return *cell* as no spreadsheet takes it for a formula."""
    return f"'{cell}" if _RUNS.match(cell) else cell


def formula_unsafe(cell: str) -> str:
    """Return what ``formula_safe`` was given to make *cell*."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell
