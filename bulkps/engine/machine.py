"""The run as a pure state machine: events in, actions out.

The driver tells it what happened and does, in order, what it asks for. It knows no thread, clock or
database. A Record is durable before the action after it begins; every guarantee is an order of actions.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from bulkps.engine import messages as ev
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.events import ItemEvent
from bulkps.engine.failed_request import FailedRequests
from bulkps.engine.item import Change, Item, Phase
from bulkps.engine.messages import Action, Event, StopReason
from bulkps.engine.outcome_evaluator import OutcomeEvaluator, Transition
from bulkps.engine.reconciler import Lookup, Reconciler, tells
from bulkps.engine.request_poller import RequestPoller
from bulkps.engine.session_pool import SessionPool
from bulkps.engine.stop_control import StopControl
from bulkps.engine.throttle import Throttle
from bulkps.engine.work_queue import InFlight, WorkQueue
from bulkps.exchange.error_catalog import ErrorClass, KnownError, classify
from bulkps.exchange.invocation import Answer, Invocation, Outcome
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import bind

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
        cancelled: Whether the run was cancelled before: it only brings to an end what was begun.
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
        self._operation, self._config, self._catalogue = operation, config, catalogue
        self._evaluator = OutcomeEvaluator(operation, config, catalogue, batch)
        self._failed_requests = FailedRequests(self._evaluator, catalogue)
        self._reconciler = Reconciler(self._evaluator, config, catalogue, self._failed_requests)
        self._queue = WorkQueue(operation)
        self._poller = RequestPoller(operation, config.follow, batch)
        self._pool = SessionPool(config, catalogue, one_first=one_first)
        self._throttle = Throttle(
            config.sessions,
            config.batch_size,
            config.delay_between_batches,
            adaptive=config.adaptive_pacing,
        )
        self._stop_control = StopControl(config, ends_at, cancelled=cancelled)
        #: How many items of its batch each session has answered.
        self._answered: dict[int, int] = {}
        self._exhausted = self._loading = self._finished = False
        self._now = self._chance = 0.0
        self._changes: list[Change] = []

    def receive(self, events: Iterable[Event], now: float, chance: float = 0.0) -> list[Action]:
        """Return what to do after *events*, in order.

        Args:
            events: What happened, in order; those that came together are recorded together.
            now: Epoch seconds.
            chance: A number in [0, 1) for jitter.
        """
        self._now, self._chance, self._changes = now, chance, []
        for event in events:
            self._take_in(event)
        if self._finished:
            return [ev.Record(tuple(self._changes))] if self._changes else []
        actions = self._decide()
        return [ev.Record(tuple(self._changes)), *actions] if self._changes else actions

    # --- what happened --------------------------------------------------------------------------------

    def _take_in(self, event: Event) -> None:
        match event:
            case ev.Started(following):
                self._poller.resume(following, self._now)
            case ev.ItemsLoaded(items, exhausted):
                self._loaded(items, exhausted)
            case ev.SessionOpened(session):
                self._pool.opened(session)
            case ev.SessionRefused():
                self._stop_control.stop(self._pool.refused(event, self._now, self._chance))
            case ev.SessionLost(session, reason):
                self._lost(session, reason)
            case ev.OutcomeArrived(session, outcome):
                self._outcome(session, outcome)
            case ev.BatchEnded(session, worn):
                self._land_all(session, "the batch ended without its outcome")
                self._pool.done(session, self._now + self._throttle.batch_ended(), worn)
            case ev.FollowAnswered() | ev.FollowFailed():
                self._pool.done(event.session, self._now, event.worn)
                self._follow_over(event)
            case ev.PauseAsked():
                self._stop_control.stop(ev.Finish(StopReason.PAUSED))
            case ev.InterruptAsked():
                self._stop_control.interrupt()
            case ev.CancelAsked():
                self._stop_control.cancel()
            case ev.TimePassed():
                pass

    def _loaded(self, items: tuple[Item, ...], exhausted: bool) -> None:
        self._loading, self._exhausted = False, exhausted
        for item in items:
            # The batch of a process that ended may go on without it.
            begins_until = self._now + self._config.batch_time
            if item.phase is Phase.SENT:
                reason = "it was sent by a process that ended before the answer came"
                transition = self._doubt(item, reason, begins_until)
                # An old doubt is no failure of this run: it must not trigger stop_on_error.
                self._apply(transition, stops=False)
            elif item.phase is Phase.DOUBT:
                self._queue.ask(item.with_doubt(since=begins_until), Lookup(), self._now)
            elif self._reconciler.is_unsure(item):
                # It was looked up by another process, perhaps days ago.
                self._queue.ask(self._reconciler.unsure(item, begins_until), Lookup(), self._now)
            else:
                # It may be of a process whose clock was wrong.
                latest = self._now + self._config.longest_wait
                self._queue.put(replace(item, not_before=min(item.not_before, latest)), first=False)

    def _lost(self, session: int, reason: str) -> None:
        self._land_all(session, f"the session was lost: {reason}")
        self._stop_control.stop(self._pool.lost(session, reason, self._now, self._chance))
        self._poller.failed_on(session, self._now)

    def _land_all(self, session: int, reason: str) -> None:
        """Put into doubt what is in flight on a session that brings no more answers."""
        for key in self._queue.on_session(session):
            flight = self._queue.land(key)
            if flight and flight.lookup:
                self._told(flight, flight.lookup, Outcome(key, Answer.LOST))
            elif flight:
                cause = f"{flight.cmdlet.name} was sent and its answer never came: {reason}"
                until = self._begins_until(flight)
                self._apply(self._doubt(flight.item, cause, until), flight)

    def _doubt(self, item: Item, reason: str, begins_until: float) -> Transition:
        if self._operation.steps[item.step].recovers:
            # Such a cmdlet does no harm twice: it need not be waited for.
            return self._failed_requests.unanswered(item, reason, self._now)
        return self._evaluator.doubt(item, reason, self._now, begins_until=begins_until)

    def _outcome(self, session: int, outcome: Outcome) -> None:
        if outcome.answer is not Answer.NOT_SENT:
            self._pool.answered(session)
        flight = self._queue.land(outcome.id)
        if flight is None:
            return
        if flight.lookup:
            self._told(flight, flight.lookup, outcome)
            return
        if outcome.answer in (Answer.COMPLETED, Answer.FAILED):
            self._answered[session] = max(self._answered.get(session, 0), flight.place + 1)
        chance = self._spread(outcome.id)
        if self._operation.steps[flight.item.step].recovers:
            transition = self._failed_requests.answered(flight.item, outcome, self._now, chance)
        else:
            until = self._begins_until(flight)
            transition = self._evaluator.outcome(flight.item, outcome, self._now, chance, until)
        self._heard(transition, flight, outcome)
        self._apply(transition, flight, outcome)

    def _begins_until(self, flight: InFlight) -> float:
        """Return until when the cmdlet of a lost answer may still begin (epoch seconds); 0 if it began."""
        if flight.place <= self._answered.get(flight.session, 0):
            return 0.0
        # The other side goes on with a batch though no one listens, for as long as it was given.
        return (flight.item.sent_at or self._now) + self._config.batch_time

    def _spread(self, key: str) -> float:
        # One draw serves many items: the key spreads it, so that they do not all come back at once.
        return (self._chance + int(key[:8], 16) / 2**32) % 1.0

    def _told(self, flight: InFlight, lookup: Lookup, outcome: Outcome) -> None:
        """Take in the answer to a lookup about an item."""
        chance = self._spread(flight.item.key)
        gives_up = (
            self._poller.unexplained(flight.item, passes=self._reconciler.passes(outcome))
            if (lookup.status and not tells(outcome))
            else False
        )
        answer = self._reconciler.answered(
            flight.item,
            lookup,
            outcome,
            self._now,
            chance,
            stops=self._stop_control.is_final,
            gives_up=gives_up,
        )
        if lookup.missed:
            there = self._reconciler.is_there(flight.item, outcome)
            passing = self._reconciler.passes(outcome)
            self._poller.looked_for(flight.item, self._now, there=there, passing=passing)
        if isinstance(answer, Lookup):
            self._queue.ask(flight.item, answer, self._now)
            return
        self._heard(answer, flight, outcome)
        self._apply(answer, flight, outcome)
        if lookup.follows:
            self._poller.left(answer.item)

    def _heard(self, transition: Transition, flight: InFlight, outcome: Outcome) -> None:
        """Learn from an answer how fast Exchange lets the run go, and whether it lets the account in."""
        if transition.error_class is ErrorClass.THROTTLED:
            reason = outcome.errors[0].message if outcome.errors else "it said so"
            about_sessions = transition.scope == "session"
            self._throttle.throttled(self._now, transition.named_wait, reason, sessions=about_sessions)
        elif outcome.answer in (Answer.COMPLETED, Answer.FAILED):
            self._throttle.answered(self._now)
            if transition.error_class is not ErrorClass.AUTH:
                self._pool.authorized(flight.session)
        if transition.reconnect:
            why = transition.item.code or "an error"
            self._pool.tire(flight.session, f"{why} asks for a new session")

    def _follow_over(self, event: ev.FollowAnswered | ev.FollowFailed) -> None:
        if isinstance(event, ev.FollowFailed):
            self._follow_failed(event)
            return
        self._pool.answered(event.session)
        self._throttle.answered(self._now)
        found = self._poller.answered(event, self._reconciler, self._queue.is_asked, self._now)
        for item, what in found:
            if isinstance(what, Lookup):
                self._queue.ask(item, what, self._now)
            else:
                self._apply(what)
                self._poller.left(what.item)

    def _follow_failed(self, event: ev.FollowFailed) -> None:
        throttled = False
        if event.errors:
            self._pool.answered(event.session)
            meaning = classify(event.errors, self._catalogue, mutates=False)
            throttled = meaning.known.error_class is ErrorClass.THROTTLED
            if throttled:
                self._throttle.throttled(self._now, meaning.wait, event.reason)
            if meaning.known.reconnect:
                self._pool.tire(event.session, f"{meaning.known.id} asks for a new session")
                self._pool.done(event.session, self._now)
        if self._poller.failed(self._now, counted=not throttled):
            self._stop_control.stop(ev.Finish(StopReason.CANNOT_FOLLOW, event.reason))

    def _apply(
        self,
        transition: Transition,
        flight: InFlight | None = None,
        outcome: Outcome | None = None,
        *,
        stops: bool = True,
    ) -> None:
        item = transition.item
        self._changes.append(
            Change(
                item,
                transition.event,
                self._now,
                flight.cmdlet if flight else None,
                outcome.errors if outcome else (),
                outcome.warnings if outcome else (),
                outcome.milliseconds if outcome else None,
            )
        )
        if item.phase is Phase.READY:
            self._queue.put(item)
        elif item.phase is Phase.DOUBT:
            self._queue.ask(item, Lookup(), item.not_before)
        elif transition.event in (ItemEvent.ACCEPTED, ItemEvent.ADOPTED, ItemEvent.RESUMED):
            self._poller.accepted(self._now)
        refused = flight is not None and flight.lookup is None and item.phase is not Phase.OVER
        if transition.error_class is ErrorClass.AUTH and refused and flight:
            # If a new session was tried already, Exchange refuses the account there too: never in a loop.
            if self._pool.unauthorized(flight.session):
                self._stop_control.condemn(transition)
        elif stops:
            self._stop_control.count(transition)

    # --- what to do next ------------------------------------------------------------------------------

    def _decide(self) -> list[Action]:
        self._queue.due(self._now)
        self._stop_control.look_at_the_time(self._now)
        actions: list[Action] = [*self._pool.closings()]
        if self._wants_items():
            self._loading = True
            actions.append(ev.LoadItems(self._capacity))
        actions += [*self._ask_after(), *self._look_up(), *self._send()]
        # What was to be sent and has to be looked up first is looked up at once.
        actions += [*self._look_up(), *self._open_sessions()]
        actions += self._notes()
        if self._over():
            return [*actions, *self._finish()]
        wake = self._wake_at()
        return [*actions, ev.WakeAt(wake)] if wake is not None else actions

    @property
    def _capacity(self) -> int:
        return self._config.batch_size * self._config.sessions * _BATCHES_HELD

    def _wants_items(self) -> bool:
        low = self._capacity // 2
        # Those that wait for their time do not count: the others need not wait with them. How many may
        # wait is limited all the same, for they are in memory.
        full = self._queue.ready >= low or len(self._queue) >= _WAITING_HELD * self._capacity
        if self._stop_control.winds_up:
            # What was in flight when it was cancelled is all that is left, and little.
            return not (self._exhausted or self._loading)
        return not (self._stop_control.stopping or self._exhausted or self._loading or full)

    def _ask_after(self) -> list[Action]:
        idle = self._pool.idle() if self._stop_control.follows else []
        if not idle or not self._poller.is_due(self._now) or not self._let_through(1):
            return []
        self._pool.working(idle[0])
        step = self._poller.turn()
        return [ev.AskAfter(idle[0], step, self._poller.ask(idle[0], step))]

    def _let_through(self, wanted: int) -> int:
        """Return how many may be handed over now, and count them as handed over."""
        count = self._throttle.share(wanted, self._pool.busy, self._now)
        if count:
            self._throttle.handed(count, self._now)
        return count

    def _look_up(self) -> list[Action]:
        asked: list[Action] = []
        for number in self._pool.idle() if self._stop_control.settles else []:
            due = self._queue.lookups_due(self._now, self._config.batch_size)
            count = self._let_through(due) if due else 0
            batch = [found for found in (self._next_lookup_of(number) for _ in range(count)) if found]
            if batch:
                self._pool.working(number)
                asked.append(ev.LookUp(number, tuple(batch)))
        return asked

    def _next_lookup_of(self, session: int) -> Invocation | None:
        """Return the next lookup that can be asked."""
        while (taken := self._queue.take_lookup(self._now)) is not None:
            item, lookup = taken
            bound = self._reconciler.cmdlet(item, lookup)
            if bound is not None:
                self._queue.depart(InFlight(item, session, bound[0], lookup))
                return Invocation(item.key, *bound)
            following = self._reconciler.next_after(item, lookup)
            if following:
                self._queue.ask(item, following, self._now)
                continue
            nothing = self._reconciler.nothing_asks(item, lookup, self._now)
            self._apply(nothing)
            if lookup.follows:
                self._poller.left(nothing.item)
        return None

    def _send(self) -> list[Action]:
        sends: list[Action] = []
        only_midway = self._stop_control.stopping
        for number in self._pool.idle(self._now) if not self._stop_control.interrupted else []:
            wanted = min(self._share, self._queue.sendable(only_midway=only_midway))
            if not wanted:
                self._throttle.rest(self._now)
                break
            count = self._throttle.share(wanted, self._pool.busy, self._now)
            if not count:
                break
            items = self._take(count, only_midway=only_midway)
            if not items:
                break
            self._throttle.handed(len(items), self._now)
            self._pool.working(number)
            self._answered.pop(number, None)
            batch = tuple(self._depart(item, number, place) for place, item in enumerate(items))
            sends.append(ev.Send(number, batch, tuple(items)))
        return sends

    def _take(self, count: int, *, only_midway: bool) -> list[Item]:
        """Return up to *count* items that may be sent now; what has to be looked up first is put back."""
        while items := self._queue.take(count, only_midway=only_midway):
            for rules in (self._failed_requests, self._reconciler):
                for stale in [item for item in items if rules.is_stale(item, self._now)]:
                    items.remove(stale)
                    self._apply(rules.look_again(stale, self._now))
            if items:
                return items
        return []

    @property
    def _share(self) -> int:
        """How many items a session is handed: the last ones are shared, so that no session ends alone."""
        if not self._exhausted or self._stop_control.stopping:
            return self._config.batch_size
        return max(1, min(self._config.batch_size, math.ceil(self._queue.ready / self._pool.limit)))

    def _depart(self, item: Item, session: int, place: int) -> Invocation:
        step = self._operation.steps[item.step]
        cmdlet = bind(step, self._evaluator.filled(item))
        sending = item.sending(self._now, counted=not step.polled)
        self._changes.append(Change(sending, ItemEvent.SENDING, self._now, cmdlet))
        self._queue.depart(InFlight(sending, session, cmdlet, place=place))
        return Invocation(item.key, cmdlet, step.wanted_properties)

    def _open_sessions(self) -> list[Action]:
        if not self._stop_control.connects:
            return []
        most = self._pool.limit * self._config.batch_size
        lookups = self._queue.lookups_due(self._now, most) if self._stop_control.settles else 0
        work = self._queue.sendable(only_midway=self._stop_control.stopping)
        batches = math.ceil(work / self._share) + math.ceil(lookups / self._config.batch_size)
        limit = min(self._pool.limit, self._throttle.sessions)
        free = len(self._pool) - self._pool.busy
        wanted = min(limit, len(self._pool) + max(0, batches - free))
        if not len(self._pool) and self._stop_control.follows and self._poller.is_due(self._now):
            wanted = max(1, wanted)
        return self._pool.open(wanted, self._now)

    def _notes(self) -> list[Action]:
        notes, self._throttle.notes = tuple(self._throttle.notes), []
        return [ev.Paced(notes, self._throttle.waited(self._now))] if notes else []

    def _over(self) -> bool:
        if self._queue.flying or self._loading or self._poller.asking:
            return False
        if self._queue.midway and self._stop_control.connects:
            return False
        if self._stop_control.settles and self._queue.asking:
            return False
        if self._stop_control.follows and self._poller.waits:
            return False
        if self._stop_control.winds_up:
            return self._exhausted and not self._queue.begun
        return self._stop_control.stopping or (self._exhausted and not len(self._queue))

    def _finish(self) -> list[Action]:
        self._finished = True
        finish = self._stop_control.reason
        actions: list[Action] = []
        if waited := self._throttle.waited(self._now):
            actions.append(ev.Paced((), waited))
        if self._stop_control.is_final:
            for item in self._queue.doubtful():
                reason = f"{item.error} The run was over before it could be sent again"
                self._apply(self._evaluator.left_in_doubt(item, reason, self._now))
            why = "the run was cancelled" if finish.reason is StopReason.CANCELLED else finish.detail
            actions.append(ev.SkipRest(finish.reason.value, f"never sent: {why}"))
        return [*actions, *self._pool.close_all(), finish]

    def _wake_at(self) -> float | None:
        times = [self._queue.next_due(), self._stop_control.wakes_at]
        if self._queue.ready:
            times += self._pool.rests()
        if self._stop_control.settles:
            times.append(self._queue.next_lookup())
        if self._stop_control.follows:
            times.append(self._poller.next_poll)
        times += [self._pool.reopens_at, self._throttle.next_at(self._now)]
        coming = [time for time in times if time is not None and time > self._now]
        return min(coming) if coming else None
