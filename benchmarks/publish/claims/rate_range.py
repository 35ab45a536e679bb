"""Evidence from arms that differ in their rate alone: how wide the range of rates is that train well.

Masters & Luschi (2018, arXiv 1804.07612) find that it narrows as the batch grows. A rate trains well if its
test accuracy is within WELL points of that of the best rate for the same batch size.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmarks.publish.claims.accuracy import UNEVEN
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Bounded, Evidence, Place, lacking, of_mean
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import DIVERGED

WELL = 1.0
"""Points of test accuracy that a rate may lose against the best one."""
RATES = 4
"""Arms that differ in their rate alone, at least, of which a range can be told."""
OF_RATE = ("name", "learning_rate", "scaling", "reference_batch_size")
"""Keys of an arm in which such arms differ."""
PLACE = ["dataset", "model", "framework"]
CELL = [*PLACE, "arm", "batch_size"]
ENDS = list(Bounded._fields)


def grids(results: Results) -> Iterator[tuple[Place, pd.DataFrame]]:
    """The runs of the most arms that differ in their rate alone, with the rate of each, at every place."""
    alike: dict[str, list[str]] = {}
    for arm in results.provenance["study"]["arms"]:
        if arm.get("learning_rate", "tune") != "tune":
            rest = {key: value for key, value in sorted(arm.items()) if key not in OF_RATE}
            alike.setdefault(repr(rest), []).append(arm["name"])
    names = max(alike.values(), key=len, default=[])
    if len(names) >= RATES:
        runs = results.runs[results.runs["arm"].isin(names)]
        runs = runs.merge(results.trained[[*CELL, "learning_rate"]])
        for place, own in runs.groupby(PLACE, sort=False):
            yield Place(*place), own


def of_sizes(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The width of the range at the largest batch size less that at the smallest, in octaves, by seed."""
    return {place: _narrower(runs, claim) for place, runs in grids(results)}


def _narrower(runs: pd.DataFrame, claim: Claim) -> Evidence | None:
    small, large = runs["batch_size"].min(), runs["batch_size"].max()
    if small == large:
        return None
    trained = runs[runs["status"] != DIVERGED].groupby("batch_size")["examples"].mean()
    if not {small, large} <= {*trained.index} or trained.max() > UNEVEN * trained.min():
        return lacking("batch sizes were not trained on as many examples")
    widths = ranges(runs)
    sides = [widths[widths["batch_size"] == size].set_index("seed")[ENDS] for size in (large, small)]
    sides[1] = sides[1].reindex(sides[0].index)
    wide, narrow = (Bounded(*side.to_numpy(float).T) for side in sides)
    # A range without an end may be as wide as any.
    least = np.nan_to_num(wide.least - narrow.most, nan=-np.inf, neginf=-np.inf)
    most = np.nan_to_num(wide.most - narrow.least, nan=np.inf, posinf=np.inf)
    apart = Bounded(wide.observed - narrow.observed, least, most)
    return of_mean(apart, claim.region, fewest=claim.fewest).noted(f"B = {large} less {small}")


def ranges(runs: pd.DataFrame) -> pd.DataFrame:
    """For each batch size and seed the range of rates around the best one that train well.

    A row has its ends `lo` and `hi`, half a step of the grid further out than the outermost of these rates,
    and its width in octaves as `observed`, with the `least` and the `most` that it may be.
    """
    rows = []
    for (size, seed), own in runs.groupby(["batch_size", "seed"]):
        by_rate = own.set_index("learning_rate").sort_index()
        tested = 100 * by_rate["test_accuracy"].where(by_rate["status"] != DIVERGED, 0.0).fillna(0.0)
        rows.append({"batch_size": size, "seed": seed} | _range(np.log2(tested.index), tested.to_numpy()))
    return pd.DataFrame(rows)


def _range(octaves: np.ndarray, tested: np.ndarray) -> dict[str, float]:
    """The range around the best of the rates, given by their ascending logarithms [n]."""
    well, best = tested >= tested.max() - WELL, int(tested.argmax())
    worse = np.flatnonzero(~well)
    first = int(max(worse[worse < best], default=-1)) + 1
    last = int(min(worse[worse > best], default=len(well))) - 1
    beyond = np.concatenate([[-np.inf], octaves, [np.inf]])
    below, above = beyond[first], beyond[last + 2]
    step = float(np.median(np.diff(octaves))) if len(octaves) > 1 else 0.0
    lo, hi = octaves[first] - step / 2, octaves[last] + step / 2
    return {
        "lo": 2.0**lo,
        "hi": 2.0**hi,
        "observed": hi - lo,
        "least": octaves[last] - octaves[first],
        "most": above - below,
    }
