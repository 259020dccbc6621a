"""What is sent and what comes back, as plain values: a cmdlet, its outcome, its errors. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.exchange.powershell_quoting import quoted


class Secret:
    """A text that must never appear in a record: its repr, str and format are three asterisks."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text; only for serializing, encrypting or saving it."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"


class Null(Enum):
    """PowerShell's ``$null`` as a bound value: it clears a property.

    Python's None is different: nothing is bound.
    """

    NULL = "$null"

    def __str__(self) -> str:
        return self.value


NULL = Null.NULL

#: What an entry of a hashtable may hold.
Part = str | bool | int | Null | tuple[str, ...]
#: What a parameter may hold; a mapping becomes a Hashtable. No script text is ever built: a cell is only
#: ever a bound value.
Value = Part | Secret | Mapping[str, Part] | None


@dataclass(frozen=True)
class Cmdlet:
    """A cmdlet name and its bound parameters.

    Attributes:
        name: Such as ``New-MailboxRestoreRequest``.
        parameters: Bound values by parameter name; a switch is True.
    """

    name: str
    parameters: Mapping[str, Value]

    def line(self) -> str:
        """Return it as an administrator would type it, secrets hidden; for reading, never for running."""
        facts = cmdlet_facts(self.name)
        parts = [self.name]
        for name, value in self.parameters.items():
            known = facts.parameter(name) if facts else None
            switch = known is not None and known.type == "SwitchParameter"
            parts.append(f"-{name}{_shown(value, switch=switch)}")
        return " ".join(parts)

    def shown(self) -> dict[str, object]:
        """Return the parameters as records may hold them: secrets as asterisks."""
        return {name: _recorded(value) for name, value in self.parameters.items()}


def _shown(value: Value, *, switch: bool) -> str:
    if isinstance(value, bool) and switch:
        return "" if value else ":$false"
    return f" {_literal(value)}"


def _literal(value: Value) -> str:
    if isinstance(value, bool):
        return "$true" if value else "$false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, tuple):
        return ",".join(map(quoted, value))
    if isinstance(value, Mapping):
        return "@{" + "; ".join(f"{name}={_literal(part)}" for name, part in value.items()) + "}"
    return str(value)


def _recorded(value: Value) -> object:
    if isinstance(value, Mapping):
        return {name: _recorded(part) for name, part in value.items()}
    if value is NULL:
        return None
    return str(value) if isinstance(value, Secret) else value


#: How many characters at each end of an error's message the catalogue's patterns search.
_SEARCHED = 8000


def _ends(text: str) -> str:
    return f"{text[:_SEARCHED]} {text[-_SEARCHED:]}"


@dataclass(frozen=True)
class ErrorRecord:
    """One PowerShell ErrorRecord as the session read it.

    Attributes:
        message: The text that people know (``str(record)``).
        exception_type: Full or short .NET type name if it is known, else empty.
        fully_qualified_error_id: As the engine gives it.
        category: Such as ``InvalidArgument``.
        reason: The exception's short name, from the CategoryInfo.
        target: What the error is about, as text.
    """

    message: str
    exception_type: str = ""
    fully_qualified_error_id: str = ""
    category: str = ""
    reason: str = ""
    target: str = ""

    @property
    def searched(self) -> str:
        """The text that the error catalogue's patterns are matched against."""
        # The kind of an error is at its beginning or its end, and searching a megabyte of text takes a
        # minute.
        message = self.message if len(self.message) <= 2 * _SEARCHED else _ends(self.message)
        parts = (self.exception_type, self.reason, message, self.fully_qualified_error_id)
        return " ".join(part for part in parts if part)


class Answer(Enum):
    """What is known of an invocation once it is over."""

    COMPLETED = "completed"  #: The pipeline completed. It may still have written errors.
    FAILED = "failed"  #: The pipeline failed with a terminating error.
    NOT_SENT = "not-sent"  #: It never reached Exchange; sending it again is safe.
    LOST = "lost"  #: It was sent, or may have been, and no answer came: in doubt.


@dataclass(frozen=True)
class Invocation:
    """One cmdlet to run for one item.

    Attributes:
        id: The id of its outcome.
        cmdlet: What to run.
        keep: The properties to keep of the output objects; empty keeps all.
    """

    id: str
    cmdlet: Cmdlet
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The result of one invocation.

    Attributes:
        id: The invocation's id.
        answer: What is known about it.
        output: The objects that it wrote, each as property name to plain value.
        errors: Every ErrorRecord, once.
        warnings: Texts of the warning stream.
        milliseconds: How long it took, as far as the session saw.
    """

    id: str
    answer: Answer
    output: tuple[Mapping[str, object], ...] = ()
    errors: tuple[ErrorRecord, ...] = ()
    warnings: tuple[str, ...] = ()
    milliseconds: int = 0
