"""Text with places for values: ``bulkps-{item.key}``. Filled in one pass: braces in values are plain text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from bulkps.exchange.calls_and_outcomes import Value

_PLACE = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_.]*)\}|[{}]")


@dataclass(frozen=True)
class Place:
    """A name that is replaced by a value."""

    name: str


@dataclass(frozen=True)
class Template:
    """A parsed text.

    Attributes:
        parts: Literal texts and places, in order.
    """

    parts: tuple[str | Place, ...]

    @classmethod
    @lru_cache(maxsize=1024)  # every row needs the same few texts
    def parse(cls, text: str) -> "Template":
        """Return *text* as a template; ``{{`` and ``}}`` are braces.

        Raises:
            ValueError: If a brace is not closed.
        """
        parts: list[str | Place] = []
        position = 0
        for match in _PLACE.finditer(text):
            parts.append(text[position : match.start()])
            position = match.end()
            if match.group(1):
                parts.append(Place(match.group(1)))
            elif match.group() in ("{{", "}}"):
                parts.append(match.group()[0])
            else:
                raise ValueError(
                    f"there is a single brace in {text!r}; write {{name}} for a value, {{{{ for a brace"
                )
        parts.append(text[position:])
        return cls(tuple(part for part in parts if part != ""))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its places."""
        return tuple(part.name for part in self.parts if isinstance(part, Place))

    @property
    def alone(self) -> bool:
        """Whether it is one place without other text, so that the value keeps its type."""
        return len(self.parts) == 1 and isinstance(self.parts[0], Place)

    def render(self, values: Mapping[str, Value]) -> Value:
        """Return the text with *values* inserted; None if a place has no value or an empty one.

        A template that is one place without other text keeps the value's type.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], Place):
            value = values.get(self.parts[0].name)
            return None if value == "" else value
        rendered = []
        for part in self.parts:
            value = values.get(part.name) if isinstance(part, Place) else part
            if value is None or value == "":
                return None
            rendered.append(str(value))
        return "".join(rendered)
