"""Evidence from two tuned arms that differ in their warm-up alone."""

import pandas as pd

from benchmarks.publish.claims.accuracy import difference
from benchmarks.publish.claims.arms import Settings, with_and_without
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking
from benchmarks.publish.claims.tuned import reached
from benchmarks.publish.results import Results


def at_largest(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The test accuracy of the arm with warm-up less that of the one without, at their largest batch size."""
    pairs = with_and_without(results, _warm_up, _without)
    return {place: _difference(warm, cold, claim) for place, warm, cold in pairs}


def _warm_up(arm: Settings) -> float:
    return arm.get("schedule", {}).get("warm_up", 0.0)


def _without(arm: Settings) -> Settings:
    return {**arm, "schedule": {**arm.get("schedule", {}), "warm_up": 0.0}}


def _difference(with_it: pd.DataFrame, without: pd.DataFrame, claim: Claim) -> Evidence:
    if with_it.empty:
        return lacking("there is no batch size that both arms have")
    size = with_it["batch_size"].max()
    sides = [
        runs[runs["batch_size"] == size].assign(batch_size=side)
        for side, runs in enumerate((without, with_it))
    ]
    together = pd.concat(sides)
    if not (reached(together, 0) or reached(together, 1)):
        return lacking(f"B = {size} never reached the target")
    return difference(together, 1, 0, claim.region, fewest=claim.fewest).noted(f"B = {size}")
