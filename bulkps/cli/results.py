"""``bulkps results``."""

import tempfile
from pathlib import Path

import click

from bulkps.atomic_file import Output
from bulkps.cli import console
from bulkps.cli.options import NEW_FILE, force_option
from bulkps.engine.item import ITEMS_LEFT_BEHIND
from bulkps.engine.status import BulkItemStatus
from bulkps.runs import RunService
from bulkps.yaml_config import nearest

#: What ``--only`` takes: statuses, and what is told apart among the completed rows.
_ONLY = [*(status.name.lower() for status in BulkItemStatus), ITEMS_LEFT_BEHIND]


class _Several(click.ParamType):  # type: ignore[type-arg] # only newer releases of click are generic
    """One or more of ``_ONLY``, with commas between."""

    name = "status[,status...]"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        for one in asked:
            if one not in _ONLY:
                self.fail(f"{one!r} is not one of {', '.join(_ONLY)}{nearest(one, _ONLY)}", param, ctx)
        return asked or self.fail(f"expected one or more of {', '.join(_ONLY)}", param, ctx)


@click.command()
@click.argument("run")
@click.option(
    "--only", type=_Several(), help=f"Only rows with these statuses, comma-separated: {', '.join(_ONLY)}."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json"]),
    help="Output format (default: by the file name, else csv).",
)
@click.option("-o", "--output", type=NEW_FILE, help="Output file (default: stdout).")
@force_option
def command(
    run: str, only: tuple[str, ...] | None, kind: str | None, output: Path | None, force: bool
) -> None:
    """Write the results of RUN: the columns of the input, then the result of each row.

    The file can be used as input for the next run; its result columns are ignored.

    Example:

    \b
        bulkps results last --only failed -o again.csv
        bulkps run restore again.csv
        bulkps results last --only failed,skipped -o rest.csv
    """
    if output:
        Output(output, force).check()
    as_json = (kind or (output.suffix[1:].lower() if output else "")) == "json"
    with RunService() as service:
        details = service.details(service.run(run))
        if output:
            count = details.write_results(Output(output, force), only or (), as_json=as_json)
            console.say(f"wrote {count} row{'s' * (count != 1)} to {output}")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "results"
            details.write_results(Output(path), only or (), as_json=as_json)
            console.pour(path)
