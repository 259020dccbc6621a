"""``bulkps check``."""

from pathlib import Path

import click

from bulkps import intake
from bulkps.cli import console
from bulkps.cli.options import (
    EXISTING_FILE,
    NEW_FILE,
    chosen,
    config_option,
    encoding_option,
    force_option,
    json_option,
    operation_argument,
    output_file,
)
from bulkps.errors import ExitCode
from bulkps.settings import Settings


@click.command()
@operation_argument
@click.argument("file", type=EXISTING_FILE)
@config_option
@encoding_option
@click.option("--strict-columns", is_flag=True, help="Refuse unknown columns.")
@click.option("--problems", type=NEW_FILE, help="Write all problems to this CSV file.")
@force_option
@json_option
def command(
    operation: str,
    file: Path,
    settings: Settings,
    encoding: str,
    strict_columns: bool,
    problems: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Check every row of FILE for OPERATION without connecting to Exchange.

    Exit code 0 if all rows are valid, 3 if not.

    Example:

    \b
        bulkps check restore leavers.csv
        bulkps check recovery leavers.csv --problems problems.csv
    """
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
