"""A run as `training.run` describes it, written as plainly as possible: one step after the other.

It shares nothing with the study's driver but the trainer, and serves as its reference.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import log_softmax

from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Trainer
from benchmarks.recipe.plan import Plan
from benchmarks.training.record import Evaluation, Run, Status

ORDER = 2
"""The number that says what random numbers are drawn for, of the order of the examples."""
MOST_STEPS = 2048
"""The most steps of a call."""


def batches(n_examples: int, *, seed: int, batch_size: int, steps: int) -> np.ndarray:
    """The batches of a seed, [steps, B]: one permutation of the examples after the other, cut into rows.

    The permutation of an epoch is drawn by NumPy from the seed, ORDER and the epoch, which is said here once
    more: a function that drew the same for two seeds would do so for both sides.
    """
    epochs = range(-(-steps * batch_size // n_examples))
    sources = [np.random.SeedSequence(seed, spawn_key=(ORDER, epoch)) for epoch in epochs]
    order = np.concatenate([np.random.default_rng(source).permutation(n_examples) for source in sources])
    return order[: steps * batch_size].reshape(steps, batch_size).astype(np.int32)


def examples_after(plan: Plan) -> np.ndarray:
    """The examples after each step, from none on, [1 + steps]: those of batches that may grow on the way."""
    sizes = np.full(plan.optimizer.total_steps, plan.cell.batch_size)
    for phase in plan.growth:
        sizes[phase.first_step :] = phase.batch_size
    return np.concatenate([[0], np.cumsum(sizes)])


def evaluated_steps(plan: Plan) -> set[int]:
    """The numbers of steps after which there is an evaluation."""
    after, due = examples_after(plan), {plan.optimizer.total_steps}
    for count in range(1, len(after)):
        steps = max(
            int(np.searchsorted(after, count * plan.evaluations.examples)), count * plan.evaluations.steps
        )
        if steps >= len(after):
            break
        due.add(steps)
    return due


def call_ends(plan: Plan) -> list[int]:
    """The numbers of steps after which the driver looks at losses and time."""
    ends = [0]
    for stop in sorted(evaluated_steps(plan) | {phase.first_step for phase in plan.growth}):
        ends += [*range(ends[-1] + MOST_STEPS, stop, MOST_STEPS), stop]
    return ends[1:]


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Share of the labels that have the largest output."""
    return float((logits.argmax(axis=-1) == labels).mean())


def loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean softmax cross-entropy."""
    rows = logits.reshape(-1, logits.shape[-1]).astype(np.float64)
    return -float(log_softmax(rows, axis=-1)[np.arange(labels.size), labels.reshape(-1)].mean())


def finite(value: float) -> float | None:
    """The value, or None."""
    return value if math.isfinite(value) else None


@dataclass
class Course:
    """What has been seen of a run: its curve, its best parameters, how it ended, and after which step."""

    curve: list[Evaluation] = field(default_factory=list)
    best: dict[str, np.ndarray] = field(default_factory=dict)
    ended: Status = Status.MISSED
    steps: int = 0

    def add(self, point: Evaluation, parameters: dict[str, np.ndarray]) -> None:
        """Take down an evaluation; of several equal ones the first is best."""
        if all(point.validation_accuracy > earlier.validation_accuracy for earlier in self.curve):
            self.best = parameters
        self.curve.append(point)


def expected_run(trainer: Trainer, data: Dataset, plan: Plan, *, step_s: float = 0.0) -> Run:
    """The run of a trainer that was just reset, where each step takes `step_s` and nothing else any time."""
    course = train(trainer, data, plan, step_s=step_s)
    return result(course, final_accuracies(trainer, data, course.best), plan, step_s=step_s)


def train(trainer: Trainer, data: Dataset, plan: Plan, *, step_s: float) -> Course:
    """Take the steps and evaluate, until the budget ends or a loss is no finite number."""
    after, due, course, losses = examples_after(plan), evaluated_steps(plan), Course(), []
    order = batches(len(data.train_y), seed=plan.seed, batch_size=1, steps=after[-1])[:, 0]
    rows = np.split(order, after[1:-1])
    for end in call_ends(plan):
        losses += [float(trainer.train(row[np.newaxis]).loss[0]) for row in rows[course.steps : end]]
        course.steps = end
        if not np.isfinite(losses).all():
            course.ended = Status.DIVERGED
            return course
        late = end * step_s >= plan.budget.seconds
        if late or end in due:
            seen = int(after[end])
            course.add(evaluation(trainer, data, losses, seen, end * step_s), trainer.parameters())
            losses = []
        if late:
            course.ended = Status.TIME_LIMIT
            return course
    return course


def evaluation(
    trainer: Trainer, data: Dataset, losses: list[float], examples: int, training_s: float
) -> Evaluation:
    """The point of the curve after so many examples and seconds."""
    outputs = trainer.logits(data.validation_x)
    return Evaluation(
        examples=examples,
        training_s=training_s,
        train_loss=finite(sum(losses) / len(losses)),
        validation_loss=finite(loss(outputs, data.validation_y)),
        validation_accuracy=accuracy(outputs, data.validation_y),
    )


def final_accuracies(trainer: Trainer, data: Dataset, best: dict[str, np.ndarray]) -> dict[str, float]:
    """Accuracies on test and training data with the best parameters; nothing if there are none."""
    if not best:
        return {}
    trainer.reset(best)
    return {
        "test_accuracy": accuracy(trainer.logits(data.test_x), data.test_y),
        "train_accuracy": accuracy(trainer.logits(data.train_x), data.train_y),
    }


def result(course: Course, accuracies: dict[str, float], plan: Plan, *, step_s: float) -> Run:
    """The course of a run as the study records it."""
    after, curve = examples_after(plan), course.curve
    in_time = [point for point in curve if point.training_s <= plan.budget.seconds]
    reached = next((point for point in in_time if point.validation_accuracy >= plan.target), None)
    top = max((point.validation_accuracy for point in curve), default=None)
    return Run(
        seed=plan.seed,
        status=Status.REACHED if reached else course.ended,
        steps=course.steps,
        examples=int(after[course.steps]),
        training_s=course.steps * step_s,
        examples_to_target=reached and reached.examples,
        steps_to_target=reached and int(np.searchsorted(after, reached.examples)),
        examples_resolution=reached and reached.examples - _before(reached, curve),
        time_to_target_s=reached and reached.training_s,
        best_examples=next((point.examples for point in curve if point.validation_accuracy == top), None),
        validation_accuracy=top,
        **accuracies,
        curve=curve,
    )


def _before(reached: Evaluation, curve: list[Evaluation]) -> int:
    """The examples of the evaluation before one of the curve; 0 before the first."""
    place = curve.index(reached)
    return curve[place - 1].examples if place else 0
