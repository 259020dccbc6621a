"""Combines the documentation of every cmdlet with what the Exchange Online client declares.

The rules by which the sources are combined are written in docs/cmdlet-data.md. Only what bulkps uses for
decisions is kept.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ON_PREMISES = ("2010", "2013", "2016", "2019", "SE")
#: The only parameter set of a cmdlet that has no others.
ONE_SET = "__AllParameterSets"
_EVERY_SET = "(All)"
#: Cmdlets that only act on the client: in a session of bulkps they would end or replace its connection.
_OF_THE_CLIENT = ("Connect-ExchangeOnline", "Connect-IPPSSession", "Disconnect-ExchangeOnline")
#: Verbs of cmdlets that only read, whatever their pages say about Confirm.
_READING = ("Get", "Search", "Preview", "Validate")
#: Verbs of on-premises cmdlets that ask before they act (exchange-facts.md section 1.3).
_ASKING = frozenset({"Remove", "Disable", "Uninstall", "Stop", "Suspend", "Dismount", "Clear"})
#: Types that the client declares, as the documentation would name them; all others are Object.
_DECLARED = {
    "bool": "Boolean", "switch": "SwitchParameter", "int": "Int32", "uint": "UInt32", "long": "Int64",
    "string": "String", "string[]": "String[]", "System.Collections.Generic.List[string]": "String[]",
    "System.Object[]": "MultiValuedProperty", "guid": "Guid", "datetime": "DateTime", "timespan": "TimeSpan",
    "uri": "Uri", "cultureinfo": "CultureInfo", "securestring": "SecureString",
    "pscredential": "PSCredential", "byte[]": "Byte[]", "System.IO.Stream": "Stream",
}  # fmt: skip

Facts = dict[str, Any]


def json_lines(path: Path) -> dict[str, Facts]:
    """Return the objects of a JSON Lines file by their names."""
    found = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {one["name"]: one for one in found}


def releases(listed: Iterable[str]) -> list[str]:
    """Keep the releases that bulkps can connect to (Exchange Server and Exchange Online)."""
    return [release for release in listed if release in (*ON_PREMISES, "EXO")]


def combined(
    documented: Mapping[str, Facts], declared: Mapping[str, Facts], corrected: Mapping[str, Facts]
) -> list[Facts]:
    """Return the facts of every cmdlet, sorted by name.

    Args:
        documented: cmdlets-all.jsonl by name.
        declared: exo-proxies.jsonl by name.
        corrected: Facts in their final form, which win.
    """
    found = {}
    # The two spell a few names with other capitals; the documentation's spelling is kept.
    client = {name.casefold(): facts for name, facts in declared.items()}
    for name, facts in documented.items():
        if releases(facts["availability"]) and name not in _OF_THE_CLIENT:
            found[name] = _documented(facts, client.get(name.casefold()))
    spelled = {name.casefold() for name in documented}
    for name, facts in declared.items():
        if name.casefold() not in spelled and facts["parameters"]:
            found[name] = _undocumented(facts)
    for name, facts in corrected.items():
        found[name] = {"name": name, **facts}
    for name, facts in found.items():
        if _asks(name, facts, client.get(name.casefold())):
            facts["asks"] = True
    return [_short(found[name]) for name in sorted(found)]


def _asks(name: str, facts: Facts, proxy: Facts | None) -> bool:
    on_premises = name.partition("-")[0] in _ASKING
    return facts["mutates"] and (on_premises or bool(proxy and proxy.get("confirmImpact") == "High"))


def _documented(facts: Facts, proxy: Facts | None) -> Facts:
    name, verb = facts["name"], facts["name"].partition("-")[0]
    sets = [one for one in facts["parameterSets"] if one != _EVERY_SET] or [ONE_SET]
    client = {key.casefold(): value for key, value in (proxy or {"parameters": {}})["parameters"].items()}
    spelled = {key.casefold() for key in facts["parameters"]}
    parameters = {
        key: _parameter(value, sets, client.get(key.casefold(), {}))
        for key, value in facts["parameters"].items()
        if not value.get("reservedForInternalUse") and releases(value["availability"])
    }
    if proxy and "EXO" in facts["availability"]:
        for key, value in proxy["parameters"].items():
            if key.casefold() not in spelled:
                kind = _DECLARED.get(value["declared"], "Object")
                parameters[key] = {"type": kind, "availability": ["EXO"]}
    changes = (
        facts["shouldProcess"] or bool(proxy and proxy["shouldProcess"]) or verb not in ("Test", "Export")
    )
    return {
        "name": name,
        "availability": releases(facts["availability"]),
        "mutates": changes and verb not in _READING,
        "emptyIdentityReturnsAll": verb == "Get" and "Identity" in parameters,
        "sets": sets,
        "parameters": parameters,
    }


def _parameter(facts: Facts, sets: Sequence[str], declared: Facts) -> Facts:
    kept: Facts = {"type": _type(facts["type"]), "availability": releases(facts["availability"])}
    member = _named(facts["sets"], sets)
    if set(member) != set(sets):
        kept["sets"] = member
    needed = [*_named(facts["mandatoryInSets"], sets), *_named(declared.get("mandatoryInSets", ()), sets)]
    if mandatory := [one for one in member if one in needed]:
        kept["mandatoryInSets"] = mandatory
    for key in ("values", "aliases"):
        if facts.get(key):
            kept[key] = facts[key]
    return kept


def _named(listed: Iterable[str], sets: Sequence[str]) -> list[str]:
    """Return those of *sets* that are *listed*, where one word may mean all of them."""
    listed = list(listed)
    return [one for one in sets if one in listed or _EVERY_SET in listed]


def _type(documented: str) -> str:
    bare = documented.strip("<>").replace("Microsoft.Exchange.Data.", "")
    return "String" if bare in ("", "Object[]") else bare


def _undocumented(facts: Facts) -> Facts:
    verb = facts["name"].partition("-")[0]
    named = {one for value in facts["parameters"].values() for one in value.get("sets", ())}
    named |= {facts["defaultSet"]} if facts.get("defaultSet") else set()
    sets = sorted(named - {_EVERY_SET}) or [ONE_SET]
    parameters = {}
    for key, value in facts["parameters"].items():
        kept: Facts = {"type": _DECLARED.get(value["declared"], "Object"), "availability": ["EXO"]}
        member = _named(value.get("sets") or [_EVERY_SET], sets)
        if set(member) != set(sets):
            kept["sets"] = member
        if mandatory := _named(value.get("mandatoryInSets", ()), sets):
            kept["mandatoryInSets"] = [one for one in mandatory if one in member]
        if value.get("aliases"):
            kept["aliases"] = value["aliases"]
        parameters[key] = kept
    return {
        "name": facts["name"],
        "availability": ["EXO"],
        "mutates": verb not in (*_READING, "Test", "Export")
        or (facts["shouldProcess"] and verb not in _READING),
        "emptyIdentityReturnsAll": verb == "Get" and "Identity" in parameters,
        "sets": sets,
        "parameters": parameters,
    }


def _short(facts: Facts) -> Facts:
    """Return *facts* without what is usual: false, the one set, and the cmdlet's own availability."""
    usual = {"mutates": False, "emptyIdentityReturnsAll": False, "sets": [ONE_SET]}
    kept = {key: value for key, value in facts.items() if usual.get(key) != value}
    kept["parameters"] = {
        name: {
            key: value
            for key, value in parameter.items()
            if value and not (key == "availability" and value == facts["availability"])
        }
        for name, parameter in facts["parameters"].items()
    }
    return kept
