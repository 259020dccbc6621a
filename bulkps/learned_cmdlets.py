"""Cmdlets that an administrator's settings know: a file beside their own operations."""

import json
from pathlib import Path
from typing import Any

from bulkps.atomic_file import Output, write_text
from bulkps.errors import InvalidInput
from bulkps.exchange.cmdlet_metadata import CmdletFacts, facts_from_json

#: The file in operations_path that keeps what was learned: one cmdlet per line, as in the shipped data.
LEARNED = "cmdlets.jsonl"


def keep(facts: CmdletFacts, folder: Path) -> Path:
    """Keep *facts* in the file of learned cmdlets in *folder*, in place of an earlier line; return the file.

    Raises:
        InvalidInput: If the file is there and cannot be read.
        UsageProblem: If it cannot be written.
    """
    path = folder / LEARNED
    kept = {one.name: one for one in learned_in(folder)} | {facts.name: facts}
    lines = [json.dumps(_as_json(one), separators=(",", ":")) + "\n" for _, one in sorted(kept.items())]
    write_text(Output(path, replace=True), "".join(lines))
    return path


def learned_in(folder: Path) -> list[CmdletFacts]:
    """Return the learned cmdlets of *folder*; none if it has no such file.

    Raises:
        InvalidInput: If the file cannot be read.
    """
    path = folder / LEARNED
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            found.append(facts_from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            problem = f"line {number}: not a cmdlet as 'bulkps operations learn' writes it ({error})"
            raise InvalidInput(str(path), [problem]) from error
    return found


def _as_json(facts: CmdletFacts) -> dict[str, Any]:
    parameters = {
        name: {
            key: value
            for key, value in (
                ("type", one.type),
                ("sets", one.sets),
                ("mandatoryInSets", one.mandatory_in),
                ("values", one.values),
                ("aliases", one.aliases),
            )
            if value
        }
        for name, one in facts.parameters.items()
    }
    return {
        "name": facts.name,
        "availability": facts.availability,
        "mutates": facts.mutates,
        "emptyIdentityReturnsAll": facts.empty_identity_returns_all,
        "asks": facts.asks,
        "learned": True,
        "sets": facts.sets,
        "parameters": parameters,
    }
