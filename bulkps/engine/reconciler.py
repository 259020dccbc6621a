"""Lookups about single items: did a step in doubt happen, why did a request fail? Pure."""

import math
from dataclasses import dataclass, replace

from bulkps.engine import resend
from bulkps.engine.config import SEEN, BulkOperationConfig
from bulkps.engine.failed_requests import FailedRequests
from bulkps.engine.item import IN_DOUBT, Item, Phase
from bulkps.engine.outcome_evaluator import NO_SUCH_OBJECT, OutcomeEvaluator, Transition, text
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.resend import Decision, Fact, Known
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet, Outcome
from bulkps.exchange.error_catalog import UNKNOWN_MUTATION, ErrorClass, KnownError, classify
from bulkps.operations.item_queries import Detail, ReconcileQuery
from bulkps.operations.model import Step
from bulkps.operations.parameter_binding import bind_lookup
from bulkps.operations.step_proof import matching

#: Why an absence is not believed.
_UNKNOWN = (
    "bulkps does not know this error. {cmdlet} shows that nothing was changed. Fix the cause that Exchange "
    "names; bulkps retry sends the row again."
)
_CLEARED = (
    "{cmdlet} does not show it, but it was sent so long ago that it may have been completed and cleared "
    "since. Check the target mailbox for what was copied."
)


@dataclass(frozen=True)
class Lookup:
    """A query about one item.

    Attributes:
        index: Which lookup of its step.
        status: The status whose reason is asked; empty for a lookup.
        missed: Whether it looks for one followed item that the run's own query does not show.
    """

    index: int = 0
    status: str = ""
    missed: bool = False

    @property
    def follows(self) -> bool:
        """Whether it is about an item at Exchange."""
        return bool(self.status) or self.missed


@dataclass(frozen=True)
class Reconciler:
    """Binds lookups and evaluates their answers.

    Attributes:
        evaluator: Evaluates everything else.
        config: How often and how long items are looked up.
        catalogue: What errors mean.
        failed_requests: Decides about items whose request failed at Exchange.
    """

    evaluator: OutcomeEvaluator
    config: BulkOperationConfig
    catalogue: tuple[KnownError, ...]
    failed_requests: FailedRequests

    def missed(self, item: Item) -> Lookup | None:
        """Return the lookup for a followed *item* that the run's own query does not show, or None.

        A request that another run created, and this one adopted, is in another batch.
        """
        return Lookup(missed=True) if self._step(item).reconcile else None

    def tells_absence(self, item: Item) -> bool:
        """Return whether a lookup for a followed *item* is possible and can show that it does not exist."""
        reconcile = self._step(item).reconcile
        can_tell = bool(reconcile) and reconcile[0].missing == "absent"
        return can_tell and self.cmdlet(item, Lookup(missed=True)) is not None

    def passes(self, outcome: Outcome) -> bool:
        """Return whether the cause of an unclear answer may be temporary."""
        if not outcome.errors or outcome.answer in (Answer.LOST, Answer.NOT_SENT):
            return True
        known = classify(outcome.errors, self.catalogue, mutates=False).known
        return known.error_class not in (ErrorClass.PERMANENT, ErrorClass.AUTH)

    def is_there(self, item: Item, outcome: Outcome) -> bool | None:
        """Return whether the lookup for a followed *item* shows it; None if it does not tell."""
        verdict, _ = self._verdict(item, self._step(item).reconcile[0], outcome)
        return {"happened": True, "absent": False}.get(verdict)

    def _found_alone(self, item: Item, outcome: Outcome, now: float) -> Transition | Lookup:
        step = self._step(item)
        fitting = matching(step.reconcile[0].match, self.evaluator.filled(item), outcome.output)
        status = str(fitting[0].get(step.follow.status) or "") if len(fitting) == 1 and step.follow else ""
        if not status or self.evaluator.is_stale(item, status, now):
            return Transition(item, ItemEvent.PROGRESS)
        transition = self.evaluator.followed(item, status, now)
        return (
            self.why(item, status, curious=False)
            or transition
            or Transition(replace(item, progress=status), ItemEvent.PROGRESS)
        )

    def why(self, item: Item, status: str, *, curious: bool) -> Lookup | None:
        """Return the lookup that tells why a followed *item* has this bad *status*, or its progress.

        None if no lookup would tell, or the answer is not needed.

        Args:
            item: The item.
            status: What Exchange says about it.
            curious: Whether it is its turn to be asked for its progress.
        """
        follow = self._step(item).follow
        if follow is None or follow.detail is None:
            return None
        waits = status in follow.waiting and item.progress != status
        if status not in (*follow.failed, *follow.warned) and not waits:
            ended = status in follow.completed and self.config.follow.final_statistics
            if not (follow.detail.progress and (curious or ended)):
                return None
        return Lookup(status=status)

    def cmdlet(self, item: Item, lookup: Lookup) -> tuple[Cmdlet, tuple[str, ...]] | None:
        """Return the query and the properties that it needs; None if a value for it is missing."""
        asked = self._asked(item, lookup)
        bound = bind_lookup(asked, self.evaluator.filled(item))
        if bound is None:
            return None
        if isinstance(asked, Detail):
            return bound, (*asked.keep, *asked.progress)
        step = self._step(item)
        status = (step.follow.status,) if step.follow else ()
        return bound, tuple(dict.fromkeys((*asked.match, *step.keep, *status)))

    def next_after(self, item: Item, lookup: Lookup) -> Lookup | None:
        """Return the lookup to ask when *lookup* did not tell, or None if it was the last."""
        last = lookup.index + 1 >= len(self._step(item).reconcile)
        return None if lookup.follows or last else Lookup(lookup.index + 1)

    def answered(
        self,
        item: Item,
        lookup: Lookup,
        outcome: Outcome,
        now: float,
        chance: float,
        *,
        stops: bool,
        gives_up: bool = True,
    ) -> Transition | Lookup:
        """Return what becomes of *item* after the answer, or the lookup to ask next.

        Args:
            item: The item.
            lookup: What was asked.
            outcome: The answer.
            now: Epoch seconds.
            chance: In [0, 1).
            stops: Whether the run is about to end, so nothing is sent again.
            gives_up: Whether to stop asking why it has its status if the answer does not tell.
        """
        if lookup.status and not tells(outcome) and not gives_up:
            # It is asked about again when the next poll shows it.
            return Transition(item, ItemEvent.PROGRESS)
        if lookup.status:
            return self._explained(item, lookup.status, outcome, now)
        if lookup.missed:
            return self._found_alone(item, outcome, now)
        return self._looked_up(item, lookup, outcome, now, None if stops else chance)

    def _looked_up(
        self, item: Item, lookup: Lookup, outcome: Outcome, now: float, chance: float | None
    ) -> Transition | Lookup:
        """Return what becomes of *item* after a lookup whether its step happened.

        Args:
            item: The item.
            lookup: What was asked.
            outcome: The answer.
            now: Epoch seconds.
            chance: In [0, 1); None where the run is about to end.
        """
        asked = self._step(item).reconcile[lookup.index]
        if outcome.answer is Answer.NOT_SENT:
            return self._again(item, "it was not looked up yet", now, counted=False)
        if outcome.answer is Answer.LOST:
            return self._again(item, f"the answer of {asked.cmdlet} was lost", now)
        verdict, proof = self._verdict(item, asked, outcome)
        if verdict == "failed":
            return self._failed_to_ask(item, asked, outcome, now)
        if self.failed_requests.concerns(item):
            # A request that this row had removed is gone for that reason. After a long time it may also have
            # been resumed by a person, completed and cleared.
            cleared = verdict == "absent" and self._may_be_cleared(item, asked, now)
            stops = chance is None
            item, decided = self._failed_request(item, verdict, proof, now, stops=stops, cleared=cleared)
            if decided:
                return decided
        if verdict == "happened":
            before = "its answer was lost" if item.code == IN_DOUBT else "Exchange has it already"
            found = f"{before}; {asked.cmdlet} shows it"
            adopted = replace(item, warnings=(*item.warnings, found))
            return self.evaluator.happened(adopted, proof, ItemEvent.ADOPTED, now)
        if verdict == "absent":
            return self._absent(item, asked, now, chance)
        following = self.next_after(item, lookup)
        return following or self._cannot_tell(item, now)

    def _failed_to_ask(self, item: Item, asked: ReconcileQuery, outcome: Outcome, now: float) -> Transition:
        """Return *item* after Exchange refused the query about it."""
        meaning = classify(outcome.errors, self.catalogue, mutates=False)
        # A throttled lookup was not even tried.
        counted = meaning.known.error_class is not ErrorClass.THROTTLED
        why = f"{asked.cmdlet} failed: {outcome.errors[0].message}"
        return replace(
            self._again(item, why, now, counted=counted),
            error_class=meaning.known.error_class,
            reconnect=meaning.known.reconnect,
            named_wait=meaning.wait,
        )

    def _failed_request(
        self,
        item: Item,
        verdict: str,
        proof: dict[str, object],
        now: float,
        *,
        stops: bool,
        cleared: bool,
    ) -> tuple[Item, Transition | None]:
        """Return what becomes of an item whose request had failed; None for any other case."""
        requests = self.failed_requests
        removed = verdict == "absent" and requests.waits_for_removal(item) and not cleared
        if verdict == "happened" or removed:
            return item, requests.looked_up(item, verdict, proof, now, stops=stops)
        return (requests.as_gone(item) if verdict == "absent" else item), None

    def _step(self, item: Item) -> Step:
        """Return the step whose lookups and follow rules apply to *item*."""
        operation = self.evaluator.operation
        return operation.failed_at(operation.steps[item.step])

    def nothing_asks(self, item: Item, lookup: Lookup, now: float) -> Transition:
        """Return *item* when neither *lookup* nor any other can be asked."""
        if lookup.follows:
            transition = self.evaluator.followed(item, lookup.status, now) if lookup.status else None
            return transition or Transition(item, ItemEvent.PROGRESS)
        return self._cannot_tell(item, now)

    def _cannot_tell(self, item: Item, now: float) -> Transition:
        return self._again(item, "Exchange cannot confirm whether the change was made", now)

    def _asked(self, item: Item, lookup: Lookup) -> ReconcileQuery | Detail:
        step = self._step(item)
        if lookup.status and step.follow and step.follow.detail:
            return step.follow.detail
        return step.reconcile[lookup.index]

    def _verdict(self, item: Item, asked: ReconcileQuery, outcome: Outcome) -> tuple[str, dict[str, object]]:
        if outcome.errors:
            known = classify(outcome.errors, self.catalogue, mutates=False).known
            return (asked.missing if known.id in NO_SUCH_OBJECT else "failed"), {}
        if outcome.answer is not Answer.COMPLETED:
            return "unknown", {}
        fitting = matching(asked.match, self.evaluator.filled(item), outcome.output)
        if len(fitting) == 1:
            return asked.found, dict(fitting[0])
        # If more than one fits, the answer is not about this item alone.
        return ("unknown" if fitting else asked.missing), {}

    def _absent(self, item: Item, asked: ReconcileQuery, now: float, chance: float | None) -> Transition:
        final = item.code != IN_DOUBT
        wait = None if final else self.config.wait_after(ErrorClass.TRANSIENT, item.attempt, chance or 0.0)
        doubt = item.doubt
        settled = known_at = doubt.since + min(self.config.settle, SEEN if doubt.ended else math.inf)
        if wait is not None and self._step(item).repeat_refused:
            settled = min(settled, doubt.since + (0.0 if doubt.ended else SEEN))
        if chance is not None and now < settled:
            return Transition(replace(item, not_before=settled), ItemEvent.STILL_IN_DOUBT)
        facts = resend.when(
            (chance is None, Fact.STOPPING),
            (self._may_be_cleared(item, asked, now), Fact.CLEARED),
            (final, Fact.REFUSED_BEFORE),
            (wait is not None, Fact.TRIES_LEFT),
        )
        decision = resend.decide(Known.ABSENT, facts)
        if decision is Decision.LEAVE:
            unseen = f"{asked.cmdlet} did not show it before the run was over"
            why = unseen if chance is None else _CLEARED.format(cmdlet=asked.cmdlet)
            return self.evaluator.left_in_doubt(item, f"{item.error} {why}", now)
        item = item.with_doubt(unresolved=now < known_at)
        if decision is Decision.SEND:
            until = max(now + (wait or 0.0), doubt.resend_from)
            return Transition(item.waiting(until, IN_DOUBT, item.error), ItemEvent.ABSENT)
        return self._refused_for_good(item, asked, now) if final else self._given_up(item, asked, now)

    def _refused_for_good(self, item: Item, asked: ReconcileQuery, now: float) -> Transition:
        """Return *item* FAILED as Exchange said: a lookup confirms that it did not happen."""
        kind = next((entry.error_class for entry in self.catalogue if entry.id == item.code), None)
        unknown = item.code == UNKNOWN_MUTATION.id
        advice = _UNKNOWN.format(cmdlet=asked.cmdlet) if unknown else item.advice
        failed = item.failed(now, item.code, item.error, advice)
        return Transition(failed, ItemEvent.FAILED, error_class=kind)

    def is_unsure(self, item: Item) -> bool:
        """Return whether *item*, which is ready, needs another lookup if the last one was long ago.

        Sending such an item again is safe because Exchange refuses a repeat. But it does so only while the
        created object exists, and that may be removed.
        """
        facts = resend.when((item.doubtful, Fact.DOUBTFUL)) | Fact.OUTDATED
        operation = self.evaluator.operation
        declared = resend.declared(operation, operation.steps[item.step])
        return resend.decide(Known.READY, facts | declared) is Decision.LOOK_UP

    def is_stale(self, item: Item, now: float) -> bool:
        """Return whether an item that is ready to be sent again needs another lookup first."""
        return self.is_unsure(item) and now > item.not_before + SEEN

    def look_again(self, item: Item, now: float) -> Transition:
        """Return *item* to be looked up before it is sent."""
        return Transition(self.unsure(item, now), ItemEvent.STILL_IN_DOUBT)

    def unsure(self, item: Item, doubted_at: float) -> Item:
        """Return *item*, which was ready, in doubt since *doubted_at* (epoch seconds)."""
        # Whatever error it had last: if the lookup does not show it, it is simply sent again.
        doubtful = replace(item, phase=Phase.DOUBT, code=IN_DOUBT, not_before=doubted_at)
        return doubtful.with_doubt(since=doubted_at)

    def _may_be_cleared(self, item: Item, asked: ReconcileQuery, now: float) -> bool:
        """Return whether what was created may be gone again, so its absence proves nothing."""
        if asked.proves_within is None or item.doubt.ended or item.sent_at is None:
            return False
        # This also holds if it had failed at Exchange: a person may have resumed it, and it was completed.
        # If this clock says that it was sent in the future, one of two clocks is wrong, and nothing is sure.
        return not -SEEN <= now - item.sent_at <= asked.proves_within + self.config.settle

    def _given_up(self, item: Item, asked: ReconcileQuery, now: float) -> Transition:
        """Return *item* FAILED after its last allowed attempt: a lookup does not show it."""
        times = f"sent {item.attempt} time{'s' * (item.attempt != 1)}"
        shows = f"{asked.cmdlet} shows that it did not happen"
        if item.doubt.refusal:
            # It was answered: Exchange's own words are the reason.
            code, error = item.doubt.refusal, f"{item.error} ({times}, refused; {shows})"
        else:
            never = "never answered" if item.attempt == 1 else "the last time without an answer"
            code, error = "never-answered", f"{times}, {never}, and {shows}. {item.error}"
        advice = f"{item.advice} bulkps retry sends it again.".strip()
        return Transition(
            item.failed(now, code, error, advice), ItemEvent.FAILED, error_class=ErrorClass.TRANSIENT
        )

    def _again(self, item: Item, reason: str, now: float, *, counted: bool = True) -> Transition:
        lookups = item.doubt.lookups + (1 if counted else 0)
        if lookups >= self.config.lookup.attempts and self.failed_requests.concerns(item):
            return self.failed_requests.given_back(item, now, f"looked up {lookups} times: {reason}")
        if lookups >= self.config.lookup.attempts:
            return self.evaluator.left_in_doubt(
                item, f"{item.error} Looked up {lookups} times: {reason}", now
            )
        until = now + self.config.lookup.wait_after(lookups)
        waits = replace(item, not_before=until).with_doubt(lookups=lookups)
        return Transition(waits, ItemEvent.STILL_IN_DOUBT)

    def _explained(self, item: Item, status: str, outcome: Outcome, now: float) -> Transition:
        found = outcome.output[0] if len(outcome.output) == 1 else {}
        asked = self._asked(item, Lookup(status=status))
        keep, progress = (asked.keep, asked.progress) if isinstance(asked, Detail) else ((), ())
        step = self._step(item).name
        follow = self._step(item).follow
        # The reason for the failure also decides what a retry does about it.
        of_failure = keep if follow and status in follow.failed else ()
        told = (*progress, *of_failure)
        far = {name: text(found[name]) for name in told if found.get(name) not in (None, "")}
        item = replace(item, outputs={**item.outputs, step: {**item.outputs.get(step, {}), **far}})
        why = ": ".join(filter(None, (text(found.get(name) or "") for name in keep)))
        if follow and status in follow.completed and not tells(outcome):
            cmdlet = asked.cmdlet
            item = replace(item, warnings=(*item.warnings, f"{cmdlet} did not say how much was copied"))
        transition = self.evaluator.followed(item, status, now, why)
        return transition or Transition(replace(item, progress=status), ItemEvent.PROGRESS)


def tells(outcome: Outcome) -> bool:
    """Return whether the answer to a lookup about one item tells anything."""
    return outcome.answer is Answer.COMPLETED and not outcome.errors and len(outcome.output) == 1
