"""Evidence from trainings that were measured from the inside."""

import numpy as np
import pandas as pd

from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, exactly, lacking, of_ratio, worst
from benchmarks.publish.results import Results
from benchmarks.study.study import ANALYSED_WITH


def noise_scale_over_critical(results: Results, claim: Claim) -> dict[Place, Evidence | None]:
    """The noise scale of a training with the smallest batch size over B_crit of the law, seed by seed.

    The claim must hold at B_crit and at both ends of its interval, for it is not known better.
    """
    measured = results.checkpoints.dropna(subset=["noise_scale"])
    found = {}
    for (dataset, model, arm), rows in measured.groupby(["dataset", "model", "arm"], sort=False):
        place = Place(dataset, model, ANALYSED_WITH, arm)
        found[place] = _over_law(results.critical_batch.merge(pd.DataFrame([place])), rows, claim)
    return found


def _over_law(laws: pd.DataFrame, rows: pd.DataFrame, claim: Claim) -> Evidence:
    if laws.empty:
        return lacking("no law goes through the batch sizes that reach the target")
    critical = laws[["critical_batch", "critical_batch_lo", "critical_batch_hi"]].iloc[0].astype(float)
    if not (np.isfinite(critical) & (critical > 0)).all():
        return lacking("the critical batch size has no interval with two ends")
    smallest = rows["batch_size"].min()
    scales = on_the_way(rows[rows["batch_size"] == smallest])
    parts = [
        of_ratio(exactly(np.log(scales / at)), claim.region, fewest=claim.fewest).noted(f"over {at:.3g}")
        for at in critical
    ]
    return worst(parts).noted(f"B = {smallest}")


def on_the_way(rows: pd.DataFrame) -> pd.Series:
    """The noise scale of each seed that reached the target: the geometric mean along the path to it."""
    roles = rows["roles"].str.split()
    reached = rows[roles.apply(lambda has: "target" in has)].set_index("seed")["steps"]
    path = rows[roles.apply(lambda has: "path" in has) & (rows["steps"] <= rows["seed"].map(reached))]
    return np.exp(np.log(path["noise_scale"]).groupby(path["seed"]).mean())
