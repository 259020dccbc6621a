"""Reads the CLIXML of a CREATE_PIPELINE message: which commands, with which arguments.

psrpcore can read it too. This is faster, and it is correct where psrpcore is not: psrpcore searches for
``_xHHHH_`` in UTF-16 bytes regardless of where a character begins, so it reads certain CJK texts as escapes.
[MS-PSRP] 2.2.2.10 and 2.2.5
"""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID
from xml.etree.ElementTree import Element, fromstring

from bulkps.simulator.cmdlets.binder import Arguments
from bulkps.simulator.cmdlets.cmdlet_result import Secret, Value

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TEXTS = frozenset({"S", "URI", "XD", "SBK", "Version", "ToString", "DT", "TS", "D"})
_LISTS = frozenset({"LST", "IE", "STK", "QUE"})
_SMALLEST_AND_LARGEST = {
    "By": (0, 2**8 - 1), "SB": (-(2**7), 2**7 - 1),
    "U16": (0, 2**16 - 1), "I16": (-(2**15), 2**15 - 1),
    "U32": (0, 2**32 - 1), "I32": (-(2**31), 2**31 - 1),
    "U64": (0, 2**64 - 1), "I64": (-(2**63), 2**63 - 1),
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """One command of a pipeline.

    Attributes:
        name: The cmdlet's name, or a script's text.
        is_script: Whether it is a script.
        arguments: Parameters in order; a positional one has no name.
    """

    name: str
    is_script: bool
    arguments: Arguments


def statements(data: bytes, decrypt: Callable[[str], str]) -> tuple[tuple[Command, ...], ...]:
    """Return the statements, each a chain of commands, of the CREATE_PIPELINE message *data*.

    Args:
        data: The message's CLIXML.
        decrypt: Returns the text of an encrypted SecureString.

    Raises:
        ValueError, LookupError, ParseError: It is not what a PSRP peer sends.
    """
    # From a client that has signed in, and expat expands no external entity.
    root = fromstring(data)  # noqa: S314
    reader = _Reader(root, decrypt)
    pipeline = reader.member(root, "PowerShell")
    extra = reader.find(pipeline, "ExtraCmds")
    chains = [pipeline] if extra is None else reader.entries(extra)
    read = (tuple(map(reader.command, reader.entries(reader.member(chain, "Cmds")))) for chain in chains)
    return tuple(chain for chain in read if chain)


def members(data: bytes) -> Mapping[str, Value]:
    """Return the members of the object that is the message *data*.

    Raises:
        ValueError, LookupError, ParseError: It is not what a PSRP peer sends.
    """
    root = fromstring(data)  # noqa: S314 - as above
    found = _Reader(root, str).value(root)
    if not isinstance(found, Mapping):
        raise ValueError("no members")
    return found


class _Reader:
    def __init__(self, root: Element, decrypt: Callable[[str], str]) -> None:
        self._root, self._decrypt = root, decrypt
        self._objects: dict[str | None, Element] = {}

    def find(self, element: Element, name: str) -> Element | None:
        """Return member *name* of the object *element*, or None if it is missing or null."""
        for members in ("MS", "Props"):
            for member in element.find(members) or ():
                if member.get("N") == name:
                    return None if member.tag == "Nil" else self._resolved(member)
        return None

    def member(self, element: Element, name: str) -> Element:
        found = self.find(element, name)
        if found is None:
            raise ValueError(f"no {name}")
        return found

    def entries(self, element: Element) -> list[Element]:
        for child in element:
            if child.tag in _LISTS:
                return [self._resolved(entry) for entry in child]
        return []

    def command(self, element: Element) -> Command:
        arguments = []
        for entry in self.entries(self.member(element, "Args")):
            name, value = self.find(entry, "N"), self.find(entry, "V")
            arguments.append((None if name is None else unescape(name.text or ""), self.value(value)))
        is_script = self.value(self.find(element, "IsScript"))
        return Command(str(self.value(self.member(element, "Cmd"))), bool(is_script), arguments)

    def value(self, element: Element | None) -> Value:
        """Return the value of *element*; the members of an object become a dict."""
        if element is None or element.tag == "Nil":
            return None
        element = self._resolved(element)
        tag, text = element.tag, element.text or ""
        if tag == "Obj":
            return self._object(element)
        if tag in _TEXTS:
            return unescape(text)
        if tag == "B":
            return text.lower() == "true"
        if tag in _SMALLEST_AND_LARGEST:
            return _integer(tag, text)
        if tag in {"Sg", "Db"}:
            return float(text)
        if tag == "C":
            return chr(int(text))
        if tag == "G":
            return UUID(text)
        if tag == "BA":
            return b64decode(text)
        if tag == "SS":
            return Secret(self._decrypt(text))
        raise ValueError(f"unknown element {tag}")

    def _object(self, element: Element) -> Value:
        for child in element:
            if child.tag in _LISTS:
                return [self.value(entry) for entry in child]
            if child.tag == "DCT":
                return {
                    self.value(entry.find("*[@N='Key']")): self.value(entry.find("*[@N='Value']"))
                    for entry in child
                }
            if child.tag not in {"TN", "TNRef", "ToString", "MS", "Props"}:
                return self.value(child)  # a primitive with members, or an enum
        return {
            unescape(member.get("N", "")): self.value(member)
            for members in ("Props", "MS")
            for member in element.find(members) or ()
        }

    def _resolved(self, element: Element) -> Element:
        if element.tag != "Ref":
            return element
        if not self._objects:
            self._objects = {found.get("RefId"): found for found in self._root.iter("Obj")}
        return self._objects[element.get("RefId")]


def unescape(text: str) -> str:
    """Return the text that a CLIXML string element with content *text* stands for."""
    if "_x" not in text:
        return text
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)
    if _SURROGATE.search(plain) is None:
        return plain
    # The two halves of an astral character were escaped one by one.
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _integer(tag: str, text: str) -> int:
    number = int(text)
    smallest, largest = _SMALLEST_AND_LARGEST[tag]
    if not smallest <= number <= largest:
        raise ValueError(f"{number} is no {tag}")
    return number
