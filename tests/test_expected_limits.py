"""Limits of a machine that are told otherwise than they are."""

from unittest.mock import patch

import pytest

from benchmarks.identity import expected_limits
from benchmarks.throughput import limits


def fault():
    expected_limits.fault.cache_clear()
    try:
        return expected_limits.fault()
    finally:
        expected_limits.fault.cache_clear()


def test_known_limits_are_told_as_they_are():
    assert fault() == ""


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("product_gflops", "the fastest product"),
        ("copy_gb_per_s", "the fastest copy"),
        ("start_us", "the start of an operation"),
    ],
)
def test_a_limit_that_is_halved_is_told(field, told):
    def halved(**given):
        value = given[field]
        half = {name: each / 2 for name, each in value.items()} if isinstance(value, dict) else value / 2
        return original(**given | {field: half})

    original = limits.Limits
    with patch.object(limits, "Limits", halved):
        assert fault().startswith(told)
