"""The two operations of Keras that show the limits of a machine."""

from collections.abc import Callable
from typing import Any

import keras

from benchmarks.frameworks.trainer import Repeated

Wait = Callable[[Any], object]
"""Waits until a result of the backend is computed."""


def product(size: int, precision: str, *, wait: Wait) -> Repeated:
    """See `frameworks`: a product of two matrices [size, size]."""
    factor = keras.random.uniform((size, size), dtype=precision)
    return _repeated(lambda: keras.ops.matmul(factor, factor), wait)


def scaling(n: int, precision: str, *, wait: Wait) -> Repeated:
    """See `frameworks`: an array [n] times a number."""
    array = keras.random.uniform((n,), dtype=precision)
    return _repeated(lambda: keras.ops.multiply(array, 0.5), wait)


def _repeated(operation: Callable[[], Any], wait: Wait) -> Repeated:
    def repeat(times: int) -> None:
        for _ in range(times):
            last = operation()
        wait(last)

    return repeat
