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
from benchmarks.publish.claims.tuned import reached
from benchmarks.publish.results import Results
from benchmarks.summary.schema.names import BROKEN, CELL, DIVERGED

WELL = 1.0
"""Points of test accuracy that a rate may lose against the best one."""
RATES = 4
"""Arms that differ in their rate alone, at least, of which a range can be told."""
OF_RATE = ("name", "learning_rate")
"""Keys of an arm in which such arms differ."""
PLACE = ["dataset", "model", "framework"]
ROUNDING = 1e-9
"""Points that arithmetic may take from an accuracy."""
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
    if not (reached(runs, small) and reached(runs, large)):
        return lacking("a batch size never reached the target")
    whole = runs.groupby("batch_size")["examples"].max()
    if whole.max() > UNEVEN * whole.min():
        return lacking("batch sizes were not trained on as many examples")
    widths = ranges(runs).pivot(index="seed", columns="batch_size", values=ENDS).dropna()
    at_large, at_small = (
        Bounded(*(widths[end, size].to_numpy(float) for end in ENDS)) for size in (large, small)
    )
    # A range that goes on beyond the grid may be as wide as any.
    least = np.nan_to_num(at_large.least - at_small.most, nan=-np.inf, neginf=-np.inf)
    most = np.nan_to_num(at_large.most - at_small.least, nan=np.inf, posinf=np.inf)
    apart = Bounded(at_large.observed - at_small.observed, least, most)
    found = of_mean(
        apart, claim.region, fewest=claim.fewest, open_ended="a range goes on beyond the rates of the arms"
    )
    return found.noted(f"B = {large} less {small}")


def ranges(runs: pd.DataFrame) -> pd.DataFrame:
    """For each batch size and seed the range of rates around the best one that train well.

    A row has its ends `lo` and `hi`, halfway in octaves between the outermost of these rates and the next one
    (beyond the grid, as far as on the other side), and its width as `observed`, with the `least` and the
    `most` that it may be.
    """
    rows = []
    for (size, seed), own in runs.assign(points=points(runs)).groupby(["batch_size", "seed"]):
        by_rate = own.dropna(subset=["points"]).set_index("learning_rate")["points"].sort_index()
        if by_rate.max() > 0:
            rows.append(
                {"batch_size": size, "seed": seed} | _range(np.log2(by_rate.index), by_rate.to_numpy())
            )
        else:
            rows.append({"batch_size": size, "seed": seed, "observed": 0.0, "least": 0.0, "most": 0.0})
    return pd.DataFrame(rows, columns=["batch_size", "seed", "lo", "hi", *ENDS])


def points(runs: pd.DataFrame) -> pd.Series:
    """The test accuracy of each run in points, 0 of one that diverged; NaN of one that failed otherwise.

    A run that diverges after it has reached its target ends before the others, and has trained no better.
    """
    whole = runs.groupby("batch_size")["examples"].transform("max")
    diverged = (runs["status"] == DIVERGED) | (runs["examples"] * UNEVEN < whole)
    return (100 * runs["test_accuracy"]).mask(diverged, 0.0).mask(runs["status"].isin(BROKEN))


def _range(octaves: np.ndarray, tested: np.ndarray) -> dict[str, float]:
    """The range around the best of the rates, given by their ascending logarithms [n]."""
    well, best = tested >= tested.max() - WELL - ROUNDING, int(tested.argmax())
    worse = np.flatnonzero(~well)
    first = int(max(worse[worse < best], default=-1)) + 1
    last = int(min(worse[worse > best], default=len(well))) - 1
    beyond = np.concatenate([[-np.inf], octaves, [np.inf]])
    below, above = beyond[first], beyond[last + 2]
    with_next = np.pad(octaves, 1, mode="reflect", reflect_type="odd")
    between = (with_next[1:] + with_next[:-1]) / 2
    lo, hi = between[first], between[last + 1]
    return {
        "lo": 2.0**lo,
        "hi": 2.0**hi,
        "observed": hi - lo,
        "least": octaves[last] - octaves[first],
        "most": above - below,
    }
