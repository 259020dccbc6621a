"""``bulkps template``."""

from pathlib import Path

import click

from bulkps import intake
from bulkps.atomic_file import Output, write_text
from bulkps.cli import console
from bulkps.cli.shared_option_values import chosen, columns_named
from bulkps.runs.simulator_rows import sample_rows
from bulkps.settings import Settings


def execute(
    operation: str,
    output: Path | None,
    rows: int | None,
    seed: int,
    all_columns: bool,
    columns: str | None,
    force: bool,
    settings: Settings,
) -> None:
    """Write a CSV template for OPERATION with an example row."""
    found = chosen(settings, operation)
    if output is not None:
        Output(output, force).check()
    asked = columns_named(found, columns) if columns is not None else None
    cells = sample_rows(found, rows, seed) if rows else None
    text = intake.template_text(found, cells, every=all_columns, columns=asked)
    if output is None:
        click.echo(text, nl=False)
        return
    write_text(Output(output, force), text, encoding="utf-8-sig", newline="")
    console.say(f"wrote {output}")
