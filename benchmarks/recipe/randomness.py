"""Random numbers: NumPy's streams for what is drawn once, and a generator that every framework computes.

The parameters and the order of examples are drawn in NumPy, one stream of the seed for each purpose.
Dropout and augmentation need numbers inside the frameworks: they are a function of (key, count, index). A
counter-based generator keeps no state but the count of draws, so a number can be had on any device,
in any order, inside any compiled loop. It is built from the 32-bit mixer `lowbias32` (C. Wellons,
"Prospecting for hash functions", 2018, https://nullprogram.com/blog/2018/07/31/), in int32 arithmetic that
wraps around, which every framework has.
"""

import operator
from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np


class Purpose(IntEnum):
    """What numbers are drawn for; part of every result, so a new purpose takes a new number."""

    PARAMETERS = 0
    AUGMENTATION = 1
    ORDER = 2


def generator(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """The stream of one seed, purpose and place (a layer's, an epoch's); all three tell streams apart.

    They are the key of a child of the seed (`SeedSequence.spawn_key`): in a bare list of numbers
    [7, 3] and [7, 3, 0, 0] are the same.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))


Array = Any
"""An int32 array of NumPy, PyTorch, JAX or TensorFlow."""

FIRST = 0x7FEB352D
SECOND = 0x846CA68B - 2**32
"""The mixer's multipliers, the second as int32 holds it."""
DRAWS_APART = 0x9E3779B9 - 2**32
"""2³² over the golden ratio: keeps the two words of one draw apart."""
BITS = 24
"""Random bits of a number: float32 holds u = bits / 2²⁴ in [0, 1) exactly."""


def mix(x: Array, shift: Callable[[Array, int], Array] = operator.rshift) -> Array:
    """lowbias32 of each element; `shift` is an arithmetic shift to the right, made logical by a mask."""
    x = (x ^ (shift(x, 16) & 0xFFFF)) * FIRST
    x = (x ^ (shift(x, 15) & 0x1FFFF)) * SECOND
    return x ^ (shift(x, 16) & 0xFFFF)


def bits(
    index: Array, key: Array, count: Array, shift: Callable[[Array, int], Array] = operator.rshift
) -> Array:
    """BITS random bits for each index of the draw `count`, as int32 in [0, 2²⁴).

    `key` and `count` are int32 arrays that broadcast against `index`. The index is mixed twice with two
    words of (key, count), so that two draws are not a rearrangement of one another.
    """
    word = mix(mix(key, shift) + count, shift)
    other = mix(word + DRAWS_APART, shift)
    return shift(mix(mix(index ^ word, shift) ^ other, shift), 32 - BITS) & (2**BITS - 1)
