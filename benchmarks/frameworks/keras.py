"""Keras on TensorFlow: `model.fit` on arrays, or one compiled loop over many steps.

XLA compiles the loop, except for models with convolutions on a CPU, which run as a TensorFlow graph.
"""

import functools
import os
from collections.abc import Iterator

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
from benchmarks.frameworks.keras_parts.imports import without

with without("jax", "torch", "pandas", "sklearn", "matplotlib"):
    import keras
    import tensorflow as tf
    from keras.src.backend.tensorflow.trainer import TFEpochIterator

import numpy as np

from benchmarks.frameworks.keras_parts import operations, trainer, xla
from benchmarks.frameworks.keras_parts.blocks import block_rows, blocks, has_convolution
from benchmarks.frameworks.keras_parts.optimizer import fused_step
from benchmarks.frameworks.trainer import Device, Loaded, Repeated, tells_of_memory


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and precision before TensorFlow starts; TF32 is off."""
    xla.add_flags(xla.KEEP_ROUNDING)
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
    """The settings in force in this process, as TensorFlow reports them."""
    return {
        "intra_op_threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op_threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
        "xla": "both executions" if device().kind == "gpu" else "fused, models without convolution",
        "xla_flags": os.environ["XLA_FLAGS"],
        "floatx": keras.config.floatx(),
        "gpu_memory_growth": os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true",
    }


def synchronise() -> None:
    """Wait until the device has computed everything."""
    tf.test.experimental.sync_devices()


def product(size: int, precision: str) -> Repeated:
    """See `frameworks`."""
    return operations.product(size, precision, wait=lambda _: synchronise())


def scaling(n: int, precision: str) -> Repeated:
    """See `frameworks`."""
    return operations.scaling(n, precision, wait=lambda _: synchronise())


def reset_peak_memory() -> None:
    """Reset TensorFlow's GPU peak counter."""
    if device().kind == "gpu":
        tf.config.experimental.reset_memory_stats("GPU:0")


def peak_memory_mib() -> float | None:
    """TensorFlow's GPU peak in MiB; None on a CPU, where TensorFlow would report 0."""
    if device().kind == "cpu":
        return None
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20


def is_out_of_memory(error: Exception) -> bool:
    """Whether this error of TensorFlow means that memory ran out."""
    return isinstance(error, tf.errors.ResourceExhaustedError) or tells_of_memory(error)


compiled = functools.partial(tf.function, autograph=False)
"""Loops are written as TensorFlow's own here, so that nothing has to be translated, which takes time."""


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`."""

    @property
    def fit_by_xla(self) -> bool:
        """Left to itself, Keras would go by the machine's GPUs even where the study hides them."""
        return device().kind == "gpu"

    def _prepare_fused(self) -> None:
        self.use_xla = device().kind == "gpu" or not has_convolution(self.spec, self.input_shape)
        self._examples, self._labels = tf.constant(self.examples), tf.constant(self.labels)
        self._compiled: dict[int, tf.types.experimental.PolymorphicFunction] = {}
        self._gathers: dict[tuple[int, int], tf.types.experimental.PolymorphicFunction] = {}

    def _compile_fused(self, batch_size: int) -> None:
        if batch_size not in self._compiled:
            self._compiled[batch_size] = compiled(self._block, jit_compile=self.use_xla)
            rows = block_rows(batch_size)
            no_step = np.zeros((rows, batch_size), np.int32), np.zeros((rows, 3), self.precision)
            self._run_block(*no_step, 0).numpy()

    def _on_device(self, examples: np.ndarray) -> tf.Tensor:
        return tf.constant(examples)

    def _forward(self, examples: tf.Tensor) -> tf.Tensor:
        return self._evaluated(examples)

    @functools.cached_property
    def _evaluated(self) -> tf.types.experimental.PolymorphicFunction:
        return compiled(lambda x: self.model(x, training=False), reduce_retracing=True)

    def _batches(self, examples: np.ndarray, labels: np.ndarray, **settings) -> Iterator[Iterator[tuple]]:
        strategy = tf.distribute.get_strategy()
        epoch = TFEpochIterator(x=examples, y=labels, distribute_strategy=strategy, **settings)
        while True:
            yield (next(iterator) for *_, iterator in epoch)

    def _run(self, batches: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        padded = blocks(batches, coefficients, block_rows(batches.shape[1]))
        results = [(self._run_block(*block), block[-1]) for block in padded]
        return np.concatenate([metrics[:count].numpy() for metrics, count in results])

    def _run_block(self, batches: np.ndarray, coefficients: np.ndarray, count: int) -> tf.Tensor:
        block = self._compiled[batches.shape[1]]
        return block(tf.constant(batches), tf.constant(coefficients), tf.constant(count))

    def _block(self, batches: tf.Tensor, coefficients: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """One step for each of the first `count` rows of a block, in one compiled loop; their metrics."""
        variables = self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.slots
        state = tf.nest.map_structure(lambda variable: tf.identity(variable.value), list(variables))
        metrics = tf.zeros((batches.shape[0], 2 if self.settings.clip_norm else 1), self.precision)

        def body(row: tf.Tensor, state: list, metrics: tf.Tensor) -> tuple:
            of_step, state = self._step(batches[row], coefficients[row], *state)
            return row + 1, state, tf.tensor_scatter_nd_update(metrics, [[row]], [of_step])

        start = tf.constant(0), state, metrics
        _, state, metrics = tf.while_loop(lambda row, *_: row < count, body, start)
        for variable, value in zip(tf.nest.flatten(variables), tf.nest.flatten(state), strict=True):
            variable.value.assign(value)
        return metrics

    def _step(
        self, batch: tf.Tensor, coefficients: tf.Tensor, trained: list, averages: list, slots: list
    ) -> tuple[tf.Tensor, list]:
        """One step as a function of the state: its metrics (loss, and norm if it clips) and the new state."""
        loss, gradients, averages = self._accumulated(batch, trained, averages)
        metrics, trained, slots = fused_step(self.settings, loss, gradients, trained, slots, coefficients)
        return tf.stack(metrics), [trained, averages, slots]

    def _accumulated(
        self, batch: tf.Tensor, trained: list, averages: list
    ) -> tuple[tf.Tensor, list[tf.Tensor], list]:
        """The mean loss and the mean gradients of a batch's micro-batches, and the averages after them."""
        n = self.settings.accumulation
        if n == 1:
            return self._gradients(batch, trained, averages)
        parts = tf.reshape(batch, (n, -1))

        def body(row: tf.Tensor, total: list, averages: list) -> tuple:
            loss, gradients, averages = self._gradients(parts[row], trained, averages)
            return (
                row + 1,
                [one + more for one, more in zip(total, [loss, *gradients], strict=True)],
                averages,
            )

        zeros = [tf.zeros((), self.precision), *map(tf.zeros_like, trained)]
        start = tf.constant(0), zeros, averages
        # One after the other: several at once would take the memory of several.
        _, total, averages = tf.while_loop(lambda row, *_: row < n, body, start, parallel_iterations=1)
        loss, *gradients = [each / n for each in total]
        return loss, gradients, averages

    def _gradients(
        self, batch: tf.Tensor, trained: list, averages: list
    ) -> tuple[tf.Tensor, list[tf.Tensor], list]:
        """The loss and the gradients of a micro-batch, and the running averages after it."""
        x, labels = tf.gather(self._examples, batch), tf.gather(self._labels, batch)
        with tf.GradientTape() as tape:
            tape.watch(trained)
            logits, averages = self.model.stateless_call(trained, averages, x, training=True)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
            loss = tf.reduce_mean(each)
        return loss, [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, trained)], averages

    def _load_fused(self, batches: np.ndarray) -> Loaded:
        """Gather the examples and labels as the compiled loop does, without its steps."""
        if batches.shape not in self._gathers:
            self._gathers[batches.shape] = compiled(self._gather_all, jit_compile=self.use_xla)
            self._gathers[batches.shape](tf.constant(batches))
        last, labels = self._gathers[batches.shape](tf.constant(batches))
        return Loaded(labels.numpy(), last.numpy)

    def _gather_all(self, batches: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Each batch is part of the loop's state, so that no gather is optimised away."""

        def body(row: tf.Tensor, _, labels: tf.Tensor) -> tuple:
            of_batch = tf.gather(self._labels, batches[row])
            labels = tf.tensor_scatter_nd_update(labels, [[row]], [of_batch])
            return row + 1, tf.gather(self._examples, batches[row]), labels

        x = tf.zeros((batches.shape[1], *self.examples.shape[1:]), self._examples.dtype)
        labels = tf.zeros((*batches.shape, *self.labels.shape[1:]), self._labels.dtype)
        start = tf.constant(0), x, labels
        _, x, labels = tf.while_loop(lambda row, *_: row < batches.shape[0], body, start)
        return x, labels
