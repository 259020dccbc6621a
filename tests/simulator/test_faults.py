"""Which calls go wrong."""

from collections import Counter

import pytest

from bulkps.simulator.cmdlets.faults import Budget, Fault, Faults


def decide(
    faults: Faults, *, cmdlet: str = "New-Mailbox", number: int = 1, identity: str = "x", mutates: bool = True
) -> Fault | None:
    return faults.decide(1, cmdlet, number, identity=identity, attempt=1, mutates=mutates)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("transiant=0.1", "transient, throttled"),
        ("transient=2", "from 0 to 1"),
        ("transient=nan", "from 0 to 1"),
        ("transient", "fault=share"),
        ("New-Mailbox#0=hang", "number from 1"),
        ("New-Mailbox#1=burn", "unknown fault 'burn'"),
        ("transient=0.7,hang=0.7", "add up"),
    ],
)
def test_a_wrong_entry_is_named_with_what_was_expected(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Faults.parse(text)


def test_a_share_is_met_about_as_often_as_it_says() -> None:
    faults = Faults.parse("transient=0.1, silent=0.2")

    found = Counter(decide(faults, identity=str(number)) for number in range(2000))

    assert 150 < found[Fault.TRANSIENT] < 250
    assert 330 < found[Fault.SILENT] < 470


def test_a_fault_depends_on_the_call_and_not_on_what_ran_before() -> None:
    faults = Faults.parse("transient=0.5")
    order = [str(number) for number in range(50)]

    forward = {identity: decide(faults, number=at, identity=identity) for at, identity in enumerate(order, 1)}
    back = {
        identity: decide(faults, number=at, identity=identity) for at, identity in enumerate(order[::-1], 1)
    }

    assert forward == back


def test_only_changing_cmdlets_meet_a_fault_unless_any_is_said() -> None:
    assert decide(Faults.parse("transient=1"), mutates=False) is None
    assert decide(Faults.parse("any.transient=1"), mutates=False) is Fault.TRANSIENT


def test_a_script_strikes_one_call() -> None:
    parsed, scripted = (
        Faults.parse("New-Mailbox#3=answer-lost"),
        Faults.script([("New-Mailbox", 3, "answer-lost")]),
    )

    assert parsed == scripted
    assert [decide(parsed, number=number) for number in (2, 3, 4)] == [None, Fault.ANSWER_LOST, None]


def test_a_budget_refuses_what_is_above_it_and_recovers() -> None:
    budget = Budget.parse("2/5")

    assert budget is not None
    assert [budget.take(now) for now in (0, 1, 2, 5, 5.5, 6)] == [True, True, False, True, False, True]


@pytest.mark.parametrize("text", ["20", "0/5", "a/b", "5/0"])
def test_a_wrong_budget_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected cmdlets/seconds"):
        Budget.parse(text)
