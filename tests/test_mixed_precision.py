"""Products in bfloat16: their rounding by hand, alike in every framework, and refused where it has no use."""

import numpy as np
import pytest
from test_config_files import GOOD, changed

from benchmarks import models
from benchmarks.common import machine
from benchmarks.common.errors import Problem
from benchmarks.common.machine import Gpu
from benchmarks.frameworks import devices
from benchmarks.frameworks.numpy_parts.attention import Attention
from benchmarks.frameworks.numpy_parts.convolution import Conv
from benchmarks.frameworks.numpy_parts.layers import Dense, Tensors
from benchmarks.models import layers as spec
from benchmarks.study import check

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
    if has:
        devices.check_bfloat16(kind)
    else:
        with pytest.raises(Problem, match=f"this machine's {kind.upper()} has no instructions"):
            devices.check_bfloat16(kind)


def test_a_study_is_asked_about_bfloat16_when_it_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "gpus", list)
    monkeypatch.setattr(machine.processor, "instructions", list)
    monkeypatch.setattr(devices, "device_of", lambda name, device: {"kind": "cpu", "name": "CPU"})
    devices.ensure_same(["keras"], "auto", tmp_path / "devices.json", bfloat16=False)
    with pytest.raises(Problem, match="remove mixed_precision"):
        devices.ensure_same(["keras"], "auto", tmp_path / "devices.json", bfloat16=True)
