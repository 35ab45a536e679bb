"""Checkpoints: the parameters of a training on its way, from which everything else is measured.

They come from a training of their own, in the framework that measures: certified frameworks compute the same
numbers, and the runs whose time is measured keep nothing. A training of which the store has the checkpoints
is never repeated, whatever is measured from them later.
"""

import math
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.setup import Setup
from benchmarks.frameworks.trainer import Trainer, scores
from benchmarks.models.parameters import Parameters
from benchmarks.recipe.plan import Budget, Plan
from benchmarks.training.measure import set_up
from benchmarks.training.record import Status
from benchmarks.training.run import RunState, train_to_evaluation

ENDLESS_S = 1e12
SAMPLE = 5000
SPREAD_STEPS = 32
"""Steps before a checkpoint over which the spread of the loss is taken."""


class Role(StrEnum):
    """What makes the parameters of a training worth keeping.

    START is before the first step; PATH after the first, second, fourth, … evaluation; TARGET at the first
    evaluation that reached the target; MATCHED at the first one whose training loss is down to what the study
    compares at; BEST at the best one on the validation set; END at the last one.
    """

    START = "start"
    PATH = "path"
    TARGET = "target"
    MATCHED = "matched"
    BEST = "best"
    END = "end"


class Checkpoint(NamedTuple):
    """The parameters after some steps, what makes them worth keeping, and the spread of the loss before."""

    steps: int
    examples: int
    roles: list[Role]
    parameters: Parameters
    loss_spread: float = math.nan


def without_clock(plan: Plan) -> Plan:
    """The plan without its limit of seconds, since nobody times this training."""
    budget = Budget(epochs=plan.budget.epochs, steps=plan.budget.steps, seconds=ENDLESS_S)
    return plan.model_copy(update={"budget": budget})


def trained(
    framework: ModuleType, plan: Plan, data: Dataset, *, matched_loss: float | None = None
) -> list[Checkpoint]:
    """Train to the end of the budget; the checkpoints in the order of the steps.

    A training that diverges keeps those from before, and has no end. Without `matched_loss` none is matched.
    The framework must have been configured.
    """
    plan, setup, state = without_clock(plan), set_up(framework, plan, data), RunState()
    trainer, start = setup.trainer(), setup.parameters(seed=plan.seed)
    trainer.reset(start)
    for size in plan.phases.batch_sizes:
        trainer.compile(size)
    stream, kept = setup.stream(seed=plan.seed), Kept(plan.target, matched_loss)
    kept.add(state, start, Role.START)
    while state.steps < plan.optimizer.total_steps:
        status = train_to_evaluation(trainer, stream, plan, state=state, watch=Watch())
        # The loss of a step is that before its update, so that the last one may leave what is no number.
        if status == Status.DIVERGED or not is_finite(parameters := trainer.parameters()):
            kept.release(Role.END)
            break
        accuracy = scores(trainer.logits(data.validation_x), data.validation_y).accuracy
        loss = math.inf if matched_loss is None else training_loss(trainer, setup)
        kept.evaluated(state, parameters, accuracy, loss)
    return kept.checkpoints


def training_loss(trainer: Trainer, setup: Setup) -> float:
    """The mean loss over the sample, which says when it is matched."""
    chosen = sample(len(setup.labels))
    return scores(trainer.logits(setup.examples[chosen]), setup.labels[chosen]).loss


def sample(n: int) -> np.ndarray:
    """The indices of SAMPLE of n training examples, the same ones in every training; all where n is less."""
    return np.random.default_rng(0).choice(n, min(SAMPLE, n), replace=False)


def spread(losses: list[float]) -> float:
    """The standard deviation of the last SPREAD_STEPS losses around a straight line; NaN for fewer steps."""
    if len(losses) < SPREAD_STEPS:
        return math.nan
    steps, last = np.arange(SPREAD_STEPS), np.array(losses[-SPREAD_STEPS:])
    apart = last - np.polyval(np.polyfit(steps, last, 1), steps)
    return float(np.sqrt(np.sum(apart**2) / (SPREAD_STEPS - 2)))


def is_finite(parameters: Parameters) -> bool:
    """Whether every parameter is a finite number."""
    return all(np.isfinite(array).all() for array in parameters.values())


class Kept:
    """What is kept of a training so far."""

    def __init__(self, target: float, matched_loss: float | None = None) -> None:
        self.target, self.matched_loss = target, matched_loss
        self.best, self.evaluations = -1.0, 0
        self._by_steps: dict[int, Checkpoint] = {}

    def add(self, state: RunState, parameters: Parameters, *roles: Role) -> None:
        """Keep these parameters for these roles."""
        self._by_steps[state.steps] = Checkpoint(
            state.steps, state.examples, list(roles), parameters, spread(state.losses)
        )

    def evaluated(
        self, state: RunState, parameters: Parameters, accuracy: float, loss: float = math.inf
    ) -> None:
        """Keep the parameters of an evaluation: the latest always; those before it if they have a role."""
        self.evaluations += 1
        self.release(Role.END)
        roles = [Role.PATH] if self.evaluations & (self.evaluations - 1) == 0 else []
        if accuracy >= self.target and not self._has(Role.TARGET):
            roles.append(Role.TARGET)
        if loss <= (self.matched_loss or 0) and not self._has(Role.MATCHED):
            roles.append(Role.MATCHED)
        if accuracy > self.best:
            self.best = accuracy
            self.release(Role.BEST)
            roles.append(Role.BEST)
        self.add(state, parameters, *roles, Role.END)

    def _has(self, role: Role) -> bool:
        return any(role in each.roles for each in self._by_steps.values())

    def release(self, role: Role) -> None:
        """Take a role away; what has none left is not kept."""
        for each in self._by_steps.values():
            if role in each.roles:
                each.roles.remove(role)
        self._by_steps = {steps: each for steps, each in self._by_steps.items() if each.roles}

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """All that are kept, in the order of the steps."""
        return list(self._by_steps.values())


def serialised(checkpoints: list[Checkpoint]) -> bytes:
    """The content of a file of checkpoints; their arrays are named `STEPS/NAME`."""
    arrays = {
        f"{each.steps}/{name}": np.ascontiguousarray(array)
        for each in checkpoints
        for name, array in each.parameters.items()
    }
    about = {
        str(each.steps): f"{each.examples} {each.loss_spread!r} {' '.join(each.roles)}"
        for each in checkpoints
    }
    return save(arrays, about)


def read(path: Path) -> Iterator[Checkpoint]:
    """The checkpoints of a file, one at a time."""
    with safe_open(path, "numpy") as file:
        names = [key.partition("/")[::2] for key in file.keys()]  # noqa: SIM118
        for steps, about in sorted(file.metadata().items(), key=lambda item: int(item[0])):
            examples, spread, *roles = about.split()
            arrays = {name: file.get_tensor(f"{at}/{name}") for at, name in names if at == steps}
            yield Checkpoint(int(steps), int(examples), list(map(Role, roles)), arrays, float(spread))
