"""How fast a run goes: it measures what Exchange lets through and stays just under it. Pure.

Additive increase, multiplicative decrease, on the sessions in use and on the rate of items. While Exchange
answers freely nothing is held back. Once it throttles, all sessions wait, and single items probe until one is
answered. The answers since the last recovery, divided by that time, are the rate that Exchange allows. From
there the rate grows until Exchange throttles again.
"""

from collections.abc import Mapping

#: Seconds of the first wait after a throttled answer without one; it grows with each further one.
_PAUSE, _PAUSE_GROWS, _LONGEST_PAUSE = 1.0, 1.25, 60.0
#: A limited run continues at this share of the measured rate.
_UNDER = 0.97
#: The share of itself by which the rate grows for each second without a throttled answer.
_GROWS = 0.002
#: A limited run hands over items for this many seconds: more would be a burst.
_SLICE = 0.5
#: Up to this many seconds after a step down, throttled answers are older; up to this many, it was not enough.
_ECHO, _AGAIN = 1.0, 3.0
#: Seconds between two steps in the number of sessions.
_SESSION_STEP = 5.0
#: A shorter delay than this counts as none, in seconds.
_SHORTEST_DELAY = 0.05


class Throttle:
    """Decides how many items may be handed over now.

    Args:
        sessions: The most sessions that may be used.
        batch_size: The most items in a batch.
        delay: Seconds that a session rests between two batches, at first.
        adaptive: Whether these values adapt; a wait that Exchange asks for is always kept.
    """

    def __init__(self, sessions: int, batch_size: int, delay: float, *, adaptive: bool) -> None:
        self._most, self._batch_size, self._adaptive = sessions, batch_size, adaptive
        self.sessions, self.delay = sessions, delay
        self._blocked_until = 0.0
        self._pause = _PAUSE
        self._streak = 0
        self._rate: float | None = None
        self._limited_at, self._stepped_down_at = 0.0, 0.0
        self._next_at = 0.0
        # How many were answered since when, and when the last probe was refused.
        self._answered, self._since, self._refused_at = 0, 0.0, 0.0
        self._stepped_at = 0.0
        self._held: tuple[str, float] | None = None
        self._waited: dict[str, float] = {}
        self.notes: list[str] = []

    # --- what the machine asks ------------------------------------------------------------------------

    def share(self, wanted: int, busy: int, now: float) -> int:
        """Return how many of *wanted* items may be handed over now.

        Args:
            wanted: How many are ready, at least 1.
            busy: How many sessions are at work.
            now: Epoch seconds.
        """
        if now < self._blocked_until:
            return self._hold("throttled", now)
        if self._streak:
            # One item probes whether Exchange lets anything through again.
            return 1 if not busy else self._hold("throttled", now)
        if self._rate is not None and now < self._next_at:
            return self._hold("paced", now)
        if busy >= self.sessions:
            self._one_more_session(now)
            return 0 if busy >= self.sessions else self._slice(wanted, now)
        return self._slice(wanted, now)

    def handed(self, count: int, now: float) -> None:
        """Note that *count* items were handed over."""
        self._release(now)
        self._since = self._since or now
        if self._rate is not None:
            self._next_at = max(self._next_at, now) + count / self._target(now)

    def rest(self, now: float) -> None:
        """Note that nothing is left to hand over for now: time from here on is not waiting."""
        self._release(now)

    def next_at(self, now: float) -> float | None:
        """Return when more may be handed over (epoch seconds), or None if nothing holds it back."""
        waits = [at for at in (self._blocked_until, self._next_at if self._rate else 0.0) if at > now]
        return max(waits) if waits else None

    def waited(self, now: float) -> Mapping[str, float]:
        """Return the seconds for which the run was held back, by reason: ``throttled``, ``paced``."""
        waited = dict(self._waited)
        if self._held:
            reason, since = self._held
            waited[reason] = waited.get(reason, 0.0) + now - since
        return waited

    # --- what the machine tells -----------------------------------------------------------------------

    def answered(self, now: float) -> None:
        """Note an answer that was not throttled."""
        self._answered += 1
        if self._streak and now >= self._blocked_until:
            self._recovered(now)

    def throttled(self, now: float, named: float | None, reason: str, *, sessions: bool = False) -> None:
        """Note a throttled answer.

        Args:
            now: Epoch seconds.
            named: Seconds that Exchange asks to wait, or None.
            reason: In Exchange's words.
            sessions: Whether it is about the number of sessions, not about their speed.
        """
        self._refused_at = now
        if named is not None:
            self._block(now + named, f"Exchange asks to wait {named:g} s: {reason}")
        if not self._adaptive or now < self._blocked_until:
            # More answers of the same moment; or a wait that Exchange asked for has begun.
            return
        if self._rate is not None and not self._streak and not sessions and self._step_down(now, reason):
            return
        self._streak += 1
        wait, self._pause = self._pause, min(_LONGEST_PAUSE, self._pause * _PAUSE_GROWS)
        note = f"Exchange throttles; all sessions wait {wait:.1f} s: {reason}"
        if sessions and self._streak == 1 and self.sessions > 1:
            before, self.sessions = self.sessions, max(1, self.sessions // 2)
            note += f"; {before} sessions -> {self.sessions}"
        self._stepped_at = now
        self._block(now + wait, note)

    def batch_ended(self) -> float:
        """Return the seconds that the session rests before its next batch."""
        rests = self.delay
        if self._adaptive and self._rate is None and not self._streak:
            shorter = rests / 2 if rests / 2 >= _SHORTEST_DELAY else 0.0
            if shorter != rests and not shorter:
                self.notes.append("Exchange answers freely; no more delay between batches")
            self.delay = shorter
        # A limited run spaces its items as a whole.
        return rests if self._rate is None else 0.0

    # --- inside ---------------------------------------------------------------------------------------

    def _slice(self, wanted: int, now: float) -> int:
        if self._rate is None:
            return wanted
        return max(1, min(wanted, int(self._target(now) * _SLICE)))

    def _target(self, now: float) -> float:
        return (self._rate or 0.0) * (1 + _GROWS * (now - self._limited_at))

    def _step_down(self, now: float, reason: str) -> bool:
        """Continue a little slower; return False if that was just tried and was not enough."""
        rate = self._target(now)
        since = now - self._stepped_down_at
        if since < _ECHO:
            # These were in flight before the step or right after it: one step for all of them.
            return True
        if since < _AGAIN:
            return False
        self._rate, self._limited_at, self._stepped_down_at = _UNDER * rate, now, now
        # The limit recovers at the known rate, so wait for that.
        self._next_at = now + 1.5 / rate
        self._answered, self._since = 0, now
        self.notes.append(f"Exchange throttles at {rate:.2g} items/s; now {self._rate:.2g} items/s: {reason}")
        return True

    def _block(self, until: float, note: str) -> None:
        if until > self._blocked_until:
            self._blocked_until = until
            self.notes.append(note)

    def _recovered(self, now: float) -> None:
        # Exchange became free at some moment between the last refusal and now.
        free_at = (max(self._refused_at, self._since) + now) / 2
        seconds = max(free_at - self._since, 0.001)
        # Right after a step down the few answers since say little: at most half of the known rate is given
        # up.
        measured = max(self._answered / seconds, (self._rate or 0.0) / 2)
        self._rate = max(_UNDER * measured, 0.001)
        self._streak, self._pause = 0, _PAUSE
        self._answered, self._since, self._limited_at = 0, now, now
        self._next_at = now
        self.notes.append(f"Exchange answers again; it lets about {measured:.2g} items/s through")

    def _one_more_session(self, now: float) -> None:
        if self._adaptive and self.sessions < self._most and now - self._stepped_at >= _SESSION_STEP:
            self._stepped_at = now
            self.sessions += 1
            before = f"{self.sessions - 1} session{'s' * (self.sessions > 2)}"
            self.notes.append(f"{before} -> {self.sessions}: the rate leaves room for one more")

    def _hold(self, reason: str, now: float) -> int:
        if self._held is None or self._held[0] != reason:
            self._release(now)
            self._held = reason, now
        return 0

    def _release(self, now: float) -> None:
        if self._held is not None:
            reason, since = self._held
            self._waited[reason] = self._waited.get(reason, 0.0) + now - since
            self._held = None
