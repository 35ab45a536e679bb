"""Keras on JAX, as `model.fit` on arrays or as one compiled scan over many steps on resident data."""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"

from benchmarks.frameworks.keras_parts.imports import without

with without("tensorflow", "torch", "pandas", "sklearn"):
    import keras
    from keras.src.backend.jax.trainer import JAXEpochIterator

import functools

import jax
import numpy as np
from jax import numpy as jnp

from benchmarks.frameworks.keras_parts import trainer
from benchmarks.frameworks.keras_parts.blocks import block_rows, joined
from benchmarks.frameworks.keras_parts.optimizer import clipped
from benchmarks.frameworks.keras_parts.precision import promote_to
from benchmarks.frameworks.trainer import Device


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers before JAX starts; TF32 is off.

    The size of the pool in which XLA computes on a CPU is read from the environment, when the first array is made.
    """
    os.environ["NPROC"] = str(threads)
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
    """What is switched on and off in this process, as JAX and the environment report it."""
    return {
        "xla_cpu_threads": int(os.environ["NPROC"]),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
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
    """The framework's own GPU peak in MiB since the process began; None on a CPU, which JAX does not count."""
    if device().kind == "cpu":
        return None
    return jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20


def is_out_of_memory(error: Exception) -> bool:
    """Whether JAX says with this error that memory ran out."""
    said = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return said or isinstance(error, MemoryError)


class Trainer(trainer.KerasTrainer):
    """See `frameworks.trainer.Trainer`."""

    def _prepare_fused(self) -> None:
        self._data = jnp.asarray(self.examples), jnp.asarray(self.labels)
        self._block = jax.jit(self._scan, donate_argnums=0)
        self._gathers = jax.jit(self._gather_all)
        self._compiled: set[int] = set()

    def _compile_fused(self, batch_size: int) -> None:
        if batch_size not in self._compiled:
            rows = block_rows(batch_size)
            no_step = np.zeros((rows, batch_size), np.int32), np.zeros((rows, 3), self.precision)
            self._run_block(*no_step, 0)
            self._compiled.add(batch_size)

    def _forward(self, examples: np.ndarray) -> jax.Array:
        return self._evaluated(*_values(self.model), examples)

    @functools.cached_property
    def _evaluated(self):
        return jax.jit(lambda *values: self.model.stateless_call(*values, training=False)[0])

    def _observed(self, watched: keras.Model, examples: np.ndarray) -> dict:
        """Compiled as a whole; call by call, JAX would compile every operation on its own."""
        call = jax.jit(lambda *values: watched.stateless_call(*values, training=True)[0])
        return call(*_values(watched), examples)

    def _pipeline(self, batches: np.ndarray) -> tuple[tuple, dict]:
        order = batches.reshape(-1)
        return (self.examples[order], self.labels[order]), {"batch_size": batches.shape[1]}

    def _iterate(self, batches: np.ndarray) -> np.ndarray:
        (x, y), settings = self._pipeline(batches)
        return np.stack([next(iterator)[1] for *_, iterator in JAXEpochIterator(x, y, shuffle=False, **settings)])

    def _run(self, batches: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        return joined(self._run_block, batches, coefficients)

    def _run_block(self, batches: np.ndarray, coefficients: np.ndarray, count: int) -> jax.Array:
        """The variables lend their arrays to the loop, which computes in place."""
        variables = [self.model.trainable_variables, self.model.non_trainable_variables, self.optimizer.slots]
        state = jax.tree.map(lambda variable: variable.value, variables)
        state, numbers = self._block(state, self._data, batches, coefficients, count)
        for variable, value in zip(jax.tree.leaves(variables), jax.tree.leaves(state), strict=True):
            variable.assign(value)
        return numbers

    def _scan(self, state: list, data: tuple, batches: jax.Array, coefficients: jax.Array, count: int) -> tuple:
        """The first `count` rows of a block, one step each; the new state and the steps' numbers.

        `lax.scan` with a length that is an argument, so that one compilation serves any number of steps.
        """
        numbers = jnp.zeros((len(batches), 2 if self.settings.clip_norm else 1), self.precision)

        def body(row: jax.Array, carry: tuple) -> tuple:
            state, numbers = carry
            state, found = self._step(*state, _at(data, batches[row]), coefficients[row])
            return state, numbers.at[row].set(found)

        return jax.lax.fori_loop(0, count, body, (state, numbers))

    def _step(
        self, trained: list, averages: list, slots: list, batch: tuple, coefficients: jax.Array
    ) -> tuple[list, jax.Array]:
        """One step of the recipe as a function from state to state; its loss and gradient norm."""

        def loss_of(trained: list) -> tuple:
            logits, moved = self.model.stateless_call(trained, averages, batch[0], training=True)
            chosen = jax.nn.one_hot(batch[1], logits.shape[-1], dtype=logits.dtype)
            return -jnp.mean(jnp.sum(chosen * jax.nn.log_softmax(logits), axis=-1)), moved

        (loss, averages), gradients = jax.value_and_grad(loss_of, has_aux=True)(trained)
        numbers = [loss]
        if self.settings.clip_norm:
            gradients, norm = clipped(gradients, self.settings.clip_norm)
            numbers.append(norm)
        each = zip(trained, gradients, slots, strict=True)
        after = [self.settings.step(*of_one, coefficients) for of_one in each]
        state = [[new for new, _ in after], averages, [state for _, state in after]]
        return state, jnp.stack(numbers)

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


def _values(model: keras.Model) -> tuple[list, list]:
    groups = model.trainable_variables, model.non_trainable_variables
    return tuple([variable.value for variable in group] for group in groups)


def _at(data: tuple, batch: jax.Array) -> tuple:
    """These examples and their labels; the indices are known to be good."""
    return tuple(array.at[batch].get(mode="promise_in_bounds") for array in data)
