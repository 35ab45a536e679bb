"""The numbers of analyses at the checkpoints of a training."""

import math
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks import analysis
from benchmarks.analysis import checkpoints
from benchmarks.analysis.checkpoints import Checkpoint
from benchmarks.analysis.differentiable import Differentiable
from benchmarks.analysis.record import Point
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.plan import Plan
from benchmarks.training.measure import set_up

MEAN_LOSS = "benchmarks.frameworks.torch_parts.mean_loss"
"""Where the loss is differentiated. Trainings do not depend on it, so that it is imported by name."""


def of(
    framework: ModuleType, plan: Plan, data: Dataset, kept: Path, names: list[str]
) -> dict[str, list[Point]]:
    """The points of each analysis at those checkpoints of a file that have one of its roles.

    The framework must have been configured. An analysis may ask for float32, which is twice as fast as
    float64.
    """
    modules = {name: analysis.module(name) for name in names}
    losses = {
        precision: mean_loss(framework, plan, data, precision=precision)
        for precision in {"float64", *(module.PRECISION for module in modules.values())}
    }
    found: dict[str, list[Point]] = {name: [] for name in names}
    start = None
    for each in checkpoints.read(kept):
        for loss in losses.values():
            theta = loss.at(each.parameters)
        start = theta if start is None else start
        wanted = {name: module for name, module in modules.items() if module.ROLES & set(each.roles)}
        place = placed(each, losses["float64"], theta, start) if wanted else {}
        for name, module in wanted.items():
            numbers = module.numbers(losses[module.PRECISION], theta, seed=plan.seed)
            found[name].append(Point(**place, numbers=finite(numbers)))
    return found


def mean_loss(framework: ModuleType, plan: Plan, data: Dataset, *, precision: str) -> Differentiable:
    """The mean training loss of a plan's model.

    Its layers are those without mixed precision, which compute the same in float64 and can be differentiated
    twice.
    """
    setup = set_up(framework, plan.model_copy(update={"mixed_precision": None}), data)
    made = import_module(MEAN_LOSS).MeanLoss
    return made(layers=setup.layers, examples=setup.examples, labels=setup.labels, precision=precision)


def placed(each: Checkpoint, loss: Differentiable, theta: np.ndarray, start: np.ndarray) -> dict:
    """The fields of a point that hold of the checkpoint itself."""
    return {
        **{"steps": each.steps, "examples": each.examples, "roles": each.roles},
        **finite({"training_loss": loss.value(theta), "loss_spread": each.loss_spread}),
        "distance": float(np.linalg.norm(theta - start)),
    }


def finite(numbers: dict[str, float | None]) -> dict[str, float | None]:
    """The numbers, None in the place of one that is not finite, as where the loss overflows."""
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in numbers.items()
    }
