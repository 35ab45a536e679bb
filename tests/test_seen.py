"""What is seen of a run from outside, held to what its record says."""

import numpy as np
import pytest

from benchmarks.identity.driver import Script
from benchmarks.identity.scripted import data
from benchmarks.identity.seen import Seen
from benchmarks.training.record import Evaluation, Run, Status

DATA = data(10)
PLAN = Script(2, 30, 20, target=0.5).plan(0)
SHARES = (0.2, 0.6, 0.6, 0.4)


def outputs(share):
    """Right for this share of ten examples, all of which are of class 1."""
    right = np.arange(10) < round(10 * share)
    return np.where(right, 1.0, -1.0)[:, np.newaxis] * np.array([-1.0, 1.0])


def seen():
    made = Seen(DATA)
    for place, share in enumerate(SHARES):
        made.evaluated(DATA.validation_x, outputs(share), {"w": np.array([float(place)])}, 20 * (place + 1))
    made.evaluated(DATA.test_x, outputs(0.7), {"w": np.array([1.0])}, 80)
    made.evaluated(DATA.train_x, outputs(0.9), {"w": np.array([1.0])}, 80)
    return made


def run(**changes):
    curve = [
        Evaluation(
            **{"examples": 20 * (place + 1), "training_s": 1.0, "train_loss": 1.0, "validation_loss": 1.0},
            validation_accuracy=share,
        )
        for place, share in enumerate(SHARES)
    ]
    told = {"examples_to_target": 40, "best_examples": 40, "validation_accuracy": 0.6}
    told |= {"test_accuracy": 0.7, "train_accuracy": 0.9, "curve": curve, "status": Status.REACHED}
    return Run(**{"seed": 0, "steps": 40, "examples": 80, "training_s": 4.0} | told | changes)


def test_a_run_that_tells_what_was_seen_has_no_fault():
    assert seen().fault(run(), PLAN) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"curve": run().curve[1:]},
        {"validation_accuracy": 0.7},
        {"best_examples": 60},
        {"examples_to_target": 60},
        {"test_accuracy": 0.6},
        {"train_accuracy": None},
        {"status": Status.MISSED},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_run_that_tells_something_else_is_found(changes):
    assert "is not as it was seen" in seen().fault(run(**changes), PLAN)


def test_a_run_is_judged_by_the_parameters_of_the_first_best_evaluation():
    assert seen().judged_by({"w": np.array([1.0])}) == ""
    for other in (2.0, 3.0, 1.0 + 1e-15):
        assert "other parameters" in seen().judged_by({"w": np.array([other])})
    assert "other parameters" in Seen(DATA).judged_by({"w": np.array([1.0])})
