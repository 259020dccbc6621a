"""The WS-Management face: one request in, one response, fault or closed connection out. [MS-WSMV]"""

import binascii
import uuid
from base64 import b64decode
from uuid import UUID

from bulkps.simulator.wire import soap
from bulkps.simulator.wire.cmdlet_shell import Shells, TooManyShells
from bulkps.simulator.wire.shell_base import ConnectionLost, NoSuchCommand, Shell

CONFIGURATIONS = ("Microsoft.Exchange", "Microsoft.PowerShell")
_RESOURCES = {f"http://schemas.microsoft.com/powershell/{name}".casefold() for name in CONFIGURATIONS}
_CONFIG = (
    '<cfg:Config xmlns:cfg="http://schemas.microsoft.com/wbem/wsman/1/config">'
    "<cfg:MaxEnvelopeSizekb>500</cfg:MaxEnvelopeSizekb><cfg:MaxTimeoutms>60000</cfg:MaxTimeoutms></cfg:Config>"
)
_TIMED_OUT = (
    "The WS-Management service cannot complete the operation within the time specified in OperationTimeout."
)
_BAD_SELECTORS = (
    "The WS-Management service cannot process the request because the request contained invalid selectors "
    "for the resource."
)
#: Seen of WinRM: pypsrp's tests, and txwinrm's.
_NO_COMMAND = (
    "The Windows Remote Shell received a request to perform an operation on a command identifier that does "
    "not exist. Either the command has completed execution or the client specified an invalid command "
    "identifier."
)
_BAD_RESOURCE = (
    "The WS-Management service cannot process the request. The resource URI is missing or it has an "
    "incorrect format. Check the documentation or use the following command for information on how to "
    'construct a resource URI: "winrm help uris".'
)
_BAD_XML = "The WS-Management service cannot process the request because the XML is invalid."
_BAD_SCHEMA = (
    "The SOAP XML in the message does not match the corresponding XML schema definition. Change the XML and "
    "retry."
)
_BAD_HEADER = (
    "The WS-Management service cannot process the request. The request contains one or more invalid SOAP "
    "headers."
)
#: As Windows answered a timeout of "P" and one of "60" (rd-winrm-plugin issue 3, kitchen-dsc issue 17).
_BAD_TIMEOUT = (
    "The WS-Management service cannot process the request. The XML contains an invalid timeout field in the "
    "SOAP header: {text}. "
)
_BAD_ACTION = "The WS-Management service does not support the action specified in the request. "


class Endpoint:
    """Answers WS-Management requests for the shells of a simulator.

    Args:
        shells: Where shells are opened and found.
    """

    def __init__(self, shells: Shells) -> None:
        self._shells = shells

    def handle(self, data: bytes) -> tuple[int, bytes]:
        """Return the HTTP status and the envelope that answer the request *data*.

        Raises:
            ConnectionLost: There is to be no answer, and the connection is to be closed.
        """
        try:
            request = soap.parse(data)
        except ValueError:
            return 500, soap.fault("", soap.Fault(2150858819, _BAD_XML, sender=True))
        try:
            return 200, soap.response(request, self._answer(request))
        except soap.Fault as error:
            return 500, soap.fault(request.message_id, error)
        except (ValueError, binascii.Error):
            bad = soap.Fault(2150858817, _BAD_SCHEMA, "w:SchemaValidationError", sender=True)
            return 500, soap.fault(request.message_id, bad)

    def _answer(self, request: soap.Request) -> str:
        if request.timeout is None:
            subcode, detail = (
                "a:InvalidMessageInformationHeader",
                _BAD_TIMEOUT.format(text=request.timeout_text),
            )
            raise soap.Fault(2150858767, _BAD_HEADER, subcode, detail=detail, sender=True)
        if request.action == "Get" and request.resource.endswith("/config"):
            return _CONFIG
        if request.action == "Create":
            return self._create(request)
        shell = self._shells.get(request.shell_id)
        if shell is None:
            raise _no_shell(request.shell_id)
        if request.action == "Receive":
            return self._receive(request, shell)
        if request.action == "Command":
            return self._command(request, shell)
        if request.action == "Signal":
            return self._signal(request, shell)
        if request.action == "Send":
            command = request.attribute("Stream", "CommandId")
            pipeline = UUID(command) if command else None
            if pipeline is not None and not shell.knows(pipeline):
                raise _no_command()
            shell.receive_data(
                b64decode(request.text("Stream")), pipeline, request.attribute("Stream", "Name")
            )
            return "<rsp:SendResponse/>"
        if request.action == "Delete":
            self._shells.close(shell)
            return ""
        if request.action == "Get":
            return soap.shell(shell.shell_id, request.resource)
        raise soap.Fault(2150858771, _BAD_ACTION, "a:ActionNotSupported", sender=True)

    def _create(self, request: soap.Request) -> str:
        if request.resource.casefold() not in _RESOURCES:
            raise soap.Fault(2150858811, _BAD_RESOURCE, "a:DestinationUnreachable", sender=True)
        fragments = b64decode(request.creation())
        shell_id = request.attribute("Shell", "ShellId") or str(uuid.uuid4()).upper()
        try:
            shell = self._shells.open(shell_id)
        except TooManyShells:
            raise soap.Fault(
                2150859173,
                "The WS-Management service cannot process the request. This user is allowed a maximum "
                "number of "
                f"{self._shells.limit} concurrent shells, which has been exceeded. Close existing shells or "
                "raise "
                "the quota for this user.",
                "w:QuotaLimit",
            ) from None
        shell.receive_data(fragments)
        return soap.created(shell_id, request.resource)

    def _command(self, request: soap.Request, shell: Shell) -> str:
        command_id = request.attribute("CommandLine", "CommandId") or str(uuid.uuid4()).upper()
        shell.receive_data(b64decode(request.text("Arguments")), UUID(command_id))
        return (
            f"<rsp:CommandResponse><rsp:CommandId>{UUID(command_id)!s}</rsp:CommandId></rsp:CommandResponse>"
        )

    def _receive(self, request: soap.Request, shell: Shell) -> str:
        command_id = request.attribute("DesiredStream", "CommandId")
        try:
            taken = shell.output(UUID(command_id) if command_id else None, request.timeout or 60.0)
        except NoSuchCommand:
            raise _no_command() from None
        except ConnectionLost:
            if not shell.lost:
                raise _no_shell(shell.shell_id) from None
            self._shells.seen_lost(shell)
            raise
        if taken is None:
            raise soap.Fault(2150858793, _TIMED_OUT, "w:TimedOut")
        fragments, done = taken
        return soap.streams(fragments, command_id, done)

    @staticmethod
    def _signal(request: soap.Request, shell: Shell) -> str:
        pipeline = UUID(request.attribute("Signal", "CommandId"))
        code = request.text("Code").casefold()
        # PowerShell's own spelling of its stop signal is "crtl_c". [MS-PSRP] 3.1.5.3.9
        if code.endswith(("crtl_c", "ctrl_c", "ctrl_break")):
            shell.stop(pipeline)
        else:
            shell.forget(pipeline)
        return "<rsp:SignalResponse/>"


def _no_command() -> soap.Fault:
    return soap.Fault(2150858843, _BAD_SELECTORS, "w:InvalidSelectors", detail=_NO_COMMAND, sender=True)


def _no_shell(shell_id: str) -> soap.Fault:
    detail = (
        f"The request for the Windows Remote Shell with ShellId {shell_id} failed because the shell was not "
        "found on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer "
        "exists on the server. Provide the correct ShellId or create a new shell and retry the operation. "
    )
    return soap.Fault(2150858843, _BAD_SELECTORS, "w:InvalidSelectors", detail=detail, sender=True)
