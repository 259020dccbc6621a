"""Exchange Online in a session, against the stand-in of its module: sign-in, renewal, a whole run, doctor."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkps.simulator import Simulator, SimulatorOptions, standin_path
from tests.conftest import Run, as_object, rehearsal
from tests.engines import PWSH, needs_pwsh

APP = "2f1a0e6c-5d3b-4c8e-9f70-1b2c3d4e5f60"
ORGANIZATION = "contoso.onmicrosoft.com"
THUMBPRINT = "8A3B0C0D0E0F101112131415161718191A1B1C1D"


class Online:
    """The stand-in's service, and settings that lead to it through a child PowerShell."""

    def __init__(self, simulator: Simulator, folder: Path) -> None:
        self.simulator, self.config = simulator, folder / "online.yaml"
        self.configure()

    def configure(self, online: str = "", run: str = "", renew: str = "") -> Path:
        online = (
            online or f"app_id: {APP}, certificate_thumbprint: {THUMBPRINT}, organization: {ORGANIZATION}"
        )
        self.config.write_text(
            "connection: online\nconnections:\n"
            f"  online: {{type: process, executable: '{PWSH}', exchange_online: {{{online}}}{renew}}}\n"
            "run:\n  preflight: false\n  delay_between_batches: 0\n  follow: {first_wait: 0.2, max_wait: 1}\n"
            "  connect: {attempts: 2, first_wait: 0.1}\n" + run,
            encoding="utf-8",
        )
        return self.config


@pytest.fixture
def online(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Online]]:
    started: list[Simulator] = []

    def start(**options: Any) -> Online:
        settings: dict[str, Any] = {
            "rest": True,
            "mailboxes": 600,
            "restore_seconds": 0.1,
            "app_id": APP,
            "organization": ORGANIZATION,
            "thumbprint": THUMBPRINT,
            **options,
        }
        simulator = Simulator(SimulatorOptions(**settings))
        simulator.start()
        started.append(simulator)
        monkeypatch.setenv("BULKPS_STANDIN_URL", simulator.rest_url)
        modules = [str(standin_path()), os.environ.get("PSModulePath", "")]  # noqa: SIM112 - PowerShell spells it so
        monkeypatch.setenv("PSModulePath", os.pathsep.join(filter(None, modules)))
        return Online(simulator, tmp_path)

    yield start
    for simulator in started:
        simulator.stop()


@pytest.mark.proof
@needs_pwsh
def test_500_restores_through_a_child_powershell_have_one_effect_each(
    bulkps: Run, online: Callable[..., Online], tmp_path: Path
) -> None:
    there = online()
    file = rehearsal(bulkps, "restore", 500, tmp_path / "in.csv")

    result = bulkps(
        "run",
        "restore",
        file,
        "--config",
        there.config,
        "--json",
        "--quiet",
        "--batch-size",
        50,
        "--max-sessions",
        2,
    )

    said = as_object(result)
    assert said["counts"]["COMPLETED"] == 500, result.output
    assert said["simulated"] is False, "bulkps cannot know that the module is a stand-in"
    effects = there.simulator.effects_by_mailbox()
    assert len(effects) == 500
    assert set(effects.values()) == {1}


@pytest.mark.proof
@needs_pwsh
def test_a_recovery_through_the_module_carries_its_password_as_a_secure_string(
    bulkps: Run, online: Callable[..., Online], tmp_path: Path
) -> None:
    there = online()
    file = rehearsal(bulkps, "recovery", 3, tmp_path / "in.csv")

    result = bulkps("run", "recovery", file, "--config", there.config, "--json", "--quiet", "--yes")

    assert as_object(result)["counts"]["COMPLETED"] == 3, result.output
    assert len(set(there.simulator.tenant.received_passwords)) == 3


@needs_pwsh
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            f"app_id: {APP[:-1]}1, certificate_thumbprint: {THUMBPRINT}, organization: {ORGANIZATION}",
            "AADSTS",
        ),
        pytest.param(
            f"app_id: {APP}, certificate_thumbprint: {THUMBPRINT}, organization: other.onmicrosoft.com",
            "AADSTS",
            marks=pytest.mark.proof,
        ),
    ],
)
def test_a_refused_sign_in_ends_with_5_after_one_try(
    bulkps: Run, online: Callable[..., Online], tmp_path: Path, settings: str, expected: str
) -> None:
    there = online()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.configure(settings), "--quiet")

    assert result.exit_code == 5, result.output
    assert "Connect-ExchangeOnline was refused" in result.stderr
    assert expected in result.stderr
    assert there.simulator.calls == {}


@needs_pwsh
def test_a_module_that_is_not_there_says_how_to_get_it(
    bulkps: Run, online: Callable[..., Online], monkeypatch: pytest.MonkeyPatch
) -> None:
    there = online()
    monkeypatch.setenv("PSModulePath", "")

    result = bulkps("doctor", "--config", there.config)

    assert result.exit_code == 5, result.output
    assert "ExchangeOnlineManagement is not installed" in result.stderr
    assert "Install-Module" in result.stderr


@pytest.mark.proof
@needs_pwsh
def test_a_module_that_is_too_old_is_named_with_its_version(
    bulkps: Run, online: Callable[..., Online], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = online()
    old = tmp_path / "modules" / "ExchangeOnlineManagement"
    shutil.copytree(standin_path() / "ExchangeOnlineManagement", old)
    manifest = old / "ExchangeOnlineManagement.psd1"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(re.sub(r"(ModuleVersion\s*=\s*)'[^']*'", r"\1'2.0.5'", text), encoding="utf-8")
    monkeypatch.setenv("PSModulePath", str(old.parent))
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    result = bulkps("run", "restore", file, "--config", there.config, "--quiet")

    assert result.exit_code == 5, result.output
    assert "ExchangeOnlineManagement 3.0.0 or later is needed, found 2.0.5" in result.stderr
    assert "Update-Module" in result.stderr
    assert there.simulator.calls == {}


@pytest.mark.proof
@needs_pwsh
def test_a_session_is_renewed_between_batches_before_its_token_ends(
    bulkps: Run, online: Callable[..., Online], tmp_path: Path
) -> None:
    there = online(token_seconds=120)
    config = there.configure(renew=", renew: {before_token_end: 200}")
    file = rehearsal(bulkps, "restore", 20, tmp_path / "in.csv")

    result = bulkps(
        "run", "restore", file, "--config", config, "--json", "--quiet", "--no-wait", "--batch-size", 10
    )

    said = as_object(result)
    assert said["counts"]["IN_PROGRESS"] == 20, result.output
    assert '"a session is renewed: its token is about to end"' in Path(said["audit"]).read_text(
        encoding="utf-8"
    )
    assert set(there.simulator.effects_by_mailbox().values()) == {1}


@pytest.mark.proof
@needs_pwsh
def test_doctor_shows_the_session_and_what_this_account_lacks(
    bulkps: Run, online: Callable[..., Online]
) -> None:
    whole = online()
    sound = as_object(bulkps("doctor", "--config", whole.config, "--json"))
    lacking = online(hidden_parameters="New-MailboxRestoreRequest:AllowLegacyDNMismatch,Set-User:*")
    found = as_object(bulkps("doctor", "--config", lacking.config, "--json"))
    table = bulkps("doctor", "--config", lacking.config)

    assert sound["batching"] is True
    assert sound["language"] == "full"
    assert ORGANIZATION in sound["exchange_online"]
    assert all(need["ok"] for need in sound["operations"].values()), sound["operations"]
    assert found["operations"]["restore"]["missing"] == ["New-MailboxRestoreRequest -AllowLegacyDNMismatch"]
    assert found["operations"]["recovery"]["missing"] == ["Set-User"]
    assert table.exit_code == 5
    assert "missing: New-MailboxRestoreRequest -AllowLegacyDNMismatch" in table.stdout


@pytest.mark.proof
@needs_pwsh
def test_an_export_through_a_child_powershell_says_what_our_own_endpoint_says(
    bulkps: Run, online: Callable[..., Online], tmp_path: Path
) -> None:
    there = online(mailboxes=30)
    ours = tmp_path / "ours.yaml"
    ours.write_text(
        f"connections:\n  simulator: {{type: simulator, server: 127.0.0.1, port: {there.simulator.port}}}\n",
        encoding="utf-8",
    )

    texts = []
    for config in (there.config, ours):
        result = bulkps("export", "-o", tmp_path / "out.json", "--config", config, "--force", "--json")
        assert result.exit_code == 0, result.output
        assert as_object(result)["unread"] == []
        texts.append((tmp_path / "out.json").read_text(encoding="utf-8").splitlines())

    assert texts[0] == texts[1]
    assert len(texts[0]) > 50
