"""The critical batch size at a checkpoint, by branching: from there the training goes on with larger batches.

Merrill et al. (2025, arXiv 2505.23971) measure it so along a training, which needs no search for rates. Here
a batch size follows the training if it makes at least half as much progress with the same number of
examples, since the critical batch size of the law takes twice the examples (McCandlish et al. 2018). The
learning rate grows linearly with the batch size or with its square root, whichever gets further. A branch
begins without the momentum from before, which checkpoints do not have.
"""

import math
from pathlib import Path
from types import ModuleType

import numpy as np
from scipy import stats

from benchmarks.analysis import checkpoints, points
from benchmarks.analysis.checkpoints import Checkpoint, Role, training_loss
from benchmarks.analysis.record import Point
from benchmarks.datasets.dataset import Dataset
from benchmarks.recipe.optimizer import Optimizer, Schedule
from benchmarks.recipe.plan import LONGEST_CALL, Plan
from benchmarks.training.measure import set_up

NAME = "branching"
ROLES = {Role.START, Role.PATH, Role.TARGET, Role.END}
OPTIMIZERS = ("sgd", "momentum", "nesterov")
"""Those of Adam's kind would begin with steps that their averages do not scale yet."""
SPAN = 0.5
"""The part of the training set that a branch sees."""
FEWEST_STEPS, SETTLED = 16, 8.0
"""Steps of a branch, at least, and times 1 / (1 − momentum), after which the velocity has grown."""
POWERS = (1.0, 0.5)
"""Of the batch size, with which the learning rate grows."""
LOWEST_RATE = 0.1
"""Where a schedule has it below this part of its peak, nothing moves and everything would follow."""
REPEATS, FIRST_SEED = 4, 20_000
PROGRESS = 0.5
CONFIDENCE = 0.95
COLUMNS = ("branched_batch", "branched_batch_lo", "branched_batch_hi")


def of(framework: ModuleType, plan: Plan, data: Dataset, kept: Path) -> list[Point]:
    """The points at those checkpoints of a file that have one of ROLES. The framework must be configured."""
    branches = Branches(framework, plan, data)
    loss, found, start = points.mean_loss(framework, plan, data, precision="float64"), [], None
    for each in checkpoints.read(kept):
        theta = loss.at(each.parameters)
        start = theta if start is None else start
        if ROLES & set(each.roles):
            numbers = branches.numbers(each, seed=plan.seed)
            found.append(Point(**points.placed(each, loss, theta, start), numbers=points.finite(numbers)))
    return found


def sizes_from(batch_size: int, n: int, optimizer: Optimizer) -> list[int]:
    """The batch sizes of the branches: that of the training times 1, 2, 4, …, as far as they have steps."""
    fewest = max(FEWEST_STEPS, math.ceil(SETTLED / (1 - optimizer.momentum)))
    doublings = math.log2(max(1.0, SPAN * n / fewest / batch_size))
    return [batch_size * 2**k for k in range(int(doublings) + 1)]


def critical(gains: np.ndarray, sizes: list[int]) -> dict[str, float | None]:
    """The largest batch size up to which all follow, from what losses fell by: [repeats, sizes].

    The first size is the training's own, the base, of which the others must make PROGRESS at least.

    Its interval reaches from the largest up to which all surely follow to the first that surely does not, by
    Student's t over the repeats. The value is None where all of them follow, its upper end where none surely
    does not; everything is None where the base itself makes no progress that is told from none.
    """
    base = gains[:, 0]
    if len(sizes) < 2 or not np.isfinite(base).all() or base.mean() <= margin(base[:, None])[0]:
        return dict.fromkeys(COLUMNS)
    ahead = gains - PROGRESS * base[:, None]
    mean, half = np.mean(ahead, axis=0), margin(ahead)
    beyond = [size for size, most in zip(sizes, mean + half, strict=True) if most < 0]
    last, sure = (leading(follows) for follows in (mean >= 0, mean - half >= 0))
    values = (sizes[last] if last + 1 < len(sizes) else None, sizes[sure], beyond[0] if beyond else None)
    return {name: value and float(value) for name, value in zip(COLUMNS, values, strict=True)}


def margin(values: np.ndarray) -> np.ndarray:
    """Half of the interval of each column's mean, [repeats, columns]; 0 where one of its values diverged."""
    finite, n = np.isfinite(values).all(axis=0), len(values)
    spread = np.std(np.where(finite, values, 0.0), axis=0, ddof=1)
    return stats.t.ppf((1 + CONFIDENCE) / 2, n - 1) * spread / math.sqrt(n)


def leading(follows: np.ndarray) -> int:
    """The place of the last size before the first that does not follow; the base, at 0, always does."""
    return int(np.argmin([True, *follows[1:], False])) - 1


class Branches:
    """Trains the branches of a plan. The framework must have been configured."""

    def __init__(self, framework: ModuleType, plan: Plan, data: Dataset) -> None:
        self.plan, constant = plan, plan.optimizer.model_copy(update={"schedule": Schedule()})
        self.setup = set_up(framework, plan.model_copy(update={"optimizer": constant}), data)
        self.trainer = self.setup.trainer()
        n = len(self.setup.labels)
        self.sizes = sizes_from(plan.cell.batch_size, n, plan.optimizer)
        self.examples = int(SPAN * n) // self.sizes[-1] * self.sizes[-1]
        """The same for every branch: whole batches of the largest one."""
        self._compiled: set[int] = set()

    def numbers(self, at: Checkpoint, *, seed: int) -> dict[str, float | None]:
        """The critical batch size at a checkpoint, by the names of its columns."""
        own = float(self.plan.optimizer.rates(at.steps, 1)[0])
        if len(self.sizes) == 1 or own < LOWEST_RATE * self.plan.optimizer.learning_rate:
            return dict.fromkeys(COLUMNS)
        seeds = [FIRST_SEED + REPEATS * seed + repeat for repeat in range(REPEATS)]
        before = self._loss_of(at)
        columns = [self._furthest(at, size, own, before, seeds) for size in self.sizes]
        return critical(np.stack(columns, axis=1), self.sizes)

    def _furthest(self, at: Checkpoint, size: int, own: float, before: float, seeds: list[int]) -> np.ndarray:
        """What the loss falls by from each seed, with the rule for the rate that gets further on average."""
        times = size / self.plan.cell.batch_size
        rates = {own * times**power for power in POWERS}
        gains = [[before - self.loss_after(at, size, rate, seed=seed) for seed in seeds] for rate in rates]
        return max(map(np.array, gains), key=lambda gain: gain.mean())

    def loss_after(self, at: Checkpoint, size: int, rate: float, *, seed: int) -> float:
        """The training loss of a branch at its end; infinite if it is no number."""
        if size not in self._compiled:
            self.trainer.reset(at.parameters)
            self.trainer.compile(size)
            self._compiled.add(size)
        self.trainer.retune(self.setup.optimizer.model_copy(update={"learning_rate": rate}))
        self.trainer.reset(at.parameters)
        stream, steps = self.setup.stream(seed=seed), self.examples // size
        for first in range(0, steps, LONGEST_CALL):
            count = min(LONGEST_CALL, steps - first)
            self.trainer.train(stream.batches(size, first=first, count=count))
        return self._loss()

    def _loss_of(self, at: Checkpoint) -> float:
        self.trainer.reset(at.parameters)
        return self._loss()

    def _loss(self) -> float:
        loss = training_loss(self.trainer, self.setup)
        return loss if math.isfinite(loss) else math.inf
