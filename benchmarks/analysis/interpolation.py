"""The loss along the straight line between the solutions of two batch sizes.

Keskar et al. (2016, arXiv 1609.04836, figure 3) draw it from the solution of a small batch at 0 to that of a
large one at 1, and as far beyond (after Goodfellow et al. 2015, arXiv 1412.6544). A model with batch norm has
its running averages taken anew at every place: those between two models belong to neither, and beyond the
ends a variance would fall below 0.
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
AS_BEFORE = ("generator", "moving_mean", "moving_variance")
PLACES = np.linspace(-1.0, 2.0, 25)
BATCHES, BATCH_SIZE = 100, 128
"""That running averages are taken from; what they were before counts for .9 to the power of BATCHES."""


def between(small: Parameters, large: Parameters, place: float) -> Parameters:
    """The parameters at a place of the line.

    Those that are not trained are the first one's: running averages are taken anew, and generators draw
    nothing in evaluation mode.
    """
    mixed = {name: (1 - place) * value + place * large[name] for name, value in small.items()}
    unlike = {name: value for name, value in small.items() if name.endswith(AS_BEFORE)}
    return mixed | unlike


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
    batches = np.resize(chosen, (BATCHES, min(BATCH_SIZE, len(chosen)))).astype(np.int32)
    trainer.retune(setup.optimizer.model_copy(update={"learning_rate": 0.0}))
    trainer.reset(ends[0])
    trainer.compile(batches.shape[1])
    predicted, found = None, []
    for place in [0.0, *PLACES.tolist()]:
        trainer.reset(between(*ends, place))
        if any(name.endswith("moving_mean") for name in ends[0]):
            trainer.train(batches)  # at a rate of 0
        logits = trainer.logits(data.validation_x)
        predicted = logits.argmax(axis=-1) if predicted is None else predicted
        loss = scores(trainer.logits(examples), labels).loss
        found.append(_place(place, loss, logits, data.validation_y, predicted))
    return found[1:]


def _place(place: float, loss: float, logits: np.ndarray, labels: np.ndarray, first: np.ndarray) -> Place:
    """What is known of a place; nothing of predictions where an output is no number."""
    known = bool(np.isfinite(logits).all())
    return Place(
        place=place,
        **finite({"training_loss": loss}),
        validation_accuracy=scores(logits, labels).accuracy if known else None,
        agreement=float(np.mean(logits.argmax(axis=-1) == first)) if known else None,
    )
