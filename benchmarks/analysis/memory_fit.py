"""Peak memory against batch size: M = a + b B, and the largest batch that would fit the device."""

import numpy as np
import pandas as pd
from scipy import stats

WORKLOAD = ["dataset", "model", "framework", "form"]
FEWEST_POINTS = 3


def fit(batch_sizes: np.ndarray, memory_mib: np.ndarray, *, capacity_mib: float) -> dict:
    """Least-squares line through peak memory [n] in MiB over batch sizes [n].

    `residual_share` is the largest |residual| over the fitted M; `largest_batch` solves
    a + b B = capacity and is empty where memory does not grow with B.
    """
    line = stats.linregress(batch_sizes, memory_mib)
    fitted = line.intercept + line.slope * np.asarray(batch_sizes)
    return {
        "a_mib": line.intercept,
        "b_mib_per_example": line.slope,
        "residual_share": float(np.max(np.abs(memory_mib - fitted) / np.abs(fitted))),
        "capacity_mib": capacity_mib,
        "largest_batch": int((capacity_mib - line.intercept) / line.slope) if line.slope > 0 else None,
        "n_points": len(batch_sizes),
    }


def memory_fits(summary: pd.DataFrame, *, capacity_mib: float) -> pd.DataFrame:
    """One fit for each workload, framework and form of arm, over the cells that have a measured peak."""
    measured = summary.dropna(subset=["peak_memory_mib"])
    rows = []
    for key, cells in measured.groupby(WORKLOAD, sort=False):
        if cells["batch_size"].nunique() >= FEWEST_POINTS:
            found = fit(
                cells["batch_size"].to_numpy(), cells["peak_memory_mib"].to_numpy(), capacity_mib=capacity_mib
            )
            rows.append({**dict(zip(WORKLOAD, key, strict=True)), **found})
    columns = [
        *WORKLOAD,
        *("a_mib", "b_mib_per_example", "residual_share", "capacity_mib", "largest_batch"),
        "n_points",
    ]
    return pd.DataFrame(rows, columns=columns).astype({"largest_batch": "Int64"})
