"""What the fused execution gains over the idiomatic one, in each framework at each batch size."""

import pandas as pd

from benchmarks.analysis.ratios import by_process, ratio
from benchmarks.publish import comparison, wording
from benchmarks.publish.results import CASE, Results
from benchmarks.publish.table import Column, Entry, Table, timed_columns, timed_texts

EXECUTIONS = ("idiomatic", "fused")
HEADS = ("Idiomatic", "Fused", "Ratio")


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, form, batch size), of many frameworks one for each of them."""
    if results.throughput.empty:
        return []
    timed = dict(list(results.throughput.groupby(CASE)))
    data = pd.DataFrame(_case(key, timed[key]) for key in results.cases if key in timed)
    body = _side_by_side(results, data) if results.side_by_side else _one_below_another(results, data)
    title = "Fused over idiomatic execution"
    return [Table(name="execution", title=title, caption=_caption(results), data=data, **body)]


def _case(key: tuple, rows: pd.DataFrame) -> dict:
    """Geometric means over the processes, and their ratio with its interval."""
    gain = ratio(by_process(rows, of="execution"), "fused", "idiomatic")
    case = dict(zip(CASE, key, strict=True))
    for execution in EXECUTIONS:
        own = rows[rows["execution"] == execution]
        measured = own.loc[own["status"] == "measured", "samples_per_s"]
        case[f"{execution}_samples_per_s"] = comparison.geometric(measured)
        failures = own.loc[own["status"] != "measured", "status"]
        case[f"{execution}_status"] = failures.iloc[0] if len(failures) else "measured"
    return case | {"ratio": gain.value, "ratio_lo": gain.lo, "ratio_hi": gain.hi}


def _side_by_side(results: Results, data: pd.DataFrame) -> dict[str, list]:
    """A row per batch size, three columns for each framework."""
    sides = [
        Column(head, f"{wording.name(framework)} (examples/s)")
        for framework in results.frameworks
        for head in HEADS
    ]
    lines = data.groupby(["dataset", "model", "form", "batch_size"], sort=False)
    return {
        "columns": [*timed_columns(several=results.several_forms), Column("Batch size"), *sides],
        "rows": [_line(results, rows) for _, rows in lines],
    }


def _line(results: Results, rows: pd.DataFrame) -> list[Entry]:
    texts, sides = _first(results, rows.iloc[0]), rows.set_index("framework")
    for framework in results.frameworks:
        texts += _side(sides.loc[framework]) if framework in sides.index else [wording.NOTHING] * 3
    return [Entry(text) for text in texts]


def _one_below_another(results: Results, data: pd.DataFrame) -> dict[str, list]:
    """A row per batch size and framework."""
    speeds = [Column(head, "Examples/s") for head in HEADS]
    first = [*timed_columns(several=results.several_forms), Column("Batch size")]
    rows = [
        [Entry(text) for text in (*_first(results, case), wording.name(case["framework"]), *_side(case))]
        for _, case in data.iterrows()
    ]
    return {"columns": [*first, Column("Framework", words=True), *speeds], "rows": rows}


def _first(results: Results, case: pd.Series) -> list[str]:
    return [*timed_texts(case, several=results.several_forms), wording.whole(case["batch_size"])]


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
