"""The random numbers of dropout and augmentation, worked out once more in Python's whole numbers.

Every framework and the reference compute them by one function: a fault in it would be the same in all.
"""

import functools

import numpy as np

from benchmarks.recipe import randomness

WORD = 2**32
KEY_BITS, INDEX_BITS, COUNT_BITS = 24, 31, 31
MANY = 20_000
"""Draws that are worked out from the first on; beyond them every power of two."""


def hashed(x: int) -> int:
    """`lowbias32` of a word (C. Wellons, "Prospecting for hash functions", 2018)."""
    x = (x ^ (x >> 16)) * 0x7FEB352D % WORD
    x = (x ^ (x >> 15)) * 0x846CA68B % WORD
    return x ^ (x >> 16)


def drawn(index: int, key: int, count: int) -> int:
    """The 24 random bits of an index in a draw: hashed twice, each time with another word of (key, count)."""
    word = hashed((hashed(key) + count) % WORD)
    other = hashed((word + 0x9E3779B9) % WORD)
    return hashed(hashed(index ^ word) ^ other) >> 8


def tried() -> np.ndarray:
    """Index, key and count of many draws, [3, draws]: small and large ones in each."""
    random = np.random.default_rng(0)
    counts = np.concatenate([np.arange(MANY), 2 ** np.arange(COUNT_BITS)])
    others = [2 ** random.uniform(0, bits, len(counts)) - 1 for bits in (INDEX_BITS, KEY_BITS)]
    return np.stack([*others, counts]).astype(np.int32)


@functools.cache
def fault() -> str:
    """In words, the first draw that is not as `recipe.randomness` says; empty if all are."""
    given = tried()
    for each, made in zip(given.T.tolist(), randomness.bits(*given).tolist(), strict=True):
        if made != drawn(*each):
            _, key, count = each
            return f"the random numbers of key {key} in draw {count} are not those of their generator"
    return ""
