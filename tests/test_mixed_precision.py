"""Products in bfloat16: their rounding by hand, alike in every framework, and refused where it has no use."""

import functools

import numpy as np
import planted_mixed
import planting
import pytest
from test_study import GOOD, changed

from benchmarks import models
from benchmarks.common import machine
from benchmarks.common.errors import Problem
from benchmarks.common.machine import Gpu
from benchmarks.frameworks import devices
from benchmarks.frameworks.numpy_parts.attention import Attention
from benchmarks.frameworks.numpy_parts.convolution import Conv
from benchmarks.frameworks.numpy_parts.layers import Dense, Tensors
from benchmarks.identity import mixed_precision, studied
from benchmarks.identity.difference import BOUND, differences
from benchmarks.identity.quantity import Quantity, Stage, with_mixed_precision, without_mixed_precision
from benchmarks.models import layers as spec
from benchmarks.study import check
from benchmarks.throughput import job as timings

ULP = 2.0**-7
"""The distance of bfloat16's numbers from 1 on."""


def by_hand(kind, layer, shape, precision="float32", **parameters):
    tensors = {f"0.{name}": np.array(value, precision) for name, value in parameters.items()}
    return kind(layer, shape, "0", Tensors(tensors, {name: np.zeros_like(a) for name, a in tensors.items()}))


def test_numbers_are_rounded_to_the_nearest_and_ties_to_even():
    layer = by_hand(Dense, spec.Dense(1, bfloat16=True), (1,), kernel=[[1.0]], bias=[0.0])
    given = np.array([1 + ULP / 4, 1 + ULP / 2, 1 + 0.75 * ULP, 1 + 1.5 * ULP, np.inf], np.float32)
    assert layer.rounded(given).tolist() == [1.0, 1.0, 1 + ULP, 1 + 2 * ULP, np.inf]
    assert np.isnan(layer.rounded(np.array([np.nan], np.float32)))


def test_a_dense_layer_rounds_factors_and_products_and_neither_its_bias_nor_its_sum():
    layer = by_hand(
        Dense, spec.Dense(1, bfloat16=True), (2,), kernel=[[1 + ULP / 4], [ULP / 4]], bias=[ULP / 8]
    )
    x = np.array([[1 + ULP / 4, 1.0]], np.float32)  # 1 · 1 + 1 · ULP / 4, which is rounded to 1
    assert layer.forward(x, training=True).tolist() == [[1 + ULP / 8]]
    dx = layer.backward(np.array([[1 + ULP / 4]], np.float32))
    assert dx.tolist() == [[1.0, ULP / 4]]
    assert layer.gradients["kernel"].tolist() == [[1.0], [1.0]]
    assert layer.gradients["bias"].tolist() == [1 + ULP / 4]


def test_a_convolution_rounds_the_sum_over_its_window_once():
    kernel = np.full((3, 3, 1, 1), ULP / 4)
    kernel[0, 0] = 1.0
    layer = by_hand(Conv, spec.Conv(1, bias=False, bfloat16=True), (3, 3, 1), kernel=kernel)
    y = layer.forward(np.ones((1, 3, 3, 1), np.float32), training=True)
    assert y[0, 1, 1, 0] == 1 + 2 * ULP  # 1 + 8 ULP / 4; one place after the other it would be 1


def test_the_softmax_of_attention_is_not_rounded_before_it_is_a_factor():
    names = ("query", "key", "value", "output")
    zeros = {
        f"{name}_{part}": np.zeros((1, 1) if part == "kernel" else 1)
        for name in names
        for part in ("kernel", "bias")
    }
    identity = {f"{name}_kernel": [[1.0]] for name in ("value", "output")}
    layer = by_hand(Attention, spec.Attention(1, bfloat16=True), (3, 1), **(zeros | identity))
    y = layer.forward(np.array([[[3.0], [0.0], [0.0]]], np.float32), training=True)
    third = float(np.float32(1 / 3))
    assert layer.weights[0, 0, 2].tolist() == pytest.approx([third] * 3, abs=1e-7)
    assert y[0, 2, 0] == layer.rounded(np.float32([3 * layer.rounded(np.float32([third]))[0]]))[0]


@pytest.mark.parametrize("model", models.NAMES)
def test_every_product_of_a_model_is_in_bfloat16_or_none(model):
    for mixed in (None, "bfloat16"):
        layers = models.all_layers(models.spec(model, n_classes=10, mixed_precision=mixed))
        found = {layer.bfloat16 for layer in layers if isinstance(layer, spec.Product)}
        assert found == {mixed is not None}


def test_float64_is_not_asked_to_round():
    config = {**changed("arms", 0, "mixed_precision", to="bfloat16"), "precision": "float64"}
    with pytest.raises(Problem, match="mixed_precision: bfloat16, and the study precision: float64"):
        check.read(config)
    study = check.read({**config, "precision": "float32"})
    assert study.multiplies_in_bfloat16
    assert study.arms[0].step_kind == f"{check.read(GOOD).arms[0].step_kind}-bfloat16"


def test_other_words_for_it_are_refused():
    with pytest.raises(Problem, match="mixed_precision"):
        check.read(changed("arms", 0, "mixed_precision", to="bf16"))


@pytest.mark.parametrize(
    ("kind", "instructions", "capability", "has"),
    [
        ("cpu", ["avx512f"], "9.0", False),
        ("cpu", ["avx512f", "avx512_bf16"], None, True),
        ("cpu", ["amx_bf16"], None, True),
        ("gpu", ["avx512_bf16"], "7.5", False),
        ("gpu", [], "8.0", True),
        ("gpu", [], "10.0", True),
    ],
)
def test_a_device_without_bfloat16_is_refused(monkeypatch, kind, instructions, capability, has):
    monkeypatch.setattr(machine.processor, "instructions", lambda: instructions)
    monkeypatch.setattr(machine, "gpus", lambda: [Gpu(0, "T4", compute_capability=capability)])
    setting = "cpu" if kind == "cpu" else "auto"
    if has:
        devices.check_bfloat16(setting)
    else:
        with pytest.raises(Problem, match="has no instructions"):
            devices.check_bfloat16(setting)


def test_a_gpu_that_says_nothing_of_itself_is_none_with_bfloat16(monkeypatch):
    monkeypatch.setattr(machine, "gpus", lambda: [Gpu(0, "T4")])
    assert not machine.multiplies_bfloat16("gpu")


def test_a_job_asks_its_own_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(machine.processor, "instructions", list)
    monkeypatch.setattr(machine, "gpus", list)
    study = check.read(changed("arms", 0, "mixed_precision", to="bfloat16"))
    with pytest.raises(Problem, match="has no instructions"):
        timings.write(study, [], threads=1, store=tmp_path, output=tmp_path / "throughput.csv")


@pytest.mark.parametrize(
    ("switches", "kept"),
    [
        ({}, True),
        ({"xla_flags": "--xla_allow_excess_precision=false --xla_x=1"}, True),
        ({"xla_flags": "--xla_x=1"}, False),
        ({"sums_in_bfloat16": False}, True),
        ({"sums_in_bfloat16": True}, False),
    ],
)
def test_a_run_says_that_it_kept_its_roundings(switches, kept):
    assert studied.keeps_rounding(switches) == kept


def test_a_study_is_asked_about_bfloat16_when_it_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr(machine.processor, "instructions", list)
    monkeypatch.setattr(devices, "device_of", lambda name, device: {"kind": "cpu", "name": "CPU"})
    devices.ensure_same(["keras"], "auto", tmp_path / "devices.json", bfloat16=False)
    with pytest.raises(Problem, match="remove mixed_precision"):
        devices.ensure_same(["keras"], "auto", tmp_path / "devices.json", bfloat16=True)


@functools.cache
def reference(kind, precision, optimizer="MOMENTUM"):
    return planted_mixed.recorded(planted_mixed.setup("numpy", kind, precision, getattr(planting, optimizer)))


def beyond(single, kind, *optimizer):
    """How many times each quantity is as far from the reference as it may be, of those that are further."""
    sizes, bounds = mixed_precision.judged(
        single, reference(kind, "float32", *optimizer), reference(kind, "float64", *optimizer)
    )
    return {str(name): size / bounds[name] for name, size in sizes.items() if not size <= bounds[name]}


@pytest.mark.parametrize("kind", planted_mixed.LAYERS)
def test_products_are_rounded_as_the_reference_rounds_them(in_torch, kind):
    if kind in planted_mixed.NEEDS_INSTRUCTIONS and not machine.multiplies_bfloat16("cpu"):
        pytest.skip("this processor has no instructions for bfloat16")
    assert beyond(in_torch(planted_mixed.traced, None, kind), kind) == {}


@pytest.mark.parametrize("optimizer", ["ADAM", "CLIPPED", "DECAYED"])
def test_another_optimizer_makes_no_fault_of_a_rounding(in_torch, optimizer):
    made = in_torch(planted_mixed.traced, None, "vectors", getattr(planting, optimizer))
    assert beyond(made, "vectors", optimizer) == {}


def test_a_number_where_the_reference_has_only_zeros_is_a_difference():
    zeros = np.zeros(3)
    assert mixed_precision.share_of_rounding(zeros, zeros, zeros, scale=0.0) == 0
    assert mixed_precision.share_of_rounding(zeros + 1e-3, zeros, zeros, scale=0.0) == np.inf


@pytest.mark.parametrize("name", planted_mixed.PLANTS)
def test_a_product_that_is_rounded_otherwise_is_found(in_torch, name):
    kind = planted_mixed.PLANTS[name][1]
    found = beyond(in_torch(planted_mixed.traced, name, kind), kind)
    print(f"\n| {name.replace('_', ' ')} | {next(iter(found), None)} |")  # docs/identity.md
    assert found


def test_float32_without_bfloat16_is_as_far_away_as_rounding_leads():
    outputs = Quantity(Stage.OUTPUTS, "0 Conv")
    plain = {name: value.astype(np.float32) for name, value in reference("images", "float64").items()}
    sizes, bounds = mixed_precision.judged(
        plain, reference("images", "float32"), reference("images", "float64")
    )
    assert sizes[outputs] == pytest.approx(1, abs=1e-3)
    assert bounds[outputs] == mixed_precision.SHARE


def test_a_quantity_that_is_missing_or_no_number_is_found():
    made = dict(reference("images", "float32"))
    del made[Quantity(Stage.FIRST_NORM)]
    made[Quantity(Stage.OUTPUTS, "3 Conv")] = np.full_like(made[Quantity(Stage.OUTPUTS, "3 Conv")], np.nan)
    assert set(beyond(made, "images")) == {"output of layer 3 Conv", "gradient norm 1"}


def test_more_may_differ_the_more_products_lie_behind():
    behind = mixed_precision.products_behind(reference("images", "float32"))
    of = {
        "first": Quantity(Stage.OUTPUTS, "0 Conv"),
        "in a branch": Quantity(Stage.OUTPUTS, "5.body.0 Conv"),
        "last": Quantity(Stage.OUTPUTS, "8 Dense"),
        "gradient of the last": Quantity(Stage.FIRST_STATE, "velocity 8.kernel"),
        "gradient of the first": Quantity(Stage.FIRST_STATE, "velocity 0.kernel"),
        "averages": Quantity(Stage.FIRST_PARAMETERS, "1.moving_mean"),
        "evaluation": Quantity(Stage.FIRST_EVALUATION),
    }
    assert {name: behind[quantity] for name, quantity in of.items()} == {
        **{"first": 1, "in a branch": 3, "last": 4, "averages": 1, "evaluation": 4},
        **{"gradient of the last": 5, "gradient of the first": 8},
    }


@pytest.mark.parametrize("kind", planted_mixed.LAYERS)
def test_in_float64_nothing_is_rounded(kind):
    mixed = planted_mixed.setup("numpy", kind, "float64")
    plain = planted_mixed.setup("numpy", kind, "float64")
    plain = type(plain)(**{**vars(plain), "layers": planted_mixed.LAYERS[kind]})
    found = differences(planted_mixed.recorded(mixed), planted_mixed.recorded(plain))
    assert max(found.values()) == 0 < BOUND


def test_the_reference_has_both_precisions_and_each_is_compared_with_its_own():
    both = {Quantity(Stage.LOSS): np.zeros(2), Quantity(Stage.LOSS).in_mixed_precision: np.ones(2)}
    assert mixed_precision.has(both)
    assert not mixed_precision.has({Quantity(Stage.LOSS): np.zeros(2)})
    assert next(iter(without_mixed_precision(both).values())).tolist() == [0, 0]
    assert next(iter(with_mixed_precision(both).values())).tolist() == [1, 1]
    assert list(without_mixed_precision(both)) == list(with_mixed_precision(both)) == [Quantity(Stage.LOSS)]
