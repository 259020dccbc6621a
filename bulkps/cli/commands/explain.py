"""The options and help of ``bulkps explain``."""

from typing import Any

import click

from bulkps.cli.commands.shared_options import config_option, json_option


@click.command()
@click.argument("codes", metavar="[CODE]...", nargs=-1)
@config_option
@json_option
def command(**given: Any) -> None:
    """Explain what CODE means and what to do about it.

    CODE is a pre-flight finding, an error_code of the results, the reason why a run stopped, or an exit code.
    Without CODE, lists all codes. --config adds the errors of your settings.

    Example:

    \b
        bulkps explain in-doubt
        bulkps explain legacy-dn-mismatch target-synced
        bulkps explain
    """
    from bulkps.cli.explain import execute

    execute(**given)
