"""Blocks with a fixed number of steps, so that the fused loop is compiled only once for each batch size."""

from collections.abc import Iterator

import numpy as np

from benchmarks.models.layer import Shape, Spec, walk
from benchmarks.models.layers import Conv


def has_convolution(spec: Spec, input_shape: Shape) -> bool:
    """Whether a model has convolutions: in a loop on a CPU, XLA runs them on one thread, 20 times slower."""
    return any(isinstance(place.layer, Conv) for place in walk(spec, input_shape))


def block_rows(batch_size: int) -> int:
    """Steps in one call of the compiled loop: many for small batches, one for very large ones."""
    return max(1, min(512, 65536 // batch_size))


def blocks(
    batches: np.ndarray, coefficients: np.ndarray, rows: int
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Blocks of batches and coefficients, padded to `rows` rows, and the number of rows to train on."""
    for start in range(0, len(batches), rows):
        count = min(rows, len(batches) - start)
        fill = ((0, rows - count), (0, 0))
        part = slice(start, start + count)
        yield np.pad(batches[part], fill), np.pad(coefficients[part], fill), count
