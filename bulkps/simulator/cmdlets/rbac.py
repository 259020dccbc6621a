"""RBAC: a caller's roles can remove cmdlets and single parameters. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from bulkps.exchange.cmdlet_metadata import CmdletFacts
from bulkps.simulator.cmdlets.binder import facts_of

_ALL = "*"
#: The release that Exchange Online counts as.
ONLINE = "EXO"


@dataclass(frozen=True)
class Offer:
    """The cmdlets and parameters that exist for the caller.

    Attributes:
        hidden: Folded names of the removed parameters, ``*`` for the whole cmdlet, by folded cmdlet name.
        release: The release that has them: ``EXO``, or a release of Exchange Server.
        functions: Additional functions of the endpoint, by name.
    """

    hidden: Mapping[str, frozenset[str]] = field(default_factory=dict)
    release: str = ONLINE
    functions: Mapping[str, CmdletFacts] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str, release: str = ONLINE) -> "Offer":
        """Return the offer of *release* without ``Cmdlet:Parameter`` or ``Cmdlet:*`` as *text* lists them.

        Args:
            text: Names, comma-separated.
            release: As the attribute.

        Raises:
            ValueError: There is no such cmdlet or parameter.
        """
        hidden: dict[str, frozenset[str]] = {}
        for entry in filter(None, (part.strip() for part in text.split(","))):
            cmdlet, _, parameter = (piece.strip() for piece in entry.partition(":"))
            facts = facts_of(cmdlet)
            if facts is None:
                raise ValueError(f"hidden {entry!r}: there is no cmdlet {cmdlet!r}")
            known = None if parameter in {"", _ALL} else facts.parameter(parameter)
            if parameter not in {"", _ALL} and known is None:
                raise ValueError(f"hidden {entry!r}: {facts.name} has no parameter {parameter!r}")
            folded = facts.name.casefold()
            name = _ALL if known is None else known.name.casefold()
            hidden[folded] = hidden.get(folded, frozenset()) | {name}
        return cls(hidden, release)

    def facts(self, name: str) -> CmdletFacts | None:
        """Return the facts of the cmdlet called *name* as far as the caller may use it, or None."""
        facts = _released(name.casefold(), self.release)
        hidden = self.hidden.get(facts.name.casefold(), frozenset()) if facts else frozenset()
        if facts is None or not hidden:
            return facts
        if _ALL in hidden:
            return None
        left = {key: value for key, value in facts.parameters.items() if key.casefold() not in hidden}
        return replace(facts, parameters=left)


@cache
def _released(name: str, release: str) -> CmdletFacts | None:
    """Return the facts of a cmdlet as far as *release* has it; needed for every call."""
    facts = facts_of(name)
    if facts is None or release not in facts.availability:
        return None
    known = {key: one for key, one in facts.parameters.items() if release in one.availability}
    # Without a mandatory parameter, its parameter set does not exist.
    lost = {one for key, lacks in facts.parameters.items() if key not in known for one in lacks.mandatory_in}
    kept = tuple(name for name in facts.sets if name not in lost)
    return replace(facts, parameters=known, sets=kept or facts.sets)
