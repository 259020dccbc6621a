"""The connection is cut, silenced and slowed at every step of the protocol: each row ends well, once."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from bulkps.sessions.wsman_pool import PatientWSMan
from bulkps.simulator import Simulator, SimulatorOptions
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal
from tests.contract.proxy import Deed, Order, Proxy
from tests.engines import PWSH, needs_pwsh

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

ROWS = 8
ROW, QUERY, BATCH = "New-MailboxRestoreRequest", "Get-MailboxRestoreRequest", "Invoke-BulkPSBatch"
BEFORE, AFTER, IN_HEAD, IN_BODY = CUTS = (
    Deed.CUT_BEFORE,
    Deed.CUT_AFTER,
    Deed.CUT_IN_HEAD,
    Deed.CUT_IN_BODY,
)
Orders = Sequence[Order]


def shown(value: object) -> str | None:
    """Return what a parameter is called in the name of a test."""
    if isinstance(value, Deed):
        return value.name.lower()
    if isinstance(value, Order):
        return f"{value.deed.name.lower()} {value.step} {value.number}"
    return " then ".join(str(shown(one)) for one in value) if isinstance(value, tuple) else None


each_cut = pytest.mark.parametrize("cut", CUTS, ids=shown)
each_language = pytest.mark.parametrize("no_language", [False, True], ids=["full", "no-language"])


@dataclass(frozen=True)
class Told:
    """How many rows in doubt the lookups told not to have happened, and to have."""

    absent: int = 0
    adopted: int = 0


class Line:
    """bulkps at one end, a simulator at the other, a proxy between them."""

    def __init__(
        self, bulkps: Run, simulator: Simulator, folder: Path, proxy: Proxy, batch_size: int = 1
    ) -> None:
        self.bulkps, self.simulator, self.proxy, self.batch_size = bulkps, simulator, proxy, batch_size
        self.file, self.config = folder / "in.csv", folder / "line.yaml"

    def begin(
        self,
        operation: str = "restore",
        rows: int = ROWS,
        settings: str = "",
        patience: tuple[int, int] = (1, 2),
    ) -> Result:
        """Run a file of so many rows; *patience* is the operation timeout and the read timeout."""
        self.config.write_text(
            "connection: line\nconnections:\n  line: {type: simulator, server: 127.0.0.1, "
            f"port: {self.proxy.port}, operation_timeout: {patience[0]}, read_timeout: {patience[1]}}}\n"
            f"run:\n  preflight: false\n  batch_size: {self.batch_size}\n  delay_between_batches: 0\n"
            "  lease: 4\n"
            "  follow: {first_wait: 0.05, max_wait: 0.2}\n"
            "  connect: {first_wait: 0.05}\n  lookup: {first_wait: 0.05, settle: 0.3}\n"
            "  retry: {transient: {first_wait: 0.05}}\n" + settings,
            encoding="utf-8",
        )
        rehearsal(self.bulkps, operation, rows, self.file)
        return self.bulkps("run", operation, self.file, "--config", self.config, "--json", "--quiet", "--yes")

    def run(self, operation: str = "restore", rows: int = ROWS, **how: Any) -> Told:
        """Run a file to its good end; return how the rows in doubt were told."""
        result = self.begin(operation, rows, **how)
        assert result.exit_code == 0, result.output
        return self.ended(as_object(result), rows)

    def ended(self, said: dict[str, Any], rows: int = ROWS) -> Told:
        """Hold what is true of every run; return how the rows in doubt were told."""
        found = read_csv(self.bulkps("results", "last").stdout)
        assert said["counts"]["COMPLETED"] == len(found) == rows
        assert self.simulator.effects_by_mailbox() == {row["source_identity"]: 1 for row in found}
        verified = self.bulkps("audit", "verify", "last")
        assert verified.exit_code == 0, verified.output
        lines = Path(said["audit"]).read_text(encoding="utf-8").splitlines()
        events = [json.loads(line)["event"] for line in lines]
        return Told(events.count("item.absent"), events.count("item.adopted"))


Lay = Callable[..., AbstractContextManager[Line]]


@pytest.fixture
def lay(bulkps: Run, tenant: Callable[..., Tenant], tmp_path: Path) -> Lay:
    """What lays a line whose proxy has orders; at the end of the block all were carried out."""

    @contextmanager
    def lay(*orders: Order, **options: Any) -> Iterator[Line]:
        # Every row has a pipeline of its own, whose steps the orders name; in full language those of a batch
        # would share one.
        real = "engine" in options
        options = {"restore_seconds": 0, "no_language": not real, **options}
        simulator = tenant(**options).simulator

        def ready(proxy: Proxy) -> bool:
            return sum(simulator.effects_by_mailbox().values()) >= proxy.whole[ROW]

        with Proxy(simulator.port, *orders, ready=ready) as proxy:
            yield Line(bulkps, simulator, tmp_path, proxy, 4 if options["no_language"] or real else 1)
        assert not proxy.failed
        assert set(proxy.done) == set(orders), f"not every order met its step: {proxy.steps}"

    return lay


@pytest.fixture
def small_envelopes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that takes little in one request: a row's pipeline comes in a Command and two Sends."""

    def update(wsman: PatientWSMan, size: int | None = None) -> None:
        # Enough for the cmdlet's name to stand in the first piece, by which the proxy knows the pipeline.
        wsman.max_payload_size = 1150

    monkeypatch.setattr(PatientWSMan, "update_max_payload_size", update)


@pytest.mark.parametrize(
    "orders",
    [
        (Order(BEFORE, "Create"), Order(AFTER, "Create", 2)),
        (Order(IN_HEAD, "Create"), Order(IN_BODY, "Create", 2)),
        (Order(AFTER, "Receive"), Order(BEFORE, "Command script")),
        (Order(IN_BODY, "Receive Get-Command"), Order(IN_HEAD, "Signal Get-Command")),
    ],
    ids=shown,
)
def test_a_session_that_is_cut_while_it_is_opened_is_opened_anew(lay: Lay, orders: Orders) -> None:
    with lay(*orders) as line:
        assert line.run() == Told()
        assert line.proxy.steps.count("Create") == 3


@each_language
@each_cut
def test_a_row_that_is_cut_is_looked_up_before_it_is_sent_again(
    lay: Lay, cut: Deed, no_language: bool
) -> None:
    """One row at each step of its pipeline; of the first lost session the Delete is cut too."""
    orders = (
        Order(cut, f"Command {ROW}", 2),
        Order(cut, f"Receive {ROW}", 4),
        Order(cut, f"Signal {ROW}", 6),
        Order(cut, "Delete"),
    )
    with lay(*orders, no_language=no_language) as line:
        told = line.run()
        assert line.proxy.steps.count("Create") == 4
    # Only a Command that never arrived did not happen; at the Signal the answer was there.
    assert told == (Told(absent=1, adopted=1) if cut is BEFORE else Told(adopted=2))


@pytest.mark.usefixtures("small_envelopes")
@pytest.mark.parametrize(
    ("orders", "told"),
    [
        # Two Sends a row: those with an even number end a pipeline, as long as no other is cut.
        (
            (Order(AFTER, f"Command {ROW}"), Order(BEFORE, f"Send {ROW}", 2), Order(AFTER, f"Send {ROW}", 5)),
            Told(absent=3),
        ),
        (
            (
                Order(AFTER, f"Send {ROW}", 2),
                Order(IN_HEAD, f"Send {ROW}", 6),
                Order(IN_BODY, f"Send {ROW}", 8),
            ),
            Told(adopted=3),
        ),
    ],
    ids=["before", "after"],
)
def test_a_row_in_fragments_happened_if_the_last_of_them_arrived(
    lay: Lay, orders: Orders, told: Told
) -> None:
    with lay(*orders) as line:
        assert line.run() == told
        assert line.proxy.steps.count(f"Send {ROW}") > 2 * (ROWS - 1), "a row is no longer in three pieces"


@pytest.mark.parametrize(
    "orders",
    [
        (Order(BEFORE, "Send"), Order(IN_BODY, "Receive", 3)),
        (Order(AFTER, "Send"), Order(IN_HEAD, "Send", 2)),
    ],
    ids=shown,
)
def test_a_key_exchange_that_is_cut_sends_nothing(lay: Lay, orders: Orders) -> None:
    """A password needs the pool's key first; each row was sent once, so none was in doubt."""
    with lay(*orders) as line:
        assert line.run("recovery", rows=4) == Told()
        assert line.proxy.steps.count("Command New-Mailbox") == 4


@pytest.mark.parametrize("cut", [BEFORE, AFTER], ids=shown)
def test_a_lookup_that_is_cut_is_asked_again(lay: Lay, cut: Deed) -> None:
    # One row, so that nothing is followed yet: the first queries are lookups.
    orders = (
        Order(cut, f"Command {ROW}"),
        Order(BEFORE, f"Command {QUERY}"),
        Order(IN_BODY, f"Receive {QUERY}"),
    )
    with lay(*orders) as line:
        assert line.run(rows=1) == (Told(absent=1) if cut is BEFORE else Told(adopted=1))


@pytest.mark.parametrize("cut", [BEFORE, IN_BODY], ids=shown)
def test_what_is_followed_is_asked_after_anew(lay: Lay, cut: Deed) -> None:
    """The last session cannot be closed either."""
    steps = Order(cut, f"Command {QUERY}"), Order(cut, f"Receive {QUERY}"), Order(cut, f"Signal {QUERY}")
    with lay(*steps, Order(cut, "Delete", 3)) as line:
        assert line.run() == Told()


def test_sessions_that_are_lost_again_and_again_while_exchange_works_do_not_end_the_run(
    bulkps: Run, tmp_path: Path
) -> None:
    """Each brings one answer before it is lost: none of them is barren."""
    orders = [Order(AFTER, f"Command {QUERY}", number) for number in (1, 3, 5, 7)]
    done: Orders = ()
    # Exchange is at work until the last cut; then two hours pass with each look at the clock, since on a
    # busy machine a batch may be sent only after that cut.
    passed = itertools.count()
    options = SimulatorOptions(mailboxes=60, restore_seconds=3600)
    simulator = Simulator(
        options, clock=lambda: time.time() + 7200 * (next(passed) if len(done) == len(orders) else 0)
    )
    with simulator, Proxy(simulator.port, *orders) as proxy:
        done = proxy.done
        assert Line(bulkps, simulator, tmp_path, proxy).run() == Told()
    assert proxy.done == orders


@each_language
def test_a_slow_line_changes_nothing(lay: Lay, no_language: bool) -> None:
    with lay(Order(Deed.SLOW, number=0), no_language=no_language) as line:
        assert line.run() == Told()
        assert line.proxy.steps.count("Create") == 1
        assert line.proxy.steps.count(f"Command {ROW}") == ROWS


def test_a_connection_that_is_closed_between_two_requests_makes_nothing_happen_twice(lay: Lay) -> None:
    # Whether the next request still goes out on the old connection is a race: it may be in doubt or not.
    steps = ("Signal script", f"Command {ROW}", f"Receive {ROW}", f"Signal {ROW}")
    with lay(*(Order(Deed.HANG_UP, step) for step in steps)) as line:
        line.run()


@pytest.mark.usefixtures("small_envelopes")
def test_silence_is_given_up_at_every_step(lay: Lay) -> None:
    """Each meets a session of its own, so that all are waited for at once; then a lost one's Delete."""
    steps = (f"Command {ROW}", f"Send {ROW}", f"Receive {ROW}", f"Signal {ROW}", "Delete")
    parallel = "  parallel_execution: true\n  max_sessions: 5\n  adaptive_pacing: false\n"
    with lay(*(Order(Deed.SILENT, step) for step in steps), Order(Deed.SILENT, "Create", 5)) as line:
        assert line.run(rows=20, settings=parallel) == Told(absent=2, adopted=1)


@pytest.mark.parametrize(
    ("order", "exit_code", "told"),
    [
        (Order(Deed.DOWN, "Create"), 5, Told()),
        (Order(Deed.DOWN, f"Command {ROW}", 3), 6, Told(absent=1)),
        (Order(Deed.DOWN, f"Receive {ROW}", 3), 6, Told(adopted=1)),
        (Order(Deed.DOWN, f"Command {QUERY}"), 6, Told()),
    ],
    ids=shown,
)
def test_an_endpoint_that_stays_away_leaves_a_run_that_resume_ends(
    lay: Lay, order: Order, exit_code: int, told: Told
) -> None:
    with lay(order) as line:
        left = line.begin()
        assert left.exit_code == exit_code, left.output
        counts = as_object(left)["counts"]
        assert counts["FAILED"] == counts["SKIPPED"] == 0
        line.proxy.mend()
        resumed = line.bulkps("resume", "last", "--config", line.config, "--json", "--quiet")
        assert resumed.exit_code == 0, resumed.output
        assert line.ended(as_object(resumed)) == told


@needs_pwsh
@pytest.mark.parametrize(
    "orders",
    [
        # The second batch looks the rows of the first one up.
        (Order(BEFORE, f"Command {BATCH}"), Order(AFTER, f"Command {BATCH}", 2)),
        (Order(AFTER, f"Command {BATCH}"), Order(IN_BODY, f"Receive {BATCH}", 2)),
        (Order(AFTER, f"Receive {BATCH}", 2), Order(IN_HEAD, f"Signal {BATCH}")),
    ],
    ids=shown,
)
def test_a_batch_inside_a_real_engine_is_cut(lay: Lay, orders: Orders) -> None:
    # How far the engine was with a batch when its session ended is the engine's own matter.
    with lay(*orders, engine="powershell", pwsh=Path(PWSH)) as line:
        line.run(patience=(20, 120))
