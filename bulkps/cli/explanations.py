"""What codes mean and what to do about them: the source of ``bulkps explain`` and of pages in docs/."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import ClassVar

from bulkps import yaml_config
from bulkps.errors import ExitCode
from bulkps.exchange.error_catalog import KnownError

_FILE = "explanations.yaml"
#: The first sentence; it does not end inside a name such as ``.onmicrosoft.com``.
_FIRST_SENTENCE = re.compile(r".+?\.(?=\s|$)|.+", re.DOTALL)


class Kind(Enum):
    """Where a code occurs."""

    FINDING = "finding"  #: Among what pre-flight finds.
    RESULT = "result"  #: In a row of the results.
    STOP = "stop"  #: As the reason why a run stopped.
    ERROR = "error"  #: In a row of the results, for an error that the catalogue knows.
    EXIT = "exit"  #: As the exit code of the process.


@dataclass(frozen=True)
class Explanation:
    """What one code means.

    Attributes:
        code: The code.
        kind: Where it occurs.
        meaning: What it means, in whole sentences.
        instead: What to do.
        effect: Which operation a finding blocks, or warns about.
        look: PowerShell that shows it.
        cmdlets: PowerShell that fixes it.
        examples: Exchange's own words for it.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    code: str
    kind: Kind
    meaning: str
    instead: str = ""
    effect: str = ""
    look: str = ""
    cmdlets: str = ""
    examples: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """The one sentence that is shown in a list."""
        # The meaning of a catalogue error only describes its class, so the advice says more.
        text = self.instead if self.kind is Kind.ERROR else self.meaning
        found = _FIRST_SENTENCE.match(text)
        return found.group() if found else ""


@dataclass(frozen=True)
class Texts:
    """The content of the explanations file.

    Attributes:
        placeholders: The meaning of the variables in its cmdlets.
        error_classes: The meaning of an error, by its class.
        scopes: What it affects, by its scope.
        codes: The explanations.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    placeholders: str
    error_classes: Mapping[str, str]
    scopes: Mapping[str, str]
    codes: tuple[Explanation, ...]


@cache
def texts() -> Texts:
    """Return the content of the explanations file."""
    text = files("bulkps.cli").joinpath(_FILE).read_text(encoding="utf-8")
    return yaml_config.load(text, _FILE, Texts)


def explanations(catalogue: Sequence[KnownError]) -> dict[str, Explanation]:
    """Return what every code means, by code.

    Args:
        catalogue: The error catalogue. Errors without a text of their own are explained by their advice.
    """
    known = {one.code: one for one in texts().codes}
    entries: dict[str, list[KnownError]] = {}
    for entry in catalogue:
        entries.setdefault(entry.id, []).append(entry)
    for code, alike in entries.items():
        samples = tuple(dict.fromkeys(entry.sample for entry in alike if entry.sample))
        known[code] = replace(known.get(code) or _of_error(code, alike), examples=samples)
    exits = {str(int(code)): code.meaning for code in ExitCode}
    return known | {code: Explanation(code, Kind.EXIT, meaning) for code, meaning in exits.items()}


def _of_error(code: str, alike: Sequence[KnownError]) -> Explanation:
    first = alike[0]
    meaning = [texts().error_classes[first.error_class.value], texts().scopes.get(first.scope, "")]
    # Several entries can have the same code: each recognizes it by other words.
    advice = dict.fromkeys(entry.advice for entry in alike)
    return Explanation(code, Kind.ERROR, " ".join(filter(None, meaning)), " ".join(advice))
