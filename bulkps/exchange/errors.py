"""What an error of Exchange, WinRM or PowerShell means, by a catalogue of patterns. Pure.

The shipped catalogue is package data (errors.yaml), made from the project's facts; an administrator's
own entries are put before it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache, cached_property
from importlib.resources import files
from typing import ClassVar

from bulkps import yamlfile
from bulkps.exchange.cmdlet import ErrorRecord


class ErrorClass(Enum):
    """What kind of trouble an error is; each has its own retry policy."""

    TRANSIENT = "transient"  #: Passes by itself.
    THROTTLED = "throttled"  #: Refused before it ran: too much, too fast.
    CONFLICT = "conflict"  #: Something is there already.
    UNCERTAIN = "uncertain"  #: It may or may not have happened.
    AUTH = "auth"  #: Not allowed, or not signed in.
    PERMANENT = "permanent"  #: It will be refused every time.


#: When one item wrote several errors, the class that comes first here speaks for all: the one that a
#: retry helps least.
_GRAVITY = (
    ErrorClass.AUTH,
    # Before the refusals: that one of two errors is final does not say that nothing happened.
    ErrorClass.UNCERTAIN,
    ErrorClass.PERMANENT,
    ErrorClass.CONFLICT,
    ErrorClass.THROTTLED,
    ErrorClass.TRANSIENT,
)

_WAITS = (
    (re.compile(r"(?i)at least (\d+) milliseconds?"), 0.001),
    (re.compile(r"(?i)(?:retry[- ]after|try again (?:in|after))\W{1,3}(\d+) minutes?"), 60.0),
    (re.compile(r"(?i)(?:retry[- ]after|try again (?:in|after))\W{1,3}(\d+)"), 1.0),
)


@dataclass(frozen=True)
class KnownError:
    """One entry of the catalogue.

    Attributes:
        id: The error code in journal and results.
        pattern: A regular expression, searched in type, reason, message and FullyQualifiedErrorId.
        error_class: transient, throttled, conflict, uncertain, auth or permanent.
        advice: What an administrator can do.
        scope: What it condemns: the row, the session or the run.
        reconnect: Whether a new session may help.
        retry: ``safe`` (it was not executed), ``after-lookup`` or ``never``.
        sample: A text that the pattern is tested with.
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
        """Refuse a pattern that is none."""
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"the pattern of {self.id} is not a regular expression: {error}") from error

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.DOTALL)

    def matches(self, text: str) -> bool:
        """Return whether the pattern is found in *text*."""
        return self._compiled.search(text) is not None


@dataclass(frozen=True)
class _CatalogueFile:
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    errors: tuple[KnownError, ...]


#: For an error that no pattern knows, of a cmdlet that changes something: nobody can tell.
UNKNOWN_MUTATION = KnownError(
    "unknown-error",
    "",
    ErrorClass.UNCERTAIN,
    "bulkps does not know this error. Look in Exchange whether it happened before the row is sent again.",
    retry="after-lookup",
)
#: For an error that no pattern knows, of a cmdlet that only reads.
UNKNOWN_READ = KnownError("unknown-error", "", ErrorClass.PERMANENT, "bulkps does not know this error.")


@dataclass(frozen=True)
class Meaning:
    """What a cmdlet's errors come down to.

    Attributes:
        known: The catalogue's entry.
        record: The ErrorRecord that it was found for.
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
    return yamlfile.load(text, source, _CatalogueFile).errors


@cache
def shipped_catalogue() -> tuple[KnownError, ...]:
    """Return the catalogue that is shipped, in the order in which it is matched."""
    text = files("bulkps.exchange").joinpath("errors.yaml").read_text(encoding="utf-8")
    own = files("bulkps.exchange").joinpath("own-errors.yaml").read_text(encoding="utf-8")
    return load_catalogue(own, "own-errors.yaml") + load_catalogue(text, "errors.yaml")


def portable_patterns(catalogue: Sequence[KnownError], kind: ErrorClass) -> tuple[str, ...]:
    """Return the patterns of one class as Python and .NET both take them: no named groups, flags inside."""
    found = []
    for entry in catalogue:
        if entry.error_class is kind:
            text = re.sub(r"\(\?P<\w+>", "(?:", entry.pattern)
            flags = re.match(r"\(\?([a-z]+)\)", text)
            found.append(f"(?{flags.group(1)}:{text[flags.end() :]})" if flags else text)
    return tuple(found)


def classify(records: Sequence[ErrorRecord], catalogue: Sequence[KnownError], *, mutates: bool) -> Meaning:
    """Return what *records* (at least one) come down to.

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
    for pattern, unit in _WAITS:
        found = pattern.search(text)
        if found:
            return int(found.group(1)) * unit
    return None
