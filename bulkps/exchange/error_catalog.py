"""What an error of Exchange, WinRM or PowerShell means, by a catalogue of patterns. Pure.

The shipped catalogue is package data (errors.yaml), generated from the project's facts; an administrator's
own entries are put before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files
from typing import ClassVar

from bulkps import yaml_config
from bulkps.exchange.calls_and_outcomes import ErrorRecord


class ErrorClass(Enum):
    """The classes of errors; each has its own retry policy."""

    TRANSIENT = "transient"  #: It is temporary.
    THROTTLED = "throttled"  #: Refused before it ran: too much, too fast.
    CONFLICT = "conflict"  #: The object already exists.
    UNCERTAIN = "uncertain"  #: It may or may not have happened.
    AUTH = "auth"  #: Not allowed, or not signed in.
    PERMANENT = "permanent"  #: It would be refused every time.


#: If an item wrote several errors, the class that comes first here counts for all: the one that a retry helps
#: least.
_GRAVITY = (
    # Before the refusals: one final error of two does not prove that nothing happened.
    ErrorClass.UNCERTAIN,
    ErrorClass.AUTH,
    ErrorClass.PERMANENT,
    ErrorClass.CONFLICT,
    ErrorClass.THROTTLED,
    ErrorClass.TRANSIENT,
)

#: Words before a wait that is asked for. A text about how long something took has none of them.
_ASKS = (
    r"(?:retry|try(?:ing)?|again|wait(?:ing)?|back(?:ing)?[ -]?off|at least|resets?|"
    r"warten|versuchen|erneut|r[\u00e9e]essay\w{0,4}|attend\w{0,4}|patient\w{0,4})\b"
)
#: A time span as .NET writes one: ``00:05:00``, ``1.00:00:00``, ``00:00:26.845``.
_SPAN = re.compile(
    rf"(?i){_ASKS}[^\d\n]{{0,60}}?(?:(\d{{1,4}})\.)?(\d{{1,3}}):(\d{{2}}):(\d{{2}}(?:\.\d{{1,7}})?)(?![\d:])"
)
#: A number with its unit, in English, German or French.
_AMOUNT = re.compile(
    rf"(?i){_ASKS}[^\d\n]{{0,60}}?(\d{{1,9}}(?:[.,]\d{{1,3}})?)\s?"
    r"(ms\b|msecs?\b|millis|s\b|secs?\b|second\w{0,2}\b|sek|m\b|mins?\b|minute|h\b|hours?\b|heures?\b|stunde)"
)
#: The header's number of seconds, which has no unit.
_HEADER = re.compile(
    r"(?i)(?:retry[- ]?after|(?:try again|retry) (?:in|after))\W{1,4}(\d{1,9})\b(?![:.,/-]\d)"
)
#: Seconds by the beginning of a unit, in the order in which they are tried.
_UNITS = (("ms", 0.001), ("mil", 0.001), ("m", 60.0), ("h", 3600.0), ("st", 3600.0), ("s", 1.0))


@dataclass(frozen=True)
class KnownError:
    """One entry of the catalogue.

    Attributes:
        id: The error code in journal and results.
        pattern: A regular expression, searched in type, reason, message and FullyQualifiedErrorId.
        error_class: transient, throttled, conflict, uncertain, auth or permanent.
        advice: What an administrator can do.
        scope: What it applies to: the row, the session or the run.
        reconnect: Whether a new session may help.
        retry: ``safe`` (it was not executed), ``after-lookup`` or ``never``.
        sample: A text for testing the pattern.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    id: str
    pattern: str
    error_class: ErrorClass
    advice: str
    scope: str = "row"
    reconnect: bool = False
    retry: str = "never"
    sample: str = ""

    def __post_init__(self) -> None:
        """Refuse an invalid pattern."""
        try:
            re.compile(self.pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"the pattern of {self.id} is not a regular expression: {error}") from error

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.DOTALL)

    @property
    def is_generic(self) -> bool:
        """Whether it only knows the kind of an error, so the error's own words say more than its advice."""
        return self.id.startswith("generic-")

    def matches(self, text: str) -> bool:
        """Return whether the pattern is found in *text*."""
        return self._compiled.search(text) is not None


@dataclass(frozen=True)
class _CatalogueFile:
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    errors: tuple[KnownError, ...]


#: For an error that no pattern matches, of a cmdlet that changes something: the result is not known.
UNKNOWN_MUTATION = KnownError(
    "unknown-error",
    "",
    ErrorClass.UNCERTAIN,
    "bulkps does not know this error. Check in Exchange whether the change was made before you send the "
    "row again.",
    retry="after-lookup",
)
#: For an error that no pattern matches, of a cmdlet that only reads.
UNKNOWN_READ = KnownError("unknown-error", "", ErrorClass.PERMANENT, "bulkps does not know this error.")


@dataclass(frozen=True)
class Meaning:
    """What a cmdlet's errors mean.

    Attributes:
        known: The catalogue's entry.
        record: The ErrorRecord that it matches.
        wait: Seconds that Exchange named, or None.
    """

    known: KnownError
    record: ErrorRecord
    wait: float | None = None


def load_catalogue(text: str, source: str) -> tuple[KnownError, ...]:
    """Return the entries of a catalogue in YAML.

    Raises:
        InvalidInput: With every problem of the text.
    """
    return yaml_config.load(text, source, _CatalogueFile).errors


@cache
def shipped_catalogue() -> tuple[KnownError, ...]:
    """Return the catalogue that is shipped, in the order in which it is matched.

    Our own entries come first. Entries for a whole kind of error (by its .NET type or PowerShell's error id)
    come after all more specific ones, and before those that only know an error as temporary or permanent.
    """
    own, made, kinds = (
        load_catalogue(files("bulkps.exchange").joinpath(name).read_text(encoding="utf-8"), name)
        for name in ("own-errors.yaml", "errors.yaml", "error-kinds.yaml")
    )
    generic = tuple(entry for entry in made if entry.is_generic)
    return own + tuple(entry for entry in made if not entry.is_generic) + kinds + generic


def portable_patterns(catalogue: Sequence[KnownError], kind: ErrorClass) -> tuple[str, ...]:
    """Return the patterns of one class in a form for Python and .NET: no named groups, flags inside."""
    found = []
    for entry in catalogue:
        if entry.error_class is kind:
            text = re.sub(r"\(\?P<\w+>", "(?:", entry.pattern)
            flags = re.match(r"\(\?([a-z]+)\)", text)
            found.append(f"(?{flags.group(1)}:{text[flags.end() :]})" if flags else text)
    return tuple(found)


def classify(records: Sequence[ErrorRecord], catalogue: Sequence[KnownError], *, mutates: bool) -> Meaning:
    """Return what *records* (at least one) mean.

    Args:
        records: Every ErrorRecord of one invocation.
        catalogue: Entries in the order in which they are tried.
        mutates: Whether the cmdlet changes anything: an unknown error of it is uncertain.
    """
    meanings = [_meaning(record, catalogue, mutates=mutates) for record in records]
    return min(meanings, key=lambda meaning: _GRAVITY.index(meaning.known.error_class))


def _meaning(record: ErrorRecord, catalogue: Sequence[KnownError], *, mutates: bool) -> Meaning:
    text = record.searched
    unknown = UNKNOWN_MUTATION if mutates else UNKNOWN_READ
    known = next((entry for entry in catalogue if entry.matches(text)), unknown)
    return Meaning(known, record, named_wait(text))


def named_wait(text: str) -> float | None:
    """Return the seconds that an error's *text* asks to wait, or None if it names none."""
    if span := _SPAN.search(text):
        days, hours, minutes, seconds = (float(part or 0) for part in span.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if amount := _AMOUNT.search(text):
        unit = amount[2].casefold()
        seconds = next(seconds for beginning, seconds in _UNITS if unit.startswith(beginning))
        # No one writes a fraction of a millisecond: there the sign separates thousands.
        return float(re.sub("[.,]", "" if seconds < 1 else ".", amount[1])) * seconds
    header = _HEADER.search(text)
    return float(header[1]) if header else None
