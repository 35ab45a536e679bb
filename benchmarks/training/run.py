"""One run: train past the target to the end of the budget, with evaluations at fixed numbers of examples."""

import dataclasses
import math
import time
from collections.abc import Callable

import numpy as np

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Scores, Trainer, scores
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.plan import LONGEST_CALL, Plan
from benchmarks.training.record import Evaluation, Run, Status

Clock = Callable[[], float]


@dataclasses.dataclass
class RunState:
    """The state of a run so far. Times are in seconds; `training_s` does not include evaluation."""

    steps: int = 0
    examples: int = 0
    training_s: float = 0.0
    evaluation_s: float = 0.0
    losses: list[float] = dataclasses.field(default_factory=list)
    curve: list[Evaluation] = dataclasses.field(default_factory=list)
    best: dict[str, np.ndarray] | None = None
    best_accuracy: float = -1.0


def run_to_target(
    trainer: Trainer,
    stream: BatchStream,
    data: Dataset,
    plan: Plan,
    *,
    watch: Watch,
    clock: Clock = time.perf_counter,
) -> Run:
    """Train, on the seed's batches, a trainer that was just reset to the seed's initial parameters.

    The validation set decides when the target is reached and which parameters are best; the test set is
    used once, at the end, with these parameters. `plan.evaluations` says after which steps it is evaluated;
    the last step is followed by an evaluation too. The budget of epochs ends with the step that completes it.
    The budget of seconds is checked after each call, of up to LONGEST_CALL steps of one batch size; a target
    that is reached only after these seconds counts as not reached. `watch` is told of every call, and probes
    the machine before the first and before every evaluation.
    """
    state = RunState()
    status = Status.MISSED
    watch.probe()
    while True:
        status = train_to_evaluation(trainer, stream, plan, state=state, watch=watch, clock=clock)
        if status == Status.DIVERGED:
            break
        watch.probe()  # not after the evaluation: the cores would have rested when training goes on
        _evaluate(trainer, data, plan, state=state, clock=clock)
        if state.steps >= plan.optimizer.total_steps or status == Status.TIME_LIMIT:
            break
    return _finish(trainer, data, plan, state=state, ended=status)


def _next_stop(plan: Plan, state: RunState) -> int:
    """Number of steps at the next evaluation, or at the end of epochs and steps if that comes first."""
    stop = plan.evaluations.next_after(state.steps, plan.phases)
    return max(state.steps + 1, min(stop, plan.optimizer.total_steps))


def train_to_evaluation(
    trainer: Trainer,
    stream: BatchStream,
    plan: Plan,
    *,
    state: RunState,
    watch: Watch,
    clock: Clock = time.perf_counter,
) -> Status:
    """Take the steps up to the next evaluation, which only are timed; how the run ended, or would end now."""
    stop, phases = _next_stop(plan, state), plan.phases
    while state.steps < stop:
        count = min(stop, phases.end(state.steps), state.steps + LONGEST_CALL) - state.steps
        batches = stream.after(state.examples, phases.at(state.steps).batch_size, count=count)
        start = clock()
        losses = trainer.train(batches).loss
        call_s = clock() - start
        watch.called(count, call_s, batch_size=batches.shape[1])
        state.training_s += call_s
        state.steps += count
        state.examples += batches.size
        state.losses.extend(float(loss) for loss in losses)
        if not np.isfinite(losses).all():
            return Status.DIVERGED
        if state.training_s >= plan.budget.seconds:
            return Status.TIME_LIMIT
    return Status.MISSED


def _evaluate(trainer: Trainer, data: Dataset, plan: Plan, *, state: RunState, clock: Clock) -> None:
    """Evaluate, add a point to the curve, and keep the parameters if they are the best so far."""
    start = clock()
    validation = scores(trainer.logits(data.validation_x), data.validation_y)
    if validation.accuracy > state.best_accuracy:
        state.best, state.best_accuracy = trainer.parameters(), validation.accuracy
    state.evaluation_s += clock() - start
    state.curve.append(_point(plan, state, validation))
    state.losses.clear()


def _point(plan: Plan, state: RunState, validation: Scores) -> Evaluation:
    """The point of the learning curve at the present step."""
    return Evaluation(
        examples=state.examples,
        training_s=state.training_s,
        train_loss=_finite(float(np.mean(state.losses))),
        validation_loss=_finite(validation.loss),
        validation_accuracy=validation.accuracy,
    )


def _finite(value: float) -> float | None:
    """The value, or None if JSON cannot represent it."""
    return value if math.isfinite(value) else None


def _finish(trainer: Trainer, data: Dataset, plan: Plan, *, state: RunState, ended: Status) -> Run:
    """The result of the run; accuracies on test and training data are those of the best parameters."""
    within = [e for e in state.curve if e.training_s <= plan.budget.seconds]
    reached = next((e for e in within if e.validation_accuracy >= plan.target), None)
    before = max((e.examples for e in within if reached and e.examples < reached.examples), default=0)
    best = max(state.curve, key=lambda e: e.validation_accuracy, default=None)
    final = _final_scores(trainer, data, state)
    return Run(
        seed=plan.seed,
        status=Status.REACHED if reached else ended,
        message=(f"loss not finite within step {state.steps}" if ended == Status.DIVERGED else ""),
        steps=state.steps,
        examples=state.examples,
        training_s=state.training_s,
        evaluation_s=state.evaluation_s,
        examples_to_target=reached and reached.examples,
        steps_to_target=reached and plan.phases.steps(reached.examples),
        examples_resolution=reached and reached.examples - before,
        time_to_target_s=reached and reached.training_s,
        best_examples=best and best.examples,
        validation_accuracy=best and best.validation_accuracy,
        test_accuracy=final.get("test"),
        train_accuracy=final.get("train"),
        curve=state.curve,
    )


def _final_scores(trainer: Trainer, data: Dataset, state: RunState) -> dict[str, float]:
    """Accuracies on test and training data with the best parameters; empty if nothing was ever evaluated."""
    if state.best is None:
        return {}
    trainer.reset(state.best)
    return {
        "test": scores(trainer.logits(data.test_x), data.test_y).accuracy,
        "train": scores(trainer.logits(data.train_x), data.train_y).accuracy,
    }
