"""An answer is believed only where it can have come from nobody else, and proves no more than it does."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bulkps.engine.interfaces import SessionLostError, SessionRefusedError
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Invocation, Outcome, Secret
from bulkps.sessions.connection import Auth, Connection, ConnectionType, Credentials
from bulkps.sessions.session import PSRPSession
from bulkps.sessions.session_factory import open_session
from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.tenant.mailbox import Kind
from tests.front import PASSWORD, USER, Front, Reply, Request, allow_ntlm, as_it_is, fault

SHELL_GONE, TOO_MANY, TIMED_OUT, ACCESS_DENIED = 2150858843, 2150859174, 2150858793, 5


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(SimulatorOptions(mailboxes=5)) as started:
        yield started


def connection(front: Front, **settings: Any) -> Connection:
    """Return a connection that leads to *front*; one that signs in by NTLM encrypts its messages."""
    common: dict[str, Any] = {"server": "127.0.0.1", "port": front.port, "username": USER, **settings}
    if front.ntlm:
        return Connection(
            ConnectionType.WINRM, tls=False, auth=Auth.NTLM, **{**common, "username": f"EXAMPLE\\{USER}"}
        )
    return Connection(ConnectionType.SIMULATOR, auth=Auth.BASIC, **common)


@contextmanager
def opened(front: Front, **settings: Any) -> Iterator[PSRPSession]:
    session = open_session(connection(front, **settings), Credentials(Secret(PASSWORD)), 60, ())
    try:
        yield session
    finally:
        session.close()


def titled(simulator: Simulator) -> Invocation:
    guid = str(simulator.tenant.active(1)["ExchangeGuid"])
    return Invocation("1", Cmdlet("Set-User", {"Identity": guid, "Title": "ran"}))


def ran(simulator: Simulator) -> bool:
    """Return whether the cmdlet ran; the shell's worker may still be at it."""
    guid = str(simulator.tenant.active(1)["ExchangeGuid"])
    tick = threading.Event()
    for _ in range(600):
        if simulator.tenant.find(guid, [Kind.ACTIVE]).properties.get("Title") == "ran":
            return True
        tick.wait(0.05)
    return False


def lost(session: PSRPSession, *batch: Invocation) -> list[Outcome]:
    found: list[Outcome] = []
    with pytest.raises(SessionLostError):
        found.extend(session.invoke(batch))
    return found


class Forger:
    """Answers the command of a row, which it lets run, with what it makes."""

    def __init__(self, forge: Callable[[Request, Reply], Reply]) -> None:
        self.forge, self.armed = forge, False

    def __call__(self, request: Request) -> Reply:
        answered = request.real()
        if not self.armed or request.action != "Command":
            return answered
        self.armed = False
        return self.forge(request, answered)


FORGED: dict[str, Callable[[Request, Reply], Reply]] = {
    "a fault": lambda request, real: Reply(500, fault(request, SHELL_GONE), encrypted=False),
    "a quota fault": lambda request, real: Reply(500, fault(request, TOO_MANY), encrypted=False),
    "a success": lambda request, real: Reply(200, real.body, encrypted=False),
    "an empty one": lambda request, real: Reply(200, b"", encrypted=False),
    "one that is called encrypted": lambda request, real: Reply(
        500,
        fault(request, SHELL_GONE),
        {"Content-Type": 'multipart/encrypted;protocol="x";boundary="Encrypted Boundary"'},
        encrypted=False,
    ),
    "a refused sign-in": lambda request, real: Reply(401, b"", encrypted=False),
}


@pytest.mark.parametrize("name", FORGED)
def test_an_answer_without_encryption_proves_nothing(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    allow_ntlm(tmp_path, monkeypatch)
    forger = Forger(FORGED[name])
    with Front(simulator, forger, ntlm=True) as front, opened(front) as session:
        forger.armed = True
        (outcome,) = lost(session, titled(simulator))

        assert outcome.answer is Answer.LOST, outcome
        assert ran(simulator)


def test_a_session_with_encrypted_messages_works_and_its_faults_are_believed(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_ntlm(tmp_path, monkeypatch)
    gone = threading.Event()

    def answer(request: Request) -> Reply:
        if gone.is_set() and request.action == "Command":
            return Reply(500, fault(request, SHELL_GONE))
        return request.real()

    with Front(simulator, answer, ntlm=True) as front, opened(front) as session:
        (outcome,) = session.invoke([titled(simulator)])
        assert (outcome.answer, outcome.errors) == (Answer.COMPLETED, ())
        gone.set()
        (outcome,) = lost(session, titled(simulator))
        assert outcome.answer is Answer.NOT_SENT


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (SHELL_GONE, Answer.NOT_SENT),
        (TOO_MANY, Answer.FAILED),
        (TIMED_OUT, Answer.LOST),
        (ACCESS_DENIED, Answer.LOST),
        (995, Answer.LOST),
        (0, Answer.LOST),
    ],
)
@pytest.mark.parametrize("status", [500, 400])
def test_a_fault_that_answers_a_command_is_doubt_unless_nothing_can_have_run(
    simulator: Simulator, code: int, expected: Answer, status: int
) -> None:
    forger = Forger(lambda request, real: Reply(status, fault(request, code)))
    with Front(simulator, forger) as front, opened(front) as session:
        forger.armed = True
        if expected is Answer.FAILED:
            (outcome,) = session.invoke([titled(simulator)])
        else:
            (outcome,) = lost(session, titled(simulator))

    assert outcome.answer is expected


STRANGE: dict[str, Callable[[Request, Reply], Reply]] = {
    "a page": lambda request, real: Reply(503, b"<html>The service is unavailable"),
    "a page of XML": lambda request, real: Reply(502, b"<html/>"),
    "words in the first line": lambda request, real: Reply(
        0,
        write=lambda line: _write(
            line, b"NewConnectionError NameResolutionError ConnectTimeoutError\r\n\r\n"
        ),
    ),
    "a redirect": lambda request, real: Reply(302, b"", {"Location": "https://evil.example/PowerShell"}),
    "a redirect that keeps the request": lambda request, real: Reply(307, b"", {"Location": "/other"}),
    "no command": lambda request, real: Reply(200, real.body.replace(b"CommandId", b"Nothing")),
    "another one's": lambda request, real: Reply(200, real.body.replace(request.message.encode(), b"X")),
    "a fault as a success": lambda request, real: Reply(200, fault(request, SHELL_GONE)),
    "nothing": lambda request, real: Reply(200, b""),
    "a type definition": lambda request, real: Reply(200, b'<!DOCTYPE s [<!ENTITY a "b">]>' + real.body),
}


def _write(line: Any, text: bytes) -> None:
    line.write(text)
    line.flush()


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_answer_leaves_the_row_in_doubt(simulator: Simulator, name: str) -> None:
    forger = Forger(STRANGE[name])
    with Front(simulator, forger) as front, opened(front) as session:
        forger.armed = True
        (outcome,) = lost(session, titled(simulator))

        assert outcome.answer is Answer.LOST, outcome
        assert ran(simulator)
        assert "/other" not in str(front.seen)


def test_an_error_page_of_a_web_server_is_shown(simulator: Simulator) -> None:
    page = b"<!DOCTYPE html><html><title>Service Unavailable</title></html>"
    with (
        Front(simulator, lambda request: Reply(503, page)) as front,
        pytest.raises(SessionRefusedError, match=r"Code: 503.*Service Unavailable"),
    ):
        open_session(connection(front), Credentials(Secret(PASSWORD)), 60, ())


def test_a_redirect_is_named_and_not_followed(simulator: Simulator) -> None:
    redirect = Reply(302, b"", {"Location": "https://evil.example/PowerShell"})
    with Front(simulator, lambda request: redirect) as front:
        with pytest.raises(SessionRefusedError, match=r"evil\.example.*bulkps follows no redirects"):
            open_session(connection(front), Credentials(Secret(PASSWORD)), 60, ())

        assert front.seen == {"Create": 1}, "no shell was begun: none is deleted"


# --- size and time --------------------------------------------------------------------------------------


def test_a_packed_answer_is_not_unpacked(simulator: Simulator) -> None:
    """199 kB became 444 MB."""
    packed = gzip.compress(b"<a>" + b"0" * 50_000_000)
    reply = Reply(200, packed, {"Content-Encoding": "gzip"})
    with (
        Front(simulator, lambda request: reply) as front,
        pytest.raises(SessionRefusedError, match="compressed as 'gzip'"),
    ):
        open_session(connection(front), Credentials(Secret(PASSWORD)), 60, ())


@pytest.mark.parametrize("head", [b"Content-Length: 99999999\r\n", b"Transfer-Encoding: chunked\r\n", b""])
def test_an_answer_without_an_end_is_read_to_a_limit(simulator: Simulator, head: bytes) -> None:
    written = 0

    def flood(line: Any) -> None:
        nonlocal written
        chunk = b"x" * 65536
        piece = b"10000\r\n" + chunk + b"\r\n" if b"chunked" in head else chunk
        try:
            line.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n" + head + b"\r\n")
            while True:
                line.write(piece)
                written += len(piece)
        except OSError:
            return

    with (
        Front(simulator, lambda request: Reply(0, write=flood)) as front,
        pytest.raises(SessionRefusedError, match="larger than 8 MB"),
    ):
        open_session(connection(front), Credentials(Secret(PASSWORD)), 60, ())
    assert written < 40_000_000


def drip(head: bytes, over: threading.Event) -> Callable[[Any], None]:
    def write(line: Any) -> None:
        try:
            _write(line, head)
            while not over.wait(0.1):
                _write(line, b"x")
        except OSError:
            return

    return write


@pytest.mark.proof
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        b"HTTP/1.1 ",
        b"",
    ],
)
@pytest.mark.parametrize("open_timeout", [2, 600])
def test_a_drip_of_bytes_does_not_outlive_its_limit(
    simulator: Simulator, head: bytes, open_timeout: int
) -> None:
    over = threading.Event()
    with Front(simulator, lambda request: Reply(0, write=drip(head, over))) as front:
        there = connection(front, operation_timeout=1, read_timeout=2, open_timeout=open_timeout)
        expected = "open_timeout" if open_timeout == 2 else "not complete after 3 seconds"
        with pytest.raises(SessionRefusedError, match=expected):
            open_session(there, Credentials(Secret(PASSWORD)), 60, ())
        over.set()


# --- what was begun is deleted ----------------------------------------------------------------------------


def silent(over: threading.Event) -> Callable[[Any], None]:
    return lambda line: (over.wait(60), None)[1]


@pytest.mark.proof
@pytest.mark.parametrize("stage", ["Create", "Receive", "Command"])
def test_a_session_whose_opening_times_out_leaves_no_shell(stage: str) -> None:
    """Six were left, and then there were too many shells for good."""
    over = threading.Event()

    def answer(request: Request) -> Reply:
        real = request.real()
        return Reply(0, write=silent(over)) if request.action == stage else real

    with (
        Simulator(SimulatorOptions(mailboxes=5, max_sessions=1)) as simulator,
        Front(simulator, answer) as front,
    ):
        there = connection(front, operation_timeout=1, read_timeout=2, open_timeout=2)
        for _ in range(3):
            with pytest.raises(SessionRefusedError, match=r"open_timeout|timed out"):
                open_session(there, Credentials(Secret(PASSWORD)), 60, ())
        assert front.seen["Delete"] == 3
        over.set()
        front.answer = as_it_is
        with opened(front) as session:
            (outcome,) = session.invoke([titled(simulator)])

    assert outcome.answer is Answer.COMPLETED


@pytest.mark.proof
def test_an_endpoint_that_answers_at_once_and_says_nothing_is_left_in_time(simulator: Simulator) -> None:
    def answer(request: Request) -> Reply:
        if request.action == "Receive":
            return Reply(500, fault(request, TIMED_OUT))
        return request.real()

    with (
        Front(simulator, answer) as front,
        pytest.raises(SessionRefusedError, match=r"open_timeout\) while the session was opened"),
    ):
        open_session(connection(front, open_timeout=2), Credentials(Secret(PASSWORD)), 60, ())


def test_who_is_not_let_in_is_not_asked_to_delete_anything(simulator: Simulator) -> None:
    """A second sign-in with a wrong password may lock the account."""
    with (
        Front(simulator, lambda request: Reply(401, b"")) as front,
        pytest.raises(SessionRefusedError),
    ):
        open_session(connection(front), Credentials(Secret(PASSWORD)), 60, ())
    assert front.seen == {"Create": 1}


def test_a_pool_that_the_server_calls_closed_is_deleted_all_the_same(simulator: Simulator) -> None:
    with Front(simulator) as front:
        with opened(front) as session:
            session._pool.state = 3
        assert front.seen["Delete"] == 1
