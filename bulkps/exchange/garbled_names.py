"""Whether a name is another one after a wrong encoding, and what happened to it. Pure."""

import unicodedata

from bulkps.exchange.code_page_conversion import DOUBLE_BYTE, PAGES, page_bytes, page_text

#: Letters with a stroke are letters of their own to Unicode, and plain ones to Windows.
_BARE = {
    "\u0141": "L",
    "\u0142": "l",
    "\u00d8": "O",
    "\u00f8": "o",
    "\u0110": "D",
    "\u0111": "d",
    "\u0131": "i",
    "\u00df": "ss",
}


def damaged_from(text: str, own: str) -> str:
    """Return how a wrong encoding may have turned *own* into *text*; empty if it did not.

    Args:
        text: The text of a file.
        own: The text that is known to be right.
    """
    text, own = _spaced(text), _spaced(own)
    if text == own or own.isascii():
        return ""
    if len(text) == len(own) and all(
        one == other or (one in "?_\ufffd" and other > "\x7f") for one, other in zip(text, own, strict=True)
    ):
        return "with letters replaced that a code page does not have"
    kept = own.encode("ascii", "ignore").decode("ascii")
    if text == _spaced(kept):
        return "with letters left out"
    if text == _spaced(_plainer(own, "ascii")):
        return "with its accents left out"
    for page in PAGES:
        if text == _spaced(_plainer(own, page)):
            return f"converted to {page}, which does not have all of its letters"
        if text == _spaced(page_text(own.encode("utf-8"), page)):
            return f"as UTF-8 that was read as {page}"
    for right in (*PAGES, *DOUBLE_BYTE):
        whole = page_bytes(own, right)
        for page in PAGES if whole is not None else ():
            if text == _spaced(page_text(whole or b"", page)):
                return f"as {right} that was read as {page}"
    return ""


def _spaced(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _plainer(text: str, page: str) -> str:
    """Return *text* as Windows converts it to a *page*: letters that the page lacks lose their accents."""
    return "".join(one if _has(page, one) else _BARE.get(one) or _bare(one) for one in text)


def _has(page: str, character: str) -> bool:
    return character.isascii() if page == "ascii" else page_bytes(character, page) is not None


def _bare(character: str) -> str:
    found = unicodedata.normalize("NFD", character)[0]
    return found if found.isascii() else "?"
