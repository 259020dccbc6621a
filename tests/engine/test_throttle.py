"""How fast the machine goes where Exchange has a budget, in the time of the model."""

from collections import deque
from dataclasses import replace

import pytest

from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.item_status import BulkItemStatus
from bulkps.engine.throttle import Throttle
from tests.engine.schedules import restores
from tests.engine.world import START, World

FOUR = BulkOperationConfig(parallel_execution=True, max_sessions=4, wait=False)
UNPACED = replace(FOUR, adaptive_pacing=False, delay_between_batches=0)


class Budget:
    """So many cmdlets in so many seconds; what comes above is refused and does not count."""

    def __init__(self, cmdlets: int, seconds: float) -> None:
        self.cmdlets, self.seconds = cmdlets, seconds
        self.taken: deque[float] = deque()
        self.let_through = self.refused = 0

    def __call__(self, now: float) -> bool:
        while self.taken and self.taken[0] <= now - self.seconds:
            self.taken.popleft()
        if len(self.taken) >= self.cmdlets:
            self.refused += 1
            return False
        self.taken.append(now)
        self.let_through += 1
        return True


def run(rows: int, config: BulkOperationConfig, budget: Budget | None = None, seed: int = 7) -> World:
    world = World(seed, restores(rows), config, latency=0.02)
    if budget:
        world.budget = budget
    world.run()
    assert world.counts[BulkItemStatus.IN_PROGRESS] == rows, "every row was accepted"
    return world


@pytest.mark.parametrize(("rows", "cmdlets", "seconds"), [(400, 20, 5.0), (2000, 20, 5.0), (2000, 100, 30.0)])
def test_a_throttled_run_ends_about_when_the_budget_allows_and_is_seldom_refused(
    rows: int, cmdlets: int, seconds: float
) -> None:
    budget = Budget(cmdlets, seconds)

    world = run(rows, FOUR, budget)

    allowed = (rows - cmdlets) * seconds / cmdlets
    assert world.now - START <= 1.15 * allowed
    assert budget.refused < 0.05 * (budget.refused + budget.let_through)
    assert world.waited["throttled"] > 0 and world.waited["paced"] > 0


def test_a_refusal_right_after_a_step_down_does_not_make_a_trickle_of_the_run() -> None:
    # What came through between the two was one item, which is no measure of what Exchange lets through.
    world = run(3000, FOUR, Budget(200, 10.0), seed=8)

    assert world.now - START <= 2 * (3000 - 200) / 20


def test_where_nothing_throttles_the_pace_costs_less_than_a_tenth() -> None:
    paced, free = run(2000, FOUR), run(2000, UNPACED)

    assert free.now - START >= 0.9 * (paced.now - START)


def test_a_wait_that_exchange_names_is_obeyed_without_pacing_too() -> None:
    for adaptive in (True, False):
        pace = Throttle(4, 10, 0.0, adaptive=adaptive)

        pace.throttled(100.0, 30.0, "Retry after 30 seconds")

        assert pace.share(10, 0, 129.0) == 0
        assert pace.next_at(129.0) == 130.0
        assert pace.share(10, 0, 130.0) >= 1


def test_a_limit_on_sessions_halves_them_and_one_after_the_other_comes_back() -> None:
    pace = Throttle(8, 10, 0.0, adaptive=True)

    pace.throttled(100.0, None, "too many concurrent shells", sessions=True)
    assert pace.sessions == 4
    pace.answered(110.0)
    for at in (111.0, 112.0, 120.0):
        pace.share(10, 4, at)

    assert pace.sessions == 5
    assert any("8 sessions -> 4" in note for note in pace.notes)


def test_the_delay_between_batches_shrinks_while_exchange_answers_freely() -> None:
    pace = Throttle(1, 10, 1.0, adaptive=True)

    rests = [pace.batch_ended() for _ in range(7)]

    assert rests[0] == 1.0 and rests[-1] == 0.0
    assert rests == sorted(rests, reverse=True)
    assert Throttle(1, 10, 1.0, adaptive=False).batch_ended() == 1.0
