"""Evidence from two arms of one rate: one puts the gradient of a batch together from smaller batches."""

import pandas as pd

from benchmarks.publish.claims.accuracy import of_two_arms
from benchmarks.publish.claims.arms import with_and_without
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, worst
from benchmarks.publish.claims.tuned import all_runs
from benchmarks.publish.results import Results
from benchmarks.recipe.search import TUNE


def against_whole(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The test accuracy of the arm that accumulates less that of the other, at its worst batch size."""
    arms = results.provenance["study"]["arms"]
    tuned = {arm["name"] for arm in arms if arm.get("learning_rate") == TUNE}
    pairs = with_and_without(
        results,
        ((place, runs) for place, runs in all_runs(results) if place.arm not in tuned),
        lambda arm: arm.get("accumulation"),
        lambda arm: {**arm, "accumulation": None},
    )
    return {place: _at_worst(parts, whole, claim) for place, parts, whole in pairs}


def _at_worst(parts: pd.DataFrame, whole: pd.DataFrame, claim: Claim) -> Evidence:
    sizes = sorted({*whole["batch_size"]})
    if not sizes:
        return lacking("there is no batch size that both arms have")
    return worst([of_two_arms(parts, whole, size, claim) for size in sizes])
