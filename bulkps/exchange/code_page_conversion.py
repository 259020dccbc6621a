"""Code pages: text to bytes in one, and bytes to text in another. Pure."""

from functools import lru_cache

#: Eight-bit code pages that administrators' files use, the likelier ones first, and what writes them. If two
#: read a text the same way, the first one is named first.
PAGES = {
    "cp1252": "Western European Windows",
    "cp1250": "Central European Windows",
    "cp850": "Western European MS-DOS",
    "cp437": "US MS-DOS",
    "cp1251": "Cyrillic Windows",
    "cp1253": "Greek Windows",
    "cp1254": "Turkish Windows",
    "cp1257": "Baltic Windows",
    "cp1255": "Hebrew Windows",
    "cp1256": "Arabic Windows",
    "cp1258": "Vietnamese Windows",
    "cp874": "Thai Windows",
    "cp852": "Central European MS-DOS",
    "cp866": "Cyrillic MS-DOS",
    "cp737": "Greek MS-DOS",
    "cp857": "Turkish MS-DOS",
    "cp775": "Baltic MS-DOS",
    "mac-roman": "old Macintosh",
    "iso8859-2": "Central European Unix",
    "koi8-r": "Cyrillic Unix",
}
#: Those in which most characters take two bytes.
DOUBLE_BYTE = {
    "cp932": "Japanese Windows",
    "gbk": "simplified Chinese Windows",
    "big5": "traditional Chinese Windows",
    "cp949": "Korean Windows",
}


@lru_cache(maxsize=64)
def _table(page: str) -> tuple[str, dict[str, int]]:
    """Return the characters of a page by byte, and the bytes by character.

    Windows turns a byte that its page leaves undefined into the control character with that number.
    """
    characters = []
    for byte in range(256):
        try:
            characters.append(bytes((byte,)).decode(page))
        except UnicodeDecodeError:
            characters.append(chr(byte) if byte < 0xA0 else "\ufffd")
    text = "".join(characters)
    return text, {character: byte for byte, character in enumerate(text) if character != "\ufffd"}


def page_bytes(text: str, page: str) -> bytes | None:
    """Return *text* in *page*, or None if the page does not have all of its characters."""
    if page in DOUBLE_BYTE:
        try:
            return text.encode(page)
        except UnicodeEncodeError:
            return None
    known = _table(page)[1]
    try:
        return bytes([known[character] for character in text])
    except KeyError:
        return None


def page_text(data: bytes, page: str) -> str:
    """Return *data* as text in *page*; undefined bytes become U+FFFD or a control character."""
    if page in DOUBLE_BYTE:
        return data.decode(page, "replace")
    characters = _table(page)[0]
    return "".join([characters[byte] for byte in data])
