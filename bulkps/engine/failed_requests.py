"""What a retry does about a request that Exchange accepted and then failed. Pure.

It is looked up first. If it is still failed, the operation says what follows: a cmdlet that resumes it, or
one that removes it, after which the row's step is sent again under the next name. Either is sent only right
after a lookup that shows it failed: a request that a person resumed meanwhile is followed, never removed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bulkps.engine.config import SEEN
from bulkps.engine.item import FAILED_AT_EXCHANGE, IN_DOUBT, Item
from bulkps.engine.outcome_evaluator import NO_SUCH_OBJECT, OutcomeEvaluator, Transition, advice_of
from bulkps.engine.recorded_events import ItemEvent
from bulkps.exchange.calls_and_outcomes import Answer, Outcome
from bulkps.exchange.error_catalog import ErrorClass, KnownError, Meaning, classify
from bulkps.operations.model import Step

#: Where an item keeps facts about its requests: among its outputs, under a name that no step has.
_OWN = "item"
#: The name that the request has; that it was resumed.
_NAME, _RESUMED = "name", "resumed"
#: How old the lookup may be when the cmdlet is sent, in seconds.
_FRESH = 30.0


@dataclass(frozen=True)
class FailedRequests:
    """Decides about items whose request failed at Exchange.

    Attributes:
        evaluator: Judges everything else.
        catalogue: What errors mean.
    """

    evaluator: OutcomeEvaluator
    catalogue: tuple[KnownError, ...]

    def concerns(self, item: Item) -> bool:
        """Return whether *item* is looked up because its request had failed."""
        step = self._steps[item.step]
        looks = item.code == FAILED_AT_EXCHANGE and bool(self.evaluator.operation.recovering(step))
        return looks or step.recovers is not None

    def is_stale(self, item: Item, now: float) -> bool:
        """Return whether *item* must be looked up once more before its cmdlet may be sent."""
        return self._steps[item.step].recovers is not None and now - item.doubt.since > _FRESH

    def looked_up(
        self, item: Item, verdict: str, proof: Mapping[str, object], now: float, *, stops: bool
    ) -> Transition:
        """Return what becomes of *item* after the lookup.

        Args:
            item: The item.
            verdict: What the lookup shows: ``happened`` (it exists) or ``absent``.
            proof: The object, if there is one.
            now: Epoch seconds.
            stops: Whether the run is about to end, so nothing more is started.
        """
        at, base = self._steps[item.step], self._base(item)
        follow = self._steps[base].follow
        if verdict == "absent":
            # It does not matter who removed it: the request that this row wanted removed is gone.
            return self.made_anew(item)
        status = str(proof.get(follow.status) or "") if follow else ""
        if follow is None or status not in follow.failed:
            # A person, or an earlier try, resumed it.
            item = self._own(item, {_RESUMED: "yes"}) if at.recovers else item
            goes_on = replace(
                item, step=base, warnings=(*item.warnings, f"its request was resumed: {status}")
            )
            return self.evaluator.happened(goes_on, proof, ItemEvent.ADOPTED, now)
        if item.doubt.refusal:
            return self.given_back(item, now, there=True)
        if stops:
            return self.given_back(replace(item, step=base), now)
        return self._next(item, proof, now)

    def _next(self, item: Item, proof: Mapping[str, object], now: float) -> Transition:
        """Return *item* ready for the first cmdlet that may help."""
        base = self._base(item)
        step = self._steps[base]
        kept = {name: str(proof[name]) for name in step.keep if proof.get(name) is not None}
        item = replace(item, outputs={**item.outputs, step.name: {**item.outputs.get(step.name, {}), **kept}})
        for index in self.evaluator.operation.recovering(step):
            recovers = self._steps[index].recovers
            if recovers is None or not self._fits(item, index):
                continue
            longest = self.evaluator.config.batch_time + self.evaluator.config.settle
            held = (item.sent_at or 0.0) + longest
            if recovers.then == "anew" and now < held <= now + longest:
                # An earlier send of this name may still arrive; it is refused while the name is in use.
                return Transition(replace(item, not_before=held), ItemEvent.STILL_IN_DOUBT)
            attempt = item.attempt if index == item.step else 0
            ready = replace(item.at_step(index), attempt=attempt, not_before=0.0)
            return Transition(ready.with_doubt(unresolved=False, since=now), ItemEvent.RECOVERING)
        return self.given_back(replace(item, step=base), now)

    def _fits(self, item: Item, index: int) -> bool:
        recovers = self._steps[index].recovers
        if recovers is None:
            return False
        own = item.outputs.get(_OWN, {})
        if recovers.then == "follow" and own.get(_RESUMED):
            return False
        said = self._said(item)
        return not any(re.search(pattern, said) for pattern in recovers.unless)

    def _said(self, item: Item) -> str:
        """Return what Exchange said about the failure."""
        step = self._steps[self._base(item)]
        detail = step.follow.detail if step.follow else None
        kept = item.outputs.get(step.name, {})
        told = [kept[name] for name in (detail.keep if detail else ()) if kept.get(name)]
        return ": ".join(told)

    def answered(self, item: Item, outcome: Outcome, now: float, chance: float) -> Transition:
        """Return what becomes of *item* after the answer to the cmdlet."""
        step = self._steps[item.step]
        if outcome.answer is Answer.NOT_SENT:
            return Transition(item.waiting(0.0, counted=False), ItemEvent.NOT_SENT)
        if outcome.errors and outcome.answer is not Answer.LOST:
            return self._refused(item, classify(outcome.errors, self.catalogue, mutates=True), now, chance)
        if outcome.answer is not Answer.COMPLETED:
            reason = outcome.errors[0].message if outcome.errors else "it was not answered"
            return self.unanswered(item, f"{step.cmdlet} was sent: {reason}", now)
        if step.recovers and step.recovers.then == "anew":
            return self.made_anew(item)
        return self._goes_on(item, now)

    def unanswered(self, item: Item, reason: str, now: float) -> Transition:
        """Return *item* to be looked up, because no answer shows whether its cmdlet did anything."""
        wait = self.evaluator.config.wait_after(ErrorClass.TRANSIENT, item.attempt, 0.0)
        if wait is None:
            return self.given_back(item, now, reason)
        until = now + self.evaluator.config.lookup.wait_after(0)
        return Transition(item.doubted(now, until, FAILED_AT_EXCHANGE, reason), ItemEvent.IN_DOUBT)

    def _refused(self, item: Item, meaning: Meaning, now: float, chance: float) -> Transition:
        known = meaning.known
        kind, message = known.error_class, meaning.record.message
        named = meaning.wait if kind is ErrorClass.THROTTLED else None
        wait = self.evaluator.config.wait_after(kind, item.attempt, chance)
        if wait is not None or (kind is ErrorClass.AUTH and known.reconnect):
            until = now + max(wait or 0.0, meaning.wait or 0.0)
            waits = item.doubted(now, until, FAILED_AT_EXCHANGE, message)
            transition = Transition(waits, ItemEvent.RETRY, error_class=kind)
        elif kind is ErrorClass.UNCERTAIN and known.retry == "after-lookup" and known.id != "unknown-error":
            transition = self.unanswered(item, message, now)
        elif known.scope == "row":
            # The module may have tried twice: the first try did it, and the second failed because of that.
            # The lookup tells. What was just removed may still be shown for a while.
            gone = known.id in NO_SUCH_OBJECT
            until = now + (SEEN if gone else self.evaluator.config.lookup.wait_after(0))
            looks = item.doubted(now, until, FAILED_AT_EXCHANGE, message, known.advice)
            transition = Transition(looks.with_doubt(refusal=known.id), ItemEvent.REFUSED)
        else:
            transition = self.given_back(item, now, message, known.advice)
        return replace(
            transition,
            scope=known.scope,
            error_class=transition.error_class or kind,
            reconnect=known.reconnect,
            named_wait=named,
        )

    def _goes_on(self, item: Item, now: float) -> Transition:
        """Return *item* with its resumed request being followed."""
        base = self._base(item)
        step = self._steps[base]
        follow = step.follow
        if follow is None:
            return self.given_back(item, now)
        of_failure = set(follow.detail.keep) if follow.detail else set()
        kept = {
            name: value for name, value in item.outputs.get(step.name, {}).items() if name not in of_failure
        }
        item = self._own(item, {_RESUMED: "yes"})
        item = replace(item, step=base, outputs={**item.outputs, step.name: kept}, progress="")
        # Exchange may still show it as failed for a while.
        item = replace(item, code="", error="", advice="", not_before=now + SEEN)
        item = item.with_doubt(unresolved=False)
        return Transition(item.following(self.evaluator.ref(item)), ItemEvent.RESUMED)

    def made_anew(self, item: Item) -> Transition:
        """Return *item* ready to send its step again under the next name: the failed request is gone."""
        base = self._base(item)
        name = item.outputs.get(_OWN, {}).get(_NAME, item.key)
        number = int(name.removeprefix(item.key).removeprefix("-") or 1) + 1
        outputs = {
            step: kept for step, kept in item.outputs.items() if step not in (_OWN, self._steps[base].name)
        }
        outputs[_OWN] = {_NAME: f"{item.key}-{number}"}
        gone = (
            "its failed request was removed, and a new one is created. What the old request copied stays in "
            "the target; conflict_resolution decides whether it is copied again"
        )
        item = replace(item, outputs=outputs, ref="", progress="", code="", error="", advice="")
        item = item.with_doubt(unresolved=False)
        ready = replace(item.at_step(base), attempt=1, not_before=0.0, warnings=(*item.warnings, gone))
        return Transition(ready, ItemEvent.MADE_ANEW)

    def given_back(
        self, item: Item, now: float, why: str = "", advice: str = "", *, there: bool = False
    ) -> Transition:
        """Return *item* FAILED as before: its request is still failed.

        Args:
            item: The item.
            now: Epoch seconds.
            why: What kept it from being finished, or empty.
            advice: What an administrator can do about that.
            there: Whether the lookup has just shown the request.
        """
        follow = self._steps[self._base(item)].follow
        said = self._said(item)
        words = why or (item.error if item.doubt.refusal else "")
        cmdlet = self._steps[item.step].cmdlet
        error = f"Exchange accepted it and then failed. Exchange says {item.progress or 'Failed'}"
        error += f": {said}" if said else ""
        error += f". {cmdlet} did not help: {words}" if words and self._steps[item.step].recovers else ""
        first = advice or (item.advice if item.doubt.refusal else "")
        told = " ".join(filter(None, (first, advice_of(follow, item) if follow else "")))
        if there or not item.attempt:
            # The next retry need not know about a cmdlet that was never sent or had no effect.
            item = replace(item, step=self._base(item))
        item = item.with_doubt(unresolved=False)
        return Transition(
            item.failed(now, FAILED_AT_EXCHANGE, error, told),
            ItemEvent.FAILED,
            error_class=ErrorClass.PERMANENT,
        )

    def look_again(self, item: Item, now: float) -> Transition:
        """Return *item* to be looked up before its cmdlet is sent: the last lookup is too old."""
        looks = item.doubted(now, now, FAILED_AT_EXCHANGE, item.error)
        return Transition(looks, ItemEvent.STILL_IN_DOUBT)

    def as_gone(self, item: Item) -> Item:
        """Return *item*, which only waited for a lookup, as one whose request may or may not exist."""
        return replace(item, step=self._base(item), code=IN_DOUBT).with_doubt(unresolved=True)

    def waits_for_removal(self, item: Item) -> bool:
        """Return whether this row itself had its request removed."""
        recovers = self._steps[item.step].recovers
        return recovers is not None and recovers.then == "anew" and item.attempt > 0

    def _own(self, item: Item, facts: Mapping[str, str]) -> Item:
        """Return *item* with *facts* about its request."""
        return replace(item, outputs={**item.outputs, _OWN: {**item.outputs.get(_OWN, {}), **facts}})

    @property
    def _steps(self) -> tuple[Step, ...]:
        return self.evaluator.operation.steps

    def _base(self, item: Item) -> int:
        step = self._steps[item.step]
        return self.evaluator.operation.index_of(step.recovers.step) if step.recovers else item.step
