"""The text of a new operation's file, generated from the cmdlet data. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts
from bulkps.operations.definition_validator import COLLECTIONS, takes_several
from bulkps.operations.reversibility import cannot_be_undone

#: How many optional parameters a new file lists.
_OPTIONAL = 12
#: Parameters that are of no use in rows.
_LEFT_OUT = frozenset({"Confirm", "WhatIf", "Instance", "ResultSize", "Filter", "SortBy", "Anr"})
#: The parameters that administrators change most come first, then the others in the documented order.
_MOST_USED = (
    "Name",
    "DisplayName",
    "Alias",
    "User",
    "EmailAddresses",
    "IssueWarningQuota",
    "ProhibitSendQuota",
    "ProhibitSendReceiveQuota",
    "HiddenFromAddressListsEnabled",
    "ForwardingSmtpAddress",
    "DeliverToMailboxAndForward",
    "GrantSendOnBehalfTo",
    "RetentionPolicy",
    "CustomAttribute1",
    "Type",
    "Department",
    "Company",
    "Title",
    "AutoMapping",
    "InheritanceType",
)
_TYPES = {
    "SwitchParameter": "boolean",
    "Boolean": "boolean",
    "Int32": "number",
    "UInt32": "number",
    "Int64": "number",
    "Guid": "guid",
    "SmtpAddress": "smtp",
    "ByteQuantifiedSize": "size",
}
#: The usual parameter sets; if a cmdlet has none of them, the largest one is used.
_USUAL = ("Default", "Identity", "User")
_LOGICAL = frozenset({"$true", "$false", "$null"})
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def starting_text(name: str, facts: CmdletFacts) -> str:
    """Return YAML for an operation called *name* that can be loaded at once and edited.

    The mandatory parameters of the usual parameter set are required columns; a dozen of the others are
    comments.

    Raises:
        ValueError: If it has no parameter that a row could fill.
    """
    mandatory, optional = _chosen(facts)
    required = [one for one in mandatory if one.type != "SecureString"]
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


def _chosen(facts: CmdletFacts) -> tuple[list[ParameterFacts], list[ParameterFacts]]:
    every = [one for one in facts.parameters.values() if one.name not in _LEFT_OUT]
    usual = next((name for name in _USUAL if name in facts.sets), "")
    best = usual or max(facts.sets, key=lambda name: _worth(every, name), default="")
    mandatory = [one for one in every if best in one.mandatory_in]
    if not any(one.type != "SecureString" for one in mandatory):
        # The cmdlet can be called without parameters, but a row needs at least one.
        open_ones = [one for one in every if one.type != "SecureString"]
        mandatory += ([one for one in open_ones if one.name == "Identity"] or open_ones)[:1]
    releases = set(facts.availability).intersection(*(one.availability for one in mandatory))
    rest = [
        one
        for one in every
        if one not in mandatory
        and one.type != "SecureString"
        and (not one.sets or best in one.sets)
        and releases <= set(one.availability)
    ]
    order = {name: number for number, name in enumerate(_MOST_USED)}
    rest.sort(key=lambda one: order.get(one.name, len(order)))
    return mandatory, rest[:_OPTIONAL]


def _worth(every: Iterable[ParameterFacts], name: str) -> tuple[int, int]:
    """Return a key to compare the parameter set *name*: many parameters, few of them mandatory."""
    held = [one for one in every if not one.sets or name in one.sets]
    return len(held), -sum(name in one.mandatory_in for one in held)


def _column_name(parameter: str) -> str:
    found = "_".join(_WORD.findall(parameter)).lower()
    # These are names of result columns, which an operation's column must not have.
    return f"the_{found}" if found in ("status", "error", "run", "attempts", "warnings", "advice") else found


def _column(name: str, one: ParameterFacts, *, many: bool, required: bool = False) -> list[str]:
    lines = [f"  {name}:", f"    help: {one.name} ({one.type})."]
    values = _values(one)
    if values:
        lines.append(f"    values: [{', '.join(values)}]")
    elif kind := _kind(one):
        lines.append(f"    type: [{kind}]")
    if many:
        lines.append("    many: true  # a;b;c in a cell")
    if required:
        lines.append("    required: true")
    return lines


def _values(one: ParameterFacts) -> Sequence[str]:
    return () if set(one.values) <= _LOGICAL else [f'"{value}"' for value in one.values]


def _kind(one: ParameterFacts) -> str:
    if one.type == "Unlimited" and "Quota" in one.name:
        return "size"
    return _TYPES.get(one.type.removesuffix("[]"), "")


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
