"""Settings: everything wrong at once, the environment on top, the shipped example."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps import InvalidInput, Settings, UsageProblem, load_settings
from bulkps.credentials import credentials, password
from bulkps.errors import CannotConnect
from bulkps.sessions.connection import Auth, Connection, ConnectionType
from bulkps.settings import VARIABLES
from tests.conftest import Run, Tenant, as_object, rehearsal

ROOT = Path(__file__).resolve().parent.parent


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_example_equals_the_defaults_and_names_every_setting() -> None:
    path = ROOT / "config" / "bulkps.yaml"

    assert load_settings(path, {}) == Settings()
    text = path.read_text(encoding="utf-8")
    for name in field_names(Settings()):
        assert f"{name}:" in text, f"{name} is not in the example"


def field_names(value: Any) -> set[str]:
    names: set[str] = set()
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            names |= {field.name} | field_names(getattr(value, field.name))
    elif isinstance(value, dict):
        for one in value.values():
            names |= field_names(one)
    return names


def test_every_problem_is_told_at_once_with_line_path_and_hint(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "conection: x\nrun:\n  batch_size: many\n  retry:\n    transient: {attempt: 3, jitter: 2}\n"
        "connections:\n  p: {type: exchang}\n  q: {type: exchange, auth: basic, tls: false, server: a}\n"
        "  r: {type: winrm}\n",
    )

    with pytest.raises(InvalidInput) as caught:
        load_settings(path, {})

    text = str(caught.value)
    assert "line 1: conection: unknown setting; did you mean connection?" in text
    assert "line 3: run.batch_size: expected a whole number, found 'many'" in text
    assert "line 5: run.retry.transient.attempt: unknown setting; did you mean attempts?" in text
    assert "line 5: run.retry.transient.jitter: must be from 0 to below 1, not 2.0" in text
    assert (
        "line 7: connections.p.type: expected 'simulator', 'process', 'winrm' or 'exchange', found 'exchang'"
        in text
    )
    assert "line 8: connections.q.auth: basic without tls would send the password in clear text" in text
    assert "line 9: connections.r.server: is required for type winrm" in text


def test_errors_that_a_retry_could_do_twice_take_no_retry_policy(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="only transient and throttled errors are retried"):
        load_settings(write(tmp_path, "run: {retry: {uncertain: {attempts: 2}}}\n"), {})


def test_who_sets_one_wait_of_connect_keeps_the_other_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "run: {connect: {first_wait: 0.5}}\n"), {})

    assert settings.run.connect == dataclasses.replace(Settings().run.connect, first_wait=0.5)
    assert settings.run.connect.attempts == 3


def test_attempts_of_connect_that_are_left_open_are_those_of_max_retries(tmp_path: Path) -> None:
    run = load_settings(write(tmp_path, "run: {max_retries: 6, connect: {attempts: null}}\n"), {}).run

    assert run.attempts_of(run.connect) == 7


def test_a_key_that_is_given_twice_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="line 2: connection: is given twice"):
        load_settings(write(tmp_path, "connection: simulator\nconnection: simulator\n"), {})


def test_what_is_not_yaml_is_said_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="line 2, column"):
        load_settings(write(tmp_path, "run: {batch_size: 1\nfoo: ]\n"), {})


def test_a_file_that_is_not_there_is_a_usage_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="cannot read"):
        load_settings(tmp_path / "nowhere.yaml", {})


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_environment_variable_stands_in_for_its_setting(variable: str, tmp_path: Path) -> None:
    values = {"BULKPS_CONNECTION": "other", "BULKPS_OPERATIONS_PATH": "folder"}
    given = values.get(
        variable, "true" if VARIABLES[variable][-1] in ("stop_on_error", "parallel_execution") else "7"
    )
    if variable == "BULKPS_RETRY_FAILED":
        given = "false"
    path = write(tmp_path, "connections: {other: {type: simulator}}\n")

    changed = load_settings(path, {variable: given})

    assert changed != load_settings(path, {})
    with pytest.raises(InvalidInput):
        load_settings(path, {variable: given, "BULKPS_BATCH_SIZE": "0"})


def test_the_environment_names_the_settings_file(tmp_path: Path) -> None:
    path = write(tmp_path, "run: {batch_size: 3}\n")

    assert load_settings(None, {"BULKPS_CONFIG": str(path)}).run.batch_size == 3


def test_a_password_comes_from_the_environment_the_keyring_or_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Connection(ConnectionType.EXCHANGE, server="ex01", username="svc", auth=Auth.BASIC)
    monkeypatch.setenv("BULKPS_PASSWORD", "general")
    monkeypatch.setenv("BULKPS_PASSWORD_EX_1", "own")

    own, general = password("ex-1", {"ex-1": there}, None), password("other", {"other": there}, None)
    monkeypatch.delenv("BULKPS_PASSWORD")
    asked = password("other", {"other": there}, lambda question: "typed")

    assert own and own.reveal() == "own"
    assert general and general.reveal() == "general"
    assert asked and asked.reveal() == "typed"
    assert password("s", {"s": Connection(ConnectionType.SIMULATOR)}, None) is None


#: Settings with connections that take a password, others that do not, and two whose names are alike.
SERVERS = (
    "connection: onprem\nconnections:\n"
    "  onprem: {type: exchange, server: ex01.invalid, username: svc, auth: basic}\n"
)
SECOND = "  lab: {type: winrm, server: lab.invalid, username: svc}\n"
BESIDE = "  mine: {type: process}\n  as-me: {type: exchange, server: ex03.invalid, auth: kerberos}\n"
ALIKE = (
    "  on.prem: {type: winrm, server: a.invalid, username: u}\n"
    "  on-prem: {type: winrm, server: b.invalid, username: u}\n"
)


def test_the_general_password_reaches_no_server_where_two_connections_take_one(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKPS_PASSWORD", "Hunter2")
    path = write(tmp_path, SERVERS + SECOND)

    said = bulkps("doctor", "--config", path)

    assert said.exit_code == 5
    assert "is set, but 2 connections in the settings take a password (onprem, " in said.stderr
    assert "set BULKPS_PASSWORD_ONPREM, " in said.stderr
    assert "keyring set bulkps:ex01.invalid 'svc'" in said.stderr
    assert "Hunter2" not in said.output


def test_the_general_password_is_that_of_the_one_connection_that_takes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKPS_PASSWORD", "general")
    connections = load_settings(write(tmp_path, SERVERS + BESIDE)).connections

    found = password("onprem", connections, None)

    assert found and found.reveal() == "general"
    assert password("as-me", connections, None) is None


def test_a_variable_that_two_connections_share_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKPS_PASSWORD_ON_PREM", "whose")
    connections = load_settings(write(tmp_path, SERVERS + ALIKE)).connections

    with pytest.raises(CannotConnect, match=r"BULKPS_PASSWORD_ON_PREM would also be the password of on-prem"):
        password("on.prem", connections, None)


@pytest.mark.parametrize("stored", ["BULKPS_PASSWORD", "BULKPS_PASSWORD_ONPREM", "keyring"])
def test_settings_that_name_another_server_do_not_get_the_password(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stored: str
) -> None:
    if stored == "keyring":
        entries = {("bulkps:ex01.invalid", "svc"): "Hunter2"}
        monkeypatch.setattr("keyring.get_password", lambda service, user: entries.get((service, user)))
    else:
        monkeypatch.setenv(stored, "Hunter2")
        monkeypatch.setenv("BULKPS_SERVERS", "EX01.invalid, ex02.invalid")
    right = load_settings(write(tmp_path, SERVERS)).connections
    found = password("onprem", right, None)
    changed = write(tmp_path, SERVERS.replace("ex01", "evil"))

    said = bulkps("doctor", "--config", changed)

    assert found and found.reveal() == "Hunter2"
    assert said.exit_code == 5
    expected = "no password for svc" if stored == "keyring" else "evil.invalid is not one of the servers in"
    assert expected in said.stderr


def test_the_certificate_password_is_bound_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BULKPS_CERTIFICATE_PASSWORD", "general")
    one = (
        "  {}: {{type: winrm, server: {}.invalid, exchange_online: {{organization: contoso.onmicrosoft.com, "
        "app_id: 2f1a0e6c-5d3b-4c8e-9f70-1b2c3d4e5f60, certificate_file: x.pfx}}}}\n"
    )
    first, second = (one.format(name, name) for name in "ab")
    alone = load_settings(write(tmp_path, f"connections:\n{first}")).connections
    two = load_settings(write(tmp_path, f"connections:\n{first}{second}")).connections

    found, nothing = credentials("a", alone, None), credentials("a", two, None)
    monkeypatch.setenv("BULKPS_SERVERS", "other.invalid")
    with pytest.raises(CannotConnect, match="is not one of the servers"):
        credentials("a", alone, None)

    assert found.certificate_password and found.certificate_password.reveal() == "general"
    assert nothing.certificate_password is None


#: What starts a session, and what it is told.
STARTS = {
    "doctor": ["doctor"],
    "validate": ["validate", "restore", "IN", "--quiet"],
    "run": ["run", "restore", "IN", "--quiet"],
    "export": ["export", "-o", "OUT", "--no-sizes", "--quiet"],
    "resume": ["resume", "last", "--quiet"],
    "retry": ["retry", "last", "--quiet"],
}


@pytest.mark.parametrize("name", list(STARTS))
def test_a_certificate_that_is_not_checked_is_warned_of_at_every_start(
    bulkps: Run, tmp_path: Path, tenant: Callable[..., Tenant], name: str
) -> None:
    there = tenant()
    text = there.config.read_text(encoding="utf-8")
    places = {"IN": rehearsal(bulkps, "restore", 1, tmp_path / "in.csv"), "OUT": tmp_path / "out.csv"}
    if "last" in STARTS[name]:
        bulkps("run", "restore", places["IN"], "--quiet", "--config", there.config)
    there.config.write_text(text.replace("}", ", verify_certificate: false}", 1), encoding="utf-8")

    arguments = [places.get(one, one) for one in STARTS[name]]
    said = bulkps(*arguments, "--config", there.config, "--json")

    assert "warning: connections.tenant.verify_certificate is false" in said.stderr
    (warning,) = as_object(said)["connection_warnings"]
    assert "Set ca_file to the issuer's certificate instead" in warning
