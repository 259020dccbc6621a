"""Reads on another thread while the run's lease is renewed, and looks whether somebody wants it to stop."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from bulkps.engine.driver import BEAT
from bulkps.engine.machine_messages import Finish, StopReason
from bulkps.errors import CannotConnect
from bulkps.preflight.query_executor import Interrupted, QueryExecutor
from bulkps.records.recorder import Recorder

T = TypeVar("T")


def while_beating(read: Callable[[], T], reader: QueryExecutor, recorder: Recorder) -> T:
    """Return what *read* returns.

    Args:
        read: Uses *reader*, and nothing else of the run.
        reader: What is interrupted.
        recorder: The run's records.

    Raises:
        Interrupted: If another process asked for a pause or a cancellation; its text says which.
        RunOwnedElsewhere: If another process took the run over.
    """
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(read)
        try:
            while future not in wait([future], BEAT).done:
                if wish := recorder.beat():
                    raise Interrupted(wish)
        except BaseException:
            # Leaving the "with" block waits for the thread.
            reader.interrupt()
            raise
        return future.result()


def why_stopped(error: CannotConnect | Interrupted, recorder: Recorder) -> Finish:
    """Return why a run stops whose reading ended with *error*; a cancelled run's unsent rows are skipped."""
    if isinstance(error, CannotConnect):
        return Finish(StopReason.CANNOT_CONNECT, error.reason, error.advice)
    if str(error) != "cancel":
        return Finish(StopReason.PAUSED)
    code = StopReason.CANCELLED
    recorder.skip_pending(code.value, "never sent: the run was cancelled", time.time())
    return Finish(code)
