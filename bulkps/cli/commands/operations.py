"""The options and help of ``bulkps operations``."""

from typing import TYPE_CHECKING, Any

import click

from bulkps.cli.commands.shared_options import (
    NEW_FILE,
    config_option,
    connection_option,
    force_option,
    group_config_option,
    json_option,
    settings_or_default,
)

if TYPE_CHECKING:
    from bulkps.settings import Settings


class _Operations(click.Group):
    """A group in which every unknown subcommand is the name of an operation to show."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*, or one that shows the operation of this name."""
        return super().get_command(ctx, cmd_name) or _show_command(cmd_name)


@click.group(
    cls=_Operations, invoke_without_command=True, subcommand_metavar="[NAME] | new NAME | learn CMDLET"
)
@group_config_option
@json_option
@click.pass_context
def command(ctx: click.Context, settings: "Settings | None", as_json: bool) -> None:
    """List the operations, or show the columns, steps and cmdlets of one.

    Example:

    \b
        bulkps operations
        bulkps operations restore
    """
    if ctx.invoked_subcommand is None:
        from bulkps.cli.operations import execute

        execute(settings_or_default(ctx, settings), as_json=as_json)


@command.command("new")
@click.argument("name")
@click.option("--cmdlet", required=True, help="Cmdlet to send, such as Set-Mailbox.")
@click.option("-o", "--output", type=NEW_FILE, help="Output file (default: stdout).")
@force_option
def new_command(**given: Any) -> None:
    """Write a YAML file to start your own operation from, which sends one cmdlet per row.

    Mandatory parameters become required columns; the others are listed as comments with their types and
    allowed values. Put the file into operations_path.

    Example:

    \b
        bulkps operations new hide-leavers --cmdlet Set-Mailbox -o operations/hide-leavers.yaml
    """
    from bulkps.cli.operations import execute_new

    execute_new(**given)


@command.command("learn")
@click.argument("cmdlet")
@config_option
@connection_option
def learn_command(**given: Any) -> None:
    """Read the parameters of a cmdlet that bulkps does not know yet from a session.

    They are kept in cmdlets.jsonl in operations_path. From then on the cmdlet is an operation by its own
    name, and operations of your own can send it.

    Example:

    \b
        bulkps operations learn Set-NewFeature --config prod.yaml --connection online
    """
    from bulkps.cli.operations import execute_learn

    execute_learn(**given)


def _show_command(name: str) -> click.Command:
    """Return the command that shows the operation *name*; options may come before or after the name."""

    @click.command(name)
    @group_config_option
    @json_option
    @click.pass_context
    def show(ctx: click.Context, settings: "Settings | None", as_json: bool) -> None:
        from bulkps.cli.operations import execute_show

        before = ctx.parent.params if ctx.parent else {}
        found = settings_or_default(ctx, settings or before.get("settings"))
        execute_show(name, found, as_json=as_json or bool(before.get("as_json")))

    return show
