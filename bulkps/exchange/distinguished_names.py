r"""DistinguishedNames in one spelling, so two spellings of one mailbox are recognized as the same. Pure.

``CN=Beebe\, Ann, OU=Users, DC=contoso`` and ``cn="Beebe, Ann",OU=Users,DC=contoso`` are the same object. The
result is in Active Directory's form (RFC 4514): no blanks around commas, types in capitals, a backslash
before special characters, control characters as two hexadecimal digits (``\0A`` in a deleted mailbox's name).
"""

import re

#: Characters that need a backslash everywhere.
_SPECIAL = ',\\"+<>;='
_TYPE = re.compile(r"[ \t]*+([A-Za-z][A-Za-z0-9-]{0,30}|[0-9.]{3,60})[ \t]*+=[ \t]*+")
_PLAIN = re.compile(r'[^\\,;"]++')
_HEX = re.compile(r"\\([0-9A-Fa-f]{2})")
_FIRST = ("CN", "OU")


def read_distinguished_name(text: str) -> str:
    """Return *text* in the standard spelling.

    Raises:
        ValueError: It is not a DistinguishedName; the message says where and why.
    """
    place, parts = 0, []
    while True:
        found = _TYPE.match(text, place)
        if not found:
            raise ValueError(f"expected CN=, OU= or DC= at character {place + 1}")
        value, place = _value(text, found.end())
        parts.append((found.group(1).upper(), value))
        if place >= len(text):
            break
        if text[place] == ";":
            raise ValueError(f"; at character {place + 1}: put a comma between the parts")
        place += 1
    if parts[0][0] not in _FIRST or parts[-1][0] != "DC" or not all(value for _, value in parts):
        raise ValueError("it must begin with CN= or OU= and end with DC=, and no part may be empty")
    return ",".join(f"{kind}={_escaped(value)}" for kind, value in parts)


def _value(text: str, place: int) -> tuple[str, int]:
    """Return the value that begins at *place*, without escapes, and where it ends."""
    read: list[str] = []
    # The start of blanks at the end that no backslash protects.
    kept = 0
    quoted = text[place : place + 1] == '"'
    place += quoted
    while place < len(text):
        character = text[place]
        if character == "\\":
            escaped, place = _unescaped(text, place)
            read.append(escaped)
            kept = len(read)
        elif character == '"' and quoted:
            return "".join(read), _after_quote(text, place + 1)
        elif character == '"':
            raise ValueError(f'" at character {place + 1} has no backslash before it')
        elif character in ",;" and not quoted:
            break
        elif character in ",;":
            read.append(character)
            place += 1
        else:
            found = _PLAIN.match(text, place)
            part = found.group() if found else character
            read.append(part)
            place += len(part)
    if quoted:
        raise ValueError("a quote is not closed")
    return "".join(read[:kept]) + "".join(read[kept:]).rstrip(" \t"), place


def _after_quote(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t":
        place += 1
    if place < len(text) and text[place] not in ",;":
        raise ValueError(f"{text[place]} at character {place + 1} follows a closing quote")
    return place


def _unescaped(text: str, place: int) -> tuple[str, int]:
    """Return the character after the backslash at *place*, and where the text continues."""
    octets = bytearray()
    start = place
    while found := _HEX.match(text, place):
        octets.append(int(found.group(1), 16))
        place = found.end()
    if octets:
        try:
            return octets.decode("utf-8"), place
        except UnicodeDecodeError as error:
            raise ValueError(f"{text[start:place]} at character {start + 1} is not UTF-8") from error
    if place + 1 >= len(text):
        raise ValueError("nothing follows the backslash at the end")
    return text[place + 1], place + 2


def _escaped(value: str) -> str:
    if "*" in value:
        raise ValueError("an asterisk matches any text, so it can name several objects")
    written = "".join(
        f"\\{one}" if one in _SPECIAL else f"\\{ord(one):02X}" if one < " " or one == "\x7f" else one
        for one in value
    )
    if value[0] in " #":
        written = "\\" + written
    # In a value of one blank it is already escaped.
    return written[:-1] + "\\ " if value[-1] == " " and len(value) > 1 else written
