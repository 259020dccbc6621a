"""The events of an item and of a run, as the journal and the audit log name them. Pure."""

from enum import StrEnum


class ItemEvent(StrEnum):
    """What happened to an item."""

    ABSENT = "item.absent"
    ACCEPTED = "item.accepted"
    ADOPTED = "item.adopted"
    ALREADY_SO = "item.already-so"
    ANNOUNCED = "item.announced"
    BLOCKED = "item.blocked"
    COMPLETED = "item.completed"
    CONFLICT = "item.conflict"
    DONE_BY_OTHER_RUN = "item.done-by-other-run"
    EXAMINED = "item.examined"
    FAILED = "item.failed"
    IN_DOUBT = "item.in-doubt"
    LEFT_IN_DOUBT = "item.left-in-doubt"
    MADE_ANEW = "item.made-anew"
    NOT_SENT = "item.not-sent"
    PROGRESS = "item.progress"
    RECOVERING = "item.recovering"
    REFUSED = "item.refused"
    REPLACED = "item.replaced"
    RESUMED = "item.resumed"
    RETRY = "item.retry"
    RETRY_ASKED = "item.retry-asked"
    SENDING = "item.sending"
    SKIPPED = "item.skipped"
    STEP_COMPLETED = "item.step-completed"
    STILL_IN_DOUBT = "item.still-in-doubt"
    UNKNOWN_STATUS = "item.unknown-status"
    WAITS_FOR_OPERATOR = "item.waits-for-operator"
    WARNED = "item.warned"


class RunEvent(StrEnum):
    """What happened to a run."""

    AUDIT_AHEAD = "audit.ahead"
    PREFLIGHT_DONE = "preflight.done"
    PREFLIGHT_READS = "preflight.reads"
    PREFLIGHT_SKIPPED = "preflight.skipped"
    RUN_BROKEN = "run.broken"
    RUN_PACE = "run.pace"
    RUN_REST_SKIPPED = "run.rest-skipped"
    RUN_RETRY_ASKED = "run.retry-asked"
    RUN_RETRY_LEFT = "run.retry-left"
    RUN_STARTED = "run.started"
    RUN_STOPPED = "run.stopped"
    SESSION_RENEWED = "session.renewed"
