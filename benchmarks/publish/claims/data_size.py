"""Evidence from parts of one training set: whether the smaller one has more need of small batches."""

import numpy as np
import pandas as pd

from benchmarks.datasets import part
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, of_mean, worst
from benchmarks.publish.claims.gaps import common_sizes, of_best, to_a_step
from benchmarks.publish.claims.tuned import tuned_for_accuracy
from benchmarks.publish.results import Results

BETTER = (0.2, np.inf)
"""Points of test accuracy that small batches must have over large ones on the smallest part."""


def of_parts(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """What small batches have over large ones on the smallest part of a training set, less on the largest."""
    groups: dict[Place, list[tuple[float, pd.DataFrame]]] = {}
    for place, runs in tuned_for_accuracy(results):
        base, of_whole = part.of_slug(place.dataset)
        whole = base + of_whole._replace(fraction=1.0).slug  # uneven classes are another training set
        groups.setdefault(place._replace(dataset=whole), []).append((of_whole.fraction, runs))
    found = {}
    for place, parts in groups.items():
        parts.sort(key=lambda each: each[0])
        if len(parts) > 1 and (sizes := common_sizes(parts[0][1], parts[-1][1])):
            found[place] = _of_two(parts[0][1], parts[-1][1], sizes, claim)
    return found


def _of_two(smallest: pd.DataFrame, largest: pd.DataFrame, sizes: set[int], claim: Claim) -> Evidence:
    of_smallest, of_largest = (of_best(runs, sizes) for runs in (smallest, largest))
    if cause := of_smallest.cause or of_largest.cause:
        return lacking(cause)
    apart = to_a_step((of_smallest.points - of_largest.points).dropna(), smallest, steps=2)
    more = of_mean(apart, claim.region, fewest=claim.fewest)
    better = of_mean(to_a_step(of_smallest.points, smallest), BETTER, fewest=claim.fewest)
    return worst([more.noted(f"against B = {max(sizes)}"), better.noted("on the smallest part alone")])
