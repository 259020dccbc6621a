"""Which code page a text without a mark is in: what its words would be in each, and what makes sense.

Pure. A page is never guessed by its language: one that makes words that nobody writes is out, and where the
page of this Windows is out, a person decides between those that are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bulkps.exchange.code_pages import DOUBLE_BYTE, PAGES, page_text
from bulkps.exchange.damaged_text import Mark, judged, strangeness
from bulkps.intake.problem import shortened

#: How many encodings a sentence offers, and how many words it shows in each.
_OFFERED = 4
_SHOWN = 3
#: A reading that is this much stranger than the best one, by the word, is not offered.
_AS_GOOD = 3
#: What Excel saves in, on one Windows or another.
WINDOWS = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257")


@dataclass(frozen=True)
class Reading:
    """What some pieces of text say in an encoding.

    Attributes:
        encodings: Every encoding in which they say the same.
        texts: What they say.
        strange: How unlikely that is; 0 is the likeliest.
    """

    encodings: tuple[str, ...]
    texts: tuple[str, ...]
    strange: int

    def __str__(self) -> str:
        other = f" (or {self.encodings[1]})" if len(self.encodings) > 1 else ""
        texts = ", ".join(map(shortened, dict.fromkeys(self.texts[:_SHOWN])))
        return f"--encoding {self.encodings[0]}{other} reads {texts}"


def garbled(pieces: Sequence[bytes], page: str) -> bytes | None:
    """Return the first of *pieces* that says nothing that anybody writes in *page*; None if all may."""
    return next((one for one in pieces if judged(page_text(one, page))[0] >= Mark.ODD), None)


def readings(
    pieces: Sequence[bytes], but: str = "", among: Sequence[str] = (*PAGES, *DOUBLE_BYTE)
) -> list[Reading]:
    """Return what *pieces* say in every encoding in which they make sense, the likeliest first.

    Args:
        pieces: Cells with bytes that are not ASCII.
        but: An encoding that is not asked; what says the same as it is left out too.
        among: The encodings that are asked.
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
