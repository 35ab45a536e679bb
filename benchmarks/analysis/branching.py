"""The critical batch size at a checkpoint, by branching: from there the training goes on with larger batches.

Merrill et al. (2025, arXiv 2505.23971) measure it so along a training, which takes no tuning: the learning
rate grows with the batch size by the rule of its optimizer, linearly for SGD and with the square root for
Adam. The largest batch size that still follows the branch of the training's own, example by example, is the
critical one. Other than theirs, a branch begins with an optimizer without momentum from before, since
checkpoints do not have it, and the loss is that of training examples, not of what comes next.
"""

import math
from types import ModuleType

import numpy as np
from scipy import stats

from benchmarks.analysis.checkpoints import Checkpoint, Role, training_loss
from benchmarks.datasets.dataset import Dataset
from benchmarks.models.parameters import Parameters
from benchmarks.recipe.optimizer import Schedule
from benchmarks.recipe.plan import LONGEST_CALL, Plan
from benchmarks.training.measure import set_up

NAME = "branching"
ROLES = {Role.START, Role.PATH, Role.TARGET, Role.END}
SPAN = 0.5
"""The part of the training set that a branch sees."""
FEWEST_STEPS = 16
"""Steps of a branch, at least: with momentum, the first ones are smaller."""
REPEATS, FIRST_SEED = 4, 20_000
FOLLOWS = 1.1
"""A batch size follows if its loss is at most so many times that of the training's own."""
CONFIDENCE = 0.95
LINEAR = ("sgd", "momentum", "nesterov")


def sizes_from(batch_size: int, n: int) -> list[int]:
    """The batch sizes of the branches: that of the training times 1, 2, 4, …, as far as they have steps."""
    most = int(SPAN * n) // FEWEST_STEPS
    doublings = max(0, int(math.log2(max(1, most / batch_size))))
    return [batch_size * 2**k for k in range(doublings + 1)]


def critical(losses: np.ndarray, sizes: list[int]) -> dict[str, float | None]:
    """The largest batch size up to which all follow, from losses [repeats, sizes]; the first is the base.

    Its interval reaches from the largest up to which all surely follow to the first that surely does not,
    by Student's t over the repeats; None where there is no such size, and where the base itself diverged.
    """
    if not np.isfinite(losses[:, 0]).all():
        return dict.fromkeys(["branched_batch", "branched_batch_lo", "branched_batch_hi"])
    logs = np.log(np.maximum(losses, np.finfo(float).tiny))  # a loss may round to 0
    logs -= logs[:, :1]
    n, mean = len(logs), np.mean(logs, axis=0)
    # Where a branch diverged, it does not follow, however the others went.
    finite = np.isfinite(mean)
    spread = np.std(np.where(finite, logs, 0.0), axis=0, ddof=1) / math.sqrt(n)
    half, most = stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * spread, math.log(FOLLOWS)
    least = np.where(finite, mean - half, np.inf)
    beyond = [size for size, end in zip(sizes, least, strict=True) if end > most]
    return {
        "branched_batch": _last(sizes, finite & (mean <= most)),
        "branched_batch_lo": _last(sizes, finite & (mean + half <= most)),
        "branched_batch_hi": float(beyond[0]) if beyond else None,
    }


def _last(sizes: list[int], follows: np.ndarray) -> float:
    """The last size before the first that does not follow; the base always does."""
    return float(sizes[max(1, int(np.argmin([*follows, False]))) - 1])


class Branches:
    """Trains the branches of a plan. The framework must have been configured."""

    def __init__(self, framework: ModuleType, plan: Plan, data: Dataset) -> None:
        self.plan, constant = plan, plan.optimizer.model_copy(update={"schedule": Schedule()})
        self.setup = set_up(framework, plan.model_copy(update={"optimizer": constant}), data)
        self.trainer = self.setup.trainer()
        self.sizes = sizes_from(plan.cell.batch_size, len(self.setup.labels))
        self._compiled = False

    def numbers(self, at: Checkpoint, *, seed: int) -> dict[str, float | None]:
        """The critical batch size at a checkpoint, by the names of its columns."""
        seeds = [FIRST_SEED + REPEATS * seed + repeat for repeat in range(REPEATS)]
        losses = [[self.loss_after(at, size, seed=each) for size in self.sizes] for each in seeds]
        return critical(np.array(losses), self.sizes)

    def loss_after(self, at: Checkpoint, size: int, *, seed: int) -> float:
        """The training loss of a branch at its end; infinite if it is no number."""
        self._reset(at.parameters, self.rate(at, size))
        stream, steps = self.setup.stream(seed=seed), int(SPAN * len(self.setup.labels)) // size
        for first in range(0, steps, LONGEST_CALL):
            count = min(LONGEST_CALL, steps - first)
            self.trainer.train(stream.batches(size, first=first, count=count))
        loss = training_loss(self.trainer, self.setup)
        return loss if math.isfinite(loss) else math.inf

    def rate(self, at: Checkpoint, size: int) -> float:
        """The learning rate of a branch: that of the training at this step, by the rule of its optimizer."""
        optimizer, times = self.plan.optimizer, size / self.plan.cell.batch_size
        power = 1.0 if optimizer.name in LINEAR else 0.5
        return float(optimizer.rates(at.steps, 1)[0]) * times**power

    def _reset(self, parameters: Parameters, rate: float) -> None:
        self.trainer.retune(self.setup.optimizer.model_copy(update={"learning_rate": rate}))
        self.trainer.reset(parameters)
        if not self._compiled:
            for size in self.sizes:
                self.trainer.compile(size)
            self.trainer.reset(parameters)
            self._compiled = True
