"""Whether a machine was quiet while something was measured on it.

There are three signs that it was not: other processes took a part of the processor; a fixed piece of work
took longer on average than at its fastest, as on a machine that drifts or whose hypervisor gives its cores
away unseen; or one call of what was measured took far longer than the others, as when the process was
stopped. A fourth one shows beside other measurements: the fixed work took longer than in them throughout.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from benchmarks.common.machine import OtherLoad
from benchmarks.common.value import Value

OTHERS = 0.05
"""Share of the processor that others may take. Of two cores, it is a tenth of one, for which the threads of
both wait."""
DRIFT = 1.25
"""How many times its fastest time the fixed work may take on average. The mean tells by how much a
measurement is too long; a single pause makes the slowest of many probes several times as long as the fastest.
"""
GAP = 0.2
"""Share of the measured time that the longest call may take beyond what the others make expect."""
CALM = 0.1
"""Share of the measurements of a study that are taken for calm: those in which the fixed work took least."""

MATRIX = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
"""So small that its product stays in the first cache and is computed on one thread."""
PRODUCTS, TRIES = 150, 3


def probe_s() -> float:
    """Seconds of fixed work, about a millisecond of matrix products: the best of three tries."""
    product = np.empty_like(MATRIX)
    return min(_seconds_of_products(product) for _ in range(TRIES))


def _seconds_of_products(product: np.ndarray) -> float:
    start = time.perf_counter()
    for _ in range(PRODUCTS):
        np.matmul(MATRIX, MATRIX, out=product)
    return time.perf_counter() - start


class Disturbance(Value):
    """What was seen of the three signs during one measurement.

    `probe_ms` is the median of the fixed work in milliseconds, `probe_drift` its mean time over its fastest.
    """

    others_cpu_share: float
    probe_ms: float
    probe_drift: float
    gap_share: float

    @property
    def degree(self) -> float:
        """The gravest sign as a multiple of its limit; a measurement above 1 was disturbed."""
        drift = (self.probe_drift - 1) / (DRIFT - 1)
        return max(self.others_cpu_share / OTHERS, drift, self.gap_share / GAP)

    @property
    def reason(self) -> str:
        """What disturbed the measurement; empty if nothing did."""
        signs = {
            f"others took {self.others_cpu_share:.0%} of the processor": self.others_cpu_share > OTHERS,
            f"fixed work took {self.probe_drift:.2g} times as long as at its fastest": self.probe_drift
            > DRIFT,
            f"one call took {self.gap_share:.0%} of the time more than its share": self.gap_share > GAP,
        }
        return "; ".join(sign for sign, seen in signs.items() if seen)

    def reason_beside(self, calm: float) -> str:
        """The same, where the fixed work takes `calm` milliseconds in calm measurements of the study."""
        times = self.probe_ms / calm
        slow = f"fixed work took {times:.2g} times as long as in the calm measurements of the study"
        return self.reason or (slow if times > DRIFT else "")


def calm_ms(seen: Sequence[Disturbance]) -> float:
    """Milliseconds of the fixed work in the calm ones of these measurements; infinite without any."""
    return float(np.quantile([each.probe_ms for each in seen], CALM)) if seen else float("inf")


T = TypeVar("T")


class Repetition:
    """Does a disturbed measurement once more, of which the calmer one counts.

    If the second one is disturbed too, the machine is busy, and no further measurement is done twice.
    """

    def __init__(self) -> None:
        self.helps = True

    def calmer(self, measure: Callable[[], T], *, of: Callable[[T], Disturbance | None]) -> T:
        """What `measure` gives; `of` tells how it was disturbed, None where nobody knows."""
        first = measure()
        if not self.helps or of(first) is None or not of(first).reason:
            return first
        again = measure()
        self.helps = of(again) is not None and not of(again).reason
        return again if of(again) and of(again).degree < of(first).degree else first


class Watch:
    """Watches one measurement: the load from the moment when it is created, the rest when it is told to.

    Nothing is probed at its creation: while a framework then compiles on all cores, a processor with many of
    them leaves the clock rate that it had at rest, and that says nothing of what is timed afterwards.
    """

    def __init__(self) -> None:
        self._load = OtherLoad()
        self._probes: list[float] = []
        self._calls: dict[int, list[tuple[int, float]]] = {}

    def probe(self) -> None:
        """Do the fixed work once more; never while the clock of the measurement runs."""
        self._probes.append(probe_s())

    def called(self, steps: int, seconds: float, *, batch_size: int = 0) -> None:
        """Take down a timed call of this number of steps; those of another batch size have another pace."""
        self._calls.setdefault(batch_size, []).append((steps, seconds))

    def gap_share(self) -> float:
        """What the longest call took beyond its steps at the median pace, as a share of all calls."""
        beyond = all_s = 0.0
        for calls in self._calls.values():
            steps, seconds = np.array(calls, float).T
            beyond = max(beyond, np.max(seconds - steps * np.median(seconds / steps)))
            all_s += np.sum(seconds)
        return float(beyond / all_s) if all_s else 0.0

    def disturbance(self) -> Disturbance:
        """What has been seen until now."""
        self.probe()
        return Disturbance(
            others_cpu_share=self._load.share(),
            probe_ms=1e3 * statistics.median(self._probes),
            probe_drift=statistics.mean(self._probes) / min(self._probes),
            gap_share=self.gap_share(),
        )
