"""Generate bulkps/exchange/cmdlets.jsonl and errors.yaml from the full facts.

Usage: python scripts/trim_facts.py FACTS_FOLDER

Keeps what bulkps uses for decisions: for cmdlets the names, types, sets, availability and allowed values; for
errors the pattern, the class and the advice. Texts and sources stay in the facts. The cmdlets of cmdlets.json
were corrected by hand, and further_cmdlets.json by us: these win over the data of cmdlet_data.py.
"""

import json
import sys
from pathlib import Path

import yaml
from cmdlet_data import combined, json_lines
from cmdlet_data import releases as availability

TARGET = Path(__file__).resolve().parent.parent / "bulkps" / "exchange"
#: Translates the facts' words for "may it be sent again" to those of bulkps.
RETRY = {
    "yes-not-executed": "safe",
    "after-verify": "after-lookup",
    "no-reread": "after-lookup",
    "no": "never",
}


def parameter(facts: dict[str, object]) -> dict[str, object]:
    """Return the trimmed facts of one parameter; empty ones are left out."""
    kept: dict[str, object] = {
        "type": facts["type"],
        "availability": availability(list(facts["availability"])),  # type: ignore[call-overload]
    }
    sets = facts.get("sets")
    if sets and sets != ["(All)"]:
        kept["sets"] = sets
    for name in ("values", "aliases", "mandatoryInSets"):
        if facts.get(name):
            kept[name] = facts[name]
    if str(facts["type"]).endswith("IdParameter"):
        # What the page lists of a name are its forms, such as a UPN, and no enumeration.
        kept.pop("values", None)
    override = facts.get("override")
    if isinstance(override, dict):
        kept.update({key: override[key] for key in ("type", "mandatoryInSets", "sets") if key in override})
        if "availability" in override:
            kept["availability"] = availability(override["availability"])
        if override.get("mandatory") is False:
            kept.pop("mandatoryInSets", None)
    return kept


def trim(full: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return the trimmed facts of every cmdlet."""
    return {
        name: {
            "availability": availability(list(facts["availability"])),  # type: ignore[call-overload]
            "mutates": bool(facts["shouldProcess"]),
            "emptyIdentityReturnsAll": "cautionEmptyIdentity" in facts,
            "sets": list(facts["parameterSets"]),  # type: ignore[call-overload]
            "parameters": {
                key: parameter(value)
                for key, value in facts["parameters"].items()  # type: ignore[attr-defined]
            },
        }
        for name, facts in sorted(full.items())
    }


def error(entry: dict[str, object], advice: dict[str, str]) -> dict[str, object]:
    """Return the trimmed form of one entry of the error catalogue, with our *advice* if there is any."""
    return {
        "id": entry["id"],
        "pattern": entry["pattern"],
        "error_class": entry["class"],
        "scope": entry["scope"],
        "reconnect": entry["reconnect"],
        "retry": RETRY[str(entry["retry_mutation"])],
        "advice": advice.get(str(entry["id"]), entry["advice"]),
        "sample": entry["text"],
    }


def main() -> None:
    """Read the full facts in the folder named on the command line, write the trimmed ones."""
    facts = Path(sys.argv[1])
    full = json.loads((facts / "cmdlets.json").read_text(encoding="utf-8"))
    further = json.loads((Path(__file__).parent / "further_cmdlets.json").read_text(encoding="utf-8"))
    cmdlets = combined(
        json_lines(facts / "cmdlets-all.jsonl"),
        json_lines(facts / "exo-proxies.jsonl"),
        {**trim(full), **further},
    )
    text = "".join(json.dumps(one, separators=(",", ":")) + "\n" for one in cmdlets)
    (TARGET / "cmdlets.jsonl").write_text(text, encoding="utf-8", newline="\n")
    advice = yaml.safe_load((Path(__file__).parent / "advice.yaml").read_text(encoding="utf-8"))
    errors = [
        error(entry, advice) for entry in yaml.safe_load((facts / "errors.yaml").read_text(encoding="utf-8"))
    ]
    text = "# Made by scripts/trim_facts.py. The first pattern that is found decides.\n" + yaml.safe_dump(
        {"errors": errors}, sort_keys=False, allow_unicode=True, width=110
    )
    (TARGET / "errors.yaml").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
