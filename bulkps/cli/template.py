"""``bulkps template``."""

from pathlib import Path

import click

from bulkps import intake
from bulkps.atomic_file import Output, write_text
from bulkps.cli import console
from bulkps.cli.options import NEW_FILE, chosen, config_option, force_option, operation_argument
from bulkps.runs.sample_rows import sample_rows
from bulkps.settings import Settings


@click.command()
@operation_argument
@click.option("-o", "--output", type=NEW_FILE, help="Output file (default: stdout).")
@click.option("--rows", type=click.IntRange(1), help="Number of rows for the simulated tenant.")
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Seed of the simulated tenant, with --rows."
)
@click.option("--all-columns", is_flag=True, help="Include rarely used columns.")
@force_option
@config_option
def command(
    operation: str,
    output: Path | None,
    rows: int | None,
    seed: int,
    all_columns: bool,
    force: bool,
    settings: Settings,
) -> None:
    """Write a CSV template for OPERATION with an example row.

    With --rows, every row names mailboxes that exist in the simulated tenant, for a rehearsal.

    Example:

    \b
        bulkps template restore -o leavers.csv
        bulkps template restore --all-columns -o archives.csv
        bulkps template recovery --rows 200 -o rehearsal.csv
    """
    found = chosen(settings, operation)
    if output is not None:
        Output(output, force).check()
    text = intake.template_text(found, sample_rows(found, rows, seed) if rows else None, every=all_columns)
    if output is None:
        click.echo(text, nl=False)
        return
    write_text(Output(output, force), text, encoding="utf-8-sig", newline="")
    console.say(f"wrote {output}")
