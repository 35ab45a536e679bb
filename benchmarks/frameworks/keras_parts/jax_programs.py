"""Functions of JAX as compiled programs, and a step that consists of several."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

ONE_GRAPH = {
    "xla_gpu_graph_min_graph_size": 1,
    "xla_gpu_enable_command_buffer": "FUSION,CUBLAS,CUBLASLT,CUDNN,CUSTOM_CALL,DYNAMIC_SLICE_FUSION,"
    "CONDITIONAL,WHILE",
}
"""With these options, XLA on a GPU compiles a loop into one CUDA graph. Otherwise it waits for the GPU before
each step, to learn whether the loop goes on. `fit` is compiled without them, as it is for a user."""


class Parts(NamedTuple):
    """A step as a program for each of its `n` micro-batches, between one that begins and one that ends it."""

    n: int
    nothing: jax.stages.Compiled
    add: jax.stages.Compiled
    update: jax.stages.Compiled

    def __call__(self, state: list, data: tuple, batches: np.ndarray, coefficients, count) -> tuple:
        """As a block of one row: the new state and the metrics."""
        trained, averages, slots = state
        so_far = averages, self.nothing(trained)
        for part in batches.reshape(self.n, -1):
            so_far = self.add(so_far, trained, data, part)
        averages, total = so_far
        return self.update([trained, averages, slots], total, coefficients)


def compiled(function: Callable, *given: object, donated: tuple | int = ()) -> jax.stages.Compiled:
    """A function as a program for arguments of these shapes, which computes in place of those `donated`."""
    lowered = jax.jit(function, donate_argnums=donated).lower(*given)
    return lowered.compile(compiler_options=ONE_GRAPH)


def temporary_bytes(program: jax.stages.Compiled) -> int:
    """Bytes that a compiled function takes beside its arguments; outputs in their place take none."""
    plan = program.memory_analysis()
    return plan.temp_size_in_bytes + plan.output_size_in_bytes - plan.alias_size_in_bytes
