"""The machine against a world of seeded faults: what must hold after every schedule."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkps.engine import machine_messages as ev
from bulkps.engine.config import Breaker, BulkOperationConfig, LookupPolicy
from bulkps.engine.item import IN_DOUBT, Doubt, Item, Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.machine_messages import StopReason
from bulkps.errors import ExitCode
from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord, Outcome
from bulkps.exchange.error_catalog import ErrorClass
from bulkps.operations.item_key import item_key
from bulkps.operations.loader import built_in_operations
from bulkps.runs.run_outcome import exit_code
from tests.engine.world import REFUSED, Fates, World
from tests.engine.world import REQUEST_ONLY as RESTORE

RECOVERY = built_in_operations()["recovery"]
S = BulkItemStatus


def restores(number: int, targets: int = 10_000) -> list[Item]:
    rows = [
        {"source_guid": f"00000000-0000-0000-0000-{i:012}", "target_mailbox": f"t{i % targets}@contoso.com"}
        for i in range(number)
    ]
    return [Item(item_key(RESTORE, row), i + 2, row) for i, row in enumerate(rows)]


fates = st.builds(
    Fates,
    throttled=st.floats(0, 0.3),
    transient=st.floats(0, 0.1),
    permanent=st.floats(0, 0.1),
    unknown=st.floats(0, 0.05),
    silent=st.floats(0, 0.1),
    lost=st.floats(0, 0.1),
    dies=st.floats(0, 0.1),
    not_opened=st.floats(0, 0.3),
    request_fails=st.floats(0, 0.1),
)
configs = st.builds(
    BulkOperationConfig,
    batch_size=st.integers(1, 7),
    parallel_execution=st.booleans(),
    max_sessions=st.integers(1, 4),
    stop_on_error=st.booleans(),
    retry_failed=st.booleans(),
    wait=st.booleans(),
)
asks = st.lists(st.tuples(st.floats(0, 60), st.sampled_from([ev.PauseAsked(), ev.CancelAsked()])), max_size=1)


@settings(max_examples=300)
@given(
    seed=st.integers(0, 2**32),
    number=st.integers(1, 40),
    targets=st.integers(1, 40),
    fates=fates,
    config=configs,
    asks=asks,
)
def test_whatever_happens_totals_add_up_and_nothing_is_done_twice(
    seed: int,
    number: int,
    targets: int,
    fates: Fates,
    config: BulkOperationConfig,
    asks: list[tuple[float, ev.Event]],
) -> None:
    world = World(seed, restores(number, targets), config, fates, asks=asks)

    finish = world.run()

    world.check()
    code = exit_code(world.counts, finish.reason)
    assert (code is ExitCode.COMPLETED) == (world.counts[S.COMPLETED] == number)
    if code is ExitCode.SOME_FAILED:
        assert world.counts[S.FAILED] or world.counts[S.SKIPPED]
        assert not world.counts[S.PENDING] and not world.counts[S.IN_PROGRESS]
    assert world.most_open <= config.sessions


def test_without_faults_everything_is_sent_once_and_completed() -> None:
    world = World(1, restores(25))

    assert world.run().reason is StopReason.DONE

    assert world.counts[S.COMPLETED] == 25
    assert set(world.sent.values()) == {1}


def test_a_throttled_item_is_sent_again_and_an_unproven_one_never() -> None:
    world = World(2, restores(60), fates=Fates(throttled=0.3, silent=0.2))

    world.run()

    assert world.met["throttled"] and world.met["silent"]
    assert world.counts[S.COMPLETED] == 60
    assert set(world.effects.values()) == {1}
    adopted = [change for change in world.changes if change.event == "item.adopted"]
    assert len(adopted) == world.met["silent"]


def test_the_last_rows_are_shared_among_the_sessions() -> None:
    config = BulkOperationConfig(batch_size=30, parallel_execution=True, max_sessions=3)
    world = World(12, restores(90), replace(config, wait=False, delay_between_batches=0))

    world.run()

    assert world.batches[0] == 30
    assert world.batches[-1] == 1
    assert world.most_open == 3


def test_what_a_dead_session_had_in_flight_is_looked_up_and_done_once() -> None:
    world = World(3, restores(40), fates=Fates(dies=0.1))

    world.run()

    assert world.met["dies"]
    doubts = [change for change in world.changes if change.event == "item.in-doubt"]
    assert len(doubts) == world.met["dies"]
    assert world.counts[S.COMPLETED] == 40
    assert set(world.effects.values()) == {1}


def test_what_a_dead_process_had_sent_is_looked_up_before_anything_is_sent_again() -> None:
    items = restores(5)
    there, gone = items[1], items[2]
    items[1], items[2] = there.sending(999_990.0), gone.sending(999_990.0)
    world = World(4, items)
    world.effect(there.key)

    world.run()

    assert world.sent[there.key] == 0
    assert world.sent[gone.key] == 1
    assert world.counts[S.COMPLETED] == 5
    assert set(world.effects.values()) == {1}


def test_where_no_lookup_can_tell_a_person_has_to() -> None:
    config = BulkOperationConfig(lookup=LookupPolicy(attempts=2))
    world = World(4, restores(5), config, Fates(lost=1.0, lookup_fails=1.0))

    world.run()

    left = [item for item in world.kept.values() if item.code == IN_DOUBT]
    assert left
    assert all("Looked up 2 times" in item.error and "bulkps retry" in item.advice for item in left)


def test_without_a_lookup_a_doubt_is_for_a_person_at_once() -> None:
    step = replace(RESTORE.steps[0], reconcile=(), repeat_refused=False)
    assert step.follow
    # What is followed is asked nothing either.
    step = replace(step, follow=replace(step.follow, detail=None))
    world = World(4, restores(9), fates=Fates(lost=0.5), operation=replace(RESTORE, steps=(step,)))

    world.run()

    assert world.met["lost"] and not world.met["looked_up"]
    assert sum(item.code == IN_DOUBT for item in world.kept.values()) == world.met["lost"]


def test_an_account_that_is_refused_again_on_a_new_session_stops_the_run() -> None:
    world = World(16, restores(30), fates=Fates(unauthorized=1.0))

    finish = world.run()

    assert finish.reason is StopReason.CONDEMNED
    assert "exo-401" in finish.detail
    assert world.met["unauthorized"] == 20, "two batches on two sessions"
    assert world.counts[S.PENDING] == 30


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_failures": 5}, "5 rows failed (max_failures 5)"),
        ({"max_failure_share": 0.5}, "rows failed (max_failure_share 0.5)"),
        ({"breakers": {ErrorClass.PERMANENT: Breaker(max_failures=3)}}, "3 rows failed (max_failures 3) of"),
    ],
)
def test_too_many_failures_stop_the_run_and_leave_the_rest_pending(limits: dict[str, Any], said: str) -> None:
    world = World(17, restores(200), BulkOperationConfig(**limits), Fates(permanent=0.9))

    finish = world.run()

    assert finish.reason is StopReason.FAILURES
    assert said in finish.detail
    assert world.counts[S.PENDING] > 100


def test_the_run_pauses_when_its_time_is_up() -> None:
    world = World(18, restores(200), ends_at=1_000_020.0)

    finish = world.run()

    assert finish.reason is StopReason.TIME
    assert world.now < 1_000_040
    assert world.counts[S.PENDING] and world.counts[S.IN_PROGRESS]


def test_the_reason_of_a_failed_request_is_asked_for() -> None:
    world = World(19, restores(20), fates=Fates(request_fails=0.5))

    world.run()

    failed = [item for item in world.kept.values() if item.code == "failed-at-exchange"]
    assert failed
    assert all(": Error: no more" in item.error for item in failed)


def test_stop_on_error_skips_the_rest_and_says_why() -> None:
    world = World(5, restores(50), BulkOperationConfig(stop_on_error=True), Fates(permanent=0.2))

    assert world.run().reason is StopReason.ERROR

    skipped = [item for item in world.kept.values() if item.status is S.SKIPPED]
    assert skipped
    assert "row" in skipped[0].error and "failed" in skipped[0].error
    assert exit_code(world.counts, StopReason.ERROR) is ExitCode.SOME_FAILED


def test_a_pause_leaves_the_rest_pending_and_a_cancel_skips_it() -> None:
    paused = World(6, restores(50), asks=[(1.5, ev.PauseAsked())])
    cancelled = World(6, restores(50), asks=[(1.5, ev.CancelAsked())])

    assert paused.run().reason is StopReason.PAUSED
    assert cancelled.run().reason is StopReason.CANCELLED

    assert paused.counts[S.PENDING] and not paused.counts[S.SKIPPED]
    assert cancelled.counts[S.SKIPPED] and not cancelled.counts[S.PENDING]


def test_a_server_that_never_answers_ends_the_run_after_the_attempts_of_the_policy() -> None:
    world = World(7, restores(5), fates=Fates(not_opened=1.0))

    finish = world.run()

    assert finish.reason is StopReason.CANNOT_CONNECT
    assert "refused" in finish.detail
    assert world.met["not_opened"] == 3
    assert exit_code(world.counts, finish.reason) is ExitCode.CANNOT_CONNECT


def test_sessions_that_open_and_die_before_any_answer_end_the_run() -> None:
    world = World(11, restores(5), fates=Fates(opens_and_dies=1.0))

    finish = world.run()

    assert finish.reason is StopReason.CANNOT_CONNECT
    assert "3 sessions in a row" in finish.detail
    assert world.counts[S.PENDING] == 5
    assert world.now > 1001.0, "it waited between the sessions"


def test_a_refused_sign_in_is_not_repeated() -> None:
    world = World(8, restores(5))
    world.tell(world.process, [ev.Started()])
    world.tell(world.process, [ev.ItemsLoaded(tuple(world.items), True)])
    refusal = replace(REFUSED, message="Failed to authenticate the user x with basic")
    world.tell(world.process, [ev.SessionRefused(1, refusal)])

    assert world.finish is not None
    assert world.finish.reason is StopReason.CANNOT_CONNECT


def test_an_error_that_every_row_would_meet_stops_the_run_and_leaves_the_rest_pending() -> None:
    world = World(9, restores(30))
    world.tell(world.process, [ev.Started()])
    while not world.flying:
        world.step()
    key = next(iter(world.flying))
    record = ErrorRecord("A parameter cannot be found that matches parameter name 'BatchName'.")
    world.queue = [
        one for one in world.queue if not isinstance(one[3], ev.OutcomeArrived) or one[3].outcome.id != key
    ]
    world.tell(world.process, [ev.OutcomeArrived(1, Outcome(key, Answer.FAILED, errors=(record,)))])
    finish = world.run()

    assert finish.reason is StopReason.CONDEMNED
    assert "BatchName" in finish.detail
    assert world.counts[S.PENDING] == 20


def test_an_error_that_every_row_would_meet_stops_the_run_though_its_rows_are_in_doubt() -> None:
    doubtful = [
        replace(item, status=S.IN_PROGRESS, attempt=1, attempts=1, doubt=Doubt(unresolved=True))
        for item in restores(30)
    ]
    world = World(9, doubtful, fates=Fates(forbidden=1.0))

    finish = world.run()

    assert finish.reason is StopReason.CONDEMNED
    assert "not-assigned-role" in finish.detail
    assert sum(world.sent.values()) == 10


def test_requests_that_nobody_can_be_asked_about_end_in_doubt_and_not_gone() -> None:
    world = World(11, restores(3), fates=Fates(unlisted=1.0, lookup_fails=1.0))

    world.run()

    assert {item.code for item in world.kept.values()} == {IN_DOUBT}
    assert world.now < 1_000_000 + 24 * 3600


def test_requests_in_another_batch_are_not_gone_because_asking_after_them_fails_again_and_again() -> None:
    world = World(11, restores(60), fates=Fates(unlisted=1.0, lookup_fails=0.5))

    world.run()

    assert world.counts[S.COMPLETED] == 60
    world.check()


@pytest.mark.parametrize("ask", [ev.PauseAsked(), ev.CancelAsked()])
def test_a_row_whose_target_another_row_in_doubt_holds_does_not_keep_the_run_from_stopping(
    ask: ev.Event,
) -> None:
    operation = built_in_operations()["restore"]
    request = next(i for i, step in enumerate(operation.steps) if step.name == "request")
    begun, doubted = restores(2, targets=1)
    done = {"source": {"LegacyExchangeDN": "/o=x"}, "target": {"ExchangeGuid": "g"}}
    world = World(
        12,
        [
            replace(begun, status=S.IN_PROGRESS, step=request, attempt=0, attempts=1, outputs=done),
            replace(doubted, status=S.IN_PROGRESS, step=request, attempt=1, attempts=1, phase=Phase.SENT),
        ],
        operation=operation,
        asks=[(0.0, ask)],
    )

    finish = world.run()

    assert finish.reason in (StopReason.PAUSED, StopReason.CANCELLED)
    assert world.kept[begun.key].status is S.IN_PROGRESS or world.effects[begun.key] == 1


@pytest.mark.parametrize("company", ["", "Contoso"])
def test_the_second_step_of_a_row_is_sent_only_where_it_is_wanted(company: str) -> None:
    row = {
        "source_guid": "00000000-0000-0000-0000-000000000001",
        "target_upn": "a@contoso.com",
        "display_name": "A",
        "company": company,
    }
    item = Item(item_key(RECOVERY, row), 2, row)
    world = World(10, [item], operation=RECOVERY)

    world.run()

    assert world.sent[item.key] == (3 if company else 2)
    assert world.kept[item.key].status is S.COMPLETED
    assert world.kept[item.key].advice == RECOVERY.advice


def recovery() -> Item:
    row = {
        "source_guid": "00000000-0000-0000-0000-000000000001",
        "target_upn": "a@contoso.com",
        "display_name": "A",
        "department": "Legal",
    }
    return Item(item_key(RECOVERY, row), 2, row)


def test_what_was_made_is_read_back_until_it_is_shown_and_that_is_one_attempt() -> None:
    item = recovery()
    world = World(10, [item], operation=RECOVERY, provisioning=7)

    world.run()

    end = world.kept[item.key]
    assert (end.status, end.attempts) == (S.COMPLETED, 1)
    assert list(end.outputs) == ["mailbox", "shown", "user"]
    assert world.looks[item.key] == 8
    assert end.completed_at and end.started_at and 60 < end.completed_at - end.started_at < 600


@pytest.mark.parametrize("seed", range(60))
def test_whatever_a_recovery_is_interrupted_by_it_is_read_back_and_done_once(seed: int) -> None:
    item = recovery()
    fates = Fates(lost=0.1, dies=0.1, transient=0.1, throttled=0.1, crash=1.0, not_opened=0.2)
    world = World(seed, [item], operation=RECOVERY, provisioning=seed % 4, fates=fates)

    world.live()

    end = world.kept[item.key]
    # What failed did so in New-Mailbox, for good.
    gave_up = (
        end.status is S.FAILED and end.code in ("generic-transient", "never-answered") and not end.outputs
    )
    # Set-User may be lost as often as anything is tried.
    last = end.code == "in-doubt" and list(end.outputs) == ["mailbox", "shown"]
    assert gave_up or last or end.status is S.COMPLETED, end
    assert world.effects[item.key] == bool(end.outputs)


def test_what_is_never_shown_ends_failed_and_names_what_was_done() -> None:
    item = recovery()
    world = World(10, [item], operation=RECOVERY, provisioning=10**9)

    world.run()

    end = world.kept[item.key]
    assert (end.status, end.code) == (S.FAILED, "not-shown")
    assert "mailbox (New-Mailbox)" in end.advice
    assert world.effects[item.key] == 1
