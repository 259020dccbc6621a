"""Connect-Mailbox: a disconnected mailbox of an Exchange Server becomes a user's. Pure.

Error texts are those of exchange-facts.md if it has them; comments mark what is assumed.
"""

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind
from bulkps.simulator.tenant.tenant import not_found

_TASKS = "Microsoft.Exchange.Management.Tasks.RecipientTaskException"


def connect_mailbox(call: Call) -> None:
    """Connect-Mailbox: connect a disconnected mailbox to a user without a mailbox; returns nothing.

    The mailbox is named by its GUID or LegacyExchangeDN. Exchange also accepts a display name.
    """
    call.only("Identity", "Database", "User", "Alias", "DomainController")
    user = call.find(call.text("User"), (Kind.NONE, Kind.ACTIVE))
    if user.kind is not Kind.NONE:
        raise call.refused(
            "This task does not support recipients of this type. The specified recipient "
            f"{user.text('Identity')} is of type UserMailbox. Please make sure that this recipient matches "
            "the required recipient type for this task.",
            _TASKS,
            Category.InvalidArgument,
            user.text("Identity"),
        )
    found = call.matches(call.text("Identity"), (Kind.DISCONNECTED,))
    mailbox = next((one for one in found if one.text("Database") == call.text("Database")), None)
    if mailbox is None:
        # Assumed: the same text as for any other missing object.
        raise not_found(call.text("Identity"))
    if call.dry:
        return
    alias = call.text("Alias") or user.text("Name")
    own = {name: mailbox.properties[name] for name in ("ExchangeGuid", "LegacyExchangeDN", "Database")}
    call.tenant.remove(mailbox)
    call.tenant.change(user, Kind.ACTIVE, {**fake_directory.connected(user.properties, alias), **own})
    call.changed("mailbox-connected", user, user, user.text("Name"))


HANDLERS: dict[str, Handler] = {"Connect-Mailbox": connect_mailbox}
