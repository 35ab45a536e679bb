"""Keras on JAX, as `model.fit` on arrays or as one compiled loop over many steps on resident data."""

import os

os.environ["KERAS_BACKEND"] = "jax"

from benchmarks.frameworks.keras_parts.imports import without

with without("tensorflow", "torch", "pandas", "sklearn", "matplotlib"):
    import keras
    from keras.src.backend.jax.trainer import JAXEpochIterator

import functools

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks.frameworks.keras_parts import trainer
from benchmarks.frameworks.keras_parts.blocks import block_rows, blocks, has_convolution
from benchmarks.frameworks.keras_parts.optimizer import clipped
from benchmarks.frameworks.keras_parts.trainer import promote_to
from benchmarks.frameworks.trainer import Device

ONE_KERNEL = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1099511627776"
"""On a CPU a loop whose body calls no library, as at batch size 1, becomes one kernel: no hand-over between
threads at each operation, which takes longer there than the operation."""


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers of JAX before it starts, and the numbers of Keras; TF32 is off.

    XLA reads the environment when the first array is made; NPROC is the size of the pool in which it
    computes on a CPU.
    """
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    os.environ["NPROC"] = str(threads)
    if ONE_KERNEL not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_KERNEL}".strip()
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
    """What is switched on and off in this process, as JAX, Keras and the environment report it."""
    return {
        "xla_cpu_threads": int(os.environ["NPROC"]),
        "xla_flags": os.environ["XLA_FLAGS"],
        "tf32": jax.config.jax_default_matmul_precision != "highest",
        "x64": jax.config.jax_enable_x64,
        "xla": "idiomatic and fused",
        "floatx": keras.config.floatx(),
        "gpu_memory_preallocated": os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true",
    }


def synchronise() -> None:
    """Wait until everything asked of the device is computed."""
    jax.effects_barrier()
    jnp.zeros(()).block_until_ready()


def reset_peak_memory() -> None:
    """JAX cannot start its peak counter anew: the peak is that since the process began."""


def peak_memory_mib() -> float | None:
    """The framework's own GPU peak in MiB since the process began; None on a CPU, where JAX has none."""
    if device().kind == "cpu":
        return None
    return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20


def is_out_of_memory(error: Exception) -> bool:
    """Whether JAX says with this error that memory ran out."""
    refused = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return refused or isinstance(error, MemoryError)


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`.

    The fused execution is a compiled loop, or for convolutions on a CPU a compiled step.
    """

    def _prepare_fused(self) -> None:
        self.in_one_loop = device().kind == "gpu" or not has_convolution(self.spec, self.input_shape)
        self._data = jnp.asarray(self.examples), jnp.asarray(self.labels)
        self._gathers = jax.jit(self._gather_all)
        self._compiled: dict[int, jax.stages.Compiled] = {}

    def _rows(self, batch_size: int) -> int:
        return block_rows(batch_size) if self.in_one_loop else 1

    def _compile_fused(self, batch_size: int) -> None:
        if batch_size not in self._compiled:
            rows = self._rows(batch_size)
            batches = jax.ShapeDtypeStruct((rows, batch_size), np.int32)
            coefficients = jax.ShapeDtypeStruct((rows, 3), self.precision)
            block = jax.jit(self._block if self.in_one_loop else self._single, donate_argnums=0)
            lowered = block.lower(self._state(), self._data, batches, coefficients, np.int32(0))
            self._compiled[batch_size] = lowered.compile()

    def _forward(self, examples: np.ndarray) -> jax.Array:
        return self._evaluated(*_values(self.model), examples)

    @functools.cached_property
    def _evaluated(self):
        return jax.jit(lambda *values: self.model.stateless_call(*values, training=False)[0])

    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        """Compiled as a whole; call by call, JAX would compile every operation on its own."""
        call = jax.jit(lambda *values: watched.stateless_call(*values, training=True)[0])
        return call(*_values(watched), examples)

    def _iterate(self, batches: np.ndarray) -> np.ndarray:
        (x, y), settings = self._pipeline(batches)
        epoch = JAXEpochIterator(x, y, shuffle=False, **settings)
        return np.stack([next(iterator)[1] for *_, iterator in epoch])

    def _variables(self) -> list:
        """All that a step changes."""
        return [self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.slots]

    def _state(self) -> list:
        return jax.tree.map(lambda variable: variable.value, self._variables())

    def _run(self, batches: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """The variables lend their arrays to the steps, which compute in place."""
        batch_size = batches.shape[1]
        state, run, found = self._state(), self._compiled[batch_size], []
        for part, rows, count in blocks(batches, coefficients, self._rows(batch_size)):
            state, numbers = run(state, self._data, part, rows, np.int32(count))
            found.append((numbers, count))
        for variable, value in zip(jax.tree.leaves(self._variables()), jax.tree.leaves(state), strict=True):
            variable.assign(value)
        return np.concatenate([np.asarray(numbers)[:count] for numbers, count in found])

    def _single(self, state: list, data: tuple, batches, coefficients, count) -> tuple:
        """A block of one row, without a loop."""
        state, numbers = self._step(state, data, batches[0], coefficients[0])
        return state, numbers[jnp.newaxis]

    def _block(self, state: list, data: tuple, batches, coefficients, count) -> tuple:
        """The first `count` rows of a block, one step each; the new state and the steps' numbers.

        A `lax.scan` whose length is an argument, so that it is compiled once whatever the number of steps.
        """
        numbers = jnp.zeros((len(batches), 2 if self.settings.clip_norm else 1), self.precision)

        def body(row: jax.Array, carry: tuple) -> tuple:
            state, numbers = carry
            state, found = self._step(state, data, batches[row], coefficients[row])
            return state, numbers.at[row].set(found)

        return jax.lax.fori_loop(0, count, body, (state, numbers))

    def _step(self, state: list, data: tuple, batch: jax.Array, coefficients: jax.Array) -> tuple:
        """One step of the recipe as a function from state to state; its loss and gradient norm."""
        trained, averages, slots = state
        x, labels = _at(data, batch)

        def loss_of(trained: list) -> tuple:
            logits, moved = self.model.stateless_call(trained, averages, x, training=True)
            chosen = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
            return -jnp.mean(jnp.sum(chosen * jax.nn.log_softmax(logits), axis=-1)), moved

        (loss, averages), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
        numbers = [loss]
        if self.settings.clip_norm:
            gradients, norm = clipped(gradients, self.settings.clip_norm)
            numbers.append(norm)
        each = zip(trained, gradients, slots, strict=True)
        after = [self.settings.step(*of_one, coefficients) for of_one in each]
        return [[new for new, _ in after], averages, [slots for _, slots in after]], jnp.stack(numbers)

    def _read_fused(self, batches: np.ndarray) -> np.ndarray:
        """The gathers of the compiled loop, without the steps."""
        _, labels = self._gathers(self._data, batches)
        return np.asarray(labels)

    def _gather_all(self, data: tuple, batches: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Each batch replaces the one before in the loop's state, so that none is left out."""

        def body(_, batch: jax.Array) -> tuple:
            return _at(data, batch)

        x = jnp.zeros((batches.shape[1], *data[0].shape[1:]), data[0].dtype)
        x, labels = jax.lax.scan(body, x, batches)
        return jnp.sum(x), labels


def _values(model: keras.Model) -> list[list[jax.Array]]:
    groups = [model.trainable_variables, model.non_trainable_variables]
    return jax.tree.map(lambda variable: variable.value, groups)


def _at(data: tuple, batch: jax.Array) -> tuple:
    """These examples and their labels; the indices are known to be good."""
    return tuple(array.at[batch].get(mode="promise_in_bounds") for array in data)
