"""The types that the client's proxy functions declare: what binds before the service sees it. Pure data.

From the module that Exchange Online generates at connect (787 proxies, August 2024): most types of Exchange
are ``object``, because the client does not have them. A Boolean or a number that $null clears is ``object``
too.
"""

from bulkps.exchange.cmdlet_metadata import ParameterFacts

_DECLARED = {
    "Boolean": "bool",
    "CultureInfo": "cultureinfo",
    "Guid": "guid",
    "Int32": "int",
    "PSCredential": "pscredential",
    "SecureString": "securestring",
    "String": "string",
    "String[]": "string[]",
    "SwitchParameter": "switch",
}
#: Parameters without a value that $null clears: the organization's setting applies, or there is none.
_NULLABLE = frozenset(
    {
        "AuthenticationPolicy", "AutoMapping", "EwsAllowEntourage", "EwsAllowMacOutlook", "EwsAllowOutlook",
        "EwsEnabled", "MacOutlookEnabled", "OneWinNativeOutlookEnabled", "OutlookMobileEnabled",
        "ResourceCapacity", "SeniorityIndex", "SmtpClientAuthenticationDisabled", "UniversalOutlookEnabled",
        "UseDatabaseQuotaDefaults",
        # Not in the proxies, as it is no longer in Exchange Online.
        "MapiHttpEnabled",
    }
)  # fmt: skip
#: The only dates that the client converts; all others are judged by the service.
_DATES = frozenset({"StartTime", "EndTime"})


def nullable(parameter: ParameterFacts) -> bool:
    """Return whether $null is a value of *parameter*, although its documented type has none."""
    return parameter.name in _NULLABLE


def declared(parameter: ParameterFacts) -> str:
    """Return the type that the client declares for *parameter*, as PowerShell writes it."""
    if nullable(parameter):
        return "object"
    if parameter.type == "DateTime" and parameter.name in _DATES:
        return "datetime"
    if parameter.type.endswith("[]") and parameter.type not in _DECLARED:
        return "System.Object[]"
    return _DECLARED.get(parameter.type, "object")
