"""The study's driver held to its description, on trainings whose whole course is known beforehand.

A real training shows only what happens in it. Here the best evaluation lies in the middle, the target is
missed by a hair, a loss ceases to be a number and the time runs out, each when the script says so, and many
thousand steps cost nothing.
"""

import itertools
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.identity.expected_run import expected_run
from benchmarks.identity.scripted import (
    EVALUATION_S,
    EXAMPLES,
    MANY,
    PEAK,
    REST_S,
    SEEDS,
    VERY_WRONG,
    Probing,
    Scripted,
    Sleeping,
    Slow,
    data,
)
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.growth import Phase
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import LONGEST_CALL, Budget, Evaluations, Plan
from benchmarks.training.record import Evaluation, Run
from benchmarks.training.run import run_to_target

STEP_S = 0.5
MOST_STEPS = 300_000
"""Of a training with the plan of a run; a longer one takes too long to be followed step by step."""
ROUNDING = 1e-9
"""Relative difference that another order of a sum may make."""


class Script(NamedTuple):
    """A training: its plan, and the step at which the loss is no finite number (0: at none)."""

    batch_size: int
    total_steps: int
    examples: int
    """Between two evaluations."""
    target: float
    seconds: float = 1e9
    diverges_at: int = 0
    diverges_to: float = math.nan
    wrong: float = VERY_WRONG
    steps: int = 1
    """The fewest between two evaluations."""
    growth: tuple[tuple[int, int, int], ...] = ()
    """First step, examples before it and batch size of each phase in which the batch is larger."""
    n: int = EXAMPLES
    """Examples for training, validation and test each."""
    step_s: float = STEP_S
    peak: float = PEAK

    def trainer(self) -> Scripted:
        """A trainer that follows this script."""
        ends = self.diverges_at, self.diverges_to
        return Scripted(self.total_steps, self.step_s, *ends, self.wrong, self.peak)

    def plan(self, seed: int) -> Plan:
        """The plan of this training."""
        return Plan(
            cell={
                **dict.fromkeys(("dataset", "model", "framework", "arm"), ""),
                "batch_size": self.batch_size,
            },
            seed=seed,
            device="auto",
            precision="float32",
            optimizer=Optimizer(name="sgd", learning_rate=1.0, total_steps=self.total_steps),
            augmentation=[],
            randomness="shared",
            growth=[dict(zip(Phase.model_fields, phase, strict=True)) for phase in self.growth],
            target=self.target,
            budget=Budget(epochs=1, seconds=self.seconds),
            evaluations=Evaluations(examples=self.examples, steps=self.steps),
        )


@dataclass(frozen=True)
class AsPlanned:
    """A training with the plan of a run of the study, but for a target that it reaches."""

    planned: Plan
    n: int

    @property
    def step_s(self) -> float:
        """What a step takes, so that the seconds of the budget are not used up."""
        return self.planned.budget.seconds / (2 * self.planned.optimizer.total_steps)

    def trainer(self) -> Scripted:
        """A trainer that is as long as the run."""
        return Scripted(self.planned.optimizer.total_steps, self.step_s, diverges_at=0)

    def plan(self, seed: int) -> Plan:
        """The plan, with this seed."""
        return self.planned.model_copy(update={"seed": seed, "target": 0.8})


SCRIPTS = {
    "with the best evaluation in the middle": Script(7, 6000, 700, target=0.8),
    "with two best evaluations": Script(10, 999, 3330, target=0.9),
    "whose best evaluation is long past": Script(EXAMPLES, 600, EXAMPLES // 4, target=0.8),
    "that misses its target by an example of few": Script(10, 180, 180, target=0.9005, n=180),
    "that reaches its target exactly": Script(10, 180, 180, target=0.9, n=180),
    "that reaches its target with its last step": Script(10, 1000, 500, target=0.89, peak=1.0),
    "that misses its target by little": Script(10, 1000, 500, target=0.9),
    "that misses its target by a hair": Script(10, 1000, 500, target=0.9005),
    "that diverges after it reached its target": Script(10, 1000, 300, target=0.6, diverges_at=777),
    "that diverges before": Script(10, 1000, 300, target=0.9, diverges_at=1),
    "whose loss is infinite": Script(10, 1000, 300, target=0.9, diverges_at=5, diverges_to=math.inf),
    "whose evaluations are infinite": Script(10, 1000, 300, target=0.9, wrong=-math.inf),
    "that ends within the last seconds": Script(10, 1000, 300, target=0.9, seconds=STEP_S * 1000 + 0.1),
    "whose time runs out": Script(10, 1000, 300, target=0.6, seconds=STEP_S * 400),
    "whose time runs out before its target": Script(10, 1000, 300, target=0.9, seconds=STEP_S * 300),
    "of long calls": Script(3, 5 * LONGEST_CALL + 1, 2 * 3 * LONGEST_CALL + 5, target=0.8),
    "that is evaluated in every step": Script(EXAMPLES, 30, EXAMPLES // 4, target=0.8),
    "that is evaluated after some steps": Script(EXAMPLES, 31, EXAMPLES // 4, target=0.8, steps=4),
    "of many steps": Script(1, 70_001, 10_000, target=0.8),
    "on many examples": Script(10, 100, 200, target=0.8, n=MANY),
    "whose batch grows": Script(7, 900, 700, 0.8, growth=((301, 2107, 28), (500, 7679, 84))),
    "whose batch grows within a long call": Script(1, 9000, 9000, 0.8, growth=((5000, 5000, 3),)),
    "whose batch grows between few evaluations": Script(10, 90, 500, 0.8, steps=20, growth=((45, 450, 100),)),
}
"""The trainings, by what is particular to them."""


def driven(script: Script | AsPlanned, seed: int = SEEDS[0]) -> Run:
    """What the study's driver makes of a training."""
    trainer = script.trainer()
    stream, watch = Slow(trainer, script.n, seed), Probing(trainer)
    made = run_to_target(trainer, stream, data(script.n), script.plan(seed), watch=watch, clock=trainer)
    return made.model_copy(update={"message": ""})


def described(script: Script | AsPlanned, seed: int = SEEDS[0]) -> Run:
    """What its description says of the same training."""
    due = expected_run(script.trainer(), data(script.n), script.plan(seed), step_s=script.step_s)
    return due.model_copy(update={"evaluation_s": EVALUATION_S * len(due.curve)})


def keeps_time() -> bool:
    """Whether the driver counts the seconds that pass, those included in which the processor rests."""
    script = Script(10, 300, 1000, target=0.9)
    trainer, start = Sleeping(script.total_steps, STEP_S, script.diverges_at), time.perf_counter()
    stream = BatchStream(EXAMPLES, seed=SEEDS[0])
    made = run_to_target(trainer, stream, data(), script.plan(SEEDS[0]), watch=Watch())
    calls, passed_s = len(made.curve), time.perf_counter() - start
    return min(made.training_s, made.evaluation_s) >= calls * REST_S and (
        made.training_s + made.evaluation_s <= passed_s
    )


def as_planned(plans: Iterable[tuple[Plan, int]]) -> dict[str, AsPlanned]:
    """The trainings of these plans, each with its number of training examples.

    Those that differ by framework, arm, seed and rate alone are one. One that takes too long to be followed
    step by step is left out.
    """
    alike = {"cell": {"arm", "framework"}, "optimizer": {"learning_rate"}, "seed": True}
    short = [each for each in plans if each[0].optimizer.total_steps <= MOST_STEPS]
    courses = {(plan.model_dump_json(exclude=alike), n): AsPlanned(plan, n) for plan, n in short}
    return {f"of {each.planned.cell.label}": each for each in courses.values()}


@np.errstate(invalid="ignore")
def fault(plans: Iterable[tuple[Plan, int]] = ()) -> str:
    """The first thing that the driver does otherwise than its description says; empty if there is none.

    Beside the scripts it is tried on trainings with these plans, each with its number of training examples.
    """
    tried = [*itertools.product(SCRIPTS.items(), SEEDS)]
    tried += [((name, each), each.planned.seed) for name, each in as_planned(plans).items()]
    for (name, script), seed in tried:
        made, due = driven(script, seed), described(script, seed)
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
