"""A process that imports PyTorch, so that pytest's own stays free of it."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.optimizer import Optimizer


def torch_process():
    """Yields what calls a test module's function in that process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield lambda function, *arguments: process.submit(function, *arguments).result()


def trainer(layers, x, y=None, *, optimizer=None, execution="fused", precision="float64"):
    """A trainer at its initial parameters, and those."""
    from benchmarks.frameworks import pytorch

    pytorch.configure(threads=1, device="cpu", precision=precision)
    settings = {"layers": layers, "execution": execution, "precision": precision}
    made = pytorch.Trainer(
        **settings,
        examples=x,
        labels=np.zeros(len(x), np.int32) if y is None else y,
        optimizer=optimizer or Optimizer(name="sgd", learning_rate=0.125),
    )
    start = initial_parameters(layers, x.shape[1:], seed=0)
    start = {name: value + 0.25 if "generator" not in name else value for name, value in start.items()}
    made.reset(start)
    return made, start
