"""Trainers whose whole course is known beforehand, with a clock of their own, for the study's driver."""

import math
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Steps
from benchmarks.recipe.batches import BatchStream

PARTS = ("train", "validation", "test")
EXAMPLES = 997
"""No round number, so that an accuracy is not one either."""
MANY = 60_013
"""More than any built-in data set has for training, validation or test."""
EVALUATION_S = 7.0
"""What an evaluation takes by the scripted clock; a run does not count it."""
DRAWING_S = 3.0
"""What drawing the batches of a call takes by the scripted clock."""
PROBING_S = 2.0
"""What a look at the machine takes by it."""
REST_S = 0.01
"""What a call and an evaluation of a trainer that rests take at least, by the real clock."""
SEEDS = (3, 0)
VERY_WRONG = -60.0
"""Outputs that are not right are so sure that the loss is large."""
PEAK = 0.5
"""At this part of the budget the accuracy is highest, unless a script says otherwise."""


@dataclass
class Scripted:
    """A trainer that follows a script: losses tell its steps and batches, accuracies rise and then fall.

    `parameters` are the number of steps taken, and the clock runs by `step_s` for each. Beside them it holds
    what a reset clears, as an optimizer does: losses tell if that is not of all steps.
    """

    total_steps: int
    step_s: float
    diverges_at: int
    diverges_to: float = math.nan
    wrong: float = VERY_WRONG
    peak: float = PEAK
    steps: int = 0
    held: int = 0
    now: float = 0.0

    def __call__(self) -> float:
        """The scripted clock."""
        return self.now

    def train(self, batches: np.ndarray) -> Steps:
        """Losses that no other batches, and no other steps, would have."""
        steps = self.steps + 1 + np.arange(len(batches))
        weights = 1.0 + np.arange(batches.shape[1])
        losses = (batches @ weights) / weights.sum() + steps / self.total_steps + self.steps - self.held
        losses[steps == self.diverges_at] = self.diverges_to
        self.steps += len(batches)
        self.held += len(batches)
        self.now += self.step_s * len(batches)
        return Steps(losses, None)

    def parameters(self) -> dict[str, np.ndarray]:
        """The number of steps."""
        return {"steps": np.array(self.steps)}

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Go back to this number of steps, and hold none."""
        self.steps, self.held = int(parameters["steps"]), 0

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs that are right for a share of the examples, another one for each part of the data."""
        self.now += EVALUATION_S
        progress, part = self.steps / self.total_steps, PARTS[int(examples[0, 0])]
        # Of two validations that are equally right, the tests are not.
        course = 1.0 - abs(progress - self.peak) if part == "validation" else 1.0 - progress / 3
        share = course * (1.0 - 0.1 * float(examples[0, 0]))
        right = np.arange(len(examples)) < round(share * len(examples))
        return np.where(right, 1.0 + progress, self.wrong)[:, np.newaxis] * np.array([-0.5, 0.5])


class Slow(BatchStream):
    """A stream that takes its time by the scripted clock; a run does not count it either."""

    def __init__(self, trainer: Scripted, n: int, seed: int) -> None:
        super().__init__(n, seed=seed)
        self.trainer = trainer

    def after(self, examples: int, batch_size: int, *, count: int) -> np.ndarray:
        """The same batches, later."""
        self.trainer.now += DRAWING_S
        return super().after(examples, batch_size, count=count)


class Probing(Watch):
    """A watch whose looks at the machine take their time by the scripted clock; a run counts none."""

    def __init__(self, trainer: Scripted) -> None:
        super().__init__()
        self.trainer = trainer

    def probe(self) -> None:
        """Look, which takes a while."""
        self.trainer.now += PROBING_S

    def called(self, steps: int, seconds: float, *, batch_size: int = 0) -> None:
        """Take down a call, which takes a while."""
        self.trainer.now += PROBING_S


def data(n: int = EXAMPLES) -> Dataset:
    """So many examples in each part, which know to which one they belong; all are of class 1."""
    xs = {f"{part}_x": np.full((n, 1), number, np.float32) for number, part in enumerate(PARTS)}
    ys = {f"{part}_y": np.ones(n, np.int32) for part in PARTS}
    return Dataset(name="script", n_classes=2, sha256="", **xs, **ys)


class Sleeping(Scripted):
    """A trainer each of whose calls, and each of whose evaluations, rests for a while by the real clock."""

    def train(self, batches: np.ndarray) -> Steps:
        """The same, after a rest."""
        time.sleep(REST_S)
        return super().train(batches)

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """The same, after a rest."""
        time.sleep(REST_S)
        return super().logits(examples)
