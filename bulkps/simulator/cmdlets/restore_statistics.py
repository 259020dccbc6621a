"""The output of Get-MailboxRestoreRequest and of its statistics. Pure."""

from bulkps.simulator.cmdlets.cmdlet_context import Call
from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox_content import contents
from bulkps.simulator.tenant.restore_request import RestoreRequest
from bulkps.simulator.tenant.tenant import moment

_ENDED = {"Completed", "Failed"}
#: How much is done when it fails.
_FAILED_AT = 0.95
#: The parameters of a request, and Exchange's defaults.
_ASKED: dict[str, Value] = {
    "SourceRootFolder": "",
    "TargetRootFolder": "",
    "SourceIsArchive": False,
    "TargetIsArchive": False,
    "IncludeFolders": [],
    "ExcludeFolders": [],
    "ExcludeDumpster": False,
    "ConflictResolutionOption": "KeepSourceItem",
    "AssociatedMessagesCopyOption": "Copy",
    "SkipMerging": [],
    "ContentFilter": "",
    "Priority": "Normal",
    "BadItemLimit": "0",
    "LargeItemLimit": "0",
    "CompletedRequestAgeLimit": "30.00:00:00",
}


def properties(call: Call, request: RestoreRequest) -> dict[str, Value]:
    """Return the properties of *request* as Get-MailboxRestoreRequest shows them."""
    source, target = request.shown(request.source), request.shown(request.target)
    return {
        "Name": request.name,
        "TargetMailbox": target["Identity"],
        # A disconnected mailbox has no Identity.
        "SourceMailbox": source["Identity"] or source["DisplayName"],
        "Status": call.tenant.status(request, call.now),
        "RequestGuid": request.guid,
        "Identity": request.identity,
        "BatchName": request.batch,
        "Suspend": request.suspended_at is not None,
        "SourceDatabase": source["Database"],
        "TargetDatabase": target["Database"],
        "RequestQueue": target["Database"],
        "WhenCreated": moment(request.created),
    }


def statistics(call: Call, request: RestoreRequest) -> dict[str, Value]:
    """Return the statistics of *request*: its parameters, its progress, and why it failed."""
    from_archive, into_archive = request.flag("SourceIsArchive"), request.flag("TargetIsArchive")
    asked = {name: request.parameters.get(name, usual) for name, usual in _ASKED.items()}
    return {
        **properties(call, request),
        # Assumed: the archive's GUID if the archive is copied.
        "SourceExchangeGuid": request.source.properties["ArchiveGuid" if from_archive else "ExchangeGuid"],
        "TargetExchangeGuid": request.target.properties["ArchiveGuid" if into_archive else "ExchangeGuid"],
        "TargetAlias": request.shown(request.target)["Alias"],
        "TargetMailboxIdentity": request.shown(request.target)["Identity"],
        **asked,
        **_progress(call, request),
        **_ending(call, request),
    }


def _progress(call: Call, request: RestoreRequest) -> dict[str, Value]:
    status = call.tenant.status(request, call.now)
    held = contents(call.tenant.seed, request.source, archive=request.flag("SourceIsArchive"))
    done = _FAILED_AT if status == "Failed" else call.tenant.progress(request, call.now)
    return {
        "StatusDetail": _detail(request, status),
        "PercentComplete": int(100 * done),
        "EstimatedTransferItemCount": held.items,
        "EstimatedTransferSize": fake_directory.size_text(held.size),
        "ItemsTransferred": int(held.items * done * request.ending.copied),
        "BytesTransferred": fake_directory.size_text(int(held.size * done * request.ending.copied)),
        "QueuedTimestamp": moment(request.created),
        "LastUpdateTimestamp": moment(call.now),
        "Report": _report(request, status, held.items) if call.flag("IncludeReport") else None,
    }


def _ending(call: Call, request: RestoreRequest) -> dict[str, Value]:
    status = call.tenant.status(request, call.now)
    worked = request.rested + call.tenant.restore_seconds
    ended = moment(request.created + worked) if status in _ENDED else None
    failure = request.failure if status == "Failed" else None
    return {
        "BadItemsEncountered": failure.bad_items if failure else request.ending.bad,
        "LargeItemsEncountered": request.ending.large,
        "MissingItemsEncountered": request.ending.missing,
        # An Exchange Server has none.
        "DataConsistencyScore": request.ending.score if ended and not call.tenant.on_premises else None,
        "CompletionTimestamp": None if failure else ended,
        "FailureTimestamp": ended if failure else None,
        "FailureType": failure.type if failure else "",
        "FailureSide": failure.side if failure else "",
        "FailureCode": -2146233088 if failure else None,
        "Message": f"Error: {failure.message}" if failure else _message(request, status),
    }


def _detail(request: RestoreRequest, status: str) -> str:
    if status == "InProgress":
        return request.ending.stalled or "CopyingMessages"
    return "FailedOther" if status == "Failed" else status


def _message(request: RestoreRequest, status: str) -> str:
    if status == "AutoSuspended":
        return f"Informational: {request.ending.suspends}"
    return (
        f"Informational: {request.ending.stalled}"
        if status == "InProgress" and request.ending.stalled
        else ""
    )


def _report(request: RestoreRequest, status: str, items: int) -> str:
    lines = [f"{moment(request.created):%Y-%m-%d %H:%M:%S} [{fake_directory.SERVER}] Request created."]
    if status == "Completed":
        lines.append(f"Copy progress: {items}/{items} messages. Request processing has completed.")
    elif request.failure and status == "Failed":
        lines.append(f"Fatal error {request.failure.type} has occurred.")
    return "\n".join(lines)
