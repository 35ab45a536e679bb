"""Traces come from the store where it has them, and only there where it has exactly these."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from test_trace import STUDY

from benchmarks.common import stored_arrays
from benchmarks.common.store import Store
from benchmarks.identity import quantity, subjects, traces
from benchmarks.identity.quantity import Quantity, Stage
from benchmarks.recipe.arm import Arm
from benchmarks.study import check, study

FILE = subjects.File("numpy", "float64")
FUSED = "digits/cnn/adam/fused"
LOSSES = Quantity(Stage.LOSS)
PARTS = 6
"""Of the trace in each execution: the runs, cut short and whole, and its steps."""


@pytest.fixture
def recorded(monkeypatch):
    """The names of the parts that are recorded from now on; each is a number of its own."""
    names = []

    def surviving(_study, _file, _data, wanted, keep, **_):
        names.extend(each.name for each in wanted)
        found = {
            each.name: {
                {"runs": Quantity(Stage.STUDIED), "whole runs": Quantity(Stage.FOLLOWED)}.get(
                    each.of, LOSSES
                ): np.full(9, float(place))
            }
            for place, each in enumerate(wanted, start=len(names))
        }
        for name, trace in found.items():
            keep(name, trace)
        return found

    monkeypatch.setattr(traces, "surviving", surviving)
    return names


def made(digits, store, *, file=FILE, threads=1, arms=STUDY["arms"], **settings):
    """The traces of a file of the study with its arms and some settings of its workload replaced."""
    workload = {**STUDY["workloads"][0], **settings}
    of_study = study.for_tracing(check.read({**STUDY, "arms": arms, "workloads": [workload]}))
    return traces.record_missing(of_study, file, {"digits": digits}, store, threads=threads)


def test_what_was_traced_is_not_traced_again(recorded, digits, tmp_path):
    store = Store(tmp_path)
    first = made(digits, store)
    assert (len(first), len(recorded)) == (2, PARTS)
    again = made(digits, store)
    assert len(recorded) == PARTS
    assert list(again) == list(first)
    assert again[FUSED][LOSSES].tolist() == first[FUSED][LOSSES].tolist()


def test_what_arms_have_in_common_is_traced_once(recorded, digits, tmp_path):
    fixed = {"name": "fixed", "learning_rate": 0.0625, "momentum": 0.875, "scaling": "none"}
    search = {"learning_rate": [2**-6, 2**-2]}
    tuned = fixed | {"name": "tuned", "learning_rate": "tune", "search": search}
    other = fixed | {"name": "other", "learning_rate": 0.125}
    nesterov = fixed | {"name": "nesterov", "optimizer": "nesterov"}
    found = made(digits, Store(tmp_path), arms=[fixed, tuned, other, nesterov])
    executions = ("idiomatic", "fused")
    runs = [f"digits/cnn/{arm}/{each}, runs" for arm in ("fixed", "other", "nesterov") for each in executions]
    everything_else = [
        f"digits/cnn/{arm}/{each}{part}"
        for arm in ("fixed", "nesterov")
        for each in executions
        for part in (", whole runs", "")
    ]
    assert sorted(recorded) == sorted([*runs, *everything_else])
    assert len(found) == 8
    assert same(found["digits/cnn/tuned/fused"], found["digits/cnn/fixed/fused"])
    for name in ("other", "nesterov"):
        assert not same(found[f"digits/cnn/{name}/fused"], found["digits/cnn/fixed/fused"])


def same(one, other):
    """Whether two traces have the same runs, and everything else is the same too."""
    return {name: array.tolist() for name, array in one.items()} == {
        name: array.tolist() for name, array in other.items()
    }


def test_arms_of_other_settings_than_their_rates_have_nothing_in_common():
    plain = {"name": "a", "optimizer": "momentum", "learning_rate": 0.5, "momentum": 0.5, "scaling": "none"}
    arms = [Arm.model_validate(plain)]
    others = {
        "rates": {"learning_rate": 0.25, "scaling": "linear", "reference_batch_size": 32, "name": "b"},
        "momentum": {"momentum": 0.25},
        "optimizer": {"optimizer": "nesterov"},
        "decay": {"weight_decay": 0.5, "decay": "coupled"},
        "clipping": {"clip_norm": 1.0},
        "accumulation": {"accumulation": 2},
        "ghosts": {"ghost_batch": 8},
        "mixed precision": {"mixed_precision": "bfloat16"},
        "augmentation": {"augmentation": ["flip"]},
        "schedule": {"schedule": {"shape": "cosine"}},
    }
    alike = {}
    for name, changes in others.items():
        arm = Arm.model_validate(plain | changes)
        alike[name] = subjects.traced_as(arm, [*arms, arm]) == subjects.traced_as(arms[0], [*arms, arm])
    assert alike == {name: name == "rates" for name in others}


def test_another_target_is_the_same_trace(recorded, digits, tmp_path):
    store = Store(tmp_path)
    made(digits, store)
    made(digits, store, target={"validation_accuracy": 0.5, "source": "lower"})
    assert len(recorded) == PARTS


@pytest.mark.parametrize(
    "otherwise",
    [
        {"threads": 2},
        {"batch_sizes": [8, 77]},
        {"model": "logistic"},
        {"budget": {"epochs": 3, "seconds": 9}},
    ],
    ids=str,
)
def test_under_other_conditions_it_is_traced(recorded, digits, tmp_path, otherwise):
    store = Store(tmp_path)
    made(digits, store)
    made(digits, store, **otherwise)
    assert len(recorded) == 2 * PARTS


@pytest.mark.parametrize("file", [("numpy", "float32"), ("pytorch", "float64")])
def test_of_another_framework_or_precision_it_is_traced(recorded, digits, tmp_path, file):
    store = Store(tmp_path)
    made(digits, store)
    made(digits, store, file=subjects.File(*file))
    assert len(recorded) == PARTS + 4, "what is no reference has no runs in its idiomatic execution"


def test_of_other_data_it_is_traced(recorded, digits, tmp_path):
    store, other = Store(tmp_path), replace(digits, train_x=digits.train_x + 1)
    made(digits, store)
    made(other, store)
    assert len(recorded) == 2 * PARTS


def test_a_changed_file_is_told_and_traced_again(recorded, digits, tmp_path, capsys):
    store = Store(tmp_path)
    made(digits, store)
    for path in tmp_path.glob("trace/*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    made(digits, store)
    assert len(recorded) == 2 * PARTS
    assert capsys.readouterr().err.count("is damaged or missing; it is made again") == PARTS
    made(digits, store)
    assert len(recorded) == 2 * PARTS


def test_arrays_without_their_entry_or_an_entry_without_them_are_traced_again(recorded, digits, tmp_path):
    store = Store(tmp_path)
    made(digits, store)
    arrays, entries = (sorted(tmp_path.glob(f"trace/*.{suffix}")) for suffix in ("safetensors", "json"))
    arrays[0].unlink()
    entries[1].unlink()
    made(digits, store)
    assert len(recorded) == PARTS + 2


def nothing(_study, _file, _data, wanted, **_):
    """Empty traces, but none of FUSED."""
    return [(part.name, {}) for part in wanted if part.name != FUSED]


def test_an_error_is_not_kept(monkeypatch, digits, tmp_path):
    store = Store(tmp_path)
    monkeypatch.setattr(traces, "traces", lambda *given, **_: [*nothing(*given), (FUSED, "ValueError: no")])
    assert made(digits, store)[FUSED] == "ValueError: no"
    assert len(list(tmp_path.rglob("*.json"))) == PARTS - 1


def interrupted(*_, **__):
    """One trace, and then no more: the process is killed."""
    yield FUSED, {LOSSES: np.full(9, 1.0)}
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_trace_is_kept_as_soon_as_it_is_made(monkeypatch, digits, tmp_path):
    store = Store(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(traces, "traces", interrupted)
        made(digits, store)
    monkeypatch.setattr(traces, "traces", nothing)
    assert made(digits, store)[FUSED][LOSSES].tolist() == [1.0] * 9


def test_a_trace_comes_back_as_it_was(reference, tmp_path):
    store, conditions = Store(tmp_path), {"measurement": "trace", "settings": {}}
    content = quantity.serialised({traces.STORED: reference}, {traces.STORED: "of the test"})
    found = quantity.read_trace(stored_arrays.keep(store, conditions, content), traces.STORED)
    assert list(found) == list(reference)
    for trace, name in ((reference, "a"), (found, "b")):
        quantity.write_traces({"x": trace}, {"x": "c0de"}, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
