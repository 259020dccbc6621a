"""The run as a pure state machine: events in, actions out.

The driver tells it what happened, and does in order what it asks for. It knows no thread, clock or
database. A Record is durable before the next action starts; every guarantee is an order of actions.
"""

from collections.abc import Iterable
from dataclasses import replace

from bulkps.engine import machine_messages as ev
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.dispatcher import Dispatcher
from bulkps.engine.item import Item, Phase
from bulkps.engine.machine_messages import Action, Event, StopReason
from bulkps.engine.machine_state import MachineState
from bulkps.engine.outcome_evaluator import Transition
from bulkps.engine.reconciler import Lookup, tells
from bulkps.engine.work_queue import InFlight
from bulkps.exchange.calls_and_outcomes import Answer, Outcome
from bulkps.exchange.error_catalog import ErrorClass, KnownError, classify
from bulkps.operations.model import Operation

#: How many batches' worth of items are held for each session.
_BATCHES_HELD = 4
#: How many times that many may wait for their next attempt.
_WAITING_HELD = 10


class Machine:
    """Decides what a run does next.

    Args:
        operation: What is done to each item.
        config: How it may proceed.
        catalogue: What errors mean.
        batch: The run's BatchName.
        one_first: Whether one session must be open before others are tried, as where a password signs in.
        ends_at: Epoch seconds at which the run pauses; None for never.
        cancelled: Whether the run was cancelled before: it only finishes what was started.
    """

    def __init__(
        self,
        operation: Operation,
        config: BulkOperationConfig,
        catalogue: tuple[KnownError, ...],
        batch: str,
        *,
        one_first: bool = False,
        ends_at: float | None = None,
        cancelled: bool = False,
    ) -> None:
        self._run = MachineState(
            *(operation, config, catalogue, batch), one_first=one_first, ends_at=ends_at, cancelled=cancelled
        )
        self._dispatcher = Dispatcher(self._run)
        self._finished = False

    def receive(self, events: Iterable[Event], now: float, chance: float = 0.0) -> list[Action]:
        """Return what to do after *events*, in order.

        Args:
            events: What happened, in order; events that arrived together are recorded together.
            now: Epoch seconds.
            chance: A number in [0, 1) for jitter.
        """
        self._run.at, self._run.chance, self._run.changes = now, chance, []
        for event in events:
            self._take_in(event)
        if self._finished:
            return [ev.Record(tuple(self._run.changes))] if self._run.changes else []
        actions = self._decide()
        return [ev.Record(tuple(self._run.changes)), *actions] if self._run.changes else actions

    # --- what happened --------------------------------------------------------------------------------

    def _take_in(self, event: Event) -> None:
        match event:
            case ev.Started(following):
                self._run.poller.resume(following, self._run.at)
            case ev.ItemsLoaded(items, exhausted):
                self._loaded(items, exhausted)
            case ev.SessionOpened(session):
                self._run.pool.opened(session)
            case ev.SessionRefused():
                self._run.stop_rules.stop(self._run.pool.refused(event, self._run.at, self._run.chance))
            case ev.SessionLost(session, reason):
                self._lost(session, reason)
            case ev.OutcomeArrived(session, outcome):
                self._outcome(session, outcome)
            case ev.BatchEnded(session, worn):
                self._land_all(session, "the batch ended without its outcome")
                self._run.pool.done(session, self._run.at + self._run.throttle.batch_ended(), worn)
            case ev.FollowAnswered() | ev.FollowFailed():
                self._run.pool.done(event.session, self._run.at, event.worn)
                self._follow_over(event)
            case ev.PauseAsked():
                self._run.stop_rules.stop(ev.Finish(StopReason.PAUSED))
            case ev.InterruptAsked():
                self._run.stop_rules.interrupt()
            case ev.CancelAsked():
                self._run.stop_rules.cancel()
            case ev.TimePassed():
                pass

    def _loaded(self, items: tuple[Item, ...], exhausted: bool) -> None:
        self._run.loading, self._run.exhausted = False, exhausted
        for item in items:
            # The batch of a process that ended may continue without it.
            begins_until = self._run.at + self._run.config.batch_time
            if item.phase is Phase.SENT:
                reason = "it was sent by a process that ended before the answer came"
                transition = self._doubt(item, reason, begins_until)
                # An old doubt is not a failure of this run: it must not trigger stop_on_error.
                self._run.apply(transition, stops=False)
            elif item.phase is Phase.DOUBT:
                self._run.queue.ask(item.with_doubt(since=begins_until), Lookup(), self._run.at)
            elif self._run.reconciler.is_unsure(item):
                # It was looked up by another process, perhaps days ago.
                self._run.queue.ask(self._run.reconciler.unsure(item, begins_until), Lookup(), self._run.at)
            else:
                # The process that wrote it may have had a wrong clock.
                latest = self._run.at + self._run.config.longest_wait
                self._run.queue.put(replace(item, not_before=min(item.not_before, latest)), first=False)

    def _lost(self, session: int, reason: str) -> None:
        self._land_all(session, f"the session was lost: {reason}")
        self._run.stop_rules.stop(self._run.pool.lost(session, reason, self._run.at, self._run.chance))
        self._run.poller.failed_on(session, self._run.at)

    def _land_all(self, session: int, reason: str) -> None:
        """Put into doubt what is in flight on a session that returns no more answers."""
        for key in self._run.queue.on_session(session):
            flight = self._run.queue.land(key)
            if flight and flight.lookup:
                self._told(flight, flight.lookup, Outcome(key, Answer.LOST))
            elif flight:
                cause = f"{flight.cmdlet.name} was sent and its answer never came: {reason}"
                until = self._begins_until(flight)
                self._run.apply(self._doubt(flight.item, cause, until), flight)

    def _doubt(self, item: Item, reason: str, begins_until: float) -> Transition:
        if self._run.operation.steps[item.step].recovers:
            # Such a cmdlet does no harm twice, so there is nothing to wait for.
            return self._run.failed_requests.unanswered(item, reason, self._run.at)
        return self._run.evaluator.doubt(item, reason, self._run.at, begins_until=begins_until)

    def _outcome(self, session: int, outcome: Outcome) -> None:
        if outcome.answer is not Answer.NOT_SENT:
            self._run.pool.answered(session)
        flight = self._run.queue.land(outcome.id)
        if flight is None:
            return
        if flight.lookup:
            self._told(flight, flight.lookup, outcome)
            return
        if outcome.answer in (Answer.COMPLETED, Answer.FAILED):
            self._run.answered[session] = max(self._run.answered.get(session, 0), flight.place + 1)
        chance = self._run.spread(outcome.id)
        if self._run.operation.steps[flight.item.step].recovers:
            transition = self._run.failed_requests.answered(flight.item, outcome, self._run.at, chance)
        else:
            until = self._begins_until(flight)
            transition = self._run.evaluator.outcome(flight.item, outcome, self._run.at, chance, until)
        self._heard(transition, flight, outcome)
        self._run.apply(transition, flight, outcome)

    def _begins_until(self, flight: InFlight) -> float:
        """Return until when the cmdlet of a lost answer may still start (epoch seconds); 0 if it started."""
        if flight.place <= self._run.answered.get(flight.session, 0):
            return 0.0
        # Exchange continues with a batch for its allowed time, although no one listens any more.
        return (flight.item.sent_at or self._run.at) + self._run.config.batch_time

    def _told(self, flight: InFlight, lookup: Lookup, outcome: Outcome) -> None:
        """Handle the answer to a lookup about an item."""
        chance = self._run.spread(flight.item.key)
        gives_up = (
            self._run.poller.unexplained(flight.item, passes=self._run.reconciler.passes(outcome))
            if (lookup.status and not tells(outcome))
            else False
        )
        answer = self._run.reconciler.answered(
            flight.item,
            lookup,
            outcome,
            self._run.at,
            chance,
            stops=self._run.stop_rules.is_final,
            gives_up=gives_up,
        )
        if lookup.missed:
            there = self._run.reconciler.is_there(flight.item, outcome)
            passing = self._run.reconciler.passes(outcome)
            self._run.poller.looked_for(flight.item, self._run.at, there=there, passing=passing)
        if isinstance(answer, Lookup):
            self._run.queue.ask(flight.item, answer, self._run.at)
            return
        self._heard(answer, flight, outcome)
        self._run.apply(answer, flight, outcome)
        if lookup.follows:
            self._run.poller.left(answer.item)

    def _heard(self, transition: Transition, flight: InFlight, outcome: Outcome) -> None:
        """Learn from an answer how fast Exchange lets the run go, and whether it accepts the account."""
        if transition.error_class is ErrorClass.THROTTLED:
            reason = outcome.errors[0].message if outcome.errors else "it said so"
            about_sessions = transition.scope == "session"
            self._run.throttle.throttled(self._run.at, transition.named_wait, reason, sessions=about_sessions)
        elif outcome.answer in (Answer.COMPLETED, Answer.FAILED):
            self._run.throttle.answered(self._run.at)
            if transition.error_class is not ErrorClass.AUTH:
                self._run.pool.authorized(flight.session)
        if transition.reconnect:
            why = transition.item.code or "an error"
            self._run.pool.tire(flight.session, f"{why} asks for a new session")

    def _follow_over(self, event: ev.FollowAnswered | ev.FollowFailed) -> None:
        if isinstance(event, ev.FollowFailed):
            self._follow_failed(event)
            return
        self._run.pool.answered(event.session)
        self._run.throttle.answered(self._run.at)
        found = self._run.poller.answered(event, self._run.reconciler, self._run.queue.is_asked, self._run.at)
        for item, what in found:
            if isinstance(what, Lookup):
                self._run.queue.ask(item, what, self._run.at)
            else:
                self._run.apply(what)
                self._run.poller.left(what.item)

    def _follow_failed(self, event: ev.FollowFailed) -> None:
        throttled = False
        if event.errors:
            self._run.pool.answered(event.session)
            meaning = classify(event.errors, self._run.catalogue, mutates=False)
            throttled = meaning.known.error_class is ErrorClass.THROTTLED
            if throttled:
                self._run.throttle.throttled(self._run.at, meaning.wait, event.reason)
            if meaning.known.reconnect:
                self._run.pool.tire(event.session, f"{meaning.known.id} asks for a new session")
                self._run.pool.done(event.session, self._run.at)
        if self._run.poller.failed(self._run.at, counted=not throttled):
            self._run.stop_rules.stop(ev.Finish(StopReason.CANNOT_FOLLOW, event.reason))

    # --- what to do next ------------------------------------------------------------------------------

    def _decide(self) -> list[Action]:
        self._run.queue.due(self._run.at)
        self._run.stop_rules.look_at_the_time(self._run.at)
        actions: list[Action] = [*self._run.pool.closings()]
        if self._wants_items():
            self._run.loading = True
            actions.append(ev.LoadItems(self._capacity))
        actions += [*self._dispatcher.hand_out(), *self._notes()]
        if self._over():
            return [*actions, *self._finish()]
        wake = self._wake_at()
        return [*actions, ev.WakeAt(wake)] if wake is not None else actions

    @property
    def _capacity(self) -> int:
        return self._run.config.batch_size * self._run.config.sessions * _BATCHES_HELD

    def _wants_items(self) -> bool:
        low = self._capacity // 2
        # Items that wait for their time do not count: the others need not wait with them. Their number is
        # limited too, because they are in memory.
        full = self._run.queue.ready >= low or len(self._run.queue) >= _WAITING_HELD * self._capacity
        if self._run.stop_rules.winds_up:
            # Only what was in flight when it was cancelled is left, and that is little.
            return not (self._run.exhausted or self._run.loading)
        return not (self._run.stop_rules.stopping or self._run.exhausted or self._run.loading or full)

    def _notes(self) -> list[Action]:
        notes, self._run.throttle.notes = tuple(self._run.throttle.notes), []
        return [ev.Paced(notes, self._run.throttle.waited(self._run.at))] if notes else []

    def _over(self) -> bool:
        if self._run.queue.flying or self._run.loading or self._run.poller.asking:
            return False
        if self._run.queue.midway and self._run.stop_rules.connects:
            return False
        if self._run.stop_rules.settles and self._run.queue.asking:
            return False
        if self._run.stop_rules.follows and self._run.poller.waits:
            return False
        if self._run.stop_rules.winds_up:
            return self._run.exhausted and not self._run.queue.begun
        return self._run.stop_rules.stopping or (self._run.exhausted and not len(self._run.queue))

    def _finish(self) -> list[Action]:
        self._finished = True
        finish = self._run.stop_rules.reason
        actions: list[Action] = []
        if waited := self._run.throttle.waited(self._run.at):
            actions.append(ev.Paced((), waited))
        if self._run.stop_rules.is_final:
            for item in self._run.queue.doubtful():
                reason = f"{item.error} The run ended before it could be sent again"
                self._run.apply(self._run.evaluator.left_in_doubt(item, reason, self._run.at))
            why = "the run was cancelled" if finish.reason is StopReason.CANCELLED else finish.detail
            actions.append(ev.SkipRest(finish.reason.value, f"never sent: {why}"))
        return [*actions, *self._run.pool.close_all(), finish]

    def _wake_at(self) -> float | None:
        times = [self._run.queue.next_due(), self._run.stop_rules.wakes_at]
        if self._run.queue.ready:
            times += self._run.pool.rests()
        if self._run.stop_rules.settles:
            times.append(self._run.queue.next_lookup())
        if self._run.stop_rules.follows:
            times.append(self._run.poller.next_poll)
        times += [self._run.pool.reopens_at, self._run.throttle.next_at(self._run.at)]
        coming = [time for time in times if time is not None and time > self._run.at]
        return min(coming) if coming else None
