"""The text of a new operation's file, made from the cmdlet data. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts
from bulkps.operations.definition_validator import COLLECTIONS, takes_several
from bulkps.operations.reversibility import cannot_be_undone

#: How many optional parameters a new file names.
_OPTIONAL = 12
#: What a file for rows has no use for.
_LEFT_OUT = frozenset({"Confirm", "WhatIf", "Instance", "ResultSize", "Filter", "SortBy", "Anr"})
#: What administrators change most, named first; then the others in the documented order.
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
#: Parameter sets that are meant where nobody says which; else the one that holds the most.
_USUAL = ("Default", "Identity", "User")
_LOGICAL = frozenset({"$true", "$false", "$null"})
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


def starting_text(name: str, facts: CmdletFacts) -> str:
    """Return YAML for an operation called *name* that loads as it stands and is made to be edited.

    What is mandatory in the usual parameter set is a required column; a dozen of the others are there as
    comments.

    Raises:
        ValueError: If a row could fill none of its parameters.
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
        f"# {name.upper()}: made from the data on {facts.name}, to be changed.",
        f"# Look at it with: bulkps operations {name}",
        f"name: {name}",
        f"summary: What it does, in one line ({facts.name}).",
        f"# It exists in Exchange {', '.join(facts.availability)}.",
        *_one_way(facts),
    ]


def _columns(
    required: Sequence[ParameterFacts], optional: Sequence[ParameterFacts], columns: Mapping[str, str]
) -> list[str]:
    lines = ["columns:"]
    for one in required:
        # The first one identifies the row: it is one, whatever the parameter takes.
        lines += _column(
            columns[one.name], one, required=True, many=takes_several(one) and one is not required[0]
        )
    if optional:
        lines.append("  # Optional: take the # away here and under parameters, and name the column in key.")
    for one in optional:
        lines += [f"  # {line[2:]}" for line in _column(columns[one.name], one, many=takes_several(one))]
    return lines


def _identity(key: Sequence[str]) -> list[str]:
    return [
        f"source: {key[0]}",
        "# All that a row asks for. A row with the same key as a completed one counts as done already.",
        f"key: [{', '.join(key)}]",
        "# Two rows for the same one are a mistake, and never in flight together.",
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
        # Nobody is there to answer: Remove-* and others ask by default (facts 1.3); elsewhere it is harmless.
        lines.append("      Confirm: false")
    return lines


def _one_way(facts: CmdletFacts) -> list[str]:
    if not cannot_be_undone(facts.name, {}):
        return []
    return [
        "# It cannot be undone, so a run asks before it sends anything (--yes goes on).",
        "one_way: true",
    ]


def _chosen(facts: CmdletFacts) -> tuple[list[ParameterFacts], list[ParameterFacts]]:
    every = [one for one in facts.parameters.values() if one.name not in _LEFT_OUT]
    usual = next((name for name in _USUAL if name in facts.sets), "")
    best = usual or max(facts.sets, key=lambda name: _worth(every, name), default="")
    mandatory = [one for one in every if best in one.mandatory_in]
    if not any(one.type != "SecureString" for one in mandatory):
        # It may be called with nothing; a row says something all the same.
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
    """Return what the parameter set *name* is compared by: much in it, little of that mandatory."""
    held = [one for one in every if not one.sets or name in one.sets]
    return len(held), -sum(name in one.mandatory_in for one in held)


def _column_name(parameter: str) -> str:
    found = "_".join(_WORD.findall(parameter)).lower()
    # These are the names of result columns, which no column of an operation may have.
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
    # A list alone would replace what is there.
    return f'{{Add: "{{{column}}}"}}' if one.type in COLLECTIONS else f'"{{{column}}}"'


def _ending(facts: CmdletFacts) -> list[str]:
    if not facts.mutates:
        return ["    # It only reads.", "    idempotent: true"]
    lines = []
    if facts.name.startswith("New-"):
        lines += [
            "    # What it writes proves that it worked: a property, and what it must be, or * for anything.",
            "    returns:",
            '      Identity: "*"',
        ]
    return [
        *lines,
        "    # An answer can be lost on the way. If twice is as good as once, say so, and it is sent again:",
        "    # idempotent: true",
        "    # If not, say how to tell whether it was done; without either, a person has to check:",
        "    # reconcile:",
        "    #   - cmdlet: Get-Mailbox",
        "    #     parameters:",
        '    #       Identity: "{column}"',
        "    #     match:",
        '    #       Property: "{column}"',
    ]
