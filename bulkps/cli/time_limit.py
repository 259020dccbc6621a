"""``--until`` and ``--max-duration``: how long a run may be worked on."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (86_400, 3600, 60, 1)


class _Moment(click.ParamType[float, Any]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return epoch seconds: a time of day (the next one), or a local date and time."""
        if isinstance(value, float):
            return value
        now = datetime.now()
        try:
            if re.fullmatch(r"\d{1,2}:\d{2}", value):
                hours, minutes = map(int, value.split(":"))
                at = now.replace(hour=hours, minute=minutes, second=0, microsecond=0)
                at += timedelta(days=1) if at <= now else timedelta()
            else:
                at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r}: expected a time such as 06:00 or 2026-11-30T06:00", param, ctx)
        if at.timestamp() <= time.time():
            self.fail(f"{value!r} is in the past", param, ctx)
        return at.timestamp()


class _Duration(click.ParamType[float, Any]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return seconds."""
        if isinstance(value, float):
            return value
        found = _DURATION.fullmatch(value.strip().lower())
        parts = found.groups() if found else ()
        seconds = sum(int(part or 0) * unit for part, unit in zip(parts, _UNITS, strict=False))
        if not seconds:
            self.fail(f"{value!r}: expected a duration such as 8h, 90m or 1h30m", param, ctx)
        return float(seconds)


def window_options(function: F) -> F:
    """``--until`` and ``--max-duration``: see ``ends_at``."""
    until = click.option(
        "--until", type=_Moment(), help="Pause at this local time, such as 06:00 or 2026-11-30T06:00."
    )
    longest = click.option(
        "--max-duration", type=_Duration(), help="Pause after this long, such as 8h or 90m."
    )
    return until(longest(function))


def ends_at(until: float | None, max_duration: float | None) -> float | None:
    """Return when a run that begins now has to pause (epoch seconds), or None for never."""
    ends = [until, time.time() + max_duration if max_duration else None]
    given = [end for end in ends if end is not None]
    return min(given) if given else None
