"""Help is quick, for it loads nothing that it does not need; a misspelt command is known."""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from bulkps.cli import cli
from bulkps.cli.group import COMMANDS
from bulkps.engine.item import ITEMS_LEFT_BEHIND
from bulkps.engine.item_status import BulkItemStatus
from bulkps.export.exporter import ExportKind
from bulkps.simulator import Engine, Language
from tests.conftest import Run

#: What every help loads of bulkps, beside the command that is asked about.
LIGHT = {
    "bulkps",
    "bulkps.__main__",
    "bulkps.cli",
    "bulkps.cli.commands",
    "bulkps.cli.commands.shared_options",
    "bulkps.cli.group",
    "bulkps.cli.time_limit",
    "bulkps.errors",
    "bulkps.visible_text",
}
_SAY_MODULES = "import sys; print(*sys.modules, file=sys.stderr)"
_HELP = """
import sys
sys.argv = ["bulkps", *{words!r}, "--help"]
from bulkps.__main__ import main
try:
    main()
except SystemExit as left:
    assert not left.code, left.code
"""


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


def every_command() -> Iterator[str]:
    """Yield what is typed for every command, those within groups included."""
    for name in COMMANDS:
        yield name
        found = command(name)
        if isinstance(found, click.Group):
            yield from (f"{name} {inner}" for inner in found.commands)


@cache
def loaded(program: str) -> frozenset[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{_SAY_MODULES}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return frozenset(done.stderr.split())


@pytest.mark.parametrize("typed", ["", *every_command(), "operations restore"])
def test_help_loads_click_and_the_options_of_that_command_and_nothing_more(typed: str) -> None:
    words = typed.split()

    more = loaded(_HELP.format(words=words)) - loaded("import click")

    ours = {name for name in more if name.split(".")[0] == "bulkps"}
    others = {name.split(".")[0] for name in more - ours} - sys.stdlib_module_names
    assert others <= {"click"}, "libraries that help does not need"
    assert ours == LIGHT | {f"bulkps.cli.commands.{word}" for word in words[:1]}


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_bulkps_says_of_each_command_what_the_command_says_of_itself(width: int) -> None:
    ours, clicks = click.HelpFormatter(width=width), click.HelpFormatter(width=width)

    cli.format_commands(click.Context(cli), ours)

    # As click writes it, from commands that it loads.
    click.Group.format_commands(cli, click.Context(cli), clicks)
    assert ours.getvalue() == clicks.getvalue()
    for name, sentence in COMMANDS.items():
        assert sentence == command(name).get_short_help_str(limit=1000)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("rnu", "run"), ("valdate", "validate"), ("resutls", "results"), ("template-", "template")],
)
def test_a_misspelt_command_is_answered_with_what_was_probably_meant(
    bulkps: Run, typed: str, meant: str
) -> None:
    refused = bulkps(typed, "restore")

    assert refused.exit_code == 2
    assert f"No such command '{typed}'." in refused.stderr
    assert "Did you mean" in refused.stderr
    assert f"'{meant}'" in refused.stderr


def test_a_command_that_is_like_none_is_only_refused(bulkps: Run) -> None:
    refused = bulkps("xyzzy")

    assert refused.exit_code == 2
    assert "No such command 'xyzzy'." in refused.stderr
    assert "Did you mean" not in refused.stderr


def choices(name: str, option: str) -> list[str]:
    """Return what an option takes, as ``bulkps COMMAND --help`` prints it."""
    kind: Any = next(one for one in command(name).params if option in one.opts).type
    return list(kind.choices)


def test_options_that_do_not_load_an_enumeration_take_every_value_of_it(bulkps: Run) -> None:
    only = [*(status.name.lower() for status in BulkItemStatus), ITEMS_LEFT_BEHIND]

    assert f"comma-separated: {', '.join(only)}." in " ".join(bulkps("results", "-h").stdout.split())
    assert choices("export", "--kind") == [kind.value for kind in ExportKind]
    assert choices("simulate", "--engine") == [engine.value for engine in Engine]
    assert choices("simulate", "--language") == [language.value for language in Language]


def test_a_file_for_an_operation_of_ones_own_is_written_without_settings(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("conection: prod\n", encoding="utf-8")
    monkeypatch.setenv("BULKPS_CONFIG", str(broken))

    written = bulkps("operations", "new", "hide", "--cmdlet", "Set-Mailbox")

    assert written.exit_code == 0, written.stderr
    assert "Set-Mailbox" in written.stdout
    assert bulkps("operations").exit_code == 3, "what lists operations still needs them"
