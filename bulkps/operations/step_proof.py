"""Whether the answer of a step's cmdlet proves that the step worked. Pure."""

from collections.abc import Mapping

from bulkps.exchange.calls_and_outcomes import NULL, Value
from bulkps.operations.model import Step
from bulkps.operations.placeholders import Template


def proven(
    step: Step, filled: Mapping[str, Value], output: tuple[Mapping[str, object], ...]
) -> Mapping[str, object] | None:
    """Return the output object that proves that *step* worked; None if none does.

    A step without ``returns`` is proven by completing; the proof is then an empty mapping.
    """
    if not step.returns:
        return output[0] if len(output) == 1 else {}
    fitting = matching(step.returns, filled, output)
    return fitting[0] if len(fitting) == 1 else None


def matching(
    declared: Mapping[str, str], filled: Mapping[str, Value], output: tuple[Mapping[str, object], ...]
) -> list[Mapping[str, object]]:
    """Return the output objects whose properties match *declared*: a template's text, or ``*``."""
    wanted = {
        name: None if text == "*" else _text(Template.parse(text).render(filled)).casefold()
        for name, text in declared.items()
    }
    return [
        found
        for found in output
        if all(
            _text(found.get(name)) != ""
            if expected is None
            else _text(found.get(name)).casefold() == expected
            for name, expected in wanted.items()
        )
    ]


def _text(value: object) -> str:
    # A cleared property is empty.
    return "" if value is None or value is NULL else str(value)
