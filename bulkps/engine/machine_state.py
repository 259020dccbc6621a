"""What the machine knows during a run: its rules, its queue, its sessions. Pure."""

from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.failed_requests import FailedRequests
from bulkps.engine.item import Change, Phase
from bulkps.engine.outcome_evaluator import OutcomeEvaluator, Transition
from bulkps.engine.reconciler import Lookup, Reconciler
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.request_poller import RequestPoller
from bulkps.engine.session_states import SessionPool
from bulkps.engine.stop_rules import StopRules
from bulkps.engine.throttle import Throttle
from bulkps.engine.work_queue import InFlight, WorkQueue
from bulkps.exchange.calls_and_outcomes import Outcome
from bulkps.exchange.error_catalog import ErrorClass, KnownError
from bulkps.operations.model import Operation


class MachineState:
    """The parts of a run, and what happened to its items since the last event.

    Its arguments are the machine's.

    Attributes:
        at: Epoch seconds of the events that are being handled.
        chance: A number in [0, 1) for jitter.
        changes: What happened to items; recorded before anything else is done.
        answered: How many items of its batch each session has answered.
        exhausted: Whether the journal has no further items.
        loading: Whether items were requested and have not arrived yet.
    """

    def __init__(
        self,
        operation: Operation,
        config: BulkOperationConfig,
        catalogue: tuple[KnownError, ...],
        batch: str,
        *,
        one_first: bool,
        ends_at: float | None,
        cancelled: bool,
    ) -> None:
        self.operation, self.config, self.catalogue = operation, config, catalogue
        self.evaluator = OutcomeEvaluator(operation, config, catalogue, batch)
        self.failed_requests = FailedRequests(self.evaluator, catalogue)
        self.reconciler = Reconciler(self.evaluator, config, catalogue, self.failed_requests)
        self.queue = WorkQueue(operation)
        self.poller = RequestPoller(operation, config.follow, batch)
        self.pool = SessionPool(config, catalogue, one_first=one_first)
        self.throttle = Throttle(
            config.sessions,
            config.batch_size,
            config.delay_between_batches,
            adaptive=config.adaptive_pacing,
        )
        self.stop_rules = StopRules(config, ends_at, cancelled=cancelled)
        self.answered: dict[int, int] = {}
        self.exhausted = self.loading = False
        self.at = self.chance = 0.0
        self.changes: list[Change] = []

    def spread(self, key: str) -> float:
        """Return a number in [0, 1) for the item *key*: one draw serves many items, each with its own."""
        return (self.chance + int(key[:8], 16) / 2**32) % 1.0

    def apply(
        self,
        transition: Transition,
        flight: InFlight | None = None,
        outcome: Outcome | None = None,
        *,
        stops: bool = True,
    ) -> None:
        """Apply what happened to an item.

        Args:
            transition: What happened to it.
            flight: What was in flight, if this is about an answer.
            outcome: The answer.
            stops: Whether a failure counts towards stopping the run.
        """
        item = transition.item
        self.changes.append(
            Change(
                item,
                transition.event,
                self.at,
                flight.cmdlet if flight else None,
                outcome.errors if outcome else (),
                outcome.warnings if outcome else (),
                outcome.milliseconds if outcome else None,
            )
        )
        if item.phase is Phase.READY:
            self.queue.put(item)
        elif item.phase is Phase.DOUBT:
            self.queue.ask(item, Lookup(), item.not_before)
        elif transition.event in (ItemEvent.ACCEPTED, ItemEvent.ADOPTED, ItemEvent.RESUMED):
            self.poller.accepted(self.at)
        self._count(transition, flight, stops=stops)

    def _count(self, transition: Transition, flight: InFlight | None, *, stops: bool) -> None:
        """Let what happened count towards stopping the run."""
        over = transition.item.phase is Phase.OVER
        refused = flight is not None and flight.lookup is None and not over
        if transition.error_class is ErrorClass.AUTH and refused and flight:
            # If a new session was already tried, Exchange refuses the account there too: no endless loop.
            if self.pool.unauthorized(flight.session):
                self.stop_rules.condemn(transition)
        elif stops:
            self.stop_rules.count(transition)
