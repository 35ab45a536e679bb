"""What the fused execution gains over the idiomatic one, in each framework at each batch size."""

import pandas as pd

from benchmarks.analysis.ratios import by_process, ratio
from benchmarks.publish import comparison, wording
from benchmarks.publish.results import CASE, Results
from benchmarks.publish.table import Column, Entry, Table

EXECUTIONS = ("idiomatic", "fused")


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, batch size), the frameworks side by side."""
    if results.throughput.empty:
        return []
    data = pd.DataFrame(_case(*key, rows) for key, rows in results.throughput.groupby(CASE, sort=False))
    lines = data.groupby(["dataset", "model", "batch_size"], sort=False)
    return [
        Table(
            name="execution",
            title="Fused over idiomatic execution",
            caption=_caption(results),
            columns=_columns(results.frameworks),
            rows=[_line(key, rows.set_index("framework"), results.frameworks) for key, rows in lines],
            data=data,
        )
    ]


def _case(dataset: str, model: str, framework: str, batch_size: int, rows: pd.DataFrame) -> dict:
    """Geometric means over the processes, and their ratio with its interval."""
    gain = ratio(by_process(rows, of="execution"), "fused", "idiomatic")
    case = {"dataset": dataset, "model": model, "framework": framework, "batch_size": batch_size}
    for execution in EXECUTIONS:
        own = rows[rows["execution"] == execution]
        measured = own.loc[own["status"] == "measured", "samples_per_s"]
        case[f"{execution}_samples_per_s"] = comparison.geometric(measured)
        failures = own.loc[own["status"] != "measured", "status"]
        case[f"{execution}_status"] = failures.iloc[0] if len(failures) else "measured"
    return case | {"ratio": gain.value, "ratio_lo": gain.lo, "ratio_hi": gain.hi}


def _columns(frameworks: list[str]) -> list[Column]:
    heads = ["Idiomatic", "Fused", "Ratio"]
    sides = [
        Column(head, f"{wording.name(framework)} (examples/s)") for framework in frameworks for head in heads
    ]
    return [Column("Workload", words=True), Column("Batch size"), *sides]


def _line(key: tuple[str, str, int], rows: pd.DataFrame, frameworks: list[str]) -> list[Entry]:
    dataset, model, batch_size = key
    texts = [wording.workload((dataset, model)), wording.whole(batch_size)]
    for framework in frameworks:
        texts += _side(rows.loc[framework]) if framework in rows.index else [wording.NOTHING] * 3
    return [Entry(text) for text in texts]


def _side(case: pd.Series) -> list[str]:
    speeds = [
        wording.number(case[f"{execution}_samples_per_s"])
        if case[f"{execution}_status"] == "measured"
        else case[f"{execution}_status"]
        for execution in EXECUTIONS
    ]
    return [*speeds, wording.interval(case["ratio"], case["ratio_lo"], case["ratio_hi"])]


def _caption(results: Results) -> str:
    text = (
        "Training throughput of the loop a user of the framework would write (idiomatic) and of the fastest "
        "form that computes the same numbers (fused): geometric means over processes, and their ratio with "
        "its 95 % interval, paired over processes."
    )
    share = results.provenance.get("measuring_share")
    if share is None:
        return text
    return f"{text} Of the time of all jobs, {wording.percent(share)} % was spent training or timing."
