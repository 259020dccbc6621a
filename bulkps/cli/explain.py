"""``bulkps explain``."""

import textwrap
from collections.abc import Iterator, Mapping

from bulkps.cli import console
from bulkps.cli.explanations import Explanation, Kind, explanations, texts
from bulkps.cli.tables import terminal_width
from bulkps.errors import ExitCode, UsageProblem
from bulkps.settings import Settings
from bulkps.visible_text import visible
from bulkps.yaml_config import nearest

#: The names of each kind: for one code, and as a heading.
_NAMES = {
    Kind.FINDING: ("pre-flight finding", "Pre-flight findings"),
    Kind.RESULT: ("result of a row", "Results of rows"),
    Kind.STOP: ("why a run stopped", "Why a run stopped"),
    Kind.ERROR: ("error of Exchange or of the connection", "Errors of Exchange and of the connection"),
    Kind.EXIT: ("exit code", "Exit codes"),
}
_INDENT = " " * 4


def execute(codes: tuple[str, ...], settings: Settings, as_json: bool) -> None:
    """Print what each of *codes* means, or a list of all; see ``bulkps explain --help``.

    Raises:
        UsageProblem: If no such code is known.
    """
    known = explanations(settings.catalogue)
    # A cell of the results can hold several codes.
    asked = [part.strip() for code in codes for part in code.split(";") if part.strip()]
    found = [_named(code, known) for code in asked]
    if as_json:
        told = [_facts(one) for one in found or known.values()]
        console.as_json({"explanations": told, "exit_code": int(ExitCode.COMPLETED)})
    elif found:
        console.show("\n\n".join("\n\n".join(_paragraphs(one)) for one in found))
    else:
        _list(known)


def _named(code: str, known: Mapping[str, Explanation]) -> Explanation:
    if code.casefold() in known:
        return known[code.casefold()]
    raise UsageProblem(f"unknown code {code!r}{nearest(code, known)}; bulkps explain lists all codes")


def _facts(one: Explanation) -> dict[str, object]:
    return {
        "code": one.code,
        "kind": one.kind.value,
        "effect": one.effect,
        "meaning": _plain(one.meaning),
        "look": one.look,
        "what_to_do": _plain(one.instead),
        "cmdlets": one.cmdlets,
        "examples": list(one.examples),
    }


def _paragraphs(one: Explanation) -> Iterator[str]:
    yield f"{one.code}: {_NAMES[one.kind][0]}"
    yield _wrapped(f"{one.effect} {one.meaning}".strip())
    for example in one.examples:
        yield _wrapped(f'Exchange says, for example: "{visible(example)}"')
    if one.look:
        yield f"To check in Exchange:\n\n{textwrap.indent(one.look, _INDENT)}"
    if one.instead:
        yield _wrapped(f"What to do: {one.instead}")
    if one.cmdlets:
        yield textwrap.indent(one.cmdlets, _INDENT)
    if "$" in one.look + one.cmdlets:
        yield _wrapped(texts().placeholders)


def _list(known: Mapping[str, Explanation]) -> None:
    """Print all codes, each with as much of its first sentence as fits on its line."""
    width, longest = terminal_width(), max(map(len, known))
    for kind, (_, title) in _NAMES.items():
        console.show(title)
        for one in known.values():
            if one.kind is kind:
                line = f"  {one.code:<{longest}}  {_plain(one.summary)}"
                console.show(line if width is None or len(line) <= width else f"{line[: width - 1]}\u2026")
        console.show()
    console.say("bulkps explain CODE says what to do.")


def _wrapped(text: str) -> str:
    width = terminal_width()
    text = _plain(text)
    if width is None:
        return text
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return *text* without Markdown's backticks."""
    return text.replace("`", "")
