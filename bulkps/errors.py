"""Every deliberate error: its sentence, its facts as attributes, its exit code.

Anything that is not a BulkpsError is a bug and keeps its traceback.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Self


def _one_line(text: str) -> str:
    # Text from other sources must not look like a line of bulkps.
    return " ".join(text.split())


class ExitCode(IntEnum):
    """The exit codes of the process, for scripts and runbooks.

    Attributes:
        meaning: The same in words, for people.
    """

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Return a member: a number that can say what it means."""
        member = int.__new__(cls, code)
        member._value_, member.meaning = code, meaning
        return member

    COMPLETED = 0, "Every row is completed, by this run or an earlier one."
    UNEXPECTED = 1, "A bug or another unexpected error."
    USAGE = 2, "The command line or a name in it is wrong, or you did not confirm; nothing was sent."
    INVALID_INPUT = 3, "An input file has problems; nothing was sent."
    SOME_FAILED = 4, "Finished; some rows failed or were skipped, or an audit log is not sound."
    CANNOT_CONNECT = 5, "Could not connect or sign in, or required cmdlets are missing; nothing was sent."
    UNFINISHED = 6, "Stopped early or still in progress; resume."
    OWNED_ELSEWHERE = 7, "Another process owns the run."
    INTERRUPTED = 130, "Ctrl-C; resume."


class FieldProblems(ValueError):
    """Several fields of one value are wrong.

    Attributes:
        problems: (field, sentence) for each, such as ``("batch_size", "must be at least 1, not 0")``.
    """

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{name} {sentence}" for name, sentence in self.problems))


class BulkpsError(Exception):
    """Base of every error that bulkps raises on purpose.

    Attributes:
        exit_code: What the command line ends with.
    """

    exit_code = ExitCode.UNEXPECTED


class UsageProblem(BulkpsError):
    """The request cannot be carried out as given."""

    exit_code = ExitCode.USAGE


class InvalidInput(BulkpsError):
    """A file that the user wrote has problems; nothing was sent to Exchange.

    Attributes:
        source: The file, as the user named it.
        problems: All of them, one sentence each, in file order.
    """

    exit_code = ExitCode.INVALID_INPUT

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source, self.problems = source, tuple(problems)
        count = f"{len(self.problems)} problem{'s' * (len(self.problems) != 1)}"
        super().__init__("\n  ".join([f"{source}: {count}, nothing was sent", *self.problems]))


class CannotConnect(BulkpsError):
    """No session could be opened, or sign-in was refused; nothing was sent.

    Attributes:
        connection: The connection's name in the settings.
        reason: What the endpoint or the network answered.
    """

    exit_code = ExitCode.CANNOT_CONNECT

    def __init__(self, connection: str, reason: str, advice: str = "") -> None:
        self.connection, self.reason, self.advice = connection, _one_line(reason), advice
        tail = f"\n  {advice}" if advice else ""
        super().__init__(f"cannot connect with connection {connection!r}: {self.reason}{tail}")


class RunNotFound(UsageProblem):
    """The journal has no such run.

    Attributes:
        run: The name that was requested.
    """

    def __init__(self, run: str, matches: int = 0) -> None:
        self.run = run
        found = f"several runs begin with {run!r}" if matches else f"no run {run!r} in the journal"
        super().__init__(f"{found}. To list the runs: bulkps runs")


class RunOwnedElsewhere(BulkpsError):
    """Another live process is working on the run, or took it over.

    Attributes:
        run: The run's name.
        owner: Which process holds it; empty if it has stopped since.
    """

    exit_code = ExitCode.OWNED_ELSEWHERE

    def __init__(self, run: str, owner: str, *, lost: bool = False) -> None:
        self.run, self.owner = run, owner
        by = owner or "another process"
        super().__init__(
            f"run {run} was taken over by {by}, because this process did not respond for too long. This "
            f"process sends nothing more. To see what it sent: bulkps show {run}"
            if lost
            else f"run {run} is in use by {by}, which is still running; this command sent nothing. "
            f"To stop that process: bulkps pause {run}"
        )


class ContentElsewhere(UsageProblem):
    """Another run has the same content as a row of this one and has not finished it; nothing was sent.

    Attributes:
        row: The first such row.
        run: The other run's name.
        state: The state of the content in that run.
        way: What finishes it.
        runs: Every such run that was found.
    """

    def __init__(self, row: int, run: str, state: str, way: str, runs: Sequence[str]) -> None:
        self.row, self.run, self.state, self.way, self.runs = row, run, state, way, tuple(runs)
        others = f" (and others in {', '.join(one for one in runs if one != run)})" if len(runs) > 1 else ""
        super().__init__(f"row {row}: the same row is {state} in run {run}{others}; nothing was sent. {way}")


class ExportFailed(BulkpsError):
    """An inventory could not be written completely; there is no file of it.

    Attributes:
        path: The requested file.
        reason: What went wrong, in Exchange's or the operating system's own words.
    """

    exit_code = ExitCode.UNFINISHED

    def __init__(self, path: str, reason: str, advice: str = "") -> None:
        self.path, self.reason, self.advice = path, reason, advice
        tail = f"\n  {advice}" if advice else ""
        super().__init__(
            f"{path} was not written: {reason.rstrip('.')}. Nothing was changed at Exchange{tail}"
        )


class RecordFailed(BulkpsError):
    """A record (journal, audit or results) could not be written; nothing more was sent.

    Attributes:
        what: Which record, as a path or a name.
        reason: The operating system's or database's own words.
        advice: What to do before the run is resumed.
    """

    exit_code = ExitCode.UNFINISHED
    _doing = "write"

    def __init__(
        self, what: str, reason: str, advice: str = "free disk space or fix access, then resume"
    ) -> None:
        self.what, self.reason, self.advice = what, reason, advice
        super().__init__(f"cannot {self._doing} {what}: {reason}. Nothing more was sent; {advice}")


class RecordUnreadable(RecordFailed):
    """A record could not be read; nothing more was sent."""

    _doing = "read"

    def __init__(
        self,
        what: str,
        reason: str,
        advice: str = "fix access, or restore it from a backup together with its audit logs",
    ) -> None:
        super().__init__(what, reason, advice)
