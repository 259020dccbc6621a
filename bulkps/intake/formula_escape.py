"""Makes cells harmless that a spreadsheet would run as a formula, and restores them.

Pure. An apostrophe is added before text that would run, and removed again on reading. Text would run if it
has a formula sign at the beginning of the cell, or of a part that becomes a cell of its own if a spreadsheet
uses another separator: with German settings, ``x;=cmd`` is two cells. Blanks, quotes and invisible characters
before the sign are skipped, and full-width and small forms of the signs count too.
"""

import re

#: The signs that start a formula in Excel, including their full-width and small forms.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
#: Characters after which a new cell may begin inside a cell.
_ENDS = ";\t\r\n"
#: Characters that are skipped: blanks and control characters that end no cell, quotes, invisible characters.
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    '\u3000\ufeff"\u201c\u201d'
)
# Text that already begins with apostrophes gets one more, so that removing one restores every cell exactly,
# including cells written with an apostrophe by hand. No character that these patterns skip ends a cell, so an
# apostrophe in one place changes nothing in another.
_BEFORE = f"(?='*[{_UNSEEN}]*"
_AT_START = re.compile(f"{_BEFORE}[{_SIGNS}{_ENDS[1:]}])")
_INSIDE = re.compile(f"(?<=[{_ENDS}]){_BEFORE}[{_SIGNS}])")
_GUARDED_AT_START = re.compile(f"'{_BEFORE}[{_SIGNS}{_ENDS[1:]}])")
_GUARDED_INSIDE = re.compile(f"(?<=[{_ENDS}])'{_BEFORE}[{_SIGNS}])")
_HAS_END = re.compile(f"[{_ENDS}]")


def formula_safe(cell: str) -> str:
    """Return *cell* in a form that no spreadsheet runs as a formula, not even in part."""
    if _HAS_END.search(cell):
        cell = _INSIDE.sub("'", cell)
    # A fast path: nearly all of possibly millions of cells begin with a letter or a digit.
    return f"'{cell}" if not cell[:1].isalnum() and _AT_START.match(cell) else cell


def formula_unsafe(cell: str) -> str:
    """Return the cell that ``formula_safe`` turned into *cell*."""
    if "'" not in cell:
        return cell
    if _HAS_END.search(cell):
        cell = _GUARDED_INSIDE.sub("", cell)
    return cell[1:] if _GUARDED_AT_START.match(cell) else cell
