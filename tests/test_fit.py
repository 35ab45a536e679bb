"""How the rounds of `fit` are timed, against a clock that only its epochs advance."""

import types

import pytest

from benchmarks.throughput import fit
from benchmarks.throughput.fit import Length

N = 1000
START_S, STEP_S, EPOCH_S, INPUT_S = 7.0, 0.25, 0.03125, 0.0625


@pytest.fixture
def trainer(monkeypatch):
    """A trainer whose `fit` takes START_S to start, STEP_S for a step and EPOCH_S at the end of an epoch.

    `pauses` has what some epochs take beyond that, by their number over all calls.
    """
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr(fit.time, "perf_counter", lambda: clock.now)

    class Trainer:
        calls, pauses, epochs = [], {}, 0

        def fit(self, batch_size, go_on, *, steps=None, step_s=STEP_S, name="fit"):
            self.calls.append((name, steps))
            clock.now += START_S
            while True:
                clock.now += EPOCH_S + step_s * (steps or N / batch_size) + self.pauses.get(self.epochs, 0.0)
                self.epochs += 1
                if not go_on():
                    return

        def load(self, batch_size, go_on, *, steps=None):
            self.fit(batch_size, go_on, steps=steps, step_s=INPUT_S, name="load")

    return Trainer()


@pytest.mark.parametrize(
    ("batch_size", "length"),
    [
        (4, Length(16, 1, 16.0)),  # an epoch has 250 steps
        (20, Length(12, 1, 12.0)),  # all rounds and the warm-up are within its 50 steps
        (40, Length(None, 1, 25.0)),  # its 25 steps are no more than twice as many
        (100, Length(None, 2, 20.0)),
        (1000, Length(None, 16, 16.0)),
        (300, Length(None, 4, 4 * N / 300)),  # the last batch of an epoch is smaller
    ],
)
def test_a_round_is_whole_epochs_or_few_enough_steps_of_one(batch_size, length):
    assert fit.length_of(16, N, batch_size) == length


@pytest.mark.parametrize("batch_size", [300, 400, 500, 1000, 2000])
def test_no_batch_is_so_large_that_a_round_has_no_step(batch_size):
    length = fit.length_of(1, N, batch_size)
    assert length.taken > 0 and length.epochs == 1


@pytest.mark.parametrize("length", [Length(16, 1, 16.0), Length(None, 2, 2 * N / 64)])
def test_a_round_is_timed_from_one_end_of_an_epoch_to_another_within_one_call(trainer, length):
    made = fit.timed(trainer.fit, 64, length)
    expected = length.epochs * EPOCH_S + STEP_S * length.taken
    assert made.seconds == pytest.approx([expected] * fit.ROUNDS)
    assert made.start_s == pytest.approx(START_S + expected)
    assert trainer.calls == [("fit", length.steps)]
    assert trainer.epochs == length.epochs * (1 + fit.ROUNDS)


def test_the_step_is_estimated_by_the_fastest_of_short_epochs(trainer):
    trainer.pauses = {1: 50.0, 3: 0.125}
    step_s = fit.step_s(trainer, N, 4, budget_s=100.0)
    assert step_s == pytest.approx(STEP_S + EPOCH_S / fit.TRIED_STEPS)
    assert trainer.calls == [("fit", fit.TRIED_STEPS)]


@pytest.mark.parametrize("paused", range(4))
def test_a_pause_does_not_make_the_rounds_short(trainer, paused):
    trainer.pauses = {paused: 1000.0}
    made = fit.rounds(trainer, 10**6, 4, round_s=64.0)
    assert made.length.steps == pytest.approx(64 / STEP_S, rel=0.03)


@pytest.mark.parametrize("batch_size", [4, 50, 80, 90, 300, 1000])
def test_short_epochs_are_together_within_one_pass_or_whole(trainer, batch_size):
    assert fit.step_s(trainer, N, batch_size, budget_s=1e9) == pytest.approx(STEP_S, rel=0.15)
    ((_, steps),) = trainer.calls
    assert steps is None or trainer.epochs * steps <= N // batch_size
    assert trainer.epochs > fit.FEWEST_TRIED


def test_steps_that_take_no_time_at_all_come_to_an_end(trainer):
    step_s = fit.step_s(
        types.SimpleNamespace(fit=lambda size, go_on, steps: [*iter(go_on, False)]), N, 4, budget_s=1
    )
    assert step_s == 0.0


def test_the_input_of_fit_is_timed_in_the_same_way(trainer):
    assert fit.input_step_s(trainer, 4, Length(16, 1, 16.0)) == pytest.approx(INPUT_S + EPOCH_S / 16)
    assert trainer.calls == [("load", 16)]
