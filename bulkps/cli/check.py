"""``bulkps check``: checks a file without Exchange."""

from pathlib import Path

from bulkps import intake
from bulkps.cli import console
from bulkps.cli.shared_option_values import (
    chosen,
    output_file,
)
from bulkps.errors import ExitCode
from bulkps.settings import Settings


def execute(
    operation: str,
    file: Path,
    settings: Settings,
    encoding: str,
    strict_columns: bool,
    problems: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Check every row of FILE for OPERATION without connecting to Exchange."""
    report = intake.check(
        file,
        chosen(settings, operation),
        strict_columns=strict_columns,
        problems=output_file(problems, force),
        encoding=encoding,
    )
    if as_json:
        console.as_json(console.check_json(report))
    else:
        console.check_report(report, problems, sends=False)
    raise SystemExit(int(ExitCode.COMPLETED if report.sound else ExitCode.INVALID_INPUT))
