"""What an operation asks about its items: whether a step happened, how far it is, what is missing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from bulkps.operations.columns import STRICT, Scalar

#: What a parameter is given: a constant or template, a list of them, or a hashtable of both.
Parameter = Scalar | tuple[str, ...] | dict[str, Scalar | tuple[str, ...]]
#: What a lookup's answer means: it happened, it did not, or the next lookup has to tell.
Verdict = Literal["happened", "absent", "unknown"]


@dataclass(frozen=True)
class ReconcileQuery:
    """A query that tells of an item in doubt whether its step happened.

    Attributes:
        cmdlet: The query; it must only read.
        parameters: Parameter name to constant or template. If a place of one is empty the lookup is left
            out: Exchange takes an empty identity to mean everything.
        match: Output property to the template that it must equal (without regard to case), or ``*`` for
            "is there". An object that fits is what was looked for.
        found: What it means that there is exactly one.
        missing: What it means that there is none, or that Exchange says that it does not exist.
        proves_within: Seconds after it was sent for which ``missing`` is believed: what was made may be
            removed later, by its age or by a person. None for ever.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    cmdlet: str
    parameters: dict[str, Parameter]
    match: dict[str, str]
    found: Verdict = "happened"
    missing: Verdict = "unknown"
    proves_within: float | None = None


@dataclass(frozen=True)
class Shortfall:
    """What a completed request tells of items that it left behind.

    One of the attributes beside *name* says when.

    Attributes:
        name: The property that tells.
        of: The property that says how many there were: nothing was copied though there was something.
        counts: Whether any number but 0 says so.
        good: Texts that say that all is well; any other that is there says that it is not.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    name: str
    of: str = ""
    counts: bool = False
    good: tuple[str, ...] = ()

    def told(self, kept: Mapping[str, str]) -> str:
        """Return what *kept* properties say of items left behind, or an empty text."""
        found, whole = kept.get(self.name, ""), kept.get(self.of, "") if self.of else ""
        if self.of and whole:
            nothing = not _number(found) and _number(whole)
            return f"{self.name} {found or '0'} of {whole}" if nothing else ""
        if self.counts:
            return f"{self.name} {found}" if _number(found) else ""
        good = {text.casefold() for text in self.good}
        return f"{self.name} {found}" if self.good and found and found.casefold() not in good else ""


def _number(text: str) -> int:
    """Return a count as Exchange writes it; 0 for what is none."""
    digits = text.replace(",", "").replace(".", "").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() else 0


@dataclass(frozen=True)
class Hint:
    """An advice that is only for some rows.

    Attributes:
        text: The advice.
        needs: The steps that must have been done for it to be meant.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detail:
    """A query about one followed item: how far it is, and why it did not end well.

    Attributes:
        cmdlet: The query; it must only read.
        parameters: As of a lookup.
        keep: Output properties whose texts make the error of an item that failed.
        progress: Output properties that say how far it is, kept beside its status.
        left_behind: What tells of a completed one that it left items behind.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    cmdlet: str
    parameters: dict[str, Parameter]
    keep: tuple[str, ...]
    progress: tuple[str, ...] = ()
    left_behind: tuple[Shortfall, ...] = ()


@dataclass(frozen=True)
class Follow:
    """How an asynchronous step is followed: one query for the whole run, matched by one property.

    Attributes:
        cmdlet: The query.
        parameters: Its parameters; places may name the run only.
        match: The output property that tells whose answer an object is.
        ref: What that property holds for an item: a template over the step's places.
        status: The output property that says how far it is.
        running: Values of it while Exchange works.
        waiting: Values that wait for an operator.
        completed: Values that mean done.
        warned: Values that mean done with a warning.
        failed: Values that mean failed.
        advice: What an administrator can do about a failed one.
        hints: More of it, for some rows.
        waiting_advice: What an administrator can do about one that waits for an operator.
        left_behind_advice: The same about a completed one that left items behind.
        detail: How to learn why one failed or has a warning; None if nothing tells.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    cmdlet: str
    parameters: dict[str, Parameter]
    match: str
    ref: str
    status: str
    running: tuple[str, ...]
    completed: tuple[str, ...]
    failed: tuple[str, ...]
    warned: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    advice: str = ""
    hints: tuple[Hint, ...] = ()
    waiting_advice: str = ""
    left_behind_advice: str = ""
    detail: Detail | None = None
