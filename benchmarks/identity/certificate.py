"""Certificates: the traces of a framework held to those of the reference, and the verdict.

The reference is the framework `numpy` in its idiomatic execution, whether or not a study lists it.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks import models
from benchmarks.common.files import write_text
from benchmarks.common.value import Value
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import quantity
from benchmarks.identity.difference import BOUND, FLOAT32_BOUND, by_stage, differences, first_step_apart
from benchmarks.identity.place import place
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.trace import BATCH_SIZE, EXAMPLES, STEPS, rates_of
from benchmarks.recipe.arm import Arm
from benchmarks.study.study import Study, Workload

REFERENCE = ("numpy", "idiomatic")
Names = dict[str, str]
"""Dataset, model, arm, framework and execution of one trace."""


class Certificate(Value):
    """The outcome of comparing one trace with the reference.

    `differences` holds the largest relative difference of each stage in causal order; null stands for
    arrays that cannot be compared (missing, of another shape, not finite). `float32_parts_at_step` is the
    first step, from 1, at which the loss of the same training in float32 is further from the reference
    than FLOAT32_BOUND; null is never.
    """

    dataset: str
    model: str
    arm: str
    framework: str
    execution: str
    reference: str = " ".join(REFERENCE)
    certified: bool
    statistical: bool
    verdict: str
    differs_by: str
    first_difference: str | None
    largest_difference: float | None
    differences: dict[str, float | None]
    float32_parts_at_step: int | None


def certificate(
    names: Names,
    trace: Trace,
    reference: Trace,
    *,
    rates: np.ndarray,
    losses: np.ndarray,
    statistical: bool,
) -> Certificate:
    """Compare one trace with the reference.

    `rates` [steps] are the learning rates, `losses` [steps] the learning curve in float32.
    `statistical` is a training whose framework draws random numbers of its own: its traces were made
    without them, and so the verdict promises no more than that the rest is the same.
    """
    found = differences(trace, reference)
    first = next((name for name, size in found.items() if not size <= BOUND), None)
    exact = reference[Quantity(Stage.LOSS)]
    told = (
        ""
        if first is None
        else f"{place(found, trace, reference, rates=rates)} [{first} by {found[first]:.1e}]"
    )
    agrees = "statistical" if statistical else "certified"
    return Certificate(
        **names,
        certified=first is None,
        statistical=statistical,
        verdict=f"not certified: {told}" if told else agrees,
        differs_by=told,
        first_difference=None if first is None else str(first),
        largest_difference=_number(max(found.values())),
        differences={str(stage): _number(size) for stage, size in by_stage(found).items()},
        float32_parts_at_step=first_step_apart(losses, exact, by=FLOAT32_BOUND * np.abs(exact)),
    )


def _number(size: float) -> float | None:
    """What JSON can hold."""
    return size if math.isfinite(size) else None


def certificates(study: Study, names: list[str], folder: Path) -> list[Certificate]:
    """One certificate for each (workload, arm, framework, execution); traces lie in PRECISION/FRAMEWORK."""
    return [
        made
        for workload in study.workloads
        for arm in study.arms
        for made in _of_arm(workload, arm, names, folder)
    ]


def _of_arm(workload: Workload, arm: Arm, names: list[str], folder: Path) -> Iterator[Certificate]:
    """The certificates of one workload and arm."""
    case = {"dataset": workload.slug, "model": workload.model, "arm": arm.name}
    layers = models.spec(
        workload.model, n_classes=2, augmentation=arm.augmentation, randomness=arm.randomness
    )
    reference = _trace(folder, "float64", REFERENCE[0], {**case, "execution": REFERENCE[1]})
    for framework in names:
        for execution in EXECUTIONS:
            where = {**case, "execution": execution}
            yield certificate(
                {**where, "framework": framework},
                _trace(folder, "float64", framework, where),
                reference,
                rates=rates_of(arm),
                losses=_trace(folder, "float32", framework, where)[Quantity(Stage.LOSS)],
                statistical=models.is_statistical(layers),
            )


def _trace(folder: Path, precision: str, framework: str, where: dict[str, str]) -> Trace:
    """One trace from the file that holds it."""
    return quantity.read_trace(folder / precision / f"{framework}.safetensors", quantity.trace_name(**where))


def content(made: list[Certificate]) -> dict:
    """What is written of the certificates."""
    return {
        **{"bound": BOUND, "steps": STEPS, "batch_size": BATCH_SIZE, "examples": EXAMPLES},
        "float32_bound": FLOAT32_BOUND,
        "certificates": [certificate.model_dump() for certificate in made],
    }


def write(study: Study, names: list[str], traces: Path, output: Path) -> None:
    """Certify, write the certificates as JSON and say which frameworks are not certified."""
    made = certificates(study, names, traces)
    write_text(json.dumps(content(made), indent=1) + "\n", output)
    print(f"{sum(c.certified for c in made)} of {len(made)} certified")
    for c in made:
        if not c.certified:
            print(f"{c.dataset} {c.model} {c.arm} {c.framework} {c.execution}: {c.verdict}")
