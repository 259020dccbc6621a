"""Writes CLIXML for what the simulator sends: objects, errors, warnings, pipeline states.

psrpcore could write it too, but it does not escape ``ToString`` (a control character in an error's text
breaks the XML, ``_x000A_`` in it becomes a line feed), and needs milliseconds for an object with forty
properties. [MS-PSRP] 2.2.5
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import ErrorInfo, Information, Item, Progress, Value

#: Characters that are rare in texts.
_SPECIAL = re.compile('[&<>"_\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]')
_ESCAPED = re.compile("_(?=[xX])|[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\U00010000-\U0010ffff]")
_MARKUP = re.compile('[&<>"]')
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_AUTOMATION = "System.Management.Automation."
_PLAIN_OBJECT = f"{_AUTOMATION}PSCustomObject"


def _types(*names: str) -> str:
    return "".join(f"<T>{name}</T>" for name in names)


_LIST = _types("System.Collections.ArrayList", "System.Object")
_ANY_LIST = _types("System.Collections.Generic.List`1[[System.Object]]", "System.Object")
_TEXTS = _types("System.Collections.Generic.List`1[[System.String]]", "System.Object")
_NUMBERS = _types("System.Int32[]", "System.Array", "System.Object")
_TABLE = _types("System.Collections.Hashtable", "System.Object")
_BOUND = _types("System.Collections.Generic.Dictionary`2[[System.String],[System.Object]]", "System.Object")
_CUSTOM = _types(_PLAIN_OBJECT, "System.Object")


class Long(int):
    """A number that is always an Int64, however small it is."""


class _Writer:
    """Numbers the objects of one message in the order of the text, and names the types of each kind once."""

    def __init__(self) -> None:
        self._number = -1
        self._types: dict[str, int] = {}

    def begin(self, name: str, types: str) -> str:
        """Return the beginning of an object; its content and ``</Obj>`` follow."""
        self._number += 1
        attribute = f' N="{name}"' if name else ""
        if not types:
            return f'<Obj{attribute} RefId="{self._number}">'
        known = self._types.get(types)
        if known is not None:
            return f'<Obj{attribute} RefId="{self._number}"><TNRef RefId="{known}"/>'
        known = self._types[types] = len(self._types)
        return f'<Obj{attribute} RefId="{self._number}"><TN RefId="{known}">{types}</TN>'

    def value(self, value: Value, name: str = "") -> str:
        attribute = f' N="{escape(name)}"' if name else ""
        if type(value) is str:
            return f"<S{attribute}>{escape(value)}</S>"
        if value is None:
            return f"<Nil{attribute}/>"
        if isinstance(value, list | tuple):
            return self.list(map(self.value, value), name)
        if isinstance(value, Mapping):
            return f"{self.begin(escape(name), _TABLE)}<DCT>{self._entries(value)}</DCT></Obj>"
        tag, text = _primitive(value)
        return f"<{tag}{attribute}>{text}</{tag}>"

    def list(self, entries: Iterable[str], name: str = "", types: str = _LIST) -> str:
        # The entries are written as they are joined, after the list has its number.
        return f"{self.begin(escape(name), types)}<LST>{''.join(entries)}</LST></Obj>"

    def _entries(self, table: Mapping[Any, Value]) -> str:
        return "".join(
            f"<En>{self.value(key, 'Key')}{self.value(entry, 'Value')}</En>" for key, entry in table.items()
        )

    def values(self, values: Mapping[str, Value]) -> str:
        return "".join(self.value(value, name) for name, value in values.items())

    def enumeration(self, name: str, kind: str, text: str, number: int) -> str:
        types = _types(f"{_AUTOMATION}{kind}", "System.Enum", "System.ValueType", "System.Object")
        return f"{self.begin(name, types)}<ToString>{text}</ToString><I32>{number}</I32></Obj>"

    def error(self, info: ErrorInfo, name: str = "", *, extended: bool) -> str:
        """Return an error record; *extended* where it stands on the error stream, as the engine does."""
        kind = "String" if info.target else ""
        opened = self.begin(name, _types(f"{_AUTOMATION}ErrorRecord", "System.Object"))
        members = [
            self._exception(info),
            self.values(
                {"TargetObject": info.target or None, "FullyQualifiedErrorId": info.fully_qualified_id}
            ),
            self._invocation(info),
            self.values(
                {
                    "ErrorCategory_Category": int(info.category),
                    "ErrorCategory_Activity": info.activity,
                    "ErrorCategory_Reason": info.reason,
                    "ErrorCategory_TargetName": info.target,
                    "ErrorCategory_TargetType": kind,
                    "ErrorCategory_Message": f"{info.category.name}: ({info.target}:{kind}) "
                    f"[{info.activity}], {info.reason}",
                    "SerializeExtendedInfo": extended,
                }
            ),
        ]
        if extended:
            members.append(self._extended(info))
        text = f"<ToString>{escape(info.message)}</ToString>"
        return f"{opened}{text}<MS>{''.join(members)}</MS></Obj>"

    def _exception(self, info: ErrorInfo) -> str:
        own = info.thrown.startswith(_AUTOMATION)
        bases = [f"{_AUTOMATION}RuntimeException", "System.SystemException"] if own else []
        chain = dict.fromkeys([info.thrown, *bases, "System.Exception", "System.Object"])
        opened = self.begin("Exception", _types(*map(escape, chain)))
        text = f"<ToString>{escape(f'{info.thrown}: {info.message}')}</ToString>"
        first = self.values({"TargetSite": None, "Message": info.message})
        data = self.begin("Data", _types("System.Collections.ListDictionaryInternal", "System.Object"))
        rest = self.values(
            {
                "InnerException": None,
                "HelpLink": None,
                "Source": None,
                # COR_E_SYSTEM for what the engine itself throws, COR_E_EXCEPTION for the rest.
                "HResult": -2146233087 if own else -2146233088,
                "StackTrace": None,
            }
        )
        return f"{opened}{text}<Props>{first}{data}<DCT/></Obj>{rest}</Props></Obj>"

    def _invocation(self, info: ErrorInfo) -> str:
        """Return the InvocationInfo of a pipeline without script text: it has no lines."""
        kind = f"{_AUTOMATION}InvocationInfo"
        opened = self.begin("InvocationInfo", _types(kind, "System.Object"))
        bound = self.begin("BoundParameters", _BOUND)
        command = self.values({"MyCommand": info.activity or None})
        unbound = self.list((), "UnboundArguments", _ANY_LIST)
        rest = self.values(
            {
                "ScriptLineNumber": 0,
                "OffsetInLine": 0,
                "HistoryId": Long(1),
                "ScriptName": "",
                "Line": "",
                "Statement": "",
                "PositionMessage": "",
                "PSScriptRoot": "",
                "PSCommandPath": None,
                "InvocationName": info.activity,
                "PipelineLength": 0,
                "PipelinePosition": 0,
                "ExpectingInput": False,
                "CommandOrigin": "Internal",
                "DisplayScriptPosition": None,
            }
        )
        members = f"{command}{bound}<DCT/></Obj>{unbound}{rest}"
        return f"{opened}<ToString>{kind}</ToString><Props>{members}</Props></Obj>"

    def _extended(self, info: ErrorInfo) -> str:
        flat: dict[str, Value] = {
            "ExpectingInput": False,
            "InvocationName": info.activity,
            "Line": "",
            "OffsetInLine": 0,
            "HistoryId": Long(1),
            "PipelineLength": 0,
            "PipelinePosition": 0,
            "PSScriptRoot": "",
            "PSCommandPath": None,
            "PositionMessage": "",
            "ScriptLineNumber": 0,
            "ScriptName": "",
        }
        bound = self.begin("InvocationInfo_BoundParameters", _BOUND)
        return "".join(
            [
                f"{bound}<DCT/></Obj>",
                self.enumeration("InvocationInfo_CommandOrigin", "CommandOrigin", "Internal", 1),
                self.values({f"InvocationInfo_{name}": value for name, value in flat.items()}),
                self.list((), "InvocationInfo_PipelineIterationInfo", _NUMBERS),
                self.list((), "InvocationInfo_UnboundArguments", _ANY_LIST),
                self.values({"SerializeExtent": False}),
                self.enumeration("CommandInfo_CommandType", "CommandTypes", "Function", 2),
                self.values({"CommandInfo_Definition": "", "CommandInfo_Name": info.activity}),
                self.enumeration("CommandInfo_Visibility", "SessionStateEntryVisibility", "Public", 0),
                self.list(("<I32>0</I32>", "<I32>1</I32>"), "PipelineIterationInfo", _NUMBERS),
                self.values(
                    {
                        "ErrorDetails_ScriptStackTrace": f"at {info.activity}, <No file>: line 1",
                        "PSMessageDetails": None,
                    }
                ),
            ]
        )


def escape(text: str) -> str:
    """Return *text* as the content of a CLIXML string element."""
    if _SPECIAL.search(text) is None:
        return text
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
    types = _CUSTOM if item.type_name == _PLAIN_OBJECT else f"<T>{escape(item.type_name)}</T>{_CUSTOM}"
    properties = item.properties
    told = str(properties.get("Identity", "")) if item.text is None else item.text
    text = f"<ToString>{escape(told)}</ToString>" if told else ""
    return f"{writer.begin('', types)}{text}<{tag}>{writer.values(properties)}</{tag}></Obj>".encode()


def error_record(info: ErrorInfo) -> bytes:
    """Return *info* as an ERROR_RECORD message."""
    return _Writer().error(info, extended=True).encode()


def told_record(kind: str, message: str) -> bytes:
    """Return *message* as a WARNING_RECORD, VERBOSE_RECORD or DEBUG_RECORD message.

    Args:
        kind: ``Warning``, ``Verbose`` or ``Debug``.
        message: The text.
    """
    writer = _Writer()
    names = (f"{_AUTOMATION}{kind}Record", f"{_AUTOMATION}InformationalRecord", "System.Object")
    opened = writer.begin("", _types(*names))
    members = writer.values(
        {"InformationalRecord_Message": message, "InformationalRecord_SerializeInvocationInfo": False}
    )
    return f"{opened}<ToString>{escape(message)}</ToString><MS>{members}</MS></Obj>".encode()


def information_record(told: Information) -> bytes:
    """Return *told* as an INFORMATION_RECORD message."""
    writer = _Writer()
    opened = writer.begin("", "")
    data = writer.values({"MessageData": told.message, "Source": told.source, "TimeGenerated": told.time})
    tags = writer.list(map(writer.value, told.tags), "Tags", _TEXTS)
    rest = "".join(
        f'<U32 N="{name}">{number}</U32>'
        for name, number in (("ProcessId", 1), ("NativeThreadId", 1), ("ManagedThreadId", 1))
    )
    who = writer.values({"User": "simulator", "Computer": "simulator"})
    return f"{opened}<MS>{data}{tags}{who}{rest}</MS></Obj>".encode()


def progress_record(told: Progress) -> bytes:
    """Return *told* as a PROGRESS_RECORD message."""
    writer = _Writer()
    opened = writer.begin("", "")
    first = writer.values(
        {
            "Activity": told.activity,
            "ActivityId": 0,
            "StatusDescription": told.status,
            "CurrentOperation": None,
            "ParentActivityId": -1,
            "PercentComplete": told.percent,
        }
    )
    text, number = ("Completed", 1) if told.completed else ("Processing", 0)
    kind = writer.enumeration("Type", "ProgressRecordType", text, number)
    return f"{opened}<MS>{first}{kind}{writer.values({'SecondsRemaining': -1})}</MS></Obj>".encode()


def pipeline_state(state: int, error: ErrorInfo | None) -> bytes:
    """Return a PIPELINE_STATE message with the number *state* and the *error* that failed it."""
    writer = _Writer()
    opened = writer.begin("", "")
    record = "" if error is None else writer.error(error, "ExceptionAsErrorRecord", extended=False)
    return f'{opened}<MS><I32 N="PipelineState">{state}</I32>{record}</MS></Obj>'.encode()


def availability(call: int, answer: bool | int) -> bytes:
    """Return a RUNSPACE_AVAILABILITY message: the *answer* to the client's *call* of that number."""
    writer = _Writer()
    members = writer.values({"SetMinMaxRunspacesResponse": answer, "ci": Long(call)})
    return f"{writer.begin('', '')}<MS>{members}</MS></Obj>".encode()


def _escaped(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", errors="surrogatepass").hex().upper()
    return "".join(f"_x{units[at : at + 4]}_" for at in range(0, len(units), 4))


def _primitive(value: Value) -> tuple[str, str]:
    if isinstance(value, bool):
        return "B", str(value).lower()
    if isinstance(value, int):
        if isinstance(value, Long):
            return "I64", str(int(value))
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
