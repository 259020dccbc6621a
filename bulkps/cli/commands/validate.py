"""The options and help of ``bulkps validate``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import (
    EXISTING_FILE,
    NEW_FILE,
    config_option,
    encoding_option,
    force_option,
    json_option,
    operation_argument,
    validation_options,
)


@click.command()
@operation_argument
@click.argument("file", type=EXISTING_FILE)
@config_option
@click.option("--connection", help="Connection to use (default: the one in the settings).")
@validation_options
@encoding_option
@click.option("--strict-columns", is_flag=True, help="Refuse unknown columns.")
@click.option("--problems", type=NEW_FILE, help="Write all problems found in FILE to this CSV file.")
@click.option("--results", type=NEW_FILE, help="Write the results to this file (.csv or .json).")
@force_option
@click.option("--quiet", is_flag=True, help="Do not show progress.")
@json_option
def command(**given: Any) -> None:
    """Check FILE against Exchange and report what would fail. Changes nothing.

    First checks the cells, as "bulkps check" does, then reads Exchange. A row without blockers is COMPLETED,
    one with blockers is FAILED with their codes; warnings have their own column. Exit code 0 if there are no
    blockers, 4 if there are, 3 if a cell is not valid.

    Example:

    \b
        bulkps validate recovery leavers.csv --config prod.yaml
        bulkps validate restore leavers.csv --config prod.yaml --sizes --results findings.csv
    """
    from bulkps.cli.validate import execute

    execute(**given)
