"""Finds an operation's columns in a file by its headers. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import partial

from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.export.deleted_mailbox import COLUMNS as EXPORT_COLUMNS
from bulkps.export.deleted_mailbox import EXPORT_MARK, NAME_COLUMN
from bulkps.intake.formula_escape import formula_unsafe
from bulkps.intake.problem import Problem, readable_name, shortened
from bulkps.operations.definition_validator import folded_header
from bulkps.operations.model import Operation
from bulkps.operations.parameter_types import why_not_in_a_file
from bulkps.operations.result_columns import ALL_RESULTS_COLUMNS, RESULTS_MARK
from bulkps.yaml_config import nearest

#: Characters that are stripped from around a cell: every kind of space and line end, and invisible ones. The
#: joiners U+200C and U+200D are not among them: in Malayalam, for example, they belong to a name's last
#: letter.
BLANKS = (
    " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u00a0\u00ad\u061c\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u200b\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060"
    "\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\u3000\ufeff"
)

#: Headers of password columns, which must not get into a journal: as folded text, and as words of a header.
_SECRET = re.compile("password|passwort|kennwort|passphrase|passcode|passwd|motdepasse|contrase[n\u00f1]a")
_SECRET_WORDS = frozenset({"pw", "pwd", "pass", "senha", "secret", "credential", "credentials", "pin"})
#: Beginnings of words that show that a column is about passwords but contains none.
_ABOUT = (
    "last", "next", "reset", "change", "expir", "never", "polic", "timestamp", "date", "histor", "require",
    "attempt",
)  # fmt: skip
#: Headers that clearly mean a password column, even if they contain one of those words.
_PLAINLY = re.compile(
    "(?:initial|new|temp|temporary|user|account|start|plain|clear|default|change)?"
    "(?:password|passwort|kennwort|passphrase|pwd|secret|motdepasse|contrasena|senha)"
    "(?:plain|clear|initial)?(?:text)?"
)
_WORD = re.compile(r"[^\W\d_]?[^\W\d_A-Z]+|[A-Z]+(?![a-z])")
#: How many headers a message names.
_NAMED = 30
_RESULTS = frozenset(map(folded_header, ALL_RESULTS_COLUMNS))
_MARK = frozenset(map(folded_header, RESULTS_MARK))
_EXPORT = frozenset(map(folded_header, (NAME_COLUMN, *EXPORT_COLUMNS)))
_EXPORT_MARK = frozenset(map(folded_header, EXPORT_MARK))


@dataclass(frozen=True)
class Layout:
    """The position of everything in a file.

    Attributes:
        header: The headers; in a file that bulkps wrote, as they were before they were made formula-safe.
        columns: Index by the operation's column, for those that the file has.
        width: The least number of cells in a row: up to the last header that is not empty.
        nameless: Indexes of empty headers.
        carried: Indexes of the columns that are copied to the results unchanged.
        results: Whether this is a results file from an earlier run.
        exported: Whether it is, or was made from, an inventory that ``bulkps export`` wrote.
        unknown: Headers that the operation does not know; their columns are copied to the results.
        taken: (header, column) for each header that is another name of a column.
        left: (header, column) for each header that resembles a column that needs its exact name.
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
        """Whether bulkps wrote the file and made its cells formula-safe."""
        return self.results or self.exported

    def label(self, index: int) -> str:
        """Return a name for the column at *index*."""
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
    """If *header* is really a row of data, return a text that says so; else an empty text."""
    known = known_headers(operation)
    labels = [cell.strip(BLANKS) for cell in header]
    if any(folded_header(label) in known for label in labels):
        return ""
    for label in filter(None, labels):
        for name, column in operation.columns.items():
            for kind in column.kinds if column.required else ():
                if kind.plain is not None and re.fullmatch(kind.plain, label):
                    return (
                        f"{shortened(label)} looks like {kind.expected}, which belongs in the column {name}"
                    )
    return ""


def lay_out(header: Sequence[str], row: int, operation: Operation, *, strict_columns: bool = False) -> Layout:
    """Return the layout of a file with this *header*, which is on line *row*.

    Args:
        header: Its cells, unchanged.
        row: The line that it starts on.
        operation: The operation with its columns.
        strict_columns: Whether a column that the operation does not know is a problem.
    """
    present = {folded_header(cell.strip(BLANKS)) for cell in header}
    results, exported = present >= _MARK, present >= _EXPORT_MARK
    cells = tuple(map(formula_unsafe, header)) if results or exported else tuple(header)
    labels = [cell.strip(BLANKS) for cell in cells]
    folded = [folded_header(label) for label in labels]
    # The results' own columns come after the input's: of two with the same header, the last is theirs.
    theirs = {header: index for index, header in enumerate(folded) if header in _RESULTS} if results else {}
    columns, twice = _columns(folded, labels, set(theirs.values()), operation, row)
    left = _left(folded, labels, operation)
    left_out = set(theirs.values()) - set(columns.values())
    carried = tuple(index for index, label in enumerate(labels) if label and index not in left_out)
    known = known_headers(operation).keys() | (_EXPORT if exported else set())
    unknown = [index for index in carried if folded[index] not in known]
    strict = {"strict_columns": strict_columns, "written": results or exported}
    refused = _refused(unknown, labels, folded, operation, row, **strict)
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
    """Return the index of each column, and a problem for each that occurs twice."""
    known = known_headers(operation)
    columns: dict[str, int] = {}
    problems = []
    for index, header in enumerate(folded):
        name = known.get(header)
        if name is None or index in theirs or (operation.columns[name].exact and labels[index] != name):
            continue
        if name in columns:
            first = labels[columns[name]]
            expected = f"no second column for {name}: {shortened(first)} in the same header is one already"
            problems.append(Problem(row, labels[index], labels[index], expected))
        else:
            columns[name] = index
    # A result column is only used if there is no other: its source_identity is what was sent as the source.
    # So a file that kept only its result columns can still be read.
    stand_ins = {known[folded[index]]: index for index in sorted(theirs) if folded[index] in known}
    return stand_ins | columns, problems


def _left(folded: Sequence[str], labels: Sequence[str], operation: Operation) -> tuple[tuple[str, str], ...]:
    """Return the headers that resemble a column that needs its exact name: by spelling or last word."""
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
            expected = f"a column with the header {named}; the file has {there}"
            yield Problem(row, name, "", expected)


def _refused(
    unknown: Sequence[int],
    labels: Sequence[str],
    folded: Sequence[str],
    operation: Operation,
    row: int,
    *,
    strict_columns: bool,
    written: bool,
) -> dict[int, Problem]:
    """Return the problem of each unknown column that is refused.

    A file that bulkps has *written* has columns of another operation, which no administrator typed.
    """
    meanings = known_headers(operation)
    present = {meanings[header] for header in folded if header in meanings}
    absent = {
        folded_header(header): (header, name)
        for name, column in operation.columns.items()
        for header in (name, *column.aliases)
        if name not in present
    }
    refused = {}
    # A whole word of a header is not a typing error: "Archive" is not a misspelt "to_archive".
    whole = {word for known, _ in absent.values() for word in known.casefold().split("_")}
    for index in unknown:
        if _is_secret(labels[index], folded[index]):
            expected = "no passwords: journal and results would contain them. Remove this column"
            refused[index] = Problem(row, labels[index], labels[index], expected)
            continue
        near = [known for known in absent if _one_slip(folded[index], known)]
        near = [] if folded[index] in whole else near
        # The column's own name, because the operation's page and template use it.
        meant = absent[min(near, key=partial(_slips, folded[index]))][1] if near else ""
        if meant or strict_columns or (operation.direct and not written):
            hint = f"; did you mean {meant}?" if meant else nearest(labels[index], operation.columns)
            refused[index] = Problem(
                row, labels[index], labels[index], _expected(labels[index], operation, hint)
            )
    return refused


def _expected(label: str, operation: Operation, hint: str) -> str:
    """Return what is expected in place of a column that the operation does not know."""
    if not operation.direct:
        return f"a column that {operation.name} knows{hint}"
    facts = cmdlet_facts(operation.steps[0].cmdlet)
    known = facts.parameter(label) if facts else None
    why = why_not_in_a_file(known) if known else ""
    return f"no such column: {why}" if why else f"a parameter of {operation.steps[0].cmdlet}{hint}"


def _one_slip(header: str, known: str) -> bool:
    """Return whether *header* is *known* with a typing error, or with two if it is long.

    Names of two or three letters do not count: almost any other short name is one error away.
    """
    if len(known) < 4:
        return False
    allowed = 2 if len(known) >= 8 else 1
    return abs(len(header) - len(known)) <= allowed and _slips(header, known) <= allowed


def _slips(header: str, known: str) -> int:
    """Return how many letters were added, left out or replaced; for the same letters, how many moved."""
    matcher = SequenceMatcher(None, header, known, autojunk=False)
    if sorted(header) == sorted(known):
        return len(known) - sum(block.size for block in matcher.get_matching_blocks())
    opcodes = matcher.get_opcodes()
    return sum(max(end - start, to - at) for tag, start, end, at, to in opcodes if tag != "equal")
