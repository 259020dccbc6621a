"""Get- and Set- of every noun that is made by rule. Pure: the time is ``now``."""

from collections.abc import Iterable, Mapping

from bulkps.simulator.cmdlets.cmdlet_context import Call, Handler
from bulkps.simulator.cmdlets.cmdlet_result import Category, Value
from bulkps.simulator.cmdlets.group_managers import check_manager
from bulkps.simulator.cmdlets.nouns import GROUPS, NOUNS, Noun
from bulkps.simulator.cmdlets.property_types import same
from bulkps.simulator.cmdlets.special_parameters import RULES, WITHOUT_EFFECT
from bulkps.simulator.tenant.mailbox import Mailbox

_TASKS = "Microsoft.Exchange.Management.Tasks.RecipientTaskException"
#: What Exchange Online does not let anybody change of an object that comes from Active Directory.
#: Assumed beyond EmailAddresses: these are the attributes that are synchronized.
_SYNCED = frozenset(
    {
        "EmailAddresses", "PrimarySmtpAddress", "WindowsEmailAddress", "ExternalEmailAddress", "Alias",
        "Name", "DisplayName", "SimpleDisplayName", "HiddenFromAddressListsEnabled", "ForwardingAddress",
        "GrantSendOnBehalfTo", "ManagedBy", "Manager", "FirstName", "LastName", "Initials", "Title",
        "Department", "Company", "Office", "Phone", "MobilePhone", "HomePhone", "Fax", "Pager",
        "StreetAddress", "City", "StateOrProvince", "PostalCode", "CountryOrRegion",
        *(f"CustomAttribute{number}" for number in range(1, 16)),
        *(f"ExtensionCustomAttribute{number}" for number in range(1, 6)),
    }
)  # fmt: skip


def set_object(call: Call, noun: Noun) -> None:
    """Set the properties of an object; returns nothing, and warns if nothing changes."""
    one = call.find(call.text("Identity"), noun.kinds)
    if noun.kinds == GROUPS:
        check_manager(call, one)
    if not noun.apart:
        _check_not_synced(call, one)
    current = noun.properties(call.tenant, one)
    changes = wanted(call, noun, one, current)
    changed = {
        name: value
        for name, value in changes.items()
        if not same(value, _held(call, noun, one, name, current))
    }
    if not changed:
        call.answer.warnings.append(
            f"The command completed successfully but no settings of '{one.text('Identity')}' have been "
            "modified."
        )
        return
    if call.dry:
        return
    keep(call, noun, one, changed)
    call.changed(noun.effect, one, one, one.text("Name"))


def wanted(
    call: Call, noun: Noun, one: Mailbox, current: Mapping[str, Value], skipped: Iterable[str] = ()
) -> dict[str, Value]:
    """Return what the call's parameters make of the properties of *one*.

    Args:
        call: The call.
        noun: What it acts on.
        one: The object.
        current: Its properties now.
        skipped: Parameters that the cmdlet has evaluated itself.

    Raises:
        Refused: A value cannot be, or the tenant has no rules for a parameter.
    """
    changes: dict[str, Value] = {}
    given: dict[str, Value] = {}
    for name in call.parameters:
        if name in WITHOUT_EFFECT or name in skipped:
            continue
        rule = RULES.get(f"{noun.name}:{name}") or RULES.get(name)
        if rule is not None:
            changes |= rule(call, one, name, current)
        elif name in current:
            given[name] = call.held(name, current[name])
        else:
            raise call.no_rules(name)
    # What is said outright wins over what follows from another parameter.
    return changes | given


def keep(call: Call, noun: Noun, one: Mailbox, changes: Mapping[str, Value]) -> None:
    """Keep *changes* of *one*: in the directory, or apart from it."""
    if noun.apart:
        place = (noun.name, one)
        call.tenant.settings[place] = {**call.tenant.settings.get(place, {}), **changes}
    else:
        call.tenant.change(one, one.kind, changes)


def _held(call: Call, noun: Noun, one: Mailbox, name: str, current: Mapping[str, Value]) -> Value:
    """Return what a property holds now, shown or not."""
    if name in current:
        return current[name]
    if noun.apart:
        return call.tenant.settings.get((noun.name, one), {}).get(name)
    return one.properties.get(name)


def _check_not_synced(call: Call, one: Mailbox) -> None:
    if not one.properties.get("IsDirSynced") or one.properties.get("IsExchangeCloudManaged"):
        return
    refused = [name for name in call.parameters if name in _SYNCED]
    if not refused:
        return
    guid = one.text("Guid")
    raise call.refused(
        f"The operation on mailbox \"{guid}\" failed because it's out of the current user's write scope. The "
        f"action '{call.bound.cmdlet}', '{','.join(refused)}', can't be performed on the object '{guid}' "
        "because the object is being synchronized from your on-premises organization. This action should be "
        "performed on the object in your on-premises organization.",
        _TASKS,
        Category.InvalidOperation,
        guid,
    )


def _setter(noun: Noun) -> Handler:
    return lambda call: set_object(call, noun)


HANDLERS: dict[str, Handler] = {f"Set-{noun.name}": _setter(noun) for noun in NOUNS}
