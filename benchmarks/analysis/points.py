"""The numbers of analyses at the checkpoints of a training."""

from pathlib import Path
from types import ModuleType

from benchmarks import analysis
from benchmarks.analysis import checkpoints
from benchmarks.analysis.record import Point
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.plan import Plan
from benchmarks.training.measure import set_up


def of(
    framework: ModuleType, plan: Plan, data: Dataset, kept: Path, names: list[str]
) -> dict[str, list[Point]]:
    """The points of each analysis at those checkpoints of a file that have one of its roles.

    The framework must have been configured. In float64 nothing is rounded to a smaller type; layers without
    mixed precision compute the same there, and can be differentiated twice.
    """
    setup = set_up(framework, plan.model_copy(update={"mixed_precision": None}), data)
    loss = framework.MeanLoss(layers=setup.layers, examples=setup.examples, labels=setup.labels)
    found: dict[str, list[Point]] = {name: [] for name in names}
    for each in checkpoints.read(kept):
        theta = loss.at(each.parameters)
        for name in names:
            module = analysis.module(name)
            if module.ROLES & set(each.roles):
                numbers = module.numbers(loss, theta, seed=plan.seed)
                place = {"steps": each.steps, "examples": each.examples, "roles": each.roles}
                found[name].append(Point(**place, numbers=numbers))
    return found
