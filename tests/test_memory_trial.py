"""Trials whether a batch size fits into memory, and what memory there is."""

import math
import time

import numpy as np
import psutil
import pytest
from test_batch_sizes import made, study

from benchmarks import frameworks
from benchmarks.common import memory, process
from benchmarks.common.errors import Problem
from benchmarks.identity import largest, memory_trial
from benchmarks.identity.memory_trial import GRAPHS, MARGIN, Room, Stops
from benchmarks.study.study import for_timing


def hungry(mib, seconds=0.0):
    """Take memory step by step, and then some time."""
    taken = []
    for _ in range(mib // 10):
        taken.append(np.ones(10 * 2**20, np.int8))
        time.sleep(0.01)
    time.sleep(seconds)
    return len(taken)


def test_a_process_that_takes_more_than_it_may_is_stopped():
    own_mib = psutil.Process().memory_info().rss / memory.MIB
    watch = Stops(own_mib + 150, limit_s=60)
    result, code = process.forked(hungry, 2000, may_go_on=watch.may_go_on)
    assert (result, code) == (None, -9)
    assert "of the memory" in watch.stopped_since
    assert own_mib < watch.most_mib < own_mib + 600


def test_a_process_that_takes_too_long_is_stopped_and_one_that_does_not_is_left_alone():
    watch = Stops(1e9, limit_s=0.2)
    assert process.forked(hungry, 10, seconds=30.0, may_go_on=watch.may_go_on) == (None, -9)
    assert "had not ended after" in watch.stopped_since
    watch = Stops(1e9, limit_s=60)
    assert process.forked(hungry, 10, may_go_on=watch.may_go_on) == (1, 0)
    assert not watch.stopped_since


def tried(size, *, main_mib=1e6):
    """A real trial of NumPy on digits."""
    asked = study([size, "auto"])
    workload, arm = asked.workloads[0], for_timing(asked).arms[0]
    planned = largest.planned_trial(asked, workload, largest.files(["numpy"])[0], arm, size)
    data = largest.data_of(workload)
    return memory_trial.trial(
        frameworks.load("numpy"), planned, data, Room(main_mib, 1), step_kind=arm.step_kind
    )


def test_a_trial_tells_what_a_run_takes():
    found = tried(1024)
    assert found.fits and not found.reason and found.precision == "float64"
    own_mib = psutil.Process().memory_info().rss / memory.MIB
    assert own_mib / 2 < found.peak_memory_mib < own_mib + 1000


def test_a_trial_that_takes_more_than_it_may_does_not_fit_and_says_why():
    found = tried(1024, main_mib=10.0)
    assert not found.fits and "of the memory" in found.reason and found.limit_mib == 10.0


def test_a_framework_that_runs_out_of_memory_does_not_fit(monkeypatch):
    monkeypatch.setattr(memory_trial.measure, "warm_up", lambda *_: raised(MemoryError))
    found = tried(16)
    assert not found.fits and found.reason == "more memory than there is"


def test_a_trial_that_fails_otherwise_is_no_answer(monkeypatch):
    monkeypatch.setattr(memory_trial.measure, "warm_up", lambda *_: raised(ZeroDivisionError))
    with pytest.raises(Problem, match="numpy could not try mlp on digits with a batch size of 16 in float64"):
        tried(16)


def raised(error):
    """Raise it, where a lambda cannot."""
    raise error


@pytest.mark.parametrize(
    ("took", "fits", "peak"),
    [
        ((500.0, None), True, 500.0),
        ((1100.0, None), False, 1100.0),
        ((500.0, 7900.0), True, 7900.0),
        ((500.0, 8100.0), False, 8100.0),
        ((1100.0, 10.0), False, 1100.0),
    ],
)
def test_a_gpu_counts_by_its_own_memory_unless_the_main_memory_does_not_do(monkeypatch, took, fits, peak):
    gpu_mib = 8000.0 * GRAPHS / (1 - MARGIN)
    monkeypatch.setattr(memory_trial.machine, "leased_memory_mib", lambda: gpu_mib)
    names = made(1).model_dump(exclude={"fits", "reason", "peak_memory_mib", "limit_mib"})
    found = memory_trial.judged(memory_trial.Took(*took), Room(1000.0, 1), names)
    assert (found.fits, found.peak_memory_mib, not found.reason) == (fits, peak, fits)


def group(folder, names, limit, used_mib, cached_mib):
    """A control group with these numbers, by cgroups(7)."""
    of_limit, of_use, of_cache = names
    folder.mkdir(parents=True, exist_ok=True)
    (folder / of_limit).write_text(f"{limit}\n")
    (folder / of_use).write_text(f"{used_mib * memory.MIB}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{of_cache} {cached_mib * memory.MIB}\n")


@pytest.mark.parametrize(
    ("names", "top", "line"), [(memory.V2, "", "0::"), (memory.V1, "memory", "4:memory:")]
)
@pytest.mark.parametrize(
    ("limits", "left_mib"),
    [(("max", "max"), 900), ((600, "max"), 500), (("max", 600), 500), ((600, 250), 150), ((50, 900), 0)],
)
def test_a_container_and_those_around_it_have_less_than_their_machine(
    tmp_path, monkeypatch, names, top, line, limits, left_mib
):
    inner, outer = (limit if limit == "max" else limit * memory.MIB for limit in limits)
    group(tmp_path / top / "slice", names, outer, 200, 100)
    group(tmp_path / top / "slice" / "job", names, inner, 200, 100)
    (tmp_path / "membership").write_text(f"1:cpu:/x\n{line}/slice/job\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    free = type("Free", (), {"available": 900 * memory.MIB})
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: free)
    assert memory.available_mib() == left_mib
    numbers = [limit * memory.MIB for limit in limits if limit != "max"]
    assert memory.limit_of_container() == min(numbers, default=math.inf)


def test_no_container_has_no_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "nowhere")
    assert memory.available_mib() == pytest.approx(psutil.virtual_memory().available / memory.MIB, rel=0.2)
    assert memory.limit_of_container() == math.inf
