"""The proof: seeded schedules of everything that can go wrong; a failing seed replays by its number.

``python -c "from tests.engine.schedules import try_seed; try_seed(4711)"``
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from bulkps.engine import machine_messages as ev
from bulkps.engine import resend
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.failed_requests import FailedRequests
from bulkps.engine.item import Doubt, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import Action, Event
from bulkps.engine.outcome_evaluator import OutcomeEvaluator, Transition
from bulkps.engine.reconciler import Reconciler
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.resend import Decision, Fact, Known
from bulkps.engine.run_machine import Machine
from bulkps.exchange.error_catalog import ErrorClass, shipped_catalogue
from tests.engine.schedules import KINDS, restores, try_seed, world_of
from tests.engine.world import START, World

#: Run by ``python -m pytest -m proof``, which CI does in this short form, and in full by ``tox -e soak``.
pytestmark = pytest.mark.proof

SEEDS = 100_000 if os.environ.get("BULKPS_SOAK") else 2_000
#: Each part alone must have met every kind of fault.
PARTS = 20 if SEEDS > 10_000 else 2


@pytest.mark.parametrize("part", range(PARTS))
def test_no_schedule_does_anything_twice_or_loses_anything(
    part: int, record_property: Callable[[str, object], None]
) -> None:
    met: Counter[str] = Counter()
    for seed in range(part, SEEDS, PARTS):
        try:
            for kind in try_seed(seed):
                met[kind] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    record_property("met", json.dumps(met))
    missing = [kind for kind in KINDS if not met[kind]]
    assert not missing, f"never met: {missing}; the proof shows nothing about them"


def test_a_batch_that_takes_minutes_is_not_done_twice_when_its_process_dies() -> None:
    for seed in range(300):
        try_seed(seed, long_batches=True)


class SendsFirst(Machine):
    """Planted: what is sent is written down afterwards."""

    def receive(self, events: Iterable[Event], now: float, chance: float = 0.0) -> list[Action]:
        actions = super().receive(events, now, chance)
        return sorted(actions, key=lambda action: isinstance(action, ev.Record))


class _Trusting(OutcomeEvaluator):
    def doubt(
        self, item: Item, reason: str, now: float, *, ended: bool = False, begins_until: float = 0.0
    ) -> Transition:
        return Transition(item.waiting(now, "in-doubt", reason), ItemEvent.ABSENT)


class LooksNothingUp(Machine):
    """Planted: what is in doubt is sent again without a look."""

    def __init__(self, operation: Any, config: Any, catalogue: Any, batch: str, **further: Any) -> None:
        super().__init__(operation, config, catalogue, batch, **further)
        self._run.evaluator = _Trusting(operation, config, catalogue, batch)


class SettlesByItemTimeout(Machine):
    """Planted: how long bulkps listens decides how long a cmdlet may be at work."""

    def __init__(self, operation: Any, config: Any, catalogue: Any, batch: str, **further: Any) -> None:
        lookup = replace(config.lookup, settle=config.item_timeout)
        super().__init__(operation, replace(config, lookup=lookup), catalogue, batch, **further)


class _Unbounded(BulkOperationConfig):
    longest_wait = 1e9


class TrustsEveryClock(Machine):
    """Planted: a wait that a process with another clock wrote down is waited for."""

    def __init__(self, operation: Any, config: Any, catalogue: Any, batch: str, **further: Any) -> None:
        super().__init__(operation, _Unbounded(**vars(config)), catalogue, batch, **further)


RETRIES_UNCERTAIN = tuple(
    replace(entry, error_class=ErrorClass.TRANSIENT, retry="safe")
    if entry.error_class is ErrorClass.UNCERTAIN
    else entry
    for entry in shipped_catalogue()
)


class _Sure(FailedRequests):
    def looked_up(
        self, item: Item, verdict: str, proof: Mapping[str, object], now: float, *, stops: bool
    ) -> Transition:
        seen = {**proof, "Status": "Failed"} if verdict == "happened" else proof
        return super().looked_up(item, verdict, seen, now, stops=stops)


class RemovesWhateverIsThere(Machine):
    """Planted: what somebody resumed meanwhile is taken for failed."""

    def __init__(self, operation: Any, config: Any, catalogue: Any, batch: str, **further: Any) -> None:
        super().__init__(operation, config, catalogue, batch, **further)
        state = self._run
        state.failed_requests = _Sure(state.evaluator, catalogue)
        state.reconciler = replace(state.reconciler, failed_requests=state.failed_requests)


class _Certain(Reconciler):
    def is_unsure(self, item: Item) -> bool:
        return False


class BelievesOldLookups(Machine):
    """Planted: what a lookup did not show is sent again however long ago that was."""

    def __init__(self, operation: Any, config: Any, catalogue: Any, batch: str, **further: Any) -> None:
        super().__init__(operation, config, catalogue, batch, **further)
        sure = self._run.reconciler
        self._run.reconciler = _Certain(**{one.name: getattr(sure, one.name) for one in fields(sure)})


ESCAPES_ARE_FINAL, USED_UP_IS_SAFE = (
    tuple(
        replace(entry, error_class=kind, retry=retry) if entry.id == name else entry
        for entry in shipped_catalogue()
    )
    for name, kind, retry in (
        ("escaped", ErrorClass.PERMANENT, "never"),
        ("module-retries-used-up", ErrorClass.TRANSIENT, "safe"),
    )
)


@pytest.mark.parametrize(
    "planted",
    [
        {"make": SendsFirst},
        {"make": LooksNothingUp},
        {"catalogue": RETRIES_UNCERTAIN},
        {"ignores_lease": True},
        {"no_gate": True},
        {"no_time": True, "long_batches": True},
        {"unfenced_log": True},
        {"trusts_journal": True},
        {"trusts_absence": True},
        {"make": SettlesByItemTimeout},
        {"make": TrustsEveryClock},
        {"make": RemovesWhateverIsThere},
        {"catalogue": ESCAPES_ARE_FINAL},
        {"catalogue": USED_UP_IS_SAFE},
    ],
    ids=[
        "send before the journal",
        "no lookup after doubt",
        "retry of uncertain",
        "no epoch",
        "no gate",
        "no time for a batch",
        "audit log not fenced",
        "journal believed over the audit log",
        "absence believed for ever",
        "settle lowered by item_timeout",
        "waits of another clock",
        "removal of what was resumed",
        "an escape called final",
        "the module's tries called safe",
    ],
)
def test_the_simulation_finds_a_planted_defect(
    planted: dict[str, Any], record_property: Callable[[str, object], None]
) -> None:
    for seed in range(2_000):
        try:
            try_seed(seed, **planted)
        except AssertionError as error:
            record_property("found", f"seed {seed}: {error}")
            return
    pytest.fail("2,000 schedules did not find it")


#: Rows of the table that decides about sending again, by what is known, the fact that picks the row, and the
#: wrong decision.
WRONG_ROWS = [
    (Known.DOUBT, Fact.LOOKUP, Decision.SEND),
    (Known.REFUSED, Fact.TRIES_LEFT, Decision.SEND),
    (Known.ABSENT, Fact.CLEARED, Decision.SEND),
    (Known.FAILED_LATER, Fact.RECOVERS, Decision.SEND),
]


@pytest.mark.parametrize(
    ("known", "fact", "wrong"),
    WRONG_ROWS,
    ids=[f"{known.value}, {fact.name}" for known, fact, _ in WRONG_ROWS],
)
def test_the_simulation_finds_a_wrong_row_of_the_table(
    known: Known, fact: Fact, wrong: Decision, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = next(n for n, rule in enumerate(resend.TABLE) if rule.known is known and fact in rule.facts)
    changed = replace(resend.TABLE[place], decision=wrong)
    monkeypatch.setattr(resend, "TABLE", (*resend.TABLE[:place], changed, *resend.TABLE[place + 1 :]))

    for seed in range(2_000):
        try:
            try_seed(seed)
        except AssertionError:
            return
    pytest.fail("2,000 schedules did not find it")


def left_ready_for_days(make: type[Machine]) -> World:
    """Return a world in which a process died between an early lookup and the next send, two days ago.

    The request had been made, was not seen yet, and was completed and cleared since.
    """
    [item] = restores(1)
    left = replace(
        item,
        status=BulkItemStatus.IN_PROGRESS,
        code="in-doubt",
        attempt=1,
        attempts=1,
        doubt=Doubt(unresolved=True),
        sent_at=START - 2 * 86_400.0,
    )
    world = World(1, [left], make=make)
    world.effects[item.key] = 1
    return world


def test_what_was_looked_up_days_ago_is_looked_up_again_before_it_is_sent() -> None:
    world, trusting = left_ready_for_days(Machine), left_ready_for_days(BelievesOldLookups)

    world.run()
    trusting.run()

    [item] = world.kept.values()
    assert (item.status, item.code) == (BulkItemStatus.FAILED, "in-doubt")
    assert set(world.effects.values()) == {1}
    assert set(trusting.effects.values()) == {2}, "the planted defect is not found"


@pytest.mark.parametrize("seed", [10154, 10877, 14716, 15094])
def test_schedules_in_which_it_was_sent_a_second_time_do_it_once(seed: int) -> None:
    try_seed(seed)


def test_a_person_who_resumes_a_request_whose_removal_is_on_its_way_is_too_late() -> None:
    # What was sent by a process that died is carried out after the person's Resume-MailboxRestoreRequest.
    try_seed(38002)


def test_a_run_that_stops_sends_what_it_may_although_something_else_has_to_be_looked_up_first() -> None:
    # It waited for ever: what had to be looked up was in front, and nothing is looked up any more.
    try_seed(22669)


@pytest.mark.parametrize("seed", [2491, 4996, 5883])
def test_a_request_that_a_retry_made_just_now_is_not_taken_for_gone(seed: int) -> None:
    # Its row was begun long before: how old that is says nothing of how long it was not seen.
    world = world_of(seed)

    world.live()

    assert any(change.event == "item.progress" for change in world.changes)
    world.check()
