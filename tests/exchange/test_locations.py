"""MailboxLocations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.mailbox_locations import (
    AUX_ARCHIVE,
    AUX_PRIMARY,
    MAIN_ARCHIVE,
    PRIMARY,
    MailboxLocation,
    kinds_of,
    read_locations,
)

ONE = "1bfe328f-3be7-4262-a19d-9b136f993e88"
TWO = "2bfe328f-3be7-4262-a19d-9b136f993e88"
DATABASE = "40169cc4-ad05-42a4-a9cb-c49427346652"
FIRST = f"1;{ONE};Primary;eurprd07.prod.outlook.com;{DATABASE}"
SECOND = f"1;{TWO};AuxPrimary;namprd00.prod.outlook.com;{DATABASE}"


def test_a_location_has_a_guid_a_kind_a_forest_and_a_database() -> None:
    assert read_locations([FIRST]) == (MailboxLocation(ONE, PRIMARY, "eurprd07.prod.outlook.com", DATABASE),)


@pytest.mark.parametrize(
    "value",
    [
        [FIRST, SECOND],
        f"{{{FIRST}, {SECOND}}}",
        f"{FIRST}, {SECOND}",
        f"{FIRST} {SECOND}",
        f"{FIRST},{SECOND}",
        [FIRST.upper(), SECOND.lower()],
    ],
)
def test_several_locations_come_as_a_list_or_as_one_text(value: object) -> None:
    found = read_locations(value)

    assert [location.guid for location in found] == [ONE, TWO]
    assert kinds_of(found) == {PRIMARY, AUX_PRIMARY}


@pytest.mark.parametrize(
    "kind",
    [PRIMARY, AUX_PRIMARY, MAIN_ARCHIVE, AUX_ARCHIVE, "Aggregated", "ComponentShared", "PreviousPrimary"],
)
def test_a_kind_is_known_in_any_case(kind: str) -> None:
    assert kinds_of(read_locations([f"1;{ONE};{kind.upper()};x;{DATABASE}"])) == {kind}


def test_a_kind_that_is_not_known_stays_as_it_came() -> None:
    assert kinds_of(read_locations([f"1;{ONE};NewKind;x;{DATABASE}"])) == {"NewKind"}


@pytest.mark.parametrize("value", [None, [], "", "{}", ["nothing"], [";;;;"], "..."])
def test_what_is_no_location_is_left_out(value: object) -> None:
    assert read_locations(value) == ()


@given(st.text() | st.lists(st.text()))
def test_nothing_makes_it_raise(value: object) -> None:
    assert all(location.kind for location in read_locations(value))
