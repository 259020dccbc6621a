"""The table that decides whether a step is sent again."""

import itertools
from collections.abc import Iterator

import pytest

from bulkps.engine.resend import TABLE, Fact, Known, Rule, decide
from bulkps.exchange.error_catalog import ErrorClass


def questions(known: Known) -> Iterator[tuple[Fact, ErrorClass | None]]:
    """Yield every question about *known* that any row of the table tells apart."""
    used = Fact.NONE
    for rule in TABLE:
        if rule.known is known:
            used |= rule.facts | rule.unless
    flags = list(used)
    for count in range(len(flags) + 1):
        for some in itertools.combinations(flags, count):
            facts = Fact.NONE
            for flag in some:
                facts |= flag
            for kind in (None, *ErrorClass):
                yield facts, kind


def first(known: Known, facts: Fact, kind: ErrorClass | None) -> Rule:
    return next(rule for rule in TABLE if rule.fits(known, facts, kind))


@pytest.mark.parametrize("known", Known)
def test_every_question_has_an_answer(known: Known) -> None:
    for facts, kind in questions(known):
        assert decide(known, facts, kind) is first(known, facts, kind).decision


@pytest.mark.parametrize("known", Known)
def test_every_row_decides_something(known: Known) -> None:
    met = {first(known, facts, kind).why for facts, kind in questions(known)}

    assert met == {rule.why for rule in TABLE if rule.known is known}


def test_every_row_has_a_reason_of_its_own() -> None:
    assert len({(rule.known, rule.why) for rule in TABLE}) == len(TABLE)
