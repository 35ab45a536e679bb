"""What a trace holds, on the reference alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tracing import ADAM, MOMENTUM, STUDY, traced

from benchmarks import models
from benchmarks.common.errors import Problem
from benchmarks.common.store import Store, digest
from benchmarks.frameworks.trainer import EXECUTIONS, Steps
from benchmarks.identity import quantity, subjects, traces
from benchmarks.identity.difference import differences, first_step_apart, relative_difference
from benchmarks.identity.quantity import Quantity, Stage
from benchmarks.identity.trace import (
    BATCH_SIZE,
    EXAMPLES,
    STEPS,
    batches,
    is_constant,
    layer_kinds,
    losses,
    optimizer_of,
    rates_of,
    record_beginning,
    set_up,
    with_changing_rate,
)
from benchmarks.models.layers import Conv, Dense, Dropout, Flatten, ReLU, Residual
from benchmarks.study import check, study
from benchmarks.training.dependencies import certified_conditions

REHEARSED = (Stage.EXAGGERATED, Stage.HARSH, Stage.LARGE, Stage.DIVERGED, Stage.SMALLEST, Stage.SIZES)
REHEARSED += (Stage.CALLS, Stage.SLOW, Stage.SLOW_AGAIN, Stage.STUDIED, Stage.STUDIED_SIZES)
REHEARSED += (Stage.RUN, Stage.RUN_AGAIN, Stage.COUNTED, Stage.TIMED, Stage.PRODUCTS, Stage.FOLLOWED)


def test_the_loss_falls_so_that_agreement_means_something(reference):
    curve = reference[Quantity(Stage.LOSS)]
    assert len(curve) == 200
    assert curve[-10:].mean() < 0.5 * curve[:10].mean()


def test_the_gradients_norm_is_there_for_arms_that_do_not_clip(reference):
    norms = reference[Quantity(Stage.NORM)]
    assert norms.shape == (200,)
    assert (norms > 0).all()
    assert reference[Quantity(Stage.FIRST_NORM)] == norms[:1]


@pytest.fixture(scope="module")
def clipped(numpy, digits):
    """A trace of an arm that clips, with a rate that changes."""
    return traced(numpy, digits, ADAM, model="logistic")


def test_the_gradients_norm_is_there_for_arms_that_clip(clipped, numpy, digits):
    norms = clipped[Quantity(Stage.NORM)]
    assert norms.shape == (200,)
    assert clipped[Quantity(Stage.FIRST_NORM)] == norms[:1]
    found = traced(numpy, digits, ADAM, model="logistic", recorded=record_beginning)
    assert found[Quantity(Stage.FIRST_NORM)] == norms[:1]


def test_a_constant_rate_is_traced_as_it_stands_too(reference, clipped):
    assert any(name.stage == Stage.CONSTANT for name in reference)
    assert not any(name.stage == Stage.CONSTANT for name in clipped)


def test_losses_are_the_same_however_many_steps_are_taken_at_a_time(reference, numpy, digits):
    found = traced(numpy, digits, MOMENTUM, recorded=record_beginning)[Quantity(Stage.LOSS)]
    assert relative_difference(found, reference[Quantity(Stage.LOSS)], scale=1) < 1e-13


class TellsMeans:
    """A trainer whose losses fall as `TRUE` and come, as from Keras's `fit`, out of float32 running means."""

    TRUE = 2.5 * np.exp(-np.arange(STEPS) / 30)

    def __init__(self, **_):
        self.first = 0

    def reset(self, parameters):
        self.first = 0

    def train(self, batches):
        of_steps = self.TRUE[self.first : self.first + len(batches)]
        self.first += len(batches)
        numbers = np.arange(1, len(of_steps) + 1)
        means = (np.cumsum(of_steps) / numbers).astype(np.float32)
        return Steps(np.diff(means.astype(float) * numbers, prepend=0.0), None)


def test_losses_told_as_means_keep_their_digits_in_float32(digits):
    framework = SimpleNamespace(Trainer=TellsMeans)
    setup = set_up(framework, digits, MOMENTUM, model="mlp", execution="idiomatic", precision="float32")
    found = losses(setup, setup.trainer())[Quantity(Stage.LOSS)]
    assert first_step_apart(found, TellsMeans.TRUE, by=1e-3 * TellsMeans.TRUE) is None


def test_batches_straddle_epochs(digits, numpy):
    setup = set_up(numpy, digits, MOMENTUM, model="mlp", execution="fused", precision="float64")
    assert len(setup.labels) == EXAMPLES
    assert EXAMPLES % BATCH_SIZE
    assert batches(setup).shape == (STEPS, BATCH_SIZE)


def test_the_rate_changes_in_every_trace():
    assert is_constant(optimizer_of(MOMENTUM))
    assert len(np.unique(rates_of(MOMENTUM))) > 10
    assert with_changing_rate(optimizer_of(ADAM)) == optimizer_of(ADAM)
    assert optimizer_of(ADAM).schedule == ADAM.schedule
    assert (np.diff(rates_of(ADAM)) != 0).sum() >= STEPS - 2  # warm-up and half a cosine


def test_quantities_come_in_causal_order_and_survive_their_file(reference, tmp_path):
    quantity.write_traces(
        {"a/b/c/d": reference, "a/b/c/e": {}}, {"a/b/c/d": "c0de"}, tmp_path / "x.safetensors"
    )
    found = quantity.read_trace(tmp_path / "x.safetensors", "a/b/c/d")
    assert {str(name) for name in found} == {str(name) for name in reference}
    stages = [name.stage for name in differences(found, reference)]
    assert list(dict.fromkeys(stages)) == [stage for stage in Stage if stage not in REHEARSED]
    assert max(differences(found, reference).values()) == 0
    assert quantity.read_trace(tmp_path / "x.safetensors", "a/b/c/e") == {}
    assert quantity.read_conditions(tmp_path / "x.safetensors", "a/b/c/d") == "c0de"


def test_a_residual_is_compared_after_what_is_inside_it():
    layers = [Conv(2), Residual((Conv(2), ReLU()), (Conv(2),)), Flatten(), Dense(3)]
    found = layer_kinds(layers, (4, 4, 1))
    assert list(found) == ["0", "1.body.0", "1.body.1", "1.shortcut.0", "1", "2", "3"]
    assert found["1"] == "Residual"


def test_dropout_of_the_framework_is_statistical_and_traced_with_the_shared_generator(numpy, digits):
    own = MOMENTUM.model_copy(update={"randomness": "framework"})
    layers = [Flatten(), Residual((Dense(4), Dropout(0.5, "framework")), (Dense(4),))]
    assert models.is_statistical(layers)
    assert not models.is_statistical([Flatten(), Dropout(0.5), Dense(3)])
    setup = set_up(numpy, digits, own, model="c1", execution="fused", precision="float64")
    assert models.is_statistical(models.spec("c1", n_classes=10, randomness="framework"))
    assert setup.layers == models.spec("c1", n_classes=10)


def test_of_the_reference_only_what_is_compared_with_is_traced():
    assert subjects.files(["pytorch"]) == [
        ("numpy", "float64", False),
        ("pytorch", "float64", True),
        ("pytorch", "float32", True),
    ]
    assert subjects.File("numpy", "float64", certified=False).executions == ("idiomatic",)
    assert subjects.files(["numpy"]) == [("numpy", "float64", True), ("numpy", "float32", True)]
    assert subjects.File("numpy", "float64").executions == EXECUTIONS
    assert subjects.File("numpy", "float64", certified=False).device("gpu") == "cpu"
    assert subjects.File("pytorch", "float64").device("gpu") == "gpu"


def everything_else(study, file):
    """What is traced of a study but its runs."""
    return [subjects.Part(each, "steps") for each in subjects.subjects_of(study, file)]


def conditions_of_parts(arms, precision, data):
    """The conditions of the runs and of everything else, arm by arm, of the fused execution."""
    read = check.read({**STUDY, "arms": arms})
    file = subjects.File("pytorch", precision)
    return [
        [traces.conditions_of(read, file, part, data, threads=1) for part in each]
        for subject in subjects.subjects_of(read, file)
        if len(each := subjects.parts_of(subject, read, precision)) > 1
    ]


RATES = [
    {"name": "fixed", "learning_rate": 0.1, "momentum": 0.5, "scaling": "none"},
    {"name": "linear", "learning_rate": 0.05, "momentum": 0.5, "scaling": "linear"},
]
GROWS = {"factor": 2, "milestones": [0.5]}


def test_arms_that_differ_by_their_rates_share_their_runs_in_float32(digits):
    fixed, linear = conditions_of_parts(RATES, "float32", digits)
    assert fixed == linear
    fixed, linear = conditions_of_parts(RATES, "float64", digits)
    assert fixed[0] != linear[0] and fixed[1] == linear[1]


@pytest.mark.parametrize("changes", [{"growth": GROWS}, {"momentum": 0.75}, {"weight_decay": 0.5}])
def test_arms_that_differ_otherwise_do_not(changes, digits):
    fixed, other = conditions_of_parts([RATES[0], {**RATES[1], **changes}], "float32", digits)
    assert fixed[0] != other[0]


def test_in_float32_an_arm_that_grows_has_its_own_runs_beside_one_that_is_alike(digits, tmp_path):
    grows = {**RATES[0], "name": "grows", "growth": GROWS}
    small = {**STUDY["workloads"][0], "model": "logistic", "batch_sizes": [16, 32]}
    read = check.read({**STUDY, "arms": [RATES[0], grows, RATES[1]], "workloads": [small]})
    made = traces.record_missing(
        read, subjects.File("numpy", "float32"), {"digits": digits}, Store(tmp_path), threads=1
    )
    examples = Quantity(Stage.STUDIED_SIZES, "examples at 16")
    fixed, grown, linear = (made[f"digits/logistic/{name}/fused"] for name in ("fixed", "grows", "linear"))
    assert np.array_equal(fixed[examples], linear[examples])
    assert not np.array_equal(fixed[examples], grown[examples])


def test_a_file_has_a_trace_and_conditions_for_each_of_its_executions(digits):
    read = check.read({**STUDY, "workloads": [{**STUDY["workloads"][0], "model": "logistic"}]})
    for certified, executions in ((True, EXECUTIONS), (False, ("idiomatic",))):
        file = subjects.File("numpy", "float32", certified=certified)
        wanted = everything_else(read, file)
        found = dict(traces.traces(read, file, {"digits": digits}, wanted, threads=1))
        conditions = traces.conditions_by_arm(read, file, {"digits": digits}, threads=1)
        assert list(found) == list(conditions) == [f"digits/logistic/adam/{each}" for each in executions]
        assert all(Quantity(Stage.FIRST_LOSS) in trace for trace in found.values())


def test_a_certificate_holds_for_the_runs_of_an_adam_whose_beta_2_follows_the_batch_size(digits):
    arm = {"name": "adam", "optimizer": "adam", "learning_rate": 0.01, "scaling": "none"}
    workload = {**STUDY["workloads"][0], "model": "logistic", "batch_sizes": [4, 16]}
    arms = [arm, {**arm, "name": "half-life", "beta_2_reference": 4}]
    read = check.read({**STUDY, "workloads": [workload], "arms": arms, "seeds": [0]})
    file = subjects.File("pytorch", "float32")
    found = traces.conditions_by_arm(read, file, {"digits": digits}, threads=1)
    for replicate in study.replicates(read):
        for plan in replicate.plans:
            own = digest(certified_conditions(plan, data=digits, threads=1))
            held = found[f"digits/logistic/{plan.cell.arm}/fused"].split()
            assert own in held and len(held) == (2 if plan.cell.arm == "half-life" else 1)


def test_a_run_that_is_forked_does_not_wait_for_threads_that_it_lacks():
    """Threads read the import graph. Once something else has read one they are there, but not in a fork."""
    again = ["-q", "-n0", "-p", "no:cacheprovider", __file__, "-k", "a_file_has_a_trace"]
    code = f"import grimp, pytest, sys; grimp.build_graph('benchmarks'); sys.exit(pytest.main({again!r}))"
    root = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stdout


def test_an_error_stands_in_place_of_the_trace_that_it_ended(monkeypatch, digits, tmp_path, capsys):
    def raises(subject, *_, **__):
        if subject.execution == "fused":
            raise TypeError("steps of another trainer")
        return {Quantity(Stage.FIRST_LOSS): np.ones(1)}

    monkeypatch.setitem(traces.RECORDED, "steps", raises)
    read = check.read(STUDY)
    file = subjects.File("numpy", "float64")
    found = dict(traces.traces(read, file, {"digits": digits}, everything_else(read, file), threads=1))
    quantity.write_traces(found, dict.fromkeys(found, "c0de"), tmp_path / "x.safetensors")
    idiomatic, fused = (f"digits/cnn/adam/{execution}" for execution in ("idiomatic", "fused"))
    assert quantity.read_failure(tmp_path / "x.safetensors", fused) == "TypeError: steps of another trainer"
    assert quantity.read_trace(tmp_path / "x.safetensors", fused) == {}
    assert quantity.read_failure(tmp_path / "x.safetensors", idiomatic) == ""
    assert "in raises" in capsys.readouterr().err


def surviving(study, file, digits):
    """The traces of a file, which are kept nowhere."""
    wanted = everything_else(study, file)
    return traces.surviving(study, file, {"digits": digits}, wanted, lambda *_: None, threads=1)


def test_what_a_person_must_fix_ends_the_traces(monkeypatch, digits):
    def raises(*_, **__):
        raise Problem("there is no such thing", fix="make it")

    monkeypatch.setitem(traces.RECORDED, "steps", raises)
    read, file = check.read(STUDY), subjects.File("numpy", "float64")
    with pytest.raises(Problem, match="no such thing") as raised:
        surviving(read, file, digits)
    assert raised.value.fix == "make it"


def test_a_trace_whose_process_is_killed_costs_no_other(monkeypatch, digits):
    def dies(subject, *_, **__):
        if subject.execution == "fused":
            os.kill(os.getpid(), signal.SIGKILL)
        return {Quantity(Stage.FIRST_LOSS): np.ones(1)}

    monkeypatch.setitem(traces.RECORDED, "steps", dies)
    monkeypatch.setattr(traces.studied, "by_the_study", lambda *_, **__: {})
    read, file = check.read(STUDY), subjects.File("numpy", "float64")
    found = surviving(read, file, digits)
    assert found["digits/cnn/adam/fused"] == "the process that traced it was killed by SIGKILL"
    assert list(found["digits/cnn/adam/idiomatic"]) == [Quantity(Stage.FIRST_LOSS)]


def test_another_framework_leaves_what_traces_depend_on_as_it_is():
    more = {**STUDY, "frameworks": ["pytorch", "keras-jax"], "seeds": [3]}
    assert study.for_tracing(check.read(STUDY)) == study.for_tracing(check.read(more))
