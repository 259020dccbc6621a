"""An operation's queries about its items: whether a step happened, its progress, what is missing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from bulkps.operations.columns import STRICT, Scalar

#: The value of a parameter: a constant or template, a list of them, or a hashtable of both.
Parameter = Scalar | tuple[str, ...] | dict[str, Scalar | tuple[str, ...]]
#: The meaning of a lookup's answer: it happened, it did not, or the next lookup decides.
Verdict = Literal["happened", "absent", "unknown"]


@dataclass(frozen=True)
class ReconcileQuery:
    """A query that shows whether the step of an item in doubt happened.

    Attributes:
        cmdlet: The query; it must only read.
        parameters: Parameter name to constant or template. If one of its places is empty, the lookup is
            skipped: for Exchange, an empty identity means every object.
        match: Output property to the template that it must equal (ignoring case), or ``*`` for any value. An
            object that matches is the one looked for.
        found: The meaning if there is exactly one such object.
        missing: The meaning if there is none, or if Exchange says that it does not exist.
        proves_within: For how many seconds after sending ``missing`` is trusted: later, the object may have
            been removed, because of its age or by a person. None: always.
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
    """A property of a completed request that shows items that were not copied.

    One of the attributes other than *name* says when.

    Attributes:
        name: The property.
        of: The property with the total: it counts if nothing was copied although there was something.
        counts: Whether any number other than 0 counts.
        good: Texts that mean that all is well; any other text counts.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    name: str
    of: str = ""
    counts: bool = False
    good: tuple[str, ...] = ()

    def told(self, kept: Mapping[str, str]) -> str:
        """Return what the *kept* properties say about items left behind, or an empty text."""
        found, whole = kept.get(self.name, ""), kept.get(self.of, "") if self.of else ""
        if self.of and whole:
            nothing = not _number(found) and _number(whole)
            return f"{self.name} {found or '0'} of {whole}" if nothing else ""
        if self.counts:
            return f"{self.name} {found}" if _number(found) else ""
        good = {text.casefold() for text in self.good}
        return f"{self.name} {found}" if self.good and found and found.casefold() not in good else ""


def _number(text: str) -> int:
    """Return the number in a text from Exchange; 0 if it is not a number."""
    digits = text.replace(",", "").replace(".", "").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() else 0


@dataclass(frozen=True)
class Hint:
    """Advice that is only for some rows.

    Attributes:
        text: The advice.
        needs: The steps that must have been done for it to apply.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Detail:
    """A query about one followed item: its progress, and why it failed.

    Attributes:
        cmdlet: The query; it must only read.
        parameters: As in a lookup.
        keep: Output properties whose texts form the error message of a failed item.
        progress: Output properties that show its progress, kept with its status.
        left_behind: What shows that a completed one left items behind.
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
        match: The output property that identifies the item of an object.
        ref: The value of that property for an item: a template over the step's places.
        status: The output property with the status.
        running: Statuses while Exchange works on it.
        waiting: Statuses that wait for an operator.
        completed: Statuses that mean done.
        warned: Statuses that mean done with a warning.
        failed: Statuses that mean failed.
        advice: What an administrator can do about a failed one.
        hints: Further advice for some rows.
        waiting_advice: What an administrator can do about one that waits for an operator.
        left_behind_advice: The same for a completed one that left items behind.
        detail: The query that shows why one failed or has a warning; None if there is none.
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


@dataclass(frozen=True)
class Current:
    """How the object that a step changes is read.

    Attributes:
        cmdlet: A cmdlet that only reads, and has Identity.
        identity: A template: what names the object.
        properties: The property that a parameter sets, where its name is another one.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    cmdlet: str
    identity: str
    properties: dict[str, str] = field(default_factory=dict)
