"""New-, Get-, Suspend-, Resume- and Remove-MailboxRestoreRequest, and their statistics. Pure."""

from bulkps.simulator import people
from bulkps.simulator.answers import Category, ErrorInfo, Refused, Value
from bulkps.simulator.call import Call, Handler
from bulkps.simulator.filters import limited
from bulkps.simulator.tenant import Kind, Mailbox, RestoreRequest, moment

_MRS = "Microsoft.Exchange.MailboxReplicationService."
_REQUEST = "Microsoft.Exchange.MailboxReplicationService.RequestBase"
_SOURCES = (Kind.INACTIVE, Kind.SOFT_DELETED)
_DEFAULT_NAMES = ["MailboxRestore", *(f"MailboxRestore{number}" for number in range(1, 10))]
_ENDED = {"Completed", "Failed"}
ARCHIVE_WARNING = "There exists an archive mailbox that will need to be restored separately."


def new_request(call: Call) -> None:
    """New-MailboxRestoreRequest: queue the copy of a deleted mailbox into an active one."""
    source = call.find(call.text("SourceMailbox"), _SOURCES)
    target = call.find(call.text("TargetMailbox"), (Kind.ACTIVE,))
    if not call.flag("AllowLegacyDNMismatch"):
        _check_legacy_dn(call, source, target)
    if call.flag("TargetIsArchive") and target.properties["ArchiveGuid"] == people.NO_GUID:
        raise call.refused(
            f"|{_MRS}UnableToReadADUserException|The mailbox '{target.text('Identity')}' doesn't have an "
            "archive.",
            f"{_MRS}UnableToReadADUserException",
            target=call.text("TargetMailbox"),
        )
    name = _free_name(call, target)
    if call.dry:
        return
    request = RestoreRequest(
        name=name,
        guid=call.guid("request", target.text("ExchangeGuid"), name.casefold(), call.now),
        batch=call.text("BatchName"),
        source=source,
        target=target,
        created=call.now,
        fails=people.chance(call.tenant.seed, "fails", name) < call.tenant.failing_requests,
        suspended_at=call.now if call.flag("Suspend") else None,
        parameters=call.parameters,
    )
    call.tenant.add_request(request)
    call.changed("restore-request", source, target, name)
    if source.properties["ArchiveGuid"] != people.NO_GUID and not call.flag("SourceIsArchive"):
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
        call.write(f"{_MRS}RequestStatisticsBase", request.identity, _statistics(call, request))


def suspend_request(call: Call) -> None:
    """Suspend-MailboxRestoreRequest: let it rest; one that rests already stays as it is."""
    request = call.tenant.request(call.text("Identity"))
    _refuse_ended(call, request)
    if call.dry or request.suspended_at is not None:
        return
    request.suspended_at = call.now
    call.changed("restore-request-suspended", request.source, request.target, request.name)


def resume_request(call: Call) -> None:
    """Resume-MailboxRestoreRequest: go on with one that rests, or begin a failed one again."""
    request = call.tenant.request(call.text("Identity"))
    if call.tenant.status(request, call.now) == "Completed":
        _refuse_ended(call, request)
    if call.dry:
        return
    if request.suspended_at is not None:
        request.rested += call.now - request.suspended_at
        request.suspended_at = None
    elif call.tenant.status(request, call.now) == "Failed":
        request.created, request.rested = call.now, 0.0
    else:
        return
    call.changed("restore-request-resumed", request.source, request.target, request.name)


def remove_request(call: Call) -> None:
    """Remove-MailboxRestoreRequest: forget a request. Asks first, which a remote session cannot answer."""
    request = call.tenant.request(call.text("Identity"))
    if call.dry:
        return
    if call.parameters.get("Confirm") is not False:
        raise Refused(
            ErrorInfo(
                "A command that prompts the user failed because the host program or the command type does "
                "not "
                "support user interaction. The host was attempting to request confirmation with the "
                "following "
                "message: Are you sure you want to perform this action? Removing completed request "
                f'"{request.name}".',
                "System.Management.Automation.Host.HostException",
                Category.NotImplemented,
                f"HostFunctionNotImplemented,{call.bound.cmdlet}",
                activity=call.bound.cmdlet,
            ),
            terminating=True,
        )
    call.tenant.remove_request(request)
    call.changed("restore-request-removed", request.source, request.target, request.name)


HANDLERS: dict[str, Handler] = {
    "New-MailboxRestoreRequest": new_request,
    "Get-MailboxRestoreRequest": get_requests,
    "Get-MailboxRestoreRequestStatistics": get_statistics,
    "Suspend-MailboxRestoreRequest": suspend_request,
    "Resume-MailboxRestoreRequest": resume_request,
    "Remove-MailboxRestoreRequest": remove_request,
}


def _check_legacy_dn(call: Call, source: Mailbox, target: Mailbox) -> None:
    legacy_dn = source.text("LegacyExchangeDN")
    known = {target.text("LegacyExchangeDN").casefold(), *(a.casefold() for a in target.addresses())}
    if known & {legacy_dn.casefold(), f"x500:{legacy_dn}".casefold()}:
        return
    exception = f"{_MRS}NonMatchingLegacyDNPermanentUseSwitchException"
    raise call.refused(
        f"|{exception}|Source mailbox's legacyExchangeDN '{legacy_dn}' doesn't match the legacyExchangeDN or "
        f"X500 proxy for target mailbox '{target.text('ExchangeGuid')}'. Use the 'AllowLegacyDNMismatch' "
        "switch "
        "if you want to allow this operation.",
        exception,
        Category.InvalidArgument,
        call.text("TargetMailbox"),
    )


def _free_name(call: Call, target: Mailbox) -> str:
    """Return the name for a new request into *target*: the one given, or the first default that is free."""
    taken = call.tenant.requests_of(target)
    if name := call.text("Name"):
        if name.casefold() not in taken:
            return name
        # Only the exception's name is documented; the first sentence is its sister's.
        exception = f"{_MRS}NameMustBeUniquePermanentException"
        raise call.refused(
            f"|{exception}|The name must be unique per mailbox. There is already a request named '{name}' "
            "owned "
            f"by mailbox '{target.text('Identity')}'.",
            exception,
            Category.InvalidArgument,
            call.text("TargetMailbox"),
        )
    for name in _DEFAULT_NAMES:
        if name.casefold() not in taken:
            return name
    exception = f"{_MRS}NoAvailableDefaultNamePermanentException"
    raise call.refused(
        f"|{exception}|The name must be unique per mailbox. There isn't a default name available for a new "
        f"request owned by mailbox '{target.text('Identity')}'. Please clean up existing requests by using "
        "the "
        "Remove cmdlet or specify a unique name.",
        exception,
        Category.InvalidArgument,
        call.text("TargetMailbox"),
    )


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
        f"|{exception}|The request '{request.identity}' can't be changed because it is in the state "
        f"{status}.",
        exception,
        Category.InvalidOperation,
        request.identity,
    )


def _properties(call: Call, request: RestoreRequest) -> dict[str, Value]:
    return {
        "Name": request.name,
        "TargetMailbox": request.target.text("Identity"),
        "SourceMailbox": request.source.text("Identity"),
        "Status": call.tenant.status(request, call.now),
        "RequestGuid": request.guid,
        "Identity": request.identity,
        "BatchName": request.batch,
        "Suspend": request.suspended_at is not None,
        "SourceDatabase": request.source.text("Database"),
        "TargetDatabase": request.target.text("Database"),
        "RequestQueue": request.target.text("Database"),
        "WhenCreated": moment(request.created),
    }


def _write(call: Call, request: RestoreRequest) -> None:
    call.write(_REQUEST, request.identity, _properties(call, request))


def _statistics(call: Call, request: RestoreRequest) -> dict[str, Value]:
    tenant, status = call.tenant, call.tenant.status(request, call.now)
    drawn = people.digest(tenant.seed, "size", request.source.text("ExchangeGuid"))
    items, size = 100 + int.from_bytes(drawn[:2], "big"), int.from_bytes(drawn[2:6], "big")
    done = tenant.progress(request, call.now)
    percent = 95 if status == "Failed" else int(100 * done)
    failure = (
        "This mailbox exceeded the maximum number of corrupted items that were specified for this request."
        if status == "Failed"
        else ""
    )
    detail = {"InProgress": "CopyingMessages", "Failed": "FailedOther"}.get(status, status)
    ended = moment(request.created + request.rested + tenant.restore_seconds) if status in _ENDED else None
    return {
        **_properties(call, request),
        "StatusDetail": detail,
        "SourceExchangeGuid": request.source.properties["ExchangeGuid"],
        "TargetExchangeGuid": request.target.properties["ExchangeGuid"],
        "TargetAlias": request.target.text("Alias"),
        "TargetMailboxIdentity": request.target.text("Identity"),
        "TargetRootFolder": str(request.parameters.get("TargetRootFolder") or ""),
        "PercentComplete": percent,
        "EstimatedTransferItemCount": items,
        "EstimatedTransferSize": people.size_text(size),
        "ItemsTransferred": items * percent // 100,
        "BytesTransferred": people.size_text(size * percent // 100),
        "BadItemsEncountered": 11 if status == "Failed" else 0,
        "QueuedTimestamp": moment(request.created),
        "LastUpdateTimestamp": moment(call.now),
        "CompletionTimestamp": ended if status == "Completed" else None,
        "FailureTimestamp": ended if status == "Failed" else None,
        "FailureType": "TooManyBadItemsPermanentException" if status == "Failed" else "",
        "FailureSide": "Source" if status == "Failed" else "",
        "FailureCode": -2146233088 if status == "Failed" else None,
        "Message": f"Error: {failure}" if failure else "",
        "Report": _report(request, status, items) if call.flag("IncludeReport") else None,
    }


def _report(request: RestoreRequest, status: str, items: int) -> str:
    lines = [f"{moment(request.created):%Y-%m-%d %H:%M:%S} [{people.SERVER}] Request created."]
    if status == "Completed":
        lines.append(f"Copy progress: {items}/{items} messages. Request processing has completed.")
    elif status == "Failed":
        lines.append("Fatal error TooManyBadItemsPermanentException has occurred.")
    return "\n".join(lines)
