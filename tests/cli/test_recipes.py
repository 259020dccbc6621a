"""The commands on the pages of recipes and rehearsals, run as they stand there."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.passwordfiles import Recipient
from tests.conftest import Run, Tenant, rehearsal

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
EXAMPLES = DOCS.parent / "config" / "operations"
#: Commands that end otherwise here than for who reads the page: the run that they are about is over.
OTHERWISE = {"bulkps pause": 2, "bulkps cancel": 2}
#: What these pages do in a terminal of its own, or answer there.
ELSEWHERE = ("bulkps simulate",)


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def check_commands(bulkps: Run, page: str) -> None:
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        assert words[0] == "bulkps", f"{page}: not run by this test: {line}"
        if line.startswith(ELSEWHERE):
            continue
        confirmed = ["--yes"] if words[1:3] == ["run", "recovery"] else []
        result = bulkps(*words[1:], *confirmed)
        wanted = next((code for start, code in OTHERWISE.items() if line.startswith(start)), 0)
        assert result.exit_code == wanted, f"{page}: {line}\n{result.output}"


def test_the_recipes_do_what_they_say(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    monkeypatch.chdir(tmp_path)
    settings = there.config.read_text(encoding="utf-8")
    shutil.copytree(EXAMPLES, tmp_path / "own")
    Path("prod.yaml").write_text(f"operations_path: {tmp_path / 'own'}\n{settings}", encoding="utf-8")
    Path("leavers.csv").write_text(blocks("recipes.md", "csv")[0], encoding="utf-8")
    rehearsal(bulkps, "recovery", 2, Path("returning.csv"))
    Recipient().write(Path("desk.cer"))

    check_commands(bulkps, "recipes.md")

    # The same file several times, and one effect.
    assert there.simulator.calls["New-MailboxRestoreRequest"] == 1
    assert there.simulator.calls["New-Mailbox"] == 2


def test_the_page_on_any_cmdlet_does_what_it_says(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    monkeypatch.chdir(tmp_path)
    shutil.copy(there.configure(preflight=True), "prod.yaml")
    Path("attributes.csv").write_text(blocks("any-cmdlet.md", "csv")[0], encoding="utf-8")
    rehearsal(bulkps, "restore", 3, Path("in.csv"))
    bulkps("run", "restore", "in.csv", "--config", "prod.yaml", "--results", "restored.csv", "--quiet")

    check_commands(bulkps, "any-cmdlet.md")

    assert there.simulator.calls["Set-Mailbox"] == 2 + 2, "and set back"
    assert there.simulator.calls["Remove-MailboxRestoreRequest"] == 3


def test_the_page_on_rehearsals_does_what_it_says(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tenant()
    monkeypatch.chdir(tmp_path)
    shutil.copy(there.config, "there.yaml")

    check_commands(bulkps, "rehearsals.md")

    assert len(there.simulator.effects_by_mailbox()) == 12


def test_the_faults_on_the_page_are_options_of_simulate(bulkps: Run) -> None:
    offered = bulkps("simulate", "--help").output
    table = (DOCS / "rehearsals.md").read_text(encoding="utf-8")

    named = set(re.findall(r"`(--[a-z-]+)[ `]", table)) - {"--again", "--config", "--rows"}
    assert len(named) > 8
    for option in named:
        assert option in offered
