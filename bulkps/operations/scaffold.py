"""The text of a new operation's file, generated from the cmdlet data. Pure."""

import re
from collections.abc import Mapping, Sequence

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts
from bulkps.operations.parameter_choice import chosen_parameters
from bulkps.operations.parameter_types import (
    COLLECTIONS,
    allowed_values,
    cell_type,
    takes_several,
    why_not_in_a_file,
)
from bulkps.operations.reversibility import cannot_be_undone

#: Types of cells that accept any text, as a column without a type does.
_ANY_TEXT = ("text", "name")
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def starting_text(name: str, facts: CmdletFacts) -> str:
    """Return YAML for an operation called *name* that can be loaded at once and edited.

    The mandatory parameters of the usual parameter set are required columns; a dozen of the others are
    comments.

    Raises:
        ValueError: If it has no parameter that a row could fill.
    """
    mandatory, optional = chosen_parameters(facts)
    required = [one for one in mandatory if not why_not_in_a_file(one)]
    if not required:
        raise ValueError(f"{facts.name} has no parameter that a row could fill")
    columns = {one.name: _column_name(one.name) for one in (*mandatory, *optional)}
    key = [columns[one.name] for one in required]
    return "\n".join(
        [
            *_heading(name, facts),
            *_columns(required, optional, columns),
            *_identity(key),
            *_step(facts, mandatory, optional, columns),
            *_ending(facts),
            "",
        ]
    )


def _heading(name: str, facts: CmdletFacts) -> list[str]:
    return [
        f"# {name.upper()}: generated from the data on {facts.name}. Edit it as you need.",
        f"# To show it: bulkps operations {name}",
        f"name: {name}",
        f"summary: What it does, in one line ({facts.name}).",
        f"# Available in Exchange {', '.join(facts.availability)}.",
        *_one_way(facts),
    ]


def _columns(
    required: Sequence[ParameterFacts], optional: Sequence[ParameterFacts], columns: Mapping[str, str]
) -> list[str]:
    lines = ["columns:"]
    for one in required:
        # The first one identifies the row, so it has one value, even if the parameter takes several.
        lines += _column(
            columns[one.name], one, required=True, many=takes_several(one) and one is not required[0]
        )
    if optional:
        lines.append("  # Optional: remove the # here and under parameters, and add the column to key.")
    for one in optional:
        lines += [f"  # {line[2:]}" for line in _column(columns[one.name], one, many=takes_several(one))]
    return lines


def _identity(key: Sequence[str]) -> list[str]:
    return [
        f"source: {key[0]}",
        "# Everything that a row asks for. A row with the same key as a completed one counts as done.",
        f"key: [{', '.join(key)}]",
        "# Two rows for the same object are a mistake, and are never sent at the same time.",
        "unique:",
        f"  - [{key[0]}]",
        f"exclusive: [{key[0]}]",
    ]


def _step(
    facts: CmdletFacts,
    mandatory: Sequence[ParameterFacts],
    optional: Sequence[ParameterFacts],
    columns: Mapping[str, str],
) -> list[str]:
    lines = [
        "steps:",
        f"  - name: {facts.name.partition('-')[0].lower()}",
        f"    cmdlet: {facts.name}",
        "    parameters:",
    ]
    lines += [f"      {one.name}: {_value(one, columns[one.name])}" for one in mandatory]
    lines += [f"      # {one.name}: {_value(one, columns[one.name])}" for one in optional]
    if facts.mutates and "Confirm" in facts.parameters:
        # No one can answer a prompt. Remove-* and others ask by default (facts 1.3); others ignore it.
        lines.append("      Confirm: false")
    return lines


def _one_way(facts: CmdletFacts) -> list[str]:
    if not cannot_be_undone(facts.name, {}):
        return []
    return [
        "# It cannot be undone, so a run asks before it sends anything (--yes skips the question).",
        "one_way: true",
    ]


def _column_name(parameter: str) -> str:
    found = "_".join(_WORD.findall(parameter)).lower()
    # These are names of result columns, which an operation's column must not have.
    return f"the_{found}" if found in ("status", "error", "run", "attempts", "warnings", "advice") else found


def _column(name: str, one: ParameterFacts, *, many: bool, required: bool = False) -> list[str]:
    lines = [f"  {name}:", f"    help: {one.name} ({one.type})."]
    if values := allowed_values(one):
        shown = ", ".join(f'"{value}"' for value in values)
        lines.append(f"    values: [{shown}]")
    elif (kind := cell_type(one)) not in _ANY_TEXT:
        lines.append(f"    type: [{kind}]")
    if many:
        lines.append("    many: true  # a;b;c in a cell")
    if required:
        lines.append("    required: true")
    return lines


def _value(one: ParameterFacts, column: str) -> str:
    if one.type == "SecureString":
        return '"{secret.password}"'
    # A plain list would replace the existing values.
    return f'{{Add: "{{{column}}}"}}' if one.type in COLLECTIONS else f'"{{{column}}}"'


def _ending(facts: CmdletFacts) -> list[str]:
    if not facts.mutates:
        return ["    # It only reads.", "    idempotent: true"]
    lines = []
    if facts.name.startswith("New-"):
        lines += [
            "    # Its output proves that it worked: a property, and its expected value, or * for any value.",
            "    returns:",
            '      Identity: "*"',
        ]
    return [
        *lines,
        "    # An answer can be lost on the way. If sending it twice is harmless, say so to send it again:",
        "    # idempotent: true",
        "    # If not, say how to check whether it was done. Without either, you have to check it yourself:",
        "    # reconcile:",
        "    #   - cmdlet: Get-Mailbox",
        "    #     parameters:",
        '    #       Identity: "{column}"',
        "    #     match:",
        '    #       Property: "{column}"',
    ]
