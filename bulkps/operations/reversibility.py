"""Which cmdlets and parameters do what cannot be undone. Pure.

An operation that sends one of them is one-way, whatever its YAML says: it can make an operation stricter,
never laxer.
"""

import re
from collections.abc import Mapping

#: Verbs of cmdlets after which something is gone, or over for good.
_VERBS = frozenset({"remove", "disable", "clear", "stop", "delete", "complete", "uninstall"})
#: Cmdlets of other verbs that turn something into what it cannot be turned back from. Exchange's own module
#: asks before most of them too (ConfirmImpact High in its proxies).
_CMDLETS = frozenset(
    {
        "undo-softdeletedmailbox",
        "update-distributiongroupmember",
        "update-rolegroupmember",
        "import-transportrulecollection",
        "set-dataencryptionpolicy",
        "set-m365dataatrestencryptionpolicy",
    }
)
#: Parameters that take something away for good, on any cmdlet: Remove…, Permanently…, and those by which a
#: mailbox loses the hold that keeps it or its items.
_PARAMETERS = re.compile(
    r"(?:Remove|Delete|Purge|Permanent)\w*|IgnoreLegalHold|ExcludeFrom\w*Holds|RecalculateInactiveMailbox",
    re.IGNORECASE,
)
#: The same of one cmdlet alone: there the inactive or removed mailbox becomes another thing. Elsewhere
#: InactiveMailbox only says which mailbox is meant.
_OF_ONE = {"new-mailbox": frozenset({"inactivemailbox", "removedmailbox"})}
#: Parameters whose value false ends what keeps a mailbox's items: a managed folder assistant removes them.
_KEEPERS = frozenset({"litigationholdenabled", "singleitemrecoveryenabled", "retentionholdenabled"})


def cannot_be_undone(cmdlet: str, parameters: Mapping[str, object]) -> str:
    """Return what cannot be undone of a cmdlet with these parameters, or an empty text.

    Args:
        cmdlet: Its name.
        parameters: Declared values by name: a constant, or a template that a row fills.
    """
    folded = cmdlet.casefold()
    if folded.partition("-")[0] in _VERBS or folded in _CMDLETS:
        return cmdlet
    for name, value in parameters.items():
        if _takes_away(name, value) or (name.casefold() in _OF_ONE.get(folded, ()) and value is not False):
            return f"{cmdlet} -{name}"
    return ""


def removes_request(cmdlet: str) -> bool:
    """Return whether a cmdlet removes a request, and nothing of what it is about: failed, it is no loss."""
    return re.fullmatch(r"remove-\w+request", cmdlet, re.IGNORECASE) is not None


def _takes_away(name: str, value: object) -> bool:
    if name.casefold() in _KEEPERS:
        # A template may be filled with false.
        return value is False or isinstance(value, str)
    return value is not False and _PARAMETERS.fullmatch(name) is not None
