"""Arms that differ by their learning rates alone: one is traced for all; the runs of each are tried."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
from test_trace import STUDY

from benchmarks.common.store import Store
from benchmarks.identity import certificate, quantity, subjects, traces
from benchmarks.identity.subjects import traced_as
from benchmarks.recipe.arm import Arm
from benchmarks.study import check, study
from benchmarks.training import measure

PLAIN = {"optimizer": "momentum", "learning_rate": 0.0625, "momentum": 0.875, "scaling": "none"}
ARMS = [
    {**PLAIN, "name": "fixed"},
    {**PLAIN, "name": "linear", "scaling": "linear", "reference_batch_size": 64},
    {**PLAIN, "name": "other", "learning_rate": 0.1},
]


def verdicts(digits, folder):
    """Whether each arm is certified in NumPy's fused execution."""
    config = copy.deepcopy({**STUDY, "frameworks": ["numpy"], "arms": ARMS})
    config["workloads"] = [{**config["workloads"][0], "model": "logistic", "batch_sizes": [8, 64]}]
    read = check.read(config)
    for file in subjects.files(["numpy"]):
        given = study.for_tracing(read), file, {"digits": digits}
        made = traces.record_missing(*given, Store(folder / "store"), threads=1)
        quantity.write_traces(made, dict.fromkeys(made, "c0de"), folder / file.path)
    found = certificate.certificates(study.at_start(read), ["numpy"], folder)
    return {each.arm: each.verdict for each in found if each.execution == "fused"}


def test_each_is_certified(digits, tmp_path):
    assert verdicts(digits, tmp_path) == dict.fromkeys(("fixed", "linear", "other"), "certified")
    # Two files; everything else in both executions and precisions; the runs of three arms in float64, by the
    # study and by the reference; those that all three share in float32; and whole runs, which they share too.
    assert len(list(Path(tmp_path).rglob("*.safetensors"))) == 2 + 2 * 2 + 3 * 2 + 1 + (2 + 1)


def test_a_rate_at_which_rounding_grows_costs_no_other_arm_its_certificate():
    wild = {**PLAIN, "name": "wild", "learning_rate": 4.0}
    arms = [Arm.model_validate(arm) for arm in (wild, *ARMS)]
    assert {traced_as(arm, arms).name for arm in arms} == {"linear"}


@pytest.mark.parametrize("arm", ["linear", "other"])
def test_a_rate_that_only_one_of_them_has_wrong_is_found(monkeypatch, digits, tmp_path, arm):
    def wrong(framework, plan, data):
        setup = set_up(framework, plan, data)
        rate = setup.optimizer.learning_rate
        slower = setup.optimizer.model_copy(update={"learning_rate": rate / 2})
        return replace(setup, optimizer=slower) if plan.cell.arm == arm else setup

    set_up = measure.set_up
    monkeypatch.setattr(measure, "set_up", wrong)
    found = verdicts(digits, tmp_path)
    assert {name for name, verdict in found.items() if verdict != "certified"} == {arm}
