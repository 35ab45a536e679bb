"""Draw every machine that there are results of, side by side."""

import shutil
from pathlib import Path

from benchmarks.analysis import comparison, prediction
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.publish import writing
from benchmarks.publish.machines import figures, page, tables


def found(results: Path) -> tuple[list[comparison.Source], list[comparison.Source]]:
    """The results that count, and those passed over for a later copy.

    Raises:
        Problem: there are none, or they cannot be read.
    """
    paths = comparison.summaries(results)
    if not paths:
        raise Problem(
            f"no results to compare: there is neither {results}/STUDY/MACHINE/summary.csv nor "
            f"{results}/published/MACHINE/STUDY/summary.csv",
            mend="run a study first (snakemake --cores all), or copy published results there",
        )
    return comparison.chosen([comparison.read(path.parent) for path in paths])


def write(results: Path, output: Path) -> Path:
    """Write compare.csv, predictions.csv, the figures, the tables and the page; give the page's path.

    Raises:
        Problem: there are no results, or they cannot be read.
    """
    taken, passed_over = found(results)
    for source in taken:
        print(f"{source.machine}, {source.study}: taken from {source.folder}")
    for source in passed_over:
        print(f"{source.machine}, {source.study}: passed over in {source.folder}, an earlier copy")
    known = comparison.table(taken)
    predicted = prediction.predictions(known)
    cells = prediction.with_predictions(known, predicted)
    # What an earlier comparison of other machines left would stand beside this one as if it belonged.
    for folder in ("figures", "tables"):
        shutil.rmtree(output / folder, ignore_errors=True)
    write_text(cells.to_csv(index=False), output / "compare.csv")
    write_text(predicted.to_csv(index=False), output / "predictions.csv")
    for name, drawing in figures.applicable(cells).items():
        writing.write_figure(drawing.draw(cells), output / "figures", name=name)
    for table in tables.build(cells):
        writing.write_table(table, output / "tables")
    text = page.render(cells, predicted, taken=taken, passed_over=passed_over, drawn=output / "figures")
    write_text(text, output / "index.html")
    return output / "index.html"
