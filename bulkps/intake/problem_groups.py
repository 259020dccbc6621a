"""Groups the problems of many rows that are the same for the same column into one message."""

from dataclasses import dataclass, field

from bulkps.intake.message_likeness import likeness
from bulkps.intake.problem import Problem, readable_name, shortened
from bulkps.intake.row_ranges import RowRanges

#: Up to how many rows each has a message of its own, and how many values a common message shows.
_FEW, _EXAMPLES = 3, 3
#: How many groups are kept; further problems are only counted.
_MOST = 200


@dataclass
class ProblemGroup:
    """Similar problems.

    Attributes:
        column: Their column; empty for whole rows.
        found: The first distinct values that were found.
        expected: What is expected, with an ellipsis for parts that differ from row to row.
        count: How many there are.
        rows: Their rows.
        first: The first of them.
    """

    column: str
    found: list[str]
    expected: str
    count: int = 0
    rows: RowRanges = field(default_factory=RowRanges)
    first: list[Problem] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Add a problem."""
        self.count += 1
        if problem.row is not None:
            self.rows.add(problem.row)
        if len(self.first) < _FEW:
            self.first.append(problem)
        if problem.found not in self.found and len(self.found) <= _EXAMPLES:
            self.found.append(problem.found)
        if problem.expected != self.expected:
            self.expected = likeness(self.expected)

    def sentences(self) -> list[str]:
        """Return one message for all, or one for each if there are few."""
        if self.count <= _FEW:
            return [problem.sentence() for problem in self.first]
        where = f"{self.rows}, {readable_name(self.column)}" if self.column else str(self.rows)
        return [f"{where}: found {self._found()}, expected {self.expected}"]

    def _found(self) -> str:
        if not self.column:
            return self.found[0] if len(self.found) == 1 else likeness(self.found[0])
        shown = [shortened(cell) if cell else "nothing" for cell in self.found[:_EXAMPLES]]
        return ", ".join(shown) + " and others" * (len(self.found) > _EXAMPLES)


class ProblemGroups:
    """Collects problems by what they have in common.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._groups: dict[tuple[str, str, str], ProblemGroup] = {}

    def add(self, problem: Problem) -> None:
        """Add a problem."""
        self.count += 1
        # For a whole row, "found" is a description; for a cell, it is the value, which does not group.
        words = "" if problem.column else likeness(problem.found)
        alone = "" if problem.row is not None else f"{problem.found} {problem.expected}"
        key = (problem.column, words + alone, likeness(problem.expected))
        group = self._groups.get(key)
        if group is None and len(self._groups) < _MOST:
            group = self._groups[key] = ProblemGroup(problem.column, [], problem.expected)
        if group is not None:
            group.add(problem)

    def sentences(self, longest: int) -> list[str]:
        """Return at most *longest* messages in the order of the file, and the number of other problems."""
        told: list[str] = []
        left = self.count
        for group in sorted(self._groups.values(), key=lambda group: group.first[0].row or 0):
            sentences = group.sentences()
            if len(told) + len(sentences) > longest:
                break
            told += sentences
            left -= group.count
        return [*told, f"and {left:,} more"] if left else told

    def is_condensed(self, longest: int) -> bool:
        """Return whether *longest* messages are too few to show every problem on its own."""
        return self.count > longest or any(group.count > _FEW for group in self._groups.values())
