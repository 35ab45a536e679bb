"""The limits of a machine, as a framework meets them: its fastest matrix product, its copying, its start.

They tell how much of a machine a training uses. A timing process measures them when it has timed its cases.
"""

import time
from collections.abc import Callable
from types import ModuleType

import psutil

from benchmarks.common.heap import keep_freed_memory
from benchmarks.common.value import Value
from benchmarks.frameworks.trainer import Repeated

SMALLEST, LARGEST = 256, 8192
"""Rows of the matrices. Products grow by a factor of 2 until one takes LONG_ENOUGH_S."""
LONG_ENOUGH_S = 0.05
COPIES = 20
"""Copies of the array between two readings of the clock on a GPU: one takes less time than its start."""
COPIED = 2**25
"""Elements of an array that no cache holds: 128 MiB in float32."""
STARTED = 500
"""Operations on a single element, one after the other."""
TRIES = 3
NEEDED_MIB = 3072
"""Free memory below which nothing is measured: a process that the kernel kills here loses its timings."""

Clock = Callable[[], float]


class Limits(Value):
    """What was measured, each the best of TRIES.

    `product_gflops` is by precision, 10⁹ operations in a second of the fastest product of two square
    matrices; `copy_gb_per_s` are the 10⁹ bytes that are read and written in a second where a large array is
    multiplied by a number; `start_us` are the microseconds from one operation on a single element to the
    next.
    """

    product_gflops: dict[str, float]
    copy_gb_per_s: float
    start_us: float


def measure(framework: ModuleType, precision: str, *, clock: Clock = time.perf_counter) -> Limits | None:
    """Measure in this process, whose framework has been configured; None where memory is short."""
    if psutil.virtual_memory().available < NEEDED_MIB * 2**20:
        return None
    keep_freed_memory()
    bytes_each = 2 * COPIED * (8 if precision == "float64" else 4)
    copies = COPIES if framework.device().kind == "gpu" else 1
    copy_s = fastest_s(framework.scaling(COPIED, precision), copies, clock) / copies
    start_s = fastest_s(framework.scaling(1, precision), STARTED, clock) / STARTED
    multiplied = precisions(framework, precision)
    return Limits(
        product_gflops={each: product_gflops(framework, each, clock) for each in multiplied},
        copy_gb_per_s=bytes_each / copy_s / 1e9,
        start_us=1e6 * start_s,
    )


def precisions(framework: ModuleType, precision: str) -> list[str]:
    """Those to multiply in: that of the study, and on a GPU also the one that it is built for."""
    return [precision, "bfloat16"] if framework.device().kind == "gpu" else [precision]


def product_gflops(framework: ModuleType, precision: str, clock: Clock) -> float:
    """10⁹ operations in a second, of the size of matrices at which there are most."""
    size, found = SMALLEST, []
    while True:
        product_s = fastest_s(framework.product(size, precision), 1, clock)
        found.append(2 * size**3 / product_s / 1e9)
        if product_s >= LONG_ENOUGH_S or size >= LARGEST:
            return max(found)
        size *= 2


def fastest_s(repeat: Repeated, times: int, clock: Clock) -> float:
    """Seconds of so many operations, the fewest of TRIES, after one that is not counted."""
    repeat(1)
    seconds = []
    for _ in range(TRIES):
        start = clock()
        repeat(times)
        seconds.append(clock() - start)
    return min(seconds)
