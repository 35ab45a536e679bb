"""The random numbers of dropout and augmentation: a function of (key, count, index), the same everywhere.

A counter-based generator keeps no state but the count of draws, so a number can be had on any device,
in any order, inside any compiled loop. It is built from the 32-bit mixer `lowbias32` (C. Wellons,
"Prospecting for hash functions", 2018, https://nullprogram.com/blog/2018/07/31/), in int32 arithmetic that
wraps around, which every framework has.
"""

import operator
from collections.abc import Callable
from typing import Any

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
