"""Texts of Exchange that no file and no database would take: they arrive visibly, and nothing breaks."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation, Outcome, Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials
from bulkps.sessions.session_factory import open_session
from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal
from tests.contract.mutations import replaced
from tests.front import Front, Reply, Request

#: What Exchange has, and what people see.
TEXTS = {
    "half a pair": ("Ann \ud83d", "Ann \\uD83D"),
    "the other half": ("\ude00 Ann", "\\uDE00 Ann"),
    "two halves the wrong way": ("a\ude00\ud83db", "a\\uDE00\\uD83Db"),
    "a whole pair": ("Ann \U0001f600", "Ann \U0001f600"),
    "an escape as text": ("_xD83D_ _x000A_", "_xD83D_ _x000A_"),
    "no character": ("a\ufffeb", "a\ufffeb"),
    "control characters": ("a\x00b\x1bc\u2028d", "a\x00b\x1bc\u2028d"),
}


def connection(port: int) -> Connection:
    return Connection(
        ConnectionType.SIMULATOR, server="127.0.0.1", port=port, auth=Auth.BASIC, username="simulator"
    )


def call(simulator: Simulator, name: Any) -> str:
    """Let a mailbox have a display name; return its id."""
    mailbox = simulator.tenant.mailboxes((Kind.ACTIVE,))[1]
    simulator.tenant.change(mailbox, mailbox.kind, {"DisplayName": name})
    return mailbox.text("ExchangeGuid")


def read(port: int, identity: str) -> Outcome:
    """Return what a session says of a mailbox."""
    session = open_session(connection(port), Credentials(Secret("simulator")), 60, ())
    (found,) = session.invoke(
        [Invocation("1", Cmdlet("Get-Mailbox", {"Identity": identity}), ("DisplayName",))]
    )
    session.close()
    return found


@pytest.mark.parametrize("name", TEXTS)
def test_a_display_name_arrives(name: str) -> None:
    text, shown = TEXTS[name]
    with Simulator(SimulatorOptions(mailboxes=3)) as simulator:
        identity = call(simulator, text)
        found = read(simulator.port, identity)

    assert found.answer is Answer.COMPLETED
    assert found.output == ({"DisplayName": shown},)
    json.dumps(found.output).encode("utf-8")


def test_a_character_that_xml_does_not_allow_arrives() -> None:
    """An engine writes U+FFFF as it is."""

    def answer(request: Request) -> Reply:
        return replaced(request.real(), b"PLACEHOLDER", "a\uffffb".encode())

    with Simulator(SimulatorOptions(mailboxes=3)) as simulator, Front(simulator, answer) as front:
        identity = call(simulator, "PLACEHOLDER")
        found = read(front.port, identity)

    assert found.output == ({"DisplayName": "a\uffffb"},)


def test_half_a_pair_in_a_display_name_is_exported_and_restored(
    bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path
) -> None:
    there = tenant()
    for one in there.simulator.tenant.mailboxes(tuple(Kind)):
        there.simulator.tenant.change(one, one.kind, {"DisplayName": f"{one.text('DisplayName')} \ud83d"})
    config = there.configure(preflight=True)

    exported = bulkps("export", "-o", tmp_path / "out.csv", "--config", config, "--json", "--quiet")
    file = rehearsal(bulkps, "restore", 4, tmp_path / "in.csv")
    ran = bulkps("run", "restore", file, "--config", config, "--json", "--quiet", "--yes")

    assert exported.exit_code == 0, exported.output
    rows = read_csv((tmp_path / "out.csv").read_text(encoding="utf-8-sig"))
    assert all("\\uD83D" in row["display_name"] for row in rows)
    assert as_object(ran)["counts"]["COMPLETED"] == 4, ran.output
    assert bulkps("audit", "verify", "last").exit_code == 0
    assert list(csv.reader(io.StringIO(bulkps("results", "last").stdout)))


ODD_NUMBERS: list[Any] = [float("inf"), float("-inf"), float("nan"), 10**30]


@pytest.mark.parametrize("value", ODD_NUMBERS, ids=str)
def test_a_number_that_json_has_no_word_for_is_a_text(value: Any) -> None:
    with Simulator(SimulatorOptions(mailboxes=3)) as simulator:
        identity = call(simulator, value)
        found = read(simulator.port, identity)

    assert json.loads(json.dumps(found.output, allow_nan=False))
