"""What a round calls, and how long it is, against a clock that only the calls advance."""

import types

import numpy as np
import pytest

from benchmarks.recipe.batches import BatchStream
from benchmarks.throughput import rounds
from benchmarks.throughput.rows import Case

N = 1000


@pytest.fixture
def trainer(monkeypatch):
    """A trainer whose call costs 0.5 s and whose step costs 0.25 s."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(rounds.time, "perf_counter", lambda: clock.now)

    class Trainer:
        calls, fits, loads = [], [], []

        def wait(self, seconds):
            clock.now += seconds

        def train(self, batches):
            clock.now += 0.5 + 0.25 * len(batches)
            self.calls.append(batches)

        def fit(self, batch_size, *, epochs=1, steps=None):
            clock.now += 0.5 + 0.25 * epochs * (steps or N / batch_size)
            self.fits.append((epochs, steps))

        def load(self, batch_size, *, epochs=1, steps=None):
            clock.now += 0.375 + 0.0625 * epochs * (steps or N / batch_size)
            self.loads.append((epochs, steps))

        def load_batches(self, batches):
            clock.now += 0.0625 * len(batches)

    return Trainer()


def case(execution, batch_size, call_steps=3):
    names = {"dataset": "d", "model": "m", "step_kind": "momentum"}
    return Case(**names, execution=execution, batch_size=batch_size, call_steps=call_steps)


@pytest.mark.parametrize(("budget_s", "step_s"), [(4.0, 0.25), (0.1, 0.75)])
def test_the_cost_of_a_call_is_no_part_of_a_step(trainer, budget_s, step_s):
    def take(steps):
        trainer.train(np.zeros((steps, 1)))

    assert rounds.estimated_step_s(take, budget_s=budget_s) == pytest.approx(step_s)


def test_a_fused_round_consists_of_calls_of_a_training_with_new_batches_each(trainer):
    timed = rounds.fused(trainer, BatchStream(N, seed=0), case("fused", 4), round_s=3.0, longest_s=9.0)
    trainer.calls.clear()
    for _ in range(2):
        (batches,), options = timed.prepare()
        timed.run(batches, **options)
    assert timed.steps == 12 and timed.start_s == 0
    assert timed.round_s == pytest.approx(12 * 0.25)
    assert [len(call) for call in trainer.calls] == [3] * 8
    seen = np.concatenate(trainer.calls)
    assert len(np.unique(seen)) == seen.size


def test_a_call_is_as_long_as_that_of_a_training_though_it_takes_longer_than_a_round(trainer):
    timed = rounds.fused(
        trainer, BatchStream(N, seed=0), case("fused", 4, call_steps=40), round_s=2.0, longest_s=10.0
    )
    assert timed.steps == 40


def test_a_call_that_would_take_too_long_is_cut(trainer):
    timed = rounds.fused(
        trainer, BatchStream(N, seed=0), case("fused", 4, call_steps=2048), round_s=2.0, longest_s=2.0
    )
    assert timed.steps == 8


@pytest.mark.parametrize("paused", range(8))
def test_a_pause_while_the_step_is_estimated_does_not_make_calls_short(trainer, monkeypatch, paused):
    train, pauses = trainer.train, [100.0 if call == paused else 0.0 for call in range(8)]

    def delayed(batches):
        train(batches)
        trainer.wait(pauses.pop(0) if pauses else 0.0)

    monkeypatch.setattr(trainer, "train", delayed)
    timed = rounds.fused(
        trainer, BatchStream(N, seed=0), case("fused", 4, call_steps=2048), round_s=4.0, longest_s=9.0
    )
    assert timed.steps == 36


@pytest.mark.parametrize(
    ("batch_size", "length", "steps"),
    [
        (4, {"steps": 16}, 16),  # an epoch of 250 steps takes longer than the round
        (100, {"epochs": 2}, 20),  # 16 steps are more than the 10 of an epoch
        (1000, {"epochs": 16}, 16),
        (300, {"epochs": 4}, 4 * N / 300),  # the last batch of an epoch is smaller
    ],
)
def test_a_round_of_fit_is_whole_epochs_or_a_part_of_one_without_its_start(
    trainer, batch_size, length, steps
):
    timed = rounds.idiomatic(trainer, N, case("idiomatic", batch_size), round_s=4.0)
    arguments, options = timed.prepare()
    took = rounds.seconds(timed.run, *arguments, **options)
    assert options == length
    assert timed.start_s == pytest.approx(0.75)
    assert (took - timed.start_s) / timed.steps == pytest.approx(0.25)
    assert timed.steps == pytest.approx(steps - 1)
    assert timed.round_s == pytest.approx(took - timed.start_s)


def test_a_slow_start_does_not_make_the_round_short(trainer, monkeypatch):
    """The first calls of a process are slow; the fastest of them is the start."""
    fit, slow = trainer.fit, [3.0, 2.0, 0.0]

    def delayed(batch_size, **length):
        fit(batch_size, **length)
        trainer.wait(slow.pop(0) if slow else 0.0)

    monkeypatch.setattr(trainer, "fit", delayed)
    timed = rounds.idiomatic(trainer, N, case("idiomatic", 4), round_s=4.0)
    assert timed.start_s == pytest.approx(0.75)
    assert timed.steps == 15


def test_a_slow_start_of_a_few_steps_does_not_make_the_round_short(trainer, monkeypatch):
    """After the three calls for the start and one that is short, one call is slow to start."""
    fit, slow = trainer.fit, [0.0, 0.0, 0.0, 0.0, 5.0]

    def delayed(batch_size, **length):
        fit(batch_size, **length)
        trainer.wait(slow.pop(0) if slow else 0.0)

    monkeypatch.setattr(trainer, "fit", delayed)
    assert rounds.idiomatic(trainer, N, case("idiomatic", 4), round_s=4.0).steps == 15


@pytest.mark.parametrize("batch_size", [N // 2, N])
def test_a_round_of_long_steps_has_several_beyond_the_start(trainer, batch_size):
    timed = rounds.idiomatic(trainer, N, case("idiomatic", batch_size), round_s=0.01)
    assert timed.start_s == pytest.approx(0.75)
    assert timed.steps == rounds.FEWEST_STEPS


@pytest.mark.parametrize("batch_size", [4, 100, 300, 1000])
def test_the_input_of_fit_is_timed_as_long_as_a_round_and_without_its_start(trainer, batch_size):
    of_case = case("idiomatic", batch_size)
    timed = rounds.idiomatic(trainer, N, of_case, round_s=4.0)
    _, length = timed.prepare()
    trainer.loads.clear()
    step_s = rounds.input_step_s(trainer, BatchStream(N, seed=0), of_case, timed)
    assert step_s == pytest.approx(0.0625)
    assert trainer.loads == [(1, 1)] * 2 + [(length.get("epochs", 1), length.get("steps"))] * 2


def test_an_input_that_takes_no_time_beside_its_start_is_no_less_than_nothing(trainer, monkeypatch):
    timed = rounds.idiomatic(trainer, N, case("idiomatic", 4), round_s=4.0)
    monkeypatch.setattr(trainer, "load", lambda *_, steps: trainer.wait(1.0 if steps == 1 else 0.5))
    assert rounds.input_step_s(trainer, BatchStream(N, seed=0), case("idiomatic", 4), timed) == 0


def test_the_input_of_fused_steps_is_timed_by_the_step(trainer):
    of_case = case("fused", 4, call_steps=512)
    timed = rounds.fused(trainer, BatchStream(N, seed=0), of_case, round_s=3.0, longest_s=9.0)
    assert rounds.input_step_s(trainer, BatchStream(N, seed=0), of_case, timed) == pytest.approx(0.0625)


@pytest.mark.parametrize("paused", range(3, 9))
def test_a_pause_of_any_call_does_not_make_the_round_short(trainer, monkeypatch, paused):
    """The pause of one call in place of the fourth to the ninth, with which the length is sought."""
    fit, pauses = trainer.fit, [100.0 if call == paused else 0.0 for call in range(9)]

    def delayed(batch_size, **length):
        fit(batch_size, **length)
        trainer.wait(pauses.pop(0) if pauses else 0.0)

    monkeypatch.setattr(trainer, "fit", delayed)
    assert rounds.idiomatic(trainer, N, case("idiomatic", 4), round_s=4.0).steps == 15


def test_few_tries_find_how_long_a_round_of_fit_is(trainer):
    trainer.fits.clear()
    rounds.idiomatic(trainer, 10**6, case("idiomatic", 4), round_s=600.0)
    assert [steps for _, steps in trainer.fits] == [1] * 3 + [6, 96] + [1536] * 2


def test_a_try_that_seems_to_take_no_time_is_followed_by_a_longer_one(trainer, monkeypatch):
    """The start was timed too long, so that a few steps more seem to take nothing."""
    fit, slow = trainer.fit, [5.0] * 4

    def delayed(batch_size, **length):
        fit(batch_size, **length)
        trainer.wait(slow.pop(0) if slow else 0.0)

    monkeypatch.setattr(trainer, "fit", delayed)
    timed = rounds.idiomatic(trainer, N, case("idiomatic", 4), round_s=4.0)
    assert timed.steps > 15
