"""Rows that fit the simulator's tenant, for rehearsals."""

from collections.abc import Mapping

from bulkps.errors import UsageProblem
from bulkps.operations.model import Operation
from bulkps.simulator import Tenant
from bulkps.simulator.tenant import fake_directory


def sample_rows(operation: Operation, count: int, seed: int) -> list[dict[str, str]]:
    """Return *count* rows of *operation* whose sampled columns name mailboxes of the tenant of *seed*.

    Raises:
        UsageProblem: If no column of the operation says where the tenant has values for it.
    """
    sampled = {name: column.sample for name, column in operation.columns.items() if column.sample}
    if not sampled:
        raise UsageProblem(f"{operation.name} has no sample rows; run the command without --rows")
    tenant = Tenant(seed, count)
    return [_row(sampled, _facts(tenant, index)) for index in range(count)]


def _row(sampled: Mapping[str, str], facts: Mapping[str, str]) -> dict[str, str]:
    return {name: facts.get(place, "") for name, place in sampled.items()}


def _facts(tenant: Tenant, index: int) -> dict[str, str]:
    """Return every fact of the tenant's person *index* that a column can be sampled from."""
    inactive, active = tenant.inactive(index), tenant.active(index)
    facts = {f"inactive.{name}": str(value) for name, value in inactive.items()}
    facts |= {f"active.{name}": str(value) for name, value in active.items()}
    # On-premises: mailboxes without an account, and the accounts that had them.
    facts |= {
        f"disconnected.{name}": str(value)
        for name, value in fake_directory.disconnected_mailbox(tenant.seed, index).items()
    }
    facts |= {
        f"user.{name}": str(value) for name, value in fake_directory.plain_user(tenant.seed, index).items()
    }
    # A user principal name that is still free.
    facts["new.UserPrincipalName"] = f"recovered.{inactive['UserPrincipalName']}"
    facts["new.DisplayName"] = str(inactive["DisplayName"])
    return facts
