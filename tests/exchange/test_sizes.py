"""Sizes in every form that Exchange prints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.sizes import UNLIMITED, Size, read_size, size_argument, size_text


@pytest.mark.parametrize(
    ("printed", "count"),
    [
        ("16.09 MB (16,873,043 bytes)", 16_873_043),
        ("49.5 GB (53,150,220,288 bytes)", 53_150_220_288),
        ("100 GB (107,374,182,400 bytes)", 107_374_182_400),
        ("99 GB (106,300,440,576 bytes)", 106_300_440_576),
        ("152.1 MB (159,449,088 bytes)", 159_449_088),
        ("25 MB (26,215,094 bytes)", 26_215_094),
        ("0 B (0 bytes)", 0),
        ("1 B (1 byte)", 1),
    ],
)
def test_the_bytes_in_parentheses_are_what_counts(printed: str, count: int) -> None:
    assert read_size(printed) == count


@pytest.mark.parametrize("separator", [",", ".", "\u00a0", "\u202f", " ", "'", "’", ""])
def test_groups_are_separated_as_the_servers_culture_has_it(separator: str) -> None:
    assert read_size(f"16,09 MB (16{separator}873{separator}043 bytes)") == 16_873_043


@pytest.mark.parametrize("unit", ["Bytes", "octets", "байт", "バイト"])
def test_the_word_for_bytes_may_be_any(unit: str) -> None:
    assert read_size(f"16,09 MB (16.873.043 {unit})") == 16_873_043


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("Unlimited", UNLIMITED),
        (" unlimited ", UNLIMITED),
        ("53150220288", 53_150_220_288),
        (53_150_220_288, 53_150_220_288),
        (0, 0),
        ("50GB", 50 << 30),
        ("49.5 GB", 53_150_220_288),
        ("49,5 gb", 53_150_220_288),
        ({"IsUnlimited": True, "Value": None}, UNLIMITED),
        ({"IsUnlimited": False, "Value": "99 GB (106,300,440,576 bytes)"}, 106_300_440_576),
    ],
)
def test_other_shapes_are_read_too(value: object, size: Size) -> None:
    assert read_size(value) == size


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "1.024 GB",
        "much",
        "()",
        "(bytes)",
        "Inbox (3 items)",
        -1,
        True,
        [],
        {},
        "(12 apples, 3 pears)",
    ],
)
def test_what_is_no_certain_size_is_none(value: object) -> None:
    assert read_size(value) is None


def test_unlimited_is_more_than_any_number_of_bytes() -> None:
    assert UNLIMITED > 10**30


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_a_size_survives_being_printed_and_read(count: int) -> None:
    assert read_size(size_text(count)) == count


def test_unlimited_survives_being_printed_and_read() -> None:
    assert read_size(size_text(UNLIMITED)) == UNLIMITED


@pytest.mark.parametrize(
    "printed",
    [
        "0 B (0 bytes)",
        "16.09 MB (16,873,043 bytes)",
        "100 GB (107,374,182,400 bytes)",
        "49.5 GB (53,150,220,288 bytes)",
    ],
)
def test_a_size_is_printed_as_exchange_does(printed: str) -> None:
    size = read_size(printed)

    assert size is not None
    assert size_text(size) == printed


@given(st.text())
def test_any_text_is_a_size_or_none(text: str) -> None:
    found = read_size(text)

    assert found is None or found >= 0


@pytest.mark.parametrize(
    ("typed", "argument"),
    [
        ("50GB", "50GB"),
        ("49.5 GB", "50688MB"),
        ("49,5 gb", "50688MB"),
        ("1048576", "1MB"),
        ("0", "0B"),
        ("1025", "1025B"),
        ("2048TB", "2048TB"),
        ("unlimited", "Unlimited"),
    ],
)
def test_a_size_is_sent_whole_in_the_largest_unit_in_which_it_is(typed: str, argument: str) -> None:
    size = read_size(typed)

    assert size is not None
    assert size_argument(size) == argument


@given(st.integers(min_value=0, max_value=2**60))
def test_a_size_that_is_sent_is_the_size_that_was_read(count: int) -> None:
    assert read_size(size_argument(count)) == count
