"""The options and help of ``bulkps validate``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import (
    EXISTING_FILE,
    config_option,
    connection_option,
    file_options,
    operation_argument,
    report_options,
    validation_options,
)


@click.command()
@operation_argument
@click.argument("file", type=EXISTING_FILE)
@config_option
@connection_option
@validation_options
@file_options
@report_options
def command(**given: Any) -> None:
    """Check FILE against Exchange and report what would fail. Changes nothing.

    First checks the cells, as "bulkps check" does, then reads Exchange. A row without blockers is COMPLETED,
    one with blockers is FAILED with their codes; warnings have their own column. Exit code 0 if there are no
    blockers, 4 if there are, 3 if a cell is not valid.

    For an operation without pre-flight that reads what is there (such as Set-CASMailbox), it shows what each
    row would change, as "bulkps run --dry-run --compare" does.

    Example:

    \b
        bulkps validate recovery leavers.csv --config prod.yaml
        bulkps validate restore leavers.csv --config prod.yaml --sizes --results findings.csv
        bulkps validate Set-CASMailbox cas.csv --config prod.yaml
    """
    from bulkps.cli.validate import execute

    execute(**given)
