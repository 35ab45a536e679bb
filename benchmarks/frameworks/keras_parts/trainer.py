"""The part of a trainer that is the same for every backend of Keras, including `model.fit`."""

import math
import time
from collections import deque
from collections.abc import Callable

import keras
import numpy as np
from keras.src.backend.common import dtypes

from benchmarks.frameworks.evaluation import Parts, rows
from benchmarks.frameworks.keras_parts.model import build_model, load
from benchmarks.frameworks.keras_parts.optimizer import RecipeOptimizer
from benchmarks.frameworks.trainer import Execution, Loaded, Steps, as_precision, in_epochs
from benchmarks.models.layer import Spec
from benchmarks.models.parameters import parameter_shapes
from benchmarks.recipe.optimizer import Optimizer

MOST_EPOCHS = 10**9
"""That `fit` is asked for: it is told when to end."""


def promote_to(precision: str) -> None:
    """Make Keras's type promotion keep float64 in a training of that precision.

    Keras reduces 64 bits to 32 "to be aligned with JAX's default behavior", whatever `floatx` and the dtype
    policy are: every norm on JAX, and nearly every operation on PyTorch, would compute in float32. There is
    no public setting for it; this is the table that `result_type` consults last.
    """
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = precision


class Epochs(keras.callbacks.Callback):
    """Asks after each epoch whether another one follows."""

    def __init__(self, go_on: Callable[[], bool]) -> None:
        super().__init__()
        self.go_on = go_on

    def on_epoch_end(self, epoch, logs=None) -> None:
        """Its logs are read from the device, so that everything is computed."""
        self.model.stop_training = not self.go_on()


class Recorder(keras.callbacks.Callback):
    """Collects the mean loss since the start, which `fit` logs after each micro-batch, and gradient norms.

    No step waits for this: logged values stay on the device until the end, and norms are read from the
    optimizer at the end, or before it overwrites them.
    """

    def __init__(self, optimizer: RecipeOptimizer) -> None:
        super().__init__()
        self.optimizer, self.means, self.norms = optimizer, [], []
        self.clips, self.parts = optimizer.settings.clip_norm is not None, optimizer.settings.accumulation
        self.first = int(keras.ops.convert_to_numpy(optimizer.iterations)) if self.clips else None

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Collect the logged mean loss, and the norms if the optimizer would overwrite them."""
        self.means.append(logs["loss"])
        if self.clips and self._steps - len(self.norms) == self.optimizer.gradient_norms.shape[0]:
            self._read_norms()

    @property
    def _steps(self) -> int:
        return len(self.means) // self.parts

    def _read_norms(self) -> None:
        """Read the norms of all steps since the last reading."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # otherwise its variables are empty during `fit`
        latest = self.optimizer.gradient_norms.numpy()
        steps = self.first + np.arange(len(self.norms), self._steps)
        self.norms.extend(latest[steps % len(latest)].tolist())

    def steps(self) -> Steps:
        """The steps' losses and norms. Loss k is k times the k-th mean minus (k − 1) times the one before."""
        sums = np.array([float(mean) for mean in self.means]) * np.arange(1, len(self.means) + 1)
        losses = np.diff(sums, prepend=0.0).reshape(-1, self.parts).mean(axis=1)
        if not self.clips:
            return Steps(losses, None)
        self._read_norms()
        return Steps(losses, np.array(self.norms))


def compile_for_fit(model: keras.Model, optimizer: RecipeOptimizer, *, by_xla: bool | str) -> None:
    """Compile a model for `fit`, with the mean cross-entropy over all labels of a batch as its loss."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss, jit_compile=by_xla)


def fit_in_order(model: keras.Model, examples: np.ndarray, labels: np.ndarray, *, batch_size: int) -> Steps:
    """Train for one pass over the data, in its order."""
    recorder = Recorder(model.optimizer)
    model.fit(examples, labels, batch_size=batch_size, verbose=0, shuffle=False, callbacks=[recorder])
    return recorder.steps()


def configure(precision: str) -> None:
    """Set Keras's precision and its order of axes, whatever ~/.keras contains."""
    keras.config.set_floatx(precision)
    keras.config.set_dtype_policy(precision)
    keras.config.set_image_data_format("channels_last")


class KerasTrainer:
    """See `frameworks.trainer.Trainer`. Each backend adds

    - `_prepare_fused()`: copies to the device what the fused execution needs;
    - `_compile_fused(batch_size)`: compiles the fused execution for a batch size, once;
    - `_run(batches, coefficients)`: the fused steps, with the rows of `_coefficients`; returns losses and,
      if the optimizer clips, gradient norms, [steps, 1 or 2];
    - `_load_fused(batches)`: `load_batches` of the fused execution;
    - `_batches(examples, labels, **settings)`: of one epoch after the other without end, the batches as they
      come out of the input pipeline of `fit`, which takes the same settings;
    - `_on_device(examples)`: a copy of an array on the device;
    - `_forward(examples)`: outputs in evaluation mode, of what `_on_device` returns.
    """

    fit_by_xla: bool | str = "auto"
    """Whether XLA compiles `fit`; Keras decides where it is `auto`."""

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
        self.spec, self.input_shape, self.settings = layers, examples.shape[1:], optimizer
        self.precision, self.execution = precision, execution
        self.model, self.outputs, self.variables = build_model(layers, self.input_shape)
        self.shapes = parameter_shapes(layers, self.input_shape)
        alone = optimizer.model_copy(update={"accumulation": 1})  # the fused steps add up by themselves
        self.optimizer = RecipeOptimizer(optimizer if execution == "idiomatic" else alone)
        self.optimizer.build(self.model.trainable_variables)
        self.examples, self.labels = as_precision(examples, precision), labels
        self.first = 0
        most = rows(layers, self.input_shape)
        self.parts = Parts(most, lambda part: self._on_device(as_precision(part, precision)))
        if execution == "idiomatic":
            compile_for_fit(self.model, self.optimizer, by_xla=self.fit_by_xla)
        else:
            self._prepare_fused()

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Set the parameters, clear the optimizer's state and count steps from 0."""
        for name, variable in self.variables.items():
            load(variable, parameters[name])
        self.optimizer.reset()
        self.first = 0

    def retune(self, optimizer: Optimizer) -> None:
        """Take another learning rate, which is an input of the fused steps."""
        self.settings = self.settings.retuned(optimizer)

    def parameters(self) -> dict[str, np.ndarray]:
        """The present parameters."""
        return {name: self._array(name, variable) for name, variable in self.variables.items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's present state, by `<slot> <name of the trained parameter>`."""
        names = {id(variable): name for name, variable in self.variables.items()}
        arrays = {}
        for variable, slots in zip(self.model.trainable_variables, self.optimizer.slots, strict=True):
            name = names[id(variable)]
            for slot, state in zip(self.settings.slots, slots, strict=True):
                arrays[f"{slot} {name}"] = self._array(name, state)
        return arrays

    def _array(self, name: str, variable: keras.Variable) -> np.ndarray:
        """A copy of a variable, in the shape of the parameter tree."""
        return np.array(keras.ops.convert_to_numpy(variable.value)).reshape(self.shapes[name])

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes]."""
        return np.concatenate([np.asarray(self._forward(part)) for part in self.parts.of(examples)])

    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, by path."""
        watched = keras.Model(self.model.input, self.outputs)
        outputs = self._observed(watched, as_precision(examples, self.precision))
        return {path: np.array(keras.ops.convert_to_numpy(output)) for path, output in outputs.items()}

    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        return watched(examples, training=True)

    def compile(self, batch_size: int) -> float | None:
        """Compile the fused steps; returns seconds, or None for `fit`, which compiles in its first step."""
        if self.execution == "idiomatic":
            return None
        start = time.perf_counter()
        self._compile_fused(batch_size)
        return time.perf_counter() - start

    def train(self, batches: np.ndarray) -> Steps:
        """One step for each row of `batches` [steps, B]."""
        if self.execution == "idiomatic":
            size = self._in_micro_batches(batches.shape[1])["batch_size"]
            return fit_in_order(self.model, *self._in_order(batches), batch_size=size)
        self._compile_fused(batches.shape[1])
        metrics = self._run(batches, self._coefficients(self.first, len(batches)))
        self.first += len(batches)
        return Steps(metrics[:, 0], metrics[:, 1] if self.settings.clip_norm else None)

    def _coefficients(self, first: int, count: int) -> np.ndarray:
        """The coefficients of `count` steps from the step `first` on, [count, …]."""
        return self.settings.coefficients(first, count).astype(self.precision)

    def _in_order(self, batches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The examples and labels of batches, one after the other."""
        order = batches.reshape(-1)
        return self.examples[order], self.labels[order]

    def load_batches(self, batches: np.ndarray) -> Loaded:
        """Pass batches through the input pipeline without training."""
        if self.execution == "fused":
            return self._load_fused(batches)
        settings = self._in_micro_batches(batches.shape[1])
        epochs = self._batches(*self._in_order(batches), shuffle=False, **settings)
        labels, last = [], deque(maxlen=self.settings.accumulation)
        for x, y in next(epochs):
            labels.append(keras.ops.convert_to_numpy(y))
            last.append(x)
        together = np.concatenate(labels).reshape(*batches.shape, *self.labels.shape[1:])
        return Loaded(together, lambda: np.concatenate([keras.ops.convert_to_numpy(x) for x in last]))

    def fit(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """`model.fit` on the arrays of examples and labels, shuffled anew for each pass over them."""
        settings = self._in_micro_batches(batch_size, steps) | {"epochs": MOST_EPOCHS, "verbose": 0}
        self.model.fit(self.examples, self.labels, callbacks=[Epochs(go_on)], **settings)

    def _in_micro_batches(self, batch_size: int, steps: int | None = None) -> dict[str, int | None]:
        """The size and the number of those that `fit` sees as its batches in an epoch."""
        n = self.settings.accumulation
        if batch_size % n:
            raise ValueError(f"a batch of {batch_size} does not divide into {n} micro-batches")
        return {"batch_size": batch_size // n, "steps_per_epoch": steps and steps * n}

    def load(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Pass what `fit` trains on through its input pipeline without training."""
        settings = self._in_micro_batches(batch_size, steps)
        epochs = self._batches(self.examples, self.labels, shuffle=True, **settings)
        in_epoch = settings["steps_per_epoch"] or math.ceil(len(self.labels) / settings["batch_size"])
        for _ in in_epochs(epochs, in_epoch, go_on):
            pass
