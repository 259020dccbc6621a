"""Write the generated pages of docs/ anew: ``python docs/generate.py``.

The tests compare them with what is committed, so that no page says what the program does not do.
"""

import ast
import inspect
import re
from pathlib import Path

import click

from bulkps import errors
from bulkps.cli import cli
from bulkps.cli.explanations import Explanation, Kind, explanations, texts
from bulkps.engine import item_status, resend
from bulkps.exchange.cmdlet_metadata import CMDLETS
from bulkps.exchange.error_catalog import shipped_catalogue
from bulkps.operations.loader import built_in_operations
from bulkps.operations.release_support import releases
from bulkps.preflight import findings as preflight_findings

DOCS = Path(__file__).resolve().parent
_NOTE = "<!-- Made by docs/generate.py; do not edit. -->\n"


def cli_reference() -> str:
    """Return the help of every command as one page."""
    parts = [_NOTE, "# Command line reference\n"]
    context = cli.make_context("bulkps", [], resilient_parsing=True)
    parts.append(f"```text\n{_help(cli, context)}\n```\n")
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        below = command.make_context(name, [], parent=context, resilient_parsing=True)
        parts.append(f"## bulkps {name}\n\n```text\n{_help(command, below)}\n```\n")
        for inner, one in getattr(command, "commands", {}).items():
            context_of_one = one.make_context(inner, [], parent=below, resilient_parsing=True)
            parts.append(f"### bulkps {name} {inner}\n\n```text\n{_help(one, context_of_one)}\n```\n")
    return "\n".join(parts)


def _help(command: click.Command, context: click.Context) -> str:
    # The width must not depend on whose terminal this runs in.
    context.terminal_width = context.max_content_width = 100
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def exit_codes() -> str:
    """Return the table of exit codes."""
    lines = [_NOTE, "# Exit codes\n", "| code | name | meaning |", "|---|---|---|"]
    lines += [f"| {int(code)} | {code.name} | {code.meaning} |" for code in errors.ExitCode]
    lines.append("\nA code that is not in this table is a failure.\n")
    return "\n".join(lines)


def statuses() -> str:
    """Return the statuses, what they mean, and what may follow what."""
    lines = [_NOTE, "# Statuses\n", "| status | meaning |", "|---|---|"]
    meanings = _comments(item_status, "BulkItemStatus")
    lines += [
        f"| {one.name} | {meaning} |"
        for one, meaning in zip(item_status.BulkItemStatus, meanings, strict=True)
    ]
    lines += ["", "```mermaid", "stateDiagram-v2", "    [*] --> PENDING"]
    for one, following in item_status.FOLLOWS.items():
        lines += [
            f"    {one.name} --> {after.name}" for after in item_status.BulkItemStatus if after in following
        ]
        if not following:
            lines.append(f"    {one.name} --> [*]")
    return "\n".join(
        [
            *lines,
            "```",
            "",
            "FAILED is left only when a person asks for a retry; what is in doubt is looked up first.",
            "",
        ]
    )


def operations() -> str:
    """Return every built-in operation with its columns and cmdlets."""
    lines = [_NOTE, "# Operations\n"]
    for operation in built_in_operations().values():
        lines += [f"## {operation.name}\n", operation.summary + "\n", operation.description]
        lines += [f"Exists in Exchange: {', '.join(releases(operation))}.\n"]
        lines += ["| column | required | a cell holds | meaning | also called |", "|---|---|---|---|---|"]
        for name, column in operation.columns.items():
            required = "yes" if column.required else ""
            also = ", ".join(column.aliases)
            lines.append(f"| {name} | {required} | {column.expected} | {column.help} | {also} |")
        lines.append("")
        for number, step in enumerate(operation.steps, 1):
            only = f", only where {' or '.join(step.when)} is given" if step.when else ""
            with_these = ", ".join(f"`-{name}`" for name in step.every_parameter)
            lines.append(f"{number}. `{step.cmdlet}` with {with_these}{only}")
            if step.follow:
                lines.append(f"   - followed by one `{step.follow.cmdlet}` per poll for the whole run")
        lines.append("")
    return "\n".join([*lines, *_known_cmdlets()])


def findings() -> str:
    """Return what pre-flight finds: each code with what it means, how to see it and what to do."""
    severities = zip(preflight_findings.Severity, _comments(preflight_findings, "Severity"), strict=True)
    known = [one for one in texts().codes if one.kind is Kind.FINDING]
    lines = [
        _NOTE,
        "# Findings\n",
        (
            "What can be known to go wrong before a row is sent to Exchange. Each finding has a code that "
            "does not change, so that a script can match it; `bulkps explain CODE` prints its section. There "
            "are three severities:\n"
        ),
        "| severity | meaning |",
        "|---|---|",
        *(f"| {severity.value} | {meaning} |" for severity, meaning in severities),
        "\nWhat was not read is never taken for harmless: it becomes a note, `not-checked`.\n",
        (
            f"{texts().placeholders} `*-Mg*` cmdlets are Microsoft Graph PowerShell, `New-ComplianceSearch` "
            "is Security & Compliance PowerShell, `Set-RemoteMailbox` is Exchange on-premises.\n"
        ),
    ]
    page = "\n".join([*lines, "\n".join(map(_finding, known))])
    # A code in the text leads to its section.
    return re.sub(rf"`({'|'.join(one.code for one in known)})`", r"[\1](#\1)", page)


def _finding(one: Explanation) -> str:
    cmdlets = f"\n{_powershell(one.cmdlets)}" if one.cmdlets else ""
    effect = f"*{one.effect}* " if one.effect else ""
    return (
        f"## {one.code}\n\n{effect}{one.meaning}\n\n{_powershell(one.look)}\n"
        f"**Instead**: {one.instead[0].lower()}{one.instead[1:]}\n{cmdlets}"
    )


def _powershell(text: str) -> str:
    return f"```powershell\n{text}\n```\n"


def codes() -> str:
    """Return what every other code means that a row or a run can have."""
    known = explanations(shipped_catalogue())
    tables = (
        (Kind.RESULT, "What became of a row", "The `error_code` of a row in the results."),
        (
            Kind.STOP,
            "Why a run stopped",
            "Printed as `stopped:`, and the `error_code` of rows that were SKIPPED for that reason.",
        ),
        (
            Kind.ERROR,
            "Errors of Exchange and of the connection",
            (
                "The `error_code` of a row that Exchange refused in words that bulkps knows; others are "
                "`unknown-error`. Entries of your own stand under `errors:` in the settings."
            ),
        ),
    )
    lines = [
        _NOTE,
        "# Codes\n",
        (
            "What the codes of rows and runs mean, and what to do. `bulkps explain CODE` prints the same. "
            "The codes of pre-flight are [findings](findings.md), what the process ends with are "
            "[exit codes](exit-codes.md).\n"
        ),
    ]
    for kind, title, where in tables:
        lines += [f"## {title}\n", f"{where}\n", "| code | meaning | what to do |", "|---|---|---|"]
        lines += [
            f"| {one.code} | {one.meaning} | {one.instead} |" for one in known.values() if one.kind is kind
        ]
        lines.append("")
    return "\n".join(lines)


def _known_cmdlets() -> list[str]:
    online = sum("EXO" in facts.availability for facts in CMDLETS.values())
    return [
        "## Cmdlets that an operation can send\n",
        (
            f"bulkps knows {len(CMDLETS):,} cmdlets, {online} of them of Exchange Online: every parameter, "
            "its type, its parameter sets and where it exists ([the data and its rules](cmdlet-data.md)). "
            "All of this is checked before anything is sent. [Any of them is an operation](any-cmdlet.md) by "
            "its own name: `bulkps run Set-CASMailbox FILE`. `bulkps operations Set-CASMailbox` shows its "
            "columns. For more than one cmdlet per row, for lookups and for columns of other names, [write "
            "an operation of your own](own-operations.md).\n"
        ),
    ]


def _comments(module: object, enum: str) -> list[str]:
    """Return the ``#:`` sentence behind each member of an enum."""
    return list(_told(module, enum).values())


def _told(module: object, enum: str) -> dict[str, str]:
    """Return the ``#:`` sentence behind each member of an enum that has one, by its name."""
    source = inspect.getsource(module)  # type: ignore[arg-type]
    tree = next(
        node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == enum
    )
    lines = source.splitlines()
    members = [node for node in tree.body if isinstance(node, ast.Assign)]
    told = [(node, lines[node.lineno - 1].partition("#: ")[2]) for node in members]
    return {node.targets[0].id: sentence for node, sentence in told if sentence}  # type: ignore[attr-defined]


def sending_again() -> str:
    """Return the table that decides whether a row is sent again."""
    lines = [
        _NOTE,
        "# When a row is sent again\n",
        (
            "One table answers it everywhere: after an answer, after a lookup, before a row is sent, when a "
            "retry is asked for, and about rows that another run has already (bulkps/engine/resend.py). The "
            "first line that fits decides. What the words mean is below it.\n"
        ),
        "| what is known of the step | and | but not | then | because |",
        "|---|---|---|---|---|",
    ]
    for rule in resend.TABLE:
        also = [f"{rule.kind.value} error"] if rule.kind else []
        facts = ", ".join([*also, *_facts(rule.facts)])
        lines.append(
            f"| {rule.known.value} | {facts} | {', '.join(_facts(rule.unless))} | {rule.decision.value} | "
            f"{rule.why} |"
        )
    for title, enum in (("What is known", "Known"), ("Facts", "Fact"), ("What follows", "Decision")):
        lines += ["", f"## {title}\n"]
        told = _told(resend, enum)
        lines += [
            f"- {_worded(name) if enum == 'Fact' else getattr(resend, enum)[name].value}: {meaning}"
            for name, meaning in told.items()
        ]
    return "\n".join([*lines, ""])


def _facts(facts: resend.Fact) -> list[str]:
    return [_worded(str(fact.name)) for fact in facts]


def _worded(name: str) -> str:
    return name.lower().replace("_", " ")


PAGES = {
    "sending-again.md": sending_again,
    "cli.md": cli_reference,
    "exit-codes.md": exit_codes,
    "statuses.md": statuses,
    "operations.md": operations,
    "findings.md": findings,
    "codes.md": codes,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
