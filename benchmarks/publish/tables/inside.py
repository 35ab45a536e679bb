"""What trainings look like from the inside, beside the critical batch size of the law."""

import pandas as pd

from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.publish import wording
from benchmarks.publish.results import Results, with_role
from benchmarks.publish.table import Column, Entry, Table
from benchmarks.summary.schema.names import MEASURED

KEY = ["dataset", "model", "arm", "batch_size"]
COLUMNS = {
    "noise_scale": ("Noise scale (examples)", ("start", "target", "end")),
    "curved_noise_scale": ("Noise scale weighed by curvature (examples)", ("start", "target", "end")),
    "branched_batch": ("Critical batch by branching (examples)", ("start", "target", "end")),
    "training_loss": ("Training loss", ("target", "matched", "end")),
    "loss_spread": ("Spread of the loss", ("target", "end")),
    "distance": ("Distance from the start", ("target", "end")),
    "largest_eigenvalue": ("Largest eigenvalue", ("matched", "end")),
    "hessian_trace": ("Trace of the Hessian", ("matched", "end")),
    "sharpness": ("Sharpness φ, ε = 0.001", ("matched", "end")),
    "width": ("Filter-normalised width", ("matched", "end")),
}
"""The columns that are shown, with the heading of each and the checkpoints at which."""


def tables(results: Results) -> list[Table]:
    """One table: a row for each training's arm and batch size; none without analyses."""
    if results.checkpoints.empty:
        return []
    shown = {
        name: (head, [role for role in roles if with_role(known, role).any()])
        for name, (head, roles) in COLUMNS.items()
        if not (known := results.checkpoints.dropna(subset=[name])).empty
    }
    groups = results.checkpoints.groupby(KEY, sort=False)
    data = pd.DataFrame([_row(key, rows, shown) for key, rows in groups])
    data = data.merge(_laws(results.critical_batch), on=KEY[:3], how="left")
    columns = [Column("Workload", words=True), Column("Arm", words=True), Column("Batch size")]
    columns += [Column(role, group=heading) for heading, roles in shown.values() for role in roles]
    return [
        Table(
            name="inside",
            title="Trainings from the inside",
            caption="Medians over the seeds, with their range. At the start; at the first evaluation that "
            "reached the target; matched: at the first one whose training loss was down to what the study "
            "compares at; and at the end of the budget. A seed that has none does not count there. Noise "
            "scale: tr Σ / |G|² from gradients of single examples (McCandlish et al. 2018); weighed by "
            "curvature: tr(HΣ) / GᵀHG. By branching: the largest batch size with which half as much "
            "progress is made from there, or ∞ where all that were tried make it. Spread of the loss: the "
            "standard deviation of the losses of the 32 steps before, around a straight line. Distance: of "
            "all parameters, |θ − θ₀|. Largest eigenvalue, trace "
            "and width are of 5,000 training examples. "
            "Width: how far along filter-normalised directions the loss has risen by 0.1. B_crit: the "
            "critical batch size of the law, with its 95 % interval. docs/inside.md says how each is "
            "measured.",
            columns=[*columns, Column("B_crit (examples)"), Column("Remarks", words=True)],
            rows=[_line(row, shown) for _, row in data.iterrows()],
            data=data,
        )
    ]


def _row(key: tuple, rows: pd.DataFrame, shown: dict) -> dict:
    found = dict(zip(KEY, key, strict=True))
    failed = rows.loc[rows["status"] != MEASURED, "status"]
    found["remark"] = f"{len(failed)} of {rows['seed'].nunique()}: {failed.iloc[0]}" if len(failed) else ""
    for name, (_, roles) in shown.items():
        for role in roles:
            values = rows.loc[with_role(rows, role), name]
            place = f"{name}_{role}"
            found |= {place: values.median(), f"{place}_lo": values.min(), f"{place}_hi": values.max()}
    return found


def _laws(laws: pd.DataFrame) -> pd.DataFrame:
    """The critical batch size of each arm in the framework that was measured."""
    names = ["critical_batch", "critical_batch_lo", "critical_batch_hi"]
    return laws.loc[laws["framework"] == ANALYSED_WITH, [*KEY[:3], *names]]


def _line(row: pd.Series, shown: dict) -> list[Entry]:
    names = [f"{name}_{role}" for name, (_, roles) in shown.items() for role in roles]
    texts = [
        wording.workload((row["dataset"], row["model"])),
        row["arm"],
        wording.whole(row["batch_size"]),
        *(wording.interval(*(row[f"{name}{end}"] for end in ("", "_lo", "_hi"))) for name in names),
        wording.interval(*(row[f"critical_batch{end}"] for end in ("", "_lo", "_hi"))),
        row["remark"],
    ]
    return [Entry(text) for text in texts]
