"""The random numbers of dropout and augmentation: the published mixer, evenly spread, never the same draw."""

import warnings

import numpy as np
import pytest

from benchmarks.recipe import randomness

N = 200_000
FIVE_SIGMA = 5.0 / np.sqrt(N)


def draw(*, key=12_345, count=0, n=N):
    """u in [0, 1) of one draw."""
    key, count = np.array([key], np.int32), np.array([count], np.int32)
    return randomness.bits(np.arange(n, dtype=np.int32), key, count) / 2**randomness.BITS


def lowbias32(x):
    """Wellons's mixer as he prints it, in whole numbers modulo 2³²."""
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ (x >> 16)


def by_whole_numbers(index, key, count):
    word = lowbias32((lowbias32(key) + count) % 2**32)
    other = lowbias32((word + 0x9E3779B9) % 2**32)
    return lowbias32(lowbias32(index ^ word) ^ other) >> 8


def test_the_mixer_in_int32_is_the_published_one():
    x = np.random.default_rng(0).integers(-(2**31), 2**31, size=1000).astype(np.int32)
    x = np.concatenate([x, np.array([0, 1, -1, 2**31 - 1, -(2**31)], np.int32)])
    assert [int(v) % 2**32 for v in randomness.mix(x)] == [lowbias32(int(v) % 2**32) for v in x]


@pytest.mark.parametrize(("key", "count"), [(0, 0), (12_345, 0), (2**24 - 1, 1), (7, 2**24 - 1)])
def test_bits_are_those_of_whole_numbers(key, count):
    index = np.array([0, 1, 2, 3, 1000, 2**24, 2**31 - 1], np.int32)
    found = randomness.bits(index, np.array([key], np.int32), np.array([count], np.int32))
    assert found.dtype == np.int32
    assert found.tolist() == [by_whole_numbers(int(i), key, count) for i in index]


def test_overflow_is_meant_and_says_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(key=2**24 - 1, count=2**24)


def test_numbers_are_in_range_and_exact_in_float32():
    u = draw()
    assert u.min() >= 0
    assert u.max() < 1
    assert (u.astype(np.float32) == u).all()


@pytest.mark.parametrize(("key", "count"), [(0, 0), (1, 0), (12_345, 0), (12_345, 1), (2**24 - 1, 10_000)])
def test_one_draw_is_uniform(key, count):
    """Moments within five standard errors, and χ² of 256 bins within five of its own."""
    u = draw(key=key, count=count)
    assert abs(u.mean() - 1 / 2) < FIVE_SIGMA * np.sqrt(1 / 12)
    assert abs(u.var() - 1 / 12) < FIVE_SIGMA * np.sqrt(1 / 180)
    counts = np.bincount((u * 256).astype(int), minlength=256)
    chi_square = ((counts - N / 256) ** 2 / (N / 256)).sum()
    assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)


def correlation(u, v):
    return np.corrcoef(u, v)[0, 1]


@pytest.mark.parametrize("other", [{"count": 1}, {"count": 2}, {"count": 1000}, {"key": 12_346}, {"key": 0}])
def test_two_draws_have_nothing_to_do_with_one_another(other):
    u, v = draw(), draw(**other)
    assert abs(correlation(u, v)) < FIVE_SIGMA
    assert abs(correlation(u > 0.9, v > 0.9)) < FIVE_SIGMA
    assert np.mean(u == v) < 1e-4


@pytest.mark.parametrize("lag", [1, 2, 3, 64, 784, 4096])
def test_neighbours_in_one_draw_have_nothing_to_do_with_one_another(lag):
    u = draw()
    assert abs(correlation(u[:-lag], u[lag:])) < 5.0 / np.sqrt(N - lag)


def test_a_draw_is_not_another_one_in_another_order():
    """Distinct values of 2²⁴ that two draws share: as many as chance gives, not all of them."""
    u, v = np.unique(draw()), np.unique(draw(count=1))
    expected = len(u) * len(v) / 2**24
    assert abs(len(np.intersect1d(u, v)) - expected) < 5 * np.sqrt(expected)


def test_every_bit_of_the_index_changes_half_of_the_bits():
    index, key, count = np.arange(20_000, dtype=np.int32), np.array([3], np.int32), np.array([4], np.int32)
    before = randomness.bits(index, key, count)
    for bit in range(31):
        changed = before ^ randomness.bits(index ^ np.int32(1 << bit), key, count)
        share = np.unpackbits(changed.view(np.uint8)).sum() / (24 * len(index))
        assert abs(share - 0.5) < 0.01, bit
