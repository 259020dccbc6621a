"""A column of an operation: which cells it accepts, and which value a cell has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from bulkps.exchange.calls_and_outcomes import NULL, Null, Value
from bulkps.operations.added_and_removed import HASHTABLE_START, Changes, changes_text, read_changes
from bulkps.operations.cell_types import CELL_TYPES, CellType, utf16_length
from bulkps.operations.suspicious_cells import not_a_value, words_problem, words_warning
from bulkps.operations.value_cells import Unsound

#: The pydantic setting of every dataclass here: an unknown key is a problem.
STRICT = {"extra": "forbid"}

Scalar = str | bool | int
#: The value of a column's cell.
CellValue = Scalar | Null | tuple[str, ...] | Changes
#: In a cell of a clearable column, and as a parameter: clears the property.
NULL_TEXT = str(NULL)
#: The separator in a cell with several values.
SEPARATOR = ";"


@dataclass(frozen=True)
class Column:
    """A CSV column that an operation knows.

    Attributes:
        help: One sentence for the user.
        type: The types (names in CELL_TYPES); a cell must have one of them.
        required: Whether a row without it is a problem.
        aliases: Other headers that mean this column; case, spaces, dashes, underscores do not count.
        values: The allowed values, in canonical spelling; empty allows all.
        max_length: The most UTF-16 code units that Exchange accepts; None if no limit is known.
        default: The value if a row leaves it empty, or empty.
        example: A valid cell for templates and docs.
        sample: Where the simulator's tenant has a suitable value, such as ``inactive.ExchangeGuid``.
        many: Whether a cell may hold several values, separated by semicolons.
        changes: Whether a cell may also say what to add and remove: ``@{Add=a,b; Remove=c}``.
        clearable: Whether ``$null`` in a cell clears the property.
        rare: Whether a template leaves it out unless it is made with all columns.
        exact: Whether its header must be exactly its name. This is for columns that change what is done and
            whose name a common export might have by chance.
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
    changes: bool = False
    clearable: bool = False
    rare: bool = False
    exact: bool = False

    def __post_init__(self) -> None:
        """Refuse unknown types and an example that is not valid."""
        if self.required and self.rare:
            raise ValueError("a required column cannot be rare: every row needs it")
        if self.required and self.clearable:
            raise ValueError("a required column cannot be clearable: it always has a value")
        if self.exact and self.aliases:
            raise ValueError("an exact column has no aliases: only its own name is taken for it")
        if self.changes and not self.many:
            raise ValueError("a column with changes needs many: only a list can be added to")
        if self.many and any(SEPARATOR in value for value in self.values):
            raise ValueError(f"in a column with many, no allowed value may contain {SEPARATOR!r}")
        for name in self.type:
            if name not in CELL_TYPES:
                raise ValueError(f"unknown type {name!r}; types are {', '.join(CELL_TYPES)}")
        if self.example and self.problem(self.example):
            raise ValueError(f"the example {self.example!r} is not valid: {self.problem(self.example)}")
        if self.default and self.problem(self.default):
            raise ValueError(f"the default {self.default!r} is not valid: {self.problem(self.default)}")

    @cached_property
    def kinds(self) -> tuple[CellType, ...]:
        """The types; a cell must have one of them."""
        return tuple(CELL_TYPES[name] for name in self.type)

    @cached_property
    def plain(self) -> str | None:
        """A regular expression without groups for usual valid cells; None if there is none.

        It does not check the length.
        """
        plain = [kind.plain for kind in self.kinds]
        return None if None in plain or self.values else "(?:" + "|".join(map(str, plain)) + ")"

    @cached_property
    def words(self) -> bool:
        """Whether it holds free text, which may be damaged and still be possible."""
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
            found = f"one or several, separated by {SEPARATOR}: {found}"
        if self.changes:
            found = f"{found}; or @{{Add=a,b; Remove=c}} to change only these"
        return f"{found}, or {NULL_TEXT} to clear it" if self.clearable else found

    def problem(self, cell: str) -> str:
        """Return what is expected in place of *cell* (stripped, not empty); empty if it is valid."""
        try:
            self._values(cell)
        except Unsound as unsound:
            return str(unsound)
        return ""

    def warning(self, cell: str) -> str:
        """Return what is more likely meant by a valid *cell*, for the user to check; else an empty string."""
        if self._clears(cell) or cell.startswith(HASHTABLE_START):
            return ""
        if self.changes:
            return "@{Add=…} to keep the others: this list replaces every value that is there"
        if not self.words:
            return ""
        found = (words_warning(part, one_line=self._one_line) for part in self._parts(cell))
        return next(filter(None, found), "")

    def canonical(self, cell: str) -> CellValue:
        """Return the value to bind for a valid *cell*.

        A GUID is in lower case without braces; an enumeration's value is spelled as in Exchange.

        Raises:
            ValueError: If it is not valid.
        """
        found = self._values(cell)
        if isinstance(found, tuple):
            return tuple(map(str, found)) if self.many else found[0]
        return found

    def _values(self, cell: str) -> "tuple[Scalar, ...] | Null | Changes":
        if self._clears(cell):
            return NULL
        if self.changes and cell.startswith(HASHTABLE_START):
            entries = read_changes(cell)
            return {name: tuple(map(str, self._read(parts))) for name, parts in entries.items()}
        return self._read(self._parts(cell))

    def _read(self, parts: Sequence[str]) -> tuple[Scalar, ...]:
        for part in parts:
            length = utf16_length(part)
            if self.max_length is not None and length > self.max_length:
                counted = "; Exchange counts an emoji as two" if length > len(part) else ""
                raise Unsound(f"at most {self.max_length} characters (it has {length}{counted})")
        return tuple(map(self._value, parts))

    def _clears(self, cell: str) -> bool:
        return self.clearable and cell.casefold() == NULL_TEXT

    def _parts(self, cell: str) -> list[str]:
        if not self.many:
            return [cell]
        parts = [part.strip() for part in cell.split(SEPARATOR)]
        # A separator at the end, as in Outlook's lists, does not mean another value.
        return parts[:-1] if len(parts) > 1 and not parts[-1] else parts

    def _value(self, cell: str) -> Scalar:
        if not cell:
            raise Unsound(f"{self.expected}; there is an empty value next to a {SEPARATOR}")
        if self.clearable and cell.casefold() == NULL_TEXT:
            raise Unsound(f"{self.expected}; {NULL_TEXT} stands alone in its cell")
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
        # A cell is explained as the type that it looks like.
        why = next((reason for _, reason in sorted(reasons, key=lambda one: one[0]) if reason), "")
        raise Unsound(f"{self.expected}; {why}" if why else self.expected)


def _read(kind: CellType, cell: str) -> Scalar:
    length = utf16_length(cell)
    if length > kind.longest:
        raise Unsound(f"not with {length:,} characters")
    return kind.read(cell)


def cell_text(value: Value) -> str:
    """Return the cell text of a column's *value*."""
    if isinstance(value, Mapping):
        return changes_text(value)
    return SEPARATOR.join(value) if isinstance(value, tuple) else str(value)
