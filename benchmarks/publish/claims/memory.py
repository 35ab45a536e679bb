"""Evidence from peaks of memory: whether they lie on a line, and whether that line starts at 0."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, of_mean
from benchmarks.publish.results import Results

FEWEST_SIZES = 4
"""Through three points, a line of two parameters passes close by."""


def linear(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The largest distance of a peak from the line of its seed, in per cent of the line."""

    def distance(sizes: np.ndarray, peaks: np.ndarray) -> float:
        line = stats.linregress(sizes, peaks)
        fitted = line.intercept + line.slope * sizes
        return 100 * float(np.max(np.abs(peaks - fitted) / np.abs(fitted)))

    return _judged(results, claim, distance)


def proportional(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What the line of a seed has at B = 0, in per cent of the peak at the largest batch size."""

    def at_zero(sizes: np.ndarray, peaks: np.ndarray) -> float:
        return 100 * stats.linregress(sizes, peaks).intercept / float(peaks[sizes.argmax()])

    return _judged(results, claim, at_zero)


def _judged(
    results: Results, claim: Claim, quantity: Callable[[np.ndarray, np.ndarray], float]
) -> dict[Place, Evidence]:
    """The evidence of each (workload, framework), from a quantity of its peaks of each seed."""
    found = {}
    for place, runs in _of_first_arm(results):
        peaks = runs.pivot_table(index="seed", columns="batch_size", values="peak_memory_mib").dropna()
        if peaks.shape[1] >= FEWEST_SIZES:
            sizes = peaks.columns.to_numpy(float)
            values = np.array([quantity(sizes, row) for row in peaks.to_numpy(float)])
            found[place] = of_mean(values, claim.region, fewest=claim.fewest)
    return found


def _of_first_arm(results: Results) -> list[tuple[Place, pd.DataFrame]]:
    """The runs of the first trained arm of each (workload, framework): memory follows the step kind alone."""
    groups = results.runs.groupby(["dataset", "model", "framework"], sort=False)
    return [
        (Place(*names, runs["arm"].iloc[0]), runs[runs["arm"] == runs["arm"].iloc[0]])
        for names, runs in groups
    ]
