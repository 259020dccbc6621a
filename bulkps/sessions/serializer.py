"""A faster serializer for pypsrp: it avoids repeated work for every value, and uses text instead of elements.

For each value pypsrp 0.9 builds a table of all types, and for each value that it reads it writes the element
as text again. Objects of an inventory have dozens of values; read here, an object takes a tenth of the time.
It also keeps what pypsrp loses: the content of a set, a queue, or a list within a list.

pypsrp returns strange content as XML text, which looks like a normal answer. Here that is an answer that
could not be read.
"""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from pypsrp.complex_objects import GenericComplexObject, ObjectMeta
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer

from bulkps.sessions.wire_errors import UnreadableAnswerError

#: Seconds: more than this is no limit, and XML writes infinity in its own way.
_LONGEST = 366.0 * 86400

#: Replaces a SecureString that comes back: no one here may have it.
HIDDEN = "***"
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_LONE = re.compile("[\ud800-\udfff]")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
#: Every element that represents a value. [MS-PSRP] 2.2.5
_NUMBERS = {"By", "SB", "U16", "I16", "U32", "I32", "U64", "I64", "Sg", "Db", "D"}
_TEXTS = {"S", "C", "URI", "XD", "SBK", "SS", "ToString", "Version"}
_TAGS = frozenset(_NUMBERS | _TEXTS | {"B", "BA", "DT", "G", "Nil", "Obj", "Ref", "TS"})
#: What pypsrp escapes, and what starts an escape.
_ESCAPED = re.compile("_[xX]|[\x00-\x1f\x7f-\x9f\U00010000-\U0010ffff]")
#: Characters that must be escaped in texts, and in attributes.
_SPECIAL = re.compile("[&<>]")
_IN_TAGS = re.compile('[&<>"\n\r\t]')
#: The tag of an element whose text is already XML.
_WRITTEN = "written"
_LISTS = frozenset({"LST", "IE", "QUE", "STK"})
_TABLE = ["System.Collections.Hashtable", "System.Object"]
_LIST = ["System.Object[]", "System.Array", "System.Object"]


class LateSeconds:
    """A number of seconds that is determined when it is written, after everything before it.

    Args:
        seconds: Returns it.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds

    def __str__(self) -> str:
        return repr(min(max(self._seconds(), 0.0), _LONGEST))


class QuickSerializer(Serializer):
    """Reads and writes the same as pypsrp's own; outputs, texts and other plain values are faster."""

    def serialize(
        self, value: Any, metadata: Any = None, parent: ET.Element | None = None, clear: bool = True
    ) -> Any:
        """Return *value* as an element; a whole message as the bytes that pypsrp would produce."""
        if clear and metadata is None and parent is None:
            message = super().serialize(value)
            return None if message is None else xml_of(message).encode("utf-8", "xmlcharrefreplace")
        if isinstance(value, LateSeconds):
            metadata = ObjectMeta("Db", name=metadata.name if metadata is not None else None)
        if not clear and type(value) in (dict, list) and (metadata is None or metadata.tag == "*"):
            element = _under(parent, _WRITTEN, {})
            element.text = self._collection(value, metadata.name if metadata is not None else None)
            return element
        if clear or type(value) is not str or (metadata is not None and metadata.tag not in ("*", "S")):
            made: ET.Element | None = super().serialize(value, metadata, parent, clear)
            return made
        return self._written_text(value, parent, metadata.name if metadata is not None else None)

    def _collection(self, value: dict[Any, Any] | list[Any], name: str | None) -> str:
        """Return a Hashtable or an array as pypsrp writes them, in XML."""
        begun = f'<Obj{_named(name)} RefId="{self._get_obj_id()}">'
        if isinstance(value, dict):
            types = self._types(_TABLE)
            entries = (
                f"<En>{self._part(key, 'Key')}{self._part(part, 'Value')}</En>" for key, part in value.items()
            )
            return f"{begun}{types}<DCT>{''.join(entries)}</DCT></Obj>"
        types = self._types(_LIST)
        return f"{begun}{types}<LST>{''.join(self._part(part, None) for part in value)}</LST></Obj>"

    def _part(self, value: Any, name: str | None) -> str:
        if type(value) is str:
            return f"<S{_named(name)}>{_markup(self._serialize_string(value) or '')}</S>"
        if type(value) in (dict, list):
            return self._collection(value, name)
        return xml_of(self.serialize(value, ObjectMeta(name=name), clear=False))

    def _types(self, types: list[str]) -> str:
        holder = ET.Element("Obj")
        self._create_tn(holder, types)
        return "".join(map(xml_of, holder))

    def _written_text(self, value: str, parent: ET.Element | None, name: str | None) -> ET.Element:
        element = _under(parent, "S", {} if name is None else {"N": name})
        element.text = self._serialize_string(value)
        return element

    def _serialize_string(self, value: str | None) -> str | None:
        # Almost no text has anything to escape.
        if value is None or _ESCAPED.search(value) is None:
            return value
        escaped: str | None = super()._serialize_string(value)
        return escaped

    def deserialize(self, element: ET.Element | str, metadata: Any = None, clear: bool = True) -> Any:
        """Return the value of *element*.

        Raises:
            UnreadableAnswerError: If an engine would never write it.
        """
        if isinstance(element, str):
            # Only outputs come without metadata.
            return self._message(element, metadata) if metadata is not None else _output(element)
        if element.tag not in _TAGS:
            raise _strange(element)
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
        """Return the result of *read* for *element*, kept for references to it or to its types."""
        self._get_types_from_obj(element)
        found = self.obj[element.attrib["RefId"]] = read(element)
        return found

    def _message(self, text: str, metadata: Any) -> Any:
        """Return the value of the XML *text* of a whole message."""
        found = super().deserialize(text, metadata)
        if found is not text:
            return found
        # pypsrp returns text that is not XML unchanged. An engine writes a raw U+FFFF, which XML does not
        # allow.
        repaired = _repaired(text)
        found = super().deserialize(repaired, metadata)
        if found is repaired:
            raise UnreadableAnswerError("an answer is not XML")
        return found

    def _deserialize_string(self, value: str | None) -> str:
        return _text(value)


def _output(text: str) -> Any:
    try:
        return _Output().value(_parsed(text))
    except (LookupError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UnreadableAnswerError(f"an answer cannot be read: {type(error).__name__}: {error}") from error


def _parsed(text: str) -> ET.Element:
    try:
        return ET.fromstring(text)  # noqa: S314 - as pypsrp itself
    except ET.ParseError:
        try:
            return ET.fromstring(_repaired(text))  # noqa: S314
        except ET.ParseError as error:
            raise UnreadableAnswerError("an answer is not XML") from error


def _repaired(text: str) -> str:
    return _NOT_XML.sub(lambda one: f"_x{ord(one[0]):04X}_", text)


def _strange(element: ET.Element) -> UnreadableAnswerError:
    return UnreadableAnswerError(f"an answer holds <{element.tag[:50]}>, which is not a value")


class _Output:
    """Reads one object of any kind from the output stream: [MS-PSRP] 2.2.5."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {}
        self._types: dict[str, list[str]] = {}

    def value(self, element: ET.Element) -> Any:
        """Return the value of *element*: a plain value, a list, a dict or a GenericComplexObject."""
        tag, text = element.tag, element.text
        if tag == "S":
            return _text(text)
        if tag == "Obj":
            return self._object(element)
        if tag == "Nil":
            return None
        if tag == "Ref":
            return self._objects[element.attrib["RefId"]]
        if (read := _READ.get(tag)) is not None:
            return read(text or "")
        if tag not in _TAGS:
            raise _strange(element)
        return _text(text)

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
                    # Kept before it is read, because it may contain itself.
                    self._objects[number] = collection = {}
                    self._entries(child, collection)
                case tag if tag in _LISTS:
                    self._objects[number] = collection = []
                    collection += map(self.value, child)
                case _:
                    made.property_sets.append(self.value(child))
        # Its content matters, not its Count and Capacity.
        return made if collection is None else collection

    def _members(self, element: ET.Element, into: dict[str, Any]) -> None:
        for member in element:
            into[_text(member.get("N"))] = self.value(member)

    def _entries(self, element: ET.Element, into: dict[Any, Any]) -> None:
        for entry in element:
            pair = {one.get("N"): one for one in entry}
            key = self.value(pair["Key"])
            # A key may be an object; its text makes it findable.
            named = key if isinstance(key, str | int | float) or key is None else str(key)
            into[named] = self.value(pair["Value"])


def xml_of(element: ET.Element) -> str:
    """Return *element* as XML; ElementTree would search for namespaces, which it never has."""
    parts: list[str] = []
    _write(element, parts.append)
    return "".join(parts)


def _write(element: ET.Element, write: Callable[[str], object]) -> None:
    tag, text = element.tag, element.text
    if tag == _WRITTEN:
        write(text or "")
        return
    attributes = "".join(f' {name}="{_attribute(value)}"' for name, value in element.items())
    if not text and not len(element):
        write(f"<{tag}{attributes} />")
        return
    write(f"<{tag}{attributes}>{_markup(text) if text else ''}")
    for child in element:
        _write(child, write)
    write(f"</{tag}>")


def _named(name: str | None) -> str:
    return "" if name is None else f' N="{_attribute(name)}"'


def _markup(text: str) -> str:
    if _SPECIAL.search(text) is None:
        return text
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _attribute(text: str) -> str:
    if _IN_TAGS.search(text) is None:
        return text
    text = _markup(text)
    # A reader would take these for the end, or for a blank.
    for character in '"\n\r\t':
        text = text.replace(character, f"&#{ord(character)};")
    return text


def _under(parent: ET.Element | None, tag: str, attributes: dict[str, str]) -> ET.Element:
    return ET.Element(tag, attributes) if parent is None else ET.SubElement(parent, tag, attributes)


def _text(value: str | None) -> str:
    """Return the text of a CLIXML string element with content *value*."""
    if value is None or "_x" not in value:
        return value or ""
    # Two escaped surrogates are one character; a lone one is invalid, and no file or database accepts it.
    units = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), value)
    return _visible(units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass"))


def _visible(text: str) -> str:
    return _LONE.sub(lambda one: f"\\u{ord(one[0]):04X}", text)


def _hidden(_: str) -> str:
    return HIDDEN


#: Everything that is not text. Anything else is: times and spans are ISO 8601, decimals exact. A GUID stays
#: text.
_READ: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("By", "SB", "U16", "I16", "U32", "I32", "U64", "I64"), int),
    **dict.fromkeys(("Sg", "Db"), float),
    "B": lambda text: text.lower() == "true",
    "C": lambda text: _visible(chr(int(text))),
    "G": str.lower,
    "BA": b64decode,
    "SS": _hidden,
}


def quicken(pool: RunspacePool) -> None:
    """Make *pool*, which is not open yet, use QuickSerializer."""
    # The only place where pypsrp's own serializer is replaced. These two attributes, and what it overrides,
    # are private: tested with pypsrp 0.9.1, and setup.cfg allows no other version.
    pool._serializer = pool._fragmenter.serializer = QuickSerializer()
