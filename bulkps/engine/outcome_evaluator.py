"""Decides what becomes of an item after an outcome. Pure; success needs proof, not only no error."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bulkps.engine import resend
from bulkps.engine.config import SEEN, BulkOperationConfig
from bulkps.engine.item import (
    FAILED_AT_EXCHANGE,
    IN_DOUBT,
    ITEMS_LEFT_BEHIND,
    REQUEST_GONE,
    WAITS_FOR_OPERATOR,
    Item,
)
from bulkps.engine.recorded_events import ItemEvent
from bulkps.engine.resend import Decision, Fact, Known
from bulkps.exchange.calls_and_outcomes import Answer, ErrorRecord, Outcome, Value
from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.exchange.error_catalog import (
    UNKNOWN_READ,
    ErrorClass,
    KnownError,
    Meaning,
    classify,
)
from bulkps.operations.item_queries import Follow
from bulkps.operations.model import Operation, Step
from bulkps.operations.parameter_binding import follow_ref, places
from bulkps.operations.step_proof import proven

_DOUBT_ADVICE = (
    "bulkps does not send it again automatically. Check in Exchange whether the change was made. If not, "
    "put the row into a new file and run that file with --again."
)
#: Codes of the catalogue that say that an object does not exist.
NO_SUCH_OBJECT = ("not-found", "not-found-on-dc")
_RETRY_ADVICE = "Check in Exchange whether the change was made, or run bulkps retry, which checks again."
_HARMLESS_ADVICE = (
    "It was sent {attempts} times, and no answer shows whether the change was made. Sending it again is "
    "safe: bulkps retry sends it again."
)
_MIDWAY_ADVICE = (
    "Already done: {done}. Check in Exchange whether the last step was done too, and finish it by hand. "
    "Do not run the whole row again."
)


@dataclass(frozen=True)
class Transition:
    """What happened to an item.

    Attributes:
        item: The item after the outcome.
        event: What happened, for machines to match.
        scope: What the error applies to: ``row``, ``session`` or ``run``.
        error_class: The class of the error, or None.
        reconnect: Whether a new session may help the items that follow.
        named_wait: Seconds that Exchange asked all callers to wait, or None.
    """

    item: Item
    event: ItemEvent
    scope: str = "row"
    error_class: ErrorClass | None = None
    reconnect: bool = False
    named_wait: float | None = None


@dataclass(frozen=True)
class OutcomeEvaluator:
    """Judges outcomes by an operation, a policy and a catalogue.

    Attributes:
        operation: What is being done.
        config: How often something may be tried again.
        catalogue: What errors mean.
        batch: The run's BatchName.
    """

    operation: Operation
    config: BulkOperationConfig
    catalogue: tuple[KnownError, ...]
    batch: str

    def outcome(
        self, item: Item, outcome: Outcome, now: float, chance: float, begins_until: float = 0.0
    ) -> Transition:
        """Return what becomes of *item*, which was sent, after *outcome*.

        Args:
            item: The item.
            outcome: The outcome.
            now: Epoch seconds.
            chance: In [0, 1).
            begins_until: Epoch seconds until which its cmdlet may still start if its answer was lost.
        """
        step = self.operation.steps[item.step]
        item = replace(item, warnings=(*item.warnings, *outcome.warnings))
        if outcome.answer is Answer.NOT_SENT:
            return Transition(item.waiting(0.0, counted=False), ItemEvent.NOT_SENT)
        if step.polled and (transition := self._polled(item, step, outcome, now)):
            return transition
        if outcome.answer is Answer.LOST:
            reason = outcome.errors[0].message if outcome.errors else "the answer was lost"
            why = f"{step.cmdlet} was sent, its answer was never seen: {reason}"
            return self.doubt(item, why, now, begins_until=begins_until)
        if outcome.errors and not self._proven_all_the_same(item, step, outcome):
            return self._refused(item, step, outcome, now, chance)
        # An error beside the proof is a warning, because the result is there.
        item = replace(item, warnings=(*item.warnings, *(record.message for record in outcome.errors)))
        if outcome.answer is Answer.FAILED:
            return self.doubt(item, f"the pipeline of {step.cmdlet} failed without saying why", now)
        return self._answered(item, step, outcome, now)

    def _polled(self, item: Item, step: Step, outcome: Outcome, now: float) -> Transition | None:
        """Return what becomes of an item whose step only reads and is repeated; None for any other."""
        kind, named = None, None
        if outcome.errors and outcome.answer is not Answer.LOST:
            meaning = classify(outcome.errors, self.catalogue, mutates=False)
            kind, named = meaning.known.error_class, meaning.wait
            passing = kind in (ErrorClass.TRANSIENT, ErrorClass.THROTTLED, ErrorClass.UNCERTAIN)
            if not passing and meaning.known.id not in NO_SUCH_OBJECT:
                return None
        elif proven(step, self.filled(item), outcome.output) is not None:
            return None
        looking = self._look_again(item, step, now, named or 0.0)
        return replace(looking, error_class=kind, named_wait=named)

    def _look_again(self, item: Item, step: Step, now: float, least: float = 0.0) -> Transition:
        """Return an item whose step only reads: waiting to be read again, or FAILED after long enough."""
        wait = self.config.poll.wait_after(max(1, item.attempt))
        if wait is not None:
            reason = f"{step.cmdlet} does not show it yet"
            return Transition(item.waiting(now + max(wait, least), "not-shown", reason), ItemEvent.RETRY)
        error = f"{step.cmdlet} did not show it within {self.config.poll.give_up_after:g} s"
        advice = (
            f"Already done: {self._done_before(item)}. bulkps retry checks again and sends none of it twice."
        )
        return Transition(item.failed(now, "not-shown", error, advice), ItemEvent.FAILED)

    def _proven_all_the_same(self, item: Item, step: Step, outcome: Outcome) -> bool:
        return bool(step.returns) and proven(step, self.filled(item), outcome.output) is not None

    def doubt(
        self, item: Item, reason: str, now: float, *, ended: bool = False, begins_until: float = 0.0
    ) -> Transition:
        """Return *item* after no answer shows what happened.

        It is looked up, or sent again if that is harmless; otherwise it is left to a person.

        Args:
            item: The item.
            reason: Why the result is not known.
            now: Epoch seconds.
            ended: Whether its cmdlet is known to have ended.
            begins_until: Epoch seconds until which its cmdlet may still start; 0 if it has started.
        """
        step = self.operation.steps[item.step]
        if step.polled:
            return self._look_again(item, step, now)
        wait = self.config.wait_after(ErrorClass.TRANSIENT, item.attempt, 0.0)
        facts = self._declared(step) | resend.when((wait is not None, Fact.TRIES_LEFT))
        match resend.decide(Known.DOUBT, facts):
            case Decision.SEND:
                again = item.with_doubt(unresolved=True).waiting(now + (wait or 0.0), IN_DOUBT, reason)
                return Transition(again, ItemEvent.RETRY)
            case Decision.LOOK_UP:
                until = now + self.config.lookup.wait_after(0)
                since = max(now, begins_until)
                doubted = item.doubted(since, until, IN_DOUBT, reason, ended=ended)
                return Transition(doubted, ItemEvent.IN_DOUBT)
            case _:
                return self.left_in_doubt(item, reason, now)

    def left_in_doubt(self, item: Item, reason: str, now: float) -> Transition:
        """Return *item* FAILED: a person has to check."""
        done = self._done_before(item)
        step = self.operation.steps[item.step]
        first = _RETRY_ADVICE if step.reconcile else _DOUBT_ADVICE
        if step.idempotent:
            first = _HARMLESS_ADVICE.format(attempts=item.attempt)
        advice = _MIDWAY_ADVICE.format(done=done) if done else first
        failed = item.failed(now, IN_DOUBT, reason, advice)
        return Transition(failed, ItemEvent.LEFT_IN_DOUBT, error_class=ErrorClass.UNCERTAIN)

    def _done_before(self, item: Item) -> str:
        steps = [step for step in self.operation.steps[: item.step] if step.name in item.outputs]
        return ", ".join(f"{step.name} ({step.cmdlet})" for step in steps)

    def _refused(self, item: Item, step: Step, outcome: Outcome, now: float, chance: float) -> Transition:
        facts = cmdlet_facts(step.cmdlet)
        meaning = classify(outcome.errors, self.catalogue, mutates=facts is None or facts.mutates)
        known = meaning.known
        transition = self._by_class(item, step, meaning, now, chance)
        wait = meaning.wait if known.error_class is ErrorClass.THROTTLED else None
        return replace(transition, scope=known.scope, reconnect=known.reconnect, named_wait=wait)

    def _by_class(self, item: Item, step: Step, meaning: Meaning, now: float, chance: float) -> Transition:
        known = meaning.known
        kind = known.error_class
        wait = self.config.wait_after(kind, item.attempt, chance)
        state, told = resend.told_by(known)
        if state is Known.DOUBT:
            return self._doubted(item, meaning, now)
        facts = resend.when((wait is not None, Fact.TRIES_LEFT), (item.doubtful, Fact.DOUBTFUL))
        match resend.decide(state, facts | told | self._declared(step), kind):
            case Decision.SEND:
                # One that a new session may help has no wait of its own, and gets no second session.
                until = 0.0 if wait is None else now + max(wait, meaning.wait or 0.0)
                again = item.waiting(until, known.id, meaning.record.message)
                return Transition(again, ItemEvent.RETRY, error_class=kind)
            case Decision.LOOK_UP:
                # An error of the cmdlet itself says that it has ended.
                transition = self._doubted(item, meaning, now, ended=Fact.OF_THE_ROW in told)
                return replace(transition, error_class=kind) if kind is ErrorClass.AUTH else transition
            case Decision.CONFIRM:
                return self._confirmed(item, state, meaning, now)
            case Decision.LEAVE:
                return self.left_in_doubt(item, meaning.record.message, now)
            case _:
                return self._ended(item, meaning, now)

    def _declared(self, step: Step) -> Fact:
        return resend.declared(self.operation, step)

    def _confirmed(self, item: Item, state: Known, meaning: Meaning, now: float) -> Transition:
        """Return *item* to be looked up although it was refused: it may have happened anyway."""
        known = meaning.known
        until = now + self.config.lookup.wait_after(0)
        # It was answered, so its cmdlet has ended, unless an earlier attempt is still running.
        ended = not item.doubtful
        doubted = item.doubted(now, until, known.id, meaning.record.message, known.advice, ended=ended)
        if state is Known.UNREADABLE:
            return Transition(doubted.with_doubt(refusal=known.id), ItemEvent.REFUSED)
        conflict = known.error_class is ErrorClass.CONFLICT
        return Transition(doubted, ItemEvent.CONFLICT if conflict else ItemEvent.IN_DOUBT)

    def _ended(self, item: Item, meaning: Meaning, now: float) -> Transition:
        """Return *item* FAILED: Exchange refused it, and would refuse it again."""
        known, done = meaning.known, self._done_before(item)
        advice = f"{known.advice} Already done: {done}." if done else known.advice
        if item.doubtful:
            advice += " An earlier attempt was never answered: check whether that change was made."
        failed = item.failed(now, known.id, meaning.record.message, advice)
        return Transition(failed, ItemEvent.FAILED, error_class=known.error_class)

    def _doubted(self, item: Item, meaning: Meaning, now: float, *, ended: bool = False) -> Transition:
        """Return *item* after an error that does not say whether anything was executed."""
        known = meaning.known
        transition = self.doubt(item, meaning.record.message, now, ended=ended and not item.doubtful)
        advice = f"{known.advice} {transition.item.advice}".strip()
        doubted = replace(transition.item, advice=advice)
        until = now + (meaning.wait or 0.0)
        return replace(transition, item=doubted.with_doubt(refusal=known.id, resend_from=until))

    def _answered(self, item: Item, step: Step, outcome: Outcome, now: float) -> Transition:
        proof = proven(step, self.filled(item), outcome.output)
        if proof is None:
            found = f"{len(outcome.output)} object{'s' * (len(outcome.output) != 1)}"
            claim = f"expected one object with {', '.join(step.returns)}, found {found}"
            return self.doubt(item, f"{step.cmdlet} completed but did not prove it: {claim}", now)
        return self.happened(item, proof, ItemEvent.ACCEPTED, now)

    def happened(self, item: Item, proof: Mapping[str, object], event: ItemEvent, now: float) -> Transition:
        """Return *item* after *proof* (an output object) that its step happened.

        Args:
            item: The item.
            proof: The object; what the step keeps of it is kept.
            event: What happened, if Exchange continues to work on it.
            now: Epoch seconds.
        """
        step = self.operation.steps[item.step]
        kept = {name: text(proof[name]) for name in step.keep if proof.get(name) is not None}
        item = replace(item, outputs={**item.outputs, step.name: kept}, code="", error="", advice="")
        item = item.with_doubt(unresolved=False)
        if step.follow:
            return Transition(item.following(self.ref(item)), event)
        return self.step_done(item, now)

    def ref(self, item: Item) -> str:
        """Return how *item* is found again while Exchange works on it; its step is followed."""
        follow = self.operation.steps[item.step].follow
        return follow_ref(follow, self.filled(item)) if follow else ""

    def filled(self, item: Item) -> dict[str, Value]:
        """Return the values for the item's templates."""
        return places(self.operation, item.values, item.key, self.batch, item.outputs)

    def step_done(self, item: Item, now: float) -> Transition:
        """Return *item* at its next step, or COMPLETED."""
        following = self.operation.next_step(item.step, self.filled(item), item.outputs)
        if following is None:
            return Transition(self._completed(item, now), ItemEvent.COMPLETED)
        return Transition(item.at_step(following), ItemEvent.STEP_COMPLETED)

    def _completed(self, item: Item, now: float) -> Item:
        """Return *item* COMPLETED, with the content that Exchange says it left behind."""
        done = item.completed(now, self.operation.advice)
        for step in self.operation.steps:
            if step.follow is None or step.follow.detail is None:
                continue
            kept = item.outputs.get(step.name, {})
            told = [said for one in step.follow.detail.left_behind if (said := one.told(kept))]
            if told:
                error = f"Exchange completed it and left items behind: {', '.join(told)}"
                advice = f"{step.follow.left_behind_advice} {done.advice}".strip()
                return replace(done, code=ITEMS_LEFT_BEHIND, error=error, advice=advice)
        return done

    def is_stale(self, item: Item, status: str, now: float) -> bool:
        """Return whether *status* is still the one from before a followed *item* was resumed."""
        follow = self.operation.steps[item.step].follow
        failed = follow.failed if follow else ()
        return status in failed and now < item.not_before <= now + SEEN

    def followed(self, item: Item, status: str, now: float, why: str = "") -> Transition | None:
        """Return what becomes of a followed *item* with Exchange's *status*; None if nothing changed.

        Args:
            item: The item.
            status: The status.
            now: Epoch seconds.
            why: The reason that Exchange gives, if it was asked.
        """
        follow = self.operation.steps[item.step].follow
        if follow is None or self.is_stale(item, status, now):
            return None
        said = replace(item, progress=status)
        if item.code == WAITS_FOR_OPERATOR and status not in follow.waiting:
            said = replace(said, code="", error="", advice="")
            if status in follow.running:
                return Transition(said, ItemEvent.PROGRESS)
        reason = f"Exchange says {status}{': ' + why if why else ''}"
        if status in follow.completed:
            return self.step_done(said, now)
        if status in follow.warned:
            return self.step_done(replace(said, warnings=(*said.warnings, reason)), now)
        if status in follow.failed:
            error = f"Exchange accepted it and then failed. {reason}"
            known = classify((ErrorRecord(reason),), self.catalogue, mutates=False).known
            # A generic catalogue entry adds nothing to Exchange's words.
            telling = "" if known is UNKNOWN_READ or known.is_generic else f"{known.advice} "
            done = self._done_before(item)
            before = f" Already done: {done}." if done else ""
            advice = telling + advice_of(follow, item) + before
            failed = said.failed(now, FAILED_AT_EXCHANGE, error, advice)
            return Transition(failed, ItemEvent.FAILED, error_class=ErrorClass.PERMANENT)
        if item.progress == status or status in follow.running:
            return None
        if status in follow.waiting:
            said = replace(said, code=WAITS_FOR_OPERATOR, error=reason, advice=follow.waiting_advice)
            return Transition(said.following(item.ref), ItemEvent.WAITS_FOR_OPERATOR)
        # A status that the operation does not name is shown too: a person has to check.
        return Transition(said.following(item.ref), ItemEvent.UNKNOWN_STATUS)

    def gone(self, item: Item, now: float) -> Transition:
        """Return *item* FAILED because its request no longer exists at Exchange."""
        error = (
            "Exchange accepted it, but its request no longer exists: it was removed, or completed and cleared"
        )
        return Transition(item.failed(now, REQUEST_GONE, error, _DOUBT_ADVICE), ItemEvent.FAILED)


def advice_of(follow: Follow, item: Item) -> str:
    """Return what can be done about a failed *item*; hints about steps that it did not have are left out."""
    hints = [hint.text for hint in follow.hints if all(step in item.outputs for step in hint.needs)]
    return " ".join((follow.advice, *hints)).strip()


def text(value: object) -> str:
    """Return an output property as one text."""
    return "; ".join(str(part) for part in value) if isinstance(value, list | tuple) else str(value)
