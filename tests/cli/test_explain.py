"""``bulkps explain`` knows every code that bulkps prints; the pages of docs/ say the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkps.engine.machine_messages import StopReason
from bulkps.errors import ExitCode
from bulkps.exchange.error_catalog import UNKNOWN_MUTATION, UNKNOWN_READ, shipped_catalogue
from bulkps.preflight.findings import Code
from tests.conftest import Run, as_object, rehearsal

PACKAGE = Path(__file__).resolve().parent.parent.parent / "bulkps"
#: Rooms that give a row or a run its code. Those of the error catalogue are listed by themselves.
ROOMS = ("api", "engine", "export", "passwords", "preflight", "records", "runs")
#: What looks like a code in these rooms and is none.
NO_CODES = {"after-lookup", "archive-sizes", "pre-flight", "request-statistics", "soft-deleted"}
DASHED = r"[a-z]+(?:-[a-z]+)+"
#: Where an item's code stands among the arguments of what gives it one.
GIVERS = {"failed": 1, "skipped": 1, "waiting": 1, "doubted": 2, "skip_pending": 0}


def constants() -> Iterator[ast.AST]:
    for room in ROOMS:
        for path in sorted((PACKAGE / room).rglob("*.py")):
            yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def codes_in_the_source() -> set[str]:
    """Return the codes that the rooms have as literals: words with dashes, and what an item is given."""
    found = set()
    for node in constants():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            place = GIVERS.get(node.func.attr)
            given = [one.value for one in node.keywords if one.arg == "code"]
            given += node.args[place : place + 1] if place is not None else []
            found |= {str(one.value) for one in given if isinstance(one, ast.Constant) and one.value}
        elif isinstance(node, ast.Constant) and re.fullmatch(DASHED, str(node.value)):
            found.add(str(node.value))
    return found - NO_CODES


def every_code() -> list[str]:
    """Return every code that the product can print, from where each kind of them is defined."""
    catalogue = (*shipped_catalogue(), UNKNOWN_MUTATION, UNKNOWN_READ)
    return sorted(
        {
            *(code.value for code in Code),
            *(entry.id for entry in catalogue),
            *(reason.value for reason in StopReason),
            *(str(int(code)) for code in ExitCode),
            *codes_in_the_source(),
        }
    )


def test_codes_are_found_in_the_source() -> None:
    assert {
        "in-doubt",
        "never-answered",
        "request-gone",
        "not-shown",
        "left-to-other-run",
    } <= codes_in_the_source()
    assert "invalid-input" in codes_in_the_source()


@pytest.mark.parametrize("code", every_code())
def test_every_code_is_explained(bulkps: Run, code: str) -> None:
    said = bulkps("explain", code)

    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(f"{code}: ")
    assert code.isdigit() or "What to do: " in said.stdout


def test_all_codes_are_listed_with_one_line_each(bulkps: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = bulkps("explain")

    assert said.exit_code == 0
    lines = said.stdout.splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  ")]
    assert sorted(listed) == every_code()
    assert all(len(line) <= 80 for line in lines)
    assert any(re.fullmatch(r"  in-doubt +The row was sent, and whether .+", line) for line in lines)


def test_a_misspelt_code_gets_a_suggestion(bulkps: Run) -> None:
    said = bulkps("explain", "in-dout")
    told = bulkps("explain", "in-dout", "--json")

    assert (said.exit_code, said.stdout) == (2, "")
    assert "unknown code 'in-dout'" in said.stderr and "did you mean in-doubt?" in said.stderr
    assert "bulkps explain lists all codes" in said.stderr
    assert told.exit_code == 2
    assert as_object(told)["exit_code"] == 2


def test_an_explanation_says_what_it_means_how_to_look_and_what_to_do(bulkps: Run) -> None:
    said = bulkps("explain", "LEGACY-DN-MISMATCH").stdout

    assert said.startswith("legacy-dn-mismatch: pre-flight finding\n")
    assert "Blocks restore." in said
    assert "    Get-Mailbox -Identity $target | Format-List LegacyExchangeDN, EmailAddresses\n" in said
    assert "What to do: If it is the right target, add the source's LegacyExchangeDN" in said
    assert "    Set-Mailbox $target -EmailAddresses @{Add=" in said
    assert "$guid is the ExchangeGuid of the source" in said
    assert "`" not in said


def test_an_error_is_explained_with_exchanges_own_words(bulkps: Run) -> None:
    said = bulkps("explain", "auto-expanding-archive", "kerberos").stdout

    assert "You can't recover or restore an inactive mailbox" in said
    assert "kerberos: error of Exchange or of the connection\n" in said
    assert "It affects every row, so the run stops" in said
    assert "Server not found in Kerberos database" in said


def test_the_codes_of_one_cell_are_explained_together(bulkps: Run) -> None:
    said = bulkps("explain", "source-missing;name-taken", "--json")

    told = as_object(said)
    assert [one["code"] for one in told["explanations"]] == ["source-missing", "name-taken"]
    assert told["exit_code"] == 0
    first = told["explanations"][0]
    assert first["kind"] == "finding"
    assert set(first) == {"code", "kind", "effect", "meaning", "look", "what_to_do", "cmdlets", "examples"}


def test_an_entry_of_the_settings_is_explained_too(bulkps: Run, tmp_path: Path) -> None:
    config = tmp_path / "own.yaml"
    config.write_text(
        "errors:\n- {id: our-proxy, pattern: proxy says no, error_class: permanent, advice: Ask the team.}\n"
    )

    unknown = bulkps("explain", "our-proxy")
    said = bulkps("explain", "our-proxy", "--config", config)

    assert unknown.exit_code == 2
    assert "What to do: Ask the team." in said.stdout


@pytest.mark.parametrize("width", [80, 120])
def test_an_explanation_fits_the_terminal(bulkps: Run, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    whole = bulkps("explain", "in-doubt").stdout
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = bulkps("explain", "in-doubt").stdout

    assert whole.split() == narrow.split()
    assert max(map(len, whole.splitlines())) > width >= max(map(len, narrow.splitlines()))


def test_a_run_names_the_command_that_explains_what_was_found(bulkps: Run, tmp_path: Path) -> None:
    said = bulkps("run", "restore", rehearsal(bulkps, "restore", 12, tmp_path / "in.csv"), "--quiet")

    assert "Explanations and fixes: bulkps explain archive-left-out\n" in said.stderr


def test_no_message_points_at_a_page_of_the_repository() -> None:
    shipped = [path for kind in ("*.yaml", "*.json") for path in PACKAGE.rglob(kind)]
    texts = {str(path): path.read_text(encoding="utf-8").split("\ncodes:")[-1] for path in shipped}
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        strings = [
            node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in comments
        ]
        texts[str(path)] = "\n".join(node.value for node in strings if isinstance(node.value, str))

    assert [path for path, text in texts.items() if "docs/" in text] == []


def test_the_settings_file_that_cannot_be_read_is_a_usage_error_as_everywhere(
    bulkps: Run, tmp_path: Path
) -> None:
    assert bulkps("explain", "--config", tmp_path / "none.yaml").exit_code == 2


def test_every_code_that_an_advice_names_is_known(bulkps: Run) -> None:
    known = set(every_code())
    texts = [entry.advice for entry in shipped_catalogue()]
    named = [
        code
        for text in texts
        for codes in re.findall(r"bulkps explain ((?:[a-z]+(?:-[a-z]+)+[ ,]*)+)", text)
        for code in re.findall(DASHED, codes)
    ]

    assert len(named) > 10
    assert set(named) <= known
    assert not any("docs/" in text for text in texts)
    assert bulkps("explain", *sorted(set(named))).exit_code == 0
