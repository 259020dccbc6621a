"""Cells that say what to add to a list and what to remove from it, as PowerShell writes it. Pure.

``@{Add="a@contoso.com","b@contoso.com"; Remove="c@contoso.com"}``. It is read by its own small grammar:
nothing of it is ever run.
"""

import re
from collections.abc import Mapping

from bulkps.operations.value_cells import Unsound

#: How such a cell begins.
HASHTABLE_START = "@{"
#: The entries that Exchange knows.
ENTRIES = ("Add", "Remove")
#: What a list is to gain and to lose.
Changes = Mapping[str, tuple[str, ...]]

_QUOTED = r"'(?:[^'\n]|'')*+'|\"(?:[^\"\n`$]|\"\")*+\""
_VALUE = rf"(?:{_QUOTED}|[^'\"\s,;{{}}@$()`](?:[^'\",;{{}}()\n]*[^'\",;{{}}()\s])?)"
_ENTRY = re.compile(
    rf"\s*(?P<name>[A-Za-z]+)\s*=\s*(?P<list>@\(\s*{_VALUE}(?:\s*,\s*{_VALUE})*+\s*\)|{_VALUE}(?:\s*,\s*{_VALUE})*+)"
    r"\s*(?P<end>;|\}\s*\Z)"
)
_ONE = re.compile(_VALUE)
_EXPECTED = "@{Add=a,b; Remove=c}, with quotes around a value that contains a comma, a semicolon or a bracket"


def read_changes(cell: str) -> dict[str, list[str]]:
    """Return what *cell* adds and removes, each as the texts of its values.

    Raises:
        Unsound: If it is not of this form.
    """
    found: dict[str, list[str]] = {}
    position, ended = len(HASHTABLE_START), False
    while not ended:
        if cell[position:].strip() == "}" and found:
            break
        match = _ENTRY.match(cell, position)
        if match is None:
            raise Unsound(f"expected {_EXPECTED}")
        name = next((one for one in ENTRIES if one.casefold() == match["name"].casefold()), "")
        if not name or name in found:
            raise Unsound(f"expected each of {' and '.join(ENTRIES)} once, found {match['name']}")
        found[name] = [_bare(one.group()) for one in _ONE.finditer(match["list"].removeprefix("@("))]
        position, ended = match.end(), match["end"] != ";"
    return {name: found[name] for name in ENTRIES if name in found}


def changes_text(value: Mapping[str, object]) -> str:
    """Return the cell text of what a list is to gain and to lose."""
    entries = []
    for name, parts in value.items():
        texts = parts if isinstance(parts, list | tuple) else (parts,)
        entries.append(f"{name}={','.join(_quoted(str(text)) for text in texts)}")
    return HASHTABLE_START + "; ".join(entries) + "}"


def _bare(text: str) -> str:
    if text[:1] in "'\"":
        quote = text[0]
        return text[1:-1].replace(quote * 2, quote)
    return text


def _quoted(text: str) -> str:
    return (
        text if re.fullmatch(_VALUE, text) and text[:1] not in "'\"" else "'" + text.replace("'", "''") + "'"
    )
