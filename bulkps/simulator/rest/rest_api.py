"""The REST service, in the form in which Exchange Online's own module calls it.

``POST /token`` signs in, ``GET .../EXOModuleFile`` returns the proxy functions, ``POST .../InvokeCommand``
runs a cmdlet. A SecureString is sent as text, which is only acceptable for a stand-in on loopback.
"""

import json
import re
import select
import threading
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from bulkps.simulator.cmdlets.cmdlet_result import Answer, ErrorInfo, Secret, Value
from bulkps.simulator.cmdlets.cmdlet_service import Ending, Service
from bulkps.simulator.powershell.proxy_module import module_text, proxied
from bulkps.simulator.rest.auth import SignIn, SignInRefused
from bulkps.simulator.wire.http_base import Handler, Listener
from bulkps.simulator.wire.shell_base import ConnectionLost

_PATH = re.compile(r"/adminapi/beta/[^/?]+/(InvokeCommand|EXOModuleFile)(?:\?(.*))?", re.IGNORECASE)
_THROTTLED = "OverBudgetException"
_RETRY_AFTER = {"Retry-After": "1"}
#: How often a call that is never answered checks whether its client still exists, in seconds.
_LOOK_SECONDS = 0.5


class NeverAnswered(Exception):
    """The call is to hang until its client goes away."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        status: The HTTP status.
        body: The text.
        headers: Headers beside the usual ones.
    """

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


class RestFace:
    """Answers the requests of Exchange Online's module.

    Args:
        service: What runs cmdlets.
        sign_in: Issues and checks tokens.
    """

    def __init__(self, service: Service, sign_in: SignIn) -> None:
        self._service, self._sign_in = service, sign_in
        self._lock = threading.Lock()
        self._last_request: dict[str, str] = {}

    def handle(
        self, path: str, headers: Mapping[str, str], body: bytes | None, stop: threading.Event
    ) -> Reply:
        """Return the answer to a request; *body* is None for a GET. Setting *stop* ends a wait.

        Raises:
            ConnectionLost: There is to be no answer, and the connection is to be closed.
            NeverAnswered: There is to be no answer at all.
        """
        if path == "/token" and body is not None:
            return self._token(body)
        found = _PATH.fullmatch(path)
        if found is None or (body is None) != (found[1].casefold() == "exomodulefile"):
            return _error(404, "NotFound", f"there is nothing at {path}")
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if not self._sign_in.good(token):
            return _error(
                401, "TokenExpired", "Lifetime validation failed, the token is expired or was not given here."
            )
        if body is None:
            asked = urllib.parse.parse_qs(found[2] or "").get("cmdlets") or ["*"]
            names = proxied(self._service.offer, asked[0].split(","))
            return Reply(200, json.dumps({"cmdlets": names, "text": module_text(self._service.offer, names)}))
        self._refuse_repeated(token, headers.get("client-request-id", ""))
        return self._invoke(body, stop)

    def _token(self, body: bytes) -> Reply:
        try:
            asked = json.loads(body)
            return Reply(200, json.dumps(self._sign_in.token(asked)))
        except (ValueError, AttributeError) as error:
            return _error(400, "BadRequest", str(error))
        except SignInRefused as refused:
            said = {"error": refused.code, "error_description": str(refused)}
            return Reply(400, json.dumps(said))

    def _refuse_repeated(self, token: str, request_id: str) -> None:
        """Refuse to run a request twice.

        An HTTP client may send a request again by itself if a kept connection closes without an answer, and a
        lost answer looks exactly like that.
        """
        with self._lock:
            if request_id and self._last_request.get(token) == request_id:
                raise ConnectionLost
            self._last_request[token] = request_id

    def _invoke(self, body: bytes, stop: threading.Event) -> Reply:
        try:
            asked = json.loads(body)["CmdletInput"]
            name = str(asked["CmdletName"])
            arguments = [(key, _read(value)) for key, value in (asked.get("Parameters") or {}).items()]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return _error(400, "BadRequest", f"{type(error).__name__}: {error}")
        run = self._service.run(name, arguments, stop)
        if run.ending is Ending.HANGS:
            raise NeverAnswered
        if run.ending is not Ending.ANSWERED:
            raise ConnectionLost
        refused = run.answer.failure or next(iter(run.answer.errors), None)
        return _refusal(run.answer, refused) if refused else _answered(run.answer)


class RestServer(Listener):
    """Serves a REST service on loopback.

    Args:
        address: Host and port; port 0 takes a free one.
        face: What answers requests.
    """

    def __init__(self, address: tuple[str, int], face: RestFace) -> None:
        self.face = face
        super().__init__(address, _Handler)


class _Handler(Handler):
    content_type = "application/json; charset=utf-8"
    server: RestServer

    def reply(self, body: bytes | None) -> None:
        """Answer a request of the module."""
        given = {name: self.headers.get(name) or "" for name in ("Authorization", "client-request-id")}
        try:
            reply = self.server.face.handle(self.path, given, body, self.server.stopping)
        except ConnectionLost:
            self.close_connection = True
        except NeverAnswered:
            self.close_connection = True
            while not self.server.stopping.is_set() and not self._gone():
                pass
        else:
            self.answer(reply.status, reply.body.encode(), dict(reply.headers))

    def _gone(self) -> bool:
        """Return whether the client has closed the connection; waits for a moment."""
        # Nothing else can come: the client waits for an answer before it sends again.
        return bool(select.select([self.connection], [], [], _LOOK_SECONDS)[0])


def _answered(answer: Answer) -> Reply:
    kinds: dict[str, str] = {}
    for item in answer.output:
        for name, value in item.properties.items():
            if kind := _kind(value):
                kinds[name] = kind
    value = [{name: _plain(entry) for name, entry in item.properties.items()} for item in answer.output]
    # The kinds contain what JSON cannot express; they are not part of the real service's answer.
    return Reply(
        200,
        json.dumps({"value": value, "@standin.kinds": kinds, "@adminapi.warnings": answer.warnings}),
    )


def _refusal(answer: Answer, info: ErrorInfo) -> Reply:
    error = {
        "code": "BadRequest",
        "message": "Error executing request. " + info.message,
        "details": [{"code": "Context", "target": info.target, "message": info.message}],
        "innererror": {
            "message": info.message,
            "type": info.exception,
            "internalexception": {
                "category": info.category.name,
                "id": info.fully_qualified_id.rpartition(",")[0] or info.fully_qualified_id,
                "terminating": answer.failure is not None,
            },
        },
    }
    text = json.dumps({"error": error, "@adminapi.warnings": answer.warnings})
    throttled = info.reason == _THROTTLED
    return Reply(429 if throttled else 400, text, _RETRY_AFTER if throttled else {})


def _error(status: int, code: str, message: str) -> Reply:
    return Reply(status, json.dumps({"error": {"code": code, "message": message}}))


def _read(value: object) -> Value:
    """Return a parameter's value as the client meant it."""
    if isinstance(value, list):
        return [_read(entry) for entry in value]
    if isinstance(value, dict):
        if value.get("@type") == "SecureString":
            return Secret(str(value.get("value", "")))
        return {key: _read(entry) for key, entry in value.items()}
    return value


def _kind(value: Value) -> str:
    if isinstance(value, UUID):
        return "guid"
    if isinstance(value, datetime):
        return "datetime"
    return "int" if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else ""


def _plain(value: Value) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return str(value)
