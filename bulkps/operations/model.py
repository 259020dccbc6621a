"""An operation: its columns and its steps. A loaded Operation has been checked."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import ClassVar, Literal

from bulkps.exchange.calls_and_outcomes import Value
from bulkps.operations.columns import SEPARATOR, STRICT, CellValue, Column
from bulkps.operations.item_queries import Current, Follow, Parameter, ReconcileQuery
from bulkps.operations.placeholders import Template
from bulkps.operations.reversibility import cannot_be_undone, removes_request


class BulkOperationType(Enum):
    """The four built-in operations; an administrator's own are only known by name."""

    RECOVERY = "recovery"  #: ``New-Mailbox -InactiveMailbox``: one-way.
    RESTORE = "restore"  #: ``New-MailboxRestoreRequest``: copies content into an existing mailbox.
    VALIDATE = "validate"  #: Checks without changing anything.
    EXPORT = "export"  #: Writes an inventory that is input for recovery and restore; changes nothing.


@dataclass(frozen=True)
class Recovers:
    """Makes a step that only a retry sends, after Exchange failed the request of an earlier step.

    The first such step that fits is sent, right after a lookup of the earlier step showed that it failed. Its
    cmdlet must be harmless when repeated.

    Attributes:
        step: The earlier step; it is followed, and can be looked up.
        then: ``follow`` if the same request continues after it; ``anew`` if the request is then gone and the
            earlier step is sent again, with the next name (``{item.name}``).
        unless: Regular expressions: it does not fit if one is found in Exchange's message about the failure.
            A step with ``follow`` also does not fit if it was already tried for this request.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    step: str
    then: Literal["follow", "anew"]
    unless: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an invalid pattern."""
        for pattern in self.unless:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


@dataclass(frozen=True)
class Variant:
    """Parameters that are used if certain columns are given.

    Attributes:
        parameters: As in a step, in addition to the step's own.
        when: Columns that must all be given for it to be used; empty means always.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    parameters: dict[str, Parameter]
    when: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contained:
    """Whether a list already contains a value.

    Attributes:
        text: A template: the value to find, ignoring case.
        within: A template: the values, separated by semicolons, as an output property is kept.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    text: str
    within: str

    def holds(self, filled: Mapping[str, Value]) -> bool:
        """Return whether the list contains the value; both must be known."""
        text, within = (Template.parse(one).render(filled) for one in (self.text, self.within))
        if text is None or within is None:
            return False
        return str(text).casefold() in {part.strip().casefold() for part in str(within).split(SEPARATOR)}


@dataclass(frozen=True)
class Step:
    """One cmdlet of an operation.

    Attributes:
        name: Unique in the operation; later steps read its outputs as ``{name.Property}``.
        cmdlet: The cmdlet's name.
        parameters: Parameter name to constant or template, a list of them, or a mapping that becomes a
            hashtable. Values with an empty place are left out, and so are lists and hashtables that are then
            empty.
        variants: Further parameters for certain columns: the first variant that fits is used.
        when: The step is only done if at least one of these columns is given and not false; empty means
            always.
        needs: Earlier steps that must have been done for the step to be done.
        unless: The step is not done if one of these is already true.
        returns: What proves that it worked: output property to the template that it must equal (ignoring
            case), or ``*`` for any value. Empty only for cmdlets that return nothing.
        keep: Output properties to keep for later steps, journal and results.
        follow: How to follow it if Exchange goes on working after the cmdlet returned.
        reconcile: How to find out whether it happened for an item in doubt: lookups that are sent in order
            until one decides.
        polled: Whether it only reads and is repeated until ``returns`` is fulfilled: a new object may take
            minutes to appear.
        idempotent: Whether sending it twice is harmless.
        repeat_refused: Whether Exchange itself refuses it a second time: because a name is taken, or because
            its source no longer exists.
        recovers: The failed request that it recovers; None for a normal step.
        current: How to read the object's present state; None if that is not known.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    name: str
    cmdlet: str
    parameters: dict[str, Parameter]
    variants: tuple[Variant, ...] = ()
    when: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    unless: tuple[Contained, ...] = ()
    returns: dict[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    follow: Follow | None = None
    reconcile: tuple[ReconcileQuery, ...] = ()
    polled: bool = False
    idempotent: bool = False
    repeat_refused: bool = False
    recovers: Recovers | None = None
    current: Current | None = None

    @property
    def cannot_be_undone(self) -> str:
        """The cmdlet or parameter with an effect that cannot be undone; an empty text if there is none."""
        if self.recovers and removes_request(self.cmdlet):
            return ""
        every = (self.parameters, *(variant.parameters for variant in self.variants))
        return next(filter(None, (cannot_be_undone(self.cmdlet, one) for one in every)), "")

    @property
    def wanted_properties(self) -> tuple[str, ...]:
        """Every output property that is used, each once."""
        return tuple(dict.fromkeys((*self.returns, *self.keep)))

    def declared(self, given: Mapping[str, object]) -> dict[str, Parameter]:
        """Return the parameters for an item with these *given* columns."""
        for variant in self.variants:
            if all(is_given(given, name) for name in variant.when):
                return {**self.parameters, **variant.parameters}
        return self.parameters

    @property
    def every_parameter(self) -> tuple[str, ...]:
        """The names of all parameters that it can send."""
        names = [*self.parameters, *(name for variant in self.variants for name in variant.parameters)]
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class Preflight:
    """The checks before anything is sent.

    Attributes:
        kind: Which checks: those of ``recovery`` or ``restore``.
        wants: What a row wants: a field of WantedRecovery or WantedRestore to its template.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    kind: Literal["recovery", "restore"]
    wants: dict[str, str]


@dataclass(frozen=True)
class Operation:
    """What is done for every row of a file.

    Attributes:
        name: Its name on the command line.
        summary: One line for the user.
        description: More text for the user, or empty.
        one_way: Whether it cannot be undone, so that a run asks before it starts. Default: whether a step
            cannot be undone.
        columns: The CSV columns by name.
        source: The column that the results show as source_identity.
        target: The column that the results show as target_identity, or empty.
        key: The columns whose content identifies an item.
        unique: Groups of columns; two rows that are the same in all columns of a group are a problem.
        exclusive: Columns; two items with the same value in one are never sent at the same time.
        steps: The steps, in order.
        advice: What to remember once a row is completed, or empty.
        preflight: The checks before anything is sent, or None.
        direct: Whether it was made from the name of a cmdlet: every column is a parameter, an unknown column
            is a problem, and an item is identified by everything that its row gives.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    name: str
    summary: str
    columns: dict[str, Column]
    source: str
    key: tuple[str, ...]
    steps: tuple[Step, ...]
    description: str = ""
    one_way: bool | None = None
    target: str = ""
    unique: tuple[tuple[str, ...], ...] = ()
    exclusive: tuple[str, ...] = ()
    advice: str = ""
    preflight: Preflight | None = None
    direct: bool = False

    def __post_init__(self) -> None:
        """Fill in one_way, and make the key unique: two rows with the same key would be the same item."""
        if self.one_way is None:
            object.__setattr__(self, "one_way", any(one.cannot_be_undone for one in self.steps))
        if not any(set(group) <= set(self.key) for group in self.unique):
            object.__setattr__(self, "unique", (*self.unique, self.key))

    def wanted(self, step: Step, filled: Mapping[str, Value], done: Collection[str]) -> bool:
        """Return whether an item needs *step*.

        Args:
            step: The step.
            filled: The values for the places of its templates.
            done: The names of the steps that were done.
        """
        return (
            step.recovers is None
            and (not step.when or any(is_given(filled, name) for name in step.when))
            and all(name in done for name in step.needs)
            and not any(there.holds(filled) for there in step.unless)
        )

    def next_step(self, after: int, filled: Mapping[str, Value], done: Collection[str] = ()) -> int | None:
        """Return the index of the next step to do after index *after*, or None if it was the last."""
        for index in range(after + 1, len(self.steps)):
            if self.wanted(self.steps[index], filled, done):
                return index
        return None

    @cached_property
    def defaults(self) -> Mapping[str, CellValue]:
        """The default values of columns that a row leaves empty."""
        return {
            name: column.canonical(column.default) for name, column in self.columns.items() if column.default
        }

    @cached_property
    def non_repeatable_steps(self) -> Mapping[int, str]:
        """The steps that must not be done twice: index to name."""
        return {
            index: step.name for index, step in enumerate(self.steps) if not (step.idempotent or step.polled)
        }

    def is_partly_done(self, done: Collection[str]) -> bool:
        """Return whether a step that must not be done twice is among those *done*, by name."""
        return not set(self.non_repeatable_steps.values()).isdisjoint(done)

    def failed_at(self, step: Step) -> Step:
        """Return the step that *step* is about: the earlier one that it recovers, or itself."""
        return self.steps[self.index_of(step.recovers.step)] if step.recovers else step

    @property
    def reads_state(self) -> bool:
        """Whether the present state is read before sending, so that no earlier run has to be remembered."""
        return len(self.steps) == 1 and self.steps[0].current is not None

    def index_of(self, name: str) -> int:
        """Return the index of the step called *name*."""
        return next(index for index, step in enumerate(self.steps) if step.name == name)

    def recovering(self, step: Step) -> tuple[int, ...]:
        """Return the indexes of the steps that recover what *step* asked for, in order."""
        return tuple(
            index
            for index, one in enumerate(self.steps)
            if one.recovers is not None and one.recovers.step == step.name
        )

    def required_columns(self) -> list[str]:
        """Return the names of the columns that every row must fill."""
        return [name for name, column in self.columns.items() if column.required]


def is_given(values: Mapping[str, object], name: str) -> bool:
    """Return whether a column has a value other than false."""
    return values.get(name) not in (None, "", False)


def templates(step: Step) -> Iterator[tuple[str, Template]]:
    """Yield (where, template) for every template of *step*; *where* is its key path inside the step.

    Raises:
        ValueError: If one has an open brace.
    """
    yield from _texts("parameters", step.parameters)
    for index, variant in enumerate(step.variants):
        yield from _texts(f"variants.{index}.parameters", variant.parameters)
    for index, there in enumerate(step.unless):
        yield f"unless.{index}.text", Template.parse(there.text)
        yield f"unless.{index}.within", Template.parse(there.within)
    yield from _texts("returns", step.returns)
    for index, lookup in enumerate(step.reconcile):
        yield from _texts(f"reconcile.{index}.parameters", lookup.parameters)
        yield from _texts(f"reconcile.{index}.match", lookup.match)
    if step.current:
        yield "current.identity", Template.parse(step.current.identity)
    if step.follow:
        yield "follow.ref", Template.parse(step.follow.ref)
        yield from _texts("follow.parameters", step.follow.parameters)
    if step.follow and step.follow.detail:
        yield from _texts("follow.detail.parameters", step.follow.detail.parameters)


def _texts(where: str, declared: Mapping[str, object]) -> Iterator[tuple[str, Template]]:
    for name, value in declared.items():
        if isinstance(value, dict):
            yield from _texts(f"{where}.{name}", value)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and one != "*":
                yield f"{where}.{name}", Template.parse(one)
