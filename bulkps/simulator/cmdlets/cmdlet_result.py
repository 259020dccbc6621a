"""The result of a simulated cmdlet: objects, warnings, errors, and its changes.

Pure values that the tenant creates and the wire converts to CLIXML.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

#: What a property or parameter holds: None, bool, int, float, str, bytes, UUID, datetime, Secret, list, dict.
Value = object


class Category(IntEnum):
    """PowerShell's ErrorCategory, as far as the simulator uses it."""

    NotSpecified = 0
    InvalidArgument = 5
    InvalidOperation = 7
    NotImplemented = 11
    ObjectNotFound = 13
    OperationStopped = 14
    ParserError = 17
    ResourceBusy = 20


@dataclass(frozen=True)
class Secret:
    """The text of a SecureString; neither repr() nor str() shows it."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "***"


@dataclass(frozen=True)
class ErrorInfo:
    """What an ErrorRecord says.

    Attributes:
        message: The error's text.
        exception: Full .NET name of the exception.
        category: PowerShell's error category.
        fully_qualified_id: The FullyQualifiedErrorId.
        target: The object that it is about, as text.
        activity: The cmdlet that wrote it.
        wrapped: Whether the client gets a System.Exception with the exception's name in the message, as from
            Exchange Online.
    """

    message: str
    exception: str
    category: Category = Category.NotSpecified
    fully_qualified_id: str = ""
    target: str = ""
    activity: str = ""
    wrapped: bool = False

    @property
    def thrown(self) -> str:
        """Full .NET name of the exception that the client gets."""
        return "System.Exception" if self.wrapped else self.exception

    @property
    def reason(self) -> str:
        """The exception's short name."""
        return self.exception.rpartition(".")[2]


class Refused(Exception):
    """A cmdlet ends with an error.

    Attributes:
        info: What it says.
        terminating: Whether it fails the pipeline (binding errors) or is only written (Exchange's own).
    """

    def __init__(self, info: ErrorInfo, terminating: bool = False) -> None:
        self.info, self.terminating = info, terminating
        super().__init__(info.message)


@dataclass(frozen=True)
class Item:
    """One object on the output stream.

    Attributes:
        type_name: Its first .NET type name.
        text: The result of its ToString(); None for its Identity, which is created late like the properties.
        made: Its properties in order, or a function that creates them: an inventory creates them one by one.
    """

    type_name: str
    text: str | None
    made: Mapping[str, Value] | Callable[[], Mapping[str, Value]]

    @property
    def properties(self) -> Mapping[str, Value]:
        """Its properties in order."""
        return self.made() if callable(self.made) else self.made


@dataclass(frozen=True)
class Information:
    """A record on the information stream.

    Attributes:
        message: Its text.
        time: When it was written.
        source: Who wrote it; ``Write-Host`` for what a host would show.
        tags: Its tags; ``PSHOST`` with Write-Host.
    """

    message: str
    time: datetime
    source: str = "Write-Information"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """A record on the progress stream.

    Attributes:
        activity: What is being done.
        status: The progress in words.
        percent: The progress in percent; -1 if unknown.
        completed: Whether it is finished.
    """

    activity: str
    status: str
    percent: int = -1
    completed: bool = False


@dataclass
class Answer:
    """Everything that one cmdlet wrote, and what it changed.

    Attributes:
        output: Objects on the output stream.
        warnings: Texts on the warning stream.
        verbose: Texts on the verbose stream.
        debug: Texts on the debug stream.
        information: Records on the information stream.
        progress: Records on the progress stream.
        errors: Records on the error stream.
        failure: The terminating error, if the pipeline failed.
        effects: One record for each change to the tenant, ready for JSON.
    """

    output: list[Item] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    verbose: list[str] = field(default_factory=list)
    debug: list[str] = field(default_factory=list)
    information: list[Information] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    errors: list[ErrorInfo] = field(default_factory=list)
    failure: ErrorInfo | None = None
    effects: list[dict[str, object]] = field(default_factory=list)


def jsonable(value: Value) -> object:
    """Return *value* as JSON can hold it; a Secret becomes ``***``."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): jsonable(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(entry) for entry in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
