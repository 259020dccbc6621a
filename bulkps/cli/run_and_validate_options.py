"""Evaluates options of ``run`` and ``validate``: values for every row, and how pre-flight is done."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from bulkps.cli import console
from bulkps.engine.config import BulkOperationConfig
from bulkps.errors import FieldProblems, UsageProblem
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.intake import UNSENDABLE
from bulkps.intake.column_defaults import cell_of
from bulkps.operations.columns import Column
from bulkps.operations.definition_validator import folded_header
from bulkps.operations.model import Operation
from bulkps.visible_text import visible
from bulkps.yaml_config import nearest

#: Options of the command line and the settings that they override.
_SAID = {
    "sizes": "preflight_sizes",
    "require_clean": "require_clean",
    "onmicrosoft_fallback": "onmicrosoft_fallback",
}


def configured(config: BulkOperationConfig, given: Mapping[str, Any]) -> BulkOperationConfig:
    """Return *config* with the pre-flight options of the command line.

    Raises:
        UsageProblem: If two options contradict each other.
    """
    changed = {setting: given[name] for name, setting in _SAID.items() if given.get(name)}
    if given.get("sizes") is False:
        changed["preflight_sizes"] = False
    if given.get("skip_preflight"):
        changed["preflight"] = False
    try:
        return replace(config, **changed)
    except FieldProblems as error:
        option = "--" + error.problems[0][0].replace("_", "-")
        off = (
            "--skip-preflight turns" if given.get("skip_preflight") else "run.preflight in the settings turns"
        )
        raise UsageProblem(f"{option} needs pre-flight, but {off} it off; nothing was sent") from error


def check_compare(operation: Operation, *, compare: bool, dry_run: bool) -> None:
    """Refuse --compare where nothing can be compared.

    Raises:
        UsageProblem: If it is not a dry run, or the operation does not say how to read what is there.
    """
    if compare and not dry_run:
        raise UsageProblem("--compare needs --dry-run: a run compares by itself; nothing was sent")
    if compare and not operation.reads_state:
        raise UsageProblem(
            f"--compare: {operation.name} does not say how to read what is there (current); nothing was sent"
        )


def with_values(operation: Operation, values: Mapping[str, Value]) -> Operation:
    """Return *operation* for checking a file whose columns *values* will fill: as defaults."""
    columns = {
        name: replace(column, required=False, default=cell_of(values[name])) if name in values else column
        for name, column in operation.columns.items()
    }
    return replace(operation, columns=columns)


def values_everywhere(operation: Operation, texts: Iterable[str]) -> dict[str, Value]:
    """Return the values of ``--set``, by column.

    Raises:
        UsageProblem: If one is not valid.
    """
    headers = {
        folded_header(header): name
        for name, column in operation.columns.items()
        for header in (name, *column.aliases)
    }
    values: dict[str, Value] = {}
    for text in texts:
        header, equals, cell = text.partition("=")
        name, cell = headers.get(folded_header(header), ""), cell.strip()
        if name and not equals:
            raise UsageProblem(f"--set {text}: expected COLUMN=VALUE, such as {header}=…; nothing was sent")
        if not name:
            wanted = nearest(header, operation.columns)
            raise UsageProblem(
                f"--set {text}: expected COLUMN=VALUE; {operation.name} has no column {header!r}{wanted}; "
                "nothing was sent"
            )
        problem = _problem(operation.columns[name], cell)
        if problem:
            raise UsageProblem(f"--set {name}: found {cell!r}, expected {problem}; nothing was sent")
        values[name] = operation.columns[name].canonical(cell)
    return values


def _problem(column: Column, cell: str) -> str:
    """Return what is expected in place of *cell*; an empty text if it is valid."""
    if not cell:
        return "a value"
    if found := UNSENDABLE.search(cell):
        return f"text without U+{ord(found.group()):04X}, which cannot be sent"
    return column.problem(cell)


def say_found(preflight: Mapping[str, Any]) -> list[str]:
    """Print what pre-flight found: the table to stdout, the rest to stderr; return the codes."""
    if preflight.get("state") == "skipped":
        console.say("Pre-flight was skipped: nothing was checked.")
    findings = preflight.get("findings") or {}
    told = [
        (code, severity, rows)
        for severity in ("blocker", "warning", "note")
        for code, by_severity in findings.items()
        if (rows := by_severity.get(severity))
    ]
    if told:
        console.show()
        console.show_table(told, ("finding", "severity", "rows"))
    for facet, reason in (preflight.get("unread") or {}).items():
        console.say(f"could not read {facet}: {visible(reason)}")
    return [code for code, _, _ in told]
