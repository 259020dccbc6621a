"""A name that a spreadsheet garbled is known by the one it was; a new name is none."""

from datetime import UTC, datetime

import pytest

from bulkps.exchange.garbled_names import damaged_from
from bulkps.preflight.findings import Code, Severity
from bulkps.preflight.preflight_facts import PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_findings import recovery_findings
from bulkps.preflight.row_intent import WantedRecovery
from tests.exchange.mailboxes import INACTIVE

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("?ukasz ?ó??", "Łukasz Żółć"),
        ("Lukasz Zólc", "Łukasz Żółć"),
        ("Lukasz Zolc", "Łukasz Żółć"),
        ("J?rgen M?ller", "Jürgen Müller"),
        ("J_rgen M_ller", "Jürgen Müller"),
        ("Jrgen Mller", "Jürgen Müller"),
        ("J\ufffdrgen M\ufffdller", "Jürgen Müller"),
        ("MÃ¼ller", "Müller"),
        ("Bj”rn", "Björn"),
        ("Mьller", "Müller"),
        ("£ukasz ¯ó³æ", "Łukasz Żółć"),
        ("Jiøí", "Jiří"),
        ("Núńez", "Núñez"),
        ("?????", "山田太郎様"),
    ],
)
def test_what_a_wrong_encoding_makes_of_a_name_is_known(text: str, own: str) -> None:
    assert damaged_from(text, own)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Łukasz Żółć", "Łukasz Żółć"),
        ("Łukasz  Żółć ", "Łukasz Żółć"),
        ("Zoe\u0308", "Zoë"),
        ("Ann Müller", "Ann Beebe"),
        ("Jürgen Maier", "Jürgen Müller"),
        ("Juergen Mueller", "Jürgen Müller"),
        ("Müller, Jürgen", "Jürgen Müller"),
        ("Jürgen Müller", "J?rgen M?ller"),
        ("Debra Sherman (left)", "Debra Sherman"),
        ("Who?", "Who!"),
        ("", "Jürgen"),
    ],
)
def test_a_new_name_is_nothing_to_be_warned_of(text: str, own: str) -> None:
    assert not damaged_from(text, own)


def _warnings(display_name: str, own: str | None) -> list[str]:
    found = {**INACTIVE, **({} if own is None else {"DisplayName": own})}
    around = PreflightFacts(sources=(Recipient.from_properties(found),), recipients=())
    wanted = WantedRecovery("x", "new@contoso.com", display_name=display_name)
    return [
        one.seen
        for one in recovery_findings(wanted, around, NOW)
        if one.code is Code.NAME_GARBLED and one.severity is Severity.WARNING
    ]


def test_preflight_warns_of_a_garbled_display_name_and_says_both() -> None:
    [seen] = _warnings("?ukasz ?ó??", "Łukasz Żółć")

    assert seen == (
        "the display name '?ukasz ?ó??' is the source's own, 'Łukasz Żółć', "
        "with letters replaced that a code page does not have"
    )


@pytest.mark.parametrize("own", ["Pilar Pinilla", "Łukasz Nowak", None])
def test_preflight_says_nothing_of_a_new_name(own: str | None) -> None:
    assert not _warnings("Łukasz Żółć", own)
