"""NumPy: a training loop with every gradient written by hand, the reference for the other frameworks.

`idiomatic` is the textbook loop, which updates one parameter after the other. `fused` keeps all parameters
in one vector, likewise the gradients and each slot of the optimizer, so that one expression updates them
all. It uses no GPU and compiles nothing.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import threadpoolctl

from benchmarks.frameworks.evaluation import rows
from benchmarks.frameworks.numpy_parts import network
from benchmarks.frameworks.numpy_parts.layers import (
    Allocate,
    Tensors,
    not_trained,
    one_vector,
    separate_arrays,
)
from benchmarks.frameworks.numpy_parts.network import Update, cross_entropy
from benchmarks.frameworks.numpy_parts.random_layers import Dropout
from benchmarks.frameworks.trainer import (
    Device,
    Execution,
    Loaded,
    Repeated,
    Steps,
    in_epochs,
)
from benchmarks.models.layer import Spec
from benchmarks.models.parameters import parameter_shapes, trained
from benchmarks.recipe.optimizer import Optimizer

ALLOCATIONS: dict[Execution, Allocate] = {"idiomatic": separate_arrays, "fused": one_vector}


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set the threads of matrix products; the only device is the CPU, and arrays carry their precision."""
    threadpoolctl.threadpool_limits(limits=threads)


def device() -> Device:
    """Always the CPU."""
    return Device("cpu", "CPU")


def switches() -> dict:
    """The settings in force in this process. NumPy cannot flush denormal numbers to 0."""
    return {
        "blas_threads": max((pool["num_threads"] for pool in threadpoolctl.threadpool_info()), default=1),
        "flush_denormal": False,
        "one_vector": "fused",
    }


def synchronise() -> None:
    """Nothing to wait for: NumPy returns only when it has computed."""


def product(size: int, precision: str) -> Repeated:
    """See `frameworks`."""
    factor = np.ones((size, size), precision)
    return _repeated(np.matmul, factor, factor)


def scaling(n: int, precision: str) -> Repeated:
    """See `frameworks`."""
    return _repeated(np.multiply, np.ones(n, precision), 0.5)


def _repeated(operation: np.ufunc, array: np.ndarray, factor: np.ndarray | float) -> Repeated:
    out = np.empty_like(array)

    def repeat(times: int) -> None:
        for _ in range(times):
            operation(array, factor, out=out)

    return repeat


def reset_peak_memory() -> None:
    """Nothing to reset: NumPy has no counter."""


def peak_memory_mib() -> None:
    """None: NumPy does not count memory."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether this error of NumPy or Python means that memory ran out."""
    return isinstance(error, MemoryError)


def converted(examples: np.ndarray, precision: str) -> np.ndarray:
    """Images in a precision, tokens as they are: said once more, since others are compared with this."""
    return np.asarray(examples, precision) if examples.dtype.kind == "f" else examples


class Trainer:
    """See `frameworks.trainer.Trainer`.

    It shares neither the conversion of examples nor the parts of an evaluation with other frameworks, in
    which a fault would be the same on both sides.
    """

    def __init__(
        self,
        *,
        layers: Spec,
        optimizer: Optimizer,
        examples: np.ndarray,
        labels: np.ndarray,
        precision: str,
        execution: Execution,
    ) -> None:
        self.precision, self.optimizer, self.step = precision, optimizer, 0
        self.examples, self.labels = converted(examples, precision), labels
        shapes = parameter_shapes(layers, examples.shape[1:])
        trained_shapes = {name: shapes[name] for name in trained(shapes)}
        other_shapes = {name: shape for name, shape in shapes.items() if name not in trained_shapes}
        self.update = Update(optimizer, trained_shapes, precision, ALLOCATIONS[execution])
        arrays = self.update.parameters.named | not_trained(other_shapes, precision)
        self.tensors = Tensors({name: arrays[name] for name in shapes}, self.update.gradients.named)
        self.model = network.model(layers, examples.shape[1:], self.tensors)
        self.rows = rows(layers, examples.shape[1:])

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Set the parameters, clear the optimizer's state and count steps from 0."""
        self.step = 0
        for name, array in self.tensors.parameters.items():
            array[...] = parameters[name]
        for layer in self.model.walk():
            if isinstance(layer, Dropout):
                layer.seed_framework_generator()
        for array in self.update.state().values():
            array[...] = 0

    def resume(self, parameters: dict[str, np.ndarray], state: dict[str, np.ndarray], *, step: int) -> None:
        """Go on from where a training, be it another framework's, stands after so many steps."""
        self.reset(parameters)
        self.step = step
        for name, array in self.update.state().items():
            array[...] = state[name]

    def retune(self, optimizer: Optimizer) -> None:
        """Take another learning rate, which each step is given."""
        self.optimizer = self.optimizer.retuned(optimizer)

    def train(self, batches: np.ndarray) -> Steps:
        """Forward pass, loss, backward pass and update: one step for each row of `batches` [steps, B]."""
        losses, norms = [], []
        rows = self.optimizer.coefficients(self.step, len(batches)).tolist()
        for (x, y), coefficients in zip(self._gathered(batches), rows, strict=True):
            losses.append(self._accumulated(x, y))
            norms.append(self.update.step(coefficients))
        self.step += len(batches)
        clips = self.optimizer.clip_norm is not None
        return Steps(np.array(losses, self.precision), np.array(norms, self.precision) if clips else None)

    def _accumulated(self, x: np.ndarray, y: np.ndarray) -> np.floating:
        """The mean loss over the micro-batches of a batch; the mean gradient goes to `update.gradients`."""
        n = self.optimizer.micro_batches(len(y))
        if n == 1:
            return self._backward(x, y)
        losses, sums = [], [np.zeros_like(array) for array in self.update.gradients.whole]
        for part in zip(np.split(x, n), np.split(y, n), strict=True):
            losses.append(self._backward(*part))
            for total, gradient in zip(sums, self.update.gradients.whole, strict=True):
                total += gradient
        for gradient, total in zip(self.update.gradients.whole, sums, strict=True):
            gradient[...] = total / n
        return np.mean(losses)

    def _backward(self, x: np.ndarray, y: np.ndarray) -> np.floating:
        """Forward pass, loss and backward pass of a micro-batch."""
        loss, d_logits = cross_entropy(self.model.forward(x, training=True), y)
        self.model.backward(d_logits)
        return loss

    def _gathered(self, batches: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The examples and labels of each batch."""
        return ((self.examples[row], self.labels[row]) for row in batches)

    def load_batches(self, batches: np.ndarray) -> Loaded:
        """Gather these batches without training."""
        labels = []
        for x, y in self._gathered(batches):
            labels.append(y)
            last = x
        return Loaded(np.stack(labels), lambda: last)

    def fit(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """`train`, one batch after the other of a shuffled order."""
        for batch in self._shuffled(batch_size, go_on, steps=steps):
            self.train(batch)

    def load(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Gather the batches that `fit` trains on, without training."""
        for batch in self._shuffled(batch_size, go_on, steps=steps):
            self.load_batches(batch)

    def _shuffled(
        self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None
    ) -> Iterator[np.ndarray]:
        passes = (self._one_pass(batch_size) for _ in itertools.count())
        return in_epochs(passes, steps or math.ceil(len(self.labels) / batch_size), go_on)

    def _one_pass(self, batch_size: int) -> Iterator[np.ndarray]:
        """The batches of an epoch in a random order, [1, B] each; the last one may be smaller."""
        order = np.random.default_rng().permutation(len(self.labels))
        return (order[np.newaxis, at : at + batch_size] for at in range(0, len(order), batch_size))

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes]."""
        parts = (examples[at : at + self.rows] for at in range(0, len(examples), self.rows))
        of_parts = (self.model.forward(converted(part, self.precision), training=False) for part in parts)
        return np.concatenate(list(of_parts))

    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, by path."""
        _, outputs = self.model.outputs(converted(examples, self.precision))
        return {path: y.copy() for path, y in outputs.items()}

    def parameters(self) -> dict[str, np.ndarray]:
        """Copies of the present parameters."""
        return {name: array.copy() for name, array in self.tensors.parameters.items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """Copies of the optimizer's present state, by `<slot> <name of the trained parameter>`."""
        return {name: array.copy() for name, array in self.update.state().items()}

    def compile(self, batch_size: int) -> None:
        """None: nothing is compiled."""
