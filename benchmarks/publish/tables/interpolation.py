"""How the solutions of two batch sizes differ: the loss between them, and what they predict."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

KEY = ["dataset", "model", "arm", "from_batch_size", "batch_size"]
QUANTITIES = ("loss_small", "loss_large", "highest_between", "agreement_percent")


def tables(results: Results) -> list[Table]:
    """One table: a row for each arm and batch size with a line; none without lines."""
    if results.interpolation.empty:
        return []
    data = pd.DataFrame([_row(key, rows) for key, rows in results.interpolation.groupby(KEY, sort=False)])
    return [
        Table(
            name="interpolation",
            title="Between the solutions of two batch sizes",
            caption="At the end of the budgets of two trainings with the same seed: the loss of either over "
            "5,000 training examples, the highest one on the straight line between them, and for how much of "
            "the validation set both predict the same class. Medians over the seeds, with their range. "
            "docs/inside.md says how it is measured.",
            columns=[
                *(Column("Workload", words=True), Column("Arm", words=True)),
                *(Column(head, group="Batch size") for head in ("smaller", "larger")),
                *(Column(head, group="Training loss") for head in ("smaller", "larger", "highest between")),
                Column("Same class (%)"),
            ],
            rows=[_line(row) for _, row in data.iterrows()],
            data=data,
        )
    ]


def _row(key: tuple, rows: pd.DataFrame) -> dict:
    losses = rows.pivot(index="seed", columns="place", values="training_loss")
    at_end = rows[rows["place"] == 1].set_index("seed")["agreement"]
    values = (losses[0], losses[1], losses.loc[:, 0:1].max(axis=1, skipna=False), 100 * at_end)
    found = dict(zip(KEY, key, strict=True))
    for name, of_seeds in zip(QUANTITIES, values, strict=True):
        found |= {name: of_seeds.median(), f"{name}_lo": of_seeds.min(), f"{name}_hi": of_seeds.max()}
    return found


def _line(row: pd.Series) -> list[Entry]:
    texts = [wording.workload((row["dataset"], row["model"])), row["arm"]]
    texts += [wording.whole(row[name]) for name in ("from_batch_size", "batch_size")]
    texts += [wording.interval(*(row[f"{name}{end}"] for end in ("", "_lo", "_hi"))) for name in QUANTITIES]
    return [Entry(text) for text in texts]
