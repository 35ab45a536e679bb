"""Evidence of ranks: whether two quantities rank alike over batch sizes.

The chance is exact, and the batch size is its unit: if one quantity had nothing to do with the other, every
order of the batch sizes would be as likely, the same order in all seeds. Seeds make the ranks surer; they are
no further batch sizes.
"""

from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.claims.evidence import Evidence, lacking
from benchmarks.summary.statistics import LEVEL, Estimate

MOST = 8
"""Batch sizes whose orders are counted; of more, the largest are left out."""


def of_ranks(one: pd.DataFrame, other: pd.DataFrame, *, fewest: int) -> Evidence:
    """Whether two quantities [seed, batch size] rank alike: Spearman's correlation, its mean over seeds.

    Only batch sizes count that all seeds have in both.
    """
    seeds = one.index.intersection(other.index)
    both = [frame.loc[seeds].dropna(axis="columns") for frame in (one, other)]
    sizes = both[0].columns.intersection(both[1].columns)[:MOST]
    n, k = len(seeds), len(sizes)
    if n < fewest:
        return lacking(f"{n} of the {fewest} seeds that a test needs", n=n)
    if k < 3:
        return lacking(f"{k} batch sizes that all seeds have", n=n)
    ranks = [stats.rankdata(frame[sizes].to_numpy(float), axis=1) for frame in both]
    found = 1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum(axis=1) / (k * (k * k - 1))
    half = stats.t.ppf(0.5 + LEVEL / 2, n - 1) * found.std(ddof=1) / np.sqrt(n)
    mean = float(found.mean())
    ends = Estimate(mean, max(-1.0, mean - half), min(1.0, mean + half))
    return Evidence(ends, n, *chances(*ranks), f"{k} batch sizes")


def chances(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """How often ranks [seed, size] are as near to others by accident as they are, and how often as far."""
    distances = ((one[:, :, np.newaxis] - other[:, np.newaxis, :]) ** 2).sum(axis=0)
    orders = np.array(list(permutations(range(one.shape[1]))))
    totals = distances[np.arange(one.shape[1]), orders].sum(axis=1)
    seen = np.trace(distances)
    return float(np.mean(totals <= seen + 1e-9)), float(np.mean(totals >= seen - 1e-9))
