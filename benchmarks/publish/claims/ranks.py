"""Evidence of ranks: whether two quantities rank alike over batch sizes, in each seed.

The chance is exact: if the ranks of one were independent of those of the other, every order of them would be
as likely, in every seed. Student's t would find too much in the few values that such a correlation has.
"""

from collections import Counter
from functools import cache, reduce
from itertools import permutations

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.publish.claims.evidence import Evidence, lacking
from benchmarks.summary.statistics import LEVEL, Estimate

MOST = 7
"""Batch sizes whose orders are counted; of more, the last ones are left out."""


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
    distances = ((ranks[0] - ranks[1]) ** 2).sum(axis=1)
    found = 1 - 6 * distances / (k * (k * k - 1))
    half = stats.t.ppf(0.5 + LEVEL / 2, n - 1) * found.std(ddof=1) / np.sqrt(n)
    mean = float(found.mean())
    ends = Estimate(mean, max(-1.0, mean - half), min(1.0, mean + half))
    total = float(distances.sum())
    return Evidence(ends, n, chance(total, k, n), chance(n * k * (k * k - 1) / 3 - total, k, n))


def chance(total: float, sizes: int, seeds: int) -> float:
    """The chance that squared distances of ranks, over all seeds together, are at most this by accident."""
    ways = reduce(_added, [_distances(sizes)] * seeds)
    return sum(count for distance, count in ways.items() if distance <= total + 1e-9) / sum(ways.values())


@cache
def _distances(sizes: int) -> Counter:
    """How many orders of so many ranks have each sum of squared distances."""
    ranks = np.arange(sizes)
    orders = np.array(list(permutations(ranks)))
    return Counter(((orders - ranks) ** 2).sum(axis=1).tolist())


def _added(one: Counter, other: Counter) -> Counter:
    """The same of the sum of two independent ones."""
    found: Counter = Counter()
    for distance, count in one.items():
        for more, ways in other.items():
            found[distance + more] += count * ways
    return found
