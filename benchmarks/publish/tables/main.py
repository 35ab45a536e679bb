"""The main tables: per (dataset, model, arm) a row per batch size, or per batch size and framework."""

import pandas as pd

from benchmarks.publish import budget, verdict, wording
from benchmarks.publish.results import Results, of_workload
from benchmarks.publish.side_by_side import ACCURACY, EPOCHS, MEMORY, THROUGHPUT, TIME, Row
from benchmarks.publish.table import Column, Table

HEADINGS = {
    THROUGHPUT: "Throughput (examples/s)",
    MEMORY: "Peak memory (MiB)",
    EPOCHS: "Epochs to target",
    TIME: "Time to target (s)",
    ACCURACY: "Test accuracy (%)",
}
HEADS = {
    THROUGHPUT: Column("(examples/s)", "Throughput"),
    MEMORY: Column("(MiB)", "Peak memory"),
    EPOCHS: Column("to target", "Epochs"),
    TIME: Column("to target (s)", "Time"),
    ACCURACY: Column("(%)", "Test accuracy"),
}
"""The same over a single column each, on two lines."""
TRAINED = (
    "Epochs and time are medians over runs; (k/n) tells that k of n runs reached the target. Accuracy is "
    "mean ± standard deviation over runs. A word in place of a value is the status of the median run."
)
BOLD = "Bold: the best of the {} where the measurements resolve it ({}). Nothing else is bold."
RESOLVED = "throughput: the interval of the ratio excludes 1"
RESOLVED_TRAINING = (
    "; epochs and time: at least four runs each, whose intervals do not overlap; "
    "accuracy: Welch’s t test at 5 % after equally many epochs"
)


def tables(results: Results) -> list[Table]:
    """One table for each (dataset, model, arm)."""
    return [
        _table(results, workload=workload, arm=arm)
        for workload in results.workloads
        for arm in of_workload(results.summary, workload)["arm"].unique()
    ]


def _table(results: Results, *, workload: tuple[str, str], arm: str) -> Table:
    cells = of_workload(results.summary, workload)
    cells = cells[cells["arm"] == arm]
    cells = cells.assign(ended_early=budget.ended_early(results, cells, epochs="epochs_trained"))
    quantities = _shown(cells)
    rows = _rows(results, of_workload(results.throughput, workload), cells)
    about = {"dataset": workload[0], "model": workload[1], "arm": arm}
    return Table(
        name=f"main-{workload[0]}-{workload[1]}-{arm}",
        title=f"{wording.workload(workload)}, arm {arm}",
        caption=_caption(results, workload=workload, cells=cells),
        **_side_by_side(rows, quantities) if results.side_by_side else _one_below_another(rows, quantities),
        data=pd.DataFrame([about | row.data() for row in rows]),
    )


def _rows(results: Results, timed: pd.DataFrame, cells: pd.DataFrame) -> list[Row]:
    """The batch sizes, ascending; an arm's throughput is that of its form."""
    fused = timed[(timed["execution"] == "fused") & timed["form"].isin(cells["form"])]
    return [
        Row(size, rows.set_index("framework"), fused[fused["batch_size"] == size], results.frameworks)
        for size, rows in cells.groupby("batch_size")
    ]


def _shown(cells: pd.DataFrame) -> list[str]:
    """All quantities of cells that were trained; of others those that were measured all the same."""
    untrained = (cells["status"] == "untrained").all()
    return [name for name in HEADINGS if name == THROUGHPUT or not untrained or cells[name].notna().any()]


def _side_by_side(rows: list[Row], quantities: list[str]) -> dict[str, list]:
    """Batch size; each quantity with a column per framework; the ratios after the throughput."""
    columns, frameworks = [Column("Batch size")], rows[0].frameworks
    for quantity in quantities:
        columns += [Column(wording.name(framework), HEADINGS[quantity]) for framework in frameworks]
        if quantity == THROUGHPUT:
            first, *others = map(wording.name, frameworks)
            columns += [Column(f"{other} / {first}", HEADINGS[quantity]) for other in others]
    return {"columns": columns, "rows": [row.entries(quantities) for row in rows]}


def _one_below_another(rows: list[Row], quantities: list[str]) -> dict[str, list]:
    """Batch size and framework; a column for each quantity, and for the ratio of the throughput."""
    values = [HEADS[quantity] for quantity in quantities]
    values.insert(1, Column(f"/ {wording.name(rows[0].frameworks[0])}", "Throughput"))
    columns = [Column("Batch size"), Column("Framework", words=True), *values]
    return {"columns": columns, "rows": [line for row in rows for line in row.lines(quantities)]}


def _caption(results: Results, *, workload: tuple[str, str], cells: pd.DataFrame) -> str:
    sentences = ["Throughput: fused execution; its ratio with the 95 % interval, paired over processes."]
    goals = of_workload(results.goals, workload)
    trained = bool((cells["status"] != "untrained").any())
    if len(goals) and trained:
        goal = goals.iloc[0]
        accuracy = wording.percent(goal["validation_accuracy"])
        within = f"within {goal['epochs']:g} epochs and {goal['seconds']:g} s of training"
        sentences += [f"Target: validation accuracy {accuracy} % {within}.", TRAINED]
    of = "row" if results.side_by_side else "batch size"
    if len(results.frameworks) > 1:
        sentences.append(BOLD.format(of, RESOLVED + (RESOLVED_TRAINING if trained else "")))
    early = (cells["ended_early"] & cells[ACCURACY].notna()).any()
    return " ".join([*sentences, *([budget.NOTE] if early else []), *verdict.notes(cells["identity"])])
