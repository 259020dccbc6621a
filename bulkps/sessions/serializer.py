"""pypsrp's serializer without what it does anew for every value.

For each value pypsrp 0.9 builds a table of every type, and for each that it reads it writes the element as
text again. Objects of an inventory have dozens of values: read here, one costs a tenth. And what pypsrp
loses is kept: what is in a set, a queue, or a list within a list.
"""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Callable
from typing import Any
from uuid import UUID

from pypsrp.complex_objects import GenericComplexObject, ObjectMeta
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer

#: Seconds: what is more is no limit, and XML writes infinity in its own way.
_LONGEST = 366.0 * 86400

#: What stands in place of a SecureString that comes back: nobody here is to have it.
HIDDEN = "***"
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LISTS = frozenset({"LST", "IE", "QUE", "STK"})


class LateSeconds:
    """A number of seconds that is looked up when it is written, after what stands before it.

    Args:
        seconds: Looks it up.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds

    def __str__(self) -> str:
        return repr(min(max(self._seconds(), 0.0), _LONGEST))


class QuickSerializer(Serializer):
    """Reads and writes what pypsrp's own does; outputs, texts and other plain values the short way."""

    def serialize(
        self, value: Any, metadata: Any = None, parent: ET.Element | None = None, clear: bool = True
    ) -> ET.Element | None:
        """Return *value* as an element."""
        if isinstance(value, LateSeconds):
            metadata = ObjectMeta("Db", name=metadata.name if metadata is not None else None)
        if clear or type(value) is not str or (metadata is not None and metadata.tag not in ("*", "S")):
            written: ET.Element | None = super().serialize(value, metadata, parent, clear)
            return written
        element = ET.Element("S") if parent is None else ET.SubElement(parent, "S")
        element.text = self._serialize_string(value)
        if metadata is not None and metadata.name is not None:
            element.attrib["N"] = metadata.name
        return element

    def deserialize(self, element: ET.Element | str, metadata: Any = None, clear: bool = True) -> Any:
        """Return what *element* stands for."""
        if clear and metadata is None and isinstance(element, str):
            # Only outputs come without a word of what they are.
            return _Output().value(ET.fromstring(element))  # noqa: S314 - as pypsrp itself
        if clear or isinstance(element, str):
            return super().deserialize(element, metadata, clear)
        match element.tag:
            case "S" | "ToString":
                return self._deserialize_string(element.text)
            case "I32" | "I64":
                return int(element.text or "")
            case "Nil":
                return None
            case "Obj" if element.find("DCT") is not None:
                return self._remembered(element, self._deserialize_dct)
            case "Obj" if element.find("LST") is not None and (metadata is None or metadata.tag == "*"):
                return self._remembered(element, self._deserialize_lst)
            case _:
                return super().deserialize(element, metadata, clear)

    def _remembered(self, element: ET.Element, read: Callable[[ET.Element], Any]) -> Any:
        """Return what *read* makes of *element*, kept for those that refer to it or to its types."""
        self._get_types_from_obj(element)
        found = self.obj[element.attrib["RefId"]] = read(element)
        return found

    def _deserialize_string(self, value: str | None) -> str:
        return _text(value)


class _Output:
    """Reads one object of the output stream, whatever it is: [MS-PSRP] 2.2.5."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}
        self._types: dict[str, list[str]] = {}

    def value(self, element: ET.Element) -> Any:
        """Return what *element* holds: a plain value, a list, a dict or a GenericComplexObject."""
        tag, text = element.tag, element.text
        if tag == "S":
            return _text(text)
        if tag == "Obj":
            return self._object(element)
        if tag == "Nil":
            return None
        if tag == "Ref":
            return self._objects[element.attrib["RefId"]]
        read = _READ.get(tag)
        return _text(text) if read is None else read(text or "")

    def _object(self, element: ET.Element) -> Any:
        made = GenericComplexObject()
        number = element.get("RefId", "")
        self._objects[number] = made
        collection: list[Any] | dict[Any, Any] | None = None
        for child in element:
            match child.tag:
                case "MS":
                    self._members(child, made.extended_properties)
                case "Props":
                    self._members(child, made.adapted_properties)
                case "TN":
                    made.types = self._types[child.get("RefId", "")] = [one.text or "" for one in child]
                case "TNRef":
                    made.types = self._types.get(child.get("RefId", ""), [])
                case "ToString":
                    made.to_string = _text(child.text)
                case "DCT":
                    # Known before it is read: it may hold itself.
                    self._objects[number] = collection = {}
                    self._entries(child, collection)
                case tag if tag in _LISTS:
                    self._objects[number] = collection = []
                    collection += map(self.value, child)
                case _:
                    made.property_sets.append(self.value(child))
        # What is in it matters, not its Count and Capacity.
        return made if collection is None else collection

    def _members(self, element: ET.Element, into: dict[str, Any]) -> None:
        for member in element:
            into[_text(member.get("N"))] = self.value(member)

    def _entries(self, element: ET.Element, into: dict[Any, Any]) -> None:
        for entry in element:
            pair = {one.get("N"): one for one in entry}
            key = self.value(pair["Key"])
            # A key may be an object; by its text it can be found.
            named = key if isinstance(key, str | int | float | UUID) or key is None else str(key)
            into[named] = self.value(pair["Value"])


def _text(value: str | None) -> str:
    """Return the text that a CLIXML string element with content *value* stands for."""
    if value is None or "_x" not in value:
        return value or ""
    plain = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value)
    if _SURROGATE.search(plain) is None:
        return plain
    # The two halves of an astral character were escaped one by one; one alone stays as it is.
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _hidden(_: str) -> str:
    return HIDDEN


#: What is not text; anything else is: times and spans are ISO 8601, decimals exact.
_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("By", "SB", "U16", "I16", "U32", "I32", "U64", "I64"), int),
    **dict.fromkeys(("Sg", "Db"), float),
    "B": lambda text: text.lower() == "true",
    "C": lambda text: chr(int(text)),
    "G": UUID,
    "BA": b64decode,
    "SS": _hidden,
}


def quicken(pool: RunspacePool) -> None:
    """Let *pool*, which is not open yet, use it."""
    pool._serializer = pool._fragmenter.serializer = QuickSerializer()
