"""Cells that a spreadsheet would run as a formula, made harmless and given back.

Pure. An apostrophe is put before what would run, and taken off again on reading. What would run is a sign at
the beginning of the cell, or of what becomes a cell of its own where a spreadsheet takes another separator
for the file's: with German settings ``x;=cmd`` is two cells. Blanks, quotes and invisible characters before
the sign are looked through, and the signs of East Asian widths count.
"""

import re

#: What Excel takes for the beginning of a formula, also in full width and in the small forms.
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
#: What may start a cell of its own inside a cell.
_ENDS = ";\t\r\n"
#: What is looked through: blanks and control characters that end no cell, quotes, and what is not seen.
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x20\x7f-\xa0\xad\u034f\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f"
    '\u3000\ufeff"\u201c\u201d'
)
# Text that has apostrophes in front already gets one more, so that taking one off gives back every cell
# exactly, also one that was written with an apostrophe by hand. Nothing that these patterns look through ends
# a cell: what is put in at one place changes nothing at another.
_BEFORE = f"(?='*[{_UNSEEN}]*"
_AT_START = re.compile(f"{_BEFORE}[{_SIGNS}{_ENDS[1:]}])")
_INSIDE = re.compile(f"(?<=[{_ENDS}]){_BEFORE}[{_SIGNS}])")
_GUARDED_AT_START = re.compile(f"'{_BEFORE}[{_SIGNS}{_ENDS[1:]}])")
_GUARDED_INSIDE = re.compile(f"(?<=[{_ENDS}])'{_BEFORE}[{_SIGNS}])")
_HAS_END = re.compile(f"[{_ENDS}]")


def formula_safe(cell: str) -> str:
    """Return *cell* as no spreadsheet takes it, or a part of it, for a formula."""
    if _HAS_END.search(cell):
        cell = _INSIDE.sub("'", cell)
    # Nearly every cell begins with a letter or a digit, and there are millions.
    return f"'{cell}" if not cell[:1].isalnum() and _AT_START.match(cell) else cell


def formula_unsafe(cell: str) -> str:
    """Return what ``formula_safe`` was given to make *cell*."""
    if "'" not in cell:
        return cell
    if _HAS_END.search(cell):
        cell = _GUARDED_INSIDE.sub("", cell)
    return cell[1:] if _GUARDED_AT_START.match(cell) else cell
