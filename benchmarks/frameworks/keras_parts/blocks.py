"""The fused loop runs in blocks of a fixed number of steps, so that it is compiled once for a batch size."""

from collections.abc import Iterator

import numpy as np

from benchmarks.models.layer import Shape, Spec, walk
from benchmarks.models.layers import Conv


def has_convolution(spec: Spec, input_shape: Shape) -> bool:
    """On a CPU, XLA has no threaded convolution inside a loop: there it is slower by a factor of twenty."""
    return any(isinstance(place.layer, Conv) for place in walk(spec, input_shape))


def block_rows(batch_size: int) -> int:
    """Steps in one call of the compiled loop: many where a step is short, one where it is long."""
    return max(1, min(512, 65536 // batch_size))


def blocks(
    batches: np.ndarray, coefficients: np.ndarray, rows: int
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Whole blocks of batches and coefficients, and how many rows of each are to be trained on."""
    for start in range(0, len(batches), rows):
        count = min(rows, len(batches) - start)
        fill = ((0, rows - count), (0, 0))
        part = slice(start, start + count)
        yield np.pad(batches[part], fill), np.pad(coefficients[part], fill), count
