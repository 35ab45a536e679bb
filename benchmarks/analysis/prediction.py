"""Time to target on a machine, predicted: examples to target, which know no hardware, over its throughput."""

import pandas as pd

from benchmarks.analysis.comparison import KEY

OWN = "own"
COLUMNS = [
    *("machine", *KEY, "status", "examples_from", "examples_to_target", "throughput_samples_per_s"),
    *("time_to_target_predicted_s", "time_to_target_s", "error"),
]


def predictions(cells: pd.DataFrame) -> pd.DataFrame:
    """Every time to target that can be predicted, beside the measured one where there is one.

    `examples_to_target` is the median over the *other* machines that reached the goal, so that a
    prediction knows nothing of the training it is held against; `examples_from` names them. Where no
    other machine did, it is the machine's own and `examples_from` is `own`. The throughput is always the
    machine's own. `error` is predicted / measured - 1.
    """
    rows = [row for _, group in cells.groupby(KEY, sort=False) for row in _of_one_cell(group)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _of_one_cell(group: pd.DataFrame) -> list[dict]:
    """Predictions for each machine that timed a cell; `group` has one row per machine."""
    known = group.dropna(subset=["examples_to_target"]).set_index("machine")["examples_to_target"]
    rows = []
    for cell in group.dropna(subset=["throughput_samples_per_s"]).to_dict("records"):
        others = known.drop(cell["machine"], errors="ignore")
        pool = others if len(others) else known
        if len(pool):
            names = f"others: {', '.join(sorted(others.index))}" if len(others) else OWN
            rows.append(_prediction(cell, examples=float(pool.median()), examples_from=names))
    return rows


def _prediction(cell: dict, *, examples: float, examples_from: str) -> dict:
    predicted = examples / cell["throughput_samples_per_s"]
    return {
        **cell,
        "examples_from": examples_from,
        "examples_to_target": examples,
        "time_to_target_predicted_s": predicted,
        "error": predicted / cell["time_to_target_s"] - 1,
    }


def with_predictions(cells: pd.DataFrame, predicted: pd.DataFrame) -> pd.DataFrame:
    """The cells with the predicted time to target beside the measured one."""
    extra = predicted[["machine", *KEY, "time_to_target_predicted_s", "examples_from", "error"]]
    return cells.merge(extra, on=["machine", *KEY], how="left", validate="one_to_one")
