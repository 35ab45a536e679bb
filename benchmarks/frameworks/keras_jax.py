"""Keras on JAX: `model.fit` on arrays, or one compiled loop over many steps with data on the device."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from benchmarks.frameworks.keras_parts.imports import without

with without("tensorflow", "torch", "pandas", "sklearn", "matplotlib"):
    import keras
    from keras.src.backend.jax.trainer import JAXEpochIterator

import functools
from collections.abc import Iterator

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks.frameworks.keras_parts import operations, trainer, xla
from benchmarks.frameworks.keras_parts.blocks import block_rows, blocks, has_convolution
from benchmarks.frameworks.keras_parts.jax_programs import ONE_GRAPH, Parts, compiled, temporary_bytes
from benchmarks.frameworks.keras_parts.optimizer import fused_step
from benchmarks.frameworks.keras_parts.trainer import promote_to
from benchmarks.frameworks.trainer import Device, Loaded, Repeated, tells_of_memory

ONE_KERNEL = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1099511627776"
"""With this flag, XLA on a CPU compiles a loop whose body calls no library, as at batch size 1, into one
kernel. Otherwise it hands each operation to a thread, which takes longer than such an operation itself."""


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and precision before JAX starts, and the precision of Keras; TF32 is off.

    XLA reads the environment when the first array is created; NPROC is the number of threads with which it
    computes on a CPU.
    """
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    os.environ["NPROC"] = str(threads)
    xla.add_flags(ONE_KERNEL, xla.KEEP_ROUNDING)
    jax.config.update("jax_enable_x64", precision == "float64")
    jax.config.update("jax_default_matmul_precision", "highest")
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    trainer.configure(precision)
    promote_to(precision)


def device() -> Device:
    """The device that JAX computes on."""
    (first, *_) = jax.devices()
    return Device("cpu", "CPU") if first.platform == "cpu" else Device("gpu", first.device_kind)


def switches() -> dict:
    """The settings in force in this process, as JAX, Keras and the environment report them."""
    return {
        "xla_cpu_threads": int(os.environ["NPROC"]),
        "xla_flags": os.environ["XLA_FLAGS"],
        "xla_options_of_fused": ONE_GRAPH,
        "tf32": jax.config.jax_default_matmul_precision != "highest",
        "x64": jax.config.jax_enable_x64,
        "xla": "idiomatic and fused",
        "floatx": keras.config.floatx(),
        "gpu_memory_preallocated": os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true",
    }


def synchronise() -> None:
    """Wait until the device has computed everything."""
    jax.effects_barrier()
    jnp.zeros(()).block_until_ready()


def product(size: int, precision: str) -> Repeated:
    """See `frameworks`."""
    return operations.product(size, precision, wait=jax.block_until_ready)


def scaling(n: int, precision: str) -> Repeated:
    """See `frameworks`."""
    return operations.scaling(n, precision, wait=jax.block_until_ready)


_planned = {"temporary_bytes": 0}
"""The most that XLA takes, beside the arrays that exist, for any block of steps since the last reset."""


def reset_peak_memory() -> None:
    """Forget the blocks of steps that have run."""
    _planned["temporary_bytes"] = 0


def peak_memory_mib() -> float | None:
    """GPU memory in MiB of the arrays that exist and of what XLA took beside them; None on a CPU.

    The second part is XLA's own plan, by which it allocates. JAX's peak counter cannot be reset, and it also
    counts what XLA took while it compiled, to try which kernels are fast.
    """
    if device().kind == "cpu":
        return None
    return (jax.devices()[0].memory_stats()["bytes_in_use"] + _planned["temporary_bytes"]) / 2**20


def is_out_of_memory(error: Exception) -> bool:
    """Whether this error of JAX means that memory ran out."""
    return tells_of_memory(error)


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`.

    The fused execution is a compiled loop; for models with convolutions on a CPU it is a compiled step, whose
    micro-batches are programs of their own.
    """

    def _prepare_fused(self) -> None:
        self.in_one_loop = device().kind == "gpu" or not has_convolution(self.spec, self.input_shape)
        self._data = jnp.asarray(self.examples), jnp.asarray(self.labels)
        self._gathers = jax.jit(self._gather_all)
        self._compiled: dict[int, jax.stages.Compiled] = {}
        self._temporary_bytes: dict[int, int] = {}

    def _rows(self, batch_size: int) -> int:
        return block_rows(batch_size) if self.in_one_loop else 1

    def _compile_fused(self, batch_size: int) -> None:
        if batch_size not in self._compiled:
            rows = self._rows(batch_size)
            batches = jax.ShapeDtypeStruct((rows, batch_size), np.int32)
            coefficients = jax.ShapeDtypeStruct((rows, 3), self.precision)
            if self.settings.accumulation > 1 and not self.in_one_loop:
                self._compiled[batch_size] = self._in_parts(batches, coefficients)
                self._temporary_bytes[batch_size] = 0  # on a CPU nobody asks
                return
            block = self._block if self.in_one_loop else self._single
            given = self._state(), self._data, batches, coefficients, np.int32(0)
            self._compiled[batch_size] = compiled(block, *given, donated=0)
            self._temporary_bytes[batch_size] = temporary_bytes(self._compiled[batch_size])

    def _in_parts(self, batches: jax.ShapeDtypeStruct, coefficients: jax.ShapeDtypeStruct) -> Parts:
        """A step in one program would hold the activations of all its micro-batches at once."""
        n, state = self.settings.accumulation, self._state()
        trained, averages, _ = state
        of_part = jax.ShapeDtypeStruct((batches.shape[1] // n,), batches.dtype)
        total = jax.eval_shape(self._nothing, trained)
        return Parts(
            n,
            compiled(self._nothing, trained),
            compiled(self._add, (averages, total), trained, self._data, of_part, donated=0),
            compiled(self._update, state, total, coefficients, donated=0),
        )

    def _on_device(self, examples: np.ndarray) -> jax.Array:
        return jnp.array(examples)

    def _forward(self, examples: jax.Array) -> jax.Array:
        return self._evaluated(*_values(self.model), examples)

    @functools.cached_property
    def _evaluated(self):
        return jax.jit(lambda *values: self.model.stateless_call(*values, training=False)[0])

    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        """Compiled as a whole; otherwise JAX would compile every operation separately."""
        call = jax.jit(lambda *values: watched.stateless_call(*values, training=True)[0])
        return call(*_values(watched), examples)

    def _batches(self, examples: np.ndarray, labels: np.ndarray, **settings) -> Iterator[Iterator[tuple]]:
        epoch = JAXEpochIterator(examples, labels, **settings)
        while True:
            yield (next(iterator) for *_, iterator in epoch)

    def _variables(self) -> list:
        """All variables that a step changes."""
        return [self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.slots]

    def _state(self) -> list:
        return jax.tree.map(lambda variable: variable.value, self._variables())

    def _run(self, batches: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """The steps compute in place on the arrays of the variables, which get the results at the end."""
        batch_size = batches.shape[1]
        state, run, results = self._state(), self._compiled[batch_size], []
        for part, rows, count in blocks(batches, coefficients, self._rows(batch_size)):
            state, metrics = run(state, self._data, part, rows, np.int32(count))
            results.append((metrics, count))
        for variable, value in zip(jax.tree.leaves(self._variables()), jax.tree.leaves(state), strict=True):
            variable.assign(value)
        _planned["temporary_bytes"] = max(_planned["temporary_bytes"], self._temporary_bytes[batch_size])
        return np.concatenate([np.asarray(metrics)[:count] for metrics, count in results])

    def _single(self, state: list, data: tuple, batches, coefficients, count) -> tuple:
        """A block of one row, without a loop."""
        state, metrics = self._step(state, data, batches[0], coefficients[0])
        return state, metrics[jnp.newaxis]

    def _block(self, state: list, data: tuple, batches, coefficients, count) -> tuple:
        """One step for each of the first `count` rows of a block; the new state and the steps' metrics.

        Unlike in `lax.scan`, the length of the loop is an argument, so that it is compiled only once.
        """
        metrics = jnp.zeros((len(batches), 2 if self.settings.clip_norm else 1), self.precision)

        def body(row: jax.Array, carry: tuple) -> tuple:
            state, metrics = carry
            state, of_step = self._step(state, data, batches[row], coefficients[row])
            return state, metrics.at[row].set(of_step)

        return jax.lax.fori_loop(0, count, body, (state, metrics))

    def _step(self, state: list, data: tuple, batch: jax.Array, coefficients: jax.Array) -> tuple:
        """One step as a function of the state: the new state and its metrics (loss, and norm if it clips)."""
        trained, averages, slots = state
        averages, of_batch = self._accumulated(trained, averages, data, batch)
        return self._stepped([trained, averages, slots], of_batch, coefficients)

    def _stepped(self, state: list, of_batch: tuple, coefficients: jax.Array) -> tuple:
        """The same from the mean loss and the mean gradients of the batch."""
        (trained, averages, slots), (loss, gradients) = state, of_batch
        metrics, trained, slots = fused_step(self.settings, loss, gradients, trained, slots, coefficients)
        return [trained, averages, slots], jnp.stack(metrics)

    def _accumulated(self, trained: list, averages: list, data: tuple, batch: jax.Array) -> tuple:
        """The averages after a batch's micro-batches, and their mean loss and mean gradients."""
        n = self.settings.accumulation
        if n == 1:
            return self._gradients(trained, averages, data, batch)

        def add(so_far: tuple, part: jax.Array) -> tuple:
            return self._add(so_far, trained, data, part), None

        start = averages, self._nothing(trained)
        (averages, total), _ = jax.lax.scan(add, start, batch.reshape(n, -1))
        return averages, self._mean(total)

    def _nothing(self, trained: list) -> tuple:
        """The loss and the gradients of no micro-batch."""
        return jnp.zeros((), self.precision), jax.tree.map(jnp.zeros_like, trained)

    def _add(self, so_far: tuple, trained: list, data: tuple, part: jax.Array) -> tuple:
        """The averages, and the sum of losses and gradients, with one micro-batch more."""
        averages, total = so_far
        averages, of_part = self._gradients(trained, averages, data, part)
        return averages, jax.tree.map(jnp.add, total, of_part)

    def _mean(self, total: tuple) -> tuple:
        return jax.tree.map(lambda each: each / self.settings.accumulation, total)

    def _update(self, state: list, total: tuple, coefficients: jax.Array) -> tuple:
        """The end of a step whose micro-batches were programs of their own, as a block of one row."""
        state, metrics = self._stepped(state, self._mean(total), coefficients[0])
        return state, metrics[jnp.newaxis]

    def _gradients(self, trained: list, averages: list, data: tuple, batch: jax.Array) -> tuple:
        """The running averages after a micro-batch, and its loss and gradients."""
        x, labels = _at(data, batch)

        def loss_of(trained: list) -> tuple:
            logits, new_averages = self.model.stateless_call(trained, averages, x, training=True)
            chosen = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
            return -jnp.mean(jnp.sum(chosen * jax.nn.log_softmax(logits), axis=-1)), new_averages

        (loss, averages), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
        return averages, (loss, gradients)

    def _load_fused(self, batches: np.ndarray) -> Loaded:
        """Gather the examples and labels as the compiled loop does, without its steps."""
        last, labels = self._gathers(self._data, batches)
        return Loaded(np.asarray(labels), lambda: np.asarray(last))

    def _gather_all(self, data: tuple, batches: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Each batch is part of the loop's state, so that no gather is optimised away."""

        def body(_, batch: jax.Array) -> tuple:
            return _at(data, batch)

        x = jnp.zeros((batches.shape[1], *data[0].shape[1:]), data[0].dtype)
        x, labels = jax.lax.scan(body, x, batches)
        return x, labels


def _values(model: keras.Model) -> list[list[jax.Array]]:
    groups = [model.trainable_variables, model.non_trainable_variables]
    return jax.tree.map(lambda variable: variable.value, groups)


def _at(data: tuple, batch: jax.Array) -> tuple:
    """The examples and labels at these indices, which are not checked: they are always in bounds."""
    return tuple(array.at[batch].get(mode="promise_in_bounds") for array in data)
