"""Finds the code pages in which a text without a byte order mark makes sense.

Pure. A page is never guessed by language. A page that gives impossible words is ruled out; if the code page
of this Windows is ruled out, the administrator chooses one of the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bulkps.exchange.code_page_conversion import DOUBLE_BYTE, PAGES, page_text
from bulkps.exchange.damaged_text import Mark, judged, strangeness
from bulkps.intake.problem import shortened

#: How many encodings a message offers, and how many words it shows in each.
_OFFERED = 4
_SHOWN = 3
#: A reading that is this much less likely per word than the best one is not offered.
_AS_GOOD = 3
#: The code pages in which Excel saves, depending on the Windows.
WINDOWS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257")


@dataclass(frozen=True)
class Reading:
    """Some pieces of text, decoded with an encoding.

    Attributes:
        encodings: Every encoding that gives the same texts.
        texts: The decoded texts.
        strange: How unlikely they are; 0 is the most likely.
    """

    encodings: tuple[str, ...]
    texts: tuple[str, ...]
    strange: int

    def __str__(self) -> str:
        other = f" (or {self.encodings[1]})" if len(self.encodings) > 1 else ""
        texts = ", ".join(map(shortened, dict.fromkeys(self.texts[:_SHOWN])))
        return f"--encoding {self.encodings[0]}{other} reads {texts}"


def garbled(pieces: Sequence[bytes], page: str) -> bytes | None:
    """Return the first of *pieces* that makes no sense in *page*; None if all may make sense."""
    return next((one for one in pieces if judged(page_text(one, page))[0] >= Mark.ODD), None)


def readings(
    pieces: Sequence[bytes], but: str = "", among: Sequence[str] = (*PAGES, *DOUBLE_BYTE)
) -> list[Reading]:
    """Return the readings of *pieces* in every encoding in which they make sense, the most likely first.

    Args:
        pieces: Cells with bytes that are not ASCII.
        but: An encoding to leave out, and with it all that give the same texts.
        among: The encodings to try.
    """
    left_out = tuple(page_text(one, but) for one in pieces) if but else ()
    found: dict[tuple[str, ...], list[str]] = {}
    for page in among:
        texts = tuple(page_text(one, page) for one in pieces)
        if texts != left_out and all(text.isprintable() and judged(text)[0] < Mark.ODD for text in texts):
            found.setdefault(texts, []).append(page)
    ranked = sorted(
        (Reading(tuple(pages), texts, sum(map(strangeness, texts))) for texts, pages in found.items()),
        key=lambda one: one.strange,
    )
    limit = ranked[0].strange + _AS_GOOD * len(pieces) if ranked else 0
    return [one for one in ranked[:_OFFERED] if one.strange <= limit]
