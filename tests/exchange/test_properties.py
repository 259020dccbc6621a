"""Properties in the shapes that sessions give them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.psobject import Properties, listed, read_guid

GUID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.mark.parametrize("name", ["IsInactiveMailbox", "isinactivemailbox", "ISINACTIVEMAILBOX"])
def test_a_property_has_no_case(name: str) -> None:
    found = Properties({"IsInactiveMailbox": True})

    assert name in found
    assert found.flag(name) is True


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True), (False, False), ("True", True), ("False", False), ("true", True), ("$true", True),
        ("$false", False), (None, None), ("", None), ("perhaps", None), (1, None),
    ],
)  # fmt: skip
def test_a_flag_is_true_false_or_not_known(value: object, flag: bool | None) -> None:
    assert Properties({"F": value}).flag("F") is flag


def test_what_was_not_read_is_not_what_is_empty() -> None:
    found = Properties({"Empty": None, "Blank": " "})

    assert found.flag("Missing") is None
    assert found.text("Missing") is None
    assert found.guid("Missing") is None
    assert found.text("Empty") == found.text("Blank") == found.guid("Empty") == ""


@pytest.mark.parametrize("written", [GUID, GUID.upper(), f"{{{GUID}}}", f" {GUID} ", GUID.replace("-", "")])
def test_a_guid_is_the_same_however_it_is_written(written: str) -> None:
    assert read_guid(written) == GUID


@pytest.mark.parametrize("value", ["00000000-0000-0000-0000-000000000000", "", None, "annb", 7])
def test_the_zero_guid_and_what_is_none_are_empty(value: object) -> None:
    assert read_guid(value) == ""


@pytest.mark.parametrize(
    "value", [["a", "b"], ("a", "b"), "{a, b}", "a, b", "a,b", "a;b", "a b", [" a", "b ", None, ""]]
)
def test_several_values_come_as_a_list_or_as_one_text(value: object) -> None:
    assert listed(value) == ("a", "b")


@pytest.mark.parametrize("value", [None, [], "", "{}", "{ }"])
def test_no_values_are_none(value: object) -> None:
    assert listed(value) == ()


@given(st.text())
def test_any_text_is_read_as_something(text: str) -> None:
    found = Properties({"P": text})

    assert found.flag("P") in (True, False, None)
    assert found.guid("P") is not None
    assert all(listed(found.raw("P")))
