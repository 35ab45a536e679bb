"""The interface of a trainer, which every framework implements and every measurement uses."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from benchmarks.recipe.optimizer import Optimizer

Execution = Literal["idiomatic", "fused"]
EXECUTIONS: tuple[Execution, ...] = ("idiomatic", "fused")
OUT_OF_MEMORY = re.compile(
    "out of memory|OUT_OF_MEMORY|RESOURCE_EXHAUSTED|ALLOC_FAILED|can't allocate memory|OOM when allocating"
)

Repeated = Callable[[int], None]
"""Does an operation so many times, and waits for the last."""


class Device(NamedTuple):
    """Where a framework computes: `kind` is `cpu` or `gpu`, `name` is the framework's name of the device."""

    kind: str
    name: str


class Scores(NamedTuple):
    """Mean loss and accuracy (share of correct predictions) on a set of examples, in evaluation mode."""

    loss: float
    accuracy: float


class Steps(NamedTuple):
    """What training returns for its steps: the losses [steps] and the gradient norms [steps].

    The norm is that of the gradient of all trained parameters together, before clipping. It is None if the
    optimizer does not clip, because it is not computed then.
    """

    loss: np.ndarray
    gradient_norm: np.ndarray | None


class Loaded(NamedTuple):
    """What came out of the input pipeline: labels [steps, B, …], and `last`, which gives the last examples.

    They stay on the device, and in memory that the next batches will take, until `last` is called: to pass
    them on is no part of the time of the pipeline.
    """

    labels: np.ndarray
    last: Callable[[], np.ndarray]


class Trainer(Protocol):
    """A model with its optimizer and its training data.

    The loss is the mean softmax cross-entropy over the labels of a batch: one label for each example of a
    classifier, one for each position of a text. Parameters are passed in and out as named NumPy arrays in
    the shapes of `models.layers`, however the framework stores them.
    """

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Set the parameters, clear the optimizer's state and count steps from 0.

        What `train` then returns depends only on parameters and batches: random layers start from their
        keys again, including those that draw from the framework's own generator.
        """

    def retune(self, optimizer: Optimizer) -> None:
        """Take another learning rate from the next reset on, without compiling anything anew.

        This is for the fused execution.

        Raises:
            ValueError: another setting of the optimizer differs, for which a trainer has to be made anew.
        """

    def train(self, batches: np.ndarray) -> Steps:
        """Take one step for each row of `batches` [steps, B], indices of examples, and wait for the last."""

    def load_batches(self, batches: np.ndarray) -> Loaded:
        """Pass batches through the input pipeline without training."""

    def fit(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Train as a user of the framework would: in its own loop, over its own shuffled order.

        An epoch ends after all examples, or after `steps` steps; all epochs that are asked for with `steps`
        are together within one pass over the examples, since frameworks differ in what follows. When
        everything of an epoch is computed, `go_on` is called and says whether another one follows. This is
        what is timed of the idiomatic execution; `train` runs the same loop on batches that are given, so
        that it can be certified.
        """

    def load(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Pass what `fit` trains on through its input pipeline without training."""

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes].

        Examples that are evaluated again stay on the device (`frameworks.evaluation`): do not change them.
        """

    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, channels last, by its path in `models.layer.walk`.

        This may change running averages and generators, so reset before training.
        """

    def parameters(self) -> dict[str, np.ndarray]:
        """The present parameters, including those that are not trained."""

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's present state, by `<slot> <name of the trained parameter>`."""

    def compile(self, batch_size: int) -> float | None:
        """Compile what `train` runs at this batch size; returns seconds, or None if nothing is compiled."""


T = TypeVar("T")


def in_epochs(passes: Iterable[Iterable[T]], steps: int, go_on: Callable[[], bool]) -> Iterator[T]:
    """The batches of one pass over the data after the other; after every `steps` of them `go_on` is asked."""
    batches = chain.from_iterable(passes)
    while True:
        yield from islice(batches, steps)
        if not go_on():
            return


def tells_of_memory(error: Exception) -> bool:
    """Whether an error says that memory ran out: by its type, or by the words of CUDA and its libraries."""
    return isinstance(error, MemoryError) or OUT_OF_MEMORY.search(str(error)) is not None


def as_precision(examples: np.ndarray, precision: str) -> np.ndarray:
    """Images converted to this precision; tokens are left as whole numbers."""
    return examples.astype(precision, copy=False) if examples.dtype.kind == "f" else examples


def scores(logits: np.ndarray, labels: np.ndarray) -> Scores:
    """Mean softmax cross-entropy (natural log) and accuracy of logits [N, …, k] against labels [N, …]."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    log_sum = np.log(np.exp(shifted).sum(axis=-1))
    chosen = np.take_along_axis(shifted, labels[..., np.newaxis].astype(np.int64), axis=-1)[..., 0]
    return Scores(float(np.mean(log_sum - chosen)), float(np.mean(logits.argmax(axis=-1) == labels)))
