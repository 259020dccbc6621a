"""The checks of New-MailboxRestoreRequest before it accepts a request, and its errors. Pure.

Error texts are those of exchange-facts.md if it has them; comments mark what is assumed.
"""

from bulkps.simulator.cmdlets.cmdlet_context import Call
from bulkps.simulator.cmdlets.cmdlet_result import Category, Refused, Value
from bulkps.simulator.cmdlets.mailbox_statistics import in_database, stored
from bulkps.simulator.cmdlets.property_types import bytes_of
from bulkps.simulator.cmdlets.recovery_cmdlets import is_auto_expanding
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.mailbox_content import contents
from bulkps.simulator.tenant.restore_request import Failure, RestoreRequest
from bulkps.simulator.tenant.tenant import only

_MRS = "Microsoft.Exchange.MailboxReplicationService."
_SOURCES = (Kind.INACTIVE, Kind.SOFT_DELETED)
_DEFAULT_NAMES = ["MailboxRestore", *(f"MailboxRestore{number}" for number in range(1, 10))]
#: From this number of bad or large items, the loss must be accepted. [P:New-MailboxRestoreRequest]
_LARGE_LOSS = 51
#: Every parameter with a simulated effect, or without a visible effect.
KNOWN = (
    "SourceMailbox", "SourceDatabase", "SourceStoreMailbox", "TargetMailbox", "TargetRootFolder",
    "SourceRootFolder", "SourceIsArchive", "TargetIsArchive", "IncludeFolders", "ExcludeFolders",
    "ConflictResolutionOption", "AssociatedMessagesCopyOption", "ExcludeDumpster", "AllowLegacyDNMismatch",
    "SkipMerging", "ContentFilter", "ContentFilterLanguage", "Priority", "BadItemLimit", "LargeItemLimit",
    "AcceptLargeDataLoss", "CompletedRequestAgeLimit", "Name", "BatchName", "Suspend", "SuspendComment",
    "DomainController",
)  # fmt: skip


def source_of(call: Call, target: list[Mailbox]) -> Mailbox:
    """Return the mailbox to copy from; *target* is the target mailbox.

    Raises:
        Refused: There is none, or more than one, or it is the target.
    """
    if store := call.text("SourceStoreMailbox"):
        found = in_database(call, call.text("SourceDatabase"), (Kind.DISCONNECTED,))
        return only(store, stored(found, store))
    identity = call.text("SourceMailbox")
    found = call.matches(identity, _SOURCES)
    if not found and any(one in target for one in call.matches(identity, (Kind.ACTIVE,))):
        # Assumed, the text and the exception's name too.
        raise _refused(
            call,
            "SourceMailboxSameAsTargetPermanentException",
            f"The source mailbox and the target mailbox are the same mailbox '{identity}'.",
        )
    return only(identity, found)


def check(call: Call, source: Mailbox, target: Mailbox) -> None:
    """Check whether *source* can be copied into *target* as the call requests.

    Raises:
        Refused: It cannot.
    """
    if is_auto_expanding(source):
        # Assumed: Microsoft's sentence [M365:restore-an-inactive-mailbox]; the cmdlet's own is not known.
        raise _refused(
            call,
            "MailboxReplicationPermanentException",
            f"The inactive mailbox '{source.text('Identity')}' cannot be restored because it's configured "
            "with an auto-expanding archive.",
        )
    if call.flag("SourceIsArchive") and not source.has_archive:
        raise _no_archive(call, source)
    if call.flag("TargetIsArchive") and not target.has_archive:
        raise _no_archive(call, target)
    if not call.flag("AllowLegacyDNMismatch"):
        _check_legacy_dn(call, source, target)
    for name in ("BadItemLimit", "LargeItemLimit"):
        if is_large(call.parameters.get(name)) and not call.flag("AcceptLargeDataLoss"):
            # Assumed: the page only says that the switch is needed.
            raise _refused(
                call,
                "LargeDataLossNotAcceptedPermanentException",
                f"The value '{call.text(name)}' of {name} can lead to a large loss of data. To accept it, "
                "use the 'AcceptLargeDataLoss' switch.",
            )


def is_large(limit: Value) -> bool:
    """Return whether this number of bad items is a large loss."""
    text = str(limit if limit is not None else "").casefold()
    return text == "unlimited" or (text.isdecimal() and int(text) >= _LARGE_LOSS)


def overfull(seed: int, request: RestoreRequest) -> Failure | None:
    """Return how *request* fails if its target has no room for the source, or None.

    Exchange accepts such a request at first. Assumed: type and text of the failure.
    """
    incoming = contents(seed, request.source, archive=request.flag("SourceIsArchive")).size
    into_archive = request.flag("TargetIsArchive")
    present = contents(seed, request.target, archive=into_archive).size
    limit = bytes_of(request.target.text("ArchiveQuota" if into_archive else "ProhibitSendReceiveQuota"))
    if limit is None or incoming + present <= limit:
        return None
    return Failure(
        "MailboxReplicationPermanentException",
        f"The target mailbox quota of {fake_directory.size_text(limit)} is exceeded: it holds "
        f"{fake_directory.size_text(present)}, and the source {fake_directory.size_text(incoming)}.",
        "Target",
    )


def _refused(call: Call, exception: str, text: str, category: Category = Category.InvalidArgument) -> Refused:
    name = _MRS + exception
    return call.refused(text, name, category, call.text("TargetMailbox"))


def _no_archive(call: Call, mailbox: Mailbox) -> Refused:
    # Assumed: only the exception's name has been seen.
    text = f"The mailbox '{mailbox.text('Identity')}' doesn't have an archive."
    return _refused(call, "UnableToReadADUserException", text, Category.NotSpecified)


def _check_legacy_dn(call: Call, source: Mailbox, target: Mailbox) -> None:
    legacy_dn = source.text("LegacyExchangeDN")
    known = {target.text("LegacyExchangeDN").casefold(), *(a.casefold() for a in target.addresses())}
    if known & {legacy_dn.casefold(), f"x500:{legacy_dn}".casefold()}:
        return
    exception = f"{_MRS}NonMatchingLegacyDNPermanentUseSwitchException"
    raise call.refused(
        f"Source mailbox's legacyExchangeDN '{legacy_dn}' doesn't match the legacyExchangeDN or "
        f"X500 proxy for target mailbox '{target.text('ExchangeGuid')}'. Use the 'AllowLegacyDNMismatch' "
        "switch "
        "if you want to allow this operation.",
        exception,
        Category.InvalidArgument,
        call.text("TargetMailbox"),
    )


def free_name(call: Call, target: Mailbox) -> str:
    """Return the name for a new request into *target*: the given one, or the first free default name."""
    taken = call.tenant.requests_of(target)
    if name := call.text("Name"):
        if name.casefold() not in taken:
            return name
        # Only the exception's name is documented; the first sentence comes from a similar exception.
        exception = f"{_MRS}NameMustBeUniquePermanentException"
        raise call.refused(
            f"The name must be unique per mailbox. There is already a request named '{name}' "
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
        f"The name must be unique per mailbox. There isn't a default name available for a new "
        f"request owned by mailbox '{target.text('Identity')}'. Please clean up existing requests by using "
        "the "
        "Remove cmdlet or specify a unique name.",
        exception,
        Category.InvalidArgument,
        call.text("TargetMailbox"),
    )
