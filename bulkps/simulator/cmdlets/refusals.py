"""Errors of cmdlets in the form in which Exchange hands them out. Pure.

Exchange Online writes them through Write-ErrorMessage: a System.Exception whose message begins with the
exception's name, at times with a number of its own before it. An Exchange Server writes the exception itself.
Both name server, request and time in the FullyQualifiedErrorId. [exchange-facts.md section 1.3; Microsoft Q&A
2108696; DLConversionV2 issue 129; HealthChecker issue 213]
"""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate

from bulkps.simulator.cmdlets.cmdlet_result import ErrorInfo
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.tenant import Tenant

#: Where an online request ran, and the server of an organization of its own.
_ONLINE, _ON_PREMISES = "AM9P191MB1860", "EX01"
_CONTROLLER = f"DC01.{fake_directory.DOMAIN}"
#: The number before an exception's name, by how the text goes on; most have none.
_NUMBERS = (
    (
        "Ex6F9304",
        re.compile(r"The operation couldn't be performed because object '.*' couldn't be found on ", re.S),
    ),
    ("Ex94914C", re.compile(r"Couldn't find object ")),
)
#: Where the cmdlets' classes are; most are in the first.
_NAMESPACES = (
    (
        "MailboxRestoreRequest",
        "Microsoft.Exchange.Management.Migration.MailboxReplication.MailboxRestoreRequest",
    ),
    ("MailboxStatistics", "Microsoft.Exchange.Management.MapiTasks"),
    ("AcceptedDomain", "Microsoft.Exchange.Management.SystemConfigurationTasks"),
    ("OrganizationConfig", "Microsoft.Exchange.Management.SystemConfigurationTasks"),
)


def in_full(info: ErrorInfo, tenant: Tenant, cmdlet: str, now: float) -> ErrorInfo:
    """Return *info* as Exchange writes it for *cmdlet* at *now*; what has an id already stays as it is.

    The request's id follows from the seed, the text, and how often that was written before.
    """
    if info.fully_qualified_id:
        return info
    text = info.message
    number = next((one for one, begins in _NUMBERS if begins.match(text)), "")
    if tenant.on_premises:
        text = text.replace(fake_directory.SERVER, _CONTROLLER)
    tenant.refusals[cmdlet, text] += 1
    request = fake_directory.guid(tenant.seed, "error", cmdlet, text, tenant.refusals[cmdlet, text])
    # What could not be found is named in the text alone.
    info = replace(info, message=text, activity=cmdlet, target="" if number else info.target)
    if tenant.on_premises:
        return _on_premises(info, f"RequestId={request}", now)
    return _online(info, number, f"RequestId={request}", now)


def _online(info: ErrorInfo, number: str, request: str, now: float) -> ErrorInfo:
    stamp = formatdate(now, usegmt=True)
    return replace(
        info,
        message=f"{number}|{info.exception}|{info.message}",
        fully_qualified_id=f"[Server={_ONLINE},{request},TimeStamp={stamp}],Write-ErrorMessage",
        wrapped=True,
    )


def _on_premises(info: ErrorInfo, request: str, now: float) -> ErrorInfo:
    at = datetime.fromtimestamp(now, UTC)
    stamp = f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at:%M:%S} {'PM' if at.hour >= 12 else 'AM'}"
    noun = info.activity.partition("-")[2]
    space = next((space for name, space in _NAMESPACES if noun.startswith(name)), "RecipientTasks")
    # A hash of where it was thrown: the same for the same error of the same cmdlet.
    place = fake_directory.digest(0, info.activity, info.exception)[:4].hex().upper()
    return replace(
        info,
        fully_qualified_id=f"[Server={_ON_PREMISES},{request},TimeStamp={stamp}] "
        f"[FailureCategory=Cmdlet-{info.reason}] {place},"
        f"Microsoft.Exchange.Management.{space}.{info.activity.replace('-', '')}",
    )
