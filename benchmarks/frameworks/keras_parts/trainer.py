"""The part of a trainer that is the same on every backend of Keras, `model.fit` included."""

import time

import keras
import numpy as np
from keras.src.backend.common import dtypes

from benchmarks.frameworks.keras_parts.model import build_model, load
from benchmarks.frameworks.keras_parts.optimizer import RecipeOptimizer
from benchmarks.frameworks.trainer import EVALUATION_BATCH, Execution, Steps, as_precision
from benchmarks.models.layer import Spec
from benchmarks.models.parameters import parameter_shapes
from benchmarks.recipe.optimizer import Optimizer


def promote_to(precision: str) -> None:
    """What an operation in float64 gives: float64 only where the training is in that precision.

    Keras halves 64 bits "to be aligned with JAX's default behavior", whatever `floatx` and the dtype policy
    say: every norm on JAX, and nearly every operation on PyTorch, computes in float32. There is no public
    setting; this is the table that its `result_type` ends with.
    """
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = precision


class Recorder(keras.callbacks.Callback):
    """Keeps what `fit` logs after each step, the mean loss since the start, and the gradient's norm.

    A step waits for nothing: what is logged stays on the device until the end, and the norms are read from
    the optimizer then, or when it is about to forget them.
    """

    def __init__(self, optimizer: RecipeOptimizer) -> None:
        super().__init__()
        self.optimizer, self.means, self.norms = optimizer, [], []
        self.clips = optimizer.settings.clip_norm is not None
        self.first = int(optimizer.iterations.numpy()) if self.clips else None

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Hold on to the numbers."""
        self.means.append(logs["loss"])
        if self.clips and len(self.means) - len(self.norms) == self.optimizer.gradient_norms.shape[0]:
            self._read_norms()

    def _read_norms(self) -> None:
        """Take over the norms of the steps since they were last read."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # during `fit` its variables are empty otherwise
        kept = self.optimizer.gradient_norms.numpy()
        steps = self.first + np.arange(len(self.norms), len(self.means))
        self.norms.extend(kept[steps % len(kept)].tolist())

    def steps(self) -> Steps:
        """The loss of a step is k times the k-th mean, less (k − 1) times the one before."""
        sums = np.array([float(mean) for mean in self.means]) * np.arange(1, len(self.means) + 1)
        losses = np.diff(sums, prepend=0.0)
        if not self.clips:
            return Steps(losses, None)
        self._read_norms()
        return Steps(losses, np.array(self.norms))


def compile_for_fit(model: keras.Model, optimizer: RecipeOptimizer) -> None:
    """The loss is the mean over all labels of a batch."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)


def fit(model: keras.Model, *data, **settings) -> Steps:
    """One pass over the data in the order given."""
    recorder = Recorder(model.optimizer)
    model.fit(*data, epochs=1, verbose=0, shuffle=False, callbacks=[recorder], **settings)
    return recorder.steps()


def configure(precision: str) -> None:
    """What Keras itself is told: the type of numbers, and the order of axes, whatever ~/.keras says."""
    keras.config.set_floatx(precision)
    keras.config.set_dtype_policy(precision)
    keras.config.set_image_data_format("channels_last")


class KerasTrainer:
    """See `frameworks.trainer.Trainer`. A backend adds

    - `_prepare_fused()`: what the fused execution keeps on the device;
    - `_compile_fused(batch_size)`: build what it runs, once;
    - `_run(batches, coefficients)`: its steps, with the rows of `_coefficients`; their loss, and their
      gradient norm where there is clipping, [steps, 1 or 2];
    - `_read_fused(batches)`: its gathers alone;
    - `_iterate(batches)`: the input of `fit` alone; `_pipeline(batches)`, where it is not arrays;
    - `_forward(examples)`: outputs in evaluation mode.
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
        self.spec, self.input_shape, self.settings = layers, examples.shape[1:], optimizer
        self.precision, self.execution = precision, execution
        self.model, self.outputs, self.variables = build_model(layers, self.input_shape)
        self.shapes = parameter_shapes(layers, self.input_shape)
        self.optimizer = RecipeOptimizer(optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self.examples, self.labels = as_precision(examples, precision), labels
        self.first = 0
        if execution == "idiomatic":
            compile_for_fit(self.model, self.optimizer)
        else:
            self._prepare_fused()

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters, forget the optimizer's state, count steps from 0."""
        for name, variable in self.variables.items():
            load(variable, parameters[name])
        self.optimizer.reset()
        self.first = 0

    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they stand."""
        return {name: self._array(name, variable) for name, variable in self.variables.items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's state as it stands, by `<slot> <name of the trained parameter>`."""
        names = {id(variable): name for name, variable in self.variables.items()}
        found = {}
        for variable, slots in zip(self.model.trainable_variables, self.optimizer.slots, strict=True):
            name = names[id(variable)]
            for slot, state in zip(self.settings.slots, slots, strict=True):
                found[f"{slot} {name}"] = self._array(name, state)
        return found

    def _array(self, name: str, variable: keras.Variable) -> np.ndarray:
        """A copy, which later steps leave as it is."""
        return np.array(keras.ops.convert_to_numpy(variable.value)).reshape(self.shapes[name])

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes]."""
        examples = as_precision(examples, self.precision)
        parts = range(0, len(examples), EVALUATION_BATCH)
        return np.concatenate(
            [np.asarray(self._forward(examples[at : at + EVALUATION_BATCH])) for at in parts]
        )

    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, by path."""
        watched = keras.Model(self.model.input, self.outputs)
        found = self._observed(watched, as_precision(examples, self.precision))
        return {path: np.array(keras.ops.convert_to_numpy(output)) for path, output in found.items()}

    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        return watched(examples, training=True)

    def compile(self, batch_size: int) -> float | None:
        """Seconds to build the fused function; None for `fit`, whose first step does so."""
        if self.execution == "idiomatic":
            return None
        start = time.perf_counter()
        self._compile_fused(batch_size)
        return time.perf_counter() - start

    def train(self, batches: np.ndarray) -> Steps:
        """One step per row of `batches`."""
        if self.execution == "idiomatic":
            data, settings = self._pipeline(batches)
            return fit(self.model, *data, **settings)
        self._compile_fused(batches.shape[1])
        numbers = self._run(batches, self._coefficients(self.first, len(batches)))
        self.first += len(batches)
        return Steps(numbers[:, 0], numbers[:, 1] if self.settings.clip_norm else None)

    def _coefficients(self, first: int, count: int) -> np.ndarray:
        """What the steps from the `first` on are given, [count, …]."""
        return self.settings.coefficients(first, count).astype(self.precision)

    def _pipeline(self, batches: np.ndarray) -> tuple[tuple, dict]:
        """What `fit` is given: data, and settings."""
        order = batches.reshape(-1)
        return (self.examples[order], self.labels[order]), {"batch_size": batches.shape[1]}

    def read(self, batches: np.ndarray) -> np.ndarray:
        """Pass the same batches through the input pipeline alone; the labels that came through."""
        return self._iterate(batches) if self.execution == "idiomatic" else self._read_fused(batches)
