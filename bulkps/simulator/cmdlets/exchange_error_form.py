"""Errors of cmdlets in the form in which Exchange returns them. Pure.

Exchange Online writes them with Write-ErrorMessage: a System.Exception with a message that begins with the
exception's name, sometimes with a number before it. An Exchange Server writes the exception itself. Both put
server, request and time into the FullyQualifiedErrorId. [exchange-facts.md section 1.3; Microsoft Q&A
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
#: The number before an exception's name, by the text after it; most have none.
_NUMBERS = (
    (
        "Ex6F9304",
        re.compile(r"The operation couldn't be performed because object '.*' couldn't be found on ", re.S),
    ),
    ("Ex94914C", re.compile(r"Couldn't find object ")),
)
#: The namespaces of the cmdlets' classes; most are in the first.
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
    """Return *info* as Exchange writes it for *cmdlet* at *now*; an error with an id does not change.

    The request's id depends on the seed, the text, and how often that text was written before.
    """
    if info.fully_qualified_id:
        return info
    text = info.message
    number = next((one for one, begins in _NUMBERS if begins.match(text)), "")
    if tenant.on_premises:
        text = text.replace(fake_directory.SERVER, _CONTROLLER)
    tenant.refusals[cmdlet, text] += 1
    request = fake_directory.guid(tenant.seed, "error", cmdlet, text, tenant.refusals[cmdlet, text])
    # The missing object is only named in the text.
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
