"""An operation: its columns and its steps. Whoever holds an Operation holds a sound one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import ClassVar, Literal

from bulkps.exchange.cmdlet import NULL, Null, Value
from bulkps.operations.celltypes import CELL_TYPES
from bulkps.operations.template import Template

#: What pydantic is told of every dataclass here: a key that it does not know is a problem.
STRICT = {"extra": "forbid"}

Scalar = str | bool | int
#: What a column's cell stands for.
CellValue = Scalar | Null | tuple[str, ...]
#: What a parameter is given: a constant or template, a list of them, or a hashtable of both.
Parameter = Scalar | tuple[str, ...] | dict[str, Scalar | tuple[str, ...]]
#: In a cell of a column that may be cleared, and as a parameter: clears what is there.
NULL_TEXT = str(NULL)
#: Between the values of a cell that may hold several.
SEPARATOR = ";"
#: What a lookup's answer means: it happened, it did not, or the next lookup has to tell.
Verdict = Literal["happened", "absent", "unknown"]


class BulkOperationType(Enum):
    """The four operations that are built in; an administrator's own are known by name only."""

    RECOVERY = "recovery"  #: ``New-Mailbox -InactiveMailbox``: one-way.
    RESTORE = "restore"  #: ``New-MailboxRestoreRequest``: copies content into an existing mailbox.
    VALIDATE = "validate"  #: Checks without changing anything.
    EXPORT = "export"  #: Writes an inventory.


@dataclass(frozen=True)
class Column:
    """A CSV column that an operation knows.

    Attributes:
        help: One sentence for people.
        type: Kinds of cell (names in CELL_TYPES) of which a cell must be one.
        required: Whether a row without it is a problem.
        aliases: Other headers that mean this column; case, spaces, dashes, underscores do not count.
        values: The allowed values, in canonical spelling; empty allows all.
        max_length: Characters that Exchange takes; None where no limit is known.
        default: The value where a row leaves it empty, or empty.
        example: A sound cell for templates and docs.
        sample: Where the simulator's tenant has a fitting value, as ``inactive.ExchangeGuid``.
        many: Whether a cell may hold several values, with a semicolon between them.
        clearable: Whether ``$null`` in a cell clears what is there.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    help: str
    type: tuple[str, ...] = ("text",)
    required: bool = False
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    max_length: int | None = None
    default: str = ""
    example: str = ""
    sample: str = ""
    many: bool = False
    clearable: bool = False

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist and an example that would not be accepted."""
        if self.required and self.clearable:
            raise ValueError("a required column cannot be clearable: it always has a value")
        if self.many and any(SEPARATOR in value for value in self.values):
            raise ValueError(f"no allowed value of a column with many may hold {SEPARATOR!r}")
        for name in self.type:
            if name not in CELL_TYPES:
                raise ValueError(f"{name!r} is no type of cell; there are {', '.join(CELL_TYPES)}")
        if self.example and self.problem(self.example):
            raise ValueError(f"the example {self.example!r} is not sound: {self.problem(self.example)}")
        if self.default and self.problem(self.default):
            raise ValueError(f"the default {self.default!r} is not sound: {self.problem(self.default)}")

    @cached_property
    def pattern(self) -> str:
        """A regular expression without groups that every sound, non-empty, stripped cell matches whole.

        The length is not in it.
        """
        several = rf"{self._one}(?:[ \t]*{SEPARATOR}[ \t]*{self._one})*" if self.many else self._one
        return rf"(?:\$(?ai:null)|{several})" if self.clearable else several

    @cached_property
    def _one(self) -> str:
        if self.values:
            return "(?ai:" + "|".join(re.escape(value) for value in self.values) + ")"
        patterns = [CELL_TYPES[name].pattern for name in self.type]
        if None in patterns:
            return rf"(?:[^{SEPARATOR}\s](?:[^{SEPARATOR}]*[^{SEPARATOR}\s])?)" if self.many else r"(?s:.+)"
        return "(?:" + "|".join(str(part) for part in patterns) + ")"

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @property
    def expected(self) -> str:
        """The end of the sentence "expected …"."""
        found = (
            "one of " + ", ".join(self.values)
            if self.values
            else " or ".join(CELL_TYPES[name].expected for name in self.type)
        )
        if self.many:
            found = f"one or several, with {SEPARATOR} between them: {found}"
        return f"{found}, or {NULL_TEXT} to clear it" if self.clearable else found

    def problem(self, cell: str) -> str:
        """Return what is expected instead of *cell* (stripped, not empty); an empty string if it is sound."""
        if self._clears(cell):
            return ""
        longest = max(map(len, self._parts(cell)), default=0)
        if self.max_length is not None and longest > self.max_length:
            return f"at most {self.max_length} characters (it has {longest})"
        return "" if self._compiled.fullmatch(cell) else self.expected

    def canonical(self, cell: str) -> CellValue:
        """Return the value to bind for a sound *cell*.

        A GUID is lower-case without braces, an enumeration's value is as Exchange spells it.
        """
        if self._clears(cell):
            return NULL
        return tuple(str(self._value(one)) for one in self._parts(cell)) if self.many else self._value(cell)

    def _clears(self, cell: str) -> bool:
        return self.clearable and cell.casefold() == NULL_TEXT

    def _parts(self, cell: str) -> list[str]:
        return [part.strip() for part in cell.split(SEPARATOR)] if self.many else [cell]

    def _value(self, cell: str) -> Scalar:
        if self.values:
            folded = cell.casefold()
            return next(value for value in self.values if value.casefold() == folded)
        for name in self.type:
            kind = CELL_TYPES[name]
            if kind.pattern is None or re.fullmatch(kind.pattern, cell):
                return kind.canonical(cell)
        raise ValueError(f"{cell!r} is not {self.expected}")


@dataclass(frozen=True)
class Lookup:
    """A query that tells of an item in doubt whether its step happened.

    Attributes:
        cmdlet: The query; it must only read.
        parameters: Parameter name to constant or template. If a place of one is empty the lookup is left
            out: Exchange takes an empty identity to mean everything.
        match: Output property to the template that it must equal (without regard to case), or ``*`` for
            "is there". An object that fits is what was looked for.
        found: What it means that there is exactly one.
        missing: What it means that there is none, or that Exchange says that it does not exist.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    cmdlet: str
    parameters: dict[str, Parameter]
    match: dict[str, str]
    found: Verdict = "happened"
    missing: Verdict = "unknown"


@dataclass(frozen=True)
class Detail:
    """A query about one followed item that did not end well: why.

    Attributes:
        cmdlet: The query; it must only read.
        parameters: As of a lookup.
        keep: Output properties whose texts make the item's error.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    cmdlet: str
    parameters: dict[str, Parameter]
    keep: tuple[str, ...]


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
    detail: Detail | None = None


@dataclass(frozen=True)
class Step:
    """One cmdlet of an operation.

    Attributes:
        name: Unique in the operation; later steps read its outputs as ``{name.Property}``.
        cmdlet: The cmdlet's name.
        parameters: Parameter name to constant or template, a list of them, or a mapping that becomes a
            hashtable. What has an empty place is left out, and a list or hashtable of which nothing is left.
        when: Columns of which at least one must be given for the step to be wanted; empty means always.
        returns: What proves that it worked: output property to the template that it must equal
            (without regard to case), or ``*`` for "is there". Empty only for cmdlets that write nothing.
        keep: Output properties to keep for later steps, journal and results.
        follow: How to follow it where Exchange works on after the cmdlet returned.
        reconcile: How to tell of an item in doubt whether it happened, asked in order until one tells.
        idempotent: Whether sending it twice does no harm.
        repeat_refused: Whether Exchange itself refuses a second time: by a name that is taken, or because
            what it starts from is gone.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    name: str
    cmdlet: str
    parameters: dict[str, Parameter]
    when: tuple[str, ...] = ()
    returns: dict[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    follow: Follow | None = None
    reconcile: tuple[Lookup, ...] = ()
    idempotent: bool = False
    repeat_refused: bool = False

    @property
    def wanted_properties(self) -> tuple[str, ...]:
        """Every output property that anything reads, each once."""
        return tuple(dict.fromkeys((*self.returns, *self.keep)))


@dataclass(frozen=True)
class Operation:
    """What can be done to every row of a file.

    Attributes:
        name: As the command line says it.
        summary: One line for people.
        description: More for people, or empty.
        one_way: Whether it cannot be undone, so that it asks before it starts.
        columns: The CSV columns by name.
        source: The column that the results show as source_identity.
        target: The column that the results show as target_identity, or empty.
        key: The columns whose content identifies an item.
        unique: Groups of columns; two rows alike in all columns of a group are a problem.
        exclusive: Columns; two items with the same value in one are never in flight together.
        steps: What is done, in order.
        advice: What to remember once a row is completed, or empty.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = STRICT

    name: str
    summary: str
    columns: dict[str, Column]
    source: str
    key: tuple[str, ...]
    steps: tuple[Step, ...]
    description: str = ""
    one_way: bool = False
    target: str = ""
    unique: tuple[tuple[str, ...], ...] = ()
    exclusive: tuple[str, ...] = ()
    advice: str = ""

    def __post_init__(self) -> None:
        """Two rows with the same key are always a problem: they would be the same item."""
        if not any(set(group) <= set(self.key) for group in self.unique):
            object.__setattr__(self, "unique", (*self.unique, self.key))

    def wanted(self, step: Step, values: Mapping[str, object]) -> bool:
        """Return whether an item with these column *values* needs *step*."""
        return not step.when or any(values.get(name) not in (None, "") for name in step.when)

    def next_step(self, after: int, values: Mapping[str, object]) -> int | None:
        """Return the index of the next wanted step after index *after*, or None if it was the last."""
        for index in range(after + 1, len(self.steps)):
            if self.wanted(self.steps[index], values):
                return index
        return None

    @cached_property
    def defaults(self) -> Mapping[str, CellValue]:
        """The values of columns that a row leaves empty."""
        return {
            name: column.canonical(column.default) for name, column in self.columns.items() if column.default
        }

    def required_columns(self) -> list[str]:
        """Return the names of the columns that every row must fill."""
        return [name for name, column in self.columns.items() if column.required]


def cell_text(value: Value) -> str:
    """Return what a cell holds for a column's *value*."""
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)


def templates(step: Step) -> Iterator[tuple[str, Template]]:
    """Yield (where, template) for every template of *step*; *where* is its key path inside the step.

    Raises:
        ValueError: If one has an open brace.
    """
    yield from _texts("parameters", step.parameters)
    yield from _texts("returns", step.returns)
    for index, lookup in enumerate(step.reconcile):
        yield from _texts(f"reconcile.{index}.parameters", lookup.parameters)
        yield from _texts(f"reconcile.{index}.match", lookup.match)
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
