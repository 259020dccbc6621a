"""Text that was read in a wrong encoding: how to recognize it, and what it said before. Pure.

Nothing here knows names or languages. A word is judged by things that never occur in real text: a currency
sign or half of a box drawing between two letters, a control character, a single foreign letter in a Latin
word. Names of every script pass, because letters next to letters of their own script are never suspicious.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from bulkps.exchange.code_page_conversion import DOUBLE_BYTE, PAGES, page_bytes, page_text

#: What decoders write in place of unreadable bytes: the letter is lost.
REPLACEMENT = "\ufffd"
#: The same, after being read again in a wrong encoding.
_REPLACEMENTS = (REPLACEMENT, "\u00ef\u00bf\u00bd", "\u951f\u65a4\u62f7")
#: How many readings a sentence offers.
_OFFERED = 3
#: Longer texts are judged up to here: names are short, and a wrong encoding shows from the start.
_JUDGED = 4096

_ASCII_LETTER = re.compile("[A-Za-z]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
#: The pages that text is read in by mistake, and how unlikely each is.
_READ_IN = {"cp1252": 0, "cp1250": 4, "cp1251": 4, "cp850": 12, "cp437": 12, "mac-roman": 12}
_LIKELY = tuple(_READ_IN)
#: How a UTF-8 sequence of two or more bytes begins in any of these.
_LEADS = re.compile("[^\u0590-\u200f\u2e80-\U0010ffff]")
#: From this weight a text is odd.
_ODD_WEIGHT = 8
#: A reading that is this much worse than the best one is not offered.
_AS_GOOD = 14
#: Characters that never occur between two letters. Not in the list: apostrophes of all kinds (also the acute
#: accent used as one), dashes, dots, the degree sign, the multiplication sign between brands.
_NEVER_BETWEEN = frozenset(
    "\u201c\u201d\u201e\u201a\u2039\u203a\u00ab\u00bb\u2020\u2021\u2030\u02c6\u02dc\u2026\u2022\u00a1\u00bf"
    "\u00a2\u00a3\u00a4\u00a5\u20ac\u00a6\u00a7\u00a8\u00a9\u00ac\u00ae\u00af\u00b1\u00b2\u00b3\u00b6"
    "\u00b8\u00b9\u00bc\u00bd\u00be\u00f7\u2122\u02c7\u02d8\u02d9\u02da\u02db\u02dd"
    "\u221a\u222b\u2248\u2211\u220f\u2202\u2260\u2264\u2265\u25ca\u2310\u2320\u2321\u2261"
)
# Signs that replace letters if the page is wrong: next to a letter at the edge of a word they are odd too.
_SIGNS = "\u00a2\u00a3\u00a4\u00a5\u00a6\u00a8\u00ac\u00af\u00b1\u00b3\u00b8\u00b9\u00bc\u00bd\u00be"
_ODD_BEFORE = frozenset(
    _SIGNS + "\u20ac\u00a9\u00ae\u2122\u00aa\u00ba\u221a\u222b\u2248\u2211\u220f\u2202\u2260\u25ca"
)
_ODD_BEHIND = frozenset(_SIGNS + "\u201a\u201e\u02c6\u2030\u2020\u2021\u00a1")
#: Pairs of letters that are one UTF-8 letter read as cp1252 or cp1250, and that no language has.
_ODD_PAIR = re.compile(
    "[\u00c3\u00c2][\u00ad\u00a0\u00aa\u00ba\u00b5\u0160\u0152\u017d\u0161\u0153\u017e\u0178\u0192]"
    "|[\u00c5\u00c4][\u00aa\u00ba\u00b5\u0160\u0152\u017d\u0161\u0153\u017e\u0178\u0192]"
    "|[\u0102\u0139][\u0161\u0165\u017e\u017a\u0142\u015f\u013e\u0160\u0164\u017d\u0179\u0141\u015e\u013d]"
)
#: Beginnings of names after which a capital may follow.
_PREFIX = re.compile("(?:Mc|Mac|Fitz|De|Di|Da|Du|La|Le|Van|Von|Ó|Ní|Nic)$")
#: Three signs in a row are not punctuation.
_NO_PUNCTUATION = sorted(_NEVER_BETWEEN - set("\u2026\u201c\u201d\u00ab\u00bb"))
_SIGNS_ALONE = re.compile("[" + re.escape("".join(_NO_PUNCTUATION)) + "]{3}")
#: Cyrillic and Greek letters that look like Latin ones, and that people type in a Latin word.
_ALIKE = frozenset("авекмнорстухіјѕһґАВЕКМНОРСТУХІЈЅҺοναικτρυχςΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")
#: Letters that European languages use often; of two readings the one with fewer others is more likely.
_COMMON = frozenset("äöüßéèêëàâáãåæøçñíîïóòôõúùûýœłśżźćńąęőűčšžřěůďťňľğışțşţăđāēīūģķļņ")
#: Scripts, by Unicode name, that may occur in Latin words.
_LATIN = frozenset(
    {"", "LATIN", "MICRO", "FEMININE", "MASCULINE", "MODIFIER", "KELVIN", "ANGSTROM", "SUPERSCRIPT"}
)
#: Scripts that share words with no other, if they come from code pages.
_EASTERN = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "HANGUL", "THAI", "ARABIC", "HEBREW"})


class Mark(IntEnum):
    """How suspicious a word is; a greater value is more suspicious."""

    NONE = 0
    MIXED = 1  #: Unusual; counts only if two readings are compared.
    ODD = 2  #: Hardly a name; a person should check.
    GARBLED = 3  #: It does not occur in real text.
    LOST = 4  #: Letters are lost.


@dataclass(frozen=True)
class Damage:
    """What is wrong with a text.

    Attributes:
        mark: How bad it is.
        seen: The character and its position, for people.
        readings: (what happened, the text without that), the most likely first.
    """

    mark: Mark
    seen: str
    readings: tuple[tuple[str, str], ...] = ()

    @property
    def sentence(self) -> str:
        """The damage, and what the text may have been."""
        may = " or ".join(f"{text!r} ({how})" for how, text in self.readings)
        return f"{self.seen}; perhaps {may}" if may else self.seen


#: Names of characters that have none in Unicode.
_CONTROLS = {
    "\0": "null", "\a": "bell", "\b": "backspace", "\t": "tab", "\n": "line feed", "\v": "vertical tab",
    "\f": "form feed", "\r": "carriage return", "\x1b": "escape",
}  # fmt: skip


def named(character: str) -> str:
    """Return a character so that a person can find it: itself if printable, its number, its name."""
    shown = f"{character} " if character.isprintable() and not character.isspace() else ""
    name = unicodedata.name(character, "").lower() or _CONTROLS.get(character, "")
    number = f"U+{ord(character):04X}"
    return f"{shown}({number} {name})" if shown and name else f"{shown}{number}{' ' + name if name else ''}"


def at(text: str, place: int) -> str:
    """Return the character of *text* at index *place*, and its position counted from 1."""
    return f"{named(text[place])} at character {place + 1}"


def damage(text: str) -> Damage | None:
    """Return what is wrong with *text*; None if nothing is, as for every ASCII text."""
    if text.isascii():
        return None
    mark, place = judged(text)
    if mark < Mark.ODD:
        return None
    if mark is Mark.LOST:
        return Damage(mark, f"{at(text, place)}: a letter was lost when the text was converted")
    readings = tuple(_readings(text[:_JUDGED]))
    # If the text happens to be valid UTF-8, that is not a coincidence.
    certain = readings and readings[0][0].startswith("UTF-8")
    return Damage(Mark.GARBLED if certain else mark, _seen(text, place), readings)


def _seen(text: str, place: int) -> str:
    character = text[place]
    if unicodedata.category(character) == "Cc":
        return f"{at(text, place)}: a control character"
    return f"{at(text, place)}, which does not belong in a name there"


def judged(text: str) -> tuple[Mark, int]:
    """Return the worst mark of *text*, and the index of the character that shows it."""
    worst, where = Mark.NONE, 0
    if text.isascii():
        return worst, where
    if lost := next((sign for sign in _REPLACEMENTS if sign in text), ""):
        return Mark.LOST, text.index(lost)
    for start, word in _words(text[:_JUDGED]):
        for mark, place in _marks(word):
            if mark > worst:
                worst, where = mark, start + place
    if worst < Mark.ODD and (hidden := _hidden_utf8(text[:_JUDGED])) is not None:
        return Mark.GARBLED, hidden
    return worst, where


def weight(text: str) -> int:
    """Return how suspicious *text* is in all, to compare readings; 0 is not at all."""
    if REPLACEMENT in text:
        return 1000
    cost = (0, 1, 8, 64, 1000)
    return sum(cost[mark] for _, word in _words(text[:_JUDGED]) for mark, _ in _marks(word))


def _words(text: str) -> Iterator[tuple[int, str]]:
    start = 0
    for word in text.split(" "):
        if not word.isascii():
            yield start, word
        start += len(word) + 1


@lru_cache(maxsize=8192)
def _marks(word: str) -> tuple[tuple[Mark, int], ...]:
    """Return the marks of *word* and their places; cached, because files repeat names."""
    return tuple(_found(word))


def _found(word: str) -> Iterator[tuple[Mark, int]]:
    # A nickname in quotes inside a word is odd but real; then both quotes must be there.
    quotes = (("“", "”"), ("„", "“"), ("«", "»"))
    quoted = any(one in word and other in word[word.index(one) :] for one, other in quotes)
    capitals = word.isupper()
    for place, character in enumerate(word):
        if character >= "\x80" and (mark := _mark(word, place, quoted=quoted)):
            yield mark, place
    if not capitals and (pair := _ODD_PAIR.search(word)):
        yield Mark.ODD, pair.start()
    if signs := _SIGNS_ALONE.search(word):
        yield Mark.ODD, signs.start()
    yield from _scripts(word)
    yield from _all_accents(word)


def _mark(word: str, place: int, *, quoted: bool) -> Mark:
    """Return the mark of the non-ASCII character at *place*, between its neighbours."""
    character, code = word[place], ord(word[place])
    before, after = word[:place][-1:], word[place + 1 : place + 2]
    if code < 0xA0:
        return Mark.GARBLED
    if 0xE000 <= code <= 0xF8FF:
        return Mark.ODD
    if 0x2500 <= code <= 0x259F:
        # Several of a kind draw a line; a single one is half of a letter.
        drawn = character in (before, after)
        return Mark.NONE if drawn or not any(map(str.isalpha, word)) else Mark.GARBLED
    if character in _NEVER_BETWEEN and not (quoted and character in "“”„«»"):
        enclosed = _beyond(word, place, -1).isalpha() and _beyond(word, place, 1).isalpha()
        if enclosed:
            return Mark.GARBLED
    elif character.isalpha():
        return _letter(word, place)
    at_start, at_end = not before and after.islower(), before.islower() and not after.isalnum()
    odd = (character in _ODD_BEFORE and at_start) or (character in _ODD_BEHIND and at_end)
    return Mark.ODD if odd else Mark.NONE


def _beyond(word: str, place: int, step: int) -> str:
    """Return the first character from *place* that is not a sign; an empty text at the end of the word."""
    place += step
    while 0 <= place < len(word) and word[place] in _NEVER_BETWEEN:
        place += step
    return word[place] if 0 <= place < len(word) else ""


def _letter(word: str, place: int) -> Mark:
    character, before, after = word[place], word[:place][-1:], word[place + 1 : place + 2]
    if character in "\u00c2\u00c3" and before.isalpha() and after.islower():
        # The rest of UTF-8 read as cp1252, if the second half was not a character.
        return Mark.GARBLED
    if character in "\u207f\u0192\u00aa\u00ba":
        # A raised n, a florin sign, ordinal signs: letters in Unicode, but not part of words.
        return (
            Mark.ODD
            if after.islower() and (before.islower() or character == "\u207f" or not before)
            else Mark.NONE
        )
    if character.isupper() and before.isalpha() and not _PREFIX.search(word, 0, place):
        if before.islower() and not after.isupper():
            return Mark.ODD
        if before.isupper() and after.islower():
            return Mark.ODD
    return Mark.MIXED if character.islower() and not before and after.islower() else Mark.NONE


@lru_cache(maxsize=4096)
def script_of(character: str) -> str:
    """Return the script of a letter by its Unicode name, such as LATIN or CJK; else an empty text."""
    return unicodedata.name(character, "").split(" ")[0] if character.isalpha() else ""


def _scripts(word: str) -> Iterator[tuple[Mark, int]]:
    """Yield letters of another script inside a Latin word."""
    scripts = [script_of(character) for character in word]
    if "LATIN" not in scripts:
        return
    place = 0
    while place < len(word):
        script, start = scripts[place], place
        while place < len(word) and scripts[place] == script:
            place += 1
        if script not in _LATIN:
            before = scripts[start - 1] if start else ""
            after = scripts[place] if place < len(word) else ""
            mark = _foreign_run(word, start, place, script, (before == "LATIN", after == "LATIN"))
            if mark:
                yield mark, start


def _foreign_run(word: str, start: int, end: int, script: str, latin: tuple[bool, bool]) -> Mark:
    """Return the mark of the letters of *script* from *start* to *end*, with *latin* before or after."""
    run = word[start:end]
    if not any(latin):
        return Mark.NONE
    small = word[end : end + 1].islower()
    if len(run) > 2 or all(one in _ALIKE for one in run):
        return Mark.MIXED
    if script == "CYRILLIC":
        if all(latin) and small:
            return Mark.GARBLED
        at_end = latin[0] and end == len(word) and word[start - 1].islower() and run.islower()
        return Mark.ODD if at_end or (latin[1] and not start and small) else Mark.MIXED
    if script == "GREEK":
        return Mark.ODD if all(latin) and run.islower() else Mark.MIXED
    return Mark.ODD if script in _EASTERN and all(latin) and small else Mark.MIXED


def _all_accents(word: str) -> Iterator[tuple[Mark, int]]:
    """Yield the first letter of a long word in which every letter has an accent: no language has that."""
    letters = [character for character in word if character.isalpha()]
    enough = len(letters) >= (4 if word.isupper() else 3)
    if enough and all("\u00c0" <= character <= "\u00ff" for character in letters):
        yield Mark.GARBLED if len(letters) >= 4 else Mark.ODD, word.index(letters[0])


def strangeness(text: str) -> int:
    """Return how unlikely *text* is as real text, to compare readings of the same bytes."""
    text = text[:_JUDGED]
    found = weight(text) * 4
    scripts = {"LATIN"} if _ASCII_LETTER.search(text) else set()
    for _, word in _words(text):
        letters = [character for character in word if character.isalpha()]
        found += 6 * (len(letters) > 3 and all(script_of(one) == "LATIN" and one > "\x7f" for one in letters))
    for character in text:
        if character < "\x80":
            continue
        script = script_of(character)
        if script:
            scripts.add(script)
            found += 3 * (script == "LATIN" and character.lower() not in _COMMON)
        else:
            found += 3 if unicodedata.category(character) in ("Mn", "Mc") else 8
    # Japanese is written in three scripts at once.
    return found + 8 * max(0, len(scripts - {"HIRAGANA", "KATAKANA"}) - 1)


def _readings(text: str) -> list[tuple[str, str]]:
    """Return what *text* may have been: (what happened to it, the original text)."""
    found = _as_utf8(text)
    if found:
        return found
    cost: dict[str, tuple[int, str]] = {}
    for page, whole in _in_pages(text):
        for number, right in enumerate((*PAGES, *DOUBLE_BYTE)):
            said = page_text(whole, right) if right != page else text
            if said == text or weight(said) >= _ODD_WEIGHT or not said.isprintable():
                continue
            worth = strangeness(said) * 4 + _READ_IN.get(page, 20) + number
            cost[said] = min(cost.get(said, (worth + 1, "")), (worth, f"{right} read as {page}"))
    ranked = sorted((worth, how, said) for said, (worth, how) in cost.items())
    return [(how, said) for worth, how, said in ranked[:_OFFERED] if worth <= ranked[0][0] + _AS_GOOD]


def _in_pages(text: str) -> Iterator[tuple[str, bytes]]:
    """Yield the pages that *text* may have been read in, and its bytes there."""
    for page in PAGES:
        whole = page_bytes(text, page)
        if whole is not None:
            yield page, whole


def _as_utf8(text: str) -> list[tuple[str, str]]:
    """Return the original of *text* if parts of it are UTF-8 that was read in a code page, once or more."""
    for page in (*PAGES, *DOUBLE_BYTE):
        said, times = text, 0
        while times < 3:
            again = _decoded(said, page)
            if again == said:
                break
            said, times = again, times + 1
        if times and judged(said)[0] < Mark.ODD:
            often = "" if times == 1 else f", {times} times over"
            return [(f"UTF-8 read as {page}{often}", said)]
    return []


def _decoded(text: str, page: str) -> str:
    """Return *text* with every run that is UTF-8 read in *page* restored."""
    return _NOT_ASCII.sub(lambda run: _utf8(run.group(), page) or run.group(), text)


def _hidden_utf8(text: str) -> int | None:
    """Return where a run of UTF-8 of another script begins, even if each of its characters looks normal.

    Three characters that form one letter, or four that form two, are not a coincidence. The result must fit
    the rest, because an accent, an ellipsis and a closing quote in a row are valid UTF-8 too.
    """
    for run in _NOT_ASCII.finditer(text):
        if len(run.group()) < 3 or not _LEADS.match(run.group()):
            continue
        beside = text[: run.start()][-1:] + text[run.end() : run.end() + 1]
        for page in _LIKELY:
            said = _utf8(run.group(), page)
            if not said or not _foreign(said) or (said.isalpha() and any(map(str.isalpha, beside))):
                continue
            if weight(text[: run.start()] + said + text[run.end() :]) < _ODD_WEIGHT:
                return run.start()
    return None


def _utf8(text: str, page: str) -> str:
    """Return the original of *text* if it is UTF-8 that was read in *page*; else an empty text."""
    whole = page_bytes(text, page)
    try:
        return whole.decode("utf-8") if whole else ""
    except UnicodeDecodeError:
        return ""


def _foreign(text: str) -> bool:
    """Return whether *text* has only letters and signs, and not only Latin ones."""
    return all(one >= "\u2000" or one.isalpha() for one in text) and any(
        one >= "\u0800" or script_of(one) not in ("", "LATIN") for one in text
    )
