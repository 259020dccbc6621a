"""``bulkps operations``."""

from collections.abc import Sequence
from pathlib import Path

import click

from bulkps.atomic_file import Output, write_text
from bulkps.cli import console
from bulkps.cli.run_common import target
from bulkps.cli.shared_option_values import chosen
from bulkps.errors import ExitCode, UsageProblem
from bulkps.exchange.calls_and_outcomes import Cmdlet
from bulkps.exchange.cmdlet_metadata import cmdlet_facts, unknown_cmdlet
from bulkps.operations.item_queries import Parameter
from bulkps.operations.loader import load_operation
from bulkps.operations.model import Operation, Step
from bulkps.operations.release_support import releases
from bulkps.operations.scaffold import starting_text
from bulkps.runs.cmdlet_learning import learn_cmdlet
from bulkps.settings import Settings


def execute(settings: Settings, *, as_json: bool) -> None:
    """List the operations, those with problems last."""
    every, broken = settings.operations(), settings.broken_operations()
    if as_json:
        told = {name: {"file": one.source, "problems": list(one.problems)} for name, one in broken.items()}
        facts = [_facts(operation) for operation in every.values()]
        console.as_json({"operations": facts, "broken": told, "exit_code": int(ExitCode.COMPLETED)})
        return
    rows = [(one.name, one.summary, "yes" if one.one_way else "no") for one in every.values()]
    rows += [(name, f"broken: {_count(one.problems)}; see below", "") for name, one in broken.items()]
    console.show_table(rows, ("operation", "what it does", "one-way"))
    for one in broken.values():
        console.say(f"{one.source}: {_count(one.problems)}, so the operation cannot be used")
        for problem in one.problems:
            console.say(f"  {problem}")


def execute_new(name: str, cmdlet: str, output: Path | None, force: bool) -> None:
    """Write a YAML file to start your own operation from, which sends one cmdlet per row."""
    facts = cmdlet_facts(cmdlet)
    if facts is None:
        raise UsageProblem(unknown_cmdlet(cmdlet))
    if output is not None:
        Output(output, force).check()
    try:
        text = starting_text(name, facts)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    load_operation(text, name)
    if output is None:
        click.echo(text, nl=False)
        return
    write_text(Output(output, force), text)
    console.say(f"wrote {output}")


def execute_learn(cmdlet: str, settings: Settings, connection: str | None) -> None:
    """Read a cmdlet's parameters from a session, and keep them beside the administrator's own operations."""
    known = cmdlet_facts(cmdlet)
    if known is not None and not known.learned:
        raise UsageProblem(f"bulkps knows {known.name} already; to show it: bulkps operations {known.name}")
    folder = Path(settings.operations_path).expanduser()
    if not settings.operations_path or not folder.is_dir():
        raise UsageProblem(
            "operations_path in the settings has to name a folder, in which the cmdlet's parameters are kept"
        )
    there = target(settings, settings.choose_connection(connection), settings.run)
    facts, path = learn_cmdlet(cmdlet, there, folder)
    console.say(f"{facts.name}: {len(facts.parameters)} parameters, kept in {path}")
    console.say(f"To show them: bulkps operations {facts.name}; for a file: bulkps template {facts.name}")


def _count(problems: Sequence[str]) -> str:
    return f"{len(problems)} problem{'s' * (len(problems) != 1)}"


def execute_show(name: str, settings: Settings, *, as_json: bool) -> None:
    """Show the columns, steps and cmdlets of the operation *name*."""
    found = chosen(settings, name)
    if as_json:
        console.as_json({**_facts(found), "exit_code": int(ExitCode.COMPLETED)})
    else:
        _show(found)


def _show(operation: Operation) -> None:
    console.show(f"{operation.name}: {operation.summary}\n")
    if operation.description:
        console.show(operation.description)
    console.show(f"Available in Exchange: {', '.join(releases(operation))}")
    if operation.one_way:
        console.show("One-way: it cannot be undone, and bulkps asks before it sends anything.")
    console.show()
    columns = [
        (name, "required" if column.required else "", column.expected, column.help)
        for name, column in operation.columns.items()
    ]
    console.show_table(columns, ("column", "", "a cell holds", "meaning"))
    for number, step in enumerate(operation.steps, 1):
        _show_step(number, step)
        if step.follow:
            console.show(f"  then followed by one {step.follow.cmdlet} per poll for the whole run")


def _show_step(number: int, step: Step) -> None:
    only = [f"only if {' or '.join(step.when)} is given"] if step.when else []
    only += [f"only after {' and '.join(step.needs)}"] if step.needs else []
    only += [f"not if {there.text} is in {there.within}" for there in step.unless]
    only += ["repeated until the object is found"] if step.polled else []
    console.show(f"\nStep {number}, {step.name}: {step.cmdlet}" + (f" ({'; '.join(only)})" if only else ""))
    for parameter, value in step.parameters.items():
        console.show(f"  -{parameter} {_declared(value)}")
    for index, variant in enumerate(step.variants):
        where = (
            f"if {' and '.join(variant.when)} is given"
            if variant.when
            else "otherwise"
            if index
            else "always"
        )
        console.show(f"  {where}:")
        for parameter, value in variant.parameters.items():
            console.show(f"    -{parameter} {_declared(value)}")
    console.show(f"  in doubt: {_doubt(step)}")


def _declared(value: Parameter) -> str:
    """Return a parameter's value as an administrator would type it; templates are unchanged."""
    if isinstance(value, dict):
        return "@{" + "; ".join(f"{name}={_declared(part)}" for name, part in value.items()) + "}"
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _doubt(step: Step) -> str:
    """Return what bulkps does with an item if it is unknown whether the step happened."""
    if step.polled:
        return "it only reads, and is sent again"
    if step.idempotent:
        return "sent again, which is harmless"
    if not step.reconcile:
        return "you have to check in Exchange"
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
            {
                "name": step.name,
                "cmdlet": step.cmdlet,
                "parameters": dict(step.parameters),
                "variants": [{"when": list(one.when), "parameters": one.parameters} for one in step.variants],
            }
            for step in operation.steps
        ],
    }
