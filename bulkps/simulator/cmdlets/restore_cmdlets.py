"""New-, Get-, Suspend-, Resume- and Remove-MailboxRestoreRequest, and their statistics. Pure."""

from dataclasses import replace

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category
from bulkps.simulator.cmdlets.property_types import same
from bulkps.simulator.cmdlets.restore_checks import KNOWN, check, free_name, overfull, source_of
from bulkps.simulator.cmdlets.restore_statistics import properties, statistics
from bulkps.simulator.cmdlets.result_filter import limited
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.restore_request import TOO_MANY_BAD_ITEMS, USUAL, Failure, RestoreRequest
from bulkps.simulator.tenant.tenant import only

_MRS = "Microsoft.Exchange.MailboxReplicationService."
_TYPE = "Microsoft.Exchange.MailboxReplicationService.RequestBase"
_ENDED = {"Completed", "Failed"}
#: What Set-MailboxRestoreRequest changes.
_CHANGEABLE = (
    "BatchName", "Priority", "BadItemLimit", "LargeItemLimit", "AcceptLargeDataLoss",
    "CompletedRequestAgeLimit", "SkipMerging",
)  # fmt: skip
ARCHIVE_WARNING = "There exists an archive mailbox that will need to be restored separately."


def new_request(call: Call) -> None:
    """New-MailboxRestoreRequest: queue the copy of a mailbox without an account into an active one."""
    call.only(*KNOWN)
    target = call.matches(call.text("TargetMailbox"), (Kind.ACTIVE,))
    source = source_of(call, target)
    mailbox = only(call.text("TargetMailbox"), target)
    check(call, source, mailbox)
    name = free_name(call, mailbox)
    if call.dry:
        return
    request = _queued(call, source, mailbox, name)
    call.tenant.add_request(request)
    call.changed("restore-request", source, mailbox, name)
    if source.has_archive and not request.flag("SourceIsArchive"):
        call.answer.warnings.append(ARCHIVE_WARNING)
    _write(call, request)


def get_requests(call: Call) -> None:
    """Get-MailboxRestoreRequest: by Identity, or all that pass every filter given."""
    call.only("Identity", "Name", "BatchName", "TargetMailbox", "Status", "Suspend", "ResultSize")
    if call.text("Identity"):
        _write(call, call.tenant.request(call.text("Identity")))
        return
    requests = call.tenant.requests()
    if call.text("TargetMailbox"):
        target = call.find(call.text("TargetMailbox"), (Kind.ACTIVE,))
        requests = list(call.tenant.requests_of(target).values())
    wanted = [request for request in requests if _wanted(call, request)]
    for request in limited(wanted, call.parameters.get("ResultSize"), call.answer):
        _write(call, request)


def get_statistics(call: Call) -> None:
    """Get-MailboxRestoreRequestStatistics: how far a request is, and why it failed."""
    call.only("Identity", "IncludeReport")
    identity = call.text("Identity")
    requests = [call.tenant.request(identity)] if identity else call.tenant.requests()
    for request in requests:
        call.write(f"{_MRS}RequestStatisticsBase", request.identity, statistics(call, request))


def set_request(call: Call) -> None:
    """Set-MailboxRestoreRequest: change what a request that is not completed was created with.

    Assumed: the text for a completed request.
    """
    call.only("Identity", "DomainController", *_CHANGEABLE)
    request = call.tenant.request(call.text("Identity"))
    if call.tenant.status(request, call.now) == "Completed":
        _refuse_ended(call, request)
    given = {
        name: call.held(name, request.parameters.get(name)) for name in _CHANGEABLE if name in call.parameters
    }
    changed = {name: value for name, value in given.items() if not same(value, request.parameters.get(name))}
    if not changed:
        call.answer.warnings.append(
            f"The command completed successfully but no settings of '{request.identity}' have been modified."
        )
        return
    if call.dry:
        return
    call.tenant.remove_request(request)
    request.parameters = {**request.parameters, **changed}
    request.batch = str(changed.get("BatchName", request.batch) or "")
    call.tenant.add_request(request)
    call.changed("restore-request-set", request.source, request.target, request.name)


def suspend_request(call: Call) -> None:
    """Suspend-MailboxRestoreRequest: suspend a request; a suspended one does not change."""
    request = call.tenant.request(call.text("Identity"))
    _refuse_ended(call, request)
    if call.dry or request.suspended_at is not None:
        return
    request.suspended_at = call.now
    call.changed("restore-request-suspended", request.source, request.target, request.name)


def resume_request(call: Call) -> None:
    """Resume-MailboxRestoreRequest: continue a suspended request, or restart a failed one."""
    request = call.tenant.request(call.text("Identity"))
    if call.tenant.status(request, call.now) == "Completed":
        _refuse_ended(call, request)
    if call.dry:
        return
    if call.tenant.status(request, call.now) == "AutoSuspended":
        request.ending = replace(request.ending, suspends="")
    elif request.suspended_at is not None:
        request.rested += call.now - request.suspended_at
        request.suspended_at = None
    elif call.tenant.status(request, call.now) == "Failed":
        request.created, request.rested = call.now, 0.0
        # The quota may have been raised in the meantime, or damaged items allowed.
        request.failure = _failure(call, request)
    else:
        return
    call.changed("restore-request-resumed", request.source, request.target, request.name)


def remove_request(call: Call) -> None:
    """Remove-MailboxRestoreRequest: remove a request. It asks first, and a remote session cannot answer."""
    request = call.tenant.request(call.text("Identity"))
    if call.dry:
        return
    call.confirmed(
        f'Are you sure you want to perform this action? Removing completed request "{request.name}".'
    )
    call.tenant.remove_request(request)
    call.changed("restore-request-removed", request.source, request.target, request.name)


def _up_to_date(handler: Handler) -> Handler:
    """Return *handler* extended: it first removes requests that have expired."""

    def run(call: Call) -> None:
        call.tenant.forget_aged(call.now)
        handler(call)

    return run


_EVERY: dict[str, Handler] = {
    "New-MailboxRestoreRequest": new_request,
    "Get-MailboxRestoreRequest": get_requests,
    "Get-MailboxRestoreRequestStatistics": get_statistics,
    "Set-MailboxRestoreRequest": set_request,
    "Suspend-MailboxRestoreRequest": suspend_request,
    "Resume-MailboxRestoreRequest": resume_request,
    "Remove-MailboxRestoreRequest": remove_request,
}
HANDLERS = {name: _up_to_date(handler) for name, handler in _EVERY.items()}


def _queued(call: Call, source: Mailbox, target: Mailbox, name: str) -> RestoreRequest:
    tenant = call.tenant
    request = RestoreRequest(
        name=name,
        guid=call.guid("request", target.text("ExchangeGuid"), name.casefold(), call.now),
        batch=call.text("BatchName"),
        source=source,
        target=target,
        created=call.now,
        suspended_at=call.now if call.flag("Suspend") else None,
        parameters=call.parameters,
    )
    request.ending = tenant.endings.get(source.text("ExchangeGuid"), USUAL)
    request.failure = _failure(call, request)
    return request


def _failure(call: Call, request: RestoreRequest) -> Failure | None:
    """Return how a request that begins now fails, or None if it does not."""
    scripted = call.tenant.endings.get(request.source.text("ExchangeGuid"), USUAL).failure
    bad = fake_directory.chance(call.tenant.seed, "fails", request.name) < call.tenant.failing_requests
    return scripted or (TOO_MANY_BAD_ITEMS if bad else overfull(call.tenant.seed, request))


def _wanted(call: Call, request: RestoreRequest) -> bool:
    name, batch, status = call.text("Name"), call.text("BatchName"), call.text("Status")
    suspended = call.parameters.get("Suspend")
    return (
        (not name or request.name.casefold() == name.casefold())
        and (not batch or request.batch.casefold() == batch.casefold())
        and (not status or call.tenant.status(request, call.now) == status)
        and (suspended is None or (request.suspended_at is not None) == suspended)
    )


def _refuse_ended(call: Call, request: RestoreRequest) -> None:
    if (status := call.tenant.status(request, call.now)) not in _ENDED:
        return
    # The exception's name is MRS's; its text was not found in a public source.
    exception = f"{_MRS}CannotSetCompletedPermanentException"
    raise call.refused(
        f"The request '{request.identity}' can't be changed because it is in the state {status}.",
        exception,
        Category.InvalidOperation,
        request.identity,
    )


def _write(call: Call, request: RestoreRequest) -> None:
    call.write(_TYPE, request.identity, properties(call, request))
