"""Which column of an operation stands where in a file, by the headers. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial

from bulkps.export.deleted_mailbox import COLUMNS as EXPORT_COLUMNS
from bulkps.export.deleted_mailbox import EXPORT_MARK, NAME_COLUMN
from bulkps.intake.formula_escape import formula_unsafe
from bulkps.intake.problem import Problem, readable_name, shortened
from bulkps.operations.definition_validator import folded_header
from bulkps.operations.model import Operation
from bulkps.operations.result_columns import ALL_RESULTS_COLUMNS, RESULTS_MARK
from bulkps.yaml_config import nearest

#: What is stripped from around a cell: every kind of space and line end, and what shows nothing. The joiners
#: U+200C and U+200D are not among them: they belong to the last letter of names in Malayalam and others.
BLANKS = (
    " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u00ad\u061c\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060"
    "\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u3000\ufeff"
)

#: What nobody wants in a journal, as headers fold, and as words of a header.
_SECRET = re.compile("password|passwort|kennwort|passphrase|passcode|passwd|motdepasse|contrase[n\u00f1]a")
_SECRET_WORDS = frozenset({"pw", "pwd", "pass", "senha", "secret", "credential", "credentials", "pin"})
#: Beginnings of words that show that a column is about passwords, and holds none.
_ABOUT = (
    "last", "next", "reset", "change", "expir", "never", "polic", "timestamp", "date", "histor", "require",
    "attempt",
)  # fmt: skip
#: Headers that say nothing but that, in one word, whatever else could be read into them.
_PLAINLY = re.compile(
    "(?:initial|new|temp|temporary|user|account|start|plain|clear|default|change)?"
    "(?:password|passwort|kennwort|passphrase|pwd|secret|motdepasse|contrasena|senha)"
    "(?:plain|clear|initial)?(?:text)?"
)
_WORD = re.compile(r"[^\W\d_]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])")
#: How many headers a sentence names.
_NAMED = 30
_RESULTS = frozenset(map(folded_header, ALL_RESULTS_COLUMNS))
_MARK = frozenset(map(folded_header, RESULTS_MARK))
_EXPORT = frozenset(map(folded_header, (NAME_COLUMN, *EXPORT_COLUMNS)))
_EXPORT_MARK = frozenset(map(folded_header, EXPORT_MARK))


@dataclass(frozen=True)
class Layout:
    """Where everything is in a file.

    Attributes:
        header: The headers; of a file of ours, as they were before they were made formula-safe.
        columns: Index by the operation's column, for those that are there.
        width: How many cells a row has at least: up to the last header that is not empty.
        nameless: Indexes of empty headers.
        carried: Indexes of the columns that go into the results as they are.
        results: Whether this is a former results file.
        exported: Whether it is, or was made from, an inventory that ``bulkps export`` wrote.
        unknown: Headers that the operation does not know and that are carried along.
        taken: (header, column) for each header that means a column by another name.
        left: (header, column) for each that would be taken for a column if it were spelt exactly so.
        problems: What is wrong with the header.
    """

    header: tuple[str, ...]
    columns: Mapping[str, int]
    width: int
    nameless: tuple[int, ...]
    carried: tuple[int, ...]
    results: bool
    exported: bool
    unknown: tuple[str, ...]
    taken: tuple[tuple[str, str], ...]
    left: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]

    @property
    def ours(self) -> bool:
        """Whether bulkps wrote the file, and so made its cells formula-safe."""
        return self.results or self.exported

    def label(self, index: int) -> str:
        """Return what to call the column at *index*."""
        name = self.header[index].strip(BLANKS) if index < len(self.header) else ""
        return name or f"column {index + 1}"


def known_headers(operation: Operation) -> dict[str, str]:
    """Return the column that each header means, by the folded header."""
    return {
        folded_header(header): name
        for name, column in operation.columns.items()
        for header in (name, *column.aliases)
    }


def column_under(header: str, operation: Operation) -> str | None:
    """Return the column that *header* means, by its name or an alias; None if it means none."""
    label = header.strip(BLANKS)
    name = known_headers(operation).get(folded_header(label))
    return None if name is not None and operation.columns[name].exact and label != name else name


def data_for_header(header: Sequence[str], operation: Operation) -> str:
    """Return what a cell of *header* is where it shows that there is no header line, else an empty text."""
    known = known_headers(operation)
    labels = [cell.strip(BLANKS) for cell in header]
    if any(folded_header(label) in known for label in labels):
        return ""
    for label in filter(None, labels):
        for name, column in operation.columns.items():
            for kind in column.kinds if column.required else ():
                if kind.plain is not None and re.fullmatch(kind.plain, label):
                    return f"{shortened(label)} looks like {kind.expected} and belongs under {name}"
    return ""


def lay_out(header: Sequence[str], row: int, operation: Operation, *, strict_columns: bool = False) -> Layout:
    """Return what stands where under *header*, which is on line *row*.

    Args:
        header: Its cells as they are in the file.
        row: The line that it starts on.
        operation: What the columns may mean.
        strict_columns: Whether a column that the operation does not know is a problem.
    """
    present = {folded_header(cell.strip(BLANKS)) for cell in header}
    results, exported = present >= _MARK, present >= _EXPORT_MARK
    cells = tuple(map(formula_unsafe, header)) if results or exported else tuple(header)
    labels = [cell.strip(BLANKS) for cell in cells]
    folded = [folded_header(label) for label in labels]
    # The results' own columns stand behind the input's: of two with the same header the last is theirs.
    theirs = {header: index for index, header in enumerate(folded) if header in _RESULTS} if results else {}
    columns, twice = _columns(folded, labels, set(theirs.values()), operation, row)
    left = _left(folded, labels, operation)
    left_out = set(theirs.values()) - set(columns.values())
    carried = tuple(index for index, label in enumerate(labels) if label and index not in left_out)
    known = known_headers(operation).keys() | (_EXPORT if exported else set())
    unknown = [index for index in carried if folded[index] not in known]
    refused = _refused(unknown, labels, folded, operation, row, strict_columns=strict_columns)
    return Layout(
        header=cells,
        columns=columns,
        width=max((index + 1 for index, label in enumerate(labels) if label), default=0),
        nameless=tuple(index for index, label in enumerate(labels) if not label),
        carried=carried,
        results=results,
        exported=exported,
        unknown=tuple(labels[index] for index in unknown if index not in refused),
        taken=tuple(
            (labels[index], name) for name, index in columns.items() if folded[index] != folded_header(name)
        ),
        left=left,
        problems=(*_missing(columns, labels, operation, row), *twice, *refused.values()),
    )


def _is_secret(label: str, folded: str) -> bool:
    """Return whether a column with this header seems to hold passwords."""
    if _PLAINLY.fullmatch(folded):
        return True
    words = [word.casefold() for word in _WORD.findall(label)]
    if "count" in words or any(word.startswith(_ABOUT) for word in words):
        return False
    return bool(_SECRET.search(folded)) or not _SECRET_WORDS.isdisjoint(words)


def _columns(
    folded: Sequence[str], labels: Sequence[str], theirs: Set[int], operation: Operation, row: int
) -> tuple[dict[str, int], list[Problem]]:
    """Return where each column is, and a problem for each that is there twice."""
    known = known_headers(operation)
    columns: dict[str, int] = {}
    problems = []
    for index, header in enumerate(folded):
        name = known.get(header)
        if name is None or index in theirs or (operation.columns[name].exact and labels[index] != name):
            continue
        if name in columns:
            first = labels[columns[name]]
            expected = f"no second column for {name}: {shortened(first)} in the same header means it already"
            problems.append(Problem(row, labels[index], labels[index], expected))
        else:
            columns[name] = index
    # A result column stands in only where nothing else does: its source_identity is what was sent as the
    # source, so that a file of which only the result columns were kept still says what is meant.
    stand_ins = {known[folded[index]]: index for index in sorted(theirs) if folded[index] in known}
    return stand_ins | columns, problems


def _left(folded: Sequence[str], labels: Sequence[str], operation: Operation) -> tuple[tuple[str, str], ...]:
    """Return the headers that look like an exact column's and are not its name, or the last word of it."""
    exact = {name: folded_header(name) for name, column in operation.columns.items() if column.exact}
    return tuple(
        (label, name)
        for header, label in zip(folded, labels, strict=True)
        for name, known in exact.items()
        if label != name and header in (known, folded_header(name.rpartition("_")[2]))
    )


def _missing(
    columns: Mapping[str, int], labels: Sequence[str], operation: Operation, row: int
) -> Iterator[Problem]:
    for name in operation.required_columns():
        if name not in columns:
            there = ", ".join(readable_name(label) for label in labels[:_NAMED] if label) or "nothing"
            there += ", …" if len(labels) > _NAMED else ""
            aliases = ", ".join(operation.columns[name].aliases)
            named = f"{name} (or {aliases})" if aliases else name
            expected = f"a column with the header {named}; there is {there}"
            yield Problem(row, name, "", expected)


def _refused(
    unknown: Sequence[int],
    labels: Sequence[str],
    folded: Sequence[str],
    operation: Operation,
    row: int,
    *,
    strict_columns: bool,
) -> dict[int, Problem]:
    """Return the problem of each unknown column that cannot be carried along."""
    meanings = known_headers(operation)
    present = {meanings[header] for header in folded if header in meanings}
    absent = {
        folded_header(header): (header, name)
        for name, column in operation.columns.items()
        for header in (name, *column.aliases)
        if name not in present
    }
    refused = {}
    # A whole word of a header is no slip of the fingers: "Archive" is not "to_archive" in haste.
    whole = {word for known, _ in absent.values() for word in known.casefold().split("_")}
    for index in unknown:
        if _is_secret(labels[index], folded[index]):
            expected = "no passwords: whatever stands there would be kept in journal and results. Take it out"
            refused[index] = Problem(row, labels[index], labels[index], expected)
            continue
        near = [known for known in absent if _one_slip(folded[index], known)]
        near = [] if folded[index] in whole else near
        # By the column's own name: that is what the operation's page and template call it.
        meant = absent[min(near, key=partial(_slips, folded[index]))][1] if near else ""
        if meant or strict_columns:
            hint = f"; did you mean {meant}?" if meant else nearest(labels[index], operation.columns)
            expected = f"a column that {operation.name} knows{hint}"
            refused[index] = Problem(row, labels[index], labels[index], expected)
    return refused


def _one_slip(header: str, known: str) -> bool:
    """Return whether hasty fingers make *header* out of *known*; in a long one they may slip twice.

    Of two or three letters almost any other two or three are a slip away: those count for nothing.
    """
    if len(known) < 4:
        return False
    allowed = 2 if len(known) >= 8 else 1
    return abs(len(header) - len(known)) <= allowed and _slips(header, known) <= allowed


def _slips(header: str, known: str) -> int:
    """Return how many letters were put in, left out or replaced; of the same letters, how many were moved."""
    matcher = SequenceMatcher(None, header, known, autojunk=False)
    if sorted(header) == sorted(known):
        return len(known) - sum(block.size for block in matcher.get_matching_blocks())
    opcodes = matcher.get_opcodes()
    return sum(max(end - start, to - at) for tag, start, end, at, to in opcodes if tag != "equal")
