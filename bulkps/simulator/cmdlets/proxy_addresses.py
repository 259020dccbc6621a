"""The proxy addresses of an object: EmailAddresses, its primary address, and what is already in use. Pure.

Error texts are those of exchange-facts.md if it has them; comments mark what is assumed.
"""

import re
from collections.abc import Mapping

from bulkps.simulator.cmdlets.cmdlet_context import Call
from bulkps.simulator.cmdlets.cmdlet_result import Category, Refused, Value
from bulkps.simulator.cmdlets.property_types import entries
from bulkps.simulator.tenant.mailbox import LIVING, Mailbox

_TASKS = "Microsoft.Exchange.Management.Tasks."
_VALIDATION = "Microsoft.Exchange.Data.DataValidationException"
_MOST_PROXIES = 300
_SMTP = "smtp:"


def changed_addresses(call: Call, one: Mailbox, given: Value) -> dict[str, Value]:
    """Return the changes by EmailAddresses: a hashtable adds and removes, a list replaces.

    Raises:
        Refused: An address is in use, there are too many, or none would be the primary one.
    """
    if isinstance(given, Mapping):
        folded = {str(name).casefold(): several for name, several in given.items()}
        removed = {address.casefold() for address in _prefixed(folded.get("remove"))}
        kept = [address for address in one.addresses() if address.casefold() not in removed]
        added = _prefixed(folded.get("add"))
    else:
        kept, added = [], _prefixed(given)
    for address in added:
        check_free(call, address, one)
        kept = _with(kept, address)
    if len(kept) > _MOST_PROXIES:
        raise call.refused(
            f"There are too many proxy addresses: {len(kept)}, and maximum supported number of recipient "
            f"proxy addresses is {_MOST_PROXIES}",
            _VALIDATION,
            Category.InvalidOperation,
        )
    return _changes(call, one, kept)


def changed_primary(call: Call, one: Mailbox, address: str) -> dict[str, Value]:
    """Return the changes if *address* becomes the primary one; the old one stays as a secondary address.

    Raises:
        Refused: It is in use.
    """
    return changed_addresses(call, one, {"Add": [f"SMTP:{address}"]})


def changed_external(call: Call, one: Mailbox, given: Value) -> dict[str, Value]:
    """Return the changes by ExternalEmailAddress: the new address takes the place of the old one.

    Assumed: that the old one does not stay among the proxy addresses.

    Raises:
        Refused: It is in use.
    """
    address = f"SMTP:{str(given).rpartition(':')[2]}"
    check_free(call, address, one)
    old = one.text("ExternalEmailAddress").casefold()
    was_primary = old == f"smtp:{one.text('PrimarySmtpAddress')}".casefold()
    kept = [entry for entry in one.addresses() if entry.casefold() != old]
    if len(kept) == len(one.addresses()):
        return {"ExternalEmailAddress": address}
    kept = _with(kept, address if was_primary else f"{_SMTP}{address[5:]}")
    return {"ExternalEmailAddress": address, **_changes(call, one, kept)}


def check_free(call: Call, address: str, owner: Mailbox | None = None) -> None:
    """Check whether *address*, with its prefix, belongs to no other object than *owner*.

    Raises:
        Refused: It is in use.
    """
    prefix, _, rest = address.partition(":")
    if prefix.casefold() != "smtp":
        return
    holders = [one for one in call.tenant.matches(rest, LIVING) if one is not owner]
    if holders:
        raise call.refused(
            f'The proxy address "{prefix}:{rest}" is already being used by the proxy addresses or '
            f'LegacyExchangeDN of "{holders[0].text("Identity")}". Please choose another proxy address.',
            f"{_TASKS}ProxyAddressExistsException",
            Category.InvalidArgument,
            rest,
        )


def check_name_free(call: Call, name: str) -> None:
    """Check whether no object that is not deleted has the Name *name*.

    Raises:
        Refused: One has it.
    """
    if any(one.text("Name").casefold() == name.casefold() for one in call.tenant.matches(name, LIVING)):
        raise name_taken(call, name)


def name_taken(call: Call, name: str) -> Refused:
    """Return the error for a Name that another object has."""
    return call.refused(
        f'The name "{name}" is already being used. Please try another name.',
        f"{_TASKS}ADObjectAlreadyExistsException",
        Category.InvalidArgument,
        name,
    )


def _prefixed(value: Value) -> list[str]:
    texts = [str(one) for one in entries(value)]
    return [text if re.match("[A-Za-z0-9]+:", text) else f"{_SMTP}{text}" for text in texts]


def _with(kept: list[str], address: str) -> list[str]:
    """Return *kept* with *address*, which may be the new primary one."""
    if address.startswith("SMTP:"):
        # With a new primary address, the old one becomes a secondary address.
        folded = address.casefold()
        rest = [entry.replace("SMTP:", _SMTP, 1) for entry in kept if entry.casefold() != folded]
        return [address, *rest]
    # Assumed: adding an existing address gives no error.
    known = {entry.casefold() for entry in kept}
    return kept if address.casefold() in known else [*kept, address]


def _changes(call: Call, one: Mailbox, kept: list[str]) -> dict[str, Value]:
    primary = next((entry for entry in kept if entry.startswith("SMTP:")), "")
    if not primary:
        # Assumed, the text too.
        raise call.refused(
            f'The primary SMTP address of "{one.text("Identity")}" cannot be removed: a mailbox has '
            "exactly one.",
            _VALIDATION,
            Category.InvalidOperation,
            one.text("Identity"),
        )
    address = primary.partition(":")[2]
    changes: dict[str, Value] = {"EmailAddresses": list(kept)}
    return changes | {"PrimarySmtpAddress": address, "WindowsEmailAddress": address}
