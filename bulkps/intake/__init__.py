"""From a CSV file to checked rows: reading, checking, templates."""

from bulkps.intake.check_report import CheckReport, InputRow
from bulkps.intake.column_defaults import columns_used, filled, with_columns
from bulkps.intake.csv_template import template_text
from bulkps.intake.file_check import check, rows
from bulkps.intake.formula_escape import formula_safe, formula_unsafe
from bulkps.intake.header import BLANKS
from bulkps.intake.problem import Problem
from bulkps.intake.python_items import check_items
from bulkps.intake.row_parser import UNSENDABLE, cell_values

__all__ = [
    "BLANKS",
    "UNSENDABLE",
    "CheckReport",
    "InputRow",
    "Problem",
    "cell_values",
    "check",
    "check_items",
    "columns_used",
    "filled",
    "formula_safe",
    "formula_unsafe",
    "rows",
    "template_text",
    "with_columns",
]
