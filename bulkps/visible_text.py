"""Makes text from other sources safe for a terminal and for programs that read line by line. Pure."""

import json
import re

# C0 with DEL, C1, changes of text direction, line and paragraph separators, half a surrogate pair.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
#: What a terminal shows for a line break inside a value.
_LINE_BREAK = "\u23ce"


def visible(text: object, *, lines: bool = False) -> str:
    """Return *text* with visible control characters: it can neither move a cursor nor forge a line.

    Args:
        text: The text to show.
        lines: Whether its line breaks come from bulkps and stay.
    """
    return _CONTROL.sub(lambda found: _shown(found.group(), lines=lines), str(text))


def _shown(character: str, *, lines: bool) -> str:
    code = ord(character)
    if character == "\n":
        return character if lines else _LINE_BREAK
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else _escaped(code)


def json_text(data: object, indent: int | None = None) -> str:
    """Return *data* as JSON without raw control characters; on one line if there is no *indent*."""
    return harmless_json(json.dumps(data, ensure_ascii=False, indent=indent))


def harmless_json(text: str) -> str:
    """Return the JSON *text* with control characters escaped; its meaning is the same."""
    # A raw line break belongs to the indentation: inside texts JSON escapes it.
    return _CONTROL.sub(lambda found: "\n" if found.group() == "\n" else _escaped(ord(found.group())), text)


def _escaped(code: int) -> str:
    return f"\\u{code:04x}"
