"""pypsrp's serializer without what it does anew for every text.

For each value pypsrp 0.9 builds a table of every type, and for each that it reads it writes the element
as text again, which it keeps for complex objects alone. A batch is mostly texts: without that, Python
costs a third per item, and the engine waits less.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

from pypsrp.complex_objects import ObjectMeta
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer

#: Seconds: what is more is no limit, and XML writes infinity in its own way.
_LONGEST = 366.0 * 86400


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
        # Only where something is escaped has it to go through UTF-16.
        return value if value and "_x" not in value else str(super()._deserialize_string(value))


def quicken(pool: RunspacePool) -> None:
    """Let *pool*, which is not open yet, use it."""
    pool._serializer = pool._fragmenter.serializer = QuickSerializer()
