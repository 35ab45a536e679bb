"""Evidence from peaks of memory: whether they lie on a line, and whether that line starts at 0."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_estimate, worst
from benchmarks.publish.results import Results
from benchmarks.summary.statistics import LINEAR, Estimate

FEWEST_SIZES = 4
"""Through three points, a line of two parameters passes close by."""
ON_A_LINE = (-np.inf, 100 * LINEAR)
Quantity = Callable[[np.ndarray, np.ndarray], float]


def linear(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The largest distance of a peak from the line, in per cent of the peak."""
    return {place: _of(peaks, distance, claim, claim.region) for place, peaks in _peaks(results).items()}


def proportional(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What the line has at B = 0, in per cent of the peak at the smallest batch size, if it is one."""
    return {
        place: worst(
            [
                _of(peaks, at_zero, claim, claim.region),
                _of(peaks, distance, claim, ON_A_LINE).noted("distance from the line"),
            ]
        )
        for place, peaks in _peaks(results).items()
    }


def line(sizes: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """a and b of a + b B through peaks [n]: least squares of the residuals relative to the peaks."""
    columns = np.column_stack([np.ones(len(sizes)), sizes]) / peaks[:, None]
    return np.linalg.lstsq(columns, np.ones(len(sizes)), rcond=None)[0]


def distance(sizes: np.ndarray, peaks: np.ndarray) -> float:
    """The largest |residual| in per cent of the peak."""
    a, b = line(sizes, peaks)
    return 100 * float(np.max(np.abs(peaks - a - b * sizes) / peaks))


def at_zero(sizes: np.ndarray, peaks: np.ndarray) -> float:
    """The line's a in per cent of the peak at the smallest batch size."""
    return 100 * float(line(sizes, peaks)[0] / peaks[sizes.argmin()])


def _of(peaks: pd.DataFrame, quantity: Quantity, claim: Claim, region: tuple[float, float]) -> Evidence:
    """The evidence of a quantity of the mean peaks, with its error by leaving out one seed after the other.

    `peaks` has a row per seed and a column per batch size. The largest of several residuals is taken of
    means, since that of single peaks is the larger the more they scatter.
    """
    n, sizes = len(peaks), peaks.columns.to_numpy(float)
    if n < claim.fewest:
        return lacking(f"{n} of the {claim.fewest} seeds that a test needs", n=n)
    if not (peaks > 0).all(axis=None):
        return lacking("a peak is not above 0", n=n)
    value = quantity(sizes, peaks.mean().to_numpy())
    without = np.array([quantity(sizes, peaks.drop(index=seed).mean().to_numpy()) for seed in peaks.index])
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return of_estimate(Estimate(value, value, value), (error, error), n - 1, region)


def _peaks(results: Results) -> dict[Place, pd.DataFrame]:
    """Peaks of the first trained arm of each (workload, framework): memory follows the step kind alone."""
    found = {}
    measured = results.runs.dropna(subset=["peak_memory_mib"])
    for names, runs in measured.groupby(["dataset", "model", "framework"], sort=False):
        arm = runs["arm"].iloc[0]
        own = runs[runs["arm"] == arm]
        peaks = own.pivot(index="seed", columns="batch_size", values="peak_memory_mib").dropna()
        if peaks.shape[1] >= FEWEST_SIZES:
            found[Place(*names, arm)] = peaks
    return found
