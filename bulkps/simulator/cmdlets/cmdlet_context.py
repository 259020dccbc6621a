"""One call of a cmdlet, as its handler sees it. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from bulkps.simulator.cmdlets.binder import Bound
from bulkps.simulator.cmdlets.cmdlet_result import (
    Answer,
    Category,
    ErrorInfo,
    Item,
    Refused,
    Value,
    jsonable,
)
from bulkps.simulator.cmdlets.property_types import held
from bulkps.simulator.cmdlets.rbac import Offer
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.tenant import Tenant, only

_NOT_VALUES = {"WhatIf", "Confirm"}


@dataclass
class Call:
    """One call of a cmdlet.

    Attributes:
        tenant: What it works on.
        bound: The cmdlet and its parameters.
        now: The time, in seconds since the epoch.
        answer: Where the handler writes.
        offer: The cmdlets and parameters that exist for the caller.
    """

    tenant: Tenant
    bound: Bound
    now: float
    answer: Answer
    offer: Offer = field(default_factory=Offer)

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The bound parameters by documented name."""
        return self.bound.parameters

    @property
    def dry(self) -> bool:
        """Whether -WhatIf was given. Its text goes to the host, not to a stream."""
        return bool(self.parameters.get("WhatIf"))

    def text(self, name: str) -> str:
        """Return the parameter *name* as text, empty if it is missing or null."""
        value = self.parameters.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Return whether the switch *name* is set."""
        return bool(self.parameters.get(name))

    def matches(self, identity: str, kinds: Iterable[Kind]) -> list[Mailbox]:
        """Return the objects of *kinds* that *identity* names and that are already visible."""
        return [one for one in self.tenant.matches(identity, kinds) if one.shown_from <= self.now]

    def find(self, identity: str, kinds: Iterable[Kind]) -> Mailbox:
        """Return the one object of *kinds* that *identity* names.

        Raises:
            Refused: There is none that is already visible, or more than one.
        """
        return only(identity, self.matches(identity, kinds))

    def changes(self) -> dict[str, Value]:
        """Return the parameters that say what to set: all but Identity and the common ones."""
        return {
            name: value
            for name, value in self.parameters.items()
            if name != "Identity" and name not in _NOT_VALUES
        }

    def write(
        self,
        type_name: str,
        text: str | None,
        properties: Mapping[str, Value] | Callable[[], Mapping[str, Value]],
    ) -> None:
        """Write an object: its properties, which must not change, or what makes them. Text as in Item."""
        self.answer.output.append(Item(type_name, text, properties))

    def changed(self, kind: str, mailbox: Mailbox, target: Mailbox, name: str) -> None:
        """Record a change: its *kind*, the *mailbox* that it is counted for, its *target* and a *name*."""
        counted = mailbox.key
        self.tenant.effects[kind, counted] += 1
        self.answer.effects.append(
            {
                "time": self.now,
                "cmdlet": self.bound.cmdlet,
                "kind": kind,
                "mailbox": counted,
                "target": target.key,
                "name": name,
                "parameters": jsonable(self.parameters),
            }
        )

    def refused(
        self, message: str, exception: str, category: Category = Category.NotSpecified, target: str = ""
    ) -> Refused:
        """Return Exchange's own error for this call, non-terminating."""
        return Refused(ErrorInfo(message, exception, category, target=target))

    def held(self, name: str, current: Value) -> Value:
        """Return what a property holds after the parameter *name*, if it holds *current* now.

        Raises:
            Refused: The value is not of the parameter's type.
        """
        facts = self.offer.facts(self.bound.cmdlet)
        known = facts.parameter(name) if facts else None
        if known is None:
            raise self.no_rules(name)
        return held(self.bound.cmdlet, known, self.parameters[name], current)

    def only(self, *known: str) -> None:
        """Refuse to answer if a parameter other than *known* would change the answer.

        Raises:
            Refused: A parameter is bound that the simulated tenant does not evaluate.
        """
        for name in self.parameters:
            if name not in known and name not in _NOT_VALUES:
                raise self.no_rules(name)

    def no_rules(self, name: str) -> Refused:
        """Return the error for a parameter that the simulated tenant does not evaluate."""
        return Refused(
            ErrorInfo(
                f"The simulator has no rules for -{name} of {self.bound.cmdlet}: the simulated tenant "
                f"doesn't evaluate the parameter '{name}'.",
                "System.NotImplementedException",
                Category.NotImplemented,
                f"NotSimulated,{self.bound.cmdlet}",
                activity=self.bound.cmdlet,
            ),
            terminating=True,
        )

    def confirmed(self, question: str) -> None:
        """Refuse to act without -Confirm:$false: the cmdlet asks *question*, and no one can answer.

        Raises:
            Refused: It was not given.
        """
        if self.parameters.get("Confirm") is False:
            return
        raise Refused(
            ErrorInfo(
                "A command that prompts the user failed because the host program or the command type does "
                "not support user interaction. The host was attempting to request confirmation with the "
                f"following message: {question}",
                "System.Management.Automation.Host.HostException",
                Category.NotImplemented,
                f"HostFunctionNotImplemented,{self.bound.cmdlet}",
                activity=self.bound.cmdlet,
            ),
            terminating=True,
        )

    def guid(self, *parts: object) -> UUID:
        """Return a GUID derived from the tenant's seed and *parts*."""
        return fake_directory.guid(self.tenant.seed, *parts)


#: A cmdlet's implementation.
Handler = Callable[[Call], None]
