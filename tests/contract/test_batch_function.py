"""Invoke-BulkPSBatch of our own endpoint, against the module's where there is a real engine."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import PowerShell

from bulkps.sessions.batch_protocol import BATCH_FUNCTION, batch_outcome, module_text
from bulkps.simulator.cmdlets.invoke_batch import FACTS
from tests.contract.routes import ROUTES, Opened, opened
from tests.engines import needs_pwsh

_OURS, _REAL = (
    next(route for route in ROUTES if route.name == name)
    for name in ("our endpoint, full", "WSMan to a real engine, JEA")
)
BOTH = [pytest.param(_OURS, id="ours"), pytest.param(_REAL, marks=needs_pwsh, id="the module in JEA")]


@pytest.fixture(scope="module")
def there(request: pytest.FixtureRequest) -> Iterator[Opened]:
    with pytest.MonkeyPatch.context() as monkeypatch, opened(request.param, monkeypatch) as found:
        yield found


def call(there: Opened, **parameters: Any) -> PowerShell:
    pipeline = PowerShell(there.session._pool).add_cmdlet(BATCH_FUNCTION)
    pipeline.add_parameters(parameters)
    pipeline.invoke()
    pipeline.close()
    return pipeline


def echo(number: int) -> dict[str, object]:
    return {"id": str(number), "cmdlet": "Test-BulkPSEcho", "parameters": {"Value": number}, "keep": []}


def told(found: PowerShell) -> list[tuple[str, str, list[str]]]:
    """Return id, state and error ids of every outcome."""
    outcomes = [(one.extended_properties["state"], batch_outcome(one)) for one in found.output]
    return [(one.id, state, [e.fully_qualified_error_id for e in one.errors]) for state, one in outcomes]


def test_our_endpoint_takes_the_parameters_that_the_module_has() -> None:
    head = module_text().partition("function Invoke-BulkPSBatch")[2].partition("$PSDefaultParameterValues")[0]
    block = head.partition("param(\n")[2]

    declared = re.findall(r"^\s+\[([\w.\[\]]+)\] \$(\w+)", block, re.M)

    assert {name: kind.casefold() for kind, name in declared} == {
        name: one.type.casefold() for name, one in FACTS.parameters.items()
    }


@pytest.mark.parametrize("there", BOTH, indirect=True)
@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("no dictionary", "BulkPS.Item"),
        ({"id": "1", "cmdlet": "a;b"}, "BulkPS.CommandName"),
        ({"id": "1", "cmdlet": "Get-Nothing"}, "CommandNotFoundException"),
        ({"id": "1", "cmdlet": "Get-Command"}, "CommandNotFoundException"),
        ({"id": "1", "cmdlet": BATCH_FUNCTION}, "CommandNotFoundException"),
        ({"id": "1", "cmdlet": "Test-BulkPSEcho", "parameters": "x"}, "BulkPS.Parameters"),
        ({"id": "1", "cmdlet": "Test-BulkPSEcho", "parameters": {"a b": 1}}, "BulkPS.ParameterName"),
        (
            {"id": "1", "cmdlet": "Test-BulkPSEcho", "parameters": {"OutVariable": "x"}},
            "BulkPS.ParameterName",
        ),
        ({"id": "1", "cmdlet": "Test-BulkPSEcho", "parameters": {"outv": "x"}}, "BulkPS.ParameterName"),
        (
            {"id": "1", "cmdlet": "Test-BulkPSEcho", "parameters": {}},
            "MissingMandatoryParameter,Test-BulkPSEcho",
        ),
    ],
)
def test_an_item_that_is_none_is_refused_and_the_next_one_runs(there: Opened, item: Any, error: str) -> None:
    found = call(there, Items=[item, echo(2)])

    (first, second) = told(found)
    assert first[1:] == ("failed", [error])
    assert second == ("2", "completed", [])
    assert not found.streams.error


@pytest.mark.parametrize("there", BOTH, indirect=True)
def test_what_stands_behind_an_error_that_matches_is_not_run(there: Opened) -> None:
    thrown = {"id": "2", "cmdlet": "Test-BulkPSThrow"}

    found = call(there, Items=[echo(1), thrown, echo(3), echo(4)], Until=["(", "never", "on purpo[s]e"])

    assert [(key, state) for key, state, _ in told(found)] == [
        ("1", "completed"),
        ("2", "failed"),
        ("3", "not-run"),
        ("4", "not-run"),
    ]


@pytest.mark.parametrize("there", BOTH, indirect=True)
@pytest.mark.parametrize(("within", "state"), [(0, "not-run"), (-1.5, "not-run"), (86400.0, "completed")])
def test_items_are_begun_within_their_time_or_not_at_all(there: Opened, within: float, state: str) -> None:
    found = call(there, Items=[echo(1), echo(2)], Within=within)

    assert [one[:2] for one in told(found)] == [("1", state), ("2", state)]


@pytest.mark.proof
@pytest.mark.parametrize("there", BOTH, indirect=True)
def test_an_item_that_was_begun_ends_and_the_next_ones_are_too_late(there: Opened) -> None:
    slow = {"id": "1", "cmdlet": "Test-BulkPSSleep", "parameters": {"Seconds": 3}}

    found = call(there, Items=[slow, echo(2), echo(3)], Within=3)

    assert [one[:2] for one in told(found)] == [("1", "completed"), ("2", "not-run"), ("3", "not-run")]


@pytest.mark.parametrize("there", BOTH, indirect=True)
def test_a_call_that_does_not_bind_fails_as_a_whole(there: Opened) -> None:
    for parameters, error in (
        ({}, f"MissingMandatoryParameter,{BATCH_FUNCTION}"),
        ({"Items": [echo(1)], "Nothing": 1}, f"NamedParameterNotFound,{BATCH_FUNCTION}"),
    ):
        found: Any = call(there, **parameters)

        assert found.state == PSInvocationState.FAILED and not found.output
        assert [one.fq_error for one in found.streams.error] == [error]


@pytest.mark.parametrize("there", BOTH, indirect=True)
def test_one_item_needs_no_list_and_none_is_nothing(there: Opened) -> None:
    assert told(call(there, Items=echo(1))) == [("1", "completed", [])]
    assert told(call(there, Items=[])) == []
