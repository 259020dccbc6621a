"""Get-OrganizationConfig and Get-AcceptedDomain. Pure."""

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.cmdlets.result_filter import limited
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.blocked_mailboxes import FEDERATED
from bulkps.simulator.tenant.tenant import not_found

_INITIAL = "contoso.onmicrosoft.com"
_DOMAINS = (fake_directory.DOMAIN, _INITIAL, "contoso.mail.onmicrosoft.com", FEDERATED)
_CONFIG = "Microsoft.Exchange.Data.Directory.SystemConfiguration.OrganizationConfig"
_DOMAIN = "Microsoft.Exchange.Data.Directory.SystemConfiguration.AcceptedDomain"


def get_organization_config(call: Call) -> None:
    """Get-OrganizationConfig: its only object."""
    call.only("DomainController")
    properties: dict[str, Value] = {
        "Name": fake_directory.DOMAIN if call.tenant.on_premises else _INITIAL,
        "Identity": fake_directory.DOMAIN if call.tenant.on_premises else _INITIAL,
        "DisplayName": "Contoso",
        "AutoExpandingArchiveEnabled": False,
        "InPlaceHolds": [] if call.tenant.on_premises else _holds(call),
    }
    call.write(_CONFIG, str(properties["Name"]), properties)


def get_accepted_domain(call: Call) -> None:
    """Get-AcceptedDomain: the organization's domains."""
    call.only("Identity", "ResultSize", "DomainController")
    wanted = call.text("Identity").casefold()
    found = [name for name in domains(call.tenant.on_premises) if wanted in ("", name)]
    if not found:
        raise not_found(call.text("Identity"))
    for name in limited(found, call.parameters.get("ResultSize"), call.answer):
        call.write(_DOMAIN, name, _domain(call, name))


def domains(on_premises: bool) -> tuple[str, ...]:
    """Return the names of the accepted domains."""
    return (fake_directory.DOMAIN,) if on_premises else _DOMAINS


HANDLERS: dict[str, Handler] = {
    "Get-OrganizationConfig": get_organization_config,
    "Get-AcceptedDomain": get_accepted_domain,
}


def _holds(call: Call) -> list[str]:
    """Return the organization-wide policies: one retains mailboxes, one deletes too, one is for groups."""
    return [
        f"{prefix}{call.guid('organization hold', prefix, suffix).hex}:{suffix}"
        for prefix, suffix in (("mbx", 2), ("mbx", 3), ("grp", 3))
    ]


def _domain(call: Call, name: str) -> dict[str, Value]:
    return {
        "Name": name,
        "Identity": name,
        "DomainName": name,
        "DomainType": "Authoritative",
        "Default": name == fake_directory.DOMAIN,
        "AuthenticationType": "Federated" if name == FEDERATED else "Managed",
        "Guid": call.guid("domain", name),
    }
