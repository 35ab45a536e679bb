"""The random numbers of dropout and augmentation, worked out once more in Python's whole numbers.

Every framework and the reference compute them by one function: a fault in it would be the same in all.
"""

import numpy as np

from benchmarks.recipe import randomness

WORD = 2**32
KEYS = (0, 77, 2**24 - 1)
COUNTS = (0, 1, 31, 32, 999, 70_001, 2**20)
INDICES = (0, 1, 63, 4097, 10**7)


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


def fault() -> str:
    """In words, the first draw that is not as `recipe.randomness` says; empty if all are."""
    for key in KEYS:
        for count in COUNTS:
            given = np.array([key], np.int32), np.array([count], np.int32)
            made = randomness.bits(np.array(INDICES, np.int32), *given)
            if made.tolist() != [drawn(index, key, count) for index in INDICES]:
                return f"the random numbers of key {key} in draw {count} are not those of their generator"
    return ""
