"""How much faster the fused execution is than the idiomatic one, for each framework and batch size."""

import pandas as pd

from benchmarks.publish import marks, wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table, timed_columns, timed_texts
from benchmarks.summary.schema.names import CASE
from benchmarks.summary.statistics import by_process, ratio, throughput_status

SPEEDS = {"idiomatic": "throughput_idiomatic_samples_per_s", "fused": "throughput_samples_per_s"}
"""The column of the summary that holds the speed of each execution."""
HEADS = ("Idiomatic (examples/s)", "Fused (examples/s)", "Ratio")


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, step kind, batch size), and per framework if there are many."""
    if results.throughput.empty:
        return []
    timed = dict(list(results.throughput.groupby(CASE)))
    cells = marks.gravest_of_case(results.summary, CASE).set_index(CASE)
    data = pd.DataFrame(_case(cells.loc[key], timed[key]) for key in results.cases if key in timed)
    body = _side_by_side(results, data) if results.side_by_side else _one_below_another(results, data)
    title = "Fused over idiomatic execution"
    return [Table(name="execution", title=title, caption=_caption(results, data), data=data, **body)]


def _case(cell: pd.Series, rows: pd.DataFrame) -> dict:
    """The speeds of a case, and their ratio with its interval; `rows` are its timings."""
    gain = ratio(by_process(rows, of="execution"), "fused", "idiomatic")
    case = dict(zip(CASE, cell.name, strict=True))
    statuses = rows.groupby("execution")["status"].agg(throughput_status)
    for execution, column in SPEEDS.items():
        case[f"{execution}_samples_per_s"] = cell[column]
        case[f"{execution}_status"] = statuses.get(execution, wording.NOTHING)
        told = rows.loc[rows["execution"] == execution, "disturbed"].fillna("")
        case[f"{execution}_disturbed"] = next(filter(None, told), "")
    ends = {"ratio": gain.value, "ratio_lo": gain.lo, "ratio_hi": gain.hi}
    both = case["idiomatic_disturbed"] or case["fused_disturbed"]
    return case | ends | {"identity": cell["identity"], "disturbed": both}


def _side_by_side(results: Results, data: pd.DataFrame) -> dict[str, list]:
    """A row per batch size, three columns for each framework."""
    sides = [Column(head, wording.name(framework)) for framework in results.frameworks for head in HEADS]
    lines = data.groupby(["dataset", "model", "step_kind", "batch_size"], sort=False)
    return {
        "columns": [*timed_columns(several=results.several_step_kinds), Column("Batch size"), *sides],
        "rows": [_line(results, rows) for _, rows in lines],
    }


def _line(results: Results, rows: pd.DataFrame) -> list[Entry]:
    texts, sides = _first(results, rows.iloc[0]), rows.set_index("framework")
    for framework in results.frameworks:
        texts += _side(sides.loc[framework]) if framework in sides.index else [wording.NOTHING] * 3
    return [Entry(text) for text in texts]


def _one_below_another(results: Results, data: pd.DataFrame) -> dict[str, list]:
    """A row per batch size and framework."""
    speeds = [Column(head) for head in HEADS]
    first = [*timed_columns(several=results.several_step_kinds), Column("Batch size")]
    rows = [
        [Entry(text) for text in (*_first(results, case), wording.name(case["framework"]), *_side(case))]
        for _, case in data.iterrows()
    ]
    return {"columns": [*first, Column("Framework", words=True), *speeds], "rows": rows}


def _first(results: Results, case: pd.Series) -> list[str]:
    return [*timed_texts(case, several=results.several_step_kinds), wording.whole(case["batch_size"])]


def _side(case: pd.Series) -> list[str]:
    sign = marks.mark(case["identity"])
    speeds = [
        (
            wording.number(case[f"{execution}_samples_per_s"])
            + sign
            + marks.disturbed(case[f"{execution}_disturbed"])
            if case[f"{execution}_status"] == "measured"
            else case[f"{execution}_status"]
        )
        for execution in SPEEDS
    ]
    return [*speeds, wording.interval(case["ratio"], case["ratio_lo"], case["ratio_hi"])]


def _caption(results: Results, data: pd.DataFrame) -> str:
    sentences = [
        "Training throughput of the loop a user of the framework would write, without the start of the call "
        "(idiomatic), and of the fastest "
        "form that computes the same numbers (fused): geometric means over processes, and their ratio with "
        "its 95 % interval, paired over processes. A word in place of a value tells why no process gave one.",
        *marks.notes(data),
    ]
    share = results.provenance.get("measuring_share")
    if share is not None:
        sentences.append(
            f"Of the time of the jobs that train or time, {wording.percent(share)} % was spent on that alone."
        )
    return " ".join(sentences)
