"""What tuned trainings say together: the critical batch size, and how the best learning rate grows with B."""

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.summary import critical_batch
from benchmarks.summary.cells import spread_out
from benchmarks.summary.schema.names import FAILED, SCALED
from benchmarks.summary.statistics import LEVEL, UNKNOWN, Estimate

PERFECT = 1.25
"""How many times the fewest examples a batch size may take whose scaling still counts as perfect; the law
has it at B_crit / 4."""
FEWEST_RATES = 3
"""Batch sizes below B_crit / 2 through whose best rates a slope is drawn."""
INSIDE = 0.5
"""The slope is that of batch sizes up to this share of B_crit: beyond it, the best rate levels off."""
SPREAD = np.sqrt(12)
"""Width of a uniform distribution over its standard deviation."""


def fits(summary: pd.DataFrame, rates: pd.DataFrame, targets: pd.DataFrame) -> list[dict]:
    """A row for each (dataset, model), tuned arm and framework that reaches the target often enough."""
    rows = []
    known = rates[rates["status"] != FAILED]
    tuned = summary.merge(known[["dataset", "model", "arm", "batch_size"]])
    for names, cells in tuned.groupby(SCALED, sort=False):
        place = dict(zip(SCALED, names, strict=True))
        found = law(cells.sort_values("batch_size"), _of(targets, place)["n_training"].item())
        if found is None or found.e_min.value <= 0:
            continue  # through points like these goes no line of the law
        own = _of(rates, place)
        below = own[own["batch_size"] <= INSIDE * found.b_crit.value].dropna(subset=["learning_rate_lo"])
        rows.append(
            {
                **place,
                **spread_out("examples_min", found.e_min),
                **spread_out("steps_min", found.s_min if found.s_min.value > 0 else UNKNOWN),
                **spread_out("critical_batch", found.b_crit),
                "r_squared": found.r_squared,
                "n_reached": found.n_reached,
                "n_censored": found.n_censored,
                "perfect_to": perfect_to(cells),
                **spread_out("rate_slope", slope(below)),
                "n_rates": len(below),
            }
        )
    return rows


def _of(frame: pd.DataFrame, place: dict) -> pd.DataFrame:
    """The rows of a place, by those of its names that the table has."""
    for name in place.keys() & {*frame.columns}:
        frame = frame[frame[name] == place[name]]
    return frame


def law(cells: pd.DataFrame, n_training: int) -> critical_batch.Fit | None:
    """The law of the critical batch size through the cells of one arm; a cell that missed is censored."""
    examples = cells["examples_to_target"].to_numpy(float)
    ended = cells["epochs_trained"].to_numpy(float) * n_training
    censored = np.isnan(examples)
    known = ~censored | (ended > 0)
    points = np.where(censored, ended, examples)[known]
    return critical_batch.fit(cells["batch_size"].to_numpy(float)[known], points, censored=censored[known])


def perfect_to(cells: pd.DataFrame) -> float:
    """The largest batch size up to which all take at most PERFECT times the fewest examples of any."""
    examples = cells.sort_values("batch_size").set_index("batch_size")["examples_to_target"]
    within = examples <= PERFECT * examples.min()
    first = examples.idxmin()
    beyond = [size for size, good in within.loc[first:].items() if not good]
    return float(max(size for size in examples.index if not beyond or size < beyond[0]))


def slope(rates: pd.DataFrame) -> Estimate:
    """Slope of the logarithm of the best rate on that of the batch size, with Student's t interval.

    Residuals count as at least as large as the grid of rates makes them: those of a grid happen to vanish.
    """
    if len(rates) < FEWEST_RATES:
        return UNKNOWN
    x, y = np.log(rates["batch_size"].to_numpy(float)), np.log(rates["learning_rate"].to_numpy(float))
    line = stats.linregress(x, y)
    width = np.log(rates["learning_rate_hi"] / rates["learning_rate_lo"]).mean()
    scatter = max(np.sqrt(((y - line.intercept - line.slope * x) ** 2).sum() / (len(x) - 2)), width / SPREAD)
    half = stats.t.ppf(0.5 + LEVEL / 2, len(x) - 2) * scatter / np.sqrt(((x - x.mean()) ** 2).sum())
    return Estimate(float(line.slope), float(line.slope - half), float(line.slope + half))
