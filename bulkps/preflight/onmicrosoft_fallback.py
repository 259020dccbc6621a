"""Values that pre-flight puts in place of a row's own, because the row's domain is federated."""

from dataclasses import dataclass, replace

from bulkps.engine.item import Item
from bulkps.exchange.calls_and_outcomes import Value
from bulkps.operations.definition_validator import KINDS
from bulkps.operations.model import Operation, Preflight
from bulkps.operations.parameter_binding import places
from bulkps.operations.placeholders import Template
from bulkps.preflight.name_conflict_checks import fallback_upn
from bulkps.preflight.preflight_facts import Organization
from bulkps.preflight.query_planner import Wanted
from bulkps.preflight.row_intent import WantedRecovery


@dataclass(frozen=True)
class Replacement:
    """Values that replace a row's own.

    Attributes:
        wanted: What the row wants with these values.
        values: The values by column.
        why: The reason, as text for the user.
    """

    wanted: Wanted
    values: dict[str, Value]
    why: str


def wanted_by(operation: Operation, preflight: Preflight, item: Item) -> Wanted:
    """Return what a row wants of Exchange."""
    filled = places(operation, item.values, item.key, "", item.outputs)
    given = {name: Template.parse(text).render(filled) for name, text in preflight.wants.items()}
    kind = KINDS[preflight.kind]
    return kind(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def fallen_back(wanted: Wanted, organization: Organization, preflight: Preflight) -> Replacement | None:
    """Return the name in the initial domain for an account of a federated domain; None for any other."""
    if not isinstance(wanted, WantedRecovery):
        return None
    upn = fallback_upn(wanted, organization)
    columns = Template.parse(preflight.wants["upn"]).names
    if not upn or len(columns) != 1:
        return None
    name = upn if wanted.name in ("", wanted.upn) else wanted.name
    why = f"federated-domain: {columns[0]} was changed to {upn}"
    return Replacement(replace(wanted, upn=upn, name=name), {columns[0]: upn}, why)
