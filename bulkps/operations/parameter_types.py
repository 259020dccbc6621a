"""What a cell may hold that fills a cmdlet's parameter. Pure.

Types that are missing here are names and enumerations, whose values the data does not have: any text of one
line is accepted, and Exchange judges it.
"""

import re

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts

#: Types of parameters that hold several values and also accept ``@{Add=…; Remove=…}``.
COLLECTIONS = frozenset({"MultiValuedProperty", "ProxyAddressCollection"})
#: Types whose values no file may hold, because the journal and the results would hold them too.
SECRETS = frozenset({"SecureString", "PSCredential"})
#: Types whose values are not text.
_BINARY = frozenset({"Byte[]", "Stream", "Hashtable", "PswsHashtable", "PswsHashtable[]"})
#: Parameters that bulkps sends itself, or that are of no use in a row.
_OF_THE_TOOL = {
    "Confirm": "bulkps sends -Confirm:$false itself where the cmdlet asks",
    "WhatIf": "bulkps run --dry-run shows what would be sent",
    "Instance": "it holds an object, and a cell holds text",
}
_TYPES = {
    "SwitchParameter": "boolean",
    "Boolean": "boolean",
    "Int16": "integer",
    "Int32": "integer",
    "UInt16": "integer",
    "UInt32": "integer",
    "Int64": "integer",
    "UInt64": "integer",
    "Guid": "guid",
    "SmtpAddress": "smtp",
    "ProxyAddress": "proxy",
    "ProxyAddressCollection": "proxy",
    "ByteQuantifiedSize": "size",
    "DateTime": "date",
    "ExDateTime": "date",
    "TimeSpan": "duration",
    "EnhancedTimeSpan": "duration",
    "Uri": "uri",
    "CultureInfo": "culture",
}
#: The text types of properties that often have several lines or markup.
_LONG_TEXT = re.compile(r"Message|Description|Notes|MailTip|Text|Comment|Disclaimer|Body|Html|Signature")
_EXAMPLES = {
    "boolean": "true",
    "integer": "5",
    "guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "smtp": "ann.beebe@contoso.com",
    "proxy": "ann.beebe@contoso.com",
    "size": "50GB",
    "date": "2026-12-31",
    "duration": "30.00:00:00",
    "amount": "Unlimited",
    "uri": "https://www.contoso.com",
    "culture": "en-US",
    "identity": "ann.beebe@contoso.com",
    "name": "Ann Beebe",
    "text": "text",
}
_LOGICAL = frozenset({"$true", "$false", "$null"})


def takes_several(parameter: ParameterFacts) -> bool:
    """Return whether a parameter holds several values."""
    return parameter.type.endswith("[]") or parameter.type in COLLECTIONS


def why_not_in_a_file(parameter: ParameterFacts) -> str:
    """Return why no cell can fill *parameter*; an empty text if one can."""
    if parameter.type in SECRETS:
        return "no passwords and no credentials: journal and results would contain them"
    if parameter.type in _BINARY:
        return f"it takes a {parameter.type}, and a cell holds text"
    return _OF_THE_TOOL.get(parameter.name, "")


def allowed_values(parameter: ParameterFacts) -> tuple[str, ...]:
    """Return the values that *parameter* allows, if the data has them; those of a boolean are none."""
    return () if set(parameter.values) <= _LOGICAL else parameter.values


def cell_type(parameter: ParameterFacts) -> str:
    """Return the name of the type of cell that fills *parameter*; see cell_types.CELL_TYPES."""
    kind = parameter.type.removesuffix("[]")
    if kind == "Unlimited":
        return "size" if "Quota" in parameter.name else "amount"
    if parameter.name == "Identity" or kind.endswith("IdParameter"):
        return "identity"
    if kind in _TYPES:
        return _TYPES[kind]
    return "text" if kind in ("String", "Object") and _LONG_TEXT.search(parameter.name) else "name"


def example(parameter: ParameterFacts) -> str:
    """Return a cell that is valid for *parameter*."""
    values = allowed_values(parameter)
    return values[0] if values else _EXAMPLES[cell_type(parameter)]


def can_be_cleared(facts: CmdletFacts, parameter: ParameterFacts) -> bool:
    """Return whether ``$null`` clears the property that *parameter* sets.

    Only where a Set- cmdlet writes it and no value is needed; Exchange has the last word.
    """
    if not facts.name.startswith("Set-") or parameter.mandatory_in or parameter.name == "Identity":
        return False
    return parameter.type not in ("SwitchParameter", "Boolean") and not allowed_values(parameter)
