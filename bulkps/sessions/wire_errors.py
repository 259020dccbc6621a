"""What the way to a session can raise, and how anything unexpected in an answer becomes one of those."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from pypsrp.exceptions import WinRMError
from spnego.exceptions import SpnegoError

from bulkps.exchange.invocation import ErrorRecord

#: What connecting, sending and receiving can raise when the other side or the way to it fails. OSError
#: covers a socket that breaks below requests.
#: ParseError is a page where SOAP was due; spnego has its own, and KeyError is what pypsrp makes of an
#: endpoint that answers without having asked who is there.
WIRE_ERRORS = (WinRMError, requests.RequestException, OSError, ET.ParseError, SpnegoError, KeyError)
#: How urllib3 calls it when no connection came about. By the type: an answer's text is the server's.
_NEVER_LEFT = {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError"}
#: A server's error page is in its error's text.
_LONGEST_TEXT = 2000


class UnreadableAnswerError(WinRMError):
    """An answer is not what the protocol says; what it is about is in doubt."""


class AnswerRefusedError(WinRMError):
    """An answer was not believed, or not read to its end: anybody may have sent it, or it is no answer."""


class TimeLimitError(WinRMError):
    """Something took longer than its limit."""


@contextmanager
def reading() -> Iterator[None]:
    """Make a wire error of whatever goes wrong inside: pypsrp meets a strange answer in many ways.

    Raises:
        UnreadableAnswerError: For any error but one of the wire.
    """
    try:
        yield
    except WIRE_ERRORS:
        raise
    except Exception as error:
        text = f"an answer could not be read ({type(error).__name__}: {text_of(error)})"
        raise UnreadableAnswerError(text) from error


def never_left(error: BaseException) -> bool:
    """Return whether no connection came about, so that nothing can have been sent over it."""
    if isinstance(error, ConnectionRefusedError):
        return True
    if not isinstance(error, requests.ConnectionError):
        return False
    cause = getattr(error.args[0], "reason", None) if error.args else None
    cause = getattr(cause, "original_error", cause)  # what a proxy that is not reached hides
    return type(cause).__module__.startswith("urllib3.") and type(cause).__name__ in _NEVER_LEFT


def text_of(error: BaseException) -> str:
    """Return what *error* says, never empty; some of pypsrp's fail when they are to say it."""
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
