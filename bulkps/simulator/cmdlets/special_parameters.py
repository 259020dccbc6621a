"""Parameters of Set- cmdlets that are more than a property of their name. Pure: the time is ``now``.

Each is a function that returns the changes. Error texts are those of exchange-facts.md if it has them;
comments mark what is assumed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import pairwise

from bulkps.simulator.cmdlets.cmdlet_context import Call
from bulkps.simulator.cmdlets.cmdlet_result import Category, Value
from bulkps.simulator.cmdlets.nouns import RECIPIENTS
from bulkps.simulator.cmdlets.property_types import bytes_of, merged, size_of, size_printed
from bulkps.simulator.cmdlets.proxy_addresses import (
    changed_addresses,
    changed_external,
    changed_primary,
    check_free,
)
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import LIVING, Kind, Mailbox
from bulkps.simulator.tenant.mailbox_language import FOLDER_LANGUAGE, folder_language, spoken
from bulkps.simulator.tenant.property_defaults import GROUP_MANAGERS, RETENTION_POLICIES
from bulkps.simulator.tenant.tenant import moment, not_found, only

#: Returns what a parameter changes; it sees the object and its properties as they are.
Rule = Callable[[Call, Mailbox, str, Mapping[str, Value]], dict[str, Value]]

_TASKS = "Microsoft.Exchange.Management.Tasks.RecipientTaskException"
_VALIDATION = "Microsoft.Exchange.Data.DataValidationException"
_QUOTAS = ("IssueWarningQuota", "ProhibitSendQuota", "ProhibitSendReceiveQuota")
#: exchange-facts.md: with the usual licences, an Exchange Online mailbox can hold 100 GB.
_LICENCE_LIMIT = 100 * 1024**3
#: Who the simulated administrator is.
ADMINISTRATOR = f"admin@{fake_directory.DOMAIN}"
#: The types of Set-Mailbox -Type that New-Mailbox has too.
_SUBTYPES = ("Shared", "Room", "Equipment")


def quota(call: Call, one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """Return the change of a quota; all three are checked against each other, and against the licence.

    Raises:
        Refused: They do not fit.
    """
    given = {
        key: size_of(call.bound.cmdlet, key, call.text(key)) for key in _QUOTAS if key in call.parameters
    }
    if not call.tenant.on_premises and (given[name] is None or (given[name] or 0) > _LICENCE_LIMIT):
        who = one.text("Identity")
        raise call.refused(
            f"The operation on mailbox \"{who}\" failed because it's out of the current user's write "
            f"scope. The value of properties '{name}' exceeds the maximum allowed for user '{who}' with "
            "license 'BPOS_S_Enterprise'.",
            _TASKS,
            Category.InvalidOperation,
            who,
        )
    every = {key: given[key] if key in given else bytes_of(str(current.get(key))) for key in _QUOTAS}
    for smaller, larger in pairwise(_QUOTAS):
        least, most = every[smaller], every[larger]
        if most is not None and (least is None or least > most):
            # Assumed: no documentation has it; administrators quote it in this form.
            raise call.refused(
                f"The value of property '{larger}' must be greater than or equal to that of property "
                f"'{smaller}'. {larger}: '{size_printed(most)}', {smaller}: '{size_printed(least)}'.",
                _VALIDATION,
                Category.InvalidOperation,
                one.text("Identity"),
            )
    return {name: size_printed(given[name])}


def _email_addresses(call: Call, one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    return changed_addresses(call, one, call.parameters[name])


def _primary(call: Call, one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    return changed_primary(call, one, call.text(name)) if call.text(name) else {}


def _user_address(call: Call, one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    """Set-User -WindowsEmailAddress: an account without addresses only shows it."""
    if one.kind is Kind.NONE:
        return {name: call.text(name)}
    return _primary(call, one, name, _current)


def _external(call: Call, one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    return changed_external(call, one, call.parameters[name]) if call.text(name) else {}


def _subtype(call: Call, _one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    """-Type: what kind of mailbox it is. Whether the account may sign in is another matter.

    Assumed: a workspace and a desk are rooms whose ResourceType says what they are.
    """
    chosen = call.text(name)
    if chosen == "Regular":
        regular: dict[str, Value] = {"RecipientTypeDetails": "UserMailbox", "ResourceType": None}
        return {**regular, "IsShared": False, "IsResource": False}
    kind = chosen if chosen in _SUBTYPES else "Room"
    made = {key: value for key, value in fake_directory.resource(kind).items() if key != "AccountDisabled"}
    return made if chosen in _SUBTYPES else {**made, "ResourceType": chosen}


def _hold(call: Call, _one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """-LitigationHoldEnabled: who set it and when follow by themselves, unless they are given."""
    wanted = call.flag(name)
    if wanted == current.get(name):
        return {}
    if not wanted:
        return {name: False, "LitigationHoldDate": None, "LitigationHoldOwner": ""}
    return {name: True, "LitigationHoldDate": moment(call.now), "LitigationHoldOwner": ADMINISTRATOR}


def _online_id(call: Call, one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    """-MicrosoftOnlineServicesID, -UserPrincipalName: the name of the account."""
    check_free(call, f"SMTP:{call.text(name)}", one)
    return {"UserPrincipalName": call.text(name), "MicrosoftOnlineServicesID": call.text(name)}


def _alias(call: Call, one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    alias = call.text(name)
    taken = [
        other for other in call.tenant.matches(alias, LIVING)
        if other is not one and other.text("Alias").casefold() == alias.casefold()
    ]  # fmt: skip
    if taken:
        # Assumed, the text too.
        raise call.refused(
            f'The alias "{alias}" is already being used by "{taken[0].text("Identity")}". Please choose '
            "another alias.",
            _TASKS,
            Category.InvalidArgument,
            one.text("Identity"),
        )
    return {name: alias}


def _recipient(call: Call, _one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    """A parameter that names one recipient; $null clears."""
    return {name: resolved(call, call.parameters[name]) if call.text(name) else None}


def _recipients(call: Call, _one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """A parameter that names recipients: a list replaces, a hashtable adds and removes."""
    return {name: merged(call.parameters[name], current.get(name), lambda entry: resolved(call, entry))}


def resolved(call: Call, identity: Value) -> str:
    """Return the Identity of the recipient that *identity* names, as Exchange shows it.

    Raises:
        Refused: There is none, or more than one.
    """
    text = str(identity)
    return (
        text if text == GROUP_MANAGERS else recipient(call, text, (*RECIPIENTS, Kind.NONE)).text("Identity")
    )


def recipient(call: Call, identity: str, kinds: tuple[Kind, ...]) -> Mailbox:
    """Return the object of *kinds* that *identity* names, as the value of a parameter.

    Raises:
        Refused: There is none, or more than one.
    """
    found = call.matches(identity, kinds)
    if not found:
        raise call.refused(
            f'Couldn\'t find object "{identity}". Please make sure that it was spelled correctly or specify '
            "a different object.",
            "Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException",
            Category.NotSpecified,
            identity,
        )
    return only(identity, found)


def _policy(call: Call, _one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    """-RetentionPolicy: one that exists; $null takes it away."""
    wanted = call.text(name)
    if not wanted:
        return {name: None}
    for policy in RETENTION_POLICIES:
        if wanted.casefold() in {policy.casefold(), str(call.guid("policy", policy))}:
            return {name: policy}
    raise not_found(wanted)


def _html(call: Call, _one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    """A text that Exchange keeps as HTML. What is a whole page already stays as it is."""
    text = call.text(name)
    if text and "<html" not in text.casefold():
        text = f"<html>\n<body>\n{text}\n</body>\n</html>\n"
    return {name: text}


def _reply_time(call: Call, one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """-StartTime, -EndTime: the first must be before the second."""
    times = {**{key: current.get(key) for key in ("StartTime", "EndTime")}}
    for key in times:
        if key in call.parameters:
            times[key] = call.held(key, None)
    start, end = times["StartTime"], times["EndTime"]
    if isinstance(start, datetime) and isinstance(end, datetime) and start >= end:
        # Assumed, the text too.
        raise call.refused(
            "The start time must be earlier than the end time.",
            _VALIDATION,
            Category.InvalidArgument,
            one.text("Identity"),
        )
    return {name: times[name]}


def _format(call: Call, _one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """-DateFormat, -TimeFormat: $null means the language's own."""
    usual = spoken(call.text("Language") or str(current.get("Language")))
    return {name: call.text(name) or (usual.date if name == "DateFormat" else usual.time)}


def _language(call: Call, one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """-Language: without formats, those of the language; the folders keep their names unless told otherwise.

    Assumed: Exchange refuses a language that the present formats do not fit.
    """
    language = call.text(name)
    if not language or language.casefold() == str(current.get(name)).casefold():
        return {}
    usual = spoken(language)
    return {
        name: language,
        "DateFormat": call.text("DateFormat") or usual.date,
        "TimeFormat": call.text("TimeFormat") or usual.time,
        "DefaultFolderNameMatchingUserLanguage": language == folder_language(call.tenant, one),
    }


def _localize(call: Call, _one: Mailbox, name: str, current: Mapping[str, Value]) -> dict[str, Value]:
    """-LocalizeDefaultFolderName: the folders are renamed into the language."""
    if not call.flag(name):
        return {}
    language = call.text("Language") or str(current.get("Language"))
    return {FOLDER_LANGUAGE: language, "DefaultFolderNameMatchingUserLanguage": True}


def _room_list(call: Call, _one: Mailbox, name: str, _current: Mapping[str, Value]) -> dict[str, Value]:
    return {"RecipientTypeDetails": "RoomList"} if call.flag(name) else {}


#: Lists of recipients, and parameters that name one, in every cmdlet.
_LISTS = (
    "GrantSendOnBehalfTo", "ManagedBy", "ModeratedBy", "AcceptMessagesOnlyFrom",
    "AcceptMessagesOnlyFromDLMembers", "AcceptMessagesOnlyFromSendersOrMembers", "RejectMessagesFrom",
    "RejectMessagesFromDLMembers", "RejectMessagesFromSendersOrMembers",
    "BypassModerationFromSendersOrMembers", "ResourceDelegates", "BookInPolicy", "RequestInPolicy",
    "RequestOutOfPolicy",
)  # fmt: skip
#: By the parameter's name; what is different for a noun comes first.
RULES: dict[str, Rule] = {
    **dict.fromkeys(_QUOTAS, quota),
    **dict.fromkeys(_LISTS, _recipients),
    **dict.fromkeys(("ForwardingAddress", "Manager", "DefaultPublicFolderMailbox"), _recipient),
    **dict.fromkeys(("PrimarySmtpAddress", "WindowsEmailAddress"), _primary),
    **dict.fromkeys(("MicrosoftOnlineServicesID", "UserPrincipalName"), _online_id),
    **dict.fromkeys(("InternalMessage", "ExternalMessage", "MailTip"), _html),
    **dict.fromkeys(("StartTime", "EndTime"), _reply_time),
    **dict.fromkeys(("DateFormat", "TimeFormat"), _format),
    "User:WindowsEmailAddress": _user_address,
    "Alias": _alias,
    "EmailAddresses": _email_addresses,
    "ExternalEmailAddress": _external,
    "Language": _language,
    "LitigationHoldEnabled": _hold,
    "LocalizeDefaultFolderName": _localize,
    "RetentionPolicy": _policy,
    "RoomList": _room_list,
    "Type": _subtype,
}
#: What no cmdlet shows afterwards.
WITHOUT_EFFECT = frozenset(
    {
        "Identity", "DomainController", "Force", "ForceUpgrade", "IgnoreDefaultScope", "IgnoreNamingPolicy",
        "SkipDualWrite", "BypassSecurityGroupManagerCheck", "WhatIf", "Confirm",
    }
)  # fmt: skip
