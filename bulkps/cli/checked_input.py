"""The checked file of ``run`` and ``validate``: its rows with the values of ``--set``, or the end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulkps import intake
from bulkps.cli import console
from bulkps.cli.run_and_validate_options import values_everywhere, with_values
from bulkps.cli.shared_option_values import output_file
from bulkps.errors import ExitCode
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.model import Operation


@dataclass(frozen=True)
class CheckedInput:
    """A valid file.

    Attributes:
        operation: The operation, with the columns that are used.
        report: The report of the check, with the columns of ``--set``.
        rows: The rows, with the values of ``--set``.
    """

    operation: Operation
    report: CheckReport
    rows: Iterable[InputRow]


def checked_input(
    operation: Operation,
    file: Path,
    given: Mapping[str, Any],
    refused: Mapping[str, object],
    *,
    as_json: bool,
) -> CheckedInput:
    """Check *file* for *operation*; report its problems and end the command if it has any.

    Args:
        operation: The operation.
        file: A CSV file.
        given: The options of the command.
        refused: What the JSON object of a refused file holds beside the report.
        as_json: Whether JSON is wanted.

    Raises:
        UsageProblem: If the file cannot be read, or an option is not valid.
        SystemExit: If the file has problems.
    """
    problems = output_file(given["problems"], given["force"])
    everywhere = values_everywhere(operation, given["everywhere"])
    asked = with_values(operation, everywhere)
    options = {"strict_columns": given["strict_columns"], "encoding": given["encoding"]}
    report = intake.check(file, asked, problems=problems, **options)
    if not report.sound:
        if as_json:
            console.as_json({**refused, **console.check_json(report)})
        console.check_report(report, given["problems"])
        raise SystemExit(int(ExitCode.INVALID_INPUT))
    for remark in report.remarks():
        console.say(remark)
    rows = intake.filled(intake.rows(file, asked, report), everywhere, operation, report)
    used = intake.columns_used(operation, report, everywhere)
    return CheckedInput(used, intake.with_columns(report, everywhere, used), rows)
