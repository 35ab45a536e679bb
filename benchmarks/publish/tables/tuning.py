"""The learning rates that were found, and what tuned trainings say of the critical batch size."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

FOUND = {"reached": "", "no-rate-reached": "no rate reaches the target", "failed": "the search failed"}
LINEAR, ROOT = (0.8, 1.2), (0.35, 0.65)
"""Within which the interval of the slope lies where a rule is supported."""


def tables(results: Results) -> list[Table]:
    """The rates by batch size, and the law where there is one."""
    if results.rates.empty:
        return []
    return [_rates(results.rates), *([] if results.critical_batch.empty else [_laws(results.critical_batch)])]


def _rates(rates: pd.DataFrame) -> Table:
    columns = [Column("Workload", words=True), Column("Arm", words=True), Column("Batch size")]
    columns += [Column("Learning rate"), Column("As good, from"), Column("to"), Column("Steps to target")]
    columns += [Column("Trials"), Column("Examples (millions)"), Column("Searched with", words=True)]
    columns += [Column("Remarks", words=True)]
    return Table(
        name="learning-rates",
        title="Learning rates that were found",
        caption="The rate with the fewest steps to the target, from the worst seed of the search (of equals, "
        "from all its seeds together, and then the more accurate one), or with "
        "the best validation accuracy within the budget where the arm looks for accuracy; the seeds are "
        "none of those of the study. As good: the rates that need at most one evaluation more, or lose at "
        "most .2 points, half a step of the grid further out. Trials and examples: what the search trained; "
        "where it looks for steps, a trial ends where it can no longer be as good as the best. "
        "Certified frameworks compute the same numbers, so that one searched for all. At the edge: the "
        "best lies at an end of the range that was asked for, or beyond.",
        columns=columns,
        rows=[[Entry(text) for text in _rate(row)] for _, row in rates.iterrows()],
        data=rates,
    )


def _rate(row: pd.Series) -> list[str]:
    remarks = [FOUND[row["status"]], "at the edge" if row["at_edge"] else ""]
    return [
        wording.workload((row["dataset"], row["model"])),
        row["arm"],
        wording.whole(row["batch_size"]),
        *(wording.number(row[f"learning_rate{end}"]) for end in ("", "_lo", "_hi")),
        wording.whole(row["steps_to_target"]),
        wording.whole(row["n_trials"]),
        wording.number(row["examples"] / 1e6),
        wording.name(row["searched_with"]),
        "; ".join(filter(None, remarks)),
    ]


def _laws(laws: pd.DataFrame) -> Table:
    columns = [Column("Workload", words=True), Column("Arm", words=True), Column("Framework", words=True)]
    columns += [Column("E_min (examples)"), Column("S_min (steps)"), Column("B_crit (examples)")]
    columns += [Column("R²"), Column("Reached"), Column("Missed"), Column("Scales perfectly to B =")]
    columns += [Column("Slope of the rate"), Column("Rule", words=True)]
    return Table(
        name="critical-batch",
        title="Critical batch size, and how the best learning rate grows",
        caption="The law E = E_min (1 + B / B_crit) (McCandlish et al. 2018, arXiv 1812.06162) through the "
        "examples to the target at each batch size, with the learning rate tuned at each: at B_crit a "
        "training takes twice the fewest examples and twice the fewest steps. Fitted by least squares, "
        "relative to the examples seen. Intervals: 95 % (bootstrap around the line). A batch size that "
        "missed the target counts as above its last example. Scales perfectly: the largest "
        "batch size up to which none takes more than 1.25 times the fewest examples. "
        "Slope: of the logarithm of the best rate on that of B, up to B_crit / 2, with its 95 % interval "
        "(Student's t). Rule: linear where that interval lies within .8 to 1.2, square root within .35 to "
        ".65.",
        columns=columns,
        rows=[[Entry(text) for text in _law(row)] for _, row in laws.iterrows()],
        data=laws,
    )


def _law(row: pd.Series) -> list[str]:
    return [
        wording.workload((row["dataset"], row["model"])),
        row["arm"],
        wording.name(row["framework"]),
        *(_interval(row, name) for name in ("examples_min", "steps_min", "critical_batch")),
        wording.number(row["r_squared"]),
        wording.whole(row["n_reached"]),
        wording.whole(row["n_censored"]),
        wording.whole(row["perfect_to"]),
        _interval(row, "rate_slope"),
        rule(row["rate_slope_lo"], row["rate_slope_hi"]),
    ]


def _interval(row: pd.Series, name: str) -> str:
    return wording.interval(row[name], row[f"{name}_lo"], row[f"{name}_hi"])


def rule(lo: float, hi: float) -> str:
    """The rule by which the best rate grows with the batch size, as far as the slope's interval says."""
    if pd.isna(lo):
        return wording.NOTHING
    for name, (least, most) in {"linear": LINEAR, "square root": ROOT}.items():
        if least <= lo and hi <= most:
            return name
    apart = not (lo <= LINEAR[1] and hi >= LINEAR[0]) and not (lo <= ROOT[1] and hi >= ROOT[0])
    return "neither" if apart else "not told apart"
