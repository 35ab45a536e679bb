"""A certificate says where two trainings part, or that they do not."""

import json

import numpy as np
import pandas as pd
import pytest
from tracing import MOMENTUM, STUDY

from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import certificate as identity_certificate
from benchmarks.identity import quantity, subjects
from benchmarks.identity.certificate import certificate
from benchmarks.identity.difference import (
    BOUND,
    by_stage,
    differences,
    first_step_apart,
    relative_difference,
    scales,
)
from benchmarks.identity.place import place, ratio
from benchmarks.identity.quantity import Quantity, Stage
from benchmarks.identity.trace import rates_of
from benchmarks.study import check


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("batch stream", "batch stream"),
        ("batch stream by its examples", "batch stream"),
        ("initial parameter 3.kernel", "initialiser of layer 3 Conv"),
        ("output of layer 4 BatchNorm", "forward pass of layer 4 BatchNorm"),
        ("loss 1", "loss"),
        ("gradient norm 1", "backward pass"),
        ("parameter 3.kernel after one step", "optimizer: update rule"),
        ("parameter 4.moving_variance after one step", "running averages of layer 4 BatchNorm"),
        ("velocity 8.bias after one step", "optimizer: weight decay, of 8.bias alone"),
        ("parameter 3.kernel after 20 steps", "training: in the first steps"),
        ("loss", "training: from step 4 on"),
        ("velocity 8.bias", "training: in the last steps"),
        ("gradient norm", "optimizer: as soon as gradients are clipped"),
        ("evaluation outputs", "evaluation mode"),
        ("parameter 3.kernel at a constant rate", "optimizer: at a constant learning rate"),
    ],
)
def test_one_number_off_fails_and_names_the_place(reference, name, told):
    (quantity,) = [each for each in reference if str(each) == name]
    changed = dict(reference)
    changed[quantity] = reference[quantity].astype(float)
    changed[quantity].flat[min(3, changed[quantity].size - 1)] += 1e-8 * np.abs(changed[quantity]).max()
    found = differences(changed, reference)
    assert [str(each) for each, size in found.items() if size > BOUND] == [name]
    assert found[quantity] == pytest.approx(1e-8, rel=1e-3)
    assert place(found, changed, reference, rates=rates_of(MOMENTUM)).startswith(told)


def test_a_missing_array_behind_the_first_fault_is_told(reference):
    changed = dict(reference)
    changed[Quantity(Stage.FIRST_PARAMETERS, "3.kernel")] = (
        2 * reference[Quantity(Stage.FIRST_PARAMETERS, "3.kernel")]
    )
    del changed[Quantity(Stage.FIRST_STATE, "velocity 4.gamma")]
    told = certified(changed, reference).differs_by
    assert told.startswith("velocity 4.gamma after one step is missing or of another shape")
    changed[Quantity(Stage.FIRST_STATE, "velocity 4.gamma")] = np.zeros(1)
    assert certified(changed, reference).differs_by == told


def test_a_quantity_that_is_missing_fails(reference):
    changed = {name: value for name, value in reference.items() if name.of != "3.kernel"}
    made = certified(changed, reference)
    assert (
        made.verdict == "not certified: initial parameter 3.kernel is missing or of another shape "
        "[initial parameter 3.kernel by inf]"
    )
    assert made.largest_difference is None
    assert (
        json.loads(json.dumps(made.model_dump(), allow_nan=False))["differences"]["initial parameters"]
        is None
    )


def certified(trace, reference, *, losses=None, changed=None, statistical=False):
    names = dict.fromkeys(("dataset", "model", "arm", "framework", "execution"), "x")
    single = {name: value.astype(np.float32) for name, value in reference.items()}
    single |= {} if losses is None else {Quantity(Stage.LOSS): losses}
    return certificate(
        names,
        trace,
        reference,
        {**single, **(changed or {})},
        rates=rates_of(MOMENTUM),
        statistical=statistical,
        conditions="c0de",
    )


def test_float32_is_judged_up_to_its_first_step_as_finely_as_it_can_be(reference):
    made = certified(reference, reference)
    assert made.certified
    assert max(made.float32_differences.values()) < 1e-6
    for stage in (
        Stage.OUTPUTS,
        Stage.FIRST_LOSS,
        Stage.FIRST_NORM,
        Stage.FIRST_STATE,
        Stage.FIRST_EVALUATION,
    ):
        name = next(name for name in reference if name.stage == stage)
        made = certified(reference, reference, changed={name: reference[name] * (1 + 1e-4)})
        assert made.verdict == f"not certified: float32 [{name} by 1.0e-04]"
    for stage in (Stage.FIRST_PARAMETERS, Stage.PARAMETERS):  # Adam makes a step of a rounding error
        name = next(name for name in reference if name.stage == stage)
        assert certified(reference, reference, changed={name: reference[name] * 2}).certified


def test_float32_repeats_if_the_second_run_is_equal_to_the_bit(reference):
    first = {Quantity(Stage.SLOW, "parameter 0.kernel"): np.float32([1, 2])}
    same = {Quantity(Stage.SLOW_AGAIN, "parameter 0.kernel"): np.float32([1, 2])}
    other = {
        Quantity(Stage.SLOW_AGAIN, "parameter 0.kernel"): np.float32([1, np.nextafter(2, 3, dtype="f4")])
    }
    assert certified(reference, reference, changed={**first, **same}).float32_repeats
    assert not certified(reference, reference, changed={**first, **other}).float32_repeats


def test_the_step_at_which_float32_parts_is_the_first_beyond_a_thousandth(reference):
    losses = reference[Quantity(Stage.LOSS)].astype(np.float32)
    assert certified(reference, reference, losses=losses).float32_parts_at_step is None
    losses[6:] *= 1.0011
    losses[3] *= 1.0009
    made = certified(reference, reference, losses=losses)
    assert made.float32_parts_at_step == 7
    assert made.verdict == "certified"
    losses[1] = np.nan
    assert certified(reference, reference, losses=losses).float32_parts_at_step == 2


def test_what_cannot_be_compared_is_infinitely_apart():
    a = np.ones(3)
    assert relative_difference(a, np.ones(4), scale=1) == np.inf
    assert relative_difference(a * np.nan, a * np.nan, scale=1) == np.inf
    assert relative_difference(a + 1e-3, a, scale=1) == pytest.approx(1e-3)
    assert relative_difference(np.zeros(2), np.zeros(2), scale=0) == 0
    assert first_step_apart(a, a, by=0) is None


def test_an_array_of_rounding_is_measured_by_its_family():
    weight, bias = Quantity(Stage.PARAMETERS, "0.kernel"), Quantity(Stage.PARAMETERS, "0.bias")
    slot, key = Quantity(Stage.STATE, "mean 0.bias"), Quantity(Stage.PARAMETERS, "1.generator")
    trace = {
        weight: np.array([2.0]),
        bias: np.array([1e-17]),
        slot: np.array([1e-17]),
        key: np.array([1e7, 1]),
    }
    assert scales(trace) == {weight: 2.0, bias: 2.0, slot: 1e-17, key: 1e7}
    assert scales({**trace, bias: np.array([1e-4])})[bias] == 1e-4


def test_stages_have_their_largest_difference():
    found = {
        Quantity(Stage.STATE, "mean a"): 1.0,
        Quantity(Stage.STATE, "mean b"): 3.0,
        Quantity(Stage.LOSS): 0.5,
    }
    assert by_stage(found) == {Stage.STATE: 3.0, Stage.LOSS: 0.5}


def test_a_ratio_is_found_only_where_there_is_one():
    a = np.array([1.0, -2.0])
    assert ratio([a, 2 * a], [4 * a, 8 * a]) == pytest.approx(0.25)
    assert ratio([a, 2 * a], [4 * a, 9 * a]) is None
    assert ratio([a], [0 * a]) is None


def test_the_verdict_of_chance_is_statistical_unless_the_rest_differs(reference):
    assert certified(reference, reference, statistical=True).verdict == "statistical"
    other = {**reference, Quantity(Stage.FIRST_LOSS): np.array([1.0])}
    assert certified(other, reference, statistical=True).verdict.startswith("not certified: loss")


def test_certificates_cover_the_study_and_need_no_more_of_the_reference_than_is_traced(reference, tmp_path):
    read = check.read({**STUDY, "arms": [MOMENTUM.model_dump(exclude_defaults=True)]})
    for file in subjects.files(read.frameworks):
        names = [quantity.trace_name("digits", "cnn", "plain", execution) for execution in file.executions]
        quantity.write_traces(
            dict.fromkeys(names, reference), dict.fromkeys(names, "c0de"), tmp_path / file.path
        )
    made = identity_certificate.certificates(read, read.frameworks, tmp_path)
    assert [(c.framework, c.execution) for c in made] == [("pytorch", "idiomatic"), ("pytorch", "fused")]
    assert {c.reference for c in made} == {"numpy idiomatic"}
    content = json.loads(json.dumps(identity_certificate.content(made), allow_nan=False))
    assert (content["bound"], content["steps"], content["batch_size"]) == (1e-10, 200, 32)


FAILED = [("pytorch", "float64"), ("pytorch", "float32"), ("numpy", "float64")]


@pytest.mark.parametrize(("framework", "precision"), FAILED)
def test_a_trace_that_failed_is_not_certified_and_its_error_is_told(
    reference, framework, precision, tmp_path
):
    read = check.read({**STUDY, "arms": [MOMENTUM.model_dump(exclude_defaults=True)]})
    for file in subjects.files(read.frameworks):
        names = [quantity.trace_name("digits", "cnn", "plain", execution) for execution in file.executions]
        found = "TypeError: no" if (file.framework, file.precision) == (framework, precision) else reference
        quantity.write_traces(dict.fromkeys(names, found), dict.fromkeys(names, "c0de"), tmp_path / file.path)
    for made in identity_certificate.certificates(read, read.frameworks, tmp_path):
        assert not made.certified
        assert made.verdict == "not certified: trace: it could not be recorded [TypeError: no]"
        json.dumps(made.model_dump(), allow_nan=False)


def test_a_certificate_of_traces_of_two_kinds_holds_for_nothing(tmp_path):
    where = {"dataset": "d", "model": "m", "arm": "a", "execution": "fused"}
    name = quantity.trace_name(**where)
    for precision, conditions in (("float64", "new"), ("float32", "old")):
        quantity.write_traces({}, {name: conditions}, tmp_path / precision / "keras.safetensors")
    assert identity_certificate._conditions(tmp_path, "keras", where) == ""
    quantity.write_traces({}, {name: "new"}, tmp_path / "float32" / "keras.safetensors")
    assert identity_certificate._conditions(tmp_path, "keras", where) == "new"


@pytest.mark.parametrize("worse", EXECUTIONS)
def test_the_graver_verdict_of_both_executions_reaches_the_summary(reference, worse):
    from benchmarks.summary.summarise import verdicts

    names = {"dataset": "d", "model": "m", "framework": "pytorch"}
    spoiled = {**reference, Quantity(Stage.FIRST_LOSS): np.array([1.0])}
    made = [
        made.model_copy(update={**names, "arm": arm, "execution": execution})
        for execution in EXECUTIONS
        for arm, made in {
            "a": certified(reference, reference),
            "b": certified(spoiled if execution == worse else reference, reference),
            "c": certified(reference, reference, statistical=True),
        }.items()
    ]
    said = verdicts(pd.DataFrame(identity_certificate.content(made)["certificates"]))
    assert said["d", "m", "pytorch", "a"].text == "certified"
    assert said["d", "m", "pytorch", "b"].text.startswith("not certified: loss")
    assert said["d", "m", "pytorch", "c"] == ("statistical", "c0de")


@pytest.mark.parametrize(("step", "agrees"), [(3, False), (4, True)])
def test_float32_may_not_part_in_the_first_steps(reference, step, agrees):
    losses = reference[Quantity(Stage.LOSS)].copy()
    losses[step - 1] *= 1.01
    made = certified(reference, reference, losses=losses)
    assert made.certified == agrees
    assert made.float32_parts_at_step == step


@pytest.mark.parametrize(("by", "agrees"), [(1e-4, True), (1e-2, False)])
def test_float32_is_held_to_harsh_settings(reference, by, agrees):
    known = {**reference, Quantity(Stage.HARSH): np.array([2.0, 1.5, 1.2])}
    changed = {Quantity(Stage.HARSH): np.array([2.0, 1.5 * (1 + by), 1.2])}
    made = certified(known, known, changed=changed)
    assert made.certified == agrees
    assert agrees or made.verdict.startswith("not certified: float32 [losses with harsh settings")
