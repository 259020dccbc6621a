"""How a wait grows, for everything that is tried or looked up again. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from bulkps.errors import FieldProblems

#: Makes an unknown key of the settings a problem.
STRICT = {"extra": "forbid"}
#: The exponent is clamped because 2.0 ** 1100 overflows. The longest wait is reached long before.
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
    """A wait that grows up to a maximum.

    Attributes:
        first_wait: The first wait, in seconds.
        multiplier: What the wait is multiplied by each time.
        max_wait: The longest wait, in seconds.
        least_wait: The shortest allowed first wait, in seconds. If it is above 0, the longest wait may not be
            shorter than the first.
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
        """Refuse waits that are too short, and whatever else *limits* and *further* name.

        Raises:
            FieldProblems: With every problem.
        """
        check_limits(
            ("first_wait", self.first_wait, self.least_wait),
            ("multiplier", self.multiplier, 1),
            ("max_wait", self.max_wait, self.first_wait if self.least_wait else 0),
            *limits,
            further=further,
        )
