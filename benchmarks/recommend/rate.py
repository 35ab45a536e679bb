"""The learning rate at another batch size, by the rates that were found, beside what both rules give."""

import numpy as np
import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.common.value import Value
from benchmarks.publish import wording
from benchmarks.publish.claims.tuned import searched_for
from benchmarks.publish.course import between
from benchmarks.publish.results import Results, of_workload

ROUNDING = 1e-9
NEAR = 0.5
"""Octaves from a rate within which a trial of the grid counts as one of it."""


class Rate(Value):
    """A learning rate at the new batch size, and what is known of it there.

    `steps_ratio` is the steps to the target at the nearest rate that was tried, over the fewest there; None
    where none was, or where it did not get there: `ended` then says how its trial ended.
    """

    how: str
    learning_rate: float
    steps_ratio: float | None
    ended: str


def transferred(
    results: Results, workload: tuple[str, str], *, rate: float, before: int, after: int
) -> list[Rate]:
    """The rate by evidence and by both rules, for a change from one batch size to another.

    By evidence: the same multiple of the best rate as before, the best rates on straight lines between the
    batch sizes that were searched.

    Raises:
        Problem: a batch size lies outside those that were searched.
    """
    found = searched(results, workload)
    best = {size: best_rate(results, workload, size) for size in (before, after)}
    if not all(map(np.isfinite, best.values())):
        raise Problem(
            f"the learning rates of {wording.workload(workload)} were searched from B = "
            f"{found['batch_size'].min()} to {found['batch_size'].max()}, not at {before} and {after}",
            fix="give batch sizes in between, or search them: add them to the study's batch_sizes",
        )
    ratio = after / before
    factors = {"by evidence": best[after] / best[before], "linear": ratio, "square root": ratio**0.5}
    trials = of_workload(results.trials, workload)
    trials = trials[(trials["arm"] == found["arm"].iloc[0]) & (trials["batch_size"] == after)]
    return [_judged(how, rate * factor, trials) for how, factor in factors.items()]


def best_rate(results: Results, workload: tuple[str, str], batch_size: int) -> float:
    """The best rate at a batch size, on straight lines between those that were searched."""
    return float(between(searched(results, workload), "learning_rate", batch_size))


def searched(results: Results, workload: tuple[str, str]) -> pd.DataFrame:
    """The rates that reached the target, of the first arm that is tuned for the fewest steps to it.

    Raises:
        Problem: there are none, or more than the rate was searched for.
    """
    rates = of_workload(results.rates, workload)
    for_steps = rates[rates["arm"].isin(searched_for(results, "steps"))]
    if for_steps.empty:
        raise Problem(
            f"no arm of {wording.workload(workload)} has a rate that was searched for the fewest steps",
            fix="train an arm with `learning_rate: tune` and no `goal` (config/README.md)",
        )
    found = for_steps[for_steps["arm"].isin(for_steps["arm"].iloc[:1]) & (for_steps["status"] == "reached")]
    if found.empty:
        raise Problem(
            f"no learning rate that was tried for {wording.workload(workload)} reaches the target",
            fix="give its study more epochs or steps, or a target that can be reached",
        )
    if found[["momentum", "weight_decay"]].notna().any(axis=None):
        raise Problem(
            f"for {wording.workload(workload)}, more than the learning rate was searched for, and a rate "
            "alone says nothing there",
            fix="search an arm for its learning rate alone",
        )
    return found


def best(results: Results, workload: tuple[str, str], batch_size: int) -> str:
    """The rate to take at a batch size in words, and the optimizer that it is the best for."""
    found = searched(results, workload)
    arm = next(each for each in results.provenance["study"]["arms"] if each["name"] == found["arm"].iloc[0])
    rate, lo, hi = (between(found, f"learning_rate{end}", batch_size) for end in ("", "_lo", "_hi"))
    at = "found" if batch_size in set(found["batch_size"]) else "between those found"
    optimizer = " ".join(f"{arm[name]}" for name in ("optimizer", "momentum") if arm.get(name))
    return (
        f"{wording.workload(workload)}: at B = {wording.whole(batch_size)} take {wording.number(rate)} with "
        f"{optimizer}, the best rate {at} ({wording.number(lo)} to {wording.number(hi)} are as good; arm "
        f"{arm['name']})."
    )


def _judged(how: str, rate: float, trials: pd.DataFrame) -> Rate:
    """What the nearest trial at the new batch size tells of a rate."""
    octaves = (np.log2(trials["learning_rate"]) - np.log2(rate)).abs()
    nearest = trials.loc[octaves[octaves <= NEAR + ROUNDING].nsmallest(1).index, "learning_rate"]
    if nearest.empty:
        return Rate(how=how, learning_rate=rate, steps_ratio=None, ended="not tried")
    near = trials[trials["learning_rate"] == nearest.item()]
    all_reached = trials.groupby("learning_rate").filter(lambda each: (each["ended"] == "reached").all())
    fewest = all_reached.groupby("learning_rate")["steps"].max().min()
    ended = near["ended"].iloc[-1]
    reached = ended == "reached"
    steps = float(near["steps"].max() / fewest) if reached else None
    return Rate(how=how, learning_rate=rate, steps_ratio=steps, ended=ended)


HOW = {
    "by evidence": "the same multiple of the best rate",
    "linear": "the linear rule",
    "square root": "the square-root rule",
}
ENDS = {
    "not tried": "no such rate was tried there",
    "beaten": "worse than the best by more than an evaluation, when its trial ended",
    "missed": "misses the target within the budget",
    "time-limit": "misses the target within the seconds",
    "diverged": "diverges",
}


def sentence(found: Rate) -> str:
    """A rate in words."""
    if found.steps_ratio is None:
        known = ENDS[found.ended]
    else:
        known = f"{wording.number(found.steps_ratio)} times the fewest steps"
    return f"{HOW[found.how]}: {wording.number(found.learning_rate)} ({known})"
