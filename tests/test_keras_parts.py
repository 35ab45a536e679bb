"""Keras computes the recipe on each of its backends, in float64 to the last digits."""

import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from benchmarks.frameworks.keras_parts import blocks
from benchmarks.frameworks.keras_parts.imports import without
from benchmarks.models.layers import Conv, Dense, Residual

BACKENDS = {"keras": "tensorflow", "keras-jax": "jax", "keras-torch": "torch"}
INSTALLED = [name for name, package in BACKENDS.items() if importlib.util.find_spec(package)]


@pytest.fixture(scope="module", params=INSTALLED)
def subject(request, tmp_path_factory):
    """What `keras_subject.py` found, in a process of its own; and the backend."""
    folder = tmp_path_factory.mktemp("keras")
    output = folder / "found.json"
    arguments = ["-m", "tests.keras_subject", request.param, output]
    # JAX compiles a program once, however many trainers of the process ask for it.
    cache = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    subprocess.run([sys.executable, *map(str, arguments)], check=True, env={**os.environ, **cache})
    return BACKENDS[request.param], json.loads(output.read_text())


def test_every_layer_and_both_executions_agree_with_the_reference_in_float64(subject):
    _, found = subject
    assert len(found["float64"]) == 12
    assert {case: at for case, at in found["float64"].items() if at[1] > 1e-11} == {}


def test_a_process_goes_on_to_float32_and_computes_in_it(subject):
    _, found = subject
    assert all(1e-9 < by < 1e-2 for _, by in found["float32"].values()), found["float32"]


def test_no_other_framework_is_imported(subject):
    backend, found = subject
    assert found["imported"] == [backend]


def test_fit_waits_for_the_device_as_often_whatever_its_number_of_steps(subject):
    _, found = subject
    few, many = found["readings"]
    assert few == many


def test_load_passes_on_what_fit_trains_on(subject):
    _, found = subject
    assert found["sizes loaded"] == [6, 6, 6, 2] * 3
    assert found["steps fitted"] == [4, 8, 2, 4]


def test_norms_are_kept_of_more_steps_than_the_optimizer_remembers(subject):
    _, found = subject
    assert found["norms of a small memory"] < 1e-11


def test_the_frameworks_own_dropout_trains(subject):
    _, found = subject
    for losses in found["own dropout"].values():
        assert np.isfinite(losses).all()


def test_the_table_of_coefficients_ends_where_they_no_longer_change(subject):
    _, found = subject
    for last, far_beyond, _ in found["coefficients"].values():
        assert last == far_beyond
    assert found["coefficients"]["sgd"][2] == 1


def test_blocks_cover_all_steps_once_and_fill_up_the_last():
    batches = np.arange(1300 * 2, dtype=np.int32).reshape(1300, 2)
    coefficients = np.ones((1300, 3))
    made = list(blocks.blocks(batches, coefficients, 512))
    assert {part.shape for part, _, _ in made} == {(512, 2)}
    assert [count for *_, count in made] == [512, 512, 276]
    assert (np.concatenate([part[:count] for part, _, count in made]) == batches).all()
    assert (made[-1][1][276:] == 0).all()
    assert [blocks.block_rows(size) for size in (1, 128, 1024, 100_000)] == [512, 512, 64, 1]


def test_a_convolution_is_found_inside_a_residual():
    assert blocks.has_convolution([Residual((Residual((Conv(2),)),))], (4, 4, 2))
    assert not blocks.has_convolution([Dense(2)], (4,))


def test_hidden_packages_cannot_be_imported_and_come_back():
    sys.modules.pop("colorsys", None)
    with without("colorsys", "json"), pytest.raises(ImportError):
        import colorsys
    import colorsys

    assert sys.modules["json"] is json
    assert colorsys
