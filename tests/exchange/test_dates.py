"""Dates and durations in every form in which a session may bring them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.dates import FOREVER, date_text, read_date, read_duration

DELETED = datetime(2020, 6, 16, 1, 19, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2020-06-16T01:19:04.0000000Z",
        "2020-06-16T01:19:04Z",
        "2020-06-16 01:19:04+00:00",
        "2020-06-16T03:19:04+02:00",
        "2020-06-16T01:19:04",
        "6/16/2020 1:19:04 AM",
        "6/16/2020 1:19:04\u202fAM",
        "\u200e6/16/2020 1:19:04 AM",
        "6/16/2020 1:19:04 AM +00:00",
        "6/15/2020 6:19:04 PM -07:00",
        "16.06.2020 01:19:04",
        "16-06-2020 01:19:04",
        "16/06/2020 01:19:04",
        "16.6.2020 1.19.04",
        "2020/06/16 1:19:04",
        "Tue, 16 Jun 2020 01:19:04 GMT",
        "16 Jun 2020 01:19:04 GMT",
    ],
)
def test_one_moment_comes_in_many_forms(text: str) -> None:
    assert read_date(text) == DELETED


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("9/30/2020 11:16:23 PM", datetime(2020, 9, 30, 23, 16, 23, tzinfo=UTC)),
        ("5/19/2020 10:19:41 PM", datetime(2020, 5, 19, 22, 19, 41, tzinfo=UTC)),
        ("9/30/2023 6:42:24 PM +00:00", datetime(2023, 9, 30, 18, 42, 24, tzinfo=UTC)),
        ("Fri, 02 Feb 2024 15:05:39 GMT", datetime(2024, 2, 2, 15, 5, 39, tzinfo=UTC)),
        ("1/2/2020 12:00:00 AM", datetime(2020, 1, 2, tzinfo=UTC)),
        ("1/2/2020 12:00:00 PM", datetime(2020, 1, 2, 12, tzinfo=UTC)),
        ("2020-06-16", datetime(2020, 6, 16, tzinfo=UTC)),
        ("16.06.2020", datetime(2020, 6, 16, tzinfo=UTC)),
        (DELETED, DELETED),
    ],
)
def test_dates_that_exchange_printed_are_read(text: object, moment: datetime) -> None:
    assert read_date(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        None, "", "never", "6/7/2020 13:19:04", "31/31/2020 1:00:00 AM", "2/30/2020 1:00:00 AM",
        "1/1/20 1:00 AM",
        "1/1/0001 12:00:00 AM", "0001-01-01T00:00:00", "9999-12-31T23:59:59-10:00", "2020-06", "20200616", 7,
    ],
)  # fmt: skip
def test_what_cannot_be_told_for_certain_is_no_date(value: object) -> None:
    assert read_date(value) is None


def test_a_date_is_written_as_iso_in_utc() -> None:
    assert date_text(DELETED.astimezone()) == "2020-06-16T01:19:04Z"


@given(st.datetimes(min_value=datetime(2, 1, 2), max_value=datetime(9999, 12, 30)))
def test_a_date_survives_being_written_and_read(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)

    assert read_date(whole.isoformat()) == whole


@given(st.text() | st.from_regex(r"\d{1,4}[/.-]\d{1,2}[/.-]\d{1,4} \d{1,2}:\d\d:\d\d [AP]M [+-]\d\d:\d\d"))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = read_date(text)

    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("365.00:00:00", timedelta(days=365)),
        ("14.00:00:00", timedelta(days=14)),
        ("00:05:00", timedelta(minutes=5)),
        ("1.02:03:04.5000000", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("P365D", timedelta(days=365)),
        ("P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        ("PT5M", timedelta(minutes=5)),
        ("365 days, 0:00:00", timedelta(days=365)),
        ("1 day, 0:00:00", timedelta(days=1)),
        ("Unlimited", FOREVER),
        (timedelta(days=365), timedelta(days=365)),
    ],
)
def test_a_duration_comes_in_many_forms(text: object, duration: timedelta) -> None:
    assert read_duration(text) == duration


@pytest.mark.parametrize("value", [None, "", "P", "PT", "P1DT", "365", "a year", "99999999999999.00:00:00"])
def test_what_is_no_duration_is_none(value: object) -> None:
    assert read_duration(value) is None


@given(st.text())
def test_any_text_is_a_duration_or_none(text: str) -> None:
    assert read_duration(text) is None or isinstance(read_duration(text), timedelta)
