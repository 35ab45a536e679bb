"""The comparison as one HTML file, which holds all its figures and opens without a network."""

import shutil
from pathlib import Path

import pandas as pd

from benchmarks.common.files import write_text
from benchmarks.compare import figures, machines, tables
from benchmarks.compare.machines import THIS_MACHINE, Found, Source, find
from benchmarks.publish import wording, writing
from benchmarks.summary import hardware


def write(results: Path, output: Path) -> Path:
    """Write compare.csv, predictions.csv, the figures, the tables and the page; give the page's path.

    Raises:
        Problem: there are no results, or they cannot be read.
    """
    found = find(results)
    for cause in found.unusable:
        print(f"warning: left out: {cause}")
    for source in found.taken:
        print(f"{source.machine}, {source.study}: taken from {source.folder}")
    for source in found.passed_over:
        print(f"{source.machine}, {source.study}: passed over in {source.folder}, an earlier copy")
    known = machines.table(found.taken)
    predicted = machines.predictions(known)
    cells = machines.with_predictions(known, predicted)
    # What an earlier comparison of other machines left would stand beside this one as if it belonged.
    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
    write_text(cells.to_csv(index=False), output / "compare.csv")
    write_text(predicted.to_csv(index=False), output / "predictions.csv")
    for name, drawing in figures.applicable(cells).items():
        writing.write_figure(drawing.draw(cells), output / "figures", name=name)
    for table in tables.build(cells):
        writing.write_table(table, output / "tables")
    text = render(cells, predicted, found=found, drawn=output / "figures")
    write_text(text, output / "index.html")
    return output / "index.html"


TEMPLATE = Path(__file__).with_name("page.html.jinja")


def render(
    cells: pd.DataFrame,
    predicted: pd.DataFrame,
    *,
    found: Found,
    drawn: Path,
) -> str:
    """The page, with the figures found in the folder `drawn`."""
    shown = figures.applicable(cells)
    return writing.page(
        TEMPLATE,
        machines=sorted(cells["machine"].unique()),
        headline=sentences(cells, predicted),
        figures=[
            {
                **{"name": name, "title": drawing.title, "caption": drawing.caption},
                "image": writing.embedded_image(drawn / f"{name}.svg"),
            }
            for name, drawing in shown.items()
        ],
        tables=tables.build(cells),
        sources=[_source(source) for source in found.taken],
        passed_over=[source.folder for source in found.passed_over],
        unusable=found.unusable,
    )


def _source(source: Source) -> dict[str, str]:
    n_trained = int((source.summary["status"] != "untrained").sum())
    return {
        "machine": source.machine,
        "study": source.study,
        "hardware": hardware.line(source.provenance) or wording.NOTHING,
        "cells": f"{n_trained} of {len(source.summary)}",
        "finished": source.finished or wording.NOTHING,
        "commit": (source.provenance.get("git_commit") or wording.NOTHING)[:10],
        "folder": str(source.folder),
    }


def sentences(cells: pd.DataFrame, predicted: pd.DataFrame) -> list[str]:
    """What the comparison shows: who is fastest, and how well times were predicted."""
    machines = sorted(cells["machine"].unique())
    several = [name for name in ("step_kind", "precision") if cells[name].nunique() > 1]
    findings = [] if len(machines) > 1 else [ALONE.format(machines[0])]
    if len(machines) > 1:
        findings += [
            _fastest(pair, group, several=several)
            for pair, group in cells.groupby(["dataset", "model"], sort=False)
        ]
    return [
        *filter(None, findings),
        *(_predictions(m, predicted[predicted["machine"] == m]) for m in machines),
    ]


ALONE = (
    "Only one machine was found, {}: there is nothing to compare it with yet. Its times to target are "
    "predicted from its own examples to target, so that their error shows only whether throughput "
    "explains the time."
)


def _fastest(workload: tuple[str, str], cells: pd.DataFrame, *, several: list[str]) -> str:
    """The best throughput of each machine, best first; with step kind and precision if there are several."""
    timed = cells.dropna(subset=["throughput_samples_per_s"])
    if timed.empty:
        return ""
    best = timed.loc[timed.groupby("machine")["throughput_samples_per_s"].idxmax()]
    best = best.sort_values("throughput_samples_per_s", ascending=False)
    parts = [
        f"{wording.number(cell.throughput_samples_per_s)} on {cell.machine} "
        f"({', '.join([wording.name(cell.framework), *(getattr(cell, name) for name in several)])}, "
        f"B = {wording.whole(cell.batch_size)})"
        for cell in best.itertuples()
    ]
    return f"{wording.workload(workload)}, most examples/s: {'; '.join(parts)}."


def _predictions(machine: str, rows: pd.DataFrame) -> str:
    """The number of times to target that were predicted for a machine, and how far off they were."""
    if rows.empty:
        return f"{machine}: no time to target could be predicted: no machine reached a target of its cells."
    foreign = rows[rows["examples_from"] != THIS_MACHINE]
    basis = "from other machines’ examples to target" if len(foreign) else "from its own examples to target"
    rows = foreign if len(foreign) else rows
    errors = rows["error"].dropna()
    start = f"{machine}: {len(rows)} times to target predicted {basis}"
    if errors.empty:
        return f"{start}; none was measured to hold them against."
    return (
        f"{start}; against the {len(errors)} that were also measured the median error is "
        f"{wording.percent(errors.abs().median())} % in size, from {wording.percent(errors.min())} to "
        f"{wording.percent(errors.max())} %."
    )
