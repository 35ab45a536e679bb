"""The loop to target, with a trainer that follows a script and a clock that is told what to show."""

import itertools
import math
import types

import numpy as np
import pytest

from benchmarks.common.quiet import Watch
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks.trainer import Steps
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.growth import Phase
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.plan import Budget, Cell, Evaluations, Plan
from benchmarks.training.record import Status
from benchmarks.training.run import run_to_target

N = 100


class FakeClock:
    """Time stands still unless somebody moves it."""

    now = 0.0

    def __call__(self):
        return self.now


class ScriptedTrainer:
    """Each step takes `step_s`; its parameters count the steps; evaluation `k` has the k-th accuracy."""

    def __init__(self, clock, *, accuracies, step_s=1.0, evaluation_s=0.0, loss=lambda step: 1.0):
        self.clock, self.accuracies, self.step_s, self.evaluation_s = (
            clock,
            accuracies,
            step_s,
            evaluation_s,
        )
        self.loss, self.steps, self.seen, self.evaluations, self.test_reads = (loss, 0, [], 0, [])

    def train(self, batches):
        losses = [self.loss(self.steps + k + 1) for k in range(len(batches))]
        self.steps += len(batches)
        self.clock.now += self.step_s * len(batches)
        self.seen.append(batches)
        return Steps(np.array(losses), None)

    def parameters(self):
        return {"steps": np.array(self.steps)}

    def reset(self, parameters):
        self.steps = int(parameters["steps"])

    def logits(self, examples):
        self.clock.now += self.evaluation_s
        kind = int(examples[0, 0])
        if kind != VALIDATION:
            self.test_reads.append((kind, self.steps))
            return right(len(examples), share=0.5)
        accuracy = self.accuracies[min(self.evaluations, len(self.accuracies) - 1)]
        self.evaluations += 1
        return right(len(examples), share=accuracy)


TRAIN, VALIDATION, TEST = 0, 1, 2


def right(n, *, share):
    """Logits that pick class 1 for this share of the examples, class 0 for the others."""
    picked = (np.arange(n) < round(share * n)).astype(int)
    return np.eye(2)[picked]


def data():
    def part(kind, n):
        return np.full((n, 1), kind, np.float32), np.ones(n, np.int32)

    (a, b), (c, d), (e, f) = part(TRAIN, N), part(VALIDATION, 20), part(TEST, 40)
    return Dataset(
        name="fake",
        n_classes=2,
        sha256="",
        train_x=a,
        train_y=b,
        validation_x=c,
        validation_y=d,
        test_x=e,
        test_y=f,
    )


def plan(
    batch_size=10,
    *,
    target=0.9,
    epochs=2.0,
    seconds=1e9,
    evaluate_every=50,
    evaluate_steps=1,
    growth=(),
    steps=None,
):
    steps = steps or math.ceil(epochs * N / batch_size)
    return Plan(
        cell=Cell(dataset="fake", model="mlp", framework="fake", arm="a", batch_size=batch_size),
        device="cpu",
        precision="float32",
        optimizer=Optimizer(name="momentum", learning_rate=0.5, momentum=0.5, total_steps=steps),
        augmentation=[],
        randomness="shared",
        seed=0,
        growth=list(growth),
        target=target,
        budget=Budget(epochs=epochs, seconds=seconds),
        evaluations=Evaluations(examples=evaluate_every, steps=evaluate_steps),
    )


def run(plan, *, watch=None, **script):
    clock = FakeClock()
    trainer = ScriptedTrainer(clock, **script)
    stream = BatchStream(len(data().train_y), seed=0)
    return (run_to_target(trainer, stream, data(), plan, watch=watch or Watch(), clock=clock), trainer)


def test_the_watch_is_told_of_every_call_and_probes_before_the_first_and_every_evaluation():
    told, probes = [], []
    watch = types.SimpleNamespace(
        called=lambda steps, seconds, *, batch_size: told.append((steps, round(seconds, 9))),
        probe=lambda: probes.append(len(told)),
    )
    run(plan(), watch=watch, accuracies=[0.5, 0.9], step_s=0.1, evaluation_s=100.0)
    assert told == [(5, 0.5)] * 4
    assert probes == [0, 1, 2, 3, 4]


def test_the_first_evaluation_at_the_target_counts_and_training_goes_on_to_the_end_of_the_budget():
    result, _ = run(plan(), accuracies=[0.5, 0.9, 0.95, 0.8], step_s=0.1)
    assert result.status == Status.REACHED
    assert (result.examples_to_target, result.steps_to_target) == (100, 10)
    assert result.examples_resolution == 50
    assert result.time_to_target_s == pytest.approx(1.0)
    assert (result.examples, result.steps) == (200, 20)
    assert [e.examples for e in result.curve] == [50, 100, 150, 200]


def test_a_target_never_met_is_missed_and_not_zero():
    result, _ = run(plan(), accuracies=[0.5])
    assert result.status == Status.MISSED
    assert result.examples_to_target is result.steps_to_target is result.time_to_target_s is None
    assert result.test_accuracy == 0.5


def test_evaluation_does_not_count_as_training_time():
    result, _ = run(plan(), accuracies=[0.5, 0.9], step_s=0.1, evaluation_s=100.0)
    assert result.training_s == pytest.approx(2.0)
    assert result.time_to_target_s == pytest.approx(1.0)
    assert result.evaluation_s == pytest.approx(400.0)


def test_the_test_set_is_read_once_with_the_parameters_of_the_best_validation():
    result, trainer = run(plan(), accuracies=[0.5, 0.95, 0.9, 0.7])
    assert [read for read in trainer.test_reads if read[0] == TEST] == [(TEST, 10)]
    assert (result.best_examples, result.validation_accuracy) == (100, 0.95)


def test_a_loss_that_is_not_finite_ends_the_run_as_diverged():
    result, _ = run(plan(), accuracies=[0.5], loss=lambda step: np.nan if step == 8 else 1.0)
    assert result.status == Status.DIVERGED
    assert [e.examples for e in result.curve] == [50]
    assert result.message


def test_divergence_before_any_evaluation_leaves_no_accuracy():
    result, trainer = run(plan(), accuracies=[0.5], loss=lambda step: np.inf)
    assert result.status == Status.DIVERGED
    assert result.test_accuracy is None
    assert trainer.test_reads == []


def test_a_run_that_diverges_after_the_target_still_reached_it():
    result, _ = run(plan(), accuracies=[0.9], loss=lambda step: np.nan if step > 10 else 1.0)
    assert result.status == Status.REACHED
    assert "not finite" in result.message


def test_a_target_met_after_the_seconds_are_over_is_not_reached():
    result, _ = run(plan(seconds=7.0), accuracies=[0.5, 0.95], step_s=1.0)
    assert (result.status, result.examples_to_target) == (Status.TIME_LIMIT, None)
    assert result.curve[-1].validation_accuracy == 0.95


def test_the_budget_in_seconds_ends_a_run():
    result, _ = run(plan(seconds=7.0), accuracies=[0.5], step_s=1.0)
    assert result.status == Status.TIME_LIMIT
    assert result.examples == 100  # the limit passed between the evaluations at 50 and at 100
    assert result.curve[-1].examples == 100


@pytest.mark.parametrize("batch_size", [1, 3, 7, 10, 32, 50, 64, 100])
def test_evaluations_fall_on_the_first_step_at_or_after_fixed_counts_of_examples(batch_size):
    result, _ = run(plan(batch_size, epochs=3.0), accuracies=[0.5])
    stops = [e.examples for e in result.curve]
    expected = sorted({-(-m // batch_size) * batch_size for m in range(50, 301, 50)})
    assert stops == expected


def test_training_follows_the_batch_stream_whatever_the_calls():
    _, trainer = run(plan(7), accuracies=[0.5])
    steps = sum(len(batches) for batches in trainer.seen)
    expected = BatchStream(N, seed=0).batches(7, first=0, count=steps)
    assert (np.concatenate(trainer.seen) == expected).all()


def test_curve_losses_are_means_since_the_evaluation_before():
    result, _ = run(plan(), accuracies=[0.5], loss=float)
    assert result.curve[0].train_loss == pytest.approx(np.mean([1, 2, 3, 4, 5]))
    assert result.curve[1].train_loss == pytest.approx(np.mean([6, 7, 8, 9, 10]))


def test_a_large_batch_is_evaluated_after_some_steps_which_are_the_resolution_of_its_target():
    result, _ = run(plan(batch_size=50, epochs=5, evaluate_steps=4), accuracies=[0.5, 0.9, 0.9], step_s=0.1)
    assert [point.examples for point in result.curve] == [200, 400, 500]
    assert (result.examples_to_target, result.examples_resolution) == (400, 200)
    at_once, _ = run(plan(batch_size=50), accuracies=[0.9, 0.9, 0.9, 0.9], step_s=0.1)
    assert at_once.examples_resolution == 50
    missed, _ = run(plan(batch_size=50), accuracies=[0.1] * 4, step_s=0.1)
    assert missed.examples_resolution is None


def test_steps_before_an_evaluation_cover_its_examples_and_are_no_fewer_than_its_steps():
    by_examples = Evaluations(examples=50)
    assert evaluated(by_examples, [20] * 9) == [3, 5, 8]
    by_both = Evaluations(examples=50, steps=4)
    assert evaluated(by_both, [20] * 13) == [4, 8, 12]
    assert evaluated(by_both, [5] * 31) == [10, 20, 30]
    assert by_both.call_steps(20) == 4 and by_both.call_steps(5) == 10


def evaluated(evaluations, sizes):
    """After which steps of these sizes there is an evaluation."""
    growth = [
        Phase(first_step=step, examples=sum(sizes[:step]), batch_size=size)
        for step, (before, size) in enumerate(itertools.pairwise(sizes), start=1)
        if size != before
    ]
    phases, steps = plan(batch_size=sizes[0]).model_copy(update={"growth": growth}).phases, [0]
    while steps[-1] < len(sizes):
        steps.append(evaluations.next_after(steps[-1], phases))
    return [step for step in steps[1:] if step < len(sizes)]


@pytest.mark.parametrize("steps", [1, 3, 7])
@pytest.mark.parametrize("batch_size", [1, 7, 20, 50, 120])
def test_the_next_evaluation_is_the_first_that_comes_after(batch_size, steps):
    evaluations, phases = Evaluations(examples=50, steps=steps), plan(batch_size=batch_size).phases
    due = [max(math.ceil(k * 50 / batch_size), k * steps) for k in range(1, 400)]
    for taken in range(200):
        assert evaluations.next_after(taken, phases) == min(at for at in due if at > taken)


@pytest.mark.parametrize(
    "sizes", [[5] * 10 + [20] * 30, [3, 3, 3, 50, 50, 50, 100, 100], [10] * 5 + [30] * 9]
)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_batch_that_grows_is_evaluated_after_as_many_examples_and_steps(sizes, steps):
    due = []
    for step, examples in enumerate(itertools.accumulate(sizes), start=1):
        while examples >= 50 * (len(due) + 1) and step >= steps * (len(due) + 1):
            due.append(step)  # several may be due at once
    assert evaluated(Evaluations(examples=50, steps=steps), sizes) == [
        step for step in dict.fromkeys(due) if step < len(sizes)
    ]


def test_a_batch_that_grows_takes_the_stream_where_the_smaller_one_left_it():
    growth = [
        Phase(first_step=6, examples=60, batch_size=20),
        Phase(first_step=9, examples=120, batch_size=40),
    ]
    result, trainer = run(
        plan(batch_size=10, growth=growth, steps=14), accuracies=[0.5, 0.6, 0.9, 0.9, 0.9, 0.9]
    )
    assert [len(row) for batches in trainer.seen for row in batches] == [10] * 6 + [20] * 3 + [40] * 5
    seen = np.concatenate([batches.ravel() for batches in trainer.seen])
    assert (seen == BatchStream(N, seed=0).batches(320, first=0, count=1)[0]).all()
    assert (result.steps, result.examples) == (14, 320)
    assert [point.examples for point in result.curve] == [50, 100, 160, 200, 280, 320]
    assert (result.steps_to_target, result.examples_to_target, result.examples_resolution) == (10, 160, 60)
