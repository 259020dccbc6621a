"""Pre-flight finds the same on every route to the same tenant."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bulkps.sessions.connection import ConnectionType
from bulkps.simulator import Simulator, Tenant
from bulkps.simulator.rest.auth import SignIn
from tests.conftest import Run, as_object, read_csv, rehearsal, write_csv
from tests.contract.routes import APP, ORGANIZATION, ROUTES, Route, connection_of, options_of
from tests.contract.test_contract import TENANT
from tests.engines import needs_pwsh

#: Run by ``python -m pytest -m proof``: too many processes for the suite.
pytestmark = pytest.mark.proof

Found = list[tuple[str, ...]]


def settings(route: Route, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, path: Path) -> Path:
    """Write settings that lead to *simulator* on *route*."""
    connection = connection_of(route, simulator, monkeypatch)
    if connection.type is ConnectionType.PROCESS:
        where = (
            f"type: process, executable: '{connection.executable}', exchange_online: {{organization: "
            f"{ORGANIZATION}, app_id: {APP}, certificate_thumbprint: '8A3B'}}"
        )
    else:
        where = f"type: simulator, server: 127.0.0.1, port: {simulator.port}"
    path.write_text(f"connection: there\nconnections:\n  there: {{{where}}}\n", encoding="utf-8")
    return path


def rows_of(tenant: Tenant, operation: str) -> list[dict[str, str]]:
    """Return a row for each trouble of *operation* with a source of its own, and a sound one."""
    troubles = {one.source: one for one in tenant.troubles.values() if one.operation == operation}
    source = str(tenant.inactive(1)["ExchangeGuid"])
    if operation == "recovery":
        rows = [{"source_guid": one.source, "target_upn": one.upn} for one in troubles.values()]
        rows.append({"source_guid": source, "target_upn": "sound@contoso.com"})
        return [{**row, "display_name": "N"} for row in rows]
    rows = [
        {
            "source_guid": one.source,
            "target_mailbox": one.target,
            "source_is_archive": str(one.source_is_archive),
            "target_is_archive": str(one.target_is_archive),
        }
        for one in troubles.values()
    ]
    target = str(tenant.active(1)["PrimarySmtpAddress"])
    return [*rows, {**dict.fromkeys(rows[0], ""), "source_guid": source, "target_mailbox": target}]


def found_on(
    route: Route, operation: str, bulkps: Run, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Found:
    """Return what validate finds on *route*."""
    with Simulator(options_of(route, troubles=True)) as simulator:
        config = settings(route, simulator, monkeypatch, folder / "there.yaml")
        write_csv(folder / "in.csv", rows_of(simulator.tenant, operation))
        said = bulkps("validate", operation, folder / "in.csv", "--config", config, "--sizes", "--quiet")
        assert said.exit_code == 4, said.output
        assert simulator.effects_by_mailbox() == {}
    kept = ("source_guid", "status", "error_code", "error", "advice", "warnings", "evidence")
    return [tuple(row[name] for name in kept) for row in read_csv(bulkps("results", "last").stdout)]


@pytest.mark.parametrize("operation", ["recovery", "restore"])
@pytest.mark.parametrize("route", TENANT[1:])
def test_the_same_is_found_on_every_route(
    bulkps: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, route: Route, operation: str
) -> None:
    expected = found_on(ROUTES[0], operation, bulkps, monkeypatch, tmp_path)

    assert found_on(route, operation, bulkps, monkeypatch, tmp_path) == expected
    assert len({code for _, _, code, *_ in expected}) >= 7
    assert expected[-1][1] == "COMPLETED"


@needs_pwsh
def test_a_run_signs_in_once_for_its_preflight_and_for_what_it_sends(
    bulkps: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Mapping[str, object]] = []
    token = SignIn.token

    def counted(self: SignIn, asked_with: Mapping[str, object]) -> dict[str, object]:
        asked.append(asked_with)
        return token(self, asked_with)

    monkeypatch.setattr(SignIn, "token", counted)
    with Simulator(options_of(ROUTES[-1], restore_seconds=0.1)) as simulator:
        config = settings(ROUTES[-1], simulator, monkeypatch, tmp_path / "there.yaml")
        file = rehearsal(bulkps, "restore", 3, tmp_path / "in.csv")
        said = bulkps("run", "restore", file, "--config", config, "--json", "--quiet")

    assert as_object(said)["counts"]["COMPLETED"] == 3, said.output
    assert as_object(said)["preflight"]["state"] == "done"
    assert len(asked) == 1
