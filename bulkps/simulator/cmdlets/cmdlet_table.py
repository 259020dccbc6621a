"""The cmdlets of the simulated tenant, and Get-Command.

``execute`` is the only entry point. Pure: the time is the argument ``now``.
"""

from dataclasses import replace
from fnmatch import fnmatchcase

from bulkps.simulator.cmdlets import (
    archive_cmdlets,
    connect_mailbox,
    group_members,
    mailbox_folders,
    mailbox_permissions,
    mailbox_statistics,
    object_creation,
    object_removal,
    organization_cmdlets,
    property_cmdlets,
    recipient_cmdlets,
    restore_cmdlets,
)
from bulkps.simulator.cmdlets.binder import Arguments, bind, not_recognized
from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Answer, ErrorInfo, Refused, Value
from bulkps.simulator.cmdlets.exchange_error_form import in_full
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.tenant.tenant import Tenant


def execute(
    tenant: Tenant, cmdlet: str, arguments: Arguments, now: float, offer: Offer | None = None
) -> Answer:
    """Bind *arguments* to *cmdlet* and run it against *tenant* at *now*, seconds since the epoch.

    Args:
        tenant: What it works on.
        cmdlet: The cmdlet's name.
        arguments: What the client sent.
        now: The time.
        offer: The cmdlets and parameters that exist for the caller; all of them without it.
    """
    answer, offer = Answer(), offer or Offer()
    facts = offer.facts(cmdlet)
    handler = HANDLERS.get(facts.name) if facts else None
    if facts is None or handler is None:
        answer.failure = not_recognized(cmdlet)
        return answer
    try:
        bound = bind(facts, arguments)
    except Refused as refused:
        answer.failure = refused.info
        return answer
    try:
        handler(Call(tenant, bound, now, answer, offer))
    except Refused as refused:
        _fail(answer, in_full(refused.info, tenant, facts.name, now), refused.terminating, bound.error_action)
    if bound.warning_action in {"SilentlyContinue", "Ignore"}:
        answer.warnings.clear()
    return answer


def is_offered(cmdlet: str, offer: Offer) -> bool:
    """Return whether *offer* contains *cmdlet*."""
    facts = offer.facts(cmdlet)
    return facts is not None and facts.name in HANDLERS


def get_command(call: Call) -> None:
    """Get-Command: the simulated cmdlets, each with the parameters that this tenant knows."""
    wanted = call.parameters.get("Name")
    patterns = [str(name) for name in wanted] if isinstance(wanted, list) else ["*"]
    for pattern in patterns:
        every = [*call.offer.functions, *(name for name in HANDLERS if call.offer.facts(name))]
        names = [name for name in every if fnmatchcase(name.casefold(), pattern.casefold())]
        if not names:
            info = not_recognized(pattern)
            error_id = "CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand"
            raise Refused(replace(info, fully_qualified_id=error_id, activity="Get-Command"))
        for name in names:
            call.write("System.Management.Automation.FunctionInfo", name, _command(name, call.offer))


HANDLERS: dict[str, Handler] = {
    "Get-Command": get_command,
    **recipient_cmdlets.HANDLERS,
    **organization_cmdlets.HANDLERS,
    **mailbox_statistics.HANDLERS,
    **object_creation.HANDLERS,
    **object_removal.HANDLERS,
    **archive_cmdlets.HANDLERS,
    **restore_cmdlets.HANDLERS,
    **connect_mailbox.HANDLERS,
    **property_cmdlets.HANDLERS,
    **mailbox_permissions.HANDLERS,
    **mailbox_folders.HANDLERS,
    **group_members.HANDLERS,
}


def _fail(answer: Answer, info: ErrorInfo, terminating: bool, error_action: str) -> None:
    """Put *info* where the engine puts it; with -ErrorAction Stop, in both places."""
    if terminating:
        answer.failure = info
    elif error_action not in {"SilentlyContinue", "Ignore"}:
        answer.errors.append(info)
        answer.failure = info if error_action == "Stop" else None


def _command(name: str, offer: Offer) -> dict[str, Value]:
    facts = offer.functions.get(name) or offer.facts(name)
    kinds = {key: one.type for key, one in facts.parameters.items()} if facts else {}
    module = "BulkPS" if name in offer.functions else "tmpEXO_simulator"
    return {"Name": name, "CommandType": "Function", "Parameters": kinds, "ModuleName": module}
