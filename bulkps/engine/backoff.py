"""How a wait grows, for everything that is tried, asked or looked up again. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bulkps.errors import FieldProblems

#: What of settings makes a key that nobody knows a problem.
STRICT = {"extra": "forbid"}
#: The exponent is clamped: 2.0 ** 1100 overflows, and the longest wait is reached long before.
_MOST = 60


def check_limits(*limits: tuple[str, float, float], further: Sequence[tuple[str, str]] = ()) -> None:
    """Raise FieldProblems with every (name, value, least) whose value is below its least, and *further*."""
    problems = [
        (name, f"must be at least {least}, not {value}") for name, value, least in limits if value < least
    ]
    if problems or further:
        raise FieldProblems([*problems, *further])


@dataclass(frozen=True)
class Backoff:
    """A wait that grows up to a longest one.

    Attributes:
        first_wait: The first wait, in seconds.
        multiplier: What the wait is multiplied by each time.
        max_wait: The longest wait, in seconds.
        least_wait: The first wait may not be shorter, in seconds; where this is above 0, the longest wait may
            not be shorter than the first.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT
    least_wait: ClassVar[float] = 0.0

    first_wait: float = 5.0
    multiplier: float = 2.0
    max_wait: float = 300.0

    def wait(self, number: int) -> float:
        """Return wait *number* (from 0), in seconds."""
        return float(min(self.max_wait, self.first_wait * self.multiplier ** min(number, _MOST)))

    def check_waits(self, *limits: tuple[str, float, float], further: Sequence[tuple[str, str]] = ()) -> None:
        """Refuse waits that would not pass, and what else *limits* and *further* say.

        Raises:
            FieldProblems: With all of it.
        """
        check_limits(
            ("first_wait", self.first_wait, self.least_wait),
            ("multiplier", self.multiplier, 1),
            ("max_wait", self.max_wait, self.first_wait if self.least_wait else 0),
            *limits,
            further=further,
        )
