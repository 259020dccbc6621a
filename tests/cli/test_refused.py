"""Rows that Exchange refuses: what they are told, in which language ever, and how often they are sent."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator.cmdlets.cmdlet_result import Answer, ErrorInfo, Value
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal

NEW = "New-MailboxRestoreRequest"
StartRefusing = Callable[..., Tenant]
_TASKS = "Microsoft.Exchange.Configuration.Tasks"
_DIRECTORY = "Microsoft.Exchange.Data.Directory"


class Refuses:
    """Answers a cmdlet with one error, and counts how often it was asked."""

    def __init__(self, info: ErrorInfo) -> None:
        self.info, self.times = info, 0

    def __call__(self, parameters: Mapping[str, Value], stop: threading.Event) -> Answer:
        self.times += 1
        return Answer(errors=[self.info])


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Callable[[Refuses], Tenant]]:
    """Starts a tenant whose New-MailboxRestoreRequest always answers with one error."""
    started: list[Simulator] = []

    def start(refuses: Refuses, cmdlet: str = NEW) -> Tenant:
        options = SimulatorOptions(effects=tmp_path / "effects.jsonl", mailboxes=20, restore_seconds=0.1)
        simulator = Simulator(options, further={cmdlet: refuses})
        simulator.start()
        started.append(simulator)
        return Tenant(simulator, tmp_path)

    yield start
    for simulator in started:
        simulator.stop()


def refused(text: str, exception: str, error_id: str = "") -> Refuses:
    return Refuses(ErrorInfo(text, exception, fully_qualified_id=error_id))


def only_row(bulkps: Run, there: Tenant, folder: Path) -> tuple[int, dict[str, str]]:
    """Run a restore of one row; return the exit code and its result."""
    file = rehearsal(bulkps, "restore", 1, folder / "in.csv")
    said = bulkps("run", "restore", file, "--config", there.config, "--quiet")
    [row] = read_csv(bulkps("results", "last").stdout)
    return said.exit_code, row


_UNKNOWN = [
    "Die Rolle des Objekts passt nicht zu dieser Anforderung.",
    "L'objet n'est pas dans un \u00e9tat qui permet cette op\u00e9ration.",
    "Something that nobody has seen before.",
]


@pytest.mark.parametrize("text", _UNKNOWN)
def test_a_refusal_that_nobody_knows_fails_once_with_exchanges_own_words(
    bulkps: Run, refusing: StartRefusing, tmp_path: Path, text: str
) -> None:
    refuses = refused(text, "Microsoft.Exchange.Odd.UnheardOfException")

    code, row = only_row(bulkps, refusing(refuses), tmp_path)

    assert (code, row["status"], row["error_code"], row["error"]) == (4, "FAILED", "unknown-error", text)
    assert (refuses.times, row["attempts"]) == (1, "1")
    assert "does not know this error" in row["advice"]
    assert "never answered" not in row["advice"]


_KNOWN = {
    "not found, German": (
        "Der Vorgang konnte nicht ausgef\u00fchrt werden, weil das Objekt 'x' nicht gefunden wurde.",
        f"{_TASKS}.ManagementObjectNotFoundException",
        "",
        "not-found",
    ),
    "ambiguous, French": (
        "L'op\u00e9ration a \u00e9chou\u00e9 car 'x' correspond \u00e0 plusieurs entr\u00e9es.",
        f"{_TASKS}.ManagementObjectAmbiguousException",
        "",
        "ambiguous",
    ),
    "already exists, German": (
        "Das Objekt 'x' ist bereits vorhanden.",
        f"{_DIRECTORY}.ADObjectAlreadyExistsException",
        "",
        "name-in-use",
    ),
    "proxy address, German": (
        "Die Proxyadresse 'x' wird bereits verwendet.",
        f"{_DIRECTORY}.ProxyAddressExistsException",
        "",
        "proxy-in-use",
    ),
    "by the error id alone, on-premises": (
        "Das Objekt wurde nicht gefunden.",
        "System.Management.Automation.RemoteException",
        "[Server=EX1,RequestId=1,TimeStamp=1] [FailureCategory=Cmdlet-ManagementObjectNotFoundException] 1,x",
        "not-found",
    ),
    "a parameter, German": (
        'Es wurde kein Parameter gefunden, der dem Parameternamen "Priority" entspricht.',
        "System.Management.Automation.ParameterBindingException",
        f"NamedParameterNotFound,{NEW}",
        "param-not-found",
    ),
    "half a mailbox": (
        "Database is mandatory on UserMailbox.",
        "System.Exception",
        "",
        "mailbox-without-database",
    ),
}


@pytest.mark.parametrize("case", _KNOWN)
def test_a_refusal_is_known_by_its_type_or_its_id_in_any_language(
    bulkps: Run, refusing: StartRefusing, tmp_path: Path, case: str
) -> None:
    text, exception, error_id, known = _KNOWN[case]
    refuses = refused(text, exception, error_id)

    code, row = only_row(bulkps, refusing(refuses), tmp_path)

    assert (row["status"], row["error_code"], row["error"]) == ("FAILED", known, text)
    assert code in (4, 6)
    assert refuses.times == 1


@pytest.mark.parametrize(
    "text",
    [
        "Request is throttled. Suggested Backoff Time: 200 milliseconds",
        "The request was throttled. Try again in 00:00:00.2000000.",
        "You have reached the maximum number of concurrent requests per tenant. Please wait 0.2 seconds.",
        "Too many requests. Back off for 200 milliseconds",
    ],
)
def test_throttling_is_known_in_all_its_wordings_and_its_wait_is_obeyed(
    bulkps: Run, refusing: StartRefusing, tmp_path: Path, text: str
) -> None:
    refuses = refused(text, "System.Exception")
    there = refusing(refuses)
    there.configure("  max_retries: 1\n")
    config = there.config.read_text(encoding="utf-8").replace("attempts: 10", "attempts: 2")
    there.config.write_text(config, encoding="utf-8")

    _, row = only_row(bulkps, there, tmp_path)

    assert (row["status"], row["attempts"], refuses.times) == ("FAILED", "2", 2)
    assert row["error_code"] in ("throttled", "server-busy")
    audit = Path(as_object(bulkps("show", "last", "--json"))["audit"]).read_text(encoding="utf-8")
    assert "Exchange asks to wait 0.2 s" in audit


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Maximum retry count reached.", "module-retries-used-up"),
        (
            "A server side error has occurred because of which the operation could not be completed.",
            "exo-server-side",
        ),
        ("The remote server returned an error: (504) Gateway Timeout.", "http-5xx"),
        ("BulkPS.Escape: The command left by break, continue or exit instead of returning.", "escaped"),
    ],
)
def test_what_may_have_been_carried_out_is_looked_up_and_never_called_a_refusal(
    bulkps: Run, refusing: StartRefusing, tmp_path: Path, text: str, code: str
) -> None:
    refuses = refused(text, "System.InvalidOperationException", "BulkPS.Escape" if code == "escaped" else "")
    there = refusing(refuses)
    there.configure("  retry_failed: false\n")

    exit_code, row = only_row(bulkps, there, tmp_path)
    events = json.loads(bulkps("audit", "show", "last", "--json").stdout)

    assert "item.in-doubt" in [event["event"] for event in events]
    assert there.simulator.calls["Get-MailboxRestoreRequest"] >= 1
    assert (exit_code, row["status"], row["error_code"]) == (4, "FAILED", code)
    assert row["error"].startswith(text)
