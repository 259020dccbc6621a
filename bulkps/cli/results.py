"""``bulkps results``."""

import tempfile
from pathlib import Path

import click

from bulkps.cli import render
from bulkps.cli.options import NEW_FILE, force_option
from bulkps.engine.status import BulkItemStatus
from bulkps.library.runs import operation_of
from bulkps.records import home, results
from bulkps.records.journal import Journal
from bulkps.whole import Output

_STATUSES = [status.name.lower() for status in BulkItemStatus]


@click.command()
@click.argument("run")
@click.option(
    "--only", type=click.Choice(_STATUSES, case_sensitive=False), help="Only rows with this status."
)
@click.option(
    "--format", "kind", type=click.Choice(["csv", "json"]), help="csv unless the file's name says json."
)
@click.option("-o", "--output", type=NEW_FILE, help="Write to this file instead of stdout.")
@force_option
def command(run: str, only: str | None, kind: str | None, output: Path | None, force: bool) -> None:
    """Write the results of RUN: the input's own columns, then what became of each row.

    The file is valid input for the next run: its result columns are known and ignored.

    Example:

    \b
        bulkps results last --only failed -o again.csv
        bulkps run restore again.csv
    """
    if output:
        Output(output, force).check()
    journal = Journal(home.journal_path())
    try:
        found = journal.run(run)
        operation = operation_of(found)
        status = BulkItemStatus[only.upper()] if only else None
        as_json = (kind or (output.suffix[1:].lower() if output else "")) == "json"
        write = results.write_json if as_json else results.write_csv
        if output:
            count = write(Output(output, force), journal, found, operation, status)
            render.say(f"wrote {count} row{'s' * (count != 1)} to {output}")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results"
            write(Output(path), journal, found, operation, status)
            render.pour(path)
    finally:
        journal.close()
