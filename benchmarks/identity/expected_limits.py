"""The limits of a machine that are measured, held to those of a framework whose operations take known times.

Its clock runs by what it is asked for, so that nothing rests and every digit is known.
"""

import functools
import math
from types import SimpleNamespace

from benchmarks.frameworks.trainer import Device, Repeated
from benchmarks.throughput import limits

PRODUCT_GFLOPS, COPY_GB_PER_S, START_US = 64.0, 8.0, 2.0
CLOSE = 0.01
"""A copy is an operation that starts too."""


class Known:
    """A framework with these limits, and its clock, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def device(self) -> Device:
        """A processor."""
        return Device("cpu", "CPU")

    def product(self, size: int, precision: str) -> Repeated:
        """Products of so many multiplications and additions."""
        return self._taking(2 * size**3 / (1e9 * PRODUCT_GFLOPS))

    def scaling(self, n: int, precision: str) -> Repeated:
        """What reads and writes n numbers."""
        each = 8 if precision == "float64" else 4
        return self._taking(1e-6 * START_US + 2 * n * each / (1e9 * COPY_GB_PER_S))

    def _taking(self, seconds: float) -> Repeated:
        def repeat(times: int) -> None:
            self.now += times * seconds

        return repeat


@functools.cache
def fault() -> str:
    """Which limit is told otherwise than it is; empty if none is, or if there is no memory to measure any."""
    for precision in ("float32", "float64"):
        known = Known()
        framework = SimpleNamespace(product=known.product, scaling=known.scaling, device=known.device)
        made = limits.measure(framework, precision, clock=lambda known=known: known.now)
        due = {
            "the fastest product": (made and made.product_gflops[precision], PRODUCT_GFLOPS),
            "the fastest copy": (made and made.copy_gb_per_s, COPY_GB_PER_S),
            "the start of an operation": (made and made.start_us, START_US),
        }
        for name, (told, known_limit) in due.items():
            if told is not None and not math.isclose(told, known_limit, rel_tol=CLOSE):
                return f"{name} of a machine is told as {told:.3g}, and it is {known_limit:g}"
    return ""
