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
            caption="".join([CAPTION, *(_left_out(tests, name) for name in shown)]),
            columns=[*(Column(head, words=True) for head in FIRST), *columns],
            rows=[_line(key, group, shown) for key, group in tests.groupby(KEY, sort=False)],
            data=tests.drop(columns=LEFT_OUT),
        )
    ]


CAPTION = (
    "Two one-sided tests at 5 %, paired over seeds, of the first framework against the second: equivalent "
    "where the 90 % interval of the mean difference lies within the margins (±0.5 percentage points of test "
    "accuracy, a ratio of epochs from 0.8 to 1.25). Each value is known to half a test example, or to one "
    "evaluation, by which intervals are wider. n: pairs at a batch size, from the fewest to the most. "
    "Equivalent: at how many of the batch sizes that could be tested. Not testable are fewer than two pairs, "
    "whether or not that is because runs failed or the target was not reached, and pairs without a spread, "
    "which all differ by the same amount. Where an arm is the same training as one listed before, it is left "
    "out here (as ARM), so that each training is counted once. Least sure: estimate and 90 % interval at the "
    "batch size B with the largest p. The CSV has every batch size on its own."
)


def _left_out(tests: pd.DataFrame, quantity: str) -> str:
    """How many tests of a quantity no count takes, and why; empty where all are counted."""
    group = tests[tests["quantity"] == quantity]
    own = distinct(group)
    reasons = own.loc[own["verdict"] == "not testable", "reason"].str.split(":").str[0]
    why = ", ".join(f"{count} {reason}" for reason, count in reasons.value_counts(sort=False).items())
    parts = [f"{len(reasons)} not testable ({why})"] if why else []
    repeated = len(group) - len(own)
    parts += [f"{repeated} the same training under another name"] if repeated else []
    return f" Left out of {quantity.replace('_', ' ')}: {', '.join(parts)}." if parts else ""


def distinct(tests: pd.DataFrame) -> pd.DataFrame:
    """The tests of trainings that no arm listed before is too: each training is counted once."""
    return tests[tests["same_as"].isna()]


def shown_of(tests: pd.DataFrame) -> str:
    """How many of the distinct trainings that could be tested are equivalent, as 13 of 18."""
    verdicts = distinct(tests)["verdict"]
    return f"{(verdicts == 'equivalent').sum()} of {(verdicts != 'not testable').sum()}"


def _line(key: tuple, tests: pd.DataFrame, quantities: list[str]) -> list[Entry]:
    dataset, model, arm, framework, other = key
    texts = [wording.workload((dataset, model)), arm, f"{wording.name(framework)}, {wording.name(other)}"]
    for quantity in quantities:
        group = tests[tests["quantity"] == quantity]
        own = distinct(group)
        texts += [_counts(own["n"]), _equivalent(group), _worst(own)]
    return [Entry(text) for text in texts]


def _counts(n: pd.Series) -> str:
    if n.empty:
        return wording.NOTHING
    return str(n.min()) if n.min() == n.max() else f"{n.min()}–{n.max()}"


def _equivalent(tests: pd.DataFrame) -> str:
    """At how many of the batch sizes they are equivalent, and how many are left out of that."""
    untested = (distinct(tests)["verdict"] == "not testable").sum()
    left_out = [f"{untested} not testable"] if untested else []
    left_out += [f"{count} as {arm}" for arm, count in tests["same_as"].value_counts(sort=False).items()]
    return shown_of(tests) + (f" ({', '.join(left_out)})" if left_out else "")


def _worst(tests: pd.DataFrame) -> str:
    """Estimate and interval at the batch size where equivalence is least sure."""
    tested = tests.dropna(subset=["p"])
    if tested.empty:
        return wording.NOTHING
    row = tested.loc[tested["p"].astype(float).idxmax()]
    return (
        f"{wording.interval(row['estimate'], row['lo'], row['hi'])}, B = {wording.whole(row['batch_size'])}"
    )
