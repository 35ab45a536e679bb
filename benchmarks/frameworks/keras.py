"""Keras on TensorFlow, as `model.fit` over `tf.data` or as one XLA-compiled loop over many steps."""

import os
import sys
import time

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
# Keras imports these where they are installed, for conversions that are not used here. Without them it
# starts sooner, and its memory does not depend on what else an environment holds.
for unused in ("jax", "pandas", "sklearn"):
    sys.modules.setdefault(unused, None)

import keras
import numpy as np
import tensorflow as tf

from benchmarks.frameworks.trainer import EVALUATION_BATCH, Device, Execution
from benchmarks.models.layers import (
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    ReLU,
    Shape,
    Spec,
    input_shapes,
)
from benchmarks.recipe.optimizer import Momentum


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers before TensorFlow starts; TF32 is off."""
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    keras.config.set_floatx(precision)
    if device == "cpu":
        tf.config.set_visible_devices([], "GPU")


def device() -> Device:
    """The device that TensorFlow computes on."""
    gpus = tf.config.get_visible_devices("GPU")
    if not gpus:
        return Device("cpu", "CPU")
    return Device("gpu", tf.config.experimental.get_device_details(gpus[0])["device_name"])


def switches() -> dict:
    """What is switched on and off in this process, as TensorFlow reports it."""
    return {
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "xla": "fused" if device().kind == "gpu" else "fused, models without convolution",
        "floatx": keras.config.floatx(),
        "gpu_memory_growth": os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true",
    }


def synchronise() -> None:
    """Wait until everything asked of the device is computed."""
    tf.test.experimental.sync_devices()


def reset_peak_memory() -> None:
    """Start the framework's own GPU peak counter anew."""
    if device().kind == "gpu":
        tf.config.experimental.reset_memory_stats("GPU:0")


def peak_memory_mib() -> float | None:
    """The framework's own GPU peak in MiB; None on a CPU, where TensorFlow would report 0."""
    if device().kind == "cpu":
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20


def is_out_of_memory(error: Exception) -> bool:
    """Whether TensorFlow says with this error that memory ran out."""
    return isinstance(error, tf.errors.ResourceExhaustedError | MemoryError)


class HeavyBall(keras.optimizers.Optimizer):
    """`recipe.optimizer.Momentum`; Keras's own SGD holds the learning rate inside the velocity."""

    def __init__(self, settings: Momentum) -> None:
        super().__init__(learning_rate=settings.learning_rate, name="heavy_ball")
        self.settings = settings

    def build(self, variables: list) -> None:
        """Make one velocity for each trained variable."""
        if not self.built:
            super().build(variables)
            self.velocities = [self.add_variable_from_reference(v, name="velocity") for v in variables]

    def update_step(self, gradient, variable, learning_rate) -> None:
        """v ← μ v + g, θ ← θ − η v on a `tf.Variable`, in TensorFlow's kernel that computes just this."""
        velocity = self.velocities[self._get_variable_index(variable)]
        tf.raw_ops.ResourceApplyMomentum(
            var=variable.handle,
            accum=velocity.value.handle,
            lr=tf.cast(learning_rate, gradient.dtype),
            grad=gradient,
            momentum=tf.constant(self.settings.momentum, gradient.dtype),
            use_locking=False,
            use_nesterov=False,
        )


def native_layer(layer: Layer, shape: Shape) -> keras.Layer:
    """The Keras layer that computes what the spec says."""
    match layer:
        case Dense():
            return keras.layers.Dense(layer.units)
        case Conv():
            return keras.layers.Conv2D(layer.filters, layer.size, padding="same", use_bias=layer.bias)
        case BatchNorm():
            return keras.layers.BatchNormalization(momentum=layer.momentum, epsilon=layer.epsilon)
        case ReLU():
            return keras.layers.ReLU()
        case MaxPool():
            return keras.layers.MaxPooling2D(layer.window(shape))
        case Flatten():
            return keras.layers.Flatten()


def build_model(layers: Spec, input_shape: Shape) -> tuple[keras.Model, dict[str, keras.Variable]]:
    """An ordinary Keras model, and its variables by the names of the parameter tree."""
    shapes = input_shapes(layers, input_shape)
    native = [native_layer(layer, shape) for layer, shape in zip(layers, shapes, strict=True)]
    model = keras.Sequential([keras.Input(input_shape), *native])
    variables = {
        f"{index}.{variable.name}": variable
        for index, layer in enumerate(native)
        for variable in layer.variables
    }
    return model, variables


class RunningMeans(keras.callbacks.Callback):
    """Keeps what `fit` logs after each step, the mean loss since the start, without waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self.means: list = []

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Hold on to the tensor."""
        self.means.append(logs["loss"])

    def losses(self) -> np.ndarray:
        """The loss of each single step: k times the k-th mean, less (k − 1) times the one before."""
        sums = np.array([float(mean) for mean in self.means]) * np.arange(1, len(self.means) + 1)
        return np.diff(sums, prepend=0.0)


def block_rows(batch_size: int) -> int:
    """Steps in one call of the compiled loop: many where a step is short, one where it is long."""
    return max(1, min(512, 65536 // batch_size))


class Trainer:
    """See `frameworks.trainer.Trainer`.

    The fused loop is compiled by XLA, except for convolutions on a CPU: there XLA has no threaded
    convolution inside a loop and is slower than TensorFlow's own graph by orders of magnitude.
    """

    def __init__(
        self,
        *,
        layers: Spec,
        input_shape: Shape,
        optimizer: Momentum,
        examples: np.ndarray,
        labels: np.ndarray,
        precision: str,
        execution: Execution,
    ) -> None:
        self.model, self.variables = build_model(layers, input_shape)
        self.optimizer = HeavyBall(optimizer)
        self.optimizer.build(self.model.trainable_variables)
        self.examples, self.labels = examples.astype(precision, copy=False), labels
        self.precision = precision
        self.use_xla = device().kind == "gpu" or not any(isinstance(layer, Conv) for layer in layers)
        self._forward = tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)
        if execution == "idiomatic":
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            self.model.compile(optimizer=self.optimizer, loss=loss)
            self.train, self.read = self._fit, self._iterate
        else:
            self._examples, self._labels = tf.constant(self.examples), tf.constant(self.labels)
            self._compiled: dict[int, tf.types.experimental.PolymorphicFunction] = {}
            self._gathers: dict[tuple[int, int], tf.types.experimental.PolymorphicFunction] = {}
            self.train, self.read = self._train_fused, self._read_fused

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters and forget the optimizer's state."""
        for name, variable in self.variables.items():
            variable.assign(parameters[name].astype(self.precision))
        for velocity in self.optimizer.velocities:
            velocity.assign(np.zeros(velocity.shape, self.precision))

    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they stand."""
        return {name: variable.numpy() for name, variable in self.variables.items()}

    def velocity(self) -> dict[str, np.ndarray]:
        """The optimizer's state as it stands."""
        names = [name for name, variable in self.variables.items() if variable.trainable]
        return {name: v.numpy() for name, v in zip(names, self.optimizer.velocities, strict=True)}

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes]."""
        parts = range(0, len(examples), EVALUATION_BATCH)
        cut = [examples[at : at + EVALUATION_BATCH].astype(self.precision) for at in parts]
        return np.concatenate([self._forward(part).numpy() for part in cut])

    def compile(self, batch_size: int) -> float | None:
        """Seconds to trace and compile the fused function; None for `fit`, whose first step does both."""
        if self.train == self._fit:
            return None
        start = time.perf_counter()
        if batch_size not in self._compiled:
            self._compiled[batch_size] = tf.function(self._block, jit_compile=self.use_xla)
            no_step = np.zeros((block_rows(batch_size), batch_size), np.int32)
            self._compiled[batch_size](tf.constant(no_step), tf.constant(0)).numpy()
        return time.perf_counter() - start

    def _pipeline(self, batches: np.ndarray) -> tf.data.Dataset:
        """The examples in the order of the batch stream, batched and prefetched by `tf.data`."""
        order = batches.reshape(-1)
        data = tf.data.Dataset.from_tensor_slices((self.examples[order], self.labels[order]))
        return data.batch(batches.shape[1]).prefetch(tf.data.AUTOTUNE)

    def _fit(self, batches: np.ndarray) -> np.ndarray:
        means = RunningMeans()
        self.model.fit(self._pipeline(batches), epochs=1, verbose=0, shuffle=False, callbacks=[means])
        return means.losses()

    def _iterate(self, batches: np.ndarray) -> None:
        for _ in self._pipeline(batches):
            pass

    def _train_fused(self, batches: np.ndarray) -> np.ndarray:
        """Run whole blocks; the rows that fill up the last one are not trained on."""
        self.compile(batches.shape[1])
        block, rows = self._compiled[batches.shape[1]], block_rows(batches.shape[1])
        losses = []
        for start in range(0, len(batches), rows):
            part = batches[start : start + rows]
            padded = np.pad(part, ((0, rows - len(part)), (0, 0)))
            losses.append(block(tf.constant(padded), tf.constant(len(part)))[: len(part)])
        return np.concatenate([part.numpy() for part in losses])

    def _block(self, batches: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """The first `count` rows of a block, one step each, in one compiled loop; their losses."""
        variables = [
            self.model.trainable_variables,
            self.model.non_trainable_variables,
            self.optimizer.velocities,
        ]
        state = tuple([tf.identity(v.value) for v in group] for group in variables)
        losses = tf.zeros(batches.shape[0], self.precision)

        def body(row: tf.Tensor, state: tuple, losses: tf.Tensor) -> tuple:
            loss, state = self._step(batches[row], *state)
            return row + 1, state, tf.tensor_scatter_nd_update(losses, [[row]], [loss])

        _, state, losses = tf.while_loop(lambda row, *_: row < count, body, (tf.constant(0), state, losses))
        for group, values in zip(variables, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.value.assign(value)
        return losses

    def _step(self, batch: tf.Tensor, trained: list, averages: list, velocities: list) -> tuple:
        """One step of `recipe.optimizer.Momentum` as a function from state to state."""
        settings = self.optimizer.settings
        x, labels = tf.gather(self._examples, batch), tf.gather(self._labels, batch)
        with tf.GradientTape() as tape:
            tape.watch(trained)
            logits, averages = self.model.stateless_call(trained, averages, x, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(each)
        gradients = tape.gradient(loss, trained)
        velocities = [settings.momentum * v + g for v, g in zip(velocities, gradients, strict=True)]
        trained = [t - settings.learning_rate * v for t, v in zip(trained, velocities, strict=True)]
        return loss, (trained, averages, velocities)

    def _read_fused(self, batches: np.ndarray) -> None:
        """The gathers of the compiled loop, without the steps."""
        if batches.shape not in self._gathers:
            self._gathers[batches.shape] = tf.function(self._gather_all, jit_compile=self.use_xla)
            self._gathers[batches.shape](tf.constant(batches))
        self._gathers[batches.shape](tf.constant(batches)).numpy()

    def _gather_all(self, batches: tf.Tensor) -> tf.Tensor:
        """Each batch replaces the one before in the loop's state, so that none is left out."""

        def body(row: tf.Tensor, *_) -> tuple:
            return row + 1, tf.gather(self._examples, batches[row]), tf.gather(self._labels, batches[row])

        shape = (batches.shape[1], *self.examples.shape[1:])
        state = tf.constant(0), tf.zeros(shape, self.precision), tf.zeros(shape[:1], self._labels.dtype)
        _, x, _ = tf.while_loop(lambda row, *_: row < batches.shape[0], body, state)
        return tf.reduce_sum(x)
