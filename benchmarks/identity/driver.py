"""The study's driver held to its description, on trainings whose whole course is known beforehand.

A real training shows only what happens in it. Here the best evaluation lies in the middle, the target is
missed by a hair, a loss ceases to be a number and the time runs out, each when the script says so, and many
thousand steps cost nothing.
"""

import math
import time
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Steps
from benchmarks.identity.expected_run import expected_run
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import LONGEST_CALL, Budget, Plan
from benchmarks.training.record import Evaluation, Run
from benchmarks.training.run import run_to_target

PARTS = ("train", "validation", "test")
EXAMPLES = 1000
EVALUATION_S = 7.0
"""What an evaluation takes by the scripted clock; a run does not count it."""
REST_S = 0.01
"""What a call and an evaluation of a trainer that rests take at least, by the real clock."""
SEED = 3
ROUNDING = 1e-9
"""Relative difference that another order of a sum may make."""
VERY_WRONG = -60.0
"""Outputs that are not right are so sure that the loss is large."""
PEAK = 0.5
"""At this part of the budget the accuracy is highest."""


@dataclass
class Scripted:
    """A trainer that follows a script: losses tell its steps and batches, accuracies rise and then fall.

    `parameters` are the number of steps taken, and the clock runs by `step_s` for each.
    """

    total_steps: int
    step_s: float
    diverges_at: int
    diverges_to: float = math.nan
    steps: int = 0
    now: float = 0.0

    def __call__(self) -> float:
        """The scripted clock."""
        return self.now

    def train(self, batches: np.ndarray) -> Steps:
        """Losses that no other batches, and no other steps, would have."""
        steps = self.steps + 1 + np.arange(len(batches))
        weights = 1.0 + np.arange(batches.shape[1])
        losses = (batches @ weights) / weights.sum() + steps / self.total_steps
        losses[steps == self.diverges_at] = self.diverges_to
        self.steps += len(batches)
        self.now += self.step_s * len(batches)
        return Steps(losses, None)

    def parameters(self) -> dict[str, np.ndarray]:
        """The number of steps."""
        return {"steps": np.array(self.steps)}

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Go back to this number of steps."""
        self.steps = int(parameters["steps"])

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs that are right for a share of the examples, another one for each part of the data."""
        self.now += EVALUATION_S
        progress = self.steps / self.total_steps
        share = (1.0 - abs(progress - PEAK)) * (1.0 - 0.1 * float(examples[0, 0]))
        right = np.arange(len(examples)) < round(share * len(examples))
        return np.where(right, 1.0 + progress, VERY_WRONG)[:, np.newaxis] * np.array([-0.5, 0.5])


def data() -> Dataset:
    """Examples that know to which part they belong; all are of class 1."""
    xs = {f"{part}_x": np.full((EXAMPLES, 1), number, np.float32) for number, part in enumerate(PARTS)}
    ys = {f"{part}_y": np.ones(EXAMPLES, np.int32) for part in PARTS}
    return Dataset(name="script", n_classes=2, sha256="", **xs, **ys)


class Script(NamedTuple):
    """A training: its plan, and the step at which the loss is no finite number (0: at none)."""

    batch_size: int
    total_steps: int
    evaluate_every: int
    target: float
    seconds: float = 1e9
    diverges_at: int = 0
    diverges_to: float = math.nan

    @property
    def plan(self) -> Plan:
        """The plan of this training."""
        return Plan(
            cell={
                **dict.fromkeys(("dataset", "model", "framework", "arm"), ""),
                "batch_size": self.batch_size,
            },
            seed=SEED,
            device="auto",
            precision="float32",
            optimizer=Optimizer(name="sgd", learning_rate=1.0, total_steps=self.total_steps),
            augmentation=[],
            randomness="shared",
            target=self.target,
            budget=Budget(epochs=1, seconds=self.seconds),
            evaluate_every=self.evaluate_every,
        )


STEP_S = 0.5
SCRIPTS = {
    "with the best evaluation in the middle": Script(7, 6000, 700, target=0.8),
    "that reaches its target exactly": Script(10, 1000, 500, target=0.9),
    "that misses its target by a hair": Script(10, 1000, 500, target=0.9005),
    "that diverges after it reached its target": Script(10, 1000, 300, target=0.6, diverges_at=777),
    "that diverges before": Script(10, 1000, 300, target=0.9, diverges_at=1),
    "whose loss is infinite": Script(10, 1000, 300, target=0.9, diverges_at=5, diverges_to=math.inf),
    "that ends within the last seconds": Script(10, 1000, 300, target=0.9, seconds=STEP_S * 1000 + 0.1),
    "whose time runs out": Script(10, 1000, 300, target=0.6, seconds=STEP_S * 400),
    "whose time runs out before its target": Script(10, 1000, 300, target=0.9, seconds=STEP_S * 300),
    "of long calls": Script(3, 5 * LONGEST_CALL + 1, 2 * 3 * LONGEST_CALL + 5, target=0.8),
    "that is evaluated in every step": Script(EXAMPLES, 30, EXAMPLES // 4, target=0.8),
    "of many steps": Script(1, 70_001, 10_000, target=0.8),
}
"""The trainings, by what is particular to them."""


def driven(script: Script) -> Run:
    """What the study's driver makes of a training."""
    trainer = Scripted(script.total_steps, STEP_S, script.diverges_at, script.diverges_to)
    stream = BatchStream(EXAMPLES, seed=SEED)
    made = run_to_target(trainer, stream, data(), script.plan, watch=Watch(), clock=trainer)
    return made.model_copy(update={"message": ""})


def described(script: Script) -> Run:
    """What its description says of the same training."""
    trainer = Scripted(script.total_steps, STEP_S, script.diverges_at, script.diverges_to)
    due = expected_run(trainer, data(), script.plan, step_s=STEP_S)
    return due.model_copy(update={"evaluation_s": EVALUATION_S * len(due.curve)})


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


def keeps_time() -> bool:
    """Whether the driver counts the seconds that pass, those included in which the processor rests."""
    script = Script(10, 300, 1000, target=0.9)
    trainer, start = Sleeping(script.total_steps, STEP_S, script.diverges_at), time.perf_counter()
    made = run_to_target(trainer, BatchStream(EXAMPLES, seed=SEED), data(), script.plan, watch=Watch())
    calls, passed_s = len(made.curve), time.perf_counter() - start
    return min(made.training_s, made.evaluation_s) >= calls * REST_S and (
        made.training_s + made.evaluation_s <= passed_s
    )


def fault() -> str:
    """The first thing that the driver does otherwise than its description says; empty if there is none."""
    for name, script in SCRIPTS.items():
        made, due = driven(script), described(script)
        for field in Run.model_fields:
            if not close(getattr(made, field), getattr(due, field)):
                return f"in a training {name}, {field} differs from what training.run says of it"
    return "" if keeps_time() else "the driver does not count the seconds that training and evaluation take"


def close(made: object, due: object) -> bool:
    """Whether two values of a run are equal, numbers but for rounding."""
    if isinstance(due, list):
        return len(made) == len(due) and all(map(close, made, due))
    if isinstance(due, Evaluation):
        return all(map(close, made.model_dump().values(), due.model_dump().values()))
    if isinstance(due, float) and isinstance(made, float):
        return math.isclose(made, due, rel_tol=ROUNDING)
    return made == due
