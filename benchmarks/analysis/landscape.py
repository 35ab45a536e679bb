"""The loss on a plane through a solution, along two filter-normalised directions (Li et al. 2018, section 4).

The directions are drawn from one seed for all trainings, and scaled for each so that its weights into every
unit or filter are as long as the model's own (arXiv 1712.09913). So pictures of two solutions can be held
against each other, which those along plain random directions cannot.
"""

from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.analysis import checkpoints
from benchmarks.analysis.checkpoints import Role
from benchmarks.analysis.differentiable import Differentiable
from benchmarks.analysis.points import finite, mean_loss
from benchmarks.analysis.record import Height
from benchmarks.analysis.width import filter_normalised
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.plan import Plan

NAME = "landscape"
PLACES = np.linspace(-1.0, 1.0, 17)
"""In lengths of the model's own weights; the solution lies at 0."""


def of(framework: ModuleType, plan: Plan, data: Dataset, kept: Path, role: Role) -> list[Height]:
    """The heights around the checkpoint of a file that has a role; none where none has it.

    The framework must have been configured.
    """
    for each in checkpoints.read(kept):
        if role in each.roles:
            loss = mean_loss(framework, plan, data, precision="float32")
            return heights(loss, loss.at(each.parameters))
    return []


def heights(loss: Differentiable, theta: np.ndarray) -> list[Height]:
    """The mean loss over the sample of `checkpoints` at every place of the plane through θ [P]."""
    chosen, random, tree = checkpoints.sample(loss.n), np.random.default_rng(0), loss.tree(theta)
    one, other = (filter_normalised(tree, random) for _ in range(2))
    return [
        Height(x=x, y=y, **finite({"training_loss": loss.value(theta + x * one + y * other, chosen)}))
        for y in PLACES.tolist()
        for x in PLACES.tolist()
    ]
