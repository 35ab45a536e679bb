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
        calls = []

        def wait(self, seconds):
            clock.now += seconds

        def train(self, batches):
            clock.now += 0.5 + 0.25 * len(batches)
            self.calls.append(batches)

        def load_batches(self, batches):
            clock.now += 0.0625 * len(batches)

    return Trainer()


def case(batch_size, call_steps=3):
    names = {"dataset": "d", "model": "m", "step_kind": "momentum", "execution": "fused"}
    return Case(**names, batch_size=batch_size, call_steps=call_steps)


@pytest.mark.parametrize(("budget_s", "step_s"), [(4.0, 0.25), (0.1, 0.75)])
def test_the_cost_of_a_call_is_no_part_of_a_step(trainer, budget_s, step_s):
    def take(steps):
        trainer.train(np.zeros((steps, 1)))

    assert rounds.estimated_step_s(take, budget_s=budget_s) == pytest.approx(step_s)


def test_a_call_whose_fixed_cost_is_that_of_many_steps_is_no_step(trainer):
    """Half of the budget is over with the first step, and its time is that of the call."""

    def take(steps):
        trainer.wait(0.015625 + steps * 2.0**-20)

    assert rounds.estimated_step_s(take, budget_s=0.0078125) == pytest.approx(2.0**-20)


def test_a_fused_round_consists_of_calls_of_a_training_with_new_batches_each(trainer):
    timed = rounds.fused(trainer, BatchStream(N, seed=0), case(4), round_s=3.0, longest_s=9.0)
    trainer.calls.clear()
    for _ in range(2):
        (batches,), options = timed.prepare()
        timed.run(batches, **options)
    assert timed.steps == 12
    assert timed.round_s == pytest.approx(12 * 0.25)
    assert [len(call) for call in trainer.calls] == [3] * 8
    seen = np.concatenate(trainer.calls)
    assert len(np.unique(seen)) == seen.size


def test_a_call_is_as_long_as_that_of_a_training_though_it_takes_longer_than_a_round(trainer):
    timed = rounds.fused(trainer, BatchStream(N, seed=0), case(4, call_steps=40), round_s=2.0, longest_s=10.0)
    assert timed.steps == 40


def test_a_call_below_a_second_is_never_cut_however_short_a_case_is_timed(trainer, monkeypatch):
    """A step seems to take 5 ms, by calls of one step: 12 of them would fill the seconds of the case."""
    monkeypatch.setattr(trainer, "train", lambda batches: trainer.wait(0.004 + 0.001 * len(batches)))
    timed = rounds.fused(
        trainer, BatchStream(N, seed=0), case(4, call_steps=40), round_s=0.006, longest_s=0.06
    )
    assert timed.steps == 40


def test_a_call_that_would_take_too_long_is_cut(trainer):
    timed = rounds.fused(
        trainer, BatchStream(N, seed=0), case(4, call_steps=2048), round_s=2.0, longest_s=2.0
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
        trainer, BatchStream(N, seed=0), case(4, call_steps=2048), round_s=4.0, longest_s=9.0
    )
    assert timed.steps == 36


def test_the_input_of_fused_steps_is_timed_by_the_step(trainer):
    of_case = case(4, call_steps=512)
    assert rounds.input_step_s(trainer, BatchStream(N, seed=0), of_case) == pytest.approx(0.0625)
