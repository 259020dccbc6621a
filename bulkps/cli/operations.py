"""``bulkps operations``."""

import click

from bulkps.cli import render
from bulkps.cli.options import chosen, config_option, json_option
from bulkps.exchange.cmdlet import Cmdlet
from bulkps.operations.loader import releases
from bulkps.operations.model import Operation, Step
from bulkps.settings import Settings


@click.command()
@click.argument("name", required=False)
@config_option
@json_option
def command(name: str | None, settings: Settings, as_json: bool) -> None:
    """List the operations, or show one: its columns, its steps, the cmdlets that it sends.

    Example:

    \b
        bulkps operations
        bulkps operations restore
    """
    if name:
        found = chosen(settings, name)
        render.as_json(_facts(found)) if as_json else _show(found)
        return
    every = settings.operations()
    if as_json:
        render.as_json({"operations": [_facts(operation) for operation in every.values()]})
        return
    rows = [(one.name, one.summary, "yes" if one.one_way else "no") for one in every.values()]
    click.echo(render.table(rows, ("operation", "what it does", "one-way")))


def _show(operation: Operation) -> None:
    click.echo(f"{operation.name}: {operation.summary}\n")
    if operation.description:
        click.echo(operation.description)
    click.echo(f"Exists in Exchange: {', '.join(releases(operation))}\n")
    columns = [
        (name, "required" if column.required else "", column.expected, column.help)
        for name, column in operation.columns.items()
    ]
    click.echo(render.table(columns, ("column", "", "a cell holds", "meaning")))
    for number, step in enumerate(operation.steps, 1):
        only = f" (only where {' or '.join(step.when)} is given)" if step.when else ""
        click.echo(f"\nStep {number}, {step.name}: {step.cmdlet}{only}")
        for parameter, value in step.parameters.items():
            click.echo(f"  -{parameter} {value}")
        click.echo(f"  in doubt: {_doubt(step)}")
        if step.follow:
            click.echo(f"  then followed by one {step.follow.cmdlet} per poll for the whole run")


def _doubt(step: Step) -> str:
    """Return in words what becomes of an item of which nobody can tell whether the step happened."""
    if step.idempotent:
        return "sent again, which does no harm"
    if not step.reconcile:
        return "a person has to look"
    asked = [Cmdlet(one.cmdlet, one.parameters).line() for one in step.reconcile]
    return f"looked up by {'; then '.join(asked)}"


def _facts(operation: Operation) -> dict[str, object]:
    return {
        "name": operation.name,
        "summary": operation.summary,
        "one_way": operation.one_way,
        "releases": list(releases(operation)),
        "columns": {
            name: {"required": column.required, "expected": column.expected, "help": column.help}
            for name, column in operation.columns.items()
        },
        "steps": [
            {"name": step.name, "cmdlet": step.cmdlet, "parameters": dict(step.parameters)}
            for step in operation.steps
        ],
    }
