"""The run as a pure state machine: events in, actions out.

The driver tells it what happened and does, in order, what it asks for. It knows no thread, clock or
database. A Record is durable before the action after it begins; every guarantee is an order of actions.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from bulkps.engine import events as ev
from bulkps.engine.events import Action, Event, StopReason
from bulkps.engine.follow import Follower
from bulkps.engine.item import Change, Item, Phase
from bulkps.engine.judge import Judge, Judgement
from bulkps.engine.policy import BulkOperationConfig
from bulkps.engine.status import BulkItemStatus
from bulkps.engine.window import Flight, Window
from bulkps.exchange.cmdlet import Answer, Invocation, Outcome
from bulkps.exchange.errors import UNKNOWN_READ, ErrorClass, KnownError, classify
from bulkps.operations.bind import bind, places
from bulkps.operations.model import Operation

#: How many batches' worth of items are held for each session.
_BATCHES_HELD = 4
#: How many times that many may wait for their next attempt.
_WAITING_HELD = 10


class _State(Enum):
    OPENING = auto()
    IDLE = auto()
    BUSY = auto()


@dataclass
class _Session:
    state: _State
    rests_until: float = 0.0
    answered: bool = False


class Machine:
    """Decides what a run does next.

    Args:
        operation: What is done to each item.
        config: How it may proceed.
        catalogue: What errors mean.
        batch: The run's BatchName.
        one_first: Whether one session must be open before others are tried, as where a password signs in:
            three wrong ones at once lock an account.
    """

    def __init__(
        self,
        operation: Operation,
        config: BulkOperationConfig,
        catalogue: tuple[KnownError, ...],
        batch: str,
        *,
        one_first: bool = False,
    ) -> None:
        self._operation, self._config, self._catalogue, self._batch = operation, config, catalogue, batch
        self._judge = Judge(operation, config, catalogue, batch)
        self._window = Window(operation.exclusive)
        self._follower = Follower(operation, config.follow, batch)
        self._sessions: dict[int, _Session] = {}
        self._numbers = 0
        self._limit = config.sessions
        self._refusals = 0
        self._barren = 0
        self._reopens_at = 0.0
        self._exhausted = self._loading = False
        self._stop: ev.Finish | None = None
        self._finished = False
        self._now = self._chance = 0.0
        self._changes: list[Change] = []
        self._worn: list[Action] = []
        self._tired: dict[int, str] = {}
        self._one_first, self._opened_once, self._interrupted = one_first, False, False
        self._waits = config.wait

    @property
    def finished(self) -> bool:
        """Whether it has asked to finish."""
        return self._finished

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
                self._follower.resume(following, self._now)
            case ev.ItemsLoaded(items, exhausted):
                self._loaded(items, exhausted)
            case ev.SessionOpened(session):
                self._sessions[session].state = _State.IDLE
                self._refusals, self._opened_once = 0, True
            case ev.SessionRefused(session, _):
                self._refused(session, event)
            case ev.SessionLost(session, reason):
                self._lost(session, reason)
            case ev.OutcomeArrived(session, outcome):
                self._outcome(session, outcome)
            case ev.BatchEnded(session, worn):
                self._batch_ended(session, worn)
            case ev.FollowAnswered() | ev.FollowFailed():
                self._follow_over(event)
            case ev.PauseAsked():
                self._pause()
            case ev.InterruptAsked():
                self._interrupted = True
                self._pause()
            case ev.CancelAsked():
                self._stop = ev.Finish(StopReason.CANCELLED)
            case ev.TimePassed():
                pass

    def _pause(self) -> None:
        # After stop_on_error the rest is skipped all the same; what a pause ends is the waiting.
        self._waits = False
        self._stop = self._stop or ev.Finish(StopReason.PAUSED)

    def _loaded(self, items: tuple[Item, ...], exhausted: bool) -> None:
        self._loading, self._exhausted = False, exhausted
        for item in items:
            if item.phase is Phase.SENT:
                reason = "it was sent by a process that ended before the answer came"
                # An old doubt is no failure of this run: it must not trigger stop_on_error.
                self._apply(self._judge.doubt(item, reason, self._now), stops=False)
            else:
                self._window.put(item, first=False)

    def _refused(self, session: int, event: ev.SessionRefused) -> None:
        del self._sessions[session]
        self._refusals += 1
        meaning = classify([event.error], self._catalogue, mutates=False)
        policy = self._config.connect
        self._reopens_at = self._now + max(
            policy.wait_after(self._refusals, self._chance), meaning.wait or 0.0
        )
        if self._sessions:
            if meaning.known.error_class is ErrorClass.THROTTLED:
                # Others are open: the endpoint has a limit, and this is it.
                self._limit = len(self._sessions)
            self._refusals = 0
        elif _is_final(meaning.known) or self._refusals >= (policy.attempts or 1):
            finish = ev.Finish(StopReason.CANNOT_CONNECT, event.error.message, meaning.known.advice)
            self._stop, self._waits = self._stop or finish, False

    def _lost(self, session: int, reason: str) -> None:
        for key in self._window.on_session(session):
            flight = self._window.land(key)
            if flight:
                cause = (
                    f"{flight.cmdlet.name} was sent and the session was lost before its answer came: {reason}"
                )
                self._apply(self._judge.doubt(flight.item, cause, self._now), flight)
        gone = self._sessions.pop(session, None)
        self._follower.failed_on(session, self._now)
        if gone and not gone.answered:
            self._barren_session(reason)

    def _barren_session(self, reason: str) -> None:
        """Wait before the next session, and give up after some: they open, and are lost before any answer."""
        self._barren += 1
        policy = self._config.connect
        self._reopens_at = self._now + policy.wait_after(self._barren, self._chance)
        if self._barren >= (policy.attempts or 1):
            detail = f"{self._barren} sessions in a row were lost before any answer: {reason}"
            self._stop = self._stop or ev.Finish(StopReason.CANNOT_CONNECT, detail)

    def _outcome(self, session: int, outcome: Outcome) -> None:
        if outcome.answer is not Answer.NOT_SENT:
            self._barren = 0
            if session in self._sessions:
                self._sessions[session].answered = True
        flight = self._window.land(outcome.id)
        if flight is None:
            return
        # One draw serves many items: the key spreads it, so that they do not all come back at once.
        chance = (self._chance + int(outcome.id[:8], 16) / 2**32) % 1.0
        judged = self._judge.outcome(flight.item, outcome, self._now, chance)
        self._apply(judged, flight, outcome)

    def _batch_ended(self, session: int, worn: str) -> None:
        for key in self._window.on_session(session):
            flight = self._window.land(key)
            if flight:
                self._apply(
                    self._judge.doubt(flight.item, "the batch ended without its outcome", self._now), flight
                )
        if session in self._sessions:
            rests = self._now + self._config.delay_between_batches
            self._sessions[session] = _Session(_State.IDLE, rests, self._sessions[session].answered)
            self._renew(session, worn or self._tired.pop(session, ""))

    def _renew(self, session: int, worn: str) -> None:
        """Let go of a session that is worn; another is opened when there is something to do."""
        if worn and session in self._sessions:
            del self._sessions[session]
            self._worn.append(ev.CloseSession(session, worn))

    def _follow_over(self, event: ev.FollowAnswered | ev.FollowFailed) -> None:
        if event.session in self._sessions:
            self._sessions[event.session].state = _State.IDLE
            self._renew(event.session, event.worn)
        if isinstance(event, ev.FollowFailed):
            if self._follower.failed(self._now):
                self._stop = self._stop or ev.Finish(StopReason.CANNOT_FOLLOW, event.reason)
            return
        for judged in self._follower.answered(event, self._judge, self._now):
            self._apply(judged)

    def _apply(
        self,
        judged: Judgement,
        flight: Flight | None = None,
        outcome: Outcome | None = None,
        *,
        stops: bool = True,
    ) -> None:
        item = judged.item
        self._changes.append(
            Change(
                item,
                judged.event,
                self._now,
                flight.cmdlet if flight else None,
                outcome.errors if outcome else (),
                outcome.warnings if outcome else (),
                outcome.milliseconds if outcome else None,
            )
        )
        if item.phase is Phase.READY:
            self._window.put(item)
        elif item.phase is Phase.FOLLOWING and judged.event == "item.accepted":
            self._follower.accepted(self._now)
        if flight and judged.reconnect:
            self._tired[flight.session] = f"{item.code} asks for a new session"
        if stops:
            self._consider_stopping(judged)

    def _consider_stopping(self, judged: Judgement) -> None:
        item = judged.item
        if item.status is not BulkItemStatus.FAILED or self._stop:
            return
        if judged.scope == "run" or (judged.scope == "session" and judged.error_class is ErrorClass.AUTH):
            self._stop = ev.Finish(StopReason.CONDEMNED, f"{item.code}: {item.error}", item.advice)
        elif self._config.stop_on_error:
            self._stop = ev.Finish(StopReason.ERROR, f"row {item.row} failed: {item.code}: {item.error}")

    # --- what to do next ------------------------------------------------------------------------------

    def _decide(self) -> list[Action]:
        self._window.due(self._now)
        actions, self._worn = self._worn, []
        if self._wants_items():
            self._loading = True
            actions.append(ev.LoadItems(self._capacity))
        actions += self._ask_after()
        actions += self._send()
        actions += self._open_sessions()
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
        full = self._window.ready >= low or len(self._window) >= _WAITING_HELD * self._capacity
        return not (self._stop or self._exhausted or self._loading or full)

    def _idle(self) -> list[int]:
        return [number for number, session in self._sessions.items() if session.state is _State.IDLE]

    def _ask_after(self) -> list[Action]:
        idle = self._idle()
        step = self._follower.due(self._now) if idle and self._follows else None
        if step is None:
            return []
        session = idle[0]
        self._sessions[session].state = _State.BUSY
        return [ev.AskAfter(session, step, self._follower.ask(session, step))]

    @property
    def _follows(self) -> bool:
        """Whether what is at Exchange is waited for."""
        leaves = self._stop and self._stop.reason is not StopReason.ERROR
        return self._waits and not leaves

    def _send(self) -> list[Action]:
        sends: list[Action] = []
        if self._interrupted:
            return sends
        for number in self._idle():
            if self._sessions[number].rests_until > self._now:
                continue
            items = self._window.take(self._share, only_midway=self._stop is not None)
            if not items:
                break
            self._sessions[number].state = _State.BUSY
            sends.append(ev.Send(number, tuple(self._depart(item, number) for item in items)))
        return sends

    @property
    def _share(self) -> int:
        """How many items a session is handed: the last ones are shared, so that no session ends alone."""
        if not self._exhausted or self._stop:
            return self._config.batch_size
        return max(1, min(self._config.batch_size, math.ceil(self._window.ready / self._limit)))

    def _depart(self, item: Item, session: int) -> Invocation:
        step = self._operation.steps[item.step]
        cmdlet = bind(step, places(self._operation, item.values, item.key, self._batch, item.outputs))
        sending = item.sending(self._now)
        self._changes.append(Change(sending, "item.sending", self._now, cmdlet))
        self._window.depart(Flight(sending, session, cmdlet, self._window.targets(item.values)))
        return Invocation(item.key, cmdlet, step.wanted_properties)

    def _open_sessions(self) -> list[Action]:
        if self._now < self._reopens_at or self._cannot_connect or self._interrupted:
            return []
        idle = len([s for s in self._sessions.values() if s.state is not _State.BUSY])
        batches = math.ceil(self._work / self._share)
        limit = self._limit if self._opened_once or not self._one_first else 1
        wanted = min(limit, len(self._sessions) + max(0, batches - idle))
        if not self._sessions and self._follows and self._follower.waits:
            wanted = max(1, wanted)
        opened: list[Action] = []
        while len(self._sessions) < wanted:
            self._numbers += 1
            self._sessions[self._numbers] = _Session(_State.OPENING)
            opened.append(ev.OpenSession(self._numbers))
        return opened

    @property
    def _work(self) -> int:
        """How many items could be sent now."""
        if self._stop:
            return self._window.ready if self._window.midway else 0
        return self._window.ready

    @property
    def _cannot_connect(self) -> bool:
        return self._stop is not None and self._stop.reason is StopReason.CANNOT_CONNECT

    def _over(self) -> bool:
        if self._window.flying or self._loading or self._follower.asking:
            return False
        if self._window.midway and not (self._cannot_connect or self._interrupted):
            return False
        if self._follows and self._follower.waits:
            return False
        return self._stop is not None or (self._exhausted and not len(self._window))

    def _finish(self) -> list[Action]:
        self._finished = True
        finish = self._stop or ev.Finish(StopReason.DONE)
        actions: list[Action] = []
        if finish.reason in (StopReason.CANCELLED, StopReason.ERROR):
            why = "the run was cancelled" if finish.reason is StopReason.CANCELLED else finish.detail
            actions.append(ev.SkipRest(finish.reason.value, f"never sent: {why}"))
        actions += [ev.CloseSession(number) for number in self._sessions]
        return [*actions, finish]

    def _wake_at(self) -> float | None:
        times = [self._window.next_due()]
        if self._window.ready:
            times += [s.rests_until for s in self._sessions.values() if s.state is _State.IDLE]
        if self._reopens_at > self._now:
            times.append(self._reopens_at)
        if self._follows:
            times.append(self._follower.next_poll)
        coming = [time for time in times if time is not None and time > self._now]
        return min(coming) if coming else None


def _is_final(known: KnownError) -> bool:
    """Return whether trying to connect again would only be refused again (or lock the account)."""
    return known is not UNKNOWN_READ and known.error_class in (ErrorClass.AUTH, ErrorClass.PERMANENT)
