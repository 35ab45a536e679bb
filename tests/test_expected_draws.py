"""A generator that all share is found if its numbers are others."""

from unittest.mock import patch

import pytest

from benchmarks.identity import expected_draws
from benchmarks.recipe import randomness


@pytest.fixture(autouse=True)
def forgotten():
    """No test sees what another one has found."""
    expected_draws.fault.cache_clear()
    yield
    expected_draws.fault.cache_clear()


def test_the_generator_draws_what_it_says():
    assert expected_draws.fault() == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda original, index, key, count: original(index, key, count % 32),
        lambda original, index, key, count: original(index, key, count & ~3072),
        lambda original, index, key, count: original(index, key, count & ~(1 << 29)),
        lambda original, index, key, count: original(index & ~(1 << 27), key, count),
        lambda original, index, key, count: original(index, key * 0, count),
        lambda original, index, key, count: original(index % 4096, key, count),
        lambda original, index, key, count: original(index, key, count) & ~1,
    ],
)
def test_other_numbers_are_told(change):
    original = randomness.bits
    with patch.object(randomness, "bits", lambda *given: change(original, *given)):
        assert "are not those of their generator" in expected_draws.fault()
