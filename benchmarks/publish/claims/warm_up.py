"""Evidence from two tuned arms that differ in their warm-up alone."""

from collections.abc import Iterator

import pandas as pd

from benchmarks.publish.claims.accuracy import difference
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking
from benchmarks.publish.claims.tuned import reached, tuned_runs
from benchmarks.publish.results import Results


def at_largest(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The test accuracy of the arm with warm-up less that of the one without, at their largest batch size."""
    found = dict(tuned_runs(results))
    return {
        place: _difference(found[place], found[without], claim)
        for place in found
        for without in found
        if place._replace(arm=without.arm) == without and (place.arm, without.arm) in _pairs(results)
    }


def _pairs(results: Results) -> Iterator[tuple[str, str]]:
    """The names of the arms with warm-up, each with that of the arm that is the same without."""
    arms = results.provenance["study"]["arms"]
    for one in arms:
        for other in arms:
            if _warm_up(one) > 0 == _warm_up(other) and _but_for_warm_up(one) == _but_for_warm_up(other):
                yield one["name"], other["name"]


def _warm_up(arm: dict) -> float:
    return arm.get("schedule", {}).get("warm_up", 0.0)


def _but_for_warm_up(arm: dict) -> dict:
    return {**arm, "name": "", "schedule": {**arm.get("schedule", {}), "warm_up": 0.0}}


def _difference(with_it: pd.DataFrame, without: pd.DataFrame, claim: Claim) -> Evidence:
    size = min(with_it["batch_size"].max(), without["batch_size"].max())
    sides = [
        runs[runs["batch_size"] == size].assign(batch_size=side)
        for side, runs in enumerate((without, with_it))
    ]
    together = pd.concat(sides)
    if not (reached(together, 0) or reached(together, 1)):
        return lacking(f"B = {size} never reached the target")
    return difference(together, 1, 0, claim.region, fewest=claim.fewest).noted(f"B = {size}")
