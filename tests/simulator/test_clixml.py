"""Texts survive the way in and the way out."""

from xml.etree.ElementTree import Element, fromstring

import pytest

from bulkps.simulator.wire import clixml_writer, pipeline_reader

TEXTS = [
    "", " leading and trailing ", "'; Remove-Mailbox *; '",
    "$(Stop-Computer)", "line\r\nfeed\ttab", "_x000A_",
    "_X000a_", "_x", "__x005F_x000A_", "\U0001f600 emoji", "\x00\x1f\x7f\x85\u2028", "<&>\"'", "\ufffe\uffff",
    "\u0100\u5f00\u7800\u3000\u3000\u3000\u3100\u5f00",
]  # fmt: skip


def parsed(text: str) -> Element:
    return fromstring(f"<S>{clixml_writer.escape(text)}</S>")  # noqa: S314 - our own


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    element = parsed(text)

    assert pipeline_reader.unescape(element.text or "") == text


def test_a_text_that_only_looks_like_an_escape_is_left_alone() -> None:
    assert pipeline_reader.unescape("_x12_ _xGHIJ_") == "_x12_ _xGHIJ_"


def test_a_lone_surrogate_can_be_written() -> None:
    assert parsed(chr(0xD800)).text == "_xD800_"
