"""The main tables: per (dataset, model, arm) a row per batch size, the frameworks side by side."""

import pandas as pd

from benchmarks.publish import wording
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
TRAINED = (
    "Epochs and time are medians over runs; (k/n) tells that k of n runs reached the target. Accuracy is "
    "mean ± standard deviation over runs. A word in place of a value is the status of the median run."
)
BOLD = "Bold: the best of the row where the measurements resolve it ({}). Nothing else is bold."
RESOLVED = "throughput: the interval of the ratio excludes 1"
RESOLVED_TRAINING = (
    "; epochs and time: at least four runs each, whose intervals do not overlap; "
    "accuracy: Welch’s t test at 5 %"
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
    quantities = _shown(cells)
    rows = _rows(results, of_workload(results.throughput, workload), cells)
    about = {"dataset": workload[0], "model": workload[1], "arm": arm}
    return Table(
        name=f"main-{workload[0]}-{workload[1]}-{arm}",
        title=f"{wording.workload(workload)}, arm {arm}",
        caption=_caption(results, workload=workload, cells=cells),
        columns=_columns(results.frameworks, quantities),
        rows=[row.entries(quantities) for row in rows],
        data=pd.DataFrame([about | row.data() for row in rows]),
    )


def _rows(results: Results, timed: pd.DataFrame, cells: pd.DataFrame) -> list[Row]:
    fused = timed[timed["execution"] == "fused"]
    return [
        Row(size, rows.set_index("framework"), fused[fused["batch_size"] == size], results.frameworks)
        for size, rows in cells.groupby("batch_size")
    ]


def _shown(cells: pd.DataFrame) -> list[str]:
    """All quantities of cells that were trained; of others those that were measured all the same."""
    untrained = (cells["status"] == "untrained").all()
    return [name for name in HEADINGS if name == THROUGHPUT or not untrained or cells[name].notna().any()]


def _columns(frameworks: list[str], quantities: list[str]) -> list[Column]:
    """Batch size; each quantity with a column per framework; the ratios after the throughput."""
    columns = [Column("Batch size")]
    for quantity in quantities:
        columns += [Column(wording.name(framework), HEADINGS[quantity]) for framework in frameworks]
        if quantity == THROUGHPUT:
            first, *others = map(wording.name, frameworks)
            columns += [Column(f"{other} / {first}", HEADINGS[quantity]) for other in others]
    return columns


def _caption(results: Results, *, workload: tuple[str, str], cells: pd.DataFrame) -> str:
    sentences = ["Throughput: fused execution; its ratio with the 95 % interval, paired over processes."]
    goals = of_workload(results.goals, workload)
    trained = bool((cells["status"] != "untrained").any())
    if len(goals) and trained:
        goal = goals.iloc[0]
        accuracy = wording.percent(goal["validation_accuracy"])
        budget = f"within {goal['epochs']:g} epochs and {goal['seconds']:g} s of training"
        sentences += [f"Target: validation accuracy {accuracy} % {budget}.", TRAINED]
    if len(results.frameworks) > 1:
        sentences.append(BOLD.format(RESOLVED + (RESOLVED_TRAINING if trained else "")))
    if (cells["identity"] != "certified").any():
        sentences.append(f"{wording.NOT_CERTIFIED} not certified to compute the same numbers: never bold.")
    return " ".join(sentences)
