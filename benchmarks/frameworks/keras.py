"""Keras on TensorFlow, as `model.fit` over `tf.data` or as one compiled loop over many steps.

XLA compiles the loop, except for convolutions on a CPU, where it is TensorFlow's own graph.
"""

import functools
import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
from benchmarks.frameworks.keras_parts.imports import without

with without("jax", "torch", "pandas", "sklearn", "matplotlib"):
    import keras
    import tensorflow as tf

import numpy as np

from benchmarks.frameworks.keras_parts import trainer
from benchmarks.frameworks.keras_parts.blocks import block_rows, blocks, has_convolution
from benchmarks.frameworks.keras_parts.optimizer import clipped
from benchmarks.frameworks.trainer import Device


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers before TensorFlow starts; TF32 is off."""
    tf.get_logger().setLevel("ERROR")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.experimental.enable_tensor_float_32_execution(False)
    trainer.configure(precision)
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


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`."""

    def _prepare_fused(self) -> None:
        self.use_xla = device().kind == "gpu" or not has_convolution(self.spec, self.input_shape)
        self._examples, self._labels = tf.constant(self.examples), tf.constant(self.labels)
        self._compiled: dict[int, tf.types.experimental.PolymorphicFunction] = {}
        self._gathers: dict[tuple[int, int], tf.types.experimental.PolymorphicFunction] = {}

    def _compile_fused(self, batch_size: int) -> None:
        if batch_size not in self._compiled:
            self._compiled[batch_size] = tf.function(self._block, jit_compile=self.use_xla)
            rows = block_rows(batch_size)
            no_step = np.zeros((rows, batch_size), np.int32), np.zeros((rows, 3), self.precision)
            self._run_block(*no_step, 0).numpy()

    def _forward(self, examples: np.ndarray) -> tf.Tensor:
        return self._evaluated(examples)

    @functools.cached_property
    def _evaluated(self) -> tf.types.experimental.PolymorphicFunction:
        return tf.function(lambda x: self.model(x, training=False), reduce_retracing=True)

    def _pipeline(self, batches: np.ndarray) -> tuple[tuple, dict]:
        return (self._dataset(batches),), {}

    def _dataset(self, batches: np.ndarray) -> tf.data.Dataset:
        """The examples in the order of the batch stream, batched and prefetched by `tf.data`."""
        order = batches.reshape(-1)
        data = tf.data.Dataset.from_tensor_slices((self.examples[order], self.labels[order]))
        return data.batch(batches.shape[1]).prefetch(tf.data.AUTOTUNE)

    def _iterate(self, batches: np.ndarray) -> np.ndarray:
        return np.stack([labels.numpy() for _, labels in self._dataset(batches)])

    def _run(self, batches: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        made = blocks(batches, coefficients, block_rows(batches.shape[1]))
        found = [(self._run_block(*block), block[-1]) for block in made]
        return np.concatenate([numbers[:count].numpy() for numbers, count in found])

    def _run_block(self, batches: np.ndarray, coefficients: np.ndarray, count: int) -> tf.Tensor:
        block = self._compiled[batches.shape[1]]
        return block(tf.constant(batches), tf.constant(coefficients), tf.constant(count))

    def _block(self, batches: tf.Tensor, coefficients: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """The first `count` rows of a block, one step each, in one compiled loop; their numbers."""
        variables = self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.slots
        state = tf.nest.map_structure(lambda variable: tf.identity(variable.value), list(variables))
        numbers = tf.zeros((batches.shape[0], 2 if self.settings.clip_norm else 1), self.precision)

        def body(row: tf.Tensor, state: list, numbers: tf.Tensor) -> tuple:
            found, state = self._step(batches[row], coefficients[row], *state)
            return row + 1, state, tf.tensor_scatter_nd_update(numbers, [[row]], [found])

        start = tf.constant(0), state, numbers
        _, state, numbers = tf.while_loop(lambda row, *_: row < count, body, start)
        for variable, value in zip(tf.nest.flatten(variables), tf.nest.flatten(state), strict=True):
            variable.value.assign(value)
        return numbers

    def _step(
        self, batch: tf.Tensor, coefficients: tf.Tensor, trained: list, averages: list, slots: list
    ) -> tuple[tf.Tensor, list]:
        """One step of the recipe as a function from state to state; its loss and gradient norm."""
        x, labels = tf.gather(self._examples, batch), tf.gather(self._labels, batch)
        with tf.GradientTape() as tape:
            tape.watch(trained)
            logits, averages = self.model.stateless_call(trained, averages, x, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(each)
        gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, trained)]
        numbers = [loss]
        if self.settings.clip_norm:
            gradients, norm = clipped(gradients, self.settings.clip_norm)
            numbers.append(norm)
        each = zip(trained, gradients, slots, strict=True)
        after = [self.settings.step(*of_one, coefficients) for of_one in each]
        return tf.stack(numbers), [[new for new, _ in after], averages, [state for _, state in after]]

    def _read_fused(self, batches: np.ndarray) -> np.ndarray:
        """The gathers of the compiled loop, without the steps."""
        if batches.shape not in self._gathers:
            self._gathers[batches.shape] = tf.function(self._gather_all, jit_compile=self.use_xla)
            self._gathers[batches.shape](tf.constant(batches))
        _, labels = self._gathers[batches.shape](tf.constant(batches))
        return labels.numpy()

    def _gather_all(self, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Each batch replaces the one before in the loop's state, so that none is left out."""

        def body(row: tf.Tensor, _, found: tf.Tensor) -> tuple:
            labels = tf.gather(self._labels, batches[row])
            found = tf.tensor_scatter_nd_update(found, [[row]], [labels])
            return row + 1, tf.gather(self._examples, batches[row]), found

        x = tf.zeros((batches.shape[1], *self.examples.shape[1:]), self._examples.dtype)
        found = tf.zeros((*batches.shape, *self.labels.shape[1:]), self._labels.dtype)
        start = tf.constant(0), x, found
        _, x, found = tf.while_loop(lambda row, *_: row < batches.shape[0], body, start)
        return tf.reduce_sum(x), found
