"""Evidence from two arms: the batch of one grows where the learning rate of the other falls."""

import math
from itertools import product

import pandas as pd

from benchmarks.publish.claims.accuracy import of_two_arms
from benchmarks.publish.claims.arms import Settings, certified
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, worst
from benchmarks.publish.results import Results
from benchmarks.recipe.optimizer import DEFAULT_FACTOR


def against_falling_rate(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The test accuracy of the arm whose batch grows less that of the other, at its worst batch size."""
    arms = results.provenance["study"]["arms"]
    pairs = {one["name"]: other["name"] for one, other in product(arms, arms) if counterparts(one, other)}
    plain = {arm["name"]: _without(arms, arm) for arm in arms}
    found = {}
    for (dataset, model, framework), runs in results.runs.groupby(["dataset", "model", "framework"]):
        for growing, falling in pairs.items():
            sides = [runs[runs["arm"] == arm] for arm in (growing, falling)]
            sizes = set.intersection(*({*own["batch_size"]} for own in sides))
            if sizes:
                parts = [of_two_arms(*sides, size, claim) for size in sorted(sizes)]
                place = Place(dataset, model, framework, growing)
                if not certified(results, place._replace(arm=falling)):
                    found[place] = lacking("a cell is not certified")
                elif cause := _worthless(sides[1], runs[runs["arm"] == plain[falling]], sizes, claim):
                    found[place] = lacking(cause)
                else:
                    found[place] = worst(parts)
    return found


def _without(arms: list[Settings], falling: Settings) -> str:
    """The name of the arm that keeps the rate of this one, empty where there is none."""
    kept = {**falling, "name": "", "schedule": None}
    bare = [arm for arm in arms if {**arm, "name": "", "schedule": None} == kept]
    return next(
        (arm["name"] for arm in bare if (arm.get("schedule") or {}).get("shape", "constant") == "constant"),
        "",
    )


def _worthless(falling: pd.DataFrame, plain: pd.DataFrame, sizes: set[int], claim: Claim) -> str:
    """Why a falling rate is not known to be worth anything here, so that anything would equal it."""
    if not sizes <= {*plain["batch_size"]}:
        return "there is no arm without either, so that nobody knows what a falling rate is worth"
    gains = [of_two_arms(falling, plain, size, claim).effect.value for size in sorted(sizes)]
    if not min(gains) >= claim.below:
        return f"a falling rate gains {min(gains):.2f} points over one that stays, too little to be equalled"
    return ""


def counterparts(growing: Settings, falling: Settings) -> bool:
    """Whether the rate of one arm is divided where and by what the batch of the other is multiplied."""
    growth, schedule = growing.get("growth"), falling.get("schedule", {})
    if not growth or falling.get("growth") or schedule.get("shape") != "step" or schedule.get("warm_up"):
        return False
    ways = ("name", "growth", "schedule")
    alike = {key: value for key, value in growing.items() if key not in ways} == {
        key: value for key, value in falling.items() if key not in ways
    }
    divided = math.isclose(growth["factor"] * (schedule.get("factor") or DEFAULT_FACTOR), 1.0, rel_tol=1e-6)
    return alike and divided and growth["milestones"] == schedule["milestones"]
