"""Whether the trainings of two frameworks are equivalent: two one-sided tests for each pair."""

import pandas as pd

from benchmarks.publish import wording
from benchmarks.publish.results import Results
from benchmarks.publish.table import Column, Entry, Table

QUANTITIES = {
    "test_accuracy": "Test accuracy (difference in percentage points)",
    "epochs_to_target": "Epochs to target (ratio)",
}
HEADS = ("n", "Equivalent", "Least sure")
FIRST = ("Workload", "Arm", "Frameworks")
LEFT_OUT = ["n_one_alone", "margin_lo", "margin_hi", "reason"]
"""Of the tests; the caption tells the margins."""
KEY = ["dataset", "model", "arm", "framework", "other"]


def tables(results: Results) -> list[Table]:
    """One table: a row per (dataset, model, arm) and pair of frameworks, over all batch sizes."""
    tests = results.equivalence
    if tests.empty:
        return []
    shown = [name for name in QUANTITIES if name in set(tests["quantity"])]
    columns = [Column(head, QUANTITIES[name]) for name in shown for head in HEADS]
    return [
        Table(
            name="equivalence",
            title="Equivalence of frameworks",
            caption=CAPTION,
            columns=[*(Column(head, words=True) for head in FIRST), *columns],
            rows=[_line(key, group, shown) for key, group in tests.groupby(KEY, sort=False)],
            data=tests.drop(columns=LEFT_OUT),
        )
    ]


CAPTION = (
    "Two one-sided tests at 5 %, paired over seeds, of the first framework against the second: equivalent "
    "where the 90 % interval of the mean difference lies within the margins (±0.5 percentage points of test "
    "accuracy, a ratio of epochs from 0.8 to 1.25). n: pairs at a batch size, from the fewest to the most; "
    "fewer than two cannot be tested. Equivalent: at how many of the batch sizes that could be tested. "
    "Least sure: estimate and 90 % interval at the batch size B with the largest p. The CSV has every batch "
    "size on its own."
)


def _line(key: tuple, tests: pd.DataFrame, quantities: list[str]) -> list[Entry]:
    dataset, model, arm, framework, other = key
    texts = [wording.workload((dataset, model)), arm, f"{wording.name(framework)}, {wording.name(other)}"]
    for quantity in quantities:
        group = tests[tests["quantity"] == quantity]
        texts += [_counts(group["n"]), _equivalent(group["verdict"]), _worst(group)]
    return [Entry(text) for text in texts]


def _counts(n: pd.Series) -> str:
    if n.empty:
        return wording.NOTHING
    return str(n.min()) if n.min() == n.max() else f"{n.min()}–{n.max()}"


def _equivalent(verdicts: pd.Series) -> str:
    """At how many of the batch sizes that could be tested they are equivalent; how many could not be."""
    untested = int((verdicts == "not testable").sum())
    counts = f"{(verdicts == 'equivalent').sum()} of {len(verdicts) - untested}"
    return f"{counts} ({untested} not testable)" if untested else counts


def _worst(tests: pd.DataFrame) -> str:
    """Estimate and interval at the batch size where equivalence is least sure."""
    tested = tests.dropna(subset=["p"])
    if tested.empty:
        return wording.NOTHING
    row = tested.loc[tested["p"].astype(float).idxmax()]
    return (
        f"{wording.interval(row['estimate'], row['lo'], row['hi'])}, B = {wording.whole(row['batch_size'])}"
    )
