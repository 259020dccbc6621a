"""Decides what the sessions get next: polls, lookups, items. Pure."""

import math

from bulkps.engine import machine_messages as ev
from bulkps.engine.item import Change, Item
from bulkps.engine.machine_messages import Action
from bulkps.engine.machine_state import MachineState
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.work_queue import InFlight
from bulkps.exchange.calls_and_outcomes import Invocation
from bulkps.operations.parameter_binding import bind


class Dispatcher:
    """Hands work to idle sessions as fast as Exchange allows, and asks for more sessions.

    Args:
        state: The run.
    """

    def __init__(self, state: MachineState) -> None:
        self._run = state

    def hand_out(self) -> list[Action]:
        """Return what idle sessions do now, and which sessions to open."""
        actions = [*self._ask_after(), *self._look_up(), *self._send()]
        # An item that was due to be sent, but has to be looked up first, is looked up at once.
        return [*actions, *self._look_up(), *self._open_sessions()]

    def _ask_after(self) -> list[Action]:
        idle = self._run.pool.idle() if self._run.stop_rules.follows else []
        if not idle or not self._run.poller.is_due(self._run.at) or not self._let_through(1):
            return []
        self._run.pool.working(idle[0])
        step = self._run.poller.turn()
        return [ev.AskAfter(idle[0], step, self._run.poller.ask(idle[0], step))]

    def _let_through(self, wanted: int) -> int:
        """Return how many may be handed over now, and count them as handed over."""
        count = self._run.throttle.share(wanted, self._run.pool.busy, self._run.at)
        if count:
            self._run.throttle.handed(count, self._run.at)
        return count

    def _look_up(self) -> list[Action]:
        asked: list[Action] = []
        for number in self._run.pool.idle() if self._run.stop_rules.settles else []:
            due = self._run.queue.lookups_due(self._run.at, self._run.config.batch_size)
            count = self._let_through(due) if due else 0
            batch = [found for found in (self._next_lookup_of(number) for _ in range(count)) if found]
            if batch:
                self._run.pool.working(number)
                asked.append(ev.LookUp(number, tuple(batch)))
        return asked

    def _next_lookup_of(self, session: int) -> Invocation | None:
        """Return the next lookup that can be asked."""
        while (taken := self._run.queue.take_lookup(self._run.at)) is not None:
            item, lookup = taken
            bound = self._run.reconciler.cmdlet(item, lookup)
            if bound is not None:
                self._run.queue.depart(InFlight(item, session, bound[0], lookup))
                return Invocation(item.key, *bound)
            following = self._run.reconciler.next_after(item, lookup)
            if following:
                self._run.queue.ask(item, following, self._run.at)
                continue
            nothing = self._run.reconciler.nothing_asks(item, lookup, self._run.at)
            self._run.apply(nothing)
            if lookup.follows:
                self._run.poller.left(nothing.item)
        return None

    def _send(self) -> list[Action]:
        sends: list[Action] = []
        only_midway = self._run.stop_rules.stopping
        for number in self._run.pool.idle(self._run.at) if not self._run.stop_rules.interrupted else []:
            wanted = min(self._share, self._run.queue.sendable(only_midway=only_midway))
            if not wanted:
                self._run.throttle.rest(self._run.at)
                break
            count = self._run.throttle.share(wanted, self._run.pool.busy, self._run.at)
            if not count:
                break
            items = self._take(count, only_midway=only_midway)
            if not items:
                break
            self._run.throttle.handed(len(items), self._run.at)
            self._run.pool.working(number)
            self._run.answered.pop(number, None)
            batch = tuple(self._depart(item, number, place) for place, item in enumerate(items))
            sends.append(ev.Send(number, batch, tuple(items)))
        return sends

    def _take(self, count: int, *, only_midway: bool) -> list[Item]:
        """Return up to *count* items that may be sent now; those that need a lookup first are put back."""
        while items := self._run.queue.take(count, only_midway=only_midway):
            for rules in (self._run.failed_requests, self._run.reconciler):
                for stale in [item for item in items if rules.is_stale(item, self._run.at)]:
                    items.remove(stale)
                    self._run.apply(rules.look_again(stale, self._run.at))
            if items:
                return items
        return []

    @property
    def _share(self) -> int:
        """How many items a session gets: the last ones are shared, so all sessions finish together."""
        if not self._run.exhausted or self._run.stop_rules.stopping:
            return self._run.config.batch_size
        return max(
            1, min(self._run.config.batch_size, math.ceil(self._run.queue.ready / self._run.pool.limit))
        )

    def _depart(self, item: Item, session: int, place: int) -> Invocation:
        step = self._run.operation.steps[item.step]
        cmdlet = bind(step, self._run.evaluator.filled(item))
        sending = item.sending(self._run.at, counted=not step.polled)
        self._run.changes.append(Change(sending, ItemEvent.SENDING, self._run.at, cmdlet))
        self._run.queue.depart(InFlight(sending, session, cmdlet, place=place))
        return Invocation(item.key, cmdlet, step.wanted_properties)

    def _open_sessions(self) -> list[Action]:
        if not self._run.stop_rules.connects:
            return []
        most = self._run.pool.limit * self._run.config.batch_size
        lookups = self._run.queue.lookups_due(self._run.at, most) if self._run.stop_rules.settles else 0
        work = self._run.queue.sendable(only_midway=self._run.stop_rules.stopping)
        batches = math.ceil(work / self._share) + math.ceil(lookups / self._run.config.batch_size)
        limit = min(self._run.pool.limit, self._run.throttle.sessions)
        free = len(self._run.pool) - self._run.pool.busy
        wanted = min(limit, len(self._run.pool) + max(0, batches - free))
        if not len(self._run.pool) and self._run.stop_rules.follows and self._run.poller.is_due(self._run.at):
            wanted = max(1, wanted)
        return self._run.pool.open(wanted, self._run.at)
