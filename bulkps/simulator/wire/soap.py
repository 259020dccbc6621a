"""WS-Management envelopes: reading requests, writing responses and faults. [MS-WSMV]"""

import itertools
import re
import uuid
from base64 import b64encode
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape as xml_escape

RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
PWSH = "http://schemas.microsoft.com/powershell"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_S = "{http://www.w3.org/2003/05/soap-envelope}"
_A = "{http://schemas.xmlsoap.org/ws/2004/08/addressing}"
_W = "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
_R = f"{{{RSP}}}"
# A random number costs a system call, three times a pipeline; these need only differ.
_MESSAGE_NUMBERS = itertools.count(1)
_DURATION = re.compile(r"P(?=[\dT])(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_ENVELOPE = (
    '<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" '
    'xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" '
    'xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" '
    'xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>{action}</a:Action>'
    "<a:MessageID>uuid:{message}</a:MessageID>"
    "<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>"
    "<a:RelatesTo>{relates}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
)


@dataclass(frozen=True)
class Request:
    """A WS-Management request.

    Attributes:
        action: The last part of its action, such as ``Receive``.
        action_uri: The whole action.
        message_id: Its MessageID, to which the answer relates.
        resource: Its resource URI.
        shell_id: The shell that it selects, or empty.
        timeout: Its OperationTimeout in seconds; None for one that is no duration.
        timeout_text: The same as it was sent.
        body: The first element in its body, or None.
    """

    action: str
    action_uri: str
    message_id: str
    resource: str
    shell_id: str
    timeout: float | None
    timeout_text: str
    body: ElementTree.Element | None

    def text(self, tag: str) -> str:
        """Return the text of the first *tag* element of the shell's namespace under the body, or empty."""
        found = None if self.body is None else self.body.find(f".//{_R}{tag}")
        return "" if found is None else found.text or ""

    def attribute(self, tag: str, name: str) -> str:
        """Return attribute *name* of the first *tag* element, the body's own first, or empty."""
        if self.body is None:
            return ""
        found = self.body if self.body.tag == f"{_R}{tag}" else self.body.find(f".//{_R}{tag}")
        return "" if found is None else found.get(name, "")

    def creation(self) -> str:
        """Return the PSRP fragments, in Base64, that a Create brings."""
        found = None if self.body is None else self.body.find(f"{{{PWSH}}}creationXml")
        return "" if found is None else found.text or ""


class Fault(Exception):
    """A WS-Management fault.

    Attributes:
        code: The WSManFault code.
        reason: What it says.
        subcode: The SOAP subcode.
        detail: What its WSManFault says, where that is more than the reason.
        sender: Whether the client is at fault.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        subcode: str = "w:InternalError",
        *,
        detail: str = "",
        sender: bool = False,
    ) -> None:
        self.code, self.reason, self.subcode = code, reason, subcode
        self.detail, self.sender = detail or reason, sender
        super().__init__(reason)


def parse(data: bytes) -> Request:
    """Return the request that *data* holds.

    Raises:
        ValueError: It is no WS-Management envelope.
    """
    try:
        # Answers only a client on this machine that knows the password, and expat expands no external entity.
        envelope = ElementTree.fromstring(data)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ValueError(f"not XML: {error}") from error
    header, body = envelope.find(f"{_S}Header"), envelope.find(f"{_S}Body")
    if header is None or body is None:
        raise ValueError("not a SOAP envelope")
    action = header.findtext(f"{_A}Action", "").strip()
    selectors = {
        selector.get("Name", ""): selector.text or ""
        for selector in header.iterfind(f"{_W}SelectorSet/{_W}Selector")
    }
    timeout = header.findtext(f"{_W}OperationTimeout", "")
    return Request(
        action.rpartition("/")[2],
        action,
        header.findtext(f"{_A}MessageID", "").strip(),
        header.findtext(f"{_W}ResourceURI", "").strip(),
        selectors.get("ShellId", ""),
        _seconds(timeout),
        timeout,
        next(iter(body), None),
    )


def response(request: Request, body: str) -> bytes:
    """Return the answer to *request* with *body* as its content."""
    return _envelope(f"{request.action_uri}Response", request.message_id, body)


def fault(message_id: str, error: Fault) -> bytes:
    """Return *error* as the answer to the request *message_id*."""
    reason, detail = xml_escape(error.reason), xml_escape(error.detail)
    code = "s:Sender" if error.sender else "s:Receiver"
    body = (
        f"<s:Fault><s:Code><s:Value>{code}</s:Value>"
        f"<s:Subcode><s:Value>{error.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{reason}</s:Text></s:Reason><s:Detail>'
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" '
        f'Code="{error.code}" Machine="simulator"><f:Message>{detail}</f:Message></f:WSManFault>'
        "</s:Detail></s:Fault>"
    )
    return _envelope("http://schemas.dmtf.org/wbem/wsman/1/wsman/fault", message_id, body)


def streams(fragments: list[bytes], command_id: str, done: bool) -> str:
    """Return a ReceiveResponse with *fragments*, for a command where *command_id* is not empty."""
    of_command = f' CommandId="{xml_escape(command_id)}"' if command_id else ""
    written = "".join(
        f'<rsp:Stream Name="stdout"{of_command}>{b64encode(fragment).decode()}</rsp:Stream>'
        for fragment in fragments
    )
    state = "Done" if done else "Running"
    tail = "<rsp:ExitCode>0</rsp:ExitCode>" if done else ""
    if command_id:
        written += (
            f'<rsp:CommandState{of_command} State="{RSP}/CommandState/{state}">{tail}</rsp:CommandState>'
        )
    return f"<rsp:ReceiveResponse>{written}</rsp:ReceiveResponse>"


def created(shell_id: str, resource: str) -> str:
    """Return the body that answers a Create."""
    uri, known_as = xml_escape(resource), xml_escape(shell_id)
    return (
        "<x:ResourceCreated><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>"
        f"<a:ReferenceParameters><w:ResourceURI>{uri}</w:ResourceURI><w:SelectorSet>"
        f'<w:Selector Name="ShellId">{known_as}</w:Selector></w:SelectorSet></a:ReferenceParameters>'
        f"</x:ResourceCreated>{shell(shell_id, resource)}"
    )


def shell(shell_id: str, resource: str) -> str:
    """Return what a shell tells of itself."""
    return (
        f"<rsp:Shell><rsp:ShellId>{xml_escape(shell_id)}</rsp:ShellId>"
        f"<rsp:ResourceUri>{xml_escape(resource)}</rsp:ResourceUri><rsp:Owner>simulator</rsp:Owner>"
        "<rsp:ClientIP>127.0.0.1</rsp:ClientIP><rsp:IdleTimeOut>PT7200.000S</rsp:IdleTimeOut>"
        "<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>"
        "<rsp:State>Connected</rsp:State></rsp:Shell>"
    )


def _envelope(action: str, relates: str, body: str) -> bytes:
    return _ENVELOPE.format(
        action=action, message=uuid.UUID(int=next(_MESSAGE_NUMBERS)), relates=xml_escape(relates), body=body
    ).encode()


def _seconds(text: str) -> float | None:
    """Return a duration in seconds; WinRM's own where none is given, None for what is no duration."""
    if not text.strip():
        return 60.0
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    # Zero means what WinRM's own default is.
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds or 60.0
