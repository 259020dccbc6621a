"""Who may change a group. Pure."""

from bulkps.simulator.cmdlets.cmdlet_context import Call
from bulkps.simulator.cmdlets.cmdlet_result import Category
from bulkps.simulator.tenant.mailbox import Mailbox
from bulkps.simulator.tenant.property_defaults import GROUP_MANAGERS


def check_manager(call: Call, group: Mailbox) -> None:
    """Check whether the caller manages *group*, or says that this does not matter.

    The simulated administrator manages what the role group Organization Management manages. Assumed: this
    role group is the manager of every group that an administrator created without -ManagedBy.

    Raises:
        Refused: Somebody else manages it.
    """
    managers = group.properties.get("ManagedBy", [GROUP_MANAGERS])
    if call.flag("BypassSecurityGroupManagerCheck") or managers in ([], None):
        return
    if isinstance(managers, list) and GROUP_MANAGERS in managers:
        return
    raise call.refused(
        "You don't have sufficient permissions. This operation can only be performed by a manager of the "
        "group.",
        "Microsoft.Exchange.Management.Tasks.OperationRequiresGroupManagerException",
        Category.InvalidOperation,
        group.text("Identity"),
    )
