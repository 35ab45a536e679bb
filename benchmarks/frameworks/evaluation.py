"""The examples of an evaluation: in parts of bounded size, on the device if they are evaluated again."""

import math
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import numpy as np

from benchmarks.models.layer import Shape, Spec, walk

MOST_VALUES = 2**23
"""Of the widest layer, in one forward pass of an evaluation. This bounds its memory, whatever the model."""

OnDevice = TypeVar("OnDevice")


def rows(spec: Spec, input_shape: Shape) -> int:
    """Examples in one forward pass of an evaluation, at every batch size of the training."""
    widths = [math.prod(input_shape)]
    widths += [math.prod(layer.output_shape(shape)) for _, layer, shape in walk(spec, input_shape)]
    return max(1, MOST_VALUES // max(widths))


class Parts(Generic[OnDevice]):
    """What an evaluation passes through the model, `rows` examples at a time, as `to_device` copies them.

    A run evaluates the same examples over and over. The copy of those that come a second time in a row is
    kept until others come, so they must not be changed in place. What is evaluated once, as the whole
    training set is at the end of a run, never lies on the device as a whole.
    """

    def __init__(self, rows: int, to_device: Callable[[np.ndarray], OnDevice]) -> None:
        self.rows, self.to_device = rows, to_device
        self.last: np.ndarray | None = None
        self.kept: list[OnDevice] | None = None

    def of(self, examples: np.ndarray) -> Iterable[OnDevice]:
        """The parts of these examples."""
        if examples is not self.last:
            self.last, self.kept = examples, None
            return self._copied(examples)
        if self.kept is None:
            self.kept = list(self._copied(examples))
        return self.kept

    def _copied(self, examples: np.ndarray) -> Iterable[OnDevice]:
        starts = range(0, len(examples), self.rows)
        return (self.to_device(examples[at : at + self.rows]) for at in starts)
