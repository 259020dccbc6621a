"""What happens to a failed item when a person asks for a retry. Pure."""

from dataclasses import replace
from itertools import takewhile

from bulkps.engine import resend
from bulkps.engine.item import IN_DOUBT, Item, Phase
from bulkps.engine.item_status import BulkItemStatus, advance
from bulkps.engine.resend import Decision, Fact
from bulkps.operations.model import Operation, Step, templates


def asked_again(item: Item, operation: Operation) -> Item | None:
    """Return *item*, which has FAILED, ready for a retry, or None where a person has to decide.

    What an earlier step created exists: such an item continues where it failed, and stays IN_PROGRESS.
    """
    known = resend.known_of_failed(item.code, doubtful=item.doubtful)
    declared = resend.declared(operation, operation.steps[item.step])
    decision = resend.decide(known, Fact.PERSON | declared)
    if decision is Decision.SEND:
        status = BulkItemStatus.IN_PROGRESS if item.outputs else BulkItemStatus.PENDING
        again = replace(item, phase=Phase.READY, step=_first_again(item, operation))
    elif decision in (Decision.LOOK_UP, Decision.RECOVER):
        status = BulkItemStatus.IN_PROGRESS
        again = replace(item, phase=Phase.DOUBT).with_doubt(unresolved=decision is Decision.LOOK_UP)
        again = replace(again, code=IN_DOUBT) if decision is Decision.LOOK_UP else again
    else:
        return None
    # It was tried before, so what is sent now is a further attempt.
    return replace(again, status=advance(item.status, status), completed_at=None, not_before=0.0, attempt=1)


def _first_again(item: Item, operation: Operation) -> int:
    """Return the step at which *item* starts again: harmless steps before it may have outdated results."""
    before = reversed(list(enumerate(operation.steps[: item.step])))
    harmless = takewhile(lambda numbered: numbered[1].idempotent and not _holds_secret(numbered[1]), before)
    done = [index for index, step in harmless if step.name in item.outputs]
    return min(done, default=item.step)


def _holds_secret(step: Step) -> bool:
    # A new password would not be the one that was handed out.
    return any(name.startswith("secret.") for _, template in templates(step) for name in template.names)
