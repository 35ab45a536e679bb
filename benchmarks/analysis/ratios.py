"""Ratios of throughputs measured side by side, pair by pair over the processes of one measurement."""

import pandas as pd

from benchmarks.analysis.intervals import UNKNOWN, Estimate, paired_ratio


def by_process(throughput: pd.DataFrame, *, of: str) -> pd.DataFrame:
    """Samples per second [process, value of the column `of`] of the rows that were measured."""
    measured = throughput[throughput["status"] == "measured"]
    return measured.pivot_table(index="process", columns=of, values="samples_per_s")


def ratio(processes: pd.DataFrame, above: str, below: str) -> Estimate:
    """Throughput of the column `above` over that of `below`, paired over processes."""
    if above not in processes or below not in processes:
        return UNKNOWN
    pairs = processes[[above, below]].dropna()
    return paired_ratio(pairs[above].to_numpy(), pairs[below].to_numpy())
