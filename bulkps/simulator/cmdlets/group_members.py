"""Add-, Remove-, Update- and Get-DistributionGroupMember. Pure."""

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category
from bulkps.simulator.cmdlets.group_managers import check_manager
from bulkps.simulator.cmdlets.nouns import GROUPS, RECIPIENT, RECIPIENTS
from bulkps.simulator.cmdlets.property_types import merged
from bulkps.simulator.cmdlets.result_filter import limited
from bulkps.simulator.cmdlets.special_parameters import recipient
from bulkps.simulator.tenant.mailbox import Mailbox

_TASKS = "Microsoft.Exchange.Management.Tasks."
_QUESTION = "Are you sure you want to perform this action? "


def add_member(call: Call) -> None:
    """Add-DistributionGroupMember: who is a member already is refused; returns nothing."""
    group, member = _pair(call)
    members = call.tenant.members.get(group, [])
    if member in members:
        raise call.refused(
            f'The recipient "{member.text("Identity")}" is already a member of the group '
            f'"{group.text("Identity")}".',
            f"{_TASKS}MemberAlreadyExistsException",
            Category.NotSpecified,
            group.text("Identity"),
        )
    if call.dry:
        return
    call.tenant.members[group] = [*members, member]
    call.changed("group-member-added", group, member, member.text("Name"))


def remove_member(call: Call) -> None:
    """Remove-DistributionGroupMember: who is no member is refused; returns nothing."""
    group, member = _pair(call)
    members = call.tenant.members.get(group, [])
    if member not in members:
        # Assumed: as for an existing member; the exception's name is Exchange's.
        raise call.refused(
            f'The recipient "{member.text("Identity")}" isn\'t a member of the group '
            f'"{group.text("Identity")}".',
            f"{_TASKS}MemberNotFoundException",
            Category.NotSpecified,
            group.text("Identity"),
        )
    if call.dry:
        return
    call.confirmed(
        f'{_QUESTION}Removing distribution group member "{member.text("Identity")}" on distribution group '
        f'"{group.text("Identity")}".'
    )
    _keep(call, group, [one for one in members if one is not member])
    call.changed("group-member-removed", group, member, member.text("Name"))


def update_members(call: Call) -> None:
    """Update-DistributionGroupMember: make the members exactly these, or add and remove; returns nothing."""
    call.only("Identity", "Members", "BypassSecurityGroupManagerCheck", "DomainController")
    group = _group(call)
    before = call.tenant.members.get(group, [])
    named = {one.text("Identity"): one for one in before}

    def resolved(entry: object) -> str:
        one = recipient(call, str(entry), RECIPIENTS)
        named[one.text("Identity")] = one
        return one.text("Identity")

    after = merged(call.parameters.get("Members"), [one.text("Identity") for one in before], resolved)
    if call.dry:
        return
    call.confirmed(f'{_QUESTION}Updating the members of the group "{group.text("Identity")}".')
    members = [named[str(identity)] for identity in after]
    if set(members) == set(before):
        # Assumed: Exchange says nothing where the members are these already.
        return
    _keep(call, group, members)
    call.changed("group-members-set", group, group, group.text("Name"))


def get_members(call: Call) -> None:
    """Get-DistributionGroupMember: the members as recipients."""
    call.only("Identity", "ResultSize", "DomainController")
    group = call.find(call.text("Identity"), GROUPS)
    members = call.tenant.members.get(group, [])
    for one in limited(members, call.parameters.get("ResultSize"), call.answer):
        call.write(RECIPIENT.type_name, None, RECIPIENT.reading(call.tenant, one))


HANDLERS: dict[str, Handler] = {
    "Add-DistributionGroupMember": add_member,
    "Remove-DistributionGroupMember": remove_member,
    "Update-DistributionGroupMember": update_members,
    "Get-DistributionGroupMember": get_members,
}


def _pair(call: Call) -> tuple[Mailbox, Mailbox]:
    call.only("Identity", "Member", "BypassSecurityGroupManagerCheck", "DomainController")
    group = _group(call)
    if not call.text("Member"):
        # Assumed: without a member it is the caller, who has no mailbox here.
        raise call.refused(
            "The simulated administrator has no mailbox that could join or leave: use the Member parameter.",
            f"{_TASKS}RecipientTaskException",
            Category.InvalidArgument,
        )
    return group, recipient(call, call.text("Member"), RECIPIENTS)


def _keep(call: Call, group: Mailbox, members: list[Mailbox]) -> None:
    call.tenant.members.pop(group, None)
    if members:
        call.tenant.members[group] = members


def _group(call: Call) -> Mailbox:
    group = call.find(call.text("Identity"), GROUPS)
    check_manager(call, group)
    return group
