"""Evidence from two arms: the batch of one grows where the learning rate of the other falls."""

import math
from itertools import product

import pandas as pd

from benchmarks.publish.claims.accuracy import difference
from benchmarks.publish.claims.arms import Settings, certified
from benchmarks.publish.claims.claim import Claim
from benchmarks.publish.claims.evidence import Evidence, Place, lacking, worst
from benchmarks.publish.claims.tuned import reached
from benchmarks.publish.results import Results
from benchmarks.recipe.optimizer import DEFAULT_FACTOR

GROWING, FALLING = 1, 0
"""The two arms, in the column of batch sizes."""
UNEVEN = 1.02
"""From this ratio of their examples on, two arms were not trained equally far. The last step of a large batch
goes beyond the budget, and a limit of seconds may end a run."""


def against_falling_rate(results: Results, claim: Claim) -> dict[Place, Evidence]:
    """The test accuracy of the arm whose batch grows less that of the other, at its worst batch size."""
    arms = results.provenance["study"]["arms"]
    pairs = {one["name"]: other["name"] for one, other in product(arms, arms) if counterparts(one, other)}
    found = {}
    for (dataset, model, framework), runs in results.runs.groupby(["dataset", "model", "framework"]):
        for growing, falling in pairs.items():
            own = runs.assign(side=runs["arm"].map({growing: GROWING, falling: FALLING})).dropna(
                subset="side"
            )
            sizes = own.groupby("batch_size")["side"].nunique()
            parts = [_at_size(own, size, claim) for size in sizes[sizes == len((GROWING, FALLING))].index]
            if parts:
                place = Place(dataset, model, framework, growing)
                known = certified(results, place._replace(arm=falling))
                found[place] = worst(parts) if known else lacking("a cell is not certified")
    return found


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


def _at_size(runs: pd.DataFrame, size: int, claim: Claim) -> Evidence:
    """The difference at the batch size that both begin with."""
    sides = runs[runs["batch_size"] == size].assign(batch_size=lambda own: own["side"])
    if not (reached(sides, GROWING) or reached(sides, FALLING)):
        return lacking(f"B = {size} never reached the target")
    trained = sides.groupby("side")["examples"].mean()
    if trained.max() > UNEVEN * trained.min():
        return lacking(f"B = {size} was not trained on as many examples")
    return difference(sides, GROWING, FALLING, claim.region, fewest=claim.fewest).noted(f"B = {size}")
