"""One contract of a session, on every route: the same batch, the same outcomes."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from bulkps.engine.interfaces import SessionLostError, StreamFailedError
from bulkps.exchange.calls_and_outcomes import NULL, Answer, Cmdlet, Invocation, Outcome, Part, Secret
from bulkps.exchange.error_catalog import classify, shipped_catalogue
from bulkps.simulator.tenant.mailbox import Kind
from tests.contract.routes import ROUTES, Opened, Route, opened
from tests.engines import needs_pwsh

#: A proof: of the routes beside it one is real, and one has no language.
IN_PROOFS = "WSMan to a real engine, no-language"


def marks(route: Route) -> Iterator[pytest.MarkDecorator]:
    """Return what the tests of a route to a real engine are marked with."""
    yield needs_pwsh
    if route.name == IN_PROOFS:
        yield pytest.mark.proof


OURS = [pytest.param(route, id=route.name) for route in ROUTES if not route.real]
REAL = [pytest.param(route, marks=tuple(marks(route)), id=route.name) for route in ROUTES if route.real]
EVERY = [*OURS, *REAL]
#: A child that is not signed in has no Exchange cmdlets.
TENANT = [param for param in EVERY if param.values[0].signs_in or not param.values[0].child]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def there(request: pytest.FixtureRequest) -> Iterator[Opened]:
    """A session for all tests of a route that leave it as it was: to start an engine takes a second."""
    with pytest.MonkeyPatch.context() as monkeypatch, opened(request.param, monkeypatch) as found:
        yield found


def item(identifier: str, cmdlet: str, keep: tuple[str, ...] = (), **parameters: Any) -> Invocation:
    return Invocation(identifier, Cmdlet(cmdlet, parameters), keep)


def outcomes(there: Opened, *batch: Invocation) -> list[Outcome]:
    """Return the outcomes of a batch of at least two, so that it runs inside the engine where it can."""
    found = {outcome.id: outcome for outcome in there.session.invoke(batch)}
    assert set(found) == {one.id for one in batch}
    return [found[one.id] for one in batch]


def codes(found: list[Outcome]) -> list[str]:
    return [
        classify(outcome.errors, shipped_catalogue(), mutates=True).known.id if outcome.errors else ""
        for outcome in found
    ]


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_a_batch_runs_inside_the_engine_wherever_it_may(there: Opened) -> None:
    assert there.session.batching is there.route.batching


@pytest.mark.parametrize("there", TENANT, indirect=True)
def test_errors_are_known_and_the_items_behind_them_run(there: Opened) -> None:
    guid = str(there.simulator.tenant.active(1)["ExchangeGuid"])

    found = outcomes(
        there,
        item("1", "Set-User", Identity=guid, Title="a"),
        item("2", "New-Nothing"),
        item("3", "Set-User", Identity=guid, Colour="red"),
        item("4", "Set-User", Title="b"),
        item("5", "Set-User", Identity="nobody@contoso.com", Title="c"),
        item("6", "Set-User", Identity=guid, Title="a\uffff"),
        item(
            "7",
            "Get-Mailbox",
            ("PrimarySmtpAddress", "exchangeguid", "EmailAddresses", "Nothing"),
            Identity=guid,
        ),
    )

    assert codes(found) == [
        "",
        "command-not-found",
        "param-not-found",
        "param-missing",
        "not-found-on-dc",
        "unsendable-value",
        "",
    ]
    assert [len(outcome.errors) for outcome in found] == [0, 1, 1, 1, 1, 1, 0]
    assert found[2].errors[0].fully_qualified_error_id == "NamedParameterNotFound,Set-User"
    assert found[3].errors[0].fully_qualified_error_id.startswith("MissingMandatoryParameter,Set-User")
    assert found[4].answer is Answer.COMPLETED, "it was written, not thrown"
    (mailbox,) = found[6].output
    assert set(mailbox) == {"PrimarySmtpAddress", "exchangeguid", "EmailAddresses"}
    assert mailbox["exchangeguid"] == guid
    assert isinstance(mailbox["EmailAddresses"], list)


@pytest.mark.parametrize("there", TENANT, indirect=True)
def test_a_secret_a_warning_and_exact_text_cross(there: Opened) -> None:
    guid = str(there.simulator.tenant.inactive(2)["ExchangeGuid"])
    other = str(there.simulator.tenant.active(1)["ExchangeGuid"])
    text = "O'Brien; $(x) \U0001f600 _x000A_\nsecond line"

    made, changed = outcomes(
        there,
        item(
            "1",
            "New-Mailbox",
            ("UserPrincipalName",),
            InactiveMailbox=guid,
            Name="new@contoso.com",
            MicrosoftOnlineServicesID="new@contoso.com",
            Password=Secret("Abcdefg1!"),
        ),
        item("2", "Set-User", Identity=other, Department=text),
    )

    assert made.output == ({"UserPrincipalName": "new@contoso.com"},)
    assert "has been recovered" in made.warnings[0]
    assert there.simulator.tenant.received_passwords == ["Abcdefg1!"]
    assert not changed.errors
    mailbox = there.simulator.tenant.find(other, [Kind.ACTIVE])
    assert mailbox.properties["Department"] == text


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_every_way_of_answering(there: Opened) -> None:
    thrown, several, noisy, prompt, echo = outcomes(
        there,
        item("1", "Test-BulkPSThrow"),
        item("2", "Test-BulkPSErrors"),
        item("3", "Test-BulkPSNoise"),
        item("4", "Test-BulkPSPrompt"),
        item("5", "Test-BulkPSEcho", Value="after all that"),
    )

    assert thrown.answer is Answer.FAILED
    assert [error.message for error in thrown.errors] == ["thrown on purpose"]
    assert several.answer is Answer.COMPLETED
    assert [error.message for error in several.errors] == ["the first", "the second"]
    assert several.output == ({"Value": "and an output"},)
    assert noisy.output == ({"Value": "the output"},)
    assert noisy.warnings == ("a warning",)
    assert not noisy.errors
    assert prompt.answer is Answer.FAILED
    assert prompt.errors
    assert echo.output == ({"Value": "after all that"},)


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_output_of_every_type(there: Opened) -> None:
    types = ("Guid", "Utc", "Yes", "Number", "Large", "Text", "List", "One", "None", "Enum", "Size", "Span")

    found, _ = outcomes(there, item("1", "Test-BulkPSType", types), item("2", "Test-BulkPSEcho", Value=1))

    assert found.output == (
        {
            "Guid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            "Utc": "2026-11-24T21:00:00Z",
            "Yes": True,
            "Number": 7,
            "Large": 5_000_000_000,
            "Text": "O'Brien\n\U0001f600",
            "List": ["a", "b"],
            "One": ["a"],
            "None": None,
            "Enum": "Friday",
            "Size": "16.09 MB (16,873,043 bytes)",
            "Span": "PT1H30M",
        },
    )


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_a_value_that_is_more_than_it_seems_comes_back_as_what_it_is(there: Opened) -> None:
    odd, bare = item("1", "Test-BulkPSOdd"), item("2", "Test-BulkPSBare")

    together = outcomes(there, odd, bare)
    alone = [next(iter(there.session.invoke([one]))) for one in (odd, bare)]

    for made, plain in (together, alone):
        assert not made.errors
        assert made.output == (
            {
                "Noted": "a text",
                "Set": ["a"],
                "Queue": ["first", 2],
                "Secret": "***",
                "Bytes": "AQID",
                "Nested": [{"Key": "value"}, [1, 2]],
                "Moment": "2026-11-24T20:00:00Z",
            },
        )
        assert [one["Value"] for one in plain.output] == [
            "a text",
            "Friday",
            "2026-11-24T20:00:00Z",
            "AQID",
            ["first", 2],
        ]


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_a_hashtable_crosses_with_its_lists(there: Opened) -> None:
    value: dict[str, Part] = {
        "Add": ("O'Brien\u2019", "b"),
        "Remove": ("c",),
        "Yes": True,
        "Number": 7,
        "None": NULL,
    }

    found, _ = outcomes(
        there, item("1", "Test-BulkPSEcho", Value=value), item("2", "Test-BulkPSEcho", Value=("a", "b"))
    )

    assert found.output == (
        {"Value": {"Add": ["O'Brien\u2019", "b"], "Remove": ["c"], "Yes": True, "Number": 7, "None": None}},
    )


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_a_value_of_three_megabytes_crosses(there: Opened) -> None:
    value = "x" * 3_000_000

    found, _ = outcomes(
        there, item("1", "Test-BulkPSEcho", Value=value), item("2", "Test-BulkPSEcho", Value=1)
    )

    assert found.output == ({"Value": value},)


@pytest.mark.proof
@pytest.mark.parametrize("route", EVERY)
def test_a_stop_in_the_middle_of_a_batch_keeps_what_ended(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough for what is quick on a machine that is busy: an engine's first batch is its slowest.
    with opened(route, monkeypatch, item_timeout=10) as there:
        first, slow, behind = outcomes(
            there,
            item("1", "Test-BulkPSEcho", Value=1),
            item("2", "Test-BulkPSSleep", Seconds=600),
            item("3", "Test-BulkPSEcho", Value=1),
        )
        again = outcomes(there, item("4", "Test-BulkPSEcho", Value=4), item("5", "Test-BulkPSEcho", Value=5))

    assert first.answer is Answer.COMPLETED
    assert slow.answer is Answer.LOST
    # One pipeline for each goes on behind the stopped one; a batch leaves the rest to be sent again.
    assert behind.answer is (Answer.NOT_SENT if route.batching else Answer.COMPLETED)
    assert [outcome.output for outcome in again] == [({"Value": 4},), ({"Value": 5},)]


@pytest.mark.proof
@pytest.mark.parametrize("route", EVERY)
def test_an_engine_that_is_killed_leaves_no_answer_made_up(
    route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(route, monkeypatch) as there:
        _kill_in_the_middle(there)


def _kill_in_the_middle(there: Opened) -> None:
    found: list[Outcome] = []
    batch = [
        item("1", "Test-BulkPSEcho", Value=1),
        item("2", "Test-BulkPSSleep", Seconds=60),
        item("3", "Test-BulkPSEcho"),
    ]
    killer = threading.Thread(target=kill_while_it_sleeps, args=(there,))

    with pytest.raises(SessionLostError):
        for outcome in there.session.invoke(batch):
            found.append(outcome)
            if len(found) == 1:
                killer.start()
    killer.join()

    assert found[0].answer is Answer.COMPLETED
    if there.route.batching:
        assert {found[1].answer, found[2].answer} == {Answer.LOST}
    else:
        # Between two pipelines the second may not have begun yet, and is then known not to have.
        assert found[1].answer in (Answer.LOST, Answer.NOT_SENT)
        assert found[2].answer is Answer.NOT_SENT


def kill_while_it_sleeps(there: Opened) -> None:
    """Kill the engine; our own endpoint tells when the cmdlet has begun."""
    tick = threading.Event()
    while not there.route.real and not there.simulator.calls.get("Test-BulkPSSleep"):
        tick.wait(0.005)
    there.kill()


@pytest.mark.parametrize("there", TENANT, indirect=True)
def test_a_stream_brings_each_object_once_and_the_session_goes_on(there: Opened) -> None:
    keep = ("ExchangeGuid", "EmailAddresses", "IsInactiveMailbox")
    every = item("1", "Get-Mailbox", keep, InactiveMailboxOnly=True, ResultSize="Unlimited")

    streamed = list(there.session.stream(every))

    (at_once,) = there.session.invoke([every])
    assert streamed == list(at_once.output)
    mailboxes = there.simulator.tenant.mailboxes((Kind.INACTIVE,))
    assert [found["ExchangeGuid"] for found in streamed] == [one.text("ExchangeGuid") for one in mailboxes]


@pytest.mark.parametrize("there", TENANT, indirect=True)
def test_a_stream_that_is_left_early_is_stopped(there: Opened) -> None:
    every = item("1", "Get-Mailbox", ("Guid",), ResultSize="Unlimited")

    arriving = there.session.stream(every)
    first = next(arriving)
    arriving.close()

    assert next(there.session.stream(every)) == first


@pytest.mark.parametrize("there", EVERY, indirect=True)
def test_a_stream_that_is_not_everything_says_so(there: Opened) -> None:
    for cmdlet, message in (
        ("Test-BulkPSErrors", "the first"),
        ("Test-BulkPSThrow", "thrown on purpose"),
        ("Get-Nothing", "Get-Nothing"),
    ):
        seen = []
        with pytest.raises(StreamFailedError, match=message) as raised:
            seen += list(there.session.stream(item("1", cmdlet)))
        assert raised.value.outcome.output == (), cmdlet
