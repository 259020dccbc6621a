"""Which sessions there are, what they do, and when another is opened. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from bulkps.engine import machine_messages as ev
from bulkps.engine.config import BulkOperationConfig
from bulkps.engine.machine_messages import StopReason
from bulkps.exchange.error_catalog import UNKNOWN_READ, ErrorClass, KnownError, classify


class _State(Enum):
    OPENING = auto()
    IDLE = auto()
    BUSY = auto()


@dataclass
class _Session:
    state: _State
    after_auth: bool
    rests_until: float = 0.0
    answered: bool = False
    tired: str = ""


class SessionPool:
    """The sessions of a run.

    Args:
        config: How many there may be, and how patiently they are opened.
        catalogue: What errors mean.
        one_first: Whether one session must be open before others are tried, as where a password signs in:
            three wrong ones at once lock an account.
    """

    def __init__(
        self, config: BulkOperationConfig, catalogue: tuple[KnownError, ...], *, one_first: bool
    ) -> None:
        self._config, self._catalogue, self._one_first = config, catalogue, one_first
        self._sessions: dict[int, _Session] = {}
        self._numbers = 0
        self._limit = config.sessions
        self._refusals = self._barren = 0
        self._opened_once = self._auth_met = False
        self._closings: list[ev.CloseSession] = []
        self.reopens_at = 0.0

    @property
    def limit(self) -> int:
        """How many sessions there may be, as far as known."""
        return self._limit if self._opened_once or not self._one_first else 1

    @property
    def busy(self) -> int:
        """How many sessions are working."""
        return sum(session.state is _State.BUSY for session in self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def idle(self, now: float = 0.0) -> list[int]:
        """Return the sessions that could get work; with *now*, only those that have rested."""
        return [
            number
            for number, session in self._sessions.items()
            if session.state is _State.IDLE and (not now or session.rests_until <= now)
        ]

    def rests(self) -> list[float]:
        """Return until when idle sessions rest (epoch seconds)."""
        return [session.rests_until for session in self._sessions.values() if session.state is _State.IDLE]

    def open(self, wanted: int, now: float) -> list[ev.Action]:
        """Return what opens sessions until there are *wanted*."""
        opened: list[ev.Action] = []
        while now >= self.reopens_at and len(self._sessions) < wanted:
            self._numbers += 1
            self._sessions[self._numbers] = _Session(_State.OPENING, self._auth_met)
            opened.append(ev.OpenSession(self._numbers))
        return opened

    def close_all(self) -> list[ev.Action]:
        """Return what closes every session."""
        return [ev.CloseSession(number) for number in self._sessions]

    def closings(self) -> list[ev.CloseSession]:
        """Return, once, the actions that close the sessions that must be renewed."""
        closings, self._closings = self._closings, []
        return closings

    # --- what happened to them ------------------------------------------------------------------------

    def opened(self, number: int) -> None:
        """Note that a session is ready."""
        self._sessions[number].state = _State.IDLE
        self._refusals, self._opened_once = 0, True

    def refused(self, event: ev.SessionRefused, now: float, chance: float) -> ev.Finish | None:
        """Note that a session could not be opened; return why the run stops, if it does."""
        del self._sessions[event.session]
        self._refusals += 1
        meaning = classify([event.error], self._catalogue, mutates=False)
        policy = self._config.connect
        self.reopens_at = now + max(policy.wait_after(self._refusals, chance), meaning.wait or 0.0)
        if self._sessions:
            if meaning.known.error_class is ErrorClass.THROTTLED:
                # Others are open, so this is the endpoint's limit.
                self._limit = len(self._sessions)
            self._refusals = 0
        elif is_final(meaning.known) or self._refusals >= self._config.attempts_of(policy):
            return ev.Finish(StopReason.CANNOT_CONNECT, event.error.message, meaning.known.advice)
        return None

    def lost(self, number: int, reason: str, now: float, chance: float) -> ev.Finish | None:
        """Note that a session is gone; return why the run stops, if it does."""
        gone = self._sessions.pop(number, None)
        if gone is None or gone.answered:
            return None
        # Sessions open but are lost before any answer: wait before the next one, and give up after some.
        self._barren += 1
        policy = self._config.connect
        self.reopens_at = now + policy.wait_after(self._barren, chance)
        if self._barren < self._config.attempts_of(policy):
            return None
        detail = f"{self._barren} sessions in a row were lost before any answer: {reason}"
        return ev.Finish(StopReason.CANNOT_CONNECT, detail)

    def working(self, number: int) -> None:
        """Note that a session got work."""
        self._sessions[number].state = _State.BUSY

    def answered(self, number: int) -> None:
        """Note that a session returned an answer of any kind."""
        self._barren = 0
        if number in self._sessions:
            self._sessions[number].answered = True

    def authorized(self, number: int) -> None:
        """Note that a session returned an answer that shows that it is signed in."""
        if number in self._sessions and self._sessions[number].after_auth:
            self._auth_met = self._sessions[number].after_auth = False

    def unauthorized(self, number: int) -> bool:
        """Note that Exchange refused the account on a session; return whether a new one was tried before."""
        self._auth_met = True
        return number in self._sessions and self._sessions[number].after_auth

    def tire(self, number: int, why: str) -> None:
        """Let a session be renewed when its current work has ended."""
        if number in self._sessions:
            self._sessions[number].tired = why

    def done(self, number: int, rests_until: float, worn: str = "") -> None:
        """Note that a session has finished its work, and whether it should be renewed."""
        session = self._sessions.get(number)
        if session is None:
            return
        session.state, session.rests_until = _State.IDLE, rests_until
        if worn or session.tired:
            del self._sessions[number]
            self._closings.append(ev.CloseSession(number, worn or session.tired))


def is_final(known: KnownError) -> bool:
    """Return whether another attempt to connect would only be refused again (or lock the account)."""
    return known is not UNKNOWN_READ and known.error_class in (ErrorClass.AUTH, ErrorClass.PERMANENT)
