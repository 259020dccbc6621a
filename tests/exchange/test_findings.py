"""The page of findings says what the program finds."""

import re
from pathlib import Path

import pytest

from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.exchange.powershell_quoting import quoted
from bulkps.preflight.findings import Blocks, Code, Finding, Severity

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "findings.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
#: Cmdlets that are not Exchange's, or whose documentation is not among the shipped facts.
ELSEWHERE = {"Format-List", "Get-Command"}


def test_every_code_has_its_section_and_every_section_its_code() -> None:
    assert list(SECTIONS) == [code.value for code in Code]


def test_a_code_is_made_of_words_and_dashes() -> None:
    for code in Code:
        assert re.fullmatch(r"[a-z]+(?:-[a-z]+)*", code.value)
        assert code.name == code.value.replace("-", "_").upper()


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_a_section_says_what_it_means_how_to_see_it_and_what_to_do(code: Code) -> None:
    section = SECTIONS[code.value]

    assert re.match(r"\n\*(?:Blocks|Warns about|A note)", section)
    assert "```powershell" in section
    assert "**Instead**" in section


@pytest.mark.parametrize("code", Code, ids=lambda code: code.value)
def test_a_section_names_only_cmdlets_and_parameters_that_exist(code: Code) -> None:
    for block in re.findall(r"```powershell\n(.*?)```", SECTIONS[code.value], re.DOTALL):
        for statement in re.split(r"[|\n]+", re.sub(r"'[^']*'|\"[^\"]*\"", "", block)):
            if not (found := re.search(r"\b([A-Z][A-Za-z]+-[A-Z][A-Za-z]+)(.*)", statement)):
                continue
            name, rest = found.groups()
            if name in ELSEWHERE:
                continue
            facts = cmdlet_facts(name)
            assert facts is not None, name
            for parameter in re.findall(r"(?<=\s)-([A-Za-z]+)", rest):
                assert facts.parameter(parameter) is not None, f"{name} -{parameter}"


@pytest.mark.parametrize("severity", Severity, ids=lambda severity: severity.value)
def test_every_severity_is_explained(severity: Severity) -> None:
    assert f"| {severity.value} |" in PAGE


def test_a_finding_reads_as_a_sentence() -> None:
    finding = Finding(
        Code.SOURCE_MISSING, Severity.BLOCKER, Blocks.BOTH, "'x' names no mailbox", "Look again."
    )

    assert str(finding) == "blocker source-missing: 'x' names no mailbox. Look again."


def test_what_is_shown_in_quotes_is_one_text_to_powershell() -> None:
    assert quoted("O'Hara") == "'O''Hara'"
    assert quoted("x’; Remove-Mailbox y") == "'x’’; Remove-Mailbox y'"
