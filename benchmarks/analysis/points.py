"""The numbers of analyses at the checkpoints of a training."""

import math
from importlib import import_module
from pathlib import Path
from types import ModuleType

from benchmarks import analysis
from benchmarks.analysis import checkpoints
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

    The framework must have been configured. In float64 nothing is rounded to a smaller type; layers without
    mixed precision compute the same there, and can be differentiated twice.
    """
    setup = set_up(framework, plan.model_copy(update={"mixed_precision": None}), data)
    loss = import_module(MEAN_LOSS).MeanLoss(
        layers=setup.layers, examples=setup.examples, labels=setup.labels
    )
    found: dict[str, list[Point]] = {name: [] for name in names}
    for each in checkpoints.read(kept):
        theta = loss.at(each.parameters)
        for name in names:
            module = analysis.module(name)
            if module.ROLES & set(each.roles):
                numbers = finite(module.numbers(loss, theta, seed=plan.seed))
                place = {"steps": each.steps, "examples": each.examples, "roles": each.roles}
                found[name].append(Point(**place, numbers=numbers))
    return found


def finite(numbers: dict[str, float | None]) -> dict[str, float | None]:
    """The numbers, None in the place of one that is not finite, as where the loss overflows."""
    return {
        name: value if value is not None and math.isfinite(value) else None for name, value in numbers.items()
    }
