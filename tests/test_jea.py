"""The JEA endpoint offers what its page says and what the shipped operations need."""

import re
from pathlib import Path

import pytest

from bulkps.operations.loader import built_in_operations
from bulkps.resources import shipped

DOCS = Path(__file__).resolve().parent.parent / "docs" / "jea.md"
OWN = ("Invoke-BulkPSBatch", "Select-BulkPSProperty")
#: Left out on purpose, as both files say.
LEFT_OUT = {"Set-Mailbox"}


def role() -> dict[str, set[str]]:
    """Return the cmdlets of the role capability and the parameters of each; none where all are offered."""
    text = shipped("scripts").joinpath("JEA", "RoleCapabilities", "BulkPS.psrc").read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))
    functions = re.search(r"VisibleFunctions = @\((.*?)\n    \)", text, re.DOTALL)
    cmdlets = re.search(r"VisibleCmdlets\s*= @\((.*?)\)", text, re.DOTALL)
    assert functions
    assert cmdlets
    restricted = {
        found[1]: set(re.findall(r"Name = '([^']+)'", found[2]))
        for found in re.finditer(
            r"Name\s+= '([^']+)'\s+Parameters = @\((.*?)\n            \)", functions[1], re.DOTALL
        )
    }
    plain = set(re.findall(r"^        '([^']+)'", functions[1], re.MULTILINE))
    named = {name.rpartition("\\")[2] for name in re.findall(r"'([^']+)'", cmdlets[1])}
    return {name: set[str]() for name in plain | named} | restricted


def documented() -> dict[str, set[str]]:
    """Return the same as the page has it."""
    found: dict[str, set[str]] = {name: set() for name in OWN}
    for cmdlets, parameters in re.findall(
        r"^  \| (`[^|]+`) \| ([^|]+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE
    ):
        for name in re.findall(r"`([^`]+)`", cmdlets):
            found[name] = set(re.findall(r"`([^`]+)`", parameters))
    return found


def test_the_page_says_what_the_role_capability_offers() -> None:
    assert documented() == role()


def test_every_cmdlet_of_the_shipped_operations_is_offered_or_left_out_on_purpose() -> None:
    used = {step.cmdlet for operation in built_in_operations().values() for step in operation.steps}

    assert used - set(role()) == LEFT_OUT
    assert all(f"`{name}`" in DOCS.read_text(encoding="utf-8") for name in LEFT_OUT)


@pytest.mark.parametrize("cmdlet", ["New-Mailbox", "Set-User"])
def test_what_changes_accounts_has_exactly_the_parameters_that_operations_use(cmdlet: str) -> None:
    used = {
        name
        for operation in built_in_operations().values()
        for step in operation.steps
        if step.cmdlet == cmdlet
        for name in step.parameters
    }

    assert role()[cmdlet] == used
