"""Peak memory, load of others and scores, against arithmetic."""

import ast
import dataclasses
import subprocess
import sys
import time
import types
from collections import namedtuple

import numpy as np
import pytest
import tracing

from benchmarks.common import machine
from benchmarks.common.fork_server import ForkServer
from benchmarks.frameworks.trainer import scores
from benchmarks.identity.trace import set_up
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.training import peak_memory

OF_NUMPY = {"model": "logistic", "execution": "fused", "precision": "float64"}

PEAK = """
import numpy, types
from benchmarks.common.heap import give_back_freed_memory
from benchmarks.training.peak_memory import Subject, measure, resident_mib
framework = types.SimpleNamespace(
    device=lambda: types.SimpleNamespace(kind="cpu"), reset_peak_memory=lambda: None,
    synchronise=lambda: None, peak_memory_mib=lambda: None)
before = numpy.ones((200, 2**17)); del before            # 200 MiB, freed before the measurement
give_back_freed_memory()                                 # as `baseline_mib` does
baseline = resident_mib("VmRSS")
held = numpy.ones((16, 2**17))                           # 16 MiB, held by the trainer throughout
def train(batches):
    numpy.ones((64, 2**17))                              # 64 MiB, freed within the step
print(measure(Subject(framework, types.SimpleNamespace(train=train), None, baseline)))
"""


def test_peak_memory_counts_what_is_held_and_what_was_freed_in_a_step_and_not_what_was_before():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    measured = ast.literal_eval(done.stdout)
    assert 79 < measured["peak_memory_mib"] < 86
    assert measured["device_memory_mib"] is None


def test_the_load_of_others_is_what_neither_this_process_nor_idleness_took(monkeypatch):
    times = namedtuple("times", "user system idle iowait steal guest")
    own = namedtuple("own", "user system children_user children_system")
    shown = iter([times(10, 5, 100, 1, 0, 0), times(14, 6, 110, 1, 1, 0)])
    mine = iter([own(2, 1, 0, 0), own(4, 1, 1, 0)])
    of_child = iter([own(1, 0, 0, 0), own(1, 0, 0, 1)])
    child = types.SimpleNamespace(cpu_times=lambda: next(of_child))
    clock = iter([0.0, 4.0])
    monkeypatch.setattr(machine.psutil, "cpu_times", lambda: next(shown))
    monkeypatch.setattr(machine.psutil, "cpu_count", lambda: 4)
    monkeypatch.setattr(
        machine.psutil,
        "Process",
        lambda: types.SimpleNamespace(cpu_times=lambda: next(mine), children=lambda recursive: [child]),
    )
    monkeypatch.setattr(machine.time, "perf_counter", lambda: next(clock))
    load = machine.OtherLoad()
    # The machine was busy for 6 s more, 4 of them ours, in 4 s on 4 cores.
    assert load.share() == pytest.approx(2 / 16)


def busy(seconds):
    """Compute for so many seconds of processor time."""
    while time.process_time() < seconds:
        pass


def test_work_of_a_process_that_a_fork_server_has_forked_is_not_that_of_others():
    with ForkServer(print) as server:
        before = machine.family_cpu_s()
        server.call(busy, 0.5, environment={})
        assert machine.family_cpu_s() - before >= 0.45


def test_scores_are_cross_entropy_in_nats_and_share_of_right_answers():
    found = scores(np.array([[0.0, 0.0], [0.0, np.log(3.0)]]), np.array([0, 1]))
    assert found.loss == pytest.approx((np.log(2) + np.log(4 / 3)) / 2)
    assert found.accuracy == 1.0


def test_scores_do_not_overflow():
    assert scores(np.array([[1e4, 0.0]]), np.array([1])).loss == pytest.approx(1e4)


def test_the_tiny_model_before_a_measurement_divides_into_micro_batches():
    optimizer = Optimizer(name="sgd", learning_rate=0.5, accumulation=8)
    setup = set_up(tracing.numpy_in_float64(), tracing.blobs(), tracing.MOMENTUM, **OF_NUMPY)
    assert peak_memory.baseline_mib(dataclasses.replace(setup, optimizer=optimizer)) > 0
