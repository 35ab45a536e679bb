"""What the gradient noise scale of one training says of batch sizes that nobody trained with.

McCandlish et al. (2018, arXiv 1812.06162) take it for the critical batch size, and derive the best rate at a
batch size B from it: ε(B) = ε_max / (1 + S / B) with the noise scale S. How far such answers were off where a
study has both is told with each.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.common.errors import Problem
from benchmarks.publish import wording
from benchmarks.publish.claims.inside import on_the_way
from benchmarks.publish.results import Results, of_workload
from benchmarks.study.study import ANALYSED_WITH


class Scale(NamedTuple):
    """The noise scale of the trainings with the smallest batch size of an arm, from the least to the most."""

    arm: str
    batch_size: int
    value: float
    least: float
    most: float
    n: int


def measured(known: Results, workload: tuple[str, str]) -> bool:
    """Whether results have the noise scale of a (dataset, model)."""
    return bool(of_workload(known.checkpoints, workload)["noise_scale"].notna().any())


def scale(known: Results, workload: tuple[str, str], arm: str | None = None) -> Scale:
    """The noise scale on the way to the target, of the first arm if none is named.

    Raises:
        Problem: no training with the smallest batch size reached the target.
    """
    rows = of_workload(known.checkpoints, workload).dropna(subset=["noise_scale"])
    arm = arm or str(rows["arm"].iloc[0])
    rows = rows[rows["arm"] == arm]
    smallest = rows[rows["batch_size"] == rows["batch_size"].min()]
    scales = on_the_way(smallest)
    if scales.empty:
        raise Problem(
            f"no training with B = {smallest['batch_size'].iloc[0]} reached the target, up to which the "
            "noise scale is averaged",
            fix="give the study more epochs, or a target that can be reached",
        )
    mean = float(np.exp(np.log(scales).mean()))
    return Scale(
        arm, int(smallest["batch_size"].iloc[0]), mean, float(scales.min()), float(scales.max()), len(scales)
    )


def errors(studies: list[Results]) -> dict[str, float]:
    """The noise scale over the critical batch size, by study, workload and arm, where a study has both."""
    found = {}
    for known in studies:
        laws = known.critical_batch
        laws = laws[(laws["framework"] == ANALYSED_WITH) & np.isfinite(laws["critical_batch"].astype(float))]
        for law in laws.itertuples():
            rows = of_workload(known.checkpoints, (law.dataset, law.model))
            if rows.loc[rows["arm"] == law.arm, "noise_scale"].notna().any():
                workload = (law.dataset, law.model)
                name = f"{known.summary['study'].iloc[0]}, {wording.workload(workload)}, {law.arm}"
                found[name] = scale(known, workload, law.arm).value / law.critical_batch
    return found


def sentences(known: Results, workload: tuple[str, str], studies: list[Results]) -> list[str]:
    """The answer in words, with how far such answers were off."""
    found = scale(known, workload)
    told = [
        f"{wording.workload(workload)}, arm {found.arm}: on the way to the target, the gradient noise scale "
        f"of a training with B = {wording.whole(found.batch_size)} is {wording.number(found.value)} "
        f"({wording.number(found.least)} to {wording.number(found.most)} over {found.n} seeds). It predicts "
        f"that a larger batch saves steps up to about B = {wording.whole(found.value)}, and hardly beyond."
    ]
    return [*told, *_rate(known, workload, found), _off(errors(studies))]


def _rate(known: Results, workload: tuple[str, str], found: Scale) -> list[str]:
    """The rate that it predicts at the noise scale, from the one that the training had."""
    cells = of_workload(known.trained, workload)
    own: pd.DataFrame = cells[(cells["arm"] == found.arm) & (cells["batch_size"] == found.batch_size)]
    rate = own["learning_rate"].iloc[0]
    predicted = rate * (1 + found.value / found.batch_size) / 2
    return [
        f"The rate that it predicts there is {wording.number(predicted)}, from {wording.number(rate)} at "
        f"B = {wording.whole(found.batch_size)}."
    ]


def _off(found: dict[str, float]) -> str:
    """How far the noise scale was from the critical batch size where both are known."""
    if not found:
        return (
            "No study here has both a noise scale and a critical batch size, so that nobody knows how far "
            "off this is: run config/studies/mccandlish-mnist.yaml."
        )
    told = "; ".join(f"{wording.number(ratio)} times ({name})" for name, ratio in found.items())
    return f"Where a study has both, the noise scale was this far from the critical batch size: {told}."
