"""Evidence from two tuned arms that differ in their warm-up alone."""

import pandas as pd

from benchmarks.publish.claims.accuracy import of_two_arms
from benchmarks.publish.claims.arms import Settings, with_and_without
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking
from benchmarks.publish.claims.tuned import tuned_for_accuracy
from benchmarks.publish.results import Results


def at_largest(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The test accuracy of the arm with warm-up less that of the one without, at their largest batch size."""
    pairs = with_and_without(results, tuned_for_accuracy(results), _warm_up, _without)
    return {place: _difference(warm, cold, claim) for place, warm, cold in pairs}


def _warm_up(arm: Settings) -> float:
    return arm.get("schedule", {}).get("warm_up", 0.0)


def _without(arm: Settings) -> Settings:
    return {**arm, "schedule": {**arm.get("schedule", {}), "warm_up": 0.0}}


def _difference(with_it: pd.DataFrame, without: pd.DataFrame, claim: Claim) -> Evidence:
    if with_it.empty:
        return lacking("there is no batch size that both arms have")
    return of_two_arms(with_it, without, with_it["batch_size"].max(), claim, diverged=True)
