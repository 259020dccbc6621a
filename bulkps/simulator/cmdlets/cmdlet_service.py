"""Runs cmdlets for all sessions: one tenant, its faults, its throttling, its latency, its effects file."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TextIO

from bulkps.simulator.cmdlets.binder import Arguments
from bulkps.simulator.cmdlets.cmdlet_result import Answer, Value
from bulkps.simulator.cmdlets.cmdlet_table import execute, is_offered
from bulkps.simulator.cmdlets.exchange_error_form import in_full
from bulkps.simulator.cmdlets.faults import Budget, Fault, Faults, error_of
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.tenant.tenant import Tenant, not_found

#: An additional cmdlet: a function of its parameters, and an event that is set to stop it.
Further = Callable[[Mapping[str, Value], threading.Event], Answer]
#: Parameters that limit a reading cmdlet: without any of them it reads everything.
_NAMING = frozenset(
    {"identity", "filter", "anr", "targetmailbox", "name", "batchname", "storemailboxidentity"}
)
#: Reading cmdlets with only a small result.
_SMALL = frozenset({"Get-OrganizationConfig", "Get-AcceptedDomain", "Get-Command", "Get-RetentionPolicy"})
_ABOUT = ("identity", "sourcemailbox", "inactivemailbox")


class Ending(Enum):
    """How a cmdlet's run ended, as the wire sees it."""

    ANSWERED = "answered"
    STOPPED = "stopped"
    HANGS = "hangs"
    SESSION_LOST = "session lost"


@dataclass(frozen=True)
class Run:
    """The result of running a cmdlet.

    Attributes:
        ending: How it ended.
        answer: What it wrote.
    """

    ending: Ending
    answer: Answer


class Service:
    """Runs cmdlets against one tenant, one at a time, for any number of sessions at once.

    Args:
        tenant: The tenant.
        faults: Which calls fail.
        budget: How many cmdlets may run in a time, or None for any number.
        latency: How long each cmdlet takes, in seconds.
        effects: File to which each change is appended as a JSON line, or None.
        clock: Tells the time in seconds since the epoch.
        offer: The cmdlets and parameters that exist for the caller; all of them without it.
        further: Additional cmdlets by name, for rehearsals of other operations.

    Attributes:
        tenant: The tenant.
        offer: The cmdlets and parameters that exist.
        calls: How often each cmdlet was called, by the name that was sent.
        inventories: How often each read everything: Get-* calls without a named object.
        batches: How often Invoke-BulkPSBatch was called.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        faults: Faults,
        budget: Budget | None,
        latency: float,
        effects: Path | None,
        clock: Callable[[], float],
        offer: Offer | None = None,
        further: Mapping[str, Further] | None = None,
    ) -> None:
        self.tenant, self.offer = tenant, offer or Offer()
        self._further = dict(further or {})
        self.calls: Counter[str] = Counter()
        self.inventories: Counter[str] = Counter()
        self.batches = 0
        self._faults, self._budget, self._latency, self._clock = faults, budget, latency, clock
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._closing = ExitStack()
        self._effects: TextIO | None = None
        if effects is not None:
            self._effects = self._closing.enter_context(effects.open("a", encoding="utf-8", newline="\n"))

    def close(self) -> None:
        """Close the effects file."""
        with self._lock:
            self._effects = None
            self._closing.close()

    def offers(self, cmdlet: str) -> bool:
        """Return whether the caller may run *cmdlet*."""
        return cmdlet in self._further or is_offered(cmdlet, self.offer)

    def begin_batch(self) -> None:
        """Count a call of Invoke-BulkPSBatch."""
        with self._lock:
            self.batches += 1

    def run(self, cmdlet: str, arguments: Arguments, stop: threading.Event) -> Run:
        """Run *cmdlet* with *arguments*; setting *stop* while it waits ends it before it does anything.

        Effects are on file when this returns.
        """
        facts = self.offer.facts(cmdlet)
        name = facts.name if facts else cmdlet
        with self._lock:
            self.calls[name] += 1
            number = self.calls[name]
            if _reads_all(name, arguments):
                self.inventories[name] += 1
        if cmdlet in self._further:
            own = self._further[cmdlet]({key or "": value for key, value in arguments}, stop)
            return Run(Ending.STOPPED if stop.is_set() else Ending.ANSWERED, own)
        if self._latency:
            stop.wait(self._latency)
        with self._lock:
            if stop.is_set():
                return Run(Ending.STOPPED, Answer())
            now = self._clock()
            fault = self._fault(name, number, arguments, bool(facts and facts.mutates), now)
            if fault in {Fault.TRANSIENT, Fault.THROTTLED}:
                return Run(Ending.ANSWERED, Answer(errors=[in_full(error_of(fault), self.tenant, name, now)]))
            if fault is Fault.SESSION_LOST:
                return Run(Ending.SESSION_LOST, Answer())
            answer = execute(self.tenant, cmdlet, arguments, now, self.offer)
            self._record(answer)
        return self._seen(fault, answer, name, now)

    def _seen(self, fault: Fault | None, answer: Answer, cmdlet: str, now: float) -> Run:
        """Return what the client sees of *answer* with a *fault* that lets the cmdlet run."""
        if fault is Fault.ANSWER_LOST:
            return Run(Ending.SESSION_LOST, answer)
        if fault is Fault.HANG:
            return Run(Ending.HANGS, answer)
        if fault is Fault.SILENT:
            return Run(Ending.ANSWERED, Answer())
        if fault is Fault.BROKEN_OFF:
            gone = in_full(not_found("CN=Gone").info, self.tenant, cmdlet, now)
            half = answer.output[: len(answer.output) // 2]
            return Run(Ending.ANSWERED, replace(answer, output=half, errors=[*answer.errors, gone]))
        return Run(Ending.ANSWERED, answer)

    def _fault(
        self, cmdlet: str, number: int, arguments: Arguments, mutates: bool, now: float
    ) -> Fault | None:
        if self._budget is not None and not self._budget.take(now):
            return Fault.THROTTLED
        about = next((str(value) for name, value in arguments if (name or "").casefold() in _ABOUT), "")
        self._attempts[cmdlet, about] += 1
        return self._faults.decide(
            self.tenant.seed,
            cmdlet,
            number,
            identity=about,
            attempt=self._attempts[cmdlet, about],
            mutates=mutates,
        )

    def _record(self, answer: Answer) -> None:
        if self._effects is None or not answer.effects:
            return
        for effect in answer.effects:
            self._effects.write(json.dumps(effect, ensure_ascii=False) + "\n")
        self._effects.flush()


def _reads_all(cmdlet: str, arguments: Arguments) -> bool:
    """Return whether a call reads an inventory. A positional argument names an object."""
    if not cmdlet.startswith("Get-") or cmdlet in _SMALL:
        return False
    given = {
        (name or "identity").lstrip("-").casefold() for name, value in arguments if value not in (None, "")
    }
    return not given & _NAMING
