"""New-Mailbox -InactiveMailbox: the cmdlet of a recovery. Pure: the time is ``now``."""

from bulkps.simulator.cmdlets.cmdlet_context import Call
from bulkps.simulator.cmdlets.cmdlet_result import Category, Refused, Secret, Value
from bulkps.simulator.cmdlets.nouns import MAILBOX
from bulkps.simulator.cmdlets.organization_cmdlets import domains
from bulkps.simulator.cmdlets.proxy_addresses import check_free, check_name_free
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.blocked_mailboxes import FEDERATED
from bulkps.simulator.tenant.mailbox import LIVING, Kind, Mailbox

_TASKS = "Microsoft.Exchange.Management.Tasks."
RECOVERED_WARNING = (
    "The inactive mailbox has been recovered. To preserve data until you obtain a valid license, we have "
    "enabled "
    "Single Item Recovery for 30 days. Additionally we have also enabled Retention Hold for 30 days. Once a "
    "valid "
    "license has been assigned for this mailbox, you can choose to disable these settings and use "
    "Litigation or "
    "In-Place Hold instead to preserve data."
)


def new_mailbox(call: Call) -> None:
    """New-Mailbox -InactiveMailbox: make an inactive mailbox the mailbox of a new user, for good."""
    source = call.find(call.text("InactiveMailbox"), (Kind.INACTIVE,))
    user_id = call.text("MicrosoftOnlineServicesID")
    address = call.text("PrimarySmtpAddress") or user_id
    _check_source(call, source)
    check_domain(call, user_id)
    check_accepted(call, user_id, address)
    _check_free(call, user_id, address)
    check_password(call)
    if call.dry:
        return
    password = call.parameters["Password"]
    if isinstance(password, Secret):
        call.tenant.received_passwords.append(password.value)
    call.changed("mailbox-recovered", source, source, call.text("Name"))
    call.tenant.change(source, Kind.ACTIVE, _recovered(call, source, user_id, address))
    source.shown_from = call.now + call.tenant.provisioning_seconds
    call.answer.warnings.append(RECOVERED_WARNING)
    call.write(MAILBOX.type_name, source.text("Identity"), source.properties)


def is_auto_expanding(mailbox: Mailbox) -> bool:
    """Return whether *mailbox* has an auto-expanding archive."""
    return mailbox.properties.get("AutoExpandingArchiveEnabled") is True or _has_part(mailbox, "AuxArchive")


def _has_part(mailbox: Mailbox, kind: str) -> bool:
    locations = mailbox.properties.get("MailboxLocations")
    return isinstance(locations, list) and any(f";{kind};" in str(one) for one in locations)


def _check_source(call: Call, source: Mailbox) -> None:
    """Check whether *source* may become the mailbox of a new account.

    Raises:
        Refused: It may not.
    """
    identity, account = source.text("Identity"), source.text("ExternalDirectoryObjectId")
    if is_auto_expanding(source):
        # Assumed: Microsoft's sentence [M365:recover-an-inactive-mailbox]; the cmdlet's own is not known.
        raise _unrecoverable(call, identity, "it's configured with an auto-expanding archive.")
    if _has_part(source, "AuxPrimary"):
        raise _unrecoverable(call, identity, "the mailbox has additional shards that need recovery.")
    if account:
        # Assumed: the page only says that the account must be restored instead.
        raise _unrecoverable(
            call, identity, f"there is a soft-deleted user '{account}'. Restore the user account instead."
        )
    check_free(call, f"SMTP:{source.text('UserPrincipalName')}")
    if holders := _living(call, source.text("ExchangeGuid")):
        # Assumed: the page mentions a validation conflict of the ExchangeGuid, without a text.
        exception = f"{_TASKS}RecipientTaskException"
        raise call.refused(
            f"The ExchangeGuid '{source.text('ExchangeGuid')}' of the inactive mailbox "
            f"'{identity}' is already used by '{holders[0].text('Identity')}'.",
            exception,
            Category.InvalidOperation,
            identity,
        )


def _unrecoverable(call: Call, identity: str, reason: str) -> Refused:
    exception = f"{_TASKS}RecipientTaskException"
    text = f"The inactive mailbox '{identity}' cannot be recovered because {reason}"
    return call.refused(text, exception, Category.InvalidOperation, identity)


def check_accepted(call: Call, *names: str) -> None:
    """Check whether the domains of *names* are the organization's.

    Raises:
        Refused: One is not.
    """
    for name in names:
        if name.rpartition("@")[2].casefold() not in domains(call.tenant.on_premises):
            exception = "Microsoft.Exchange.Configuration.Tasks.NotAcceptedDomainException"
            raise call.refused(
                "You can't use the domain because it's not an accepted domain for your organization.",
                exception,
                Category.InvalidArgument,
                name,
            )


def check_domain(call: Call, user_id: str) -> None:
    """Check whether an account can be created in the domain of *user_id*.

    Raises:
        Refused: Its accounts come from another service.
    """
    if user_id.rpartition("@")[2].casefold() == FEDERATED:
        exception = f"{_TASKS}RecipientTaskException"
        raise call.refused(
            "The parameters passed to the cmdlet represent a managed account, which doesn't "
            "match the namespace state, which is federated.",
            exception,
            Category.InvalidArgument,
            user_id,
        )


def _check_free(call: Call, user_id: str, address: str) -> None:
    check_name_free(call, call.text("Name"))
    for wanted in (user_id, address):
        check_free(call, f"SMTP:{wanted}")


def _living(call: Call, identity: str) -> list[Mailbox]:
    return call.tenant.matches(identity, LIVING)


def check_password(call: Call) -> None:
    """Check whether the password is long and varied enough.

    Raises:
        Refused: It is not.
    """
    password = call.parameters.get("Password")
    value = password.value if isinstance(password, Secret) else ""
    classes = sum(
        any(test(character) for character in value)
        for test in (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    )
    if len(value) < 8 or classes < 3:
        # Active Directory's sentence; the exception's name is assumed.
        exception = "Microsoft.Exchange.Data.Directory.ADInvalidPasswordException"
        raise call.refused(
            "The password does not meet the length, complexity, or history requirement of the domain.",
            exception,
            Category.InvalidArgument,
        )


def _recovered(call: Call, source: Mailbox, user_id: str, address: str) -> dict[str, Value]:
    """Return the changes of *source* when it becomes the mailbox of *user_id*."""
    name = call.text("Name")
    alias = call.text("Alias") or user_id.partition("@")[0]
    old = [
        f"smtp:{entry.partition(':')[2]}"
        for entry in source.addresses()
        if entry.startswith(("SMTP:", "smtp:"))
    ]
    kept = [
        entry for entry in old if not _living(call, entry[5:]) and entry[5:].casefold() != address.casefold()
    ]
    given = {
        key: call.parameters[key]
        for key in ("DisplayName", "FirstName", "LastName", "Initials", "ImmutableId")
        if call.text(key)
    }
    return {
        **fake_directory.living(call.tenant.seed, name),
        "Name": name,
        "Alias": alias,
        "Guid": call.guid("recovered", source.text("ExchangeGuid")),
        "UserPrincipalName": user_id,
        "MicrosoftOnlineServicesID": user_id,
        "WindowsEmailAddress": address,
        "PrimarySmtpAddress": address,
        "EmailAddresses": [f"SMTP:{address}", *kept],
        "RetentionHoldEnabled": True,
        "RetainDeletedItemsFor": "30.00:00:00",
        **given,
    }
