"""A column of an operation: what its cells may be, and what value a cell stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bulkps.exchange.invocation import NULL, Null, Value
from bulkps.operations.cell_types import CELL_TYPES, CellType, Unsound, utf16_length
from bulkps.operations.spreadsheet_words import not_a_value, words_problem, words_warning

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
        max_length: UTF-16 code units that Exchange takes; None where no limit is known.
        default: The value where a row leaves it empty, or empty.
        example: A sound cell for templates and docs.
        sample: Where the simulator's tenant has a fitting value, as ``inactive.ExchangeGuid``.
        many: Whether a cell may hold several values, with a semicolon between them.
        clearable: Whether ``$null`` in a cell clears what is there.
        rare: Whether a template leaves it out unless all columns are asked for.
        exact: Whether only its own name, letter by letter, is taken for its header: where a header of a
            common export would change what is done.
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
    exact: bool = False

    def __post_init__(self) -> None:
        """Refuse kinds that do not exist and an example that would not be accepted."""
        if self.required and self.rare:
            raise ValueError("a required column cannot be rare: every row needs it")
        if self.required and self.clearable:
            raise ValueError("a required column cannot be clearable: it always has a value")
        if self.exact and self.aliases:
            raise ValueError("an exact column has no aliases: only its own name is taken for it")
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
    def kinds(self) -> tuple[CellType, ...]:
        """The kinds of cell of which a cell must be one."""
        return tuple(CELL_TYPES[name] for name in self.type)

    @cached_property
    def plain(self) -> str | None:
        """A regular expression without groups for usual sound cells; None where there is none.

        The length is not in it.
        """
        plain = [kind.plain for kind in self.kinds]
        return None if None in plain or self.values else "(?:" + "|".join(map(str, plain)) + ")"

    @cached_property
    def words(self) -> bool:
        """Whether people's own words stand in it, which may be damaged without being impossible."""
        return not self.values and any(kind.words for kind in self.kinds)

    @cached_property
    def _one_line(self) -> bool:
        return all(kind.one_line for kind in self.kinds)

    @cached_property
    def _by_folded(self) -> Mapping[str, str]:
        return {value.casefold(): value for value in self.values}

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
        try:
            self._values(cell)
        except Unsound as unsound:
            return str(unsound)
        return ""

    def warning(self, cell: str) -> str:
        """Return what is more likely meant than a sound *cell*, for a person to look at; else nothing."""
        if not self.words or self._clears(cell):
            return ""
        found = (words_warning(part, one_line=self._one_line) for part in self._parts(cell))
        return next(filter(None, found), "")

    def canonical(self, cell: str) -> CellValue:
        """Return the value to bind for a sound *cell*.

        A GUID is lower-case without braces, an enumeration's value is as Exchange spells it.

        Raises:
            ValueError: If it is not sound.
        """
        found = self._values(cell)
        if found is NULL:
            return NULL
        return tuple(map(str, found)) if self.many else found[0]

    def _values(self, cell: str) -> "tuple[Scalar, ...] | Null":
        if self._clears(cell):
            return NULL
        parts = self._parts(cell)
        for part in parts:
            length = utf16_length(part)
            if self.max_length is not None and length > self.max_length:
                counted = ", as Exchange counts: an emoji is two" if length > len(part) else ""
                raise Unsound(f"at most {self.max_length} characters (it has {length}{counted})")
        return tuple(map(self._value, parts))

    def _clears(self, cell: str) -> bool:
        return self.clearable and cell.casefold() == NULL_TEXT

    def _parts(self, cell: str) -> list[str]:
        if not self.many:
            return [cell]
        parts = [part.strip() for part in cell.split(SEPARATOR)]
        # Whoever ends a list as Outlook does means no further value.
        return parts[:-1] if len(parts) > 1 and not parts[-1] else parts

    def _value(self, cell: str) -> Scalar:
        if not cell:
            raise Unsound(f"{self.expected}; nothing stands between two {SEPARATOR}")
        if self.values:
            if found := self._by_folded.get(cell.casefold()):
                return found
            raise Unsound(self.expected)
        if problem := not_a_value(cell):
            raise Unsound(problem)
        reasons: list[tuple[bool, str]] = []
        for kind in self.kinds:
            try:
                value = _read(kind, cell)
            except Unsound as unsound:
                reasons.append((not (kind.sign and kind.sign in cell), str(unsound)))
                continue
            if kind.words and (problem := words_problem(cell, one_line=kind.one_line)):
                raise Unsound(problem)
            return value
        # What a cell looks like is what it was meant to be.
        why = next((reason for _, reason in sorted(reasons, key=lambda one: one[0]) if reason), "")
        raise Unsound(f"{self.expected}; {why}" if why else self.expected)


def _read(kind: CellType, cell: str) -> Scalar:
    length = utf16_length(cell)
    if length > kind.longest:
        raise Unsound(f"not with {length:,} characters")
    return kind.read(cell)


def cell_text(value: Value) -> str:
    """Return what a cell holds for a column's *value*."""
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
