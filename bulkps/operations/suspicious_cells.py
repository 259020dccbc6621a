"""Words that are in a cell by accident: a spreadsheet's errors, names of types, words for "nothing". Pure."""

import re
import unicodedata

from bulkps.exchange.damaged_text import Mark, at, damage, named, script_of

# Excel's logical values in the languages of its versions, and what people write for them.
_TRUE = (
    "true yes y 1 on $true wahr vrai verdadero verdadeiro vero waar sant sann sand tosi prawda pravda igaz "
    "doğru истина adevărat ja j oui sí si sim tak ano igen evet да kyllä"
)
_FALSE = (
    "false no n 0 off $false falsch faux falso onwaar falskt usann falsk epätosi fałsz nepravda hamis "
    "yanlış ложь fals nein nee nej nei non não nie ne nem hayır нет ei"
)
#: Folded words that mean true, and those that mean false.
TRUE, FALSE = frozenset(_TRUE.split()), frozenset(_FALSE.split())
# The errors that a spreadsheet shows for a failed formula, in the languages of Excel.
_ERROR_WORDS = (
    "#N/A #N/V #NV #N/D #N/B #I/T #Н/Д #YOK #SAKNAS! #PUUTTUU! #HIÁNYZIK #NENÍ_K_DISPOZICI #ND "
    "#REF! #BEZUG! #¡REF! #RIF! #VERW! #REFERENS! #ADR! #ODKAZ! #REFERENCE! #VIITTAUS! #HIV! #BAŞV! #ССЫЛКА! "
    "#VALUE! #WERT! #VALEUR! #¡VALOR! #VALOR! #VALORE! #WAARDE! #VÄRDEFEL! #ARG! #HODNOTA! #VÆRDI! #VERDI! "
    "#ARVO! #ÉRTÉK! #DEĞER! #ЗНАЧ! "
    "#NAME? #NOM? #¿NOMBRE? #NOMBRE? #NOME? #NAAM? #NAMN? #NAZWA? #NÁZEV? #NAVN? #NIMI? #NÉV? #AD? #ИМЯ? "
    "#NUM! #ZAHL! #NOMBRE! #¡NUM! #NÚM! #GETAL! #OGILTIGT! #LICZBA! #ČÍSLO! #LUKU! #SZÁM! #SAYI! #ЧИСЛО! "
    "#NULL! #NUL! #¡NULO! #NULLO! #NULO! #LEEG! #SKÄRNING! #ZERO! #TYHJÄ! #NULLA! #BOŞ! #ПУСТО! "
    "#DIV/0! #¡DIV/0! #DEEL/0! #DIVISION/0! #DZIEL/0! #DĚLENÍ_NULOU! #JAKO/0! #ZÉRÓOSZTÓ! #SAYI/0! #ДЕЛ/0! "
    "#SPILL! #ÜBERLAUF! #PROPAGATION! #¡DESBORDAMIENTO! #CALC! #KALK! #FIELD! #FELD! #UNKNOWN! #BLOCKED! "
    "#CONNECT! #BUSY! #GETTING_DATA #DATEN_ABRUFEN #EXTERNAL! #PYTHON!"
)
_ERRORS = frozenset(_ERROR_WORDS.split())
_HASHES = re.compile(r"#{4,}|[Ee]rr:[0-9]{3}")
# What PowerShell writes if a property is not text: Export-Csv calls ToString().
_TYPE_NAME = re.compile(
    r"(?:Deserialized\.)?(?:System\.(?:Object|String|Byte|Char|Int16|Int32|Int64|Boolean|DateTime|Guid|Double"
    r"|__ComObject|(?:Collections|Management|Data|Net|Security|Xml|Web|Text|IO|Linq)\.[A-Za-z0-9_.+]++)"
    r"|Microsoft\.(?:Exchange|ActiveDirectory|Graph|Online|Open|PowerShell|Management|Azure)\.[A-Za-z0-9_.+]++)"
    r"(?:`[0-9]++(?:\[[^\n]*+)?)?(?:\[\])?"
)
_TYPE_ARRAY = re.compile(r"(?:System|Microsoft)(?:\.[A-Za-z0-9_+]++)++\[\]")
_NOTHING_WORDS = "null <null> (null) [null] n/a na #na none nil nan undefined leer - -- . 0 k.a. n.a."
#: Folded words that people and programs write for "nothing".
NOTHING = frozenset(_NOTHING_WORDS.split())
_CURLY = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00b4`"
_LINE_BREAKS = "\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
#: Invisible characters that belong in the words of some scripts.
_JOINERS = "\u200c\u200d"
_BIDI = "\u200e\u200f\u061c"


def not_a_value(cell: str) -> str:
    """If *cell* is not a value but a spreadsheet's error or a type's name, return what is expected."""
    if cell[0] in "#Ee" and (cell.upper() in _ERRORS or _HASHES.fullmatch(cell)):
        return f"a value, not {cell}, which a spreadsheet shows when a formula fails"
    if cell[0] in "SMD" and (_TYPE_NAME.fullmatch(cell) or _TYPE_ARRAY.fullmatch(cell)):
        return f"a value, not {cell[:80]}, the name of a type: join the property before Export-Csv"
    if cell.startswith("@{") and cell.endswith("}") and "=" in cell:
        return "a value, not a printed object (@{…}): select its property before Export-Csv"
    return ""


def words_problem(cell: str, *, one_line: bool) -> str:
    """If *cell* is damaged text, return what is expected in its place; else an empty string."""
    if one_line and not cell.isprintable():
        for place, character in enumerate(cell):
            if character in _LINE_BREAKS:
                return f"one line, without {_break(character)} at character {place + 1}"
            if character < " " or character == "\x7f":
                return f"text without {at(cell, place)}"
    if "?" in cell and len(cell) > 1 and not cell.strip("? "):
        return "text: all letters were lost and became question marks"
    found_damage = damage(cell)
    if found_damage and found_damage.mark >= Mark.GARBLED:
        return f"the original text, before it was read in a wrong encoding: {found_damage.sentence}"
    return ""


def words_warning(cell: str, *, one_line: bool) -> str:
    """Return what the user should check in the valid *cell*; else an empty string."""
    if cell.casefold() in NOTHING:
        return f"a value, or an empty cell: {cell} is sent unchanged"
    if "?" in cell and (place := _question_mark(cell, name=one_line)) is not None:
        return f"perhaps a letter in place of the question mark at character {place + 1}"
    if cell.isascii() and cell.isprintable():
        return ""
    if found := _unseen(cell):
        return found
    odd = damage(cell)
    return f"perhaps another encoding: {odd.sentence}" if odd else ""


def _question_mark(cell: str, *, name: bool) -> int | None:
    """Return the position of a question mark that may have been a letter."""
    if "://" in cell:
        return None
    for place, character in enumerate(cell):
        if character == "?":
            before, after = cell[place - 1 : place] if place else "", cell[place + 1 : place + 2]
            if after.isalnum() or (before == "?" and not name) or name:
                return place
    return None


def _unseen(cell: str) -> str:
    """Return the first character of *cell* that is invisible or a line break, and its position."""
    for place, character in enumerate(cell):
        if character.isprintable():
            continue
        before, after = cell[place - 1 : place] if place else "", cell[place + 1 : place + 2]
        if character in _LINE_BREAKS:
            return f"one line: there is {_break(character)} at character {place + 1}"
        if character in _JOINERS and not (_western(before) and _western(after)):
            continue
        if character in _BIDI and any(map(_right_to_left, cell)):
            continue
        if character == "\u3000" and not (_western(before) or _western(after)):
            continue
        if unicodedata.category(character) in ("Cf", "Zs", "Cc") and not _tag(character):
            return f"text without {at(cell, place)}, which is invisible"
    return ""


def _tag(character: str) -> bool:
    # The flags of England, Scotland and Wales are encoded with these.
    return "\U000e0020" <= character <= "\U000e007f"


def _western(character: str) -> bool:
    return script_of(character) in ("LATIN", "GREEK", "CYRILLIC") if character else False


def _right_to_left(character: str) -> bool:
    return unicodedata.bidirectional(character) in ("R", "AL")


def _break(character: str) -> str:
    return "a line break" if character in "\r\n" else named(character)


def filter_problem(cell: str) -> str:
    """Return what is wrong with a filter's quotes and dashes; an empty string if nothing is.

    A word processor replaces typed quotes and dashes by curly quotes and long dashes. Exchange accepts only
    the plain ones; text inside straight quotes may contain anything.
    """
    quote, start = "", 0
    for place, character in enumerate(cell):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote, start = character, place
        elif character in _CURLY:
            return f"straight quotes (') in place of {at(cell, place)}"
        elif character in "\u2010\u2011\u2012\u2013\u2014\u2212":
            return f"a plain - in place of {at(cell, place)}"
        elif character in _LINE_BREAKS:
            return f"one line, without {_break(character)} at character {place + 1}"
    if not quote:
        return ""
    curly = next((place for place in range(start, len(cell)) if cell[place] in _CURLY), None)
    if curly is not None:
        return f"straight quotes (') in place of {at(cell, curly)}"
    return f"a closing {quote} for the one at character {start + 1}"
