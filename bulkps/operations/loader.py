"""Loads an Operation from YAML text, and checks it, also against the cmdlets that Exchange has."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.resources import files

from bulkps import yaml_config
from bulkps.errors import InvalidInput, UsageProblem
from bulkps.exchange.cmdlet_metadata import CMDLETS, cmdlet_facts, unknown_cmdlet
from bulkps.operations.cmdlet_operation import cmdlet_operation
from bulkps.operations.definition_validator import check_operation
from bulkps.operations.model import Operation
from bulkps.yaml_config import nearest

BUILT_IN = ("recovery", "restore")


def load_operation(text: str, source: str) -> Operation:
    """Return the operation that *text* describes.

    Args:
        text: YAML.
        source: Its name in errors.

    Raises:
        InvalidInput: With every problem: unknown keys and columns, cmdlets and parameters that Exchange
            does not have, places in templates without a value.
    """
    data, lines = yaml_config.parse(text, source)
    operation, problems = yaml_config.attempt(data, lines, Operation)
    if operation is None:
        raise InvalidInput(source, problems)

    def report(path: str, sentence: str) -> None:
        parts = tuple(int(part) if part.isascii() and part.isdigit() else part for part in path.split("."))
        while parts and parts not in lines:
            parts = parts[:-1]
        problems.append(f"line {lines.get(parts, 1)}: {path}: {sentence}")

    check_operation(operation, report)
    if problems:
        raise InvalidInput(source, problems)
    return operation


@cache
def built_in_operations() -> Mapping[str, Operation]:
    """Return the built-in operations, by name."""
    return {name: load_operation(built_in_text(name), f"{name}.yaml") for name in BUILT_IN}


def built_in_text(name: str) -> str:
    """Return the YAML text of a built-in operation."""
    return files("bulkps.operations").joinpath(f"{name}.yaml").read_text(encoding="utf-8")


def choose(name: str, operations: Mapping[str, Operation]) -> Operation:
    """Return the operation called *name*, or the one that the cmdlet of this name stands for.

    Raises:
        UsageProblem: If there is none; it suggests a similar name and lists all of them.
    """
    found = operations.get(name.casefold())
    if found is not None:
        return found
    facts = cmdlet_facts(name)
    if facts is None:
        verb, dash, _ = name.partition("-")
        what = unknown_cmdlet(name) if dash and verb.casefold() in _verbs() else ""
        raise UsageProblem(
            f"no operation {name!r}{nearest(name, operations)}; choose from {', '.join(sorted(operations))}, "
            f"or the name of a cmdlet, such as Set-CASMailbox{what and '; ' + what}"
        )
    try:
        return cmdlet_operation(facts)
    except ValueError as error:
        raise UsageProblem(str(error)) from error


@cache
def _verbs() -> frozenset[str]:
    return frozenset(name.partition("-")[0].casefold() for name in CMDLETS)


def dump_operation(operation: Operation) -> str:
    """Return *operation* as YAML text that ``load_operation`` reads back; a run keeps this text."""
    return yaml_config.dump(asdict(operation))
