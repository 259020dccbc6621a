"""The options and help of ``bulkps results``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import NEW_FILE, force_option

#: The values of ``--only``: statuses, and one group of completed rows. The enumeration is not loaded for
#: help.
ONLY = ("pending", "in_progress", "completed", "failed", "skipped", "items-left-behind")


class _Several(click.ParamType):  # type: ignore[type-arg] # only newer releases of click are generic
    """One or more of ``ONLY``, separated by commas."""

    name = "status[,status...]"

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        asked = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        for one in asked:
            if one not in ONLY:
                from bulkps.yaml_config import nearest

                self.fail(f"{one!r} is not one of {', '.join(ONLY)}{nearest(one, ONLY)}", param, ctx)
        return asked or self.fail(f"expected one or more of {', '.join(ONLY)}", param, ctx)


@click.command()
@click.argument("run")
@click.option(
    "--only", type=_Several(), help=f"Only rows with these statuses, comma-separated: {', '.join(ONLY)}."
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json"]),
    help="Output format (default: by the file name, else csv).",
)
@click.option("-o", "--output", type=NEW_FILE, help="Output file (default: stdout).")
@force_option
def command(**given: Any) -> None:
    """Write the results of RUN: the columns of the input, then the result of each row.

    The file can be used as input for the next run; its result columns are ignored.

    Example:

    \b
        bulkps results last --only failed -o again.csv
        bulkps run restore again.csv
        bulkps results last --only failed,skipped -o rest.csv
    """
    from bulkps.cli.results import execute

    execute(**given)
