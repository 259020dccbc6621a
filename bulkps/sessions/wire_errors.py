"""The errors of the connection to a session; anything unexpected in an answer becomes one of them."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from pypsrp.exceptions import WinRMError
from spnego.exceptions import SpnegoError

from bulkps.exchange.calls_and_outcomes import ErrorRecord

#: What connecting, sending and receiving can raise when the server or the network fails. OSError
#: covers a socket that breaks below requests.
#: ParseError means a web page instead of SOAP; spnego has its own; pypsrp raises KeyError if an endpoint
#: answers without asking for a sign-in.
WIRE_ERRORS = (WinRMError, requests.RequestException, OSError, ET.ParseError, SpnegoError, KeyError)
#: urllib3's names for a connection that was never made. By type, because an answer's text is the server's.
_NEVER_LEFT = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
#: The text of an error may hold a server's whole error page.
_LONGEST_TEXT = 2000


class UnreadableAnswerError(WinRMError):
    """An answer does not follow the protocol; the request that it answers is in doubt."""


class AnswerRefusedError(WinRMError):
    """An answer was not trusted or not read completely: anyone may have sent it, or it is not an answer."""


class TimeLimitError(WinRMError):
    """Something took longer than its limit."""


@contextmanager
def reading() -> Iterator[None]:
    """Turn any error inside into a wire error: pypsrp fails in many ways on a strange answer.

    Raises:
        UnreadableAnswerError: For any error that is not a wire error.
    """
    try:
        yield
    except WIRE_ERRORS:
        raise
    except Exception as error:
        text = f"an answer could not be read ({type(error).__name__}: {text_of(error)})"
        raise UnreadableAnswerError(text) from error


def never_left(error: BaseException) -> bool:
    """Return whether no connection was made, so nothing can have been sent over it."""
    if isinstance(error, ConnectionRefusedError):
        return True
    if not isinstance(error, requests.ConnectionError):
        return False
    cause = getattr(error.args[0], "reason", None) if error.args else None
    cause = getattr(cause, "original_error", cause)  # what a proxy that is not reached hides
    return type(cause).__module__.startswith("urllib3.") and type(cause).__name__ in _NEVER_LEFT


def text_of(error: BaseException) -> str:
    """Return the text of *error*, never empty; some of pypsrp's errors fail when asked for it."""
    try:
        text = str(error) or type(error).__name__
    except Exception:  # noqa: BLE001 - its own text is what fails
        return type(error).__name__
    if len(text) > _LONGEST_TEXT:
        return f"{text[:_LONGEST_TEXT]} (and {len(text) - _LONGEST_TEXT} characters more)"
    return text


def wire_record(error: BaseException) -> ErrorRecord:
    """Return what happened on the wire as an ErrorRecord that the catalogue can classify."""
    return ErrorRecord(text_of(error), exception_type=type(error).__name__)
