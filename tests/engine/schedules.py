"""One seed = one world: its operation, its policy, its faults, and what people ask of the run."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

from bulkps.engine import machine_messages as ev
from bulkps.engine.config import BulkOperationConfig, LookupPolicy
from bulkps.engine.item import Item
from bulkps.operations.item_key import item_key
from tests.engine.world import REQUEST_ONLY as RESTORE
from tests.engine.world import Fates, World

#: As RESTORE, for a cmdlet that Exchange does as often as it is asked: only the lookup keeps it from twice.
UNGUARDED = replace(RESTORE, steps=(replace(RESTORE.steps[0], repeat_refused=False), *RESTORE.steps[1:]))

#: Longer than any cmdlet of the world is at work and what it made is not seen, in seconds; no longer.
SETTLE = 700.0
#: Kinds of fault that must have been met once enough seeds were tried.
KINDS = (
    "throttled",
    "transient",
    "permanent",
    "unknown",
    "uncertain",
    "unauthorized",
    "masked",
    "used_up",
    "escaped",
    "resent",
    "silent",
    "lost",
    "dies",
    "late",
    "taken",
    "not_opened",
    "opens_and_dies",
    "renewed",
    "lookup_throttled",
    "lookup_transient",
    "lookup_lost",
    "lookup_dies",
    "looked_up",
    "follow_fails",
    "request_removed",
    "unlisted",
    "crash",
    "stall",
    "stall_between",
    "torn",
    "announced",
    "backup",
    "cleared",
    "out_of_time",
    "resumed_by_hand",
    "item.resumed",
    "item.made-anew",
    "resumed",
    "retry",
    "paused",
    "cancelled",
    "stop-on-error",
    "cannot-connect",
    "cannot-follow",
    "condemned",
    "too-many-failures",
    "time-is-up",
    "done",
)
_SHARES = {
    "throttled": 0.3,
    "transient": 0.2,
    "permanent": 0.2,
    "unknown": 0.1,
    "uncertain": 0.2,
    "unauthorized": 0.3,
    "masked": 0.2,
    "used_up": 0.1,
    "escaped": 0.1,
    "resent": 0.1,
    "silent": 0.1,
    "lost": 0.2,
    "dies": 0.2,
    "not_opened": 0.4,
    "opens_and_dies": 0.2,
    "request_fails": 0.2,
    "lookup_fails": 0.4,
    "follow_fails": 0.9,
    "request_removed": 0.05,
    "unlisted": 0.3,
    "worn": 0.2,
    "crash": 1.0,
    "stall": 1.0,
    "stall_between": 1.0,
    "torn": 1.0,
    "backup": 0.5,
    "cleared": 0.5,
    "skew": 0.5,
    "late": 1.0,
}


def restores(number: int, targets: int = 10_000) -> list[Item]:
    rows = [
        {"source_guid": f"00000000-0000-0000-0000-{i:012}", "target_mailbox": f"t{i % targets}@contoso.com"}
        for i in range(number)
    ]
    return [Item(item_key(RESTORE, row), i + 2, row) for i, row in enumerate(rows)]


def world_of(seed: int, *, long_batches: bool = False, **planted: Any) -> World:
    """Return the world of *seed*; *planted* puts a defect into it.

    With *long_batches* it is one whose processes die while a batch of minutes is under way.
    """
    rng = random.Random(f"schedule {seed}")
    refuses = rng.random() < 0.5
    fates = Fates(
        **{name: rng.random() * most if rng.random() < 0.4 else 0.0 for name, most in _SHARES.items()}
    )
    latency = rng.choice([1.0, 1.0, 60.0, 300.0])
    if latency > 60.0:
        # What is at work for so long is not late on top: SETTLE would be too short for both.
        fates.late = 0.0
    if fates.backup:
        # That a request which was never seen is not there is believed for an hour: nobody removes it in that.
        fates.request_removed = 0.0
    asks: list[tuple[float, ev.Event]] = []
    for event in (ev.PauseAsked(), ev.CancelAsked(), ev.InterruptAsked()):
        if rng.random() < 0.1:
            asks.append((rng.random() * 30, event))
    config = BulkOperationConfig(
        batch_size=rng.randint(1, 6),
        parallel_execution=True,
        max_sessions=rng.randint(1, 4),
        stop_on_error=rng.random() < 0.1,
        delay_between_batches=rng.choice([0.0, 1.0]),
        adaptive_pacing=rng.random() < 0.8,
        item_timeout=rng.choice([2.0, 900.0]),
        max_failures=rng.choice([None, None, 3]),
        lookup=LookupPolicy(attempts=rng.randint(1, 6), settle=rng.choice([None, SETTLE])),
        wait=rng.random() < 0.9,
    )
    if long_batches:
        refuses, latency, fates = False, 300.0, Fates(crash=1.0)
        lookup = replace(config.lookup, settle=SETTLE)
        config = replace(config, batch_size=6, max_sessions=1, lookup=lookup, max_failures=None)
    return World(
        seed,
        restores(rng.randint(1, 16), rng.choice([3, 10_000])),
        config,
        fates,
        RESTORE if refuses else UNGUARDED,
        asks,
        refuses=refuses,
        ends_at=1_000_000.0 + rng.random() * 60 if rng.random() < 0.1 else None,
        latency=latency,
        **planted,
    )


def try_seed(seed: int, **planted: Any) -> Counter[str]:
    """Live through the world of *seed* and check it; return what was met."""
    world = world_of(seed, **planted)
    world.live()
    world.check()
    return +world.met
