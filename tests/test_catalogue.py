"""The error catalogue that is shipped."""

import pytest

from bulkps.exchange.calls_and_outcomes import ErrorRecord
from bulkps.exchange.error_catalog import KnownError, classify, shipped_catalogue

SAMPLED = [entry for entry in shipped_catalogue() if entry.sample]


def test_the_catalogue_has_samples() -> None:
    assert len(SAMPLED) > 20


@pytest.mark.parametrize("entry", SAMPLED, ids=lambda entry: entry.id)
def test_a_sample_is_classified_as_its_own_entry(entry: KnownError) -> None:
    found = classify([ErrorRecord(entry.sample)], shipped_catalogue(), mutates=True)

    assert found.known.id == entry.id
