"""What codes mean and what to do about them: one source for ``bulkps explain`` and the pages of docs/."""

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
#: Where a sentence ends: not inside a name such as ``.onmicrosoft.com``.
_FIRST_SENTENCE = re.compile(r".+?\.(?=\s|$)|.+", re.DOTALL)


class Kind(Enum):
    """Where a code is met."""

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
        kind: Where it is met.
        meaning: What it says, in whole sentences.
        instead: What to do.
        effect: Which operation a finding blocks, or warns of.
        look: PowerShell that shows it.
        cmdlets: PowerShell that does what is to be done.
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
        """The one sentence that a list has room for."""
        # What an error of the catalogue means is said by its class, which many have in common.
        text = self.instead if self.kind is Kind.ERROR else self.meaning
        found = _FIRST_SENTENCE.match(text)
        return found.group() if found else ""


@dataclass(frozen=True)
class Texts:
    """The shipped file.

    Attributes:
        placeholders: What the variables in its cmdlets stand for.
        error_classes: What an error says by its class.
        scopes: And by what it concerns.
        codes: The explanations.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    placeholders: str
    error_classes: Mapping[str, str]
    scopes: Mapping[str, str]
    codes: tuple[Explanation, ...]


@cache
def texts() -> Texts:
    """Return the texts that are shipped."""
    text = files("bulkps.cli").joinpath(_FILE).read_text(encoding="utf-8")
    return yaml_config.load(text, _FILE, Texts)


def explanations(catalogue: Sequence[KnownError]) -> dict[str, Explanation]:
    """Return what every code means, by code.

    Args:
        catalogue: The error catalogue. What has no text of its own is explained by its advice.
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
    # Several entries can have one code: each knows it by other words.
    advice = dict.fromkeys(entry.advice for entry in alike)
    return Explanation(code, Kind.ERROR, " ".join(filter(None, meaning)), " ".join(advice))
