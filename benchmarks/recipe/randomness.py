"""Random numbers: streams drawn in NumPy, and a generator that every framework can compute.

The initial parameters and the order of the examples are drawn in NumPy, from one stream of the seed for
each purpose. Dropout and augmentation need random numbers inside the frameworks. These come from a
counter-based generator: each number is a function of (key, count of draws, index), so it can be computed
on any device, in any order and inside any compiled loop. It is built from the 32-bit hash `lowbias32`
(C. Wellons, "Prospecting for hash functions", 2018, https://nullprogram.com/blog/2018/07/31/) in int32
arithmetic that wraps around, which every framework has.
"""

import operator
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np


class Purpose(IntEnum):
    """What numbers are drawn for. The values are part of every result: a new purpose gets a new value."""

    PARAMETERS = 0
    AUGMENTATION = 1
    ORDER = 2


def generator(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """NumPy's generator for one seed, purpose and place (of a layer, or the number of an epoch).

    Purpose and place are the `spawn_key` of a `SeedSequence`, so that different ones always give different
    streams; in a plain list of numbers [7, 3] and [7, 3, 0, 0] would give the same.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))


Array = Any
"""An int32 array of NumPy, PyTorch, JAX or TensorFlow."""

FIRST = 0x7FEB352D
SECOND = 0x846CA68B - 2**32
"""The multipliers of `lowbias32`, the second one as a (negative) int32."""
GOLDEN_RATIO = 0x9E3779B9 - 2**32
"""2³² / the golden ratio, as an int32: added to make the second word of a draw differ from the first."""
BITS = 24
"""Random bits in each number: u = bits / 2²⁴, uniform in [0, 1), is then exact in float32."""


def mix(x: Array, shift: Callable[[Array, int], Array] = operator.rshift) -> Array:
    """`lowbias32` of each element. `shift` is an arithmetic right shift, which a mask makes logical."""
    x = (x ^ (shift(x, 16) & 0xFFFF)) * FIRST
    x = (x ^ (shift(x, 15) & 0x1FFFF)) * SECOND
    return x ^ (shift(x, 16) & 0xFFFF)


def bits(
    index: Array, key: Array, count: Array, shift: Callable[[Array, int], Array] = operator.rshift
) -> Array:
    """The random bits of each index in the draw number `count`: int32 from 0 to 2²⁴ − 1.

    `key` and `count` are int32 arrays that broadcast against `index`. The index is hashed twice, each time
    with another word of (key, count); hashed once, one draw could be a rearrangement of another.
    """
    word = mix(mix(key, shift) + count, shift)
    other = mix(word + GOLDEN_RATIO, shift)
    return shift(mix(mix(index ^ word, shift) ^ other, shift), 32 - BITS) & (2**BITS - 1)
