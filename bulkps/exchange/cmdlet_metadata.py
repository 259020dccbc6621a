"""The cmdlets that bulkps knows: parameters, types, allowed values, and where each exists.

Read once from package data at import, then pure. The data is made by ``scripts/trim_facts.py``
from MicrosoftDocs/office-docs-powershell.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files


@dataclass(frozen=True)
class ParameterFacts:
    """What the documentation says of one parameter.

    Attributes:
        name: The parameter's name, in its documented case.
        type: The .NET type's short name, such as ``String`` or ``SwitchParameter``.
        availability: Exchange releases that have it: ``2010`` to ``SE`` on-premises, ``EXO`` online.
        sets: Parameter sets that it belongs to; empty means all.
        mandatory_in: Parameter sets in which it must be given.
        values: Allowed values where they are an enumeration, else empty.
        aliases: Other names that the binder takes.
    """

    name: str
    type: str
    availability: tuple[str, ...]
    sets: tuple[str, ...] = ()
    mandatory_in: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class CmdletFacts:
    """What the documentation says of one cmdlet.

    Attributes:
        name: The cmdlet's name, in its documented case.
        availability: Exchange releases that have it.
        mutates: Whether it changes anything (it supports ShouldProcess).
        empty_identity_returns_all: Whether an empty Identity answers with every object there is.
        sets: Names of its parameter sets.
        parameters: Its parameters by documented name.
    """

    name: str
    availability: tuple[str, ...]
    mutates: bool
    empty_identity_returns_all: bool
    sets: tuple[str, ...]
    parameters: Mapping[str, ParameterFacts]

    def parameter(self, name: str) -> ParameterFacts | None:
        """Return the parameter called *name* without regard to case, or None."""
        return self._by_folded_name.get(name.casefold())

    @cached_property
    def _by_folded_name(self) -> Mapping[str, ParameterFacts]:
        # Asked for every parameter of every row: a search through the list would cost more than the rest.
        aliases = {alias.casefold(): facts for facts in self.parameters.values() for alias in facts.aliases}
        return aliases | {name.casefold(): facts for name, facts in self.parameters.items()}


def _load() -> dict[str, CmdletFacts]:
    raw = json.loads(files("bulkps.exchange").joinpath("cmdlets.json").read_text(encoding="utf-8"))
    return {
        name: CmdletFacts(
            name=name,
            availability=tuple(facts["availability"]),
            mutates=facts["mutates"],
            empty_identity_returns_all=facts["emptyIdentityReturnsAll"],
            sets=tuple(facts["sets"]),
            parameters={
                key: ParameterFacts(
                    name=key,
                    type=value["type"],
                    availability=tuple(value["availability"]),
                    sets=tuple(value.get("sets", ())),
                    mandatory_in=tuple(value.get("mandatoryInSets", ())),
                    values=tuple(value.get("values", ())),
                    aliases=tuple(value.get("aliases", ())),
                )
                for key, value in facts["parameters"].items()
            },
        )
        for name, facts in raw.items()
    }


#: Every known cmdlet by its documented name.
CMDLETS: Mapping[str, CmdletFacts] = _load()


def unknown_cmdlet(name: str) -> str:
    """Return what to say of a cmdlet that is not in the data."""
    # Only a slip of the pen: another cmdlet with a like name is another cmdlet.
    verb = name.partition("-")[0].casefold()
    alike = [one for one in CMDLETS if one.partition("-")[0].casefold() == verb]
    if near := get_close_matches(name, alike, n=1, cutoff=0.92):
        return f"no cmdlet {name!r} is known; did you mean {near[0]}?"
    return (
        f"no cmdlet {name!r} is known: an operation sends only cmdlets whose parameters bulkps has and checks"
    )


_BY_FOLDED_NAME = {name.casefold(): facts for name, facts in CMDLETS.items()}


def cmdlet_facts(name: str) -> CmdletFacts | None:
    """Return the facts of the cmdlet called *name* without regard to case, or None."""
    return _BY_FOLDED_NAME.get(name.casefold())
