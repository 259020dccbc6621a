"""How a run may proceed: its options, retry, following. Defaults are set here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from bulkps.engine.backoff import STRICT, Backoff, check_limits
from bulkps.errors import FieldProblems
from bulkps.exchange.error_catalog import ErrorClass

#: The most seconds that a cmdlet of Exchange Online's module may take (exo-module-facts.md section 2).
_LONGEST_CMDLET = 960.0
#: For this many seconds after its cmdlet ended, a change may not be visible everywhere yet (assumed;
#: directory servers of one organization agree within seconds).
SEEN = 30.0


@dataclass(frozen=True)
class RetryPolicy(Backoff):
    """Exponential backoff, capped in attempts and in wait.

    Attributes:
        first_wait: Seconds before the second attempt.
        multiplier: What the wait is multiplied by after each further attempt.
        max_wait: No single wait is longer than this many seconds, unless Exchange names a longer one.
        attempts: How often an item is tried in all; 1 means once; None means max_retries and one more.
        jitter: Up to this share of a wait is taken off by chance.
    """

    attempts: int | None = None
    jitter: float = 0.25

    def __post_init__(self) -> None:
        """Refuse a policy that would never try, or wait backwards."""
        jitter = [] if 0 <= self.jitter < 1 else [("jitter", f"must be from 0 to below 1, not {self.jitter}")]
        attempts = 1 if self.attempts is None else self.attempts
        self.check_waits(("attempts", attempts, 1), further=jitter)

    def wait_after(self, attempt: int, chance: float = 0.0) -> float:
        """Return the seconds to wait after failed *attempt* (from 1).

        *chance* in [0, 1) is drawn by the caller.
        """
        return self.wait(attempt - 1) * (1 - self.jitter * chance)


@dataclass(frozen=True)
class ConnectPolicy(RetryPolicy):
    """How often and how patiently a session is opened.

    It is a class of its own: setting one field keeps the defaults of the others.
    """

    attempts: int | None = 3
    first_wait: float = 1.0
    max_wait: float = 30.0


def _retry_defaults() -> dict[ErrorClass, RetryPolicy]:
    # exchange-facts.md section 5: transient 5 s doubled up to 5 min. The throttle slows the whole run down,
    # so a throttled item waits only briefly and may be tried often.
    return {
        ErrorClass.TRANSIENT: RetryPolicy(),
        ErrorClass.THROTTLED: RetryPolicy(attempts=10, first_wait=2.0, max_wait=600.0),
    }


@dataclass(frozen=True)
class FollowPolicy(Backoff):
    """How often bulkps polls an asynchronous step.

    Attributes:
        first_wait: Seconds until the first poll.
        multiplier: What the interval is multiplied by after each poll.
        max_wait: The longest interval in seconds.
        absences: How many lookups in a row must not find a request before it counts as gone. Where it cannot
            be looked up by itself: how many polls.
        gone_after: Seconds for which it must be missing before it counts as gone: a new request may not be
            visible everywhere yet (exchange-facts.md: up to 15 minutes).
        failures: How many failed polls in a row stop the run, to be resumed later.
        statistics: For how many unfinished requests a poll also reads the progress, in turn; one query each.
        final_statistics: Whether bulkps asks how much a completed request copied; one query each.
    """

    least_wait: ClassVar[float] = 0.05

    first_wait: float = 2.0
    multiplier: float = 1.5
    max_wait: float = 120.0
    absences: int = 3
    gone_after: float = 900.0
    failures: int = 5
    statistics: int = 10
    final_statistics: bool = True

    def __post_init__(self) -> None:
        """Refuse values that are too small."""
        self.check_waits(
            ("absences", self.absences, 1),
            ("gone_after", self.gone_after, 0),
            ("failures", self.failures, 1),
            ("statistics", self.statistics, 0),
        )


@dataclass(frozen=True)
class PollPolicy(Backoff):
    """How long a step that only reads is repeated until it shows what is expected.

    Attributes:
        first_wait: Seconds before the step is repeated for the first time.
        multiplier: What the wait is multiplied by after each repeat.
        max_wait: The longest wait in seconds.
        give_up_after: Seconds of waiting after which the step has failed. Provisioning usually takes up to
            30 minutes (exchange-facts.md section 3.4).
    """

    least_wait: ClassVar[float] = 0.05

    multiplier: float = 1.5
    max_wait: float = 60.0
    give_up_after: float = 1800.0

    def __post_init__(self) -> None:
        """Refuse waits that are too short."""
        self.check_waits(("give_up_after", self.give_up_after, 0))

    def wait_after(self, attempt: int) -> float | None:
        """Return the seconds to wait after *attempt* (from 1), or None once that was long enough."""
        waits = [self.wait(number) for number in range(min(attempt, 1000))]
        return None if sum(waits) > self.give_up_after else waits[-1]


@dataclass(frozen=True)
class LookupPolicy(Backoff):
    """How often and how long an item in doubt is looked up.

    Attributes:
        first_wait: Seconds until the first lookup.
        multiplier: What the wait is multiplied by after each lookup that could not tell.
        max_wait: The longest wait in seconds.
        attempts: After this many lookups that could not tell, a person has to check.
        settle: For this many seconds after the doubt, a lookup that finds nothing proves nothing: the cmdlet
            may still be running, and what it created may not be visible everywhere yet. None means
            item_timeout, at least 960 s, or 30 s where the cmdlet is known to have ended. Where Exchange
            itself refuses to do it twice, the row is sent again after 30 s, or at once. The time for the rows
            before it in its batch is added.
    """

    first_wait: float = 2.0
    max_wait: float = 120.0
    attempts: int = 8
    settle: float | None = None

    def __post_init__(self) -> None:
        """Refuse a policy that would never look it up."""
        settle = 0 if self.settle is None else self.settle
        self.check_waits(("attempts", self.attempts, 1), ("settle", settle, 0))

    def wait_after(self, lookups: int) -> float:
        """Return the seconds to wait after so many lookups that could not tell."""
        return self.wait(lookups)


@dataclass(frozen=True)
class Breaker:
    """How many failed rows stop a run before it does harm.

    Attributes:
        max_failures: This many failed rows stop the run; None for no limit.
        max_failure_share: A larger share of failed rows among the finished ones stops the run, from 0 to 1;
            None for no limit.
        after: How many rows must be finished before the share counts.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    max_failures: int | None = None
    max_failure_share: float | None = None
    after: int = 20

    def __post_init__(self) -> None:
        """Refuse numbers that are no limit."""
        share = self.max_failure_share
        bad = [] if share is None or 0 <= share <= 1 else [("max_failure_share", f"from 0 to 1, not {share}")]
        count = 1 if self.max_failures is None else self.max_failures
        check_limits(("max_failures", count, 1), ("after", self.after, 1), further=bad)

    def trips(self, failed: int, ended: int) -> str:
        """Return why *failed* rows of *ended* are too many, or an empty string."""
        if self.max_failures is not None and failed >= self.max_failures:
            return f"{failed} rows failed (max_failures {self.max_failures})"
        share = self.max_failure_share
        if share is not None and ended >= self.after and failed / ended > share:
            return f"{failed} of {ended} rows failed (max_failure_share {share:g})"
        return ""


@dataclass(frozen=True)
class BulkOperationConfig:
    """Every option of a run.

    Attributes:
        batch_size: Items handed to a session at once.
        parallel_execution: Whether more than one session is used.
        max_sessions: How many sessions at most, with parallel_execution. exchange-facts.md section 6: 3 is
            sound on-premises, 10 the most unless the operator decides otherwise.
        stop_on_error: Whether the first failed item stops the run; the rest is skipped.
        retry_failed: Whether an item that a retry can help is tried again.
        max_retries: Tries after the first one, where the retry policy of the error's class names no number.
        delay_between_batches: Seconds that a session rests between two batches; with adaptive_pacing only
            at first.
        adaptive_pacing: Whether the run adapts its speed to what Exchange allows.
        item_timeout: Seconds that an item may take; after that it is stopped and in doubt. Exchange Online's
            own limit is 900.
        lease: Seconds after which another process may take over the run of a process that does not respond.
            Once half of them have passed since the journal was last written, nothing new is started.
        wait: Whether asynchronous steps are followed until they finish.
        preflight: Whether bulkps checks for known causes of failure before it sends anything.
        require_clean: Whether nothing at all is sent if pre-flight finds a blocker, or could not check for
            one.
        preflight_sizes: Whether pre-flight reads how big mailboxes are (two cmdlets a row); None for only
            if there are few rows.
        onmicrosoft_fallback: Whether a new account whose domain is federated gets the same name in the
            ``.onmicrosoft.com`` domain.
        retry: A policy for each class of error that may be retried.
        connect: How often and how patiently a session is opened.
        follow: How asynchronous steps are polled.
        lookup: How items in doubt are looked up.
        poll: How long bulkps waits until something new is visible.
        max_failures: This many failed rows stop the run; None for no limit.
        max_failure_share: A larger share of failed rows stops it, once 20 are finished; None for no limit.
        breakers: The same for the failures of one class of error.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    batch_size: int = 10
    parallel_execution: bool = False
    max_sessions: int = 3
    stop_on_error: bool = False
    retry_failed: bool = True
    max_retries: int = 3
    delay_between_batches: float = 1.0
    adaptive_pacing: bool = True
    item_timeout: float = 900.0
    lease: float = 30.0
    wait: bool = True
    preflight: bool = True
    require_clean: bool = False
    preflight_sizes: bool | None = None
    onmicrosoft_fallback: bool = False
    retry: dict[ErrorClass, RetryPolicy] = field(default_factory=_retry_defaults)
    connect: ConnectPolicy = ConnectPolicy()
    follow: FollowPolicy = FollowPolicy()
    lookup: LookupPolicy = LookupPolicy()
    poll: PollPolicy = PollPolicy()
    max_failures: int | None = None
    max_failure_share: float | None = None
    breakers: dict[ErrorClass, Breaker] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse values that cannot work; add the default retry policies that are not given."""
        others = [
            (
                f"retry.{kind.value}",
                "only transient and throttled errors are retried; anything else could be done twice",
            )
            for kind in self.retry
            if kind not in _retry_defaults()
        ]
        check_limits(
            ("batch_size", self.batch_size, 1),
            ("max_sessions", self.max_sessions, 1),
            ("max_retries", self.max_retries, 0),
            ("delay_between_batches", self.delay_between_batches, 0),
            ("item_timeout", self.item_timeout, 1),
            ("lease", self.lease, 2),
            further=others,
        )
        if not self.preflight and (self.require_clean or self.onmicrosoft_fallback):
            name = "require_clean" if self.require_clean else "onmicrosoft_fallback"
            raise FieldProblems([(name, "needs preflight, which is off")])
        # It checks the two values.
        Breaker(self.max_failures, self.max_failure_share)
        object.__setattr__(self, "retry", _retry_defaults() | self.retry)

    @property
    def sessions(self) -> int:
        """How many sessions are used at most."""
        return self.max_sessions if self.parallel_execution else 1

    @property
    def settle(self) -> float:
        """Seconds after its cmdlet began in which a lookup that does not find an item proves nothing."""
        if self.lookup.settle is not None:
            return self.lookup.settle
        # A cmdlet may still run at Exchange after bulkps stopped listening. How long it runs does not depend
        # on how long bulkps listens.
        return max(self.item_timeout, _LONGEST_CMDLET)

    @property
    def batch_time(self) -> float:
        """Seconds after a batch was sent in which Exchange may still start an item of it."""
        return self.lease / 2

    @property
    def longest_wait(self) -> float:
        """The longest wait in seconds after which an item is sent again by these policies."""
        return max(self.poll.max_wait, *(policy.max_wait for policy in self.retry.values()))

    def wait_after(self, kind: ErrorClass, attempt: int, chance: float) -> float | None:
        """Return the seconds to wait before an item is tried again, or None to give up.

        Args:
            kind: The class of the error.
            attempt: How often the item has been tried, from 1.
            chance: In [0, 1).
        """
        policy = self.retry.get(kind)
        if policy is None or not self.retry_failed:
            return None
        return None if attempt >= self.attempts_of(policy) else policy.wait_after(attempt, chance)

    def attempts_of(self, policy: RetryPolicy) -> int:
        """Return how often something is tried in all by *policy*, which may leave it to max_retries."""
        return policy.attempts if policy.attempts is not None else self.max_retries + 1
