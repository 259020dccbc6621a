"""Cmdlets run against a tenant, without any wire."""

from typing import Any

from bulkps.simulator.cmdlets.cmdlet_result import Answer, Secret
from bulkps.simulator.cmdlets.cmdlet_table import execute
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.tenant.tenant import Tenant

NOW = 1_700_000_000.0


def run(tenant: Tenant, cmdlet: str, at: float = 0.0, **parameters: Any) -> Answer:
    """Run a cmdlet *at* so many seconds after NOW, with what the tenant's release offers."""
    offer = Offer(release="SE") if tenant.on_premises else Offer()
    return execute(tenant, cmdlet, list(parameters.items()), NOW + at, offer)


def restore(tenant: Tenant, index: int = 0, at: float = 0.0, **parameters: Any) -> Answer:
    """Restore inactive mailbox *index* into the active one of the same person."""
    source, target = tenant.inactive(index)["ExchangeGuid"], tenant.active(index)["PrimarySmtpAddress"]
    given = {"SourceMailbox": source, "TargetMailbox": target}
    return run(tenant, "New-MailboxRestoreRequest", at, **{**given, **parameters})


def recover(tenant: Tenant, **parameters: Any) -> Answer:
    """Recover inactive mailbox 0 as new0@contoso.com."""
    given = {
        "InactiveMailbox": tenant.inactive(0)["ExchangeGuid"],
        "Name": "new0",
        "MicrosoftOnlineServicesID": "new0@contoso.com",
        "Password": Secret("Str0ng-enough"),
    }
    return run(tenant, "New-Mailbox", **{**given, **parameters})


def text_of(answer: Answer) -> str:
    """Return the first error's text; empty if there is none."""
    errors = answer.errors or ([answer.failure] if answer.failure else [])
    return errors[0].message if errors else ""


def column(answer: Answer, name: str) -> list[Any]:
    """Return one property of every object of the output."""
    return [item.properties[name] for item in answer.output]
