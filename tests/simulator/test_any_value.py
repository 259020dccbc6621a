"""Whatever value a parameter is given, a cmdlet answers or refuses: nothing else ever comes out of it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.simulator.cmdlets.cmdlet_result import Secret
from bulkps.simulator.cmdlets.cmdlet_table import HANDLERS
from bulkps.simulator.tenant.tenant import Tenant
from tests.simulator.calls import run

VALUES: tuple[Any, ...] = (
    None, "", "x", " ", "*", "12", "1GB", "2026-12-31", True, False, 5, -1, 2.5, ["a", "b"], [], [None, ""],
    {"Add": ["a"]}, {"Remove": "a"}, {"Nonsense": 1}, {}, datetime(2026, 12, 31, tzinfo=UTC), UUID(int=1),
    Secret("x"), "smtp:a@b.example", "a:b:c", "\\", ":\\", "é" * 300,
)  # fmt: skip
#: What a cmdlet needs besides the value that is tried.
NEEDED = {"AccessRights": "FullAccess", "User": "{1}", "Trustee": "{1}", "Member": "{1}", "Name": "newcomer",
          "ExternalEmailAddress": "a@fabrikam.example", "Password": Secret("Str0ng-enough"),
          "MicrosoftOnlineServicesID": "newcomer@contoso.com"}  # fmt: skip


@pytest.mark.parametrize("cmdlet", [name for name in HANDLERS if cmdlet_facts(name)])
def test_a_cmdlet_answers_or_refuses_every_value(cmdlet: str) -> None:
    facts = cmdlet_facts(cmdlet)
    assert facts is not None
    tenant = Tenant(seed=1, mailboxes=2, troubles=False)
    noun = cmdlet.partition("-")[2]
    people = [str(tenant.active(index)["Alias"]) for index in range(2)]
    groups = {"DistributionGroup": "sales", "Group": "sales", "DistributionGroupMember": "sales"}
    others = {"MailContact": "supplier", "Contact": "supplier", "MailUser": "mailuser0"}
    identity = {**groups, **others}.get(noun, people[0])
    for parameter in facts.parameters.values():
        for value in VALUES:
            given: dict[str, Any] = {
                name: text.format(*people) if isinstance(text, str) else text
                for name, text in NEEDED.items()
                if name in facts.parameters and not cmdlet.startswith(("Get-", "Set-"))
            }
            if "Identity" in facts.parameters:
                given["Identity"] = identity
            # A cmdlet that goes through changes what the next one finds: with -WhatIf it only looks.
            given |= {"WhatIf": True} if "WhatIf" in facts.parameters else {}

            answer = run(tenant, cmdlet, **{**given, parameter.name: value})

            for item in answer.output:
                assert item.properties
            assert parameter.name in {"WhatIf", "Confirm"} or not (facts.mutates and answer.effects)
