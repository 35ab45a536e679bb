"""The loss along the straight line between the solutions of two batch sizes.

Keskar et al. (2016, arXiv 1609.04836, figure 3) draw it from the solution of a small batch at 0 to that of a
large one at 1, and as far beyond (after Goodfellow et al. 2015, arXiv 1412.6544). Running averages of batch
norm are interpolated like the parameters. Where the large batch is sharper, the loss rises faster beyond 1
than before 0; where it rises in between, the two lie in different valleys.
"""

from pathlib import Path
from types import ModuleType

import numpy as np

from benchmarks.analysis import checkpoints
from benchmarks.analysis.checkpoints import Role
from benchmarks.analysis.points import finite
from benchmarks.analysis.record import Place
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import scores
from benchmarks.models.parameters import Parameters
from benchmarks.recipe.plan import Plan
from benchmarks.training.measure import set_up

NAME = "interpolation"
PLACES = np.linspace(-1.0, 2.0, 25)


def between(small: Parameters, large: Parameters, place: float) -> Parameters:
    """The parameters at a place of the line.

    Beyond its ends a variance would fall below 0, where it is held. A generator, which draws nothing in
    evaluation mode, stays that of the first.
    """
    mixed = {name: (1 - place) * value + place * large[name] for name, value in small.items()}
    for name in mixed:
        if name.endswith("moving_variance"):
            mixed[name] = np.maximum(mixed[name], 0.0)
        elif name.endswith("generator"):
            mixed[name] = small[name]
    return mixed


def along(framework: ModuleType, plan: Plan, data: Dataset, small: Path, large: Path) -> list[Place]:
    """The line between the ends of two trainings, from their checkpoints; none where either has diverged.

    The training loss is that over the sample of `checkpoints`. The framework must have been configured.
    """
    last = [[each for each in checkpoints.read(kept) if Role.END in each.roles] for kept in (small, large)]
    if not all(last):
        return []
    ends = [each.parameters for (each,) in last]
    setup = set_up(framework, plan, data)
    trainer, chosen = setup.trainer(), checkpoints.sample(len(setup.labels))
    examples, labels = setup.examples[chosen], setup.labels[chosen]
    trainer.reset(ends[0])
    predicted, found = trainer.logits(data.validation_x).argmax(axis=-1), []
    for place in PLACES.tolist():
        trainer.reset(between(*ends, place))
        logits = trainer.logits(data.validation_x)
        found.append(
            Place(
                place=place,
                **finite({"training_loss": scores(trainer.logits(examples), labels).loss}),
                validation_accuracy=scores(logits, data.validation_y).accuracy,
                agreement=float(np.mean(logits.argmax(axis=-1) == predicted)),
            )
        )
    return found
