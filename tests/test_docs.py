"""What the docs say is what the program does."""

import re
import sys
from pathlib import Path

import click
import pytest

from bulkps import ExitCode
from bulkps.cli import cli
from bulkps.intake import template_text
from bulkps.operations.loader import BUILT_IN, built_in_operations
from bulkps.runs.simulator_rows import sample_rows

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "docs"))
import generate  # noqa: E402

COMMANDS = cli.list_commands(click.Context(cli))


def commands_within(name: str) -> dict[str, click.Command]:
    """Return the command called *name* and, if it is a group, those in it, by what one types."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    within = command.commands if isinstance(command, click.Group) else {}
    return {name: command, **{f"{name} {inner}": one for inner, one in within.items()}}


@pytest.mark.parametrize("page", generate.PAGES)
def test_a_generated_page_is_as_it_would_be_generated(page: str) -> None:
    committed = (ROOT / "docs" / page).read_text(encoding="utf-8")

    assert committed == generate.PAGES[page](), "python docs/generate.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_with_an_example(name: str) -> None:
    for typed, command in commands_within(name).items():
        assert command.help
        assert "Example:" in command.help
        assert f"bulkps {typed}" in command.help
        assert all(option.help for option in command.params if isinstance(option, click.Option))


def test_the_readme_names_every_command_and_exit_code() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    for name in COMMANDS:
        assert f"`bulkps {name}" in readme
    for code in ExitCode:
        assert re.search(rf"\b{int(code)}\b", readme)


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
)
def test_a_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    for link in re.findall(r"\]\(([^)#]+)", text):
        if not link.startswith("http"):
            assert ((ROOT / page).parent / link).exists(), f"{page}: {link}"


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_shipped_file_fits_the_simulators_tenant(name: str) -> None:
    operation = built_in_operations()[name]
    shipped = (ROOT / "templates" / f"{name}.csv").read_bytes().decode("utf-8-sig")

    assert shipped == template_text(operation, sample_rows(operation, 12, 1)), (
        f"bulkps template {name} --rows 12 -o templates/{name}.csv"
    )


def test_the_changelog_has_the_version_on_top() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.search(r"## \[Unreleased\]", changelog)
