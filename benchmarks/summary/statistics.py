"""Statistics of results: estimates with their 95 % intervals, paired ratios, the fit of peak memory.

scipy's tests and bootstrap give such intervals too, but one call after another: a summary of ten thousand
cells takes its quantiles of t and its resamples from a cache.
"""

import functools
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.summary import columns
from benchmarks.summary.schema import MEMORY_FIT
from benchmarks.summary.schema.names import CASE, FITTED, MEASURED

LEVEL = 0.95
RESAMPLES = 2000


class Estimate(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    lo: float
    hi: float


UNKNOWN = Estimate(np.nan, np.nan, np.nan)


def geometric_mean(values: np.ndarray) -> Estimate:
    """Geometric mean of positive values [n], with Student's t interval of the mean of their logs.

    With a single value the interval is unbounded, not of width 0: it is given as NaN.
    """
    return Estimate(*(float(np.exp(end)) for end in mean(np.log(np.asarray(values, float)))))


def mean(values: np.ndarray) -> Estimate:
    """Mean of values [n], with Student's t interval; of a single value that is NaN."""
    values = np.asarray(values, float)
    if len(values) == 0:
        return UNKNOWN
    centre = float(values.mean())
    if len(values) == 1:
        return Estimate(centre, np.nan, np.nan)
    half = students_t(len(values)) * values.std(ddof=1) / np.sqrt(len(values))
    return Estimate(centre, float(centre - half), float(centre + half))


def paired_ratio(numerators: np.ndarray, denominators: np.ndarray) -> Estimate:
    """Ratio of two positive quantities measured side by side, [n] each, pair by pair."""
    return geometric_mean(np.asarray(numerators, float) / np.asarray(denominators, float))


def median_of_censored(values: np.ndarray) -> Estimate:
    """Median of values [n], among which a run that never reached the target counts as infinity.

    The interval is the percentile bootstrap over the runs (Efron 1979), seeded; an end that lies at
    infinity is unbounded. The median is infinite where half of the runs or more are censored.
    """
    values = np.asarray(values, float)
    if len(values) == 0:
        return UNKNOWN
    medians = np.sort(np.sort(values[resamples(len(values))], axis=1)[:, _middle(len(values))].mean(axis=1))
    tail = round((1 - LEVEL) / 2 * RESAMPLES)
    return Estimate(float(np.median(values)), float(medians[tail]), float(medians[-1 - tail]))


@functools.cache
def resamples(n: int) -> np.ndarray:
    """The indices of the runs that each bootstrap sample draws, [RESAMPLES, n]; the seed is fixed."""
    return np.random.default_rng(0).integers(0, n, (RESAMPLES, n))


def _middle(n: int) -> list[int]:
    """The indices of the two sorted values whose mean is the median of n; they are equal where n is odd."""
    return [(n - 1) // 2, n // 2]


@functools.cache
def students_t(n: int) -> float:
    """Quantile of Student's t for a 95 % interval of the mean of n values."""
    return float(stats.t.ppf(0.5 + LEVEL / 2, n - 1))


FEWEST_QUIET = 5
"""Quiet timings of a case without which those that were disturbed count too: of fewer an interval is wide."""


def counted(throughput: pd.DataFrame) -> pd.DataFrame:
    """The timings that count: those of a case and execution that were quiet if they are enough, or else all.

    Timings that failed stay.
    """
    measured = throughput["status"] == MEASURED
    quiet = measured & (throughput["disturbed"].fillna("") == "")
    n_quiet = quiet.groupby([throughput[key] for key in (*CASE, "execution")]).transform("sum")
    return throughput[quiet | ~measured | (n_quiet < FEWEST_QUIET)]


def by_process(throughput: pd.DataFrame, *, of: str) -> pd.DataFrame:
    """Samples per second of the rows that were measured: a row per process, a column per value of `of`."""
    measured = throughput[throughput["status"] == MEASURED]
    return measured.pivot_table(index="process", columns=of, values="samples_per_s")


def ratio(processes: pd.DataFrame, above: str, below: str) -> Estimate:
    """Throughput of the column `above` over that of `below`, paired over processes."""
    if above not in processes or below not in processes:
        return UNKNOWN
    pairs = processes[[above, below]].dropna()
    return paired_ratio(pairs[above].to_numpy(), pairs[below].to_numpy())


OF_RUNS = ["training_samples_per_s", "time_to_target_s", "peak_memory_mib"]


def distinct(cells: pd.DataFrame) -> pd.DataFrame:
    """The cells of a summary without those that are the training of an earlier arm under another name.

    Both have the result of the same runs, so that what was measured of them is equal to the last digit.
    """
    again = cells.duplicated([*CASE, *OF_RUNS]) & cells["training_samples_per_s"].notna()
    return cells[~again]


FEWEST_POINTS = 3
LINEAR = 0.05
"""Largest residual, as a share of the fitted memory, up to which memory is linear in the batch size."""


def memory_fit(batch_sizes: np.ndarray, memory_mib: np.ndarray, *, capacity_mib: float) -> dict:
    """Least-squares line through peak memory [n] in MiB over batch sizes [n].

    `residual_share` is the largest |residual| over the fitted M; `largest_batch` solves
    a + b B = capacity and is empty where memory does not grow with B, or is not linear in it, or where the
    capacity is not known.
    """
    line = stats.linregress(batch_sizes, memory_mib)
    fitted = line.intercept + line.slope * np.asarray(batch_sizes)
    residual = float(np.max(np.abs(memory_mib - fitted) / np.abs(fitted)))
    meets = line.slope > 0 and residual <= LINEAR and np.isfinite(capacity_mib)
    return {
        "a_mib": line.intercept,
        "b_mib_per_example": line.slope,
        "residual_share": residual,
        "capacity_mib": capacity_mib,
        "largest_batch": int((capacity_mib - line.intercept) / line.slope) if meets else None,
        "n_points": len(batch_sizes),
    }


def memory_fits(summary: pd.DataFrame, *, capacity_mib: float) -> pd.DataFrame:
    """One fit for each workload, framework and step kind of arm, over the cells that have a measured peak."""
    measured = distinct(summary).dropna(subset=["peak_memory_mib"])
    rows = []
    for key, cells in measured.groupby(FITTED, sort=False):
        if cells["batch_size"].nunique() >= FEWEST_POINTS:
            fit = memory_fit(
                cells["batch_size"].to_numpy(), cells["peak_memory_mib"].to_numpy(), capacity_mib=capacity_mib
            )
            rows.append({**dict(zip(FITTED, key, strict=True)), **fit})
    return columns.frame(rows, MEMORY_FIT)


def throughput_status(statuses: pd.Series) -> str:
    """The status of one case over all processes: measured if it was in any of them, otherwise the reason."""
    return MEASURED if (statuses == MEASURED).any() else statuses.iloc[0]
