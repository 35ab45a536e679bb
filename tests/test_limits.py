"""The limits of a machine, measured on one whose speed is known."""

import subprocess
import sys
import types

import pytest

from benchmarks import frameworks
from benchmarks.publish.tables import machine
from benchmarks.summary import hardware
from benchmarks.throughput import limits


class Machine:
    """A framework on a machine of known limits, and its clock; each operation takes 2 µs to start."""

    def __init__(self, kind="cpu", *, gflops=0.5, slow_below=0):
        self.now, self.kind, self.gflops, self.slow_below = 0.0, kind, gflops, slow_below
        self.sizes = []

    def clock(self):
        return self.now

    def device(self):
        return types.SimpleNamespace(kind=self.kind)

    def product(self, size, precision):
        self.sizes.append((precision, size))
        rate = self.gflops * (8 if precision == "bfloat16" else 1) * (0.5 if size < self.slow_below else 1)
        return self._repeated(2 * size**3 / rate / 1e9)

    def scaling(self, n, precision):
        return self._repeated(2e-6 if n == 1 else n * 2 * (8 if precision == "float64" else 4) / 20e9)

    def _repeated(self, seconds):
        def repeat(times):
            self.now += times * seconds

        return repeat


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_limits_are_operations_bytes_and_starts_in_a_second(precision):
    made = Machine()
    found = limits.measure(made, precision, clock=made.clock)
    assert found.product_gflops == {precision: pytest.approx(0.5)}
    assert found.copy_gb_per_s == pytest.approx(20.0)
    assert found.start_us == pytest.approx(2.0)


def test_where_memory_is_short_nothing_is_measured(monkeypatch):
    made = Machine()
    scarce = types.SimpleNamespace(available=2**30)
    monkeypatch.setattr(limits.psutil, "virtual_memory", lambda: scarce)
    assert limits.measure(made, "float32", clock=made.clock) is None and made.now == 0.0


def test_matrices_grow_until_a_product_is_long_and_the_fastest_counts():
    made = Machine(gflops=12.0, slow_below=1024)
    found = limits.measure(made, "float32", clock=made.clock)
    assert [size for _, size in made.sizes] == [256, 512, 1024]  # 6, 45 and 179 ms
    assert found.product_gflops["float32"] == pytest.approx(12.0)


def test_a_gpu_multiplies_in_what_it_is_built_for_too_and_matrices_end_where_memory_would():
    made = Machine("gpu", gflops=1e6)
    found = limits.measure(made, "float32", clock=made.clock)
    assert found.product_gflops == {"float32": pytest.approx(1e6), "bfloat16": pytest.approx(8e6)}
    assert max(size for _, size in made.sizes) == limits.LARGEST


def test_the_first_operation_does_not_count_and_the_fastest_of_the_others_does():
    seconds = iter([50.0, 3.0, 2.0, 9.0])
    made = types.SimpleNamespace(now=0.0)

    def repeat(times):
        made.now += next(seconds)

    assert limits.fastest_s(repeat, 4, lambda: made.now) == 2.0


@pytest.mark.parametrize("name", frameworks.NAMES)
def test_every_framework_multiplies_and_waits(name):
    """In a process of its own; what it computes is the framework's own matter, that it takes time is not."""
    code = (
        "import sys; from benchmarks import frameworks; from benchmarks.throughput import limits\n"
        f"made = frameworks.load({name!r})\n"
        "made.configure(threads=1, device='cpu', precision='float32')\n"
        "limits.LONG_ENOUGH_S, limits.COPIED, limits.STARTED = 0.0, 2**16, 5\n"
        "print(limits.measure(made, 'float32').model_dump_json())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = limits.Limits.model_validate_json(done.stdout.splitlines()[-1])
    assert set(found.product_gflops) == {"float32"}
    assert 0 < found.product_gflops["float32"] < 1e5
    assert found.copy_gb_per_s > 0 and found.start_us > 0


def of_process(gflops, copy):
    return {"product_gflops": {"float32": gflops}, "copy_gb_per_s": copy, "start_us": 5.0}


def test_limits_of_processes_are_told_by_median_and_range_and_shown():
    found = hardware.limits([of_process(10.0, 1.0), of_process(30.0, 2.0), of_process(20.0, 9.0)])
    assert found["n"] == 3
    assert found["product_gflops"] == {"float32": {"median": 20.0, "lo": 10.0, "hi": 30.0}}
    assert found["copy_gb_per_s"] == {"median": 2.0, "lo": 1.0, "hi": 9.0}
    (table,) = machine.tables(types.SimpleNamespace(limits={"keras": found}))
    assert [entry.text for entry in table.rows[0]] == [
        *("Keras", "float32", "20.0 [10.0, 30.0]", "2.00 [1.00, 9.00]", "5.00 [5.00, 5.00]")
    ]
    assert table.data["product_gflops_hi"].tolist() == [30.0]
    assert machine.tables(types.SimpleNamespace(limits={})) == []
