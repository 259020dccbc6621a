"""From a CSV file to checked rows: reading, checking, templates."""

from bulkps.intake.cells import UNSENDABLE, cell_values
from bulkps.intake.checking import check, rows
from bulkps.intake.everywhere import filled, with_columns
from bulkps.intake.formula import formula_safe, formula_unsafe
from bulkps.intake.header import BLANKS
from bulkps.intake.report import CheckReport, InputRow, Problem
from bulkps.intake.template import template_text

__all__ = [
    "BLANKS",
    "UNSENDABLE",
    "CheckReport",
    "InputRow",
    "Problem",
    "cell_values",
    "check",
    "filled",
    "formula_safe",
    "formula_unsafe",
    "rows",
    "template_text",
    "with_columns",
]
