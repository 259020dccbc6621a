"""A column of an operation: what its cells may be, and what value a cell stands for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bulkps.exchange.cmdlet import NULL, Null, Value
from bulkps.operations.celltypes import CELL_TYPES

#: What pydantic is told of every dataclass here: a key that it does not know is a problem.
STRICT = {"extra": "forbid"}

Scalar = str | bool | int
#: What a column's cell stands for.
CellValue = Scalar | Null | tuple[str, ...]
#: In a cell of a column that may be cleared, and as a parameter: clears what is there.
NULL_TEXT = str(NULL)
#: Between the values of a cell that may hold several.
SEPARATOR = ";"


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
        rare: Whether a template leaves it out unless all columns are asked for.
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
    rare: bool = False

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist and an example that would not be accepted."""
        if self.required and self.rare:
            raise ValueError("a required column cannot be rare: every row needs it")
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


def cell_text(value: Value) -> str:
    """Return what a cell holds for a column's *value*."""
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
