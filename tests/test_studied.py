"""What the study's own code does otherwise than the arm says shows in the runs that it makes."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
import pytorch_process
import tracing
from planted_runs import (
    ARM,
    IN_FLOAT32,
    PLANTS,
    SIZES,
    by_the_study,
    of_less_time_to_the_target,
    of_less_training,
    on_other_threads,
    plans,
    recorded_of_one_seed,
    recorded_of_other_threads,
)

from benchmarks.identity import studied
from benchmarks.identity.certificate import judged
from benchmarks.identity.difference import BOUND, differences, float32_bound
from benchmarks.identity.trace import set_up
from benchmarks.training.record import Evaluation, Run

unconfigured = pytest.fixture(pytorch_process.torch_process, scope="module")


@pytest.fixture(scope="module")
def by_the_arm():
    data = tracing.blobs()
    common = {"model": "cnn", "execution": "idiomatic", "precision": "float64"}
    setup = set_up(tracing.numpy_in_float64(), data, ARM, first=None, **common)
    optimizers = {size: ARM.optimizer_at(size, total_steps=1) for size in SIZES}
    return studied.by_the_arm(setup, data, plans(), optimizers)


def found(trace, reference, precision):
    """The differences in this precision, each as a multiple of its bound."""
    of_precision = [name for name in reference if name.stage == stage_of(precision)]
    sizes = differences(trace, {name: reference[name] for name in of_precision})
    bounds = {name: float32_bound(name) if precision == "float32" else BOUND for name in sizes}
    return {name: size / bounds[name] for name, size in sizes.items()}


def stage_of(precision):
    return {"float64": studied.Stage.STUDIED, "float32": studied.Stage.STUDIED_SIZES}[precision]


@pytest.mark.parametrize(("precision", "runs"), [("float64", 2), ("float32", 2)])
def test_a_run_by_the_study_is_the_one_that_the_arm_says(unconfigured, by_the_arm, precision, runs):
    sizes = found(unconfigured(by_the_study, None, precision), by_the_arm, precision)
    assert max(sizes.values()) < 0.2, sizes
    assert len([name for name in sizes if name.of.startswith("training loss")]) == runs


@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "float64") for name in PLANTS), *((name, "float32") for name in IN_FLOAT32)],
)
def test_a_study_that_does_something_else_is_found(unconfigured, by_the_arm, name, precision):
    made = unconfigured(by_the_study, name, precision)
    assert isinstance(made, str) or max(found(made, by_the_arm, precision).values()) > 2


@pytest.mark.parametrize("name", [name for name in IN_FLOAT32 if name.endswith("in float32")])
def test_what_is_set_up_otherwise_in_float32_is_found_for_every_arm(unconfigured, name):
    assert "set-up at batch size" in unconfigured(by_the_study, name, "float64")


def error_of(plant):
    """The error of runs that the study cannot make."""
    from benchmarks.frameworks import pytorch

    with plant(), pytest.raises(RuntimeError) as raised:
        studied.by_the_study(pytorch, plans(), tracing.blobs(), precision="float64", threads=1)
    return str(raised.value)


def out_of_memory():
    from benchmarks.training import measure

    def none_left(*given):
        raise MemoryError("no memory left")

    return patch.object(measure, "warm_up", none_left)


def killed():
    import os
    import signal

    from benchmarks.training import measure

    return patch.object(measure, "warm_up", lambda *given: os.kill(os.getpid(), signal.SIGKILL))


@pytest.mark.parametrize(
    ("plant", "told"),
    [
        (out_of_memory, "no memory left"),
        (killed, "was killed by SIGKILL"),
        (recorded_of_one_seed, "recorded other settings"),
        (of_less_training, "recorded seconds that"),
        (of_less_time_to_the_target, "recorded seconds that"),
        (on_other_threads, "computed with {'intra_op_threads': 3}"),
        (recorded_of_other_threads, "computed with {'threads': 3}"),
    ],
)
def test_a_run_that_fails_is_an_error_and_no_agreement(unconfigured, plant, told):
    assert told in unconfigured(error_of, plant)


@pytest.mark.parametrize(
    ("examples", "training_s", "to_target", "agree"),
    [
        (20, 2.0, (10, 1.0), True),
        (20, 2.0, (None, None), True),
        (25, 2.5, (10, 1.0), True),  # it diverged after the second evaluation
        (20, 1.9, (None, None), False),
        (25, 2.0, (None, None), False),
        (20, 2.0, (10, 0.9), False),
        (20, 2.0, (None, 1.0), False),
    ],
)
def test_the_seconds_of_a_run_are_those_of_its_evaluations(examples, training_s, to_target, agree):
    common = {"train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.5}
    run = Run(
        **{"seed": 0, "status": "diverged", "examples": examples, "training_s": training_s},
        **dict(zip(("examples_to_target", "time_to_target_s"), to_target, strict=True)),
        curve=[Evaluation(examples=10 * n, training_s=float(n), **common) for n in (1, 2)],
    )
    assert studied.seconds_agree(run) == agree


def test_a_run_that_diverged_before_its_first_evaluation_has_seconds():
    run = Run(seed=0, status="diverged", examples=5, training_s=0.5)
    assert studied.seconds_agree(run)
    assert not studied.seconds_agree(run.model_copy(update={"training_s": 0.0}))


def test_other_executions_are_not_judged_by_runs_that_no_study_makes(by_the_arm):
    assert judged(by_the_arm, execution="idiomatic", precision="float32") == {}
    assert len(judged(by_the_arm, execution="fused", precision="float64")) == 12


def test_each_size_is_rehearsed_in_both_precisions_and_the_smallest_on_all_data():
    data = tracing.blobs()
    large = replace(
        data, **{name: np.concatenate([getattr(data, name)] * 9) for name in ("train_x", "train_y")}
    )
    found = {
        precision: [
            (plan.cell.batch_size, plan.optimizer.total_steps, len(used.train_y))
            for plan, used in studied.rehearsals(plans(), large, precision)
        ]
        for precision in ("float32", "float64")
    }
    assert found == {"float32": [(4, 24, 3000), (33, 24, 3000)], "float64": [(4, 24, 6300), (33, 3, 3000)]}
