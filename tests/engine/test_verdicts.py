"""What an answer that is an error makes of a row: how often it is sent, how long it waits, and its words."""

from dataclasses import replace
from itertools import pairwise

import pytest

from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item import Phase
from bulkps.engine.item_status import BulkItemStatus
from bulkps.exchange.calls_and_outcomes import ErrorRecord
from bulkps.exchange.error_catalog import shipped_catalogue
from tests.engine.schedules import UNGUARDED, restores
from tests.engine.world import ESCAPED, MASKED, UNKNOWN, USED_UP, Fates, World

S = BulkItemStatus
#: What was just made may not be seen everywhere for so many seconds; then it was looked up once more.
SEEN = 30.0


def ended(world: World) -> float:
    """Return how many seconds the world's only row took."""
    [item] = world.kept.values()
    assert item.completed_at is not None and item.started_at is not None
    return item.completed_at - item.started_at


def test_a_refusal_in_unknown_words_is_sent_once_and_fails_with_those_words_at_once() -> None:
    # It was sent four times within 17 minutes, and called "never answered".
    world = World(1, restores(1), fates=Fates(unknown=1.0))
    world.effect_perhaps = lambda *_, **__: None  # type: ignore[method-assign]

    world.run()

    [item] = world.kept.values()
    assert (item.status, item.code, item.error) == (S.FAILED, "unknown-error", UNKNOWN.message)
    assert not item.doubtful
    assert world.sent[item.key] == 1
    assert world.met["looked_up"] == 2, "once at once, and once after what was made would be seen"
    assert SEEN <= ended(world) < SEEN + 10


def test_what_happened_all_the_same_is_found_behind_a_refusal_in_unknown_words() -> None:
    world = World(1, restores(1), fates=Fates(unknown=1.0, late=1.0))
    world.effect_perhaps = lambda key, after, **_: world.effect(key)  # type: ignore[method-assign]

    world.run()

    [item] = world.kept.values()
    assert item.status is S.COMPLETED
    world.check()


@pytest.mark.parametrize("error", [USED_UP, MASKED], ids=["retries used up", "masked"])
def test_after_what_the_module_did_by_itself_nothing_is_sent_before_its_time_limit(
    error: ErrorRecord,
) -> None:
    fate = {USED_UP: "used_up", MASKED: "masked"}[error]
    config = BulkOperationConfig(item_timeout=600)
    world = World(3, restores(1), config, Fates(**{fate: 1.0}), UNGUARDED, refuses=False)
    world.effect_perhaps = lambda *_, **__: None  # type: ignore[method-assign]

    world.run()

    sent = [change.at for change in world.changes if change.event == "item.sending"]
    assert len(sent) > 1
    assert all(later - earlier >= 600 for earlier, later in pairwise(sent))


def test_a_refusal_of_every_try_is_not_called_never_answered() -> None:
    world = World(1, restores(1), fates=Fates(used_up=1.0))
    world.effect_perhaps = lambda *_, **__: None  # type: ignore[method-assign]

    world.run()

    [item] = world.kept.values()
    assert (item.status, item.code) == (S.FAILED, "module-retries-used-up")
    assert item.error.startswith(USED_UP.message)
    assert "sent 4 times, refused" in item.error
    assert "never answered" not in item.error and "without an answer" not in item.error


def test_a_cmdlet_that_left_by_exit_is_looked_up() -> None:
    world = World(1, restores(1), fates=Fates(escaped=1.0))
    world.effect_perhaps = lambda key, after, **_: world.effect(key)  # type: ignore[method-assign]

    world.run()

    [item] = world.kept.values()
    assert item.status is S.COMPLETED
    assert [change.event for change in world.changes][:3] == ["item.sending", "item.in-doubt", "item.adopted"]
    assert ESCAPED.message.startswith("BulkPS.Escape")


def test_a_conflict_that_the_module_made_by_itself_is_adopted_once_it_is_seen() -> None:
    # The first try had its effect, the module's second one met it: not seen at once, it was called FAILED.
    for seed in range(40):
        world = World(seed, restores(1), fates=Fates(resent=1.0, late=1.0))
        world.run()
        [item] = world.kept.values()
        assert item.status is S.COMPLETED, f"seed {seed}"


def test_a_wait_that_exchange_names_is_waited_for_after_a_doubt_too() -> None:
    world = World(1, restores(1), fates=Fates(transient=1.0), refuses=False)
    asks = ErrorRecord("Something is not ready. Please wait 300 seconds.")
    world.errors = {**world.errors, "transient": asks}
    world.effect_perhaps = lambda *_, **__: None  # type: ignore[method-assign]

    world.run()

    sent = [change.at for change in world.changes if change.event == "item.sending"]
    assert len(sent) == 4
    assert all(later - earlier >= 300 for earlier, later in pairwise(sent))


def test_no_entry_of_the_catalogue_lets_a_try_of_the_module_be_sent_again_unseen() -> None:
    ids = ("module-retries-used-up", "exo-server-side", "exo-http-5xx", "http-5xx", "transport", "escaped")
    found = {entry.id: (entry.error_class.value, entry.retry) for entry in shipped_catalogue()}

    assert {found[name] for name in ids} == {("uncertain", "after-lookup")}


def test_what_an_earlier_process_saw_failed_is_looked_up_before_it_is_removed() -> None:
    [row] = restores(1)
    name = f"bulkps-{row.key}"
    # It was about to be removed when that process ended; then somebody resumed it.
    row = replace(
        row, status=S.IN_PROGRESS, step=2, outputs={"request": {"Name": name, "Identity": f"t\\{name}"}}
    )
    world = World(5, [row])
    world.effect(row.key)

    world.run()

    [item] = world.kept.values()
    assert (item.status, world.sent[item.key]) == (S.COMPLETED, 0)
    assert list(world.failing) == [name]


def test_a_name_is_not_set_free_while_what_was_sent_of_it_may_still_be_carried_out() -> None:
    [row] = restores(1)
    name, config = f"bulkps-{row.key}", BulkOperationConfig()
    outputs = {"request": {"Name": name, "Identity": f"t\\{name}", "FailureType": "FolderFilter"}}
    row = replace(row, status=S.IN_PROGRESS, phase=Phase.DOUBT, code="failed-at-exchange", outputs=outputs)
    world = World(6, [replace(row, sent_at=1_000_000.0)], config)
    world.effect(row.key)
    world.failing[name] = True
    world.status = lambda name: "Failed" if world.failing[name] else "Completed"  # type: ignore[method-assign]

    world.run()

    sent = [change.at for change in world.changes if change.event == "item.sending"]
    assert sent[0] - 1_000_000.0 >= config.settle
    assert next(iter(world.kept.values())).status is S.COMPLETED
    assert list(world.failing) == [f"{name}-2"]
