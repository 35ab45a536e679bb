"""The pace of a trainer beside a run, against a clock that only its calls advance."""

import types

import numpy as np
import pytest

from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.plan import Evaluations
from benchmarks.training import pace


def plan(batch_size, evaluate_every):
    cell, optimizer = types.SimpleNamespace(batch_size=batch_size), types.SimpleNamespace(total_steps=150)
    evaluations = Evaluations(examples=evaluate_every)
    return types.SimpleNamespace(cell=cell, evaluations=evaluations, optimizer=optimizer)


def paced(seconds, *, steps, batch_size=4):
    """The pace of a trainer whose calls take these seconds in turn, and the batches of each call."""
    clock, calls = types.SimpleNamespace(now=0.0), []

    def train(batches):
        clock.now += seconds[len(calls)]
        calls.append(batches)

    stream = BatchStream(1000, seed=0)
    made = pace.step_ms(
        types.SimpleNamespace(train=train),
        stream,
        plan(batch_size, steps * batch_size),
        clock=lambda: clock.now,
    )
    return made, calls


def test_it_is_the_median_over_calls_as_long_as_those_of_the_run_but_for_the_first():
    made, calls = paced([9.0, 0.02, 0.03, 0.022, 0.04], steps=5)
    assert made == pytest.approx(1e3 * (0.022 + 0.03) / 2 / 5)
    assert [len(batches) for batches in calls] == [5] * 5
    seen = np.concatenate(calls)
    assert len(np.unique(seen)) == seen.size, "each call has examples that no other has"


def test_one_call_after_the_first_is_enough_if_it_takes_long():
    made, calls = paced([9.0, 3.0], steps=2)
    assert made == pytest.approx(1500.0) and len(calls) == 2


def test_calls_that_take_next_to_nothing_come_to_an_end():
    made, calls = paced([1e-9] * 1001, steps=2)
    assert made == pytest.approx(5e-7) and len(calls) == 1001


def test_the_first_call_which_is_not_counted_is_short():
    _, calls = paced([0.5, 3.0], steps=5000, batch_size=1)
    assert [len(batches) for batches in calls] == [pace.WARM_UP_STEPS, 150]
    _, calls = paced([0.5, 3.0, 3.0], steps=5)
    assert [len(batches) for batches in calls] == [5, 5]


def test_no_call_is_longer_than_the_run():
    _, calls = paced([3.0, 3.0], steps=5000, batch_size=1)
    assert [len(batches) for batches in calls] == [100, 150]


@pytest.mark.parametrize("failing", ["reset", "train"])
def test_what_fails_after_a_run_leaves_it_as_it_is(failing, capsys):
    def fail(_):
        raise RuntimeError("no memory left")

    trainer = types.SimpleNamespace(**{"reset": lambda _: None, "train": lambda _: None, failing: fail})
    assert pace.step_ms_after(trainer, {}, BatchStream(1000, seed=0), plan(4, 20)) == {}
    assert "no memory left" in capsys.readouterr().err
