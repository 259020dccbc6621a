"""Writes CLIXML for what the simulator sends: objects, errors, warnings, pipeline states.

psrpcore could write it too, but leaves ``ToString`` unescaped (a control character in an error's text breaks
the XML, ``_x000A_`` in it becomes a line feed) and takes milliseconds for an object of forty properties.
[MS-PSRP] 2.2.5
"""

import re
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from bulkps.simulator.answers import ErrorInfo, Item, Value

_ESCAPED = re.compile("_(?=[xX])|[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]")
_MARKUP = re.compile('[&<>"]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_LIST = "<T>System.Collections.ArrayList</T><T>System.Object</T>"
_TABLE = "<T>System.Collections.Hashtable</T><T>System.Object</T>"
_CUSTOM = "<T>System.Management.Automation.PSCustomObject</T><T>System.Object</T>"


class _Writer:
    """Numbers the objects of one message; the numbers must differ within it."""

    def __init__(self) -> None:
        self._number = -1

    def next(self) -> int:
        self._number += 1
        return self._number

    def object(self, name: str, types: str, content: str) -> str:
        number = self.next()
        return f'<Obj{name} RefId="{number}"><TN RefId="{number}">{types}</TN>{content}</Obj>'

    def value(self, value: Value, name: str = "") -> str:
        attribute = f' N="{escape(name)}"' if name else ""
        if isinstance(value, list | tuple):
            return self.object(attribute, _LIST, f"<LST>{''.join(map(self.value, value))}</LST>")
        if isinstance(value, Mapping):
            entries = "".join(
                f"<En>{self.value(key, 'Key')}{self.value(entry, 'Value')}</En>"
                for key, entry in value.items()
            )
            return self.object(attribute, _TABLE, f"<DCT>{entries}</DCT>")
        if value is None:
            return f"<Nil{attribute}/>"
        tag, text = _primitive(value)
        return f"<{tag}{attribute}>{text}</{tag}>"

    def error(self, info: ErrorInfo, name: str = "") -> str:
        kind = "String" if info.target else ""
        category = f"{info.category.name}: ({info.target}:{kind}) [{info.activity}], {info.reason}"
        exception = self.object(
            ' N="Exception"',
            f"<T>{escape(info.exception)}</T><T>System.Exception</T><T>System.Object</T>",
            f"<Props>{self.value(info.message, 'Message')}</Props>"
            f"<ToString>{escape(info.message)}</ToString>",
        )
        members = {
            "TargetObject": info.target or None,
            "FullyQualifiedErrorId": info.fully_qualified_id,
            "InvocationInfo": None,
            "ErrorCategory_Category": int(info.category),
            "ErrorCategory_Activity": info.activity,
            "ErrorCategory_Reason": info.reason,
            "ErrorCategory_TargetName": info.target,
            "ErrorCategory_TargetType": kind,
            "ErrorCategory_Message": category,
            "SerializeExtendedInfo": False,
        }
        written = "".join(self.value(value, key) for key, value in members.items())
        return self.object(
            f' N="{name}"' if name else "",
            "<T>System.Management.Automation.ErrorRecord</T><T>System.Object</T>",
            f"<ToString>{escape(info.message)}</ToString><MS>{exception}{written}</MS>",
        )


def escape(text: str) -> str:
    """Return *text* as the content of a CLIXML string element."""
    # As UTF-16, so that an astral character becomes its two surrogates; a lone one stays one.
    escaped = _ESCAPED.sub(_escaped, text)
    return _MARKUP.sub(lambda found: _ENTITIES[found[0]], escaped)


def output(item: Item, adapted: bool) -> bytes:
    """Return *item* as a PIPELINE_OUTPUT message.

    Args:
        item: The object.
        adapted: Write its properties as .NET ones (``Props``), as an Exchange server does, not as notes.
    """
    writer = _Writer()
    tag = "Props" if adapted else "MS"
    properties = "".join(writer.value(value, name) for name, value in item.properties.items())
    text = f"<ToString>{escape(item.text)}</ToString>" if item.text else ""
    types = f"<T>{escape(item.type_name)}</T>{_CUSTOM}"
    return writer.object("", types, f"{text}<{tag}>{properties}</{tag}>").encode()


def error_record(info: ErrorInfo) -> bytes:
    """Return *info* as an ERROR_RECORD message."""
    return _Writer().error(info).encode()


def warning_record(message: str) -> bytes:
    """Return *message* as a WARNING_RECORD message."""
    writer = _Writer()
    types = "".join(
        f"<T>System.{name}</T>"
        for name in (
            "Management.Automation.WarningRecord",
            "Management.Automation.InformationalRecord",
            "Object",
        )
    )
    written = writer.value(message, "InformationalRecord_Message")
    flag = writer.value(False, "InformationalRecord_SerializeInvocationInfo")
    return writer.object(
        "", types, f"<ToString>{escape(message)}</ToString><MS>{written}{flag}</MS>"
    ).encode()


def pipeline_state(state: int, error: ErrorInfo | None) -> bytes:
    """Return a PIPELINE_STATE message with the number *state* and the *error* that failed it."""
    writer = _Writer()
    number = writer.next()
    record = "" if error is None else writer.error(error, "ExceptionAsErrorRecord")
    members = f'<I32 N="PipelineState">{state}</I32>{record}'
    return f'<Obj RefId="{number}"><MS>{members}</MS></Obj>'.encode()


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", errors="surrogatepass").hex().upper()
    return "".join(f"_x{units[at : at + 4]}_" for at in range(0, len(units), 4))


def _primitive(value: Value) -> tuple[str, str]:
    if isinstance(value, bool):
        return "B", str(value).lower()
    if isinstance(value, int):
        return ("I32" if -(2**31) <= value < 2**31 else "I64"), str(value)
    if isinstance(value, float):
        return "Db", repr(value)
    if isinstance(value, UUID):
        return "G", str(value)
    if isinstance(value, datetime):
        return "DT", value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return "BA", b64encode(value).decode()
    return "S", escape(str(value))
