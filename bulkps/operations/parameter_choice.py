"""Which of a cmdlet's parameters an operation starts with: those of its usual parameter set. Pure."""

from collections import Counter
from collections.abc import Iterable

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts
from bulkps.operations.parameter_types import why_not_in_a_file

#: How many optional parameters a new file lists.
_OPTIONAL = 12
#: Parameters that are of no use in rows.
_LEFT_OUT = frozenset({"Confirm", "WhatIf", "Instance", "ResultSize", "Filter", "SortBy", "Anr"})
#: The parameters that administrators change most come first, then the others in the documented order.
_MOST_USED = (
    "Name",
    "DisplayName",
    "Alias",
    "User",
    "EmailAddresses",
    "IssueWarningQuota",
    "ProhibitSendQuota",
    "ProhibitSendReceiveQuota",
    "HiddenFromAddressListsEnabled",
    "ForwardingSmtpAddress",
    "DeliverToMailboxAndForward",
    "GrantSendOnBehalfTo",
    "RetentionPolicy",
    "CustomAttribute1",
    "Type",
    "Department",
    "Company",
    "Title",
    "AutoMapping",
    "InheritanceType",
)

#: The usual parameter sets; if a cmdlet has none of them, the largest one is used.
_USUAL = ("Default", "Identity", "User")


def chosen_parameters(facts: CmdletFacts) -> tuple[list[ParameterFacts], list[ParameterFacts]]:
    """Return the mandatory parameters of the usual parameter set, and up to twelve others of it.

    A mandatory password is among them, because bulkps generates it. At least one of the mandatory ones can be
    filled by a row, if the cmdlet has any such parameter.
    """
    every = [one for one in facts.parameters.values() if one.name not in _LEFT_OUT]
    # A set with an identity alone changes nothing.
    held = Counter(name for one in every for name in one.sets or facts.sets)
    most = max(held.values(), default=0)
    usual = next((name for name in _USUAL if held[name] > (most > 1)), "")
    best = usual or max(facts.sets, key=lambda name: _worth(every, name), default="")
    mandatory = [one for one in every if best in one.mandatory_in]
    if all(map(why_not_in_a_file, mandatory)):
        # The cmdlet can be called without parameters, but a row needs at least one.
        open_ones = [
            one for one in every if not why_not_in_a_file(one) and (not one.sets or best in one.sets)
        ]
        mandatory += ([one for one in open_ones if one.name == "Identity"] or open_ones)[:1]
    releases = set(facts.availability).intersection(*(one.availability for one in mandatory))
    rest = [
        one
        for one in every
        if one not in mandatory and not why_not_in_a_file(one) and (not one.sets or best in one.sets)
    ]
    # Those that every release has, if there are any.
    rest = [one for one in rest if releases <= set(one.availability)] or rest
    order = {name: number for number, name in enumerate(_MOST_USED)}
    rest.sort(key=lambda one: order.get(one.name, len(order)))
    return mandatory, rest[:_OPTIONAL]


def _worth(every: Iterable[ParameterFacts], name: str) -> tuple[int, int, int]:
    """Return a key to compare the parameter set *name*: many parameters, few of them mandatory."""
    held = [one for one in every if not one.sets or name in one.sets]
    # A set that no row can fill is the last choice.
    closed = any(
        name in one.mandatory_in and why_not_in_a_file(one) and one.type != "SecureString" for one in held
    )
    return -closed, len(held), -sum(name in one.mandatory_in for one in held)
