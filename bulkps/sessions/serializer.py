"""pypsrp's serializer without what it does anew for every text.

For each value pypsrp 0.9 builds a table of every type, and for each that it reads it writes the element
as text again, which it keeps for complex objects alone. A batch is mostly texts: without that, Python
costs a third per item, and the engine waits less.

What is strange it makes something of that nobody can tell from an answer: XML as a text. Here that is an
answer that could not be read.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from pypsrp.complex_objects import GenericComplexObject, ObjectMeta
from pypsrp.exceptions import SerializationError
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer

from bulkps.sessions.wire_errors import UnreadableAnswerError

#: Seconds: what is more is no limit, and XML writes infinity in its own way.
_LONGEST = 366.0 * 86400
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_LONE = re.compile("[\ud800-\udfff]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: Every element that stands for a value. [MS-PSRP] 2.2.5
_NUMBERS = {"By", "SB", "U16", "I16", "U32", "I32", "U64", "I64", "Sg", "Db", "D"}
_TEXTS = {"S", "C", "URI", "XD", "SBK", "SS", "ToString", "Version"}
_TAGS = _NUMBERS | _TEXTS | {"B", "BA", "DT", "G", "Nil", "Obj", "Ref", "TS"}


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
    """Reads and writes what pypsrp's own does; texts and other plain values the short way."""

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
        if isinstance(element, str):
            return self._message(element, metadata)
        if element.tag not in _TAGS:
            raise UnreadableAnswerError(f"an answer holds <{element.tag[:50]}>, which is no value")
        if clear:
            return super().deserialize(element, metadata, clear)
        match element.tag:
            case "S" | "ToString":
                return self._deserialize_string(element.text)
            case "I32" | "I64":
                return int(element.text or "")
            case "Nil":
                return None
            case "C":
                return _visible(chr(int(element.text or "")))
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

    def _message(self, text: str, metadata: Any) -> Any:
        """Return what the XML *text* of a whole message stands for."""
        try:
            found = super().deserialize(text, metadata)
        except SerializationError:
            if metadata is not None:
                raise
            # An object of a known type that lacks something: pypsrp would say so on the user's screen.
            generic = ObjectMeta("ObjDynamic", object=GenericComplexObject)
            return super().deserialize(text, generic)
        if found is not text:
            return found
        # pypsrp hands back what is no XML. An engine writes U+FFFF as it is, which XML does not allow.
        repaired = _NOT_XML.sub(lambda one: f"_x{ord(one[0]):04X}_", text)
        found = super().deserialize(repaired, metadata)
        if found is repaired:
            raise UnreadableAnswerError("an answer is no XML")
        return found

    def _deserialize_string(self, value: str | None) -> str:
        if not value or "_x" not in value:
            return value or ""
        # Two escaped surrogates are one character; a lone one is none, and no file and no database takes it.
        units = _ESCAPED.sub(lambda one: chr(int(one[1], 16)), value)
        return _visible(units.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass"))


def _visible(text: str) -> str:
    return _LONE.sub(lambda one: f"\\u{ord(one[0]):04X}", text)


def quicken(pool: RunspacePool) -> None:
    """Let *pool*, which is not open yet, use it."""
    pool._serializer = pool._fragmenter.serializer = QuickSerializer()
