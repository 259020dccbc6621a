"""Which calls fail, and how; and when a throttling budget is used up. Pure.

The result depends on the seed and the call, never on the order in which sessions happen to run.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from bulkps.simulator.cmdlets.cmdlet_result import Category, ErrorInfo
from bulkps.simulator.tenant import fake_directory


class Fault(Enum):
    """A way in which a call fails."""

    TRANSIENT = "transient"  #: Not executed; a directory server does not answer.
    THROTTLED = "throttled"  #: Not executed; too many requests.
    SESSION_LOST = "session-lost"  #: Not executed; the shell is gone and the connection closed.
    ANSWER_LOST = "answer-lost"  #: Executed; the shell is gone and the connection closed.
    SILENT = "silent"  #: Executed; the pipeline completes and writes nothing.
    HANG = "hang"  #: Executed; nothing is answered until the pipeline is stopped.
    BROKEN_OFF = "broken-off"  #: Executed; half of the result, then an error about a missing object.


_ERRORS = {
    Fault.TRANSIENT: ErrorInfo(
        "An Active Directory error 0x51 occurred "
        "when "
        "trying to check the suitability of server 'DC1'. Error: 'Active directory response: The LDAP "
        "server is "
        "unavailable.'",
        "Microsoft.Exchange.Data.Directory.ADTransientException",
    ),
    Fault.THROTTLED: ErrorInfo(
        "Too many requests. (429)",
        "Microsoft.Exchange.Data.Directory.OverBudgetException",
        Category.ResourceBusy,
    ),
}
_NAMES = {fault.value: fault for fault in Fault}


def error_of(fault: Fault) -> ErrorInfo:
    """Return the error of a *fault* before execution: TRANSIENT or THROTTLED."""
    return _ERRORS[fault]


@dataclass(frozen=True)
class Faults:
    """The faults, by share and by script.

    Attributes:
        shares: Share of mutating calls, 0 to 1, with each fault.
        any_shares: The same for every call, including reading ones.
        scripted: Faults of single calls, by cmdlet in lower case and number (from 1) of its call.
    """

    shares: Mapping[Fault, float] = field(default_factory=dict)
    any_shares: Mapping[Fault, float] = field(default_factory=dict)
    scripted: Mapping[tuple[str, int], Fault] = field(default_factory=dict)

    def __post_init__(self) -> None:
        total = sum(self.shares.values()) + sum(self.any_shares.values())
        if total > 1:
            raise ValueError(f"the shares of all faults must not add up to more than 1, not {total:g}")

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """Return the faults that *text* asks for.

        Args:
            text: Comma-separated ``fault=share``, ``any.fault=share`` or ``Cmdlet#number=fault``.

        Raises:
            ValueError: An entry is none of these; the message names it and what was expected.
        """
        shares: dict[Fault, float] = {}
        any_shares: dict[Fault, float] = {}
        scripted: dict[tuple[str, int], Fault] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            key, equals, value = (piece.strip() for piece in entry.partition("="))
            if not equals:
                raise ValueError(f"fault {entry!r}: expected fault=share or Cmdlet#number=fault")
            if "#" in key:
                scripted[_scripted_key(key)] = _fault(value, entry)
            elif key.startswith("any."):
                any_shares[_fault(key.removeprefix("any."), entry)] = _share(key, value)
            else:
                shares[_fault(key, entry)] = _share(key, value)
        return cls(shares, any_shares, scripted)

    @classmethod
    def script(cls, calls: Iterable[tuple[str, int, str]]) -> "Faults":
        """Return faults for single calls: cmdlet, number of its call from 1, name of the fault."""
        return cls(
            scripted={(cmdlet.casefold(), number): _fault(name, name) for cmdlet, number, name in calls}
        )

    def decide(
        self, seed: int, cmdlet: str, number: int, *, identity: str, attempt: int, mutates: bool
    ) -> Fault | None:
        """Return the fault that a call meets, or None.

        Args:
            seed: The tenant's seed.
            cmdlet: The cmdlet's name.
            number: How many calls of this cmdlet there were, this one included.
            identity: What the call is about.
            attempt: How many calls of this cmdlet were about it, this one included.
            mutates: Whether the cmdlet can change anything.
        """
        if scripted := self.scripted.get((cmdlet.casefold(), number)):
            return scripted
        left = fake_directory.chance(seed, "fault", cmdlet.casefold(), identity.casefold(), attempt)
        for shares in (self.any_shares, self.shares if mutates else {}):
            for fault, share in shares.items():
                if left < share:
                    return fault
                left -= share
        return None


@dataclass
class Budget:
    """A limit of cmdlets per time; above it, they are throttled.

    Attributes:
        cmdlets: How many cmdlets may run.
        seconds: The time in seconds.
    """

    cmdlets: int
    seconds: float
    _taken: deque[float] = field(default_factory=deque, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Budget | None":
        """Return the budget that *text* names, or None if it is empty: ``20/5`` is 20 cmdlets in 5 s.

        Raises:
            ValueError: It is not two positive numbers with a slash between.
        """
        if not text.strip():
            return None
        count, _, seconds = text.partition("/")
        try:
            budget = cls(int(count), float(seconds))
        except ValueError:
            budget = None
        if budget is None or budget.cmdlets < 1 or not budget.seconds > 0:
            raise ValueError(f"budget {text!r}: expected cmdlets/seconds, such as 20/5")
        return budget

    def take(self, now: float) -> bool:
        """Return whether a cmdlet may run at *now*, in seconds, and count it if so."""
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) >= self.cmdlets:
            return False
        self._taken.append(now)
        return True


def _fault(name: str, entry: str) -> Fault:
    if fault := _NAMES.get(name.casefold()):
        return fault
    raise ValueError(f"fault {entry!r}: unknown fault {name!r}; expected one of {', '.join(_NAMES)}")


def _share(key: str, value: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise ValueError(f"fault {key!r}: expected a share from 0 to 1, not {value!r}")
    return share


def _scripted_key(key: str) -> tuple[str, int]:
    cmdlet, _, number = key.partition("#")
    if not cmdlet or not number.isdecimal() or int(number) < 1:
        raise ValueError(f"fault {key!r}: expected Cmdlet#number with a number from 1")
    return cmdlet.casefold(), int(number)
