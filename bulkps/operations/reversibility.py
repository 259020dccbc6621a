"""Which cmdlets and parameters have effects that cannot be undone. Pure.

An operation that sends one of them is one-way, whatever its YAML says: YAML can only make an operation
stricter.
"""

import re
from collections.abc import Mapping

#: Verbs of cmdlets that remove or end something for good.
_VERBS = frozenset({"remove", "disable", "clear", "stop", "delete", "complete", "uninstall"})
#: Cmdlets with other verbs that change something irreversibly. Exchange's own module also asks before most of
#: them (ConfirmImpact High in its proxies).
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
#: Parameters that remove something for good, on any cmdlet: Remove…, Permanently…, and those that end a hold
#: on a mailbox or its items.
_PARAMETERS = re.compile(
    r"(?:Remove|Delete|Purge|Permanent)\w*|IgnoreLegalHold|ExcludeFrom\w*Holds|RecalculateInactiveMailbox",
    re.IGNORECASE,
)
#: The same for one cmdlet only: there the inactive or removed mailbox is converted. Elsewhere,
#: InactiveMailbox only names a mailbox.
_OF_ONE = {"new-mailbox": frozenset({"inactivemailbox", "removedmailbox"})}
#: Parameters that, set to false, end the retention of a mailbox's items: Exchange then removes the items.
_KEEPERS = frozenset({"litigationholdenabled", "singleitemrecoveryenabled", "retentionholdenabled"})


def cannot_be_undone(cmdlet: str, parameters: Mapping[str, object]) -> str:
    """Return the cmdlet or parameter that cannot be undone, or an empty text.

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
    """Return whether a cmdlet only removes a request: for a failed request, that loses nothing."""
    return re.fullmatch(r"remove-\w+request", cmdlet, re.IGNORECASE) is not None


def _takes_away(name: str, value: object) -> bool:
    if name.casefold() in _KEEPERS:
        # A template may be filled with false.
        return value is False or isinstance(value, str)
    return value is not False and _PARAMETERS.fullmatch(name) is not None
