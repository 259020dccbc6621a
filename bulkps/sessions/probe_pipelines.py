"""Runs bulkps's own small pipelines, which ask what a session is and what it offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pypsrp.powershell import PowerShell

from bulkps.exchange.calls_and_outcomes import ErrorRecord, Value
from bulkps.sessions import pipeline as lines
from bulkps.sessions.runspace_pool import Pool
from bulkps.sessions.wire_errors import TimeLimitError, reading
from bulkps.sessions.wire_types import error_records, plain_texts, properties, to_wire


@dataclass(frozen=True)
class Reply:
    """The result of a small pipeline.

    Attributes:
        output: The objects that it wrote, as property name to plain value.
        errors: Every ErrorRecord, once.
        warnings: Texts of the warning stream.
    """

    output: tuple[Mapping[str, Any], ...]
    errors: tuple[ErrorRecord, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Asker:
    """Runs small pipelines on a pool, each with a limit.

    Attributes:
        pool: Open.
        patience: Seconds after which the other side answers an empty wait.
        limit: Seconds that one may take (open_timeout).
    """

    pool: Pool
    patience: int
    limit: float

    def cmdlet(self, name: str, **parameters: Value) -> Reply:
        """Run a cmdlet.

        Raises:
            WIRE_ERRORS: If the session is lost, or it took too long.
        """
        with self.pool.deadline.within(self.limit, "open_timeout"):
            pipeline = PowerShell(self.pool).add_cmdlet(name)
            for parameter, value in parameters.items():
                pipeline.add_parameter(parameter, to_wire(self.pool, parameter, value))
            return self._run(pipeline)

    def script(self, text: str, **arguments: Value) -> Reply:
        """Run bulkps's own constant script text; it never contains data, which comes as *arguments*."""
        with self.pool.deadline.within(self.limit, "open_timeout"):
            pipeline = PowerShell(self.pool).add_script(text)
            for parameter, value in arguments.items():
                pipeline.add_parameter(parameter, to_wire(self.pool, parameter, value))
            return self._run(pipeline)

    def _run(self, pipeline: PowerShell) -> Reply:
        try:
            lines.begin(pipeline)
            found = list(lines.outputs(pipeline, self.limit, self.patience))
        except lines.NotBegunError as error:
            raise ConnectionError(error.record.message) from error
        except lines.OutOfTimeError as error:
            text = f"no answer within {self.limit:g} seconds (open_timeout){self.pool.deadline.during}"
            raise TimeLimitError(text) from error
        with reading():
            reply = Reply(
                tuple(properties(one, ()) for one in found),
                error_records(pipeline.streams.error),
                plain_texts(pipeline.streams.warning),
            )
        lost = lines.close(pipeline)
        if lost:
            raise ConnectionError(lost)
        return reply
