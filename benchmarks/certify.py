"""Compare the traces of every framework with the reference, for one certificate each.

The reference is the framework `numpy` in its idiomatic execution, whether or not a study lists it.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks import models
from benchmarks.common.files import write_text
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import files
from benchmarks.identity.certificate import REFERENCE, Certificate, certificate
from benchmarks.identity.difference import BOUND, FLOAT32_BOUND
from benchmarks.identity.quantity import Quantity, Stage, Trace
from benchmarks.identity.trace import BATCH_SIZE, EXAMPLES, STEPS, rates_of
from benchmarks.recipe.arm import Arm
from benchmarks.study.study import Study, Workload


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
    return files.read(folder / precision / f"{framework}.safetensors", files.where(**where))


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
