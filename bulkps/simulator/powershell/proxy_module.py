"""PowerShell text of the proxy functions by which a real engine calls the tenant's cmdlets. Pure.

The service sends it as Exchange Online's does: the stand-in module has no cmdlets of its own.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts
from bulkps.simulator.cmdlets.client_types import declared
from bulkps.simulator.cmdlets.cmdlet_table import HANDLERS
from bulkps.simulator.cmdlets.rbac import Offer

#: Given by the engine itself to a function that supports ShouldProcess.
_ENGINE = {"WhatIf", "Confirm"}
#: Exchange Online asks before these too. Here they act at once, as on an Exchange Server.
_SILENT = {"Set-User", "Suspend-MailboxRestoreRequest"}
#: Parameter sets with their mandatory parameters, the default set first. The first name of a set only belongs
#: to this set, unless every set needs it. Documented sets that Exchange Online refuses are left out.
_SETS: dict[str, dict[str, tuple[str, ...]]] = {
    "New-Mailbox": {
        "User": ("Name",),
        "InactiveMailbox": ("InactiveMailbox", "Name", "MicrosoftOnlineServicesID", "Password"),
    },
    "New-MailboxRestoreRequest": {
        "SourceMailbox": ("SourceMailbox", "TargetMailbox"),
        "Default": ("SourceStoreMailbox", "TargetMailbox"),
    },
}


def proxied(offer: Offer, patterns: Iterable[str] = ("*",)) -> list[str]:
    """Return the names of the cmdlets on *offer* that match one of *patterns*, wildcards allowed."""
    wanted = [pattern.casefold() for pattern in patterns]
    return [
        name
        for name in HANDLERS
        if name != "Get-Command"
        and offer.facts(name)
        and any(fnmatchcase(name.casefold(), pattern) for pattern in wanted)
    ]


def module_text(offer: Offer, names: Iterable[str]) -> str:
    """Return the functions that stand for the cmdlets *names*, as far as they are on *offer*."""
    return "\n".join(_function(facts) for name in names if (facts := offer.facts(name)))


def _function(facts: CmdletFacts) -> str:
    sets = _SETS.get(facts.name, {})
    declared = ",\n    ".join(
        _parameter(facts, facts.parameters[name], sets) for name in facts.parameters if name not in _ENGINE
    )
    binding = ["PositionalBinding = $false"]
    if sets:
        binding.append(f"DefaultParameterSetName = '{next(iter(sets))}'")
    asks = facts.asks and facts.name not in _SILENT
    impact = "High" if asks else "Medium"
    run = f"Invoke-ExchangeCommand '{facts.name}' $PSBoundParameters $PSCmdlet"
    if facts.mutates:
        binding.append(f"SupportsShouldProcess = $true, ConfirmImpact = '{impact}'")
        # -WhatIf is sent too: the tenant reports what it would refuse.
        asked = f"$PSCmdlet.ShouldProcess('{facts.name}') -or $WhatIfPreference"
        run = f"if ({asked}) {{ {run} $WhatIfPreference ${str(asks).lower()} }}"
    return (
        f"function {facts.name} {{\n  [CmdletBinding({', '.join(binding)})]\n"
        f"  param(\n    {declared})\n  process {{ {run} }}\n}}"
    )


def _parameter(facts: CmdletFacts, parameter: ParameterFacts, sets: dict[str, tuple[str, ...]]) -> str:
    common = []
    if parameter.name == _positional(facts):
        common.append("Position = 0")
    if parameter.name == "Identity":
        # The module sends what comes down the pipeline in batches of ten; here each is a call.
        common.append("ValueFromPipeline = $true, ValueFromPipelineByPropertyName = $true")
    attributes = [
        f"[Parameter({', '.join(entries)})]" for entries in _attributes(facts, parameter, sets, common)
    ]
    if parameter.aliases:
        attributes.append("[Alias({})]".format(", ".join(f"'{alias}'" for alias in parameter.aliases)))
    return " ".join([*attributes, f"[{declared(parameter)}] ${{{parameter.name}}}"])


def _attributes(
    facts: CmdletFacts, parameter: ParameterFacts, sets: dict[str, tuple[str, ...]], common: list[str]
) -> list[list[str]]:
    """Return the arguments of each ParameterAttribute of *parameter*."""
    needed_in = [one for one, needed in sets.items() if parameter.name in needed]
    own = [one for one in needed_in if sets[one][0] == parameter.name]
    if not needed_in:
        # Only mandatory if it is in every set: the tenant finds out which set is meant.
        everywhere = bool(facts.sets) and set(facts.sets) == set(parameter.mandatory_in)
        mandatory = ["Mandatory = $true"] if everywhere else []
        return [entries] if (entries := [*mandatory, *common]) else []
    if len(needed_in) == len(sets):
        return [["Mandatory = $true", *common]]
    return [
        [f"ParameterSetName = '{one}'", *(["Mandatory = $true"] if one in needed_in else []), *common]
        for one in (own or sets)
    ]


def _positional(facts: CmdletFacts) -> str:
    return next((name for name in ("Identity", "Name") if name in facts.parameters), "")
