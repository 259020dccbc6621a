"""OPATH filters: comparisons for equality, joined by -and and -or. Pure.

Name -eq 'value' -or (Alias -eq 'O''Neill') -or WhenSoftDeleted -ne $null
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bulkps.simulator.cmdlets.cmdlet_result import Value

#: The most nested parentheses: it protects the parser from endless recursion.
_DEEPEST = 20
_TOKEN = re.compile(
    r"\s*(?:(?P<bracket>[()])|-(?P<join>and|or)\b|"
    # In a quoted value, two quotes mean one; a bare word is $true, $false, $null or a number.
    r"(?P<name>\w+)\s+-(?P<operator>eq|ne)\s+(?:'(?P<text>(?:[^']|'')*)'|(?P<word>\$?\w+)))\s*",
    re.IGNORECASE,
)
_ADDRESSES = "emailaddresses"
#: Properties that hold one of EmailAddresses, if anything: the index finds by them too.
_ONE_ADDRESS = frozenset({"windowsemailaddress", "primarysmtpaddress", "externalemailaddress"})
_SMTP = "smtp:"


@dataclass(frozen=True)
class Comparison:
    """Whether a property is one of some values.

    Attributes:
        name: The property's name, folded.
        values: The values, folded; an empty one means $null.
        negated: Whether it must be none of them.
    """

    name: str
    values: frozenset[str]
    negated: bool = False

    @property
    def names(self) -> frozenset[str]:
        """The names of the properties that it looks at, folded."""
        return frozenset({self.name})

    def admits(self, properties: Mapping[str, Value], names: Mapping[str, str]) -> bool:
        """Return whether *properties* pass; *names* gives a property's name by its folded one."""
        value = properties.get(names.get(self.name, ""))
        return self._holds(value) != self.negated

    def _holds(self, value: Value) -> bool:
        if not isinstance(value, list | tuple):
            text = "" if value is None else str(value).casefold()
            return text in self.values or (
                self.name in _ONE_ADDRESS and text.removeprefix(_SMTP) in self.values
            )
        entries = {str(entry).casefold() for entry in value} or {""}
        if self.name == _ADDRESSES:
            entries |= {entry.partition(":")[2] for entry in entries}
        return not self.values.isdisjoint(entries)

    def keys(self, indexed: frozenset[str]) -> frozenset[str] | None:
        """Return by which texts an index of the properties *indexed* finds all that pass; None if by none."""
        if self.negated or "" in self.values:
            return None
        if self.name == _ADDRESSES or self.name in _ONE_ADDRESS:
            plain = frozenset(value.removeprefix(_SMTP) for value in self.values)
            # Only SMTP addresses are in the index.
            return plain if all(":" not in text and not text.startswith("/") for text in plain) else None
        return self.values if self.name in indexed else None


@dataclass(frozen=True)
class Joined:
    """Several conditions, all or any of which must hold.

    Attributes:
        parts: The conditions.
        every: Whether all must hold; one is enough otherwise.
    """

    parts: tuple["Condition", ...]
    every: bool

    @property
    def names(self) -> frozenset[str]:
        """The names of the properties that it looks at, folded."""
        return frozenset().union(*(part.names for part in self.parts))

    def admits(self, properties: Mapping[str, Value], names: Mapping[str, str]) -> bool:
        """Return whether *properties* pass; *names* gives a property's name by its folded one."""
        return (all if self.every else any)(part.admits(properties, names) for part in self.parts)

    def keys(self, indexed: frozenset[str]) -> frozenset[str] | None:
        """Return by which texts an index of the properties *indexed* finds all that pass; None if by none."""
        found = [part.keys(indexed) for part in self.parts]
        known = [keys for keys in found if keys is not None]
        if self.every:
            return min(known, key=len, default=None)
        return frozenset().union(*known) if len(known) == len(found) else None


Condition = Comparison | Joined


def parse(text: str) -> Condition:
    """Return the condition in *text*.

    Raises:
        ValueError: It is not of the form known here.
    """
    tokens, at = [], 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"position {at + 1}")
        tokens.append(found)
        at = found.end()
    parser = _Parser(tokens)
    condition = parser.joined("or", 0)
    parser.end()
    return condition


class _Parser:
    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self._tokens, self._at = tokens, 0

    def joined(self, word: str, depth: int) -> Condition:
        """Read conditions joined by *word*: -and binds tighter than -or."""
        parts = [self._part(word, depth)]
        while self._takes("join", word):
            parts.append(self._part(word, depth))
        merged = _merged(parts) if word == "or" else parts
        return merged[0] if len(merged) == 1 else Joined(tuple(merged), every=word == "and")

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise ValueError(f"position {self._tokens[self._at].start() + 1}")

    def _part(self, word: str, depth: int) -> Condition:
        if word == "or":
            return self.joined("and", depth)
        if self._takes("bracket", "("):
            if depth > _DEEPEST:
                raise ValueError("too many parentheses")
            inner = self.joined("or", depth + 1)
            if not self._takes("bracket", ")"):
                raise ValueError("a parenthesis is not closed")
            return inner
        if self._at == len(self._tokens) or not self._tokens[self._at]["name"]:
            raise ValueError("a comparison is missing")
        self._at += 1
        return _comparison(self._tokens[self._at - 1])

    def _takes(self, group: str, text: str) -> bool:
        found = self._at < len(self._tokens) and (self._tokens[self._at][group] or "").casefold() == text
        self._at += found
        return found


def _comparison(token: re.Match[str]) -> Comparison:
    word = (token["word"] or "").lstrip("$")
    text = word if token["word"] else token["text"].replace("''", "'")
    value = "" if token["word"] and word.casefold() == "null" else text.casefold()
    return Comparison(token["name"].casefold(), frozenset({value}), token["operator"].casefold() == "ne")


def _merged(parts: list[Condition]) -> list[Condition]:
    """Combine all comparisons of the same property, so that each object is checked once."""
    by_name: dict[str, frozenset[str]] = {}
    others: list[Condition] = []
    for part in parts:
        if isinstance(part, Comparison) and not part.negated:
            by_name[part.name] = by_name.get(part.name, frozenset()) | part.values
        else:
            others.append(part)
    return [*(Comparison(name, values) for name, values in by_name.items()), *others]
