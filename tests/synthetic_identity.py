"""Certificates and equivalence of a study as its trainings would leave them, from formulas."""

from itertools import combinations

import numpy as np
from synthetic_grid import SEEDS, WORKLOADS, Grid, verdict

from benchmarks.identity.quantity import Quantity, Stage

QUANTITIES = {
    str(stage): size
    for stage, size in {
        Stage.STREAM: 0.0,
        Stage.INITIAL: 0.0,
        Stage.OUTPUTS: 2.2e-16,
        Stage.FIRST_LOSS: 1.1e-16,
        Stage.FIRST_NORM: 2.2e-16,
        Stage.FIRST_PARAMETERS: 3.3e-16,
        Stage.FIRST_STATE: 4.0e-16,
        Stage.EARLY_PARAMETERS: 2.1e-15,
        Stage.EARLY_STATE: 2.9e-15,
        Stage.LOSS: 3.2e-15,
        Stage.NORM: 6.0e-15,
        Stage.PARAMETERS: 4.1e-14,
        Stage.STATE: 1.3e-13,
        Stage.EVALUATION: 7.7e-15,
    }.items()
}
BOUNDS = {
    "bound": 1e-10,
    "steps": 200,
    "batch_size": 32,
    "examples": 500,
    "float32_bound": 1e-3,
    "first_float32_bound": 2e-5,
}
RUNNING = Quantity(Stage.FIRST_PARAMETERS, "2.moving_variance")
BATCH_NORM = f"running averages of layer 2 BatchNorm [{RUNNING} by 3.1e-04]"
WEIGHTS = Quantity(Stage.FIRST_PARAMETERS, "0.kernel")
HALVED = f"optimizer: update rule (its first step times 0.5) [{WEIGHTS} by 5.0e-01]"
"""What `identity.certificate` writes of such differences."""


def certificates(grid: Grid) -> list[dict]:
    """Everything certified but what the own dropout draws, and the CNN of NumPy with clipping."""
    noise = np.random.default_rng(4)
    return [
        _certificate((dataset, model, arm, framework, execution), step_kind, noise)
        for dataset, model in WORKLOADS
        for arm, step_kind in grid.arms.items()
        for framework in grid.frameworks
        for execution in ("idiomatic", "fused")
    ]


def _certificate(names: tuple, step_kind: str, noise: np.random.Generator) -> dict:
    key = dict(zip(("dataset", "model", "arm", "framework", "execution"), names, strict=True))
    differences = {name: least * noise.lognormal(0, 1) for name, least in QUANTITIES.items()}
    wrong = key["framework"] == "keras-torch" and key["model"] == "cnn" and "clip" in step_kind
    if wrong:
        differences |= {str(RUNNING.stage): 3.1e-4, Stage.PARAMETERS.value: 0.2}
        differences[Stage.EVALUATION.value] = None
    statistical = verdict(step_kind) == "statistical"
    reference = key["framework"] == "numpy" and key["execution"] == "idiomatic"
    differences = dict.fromkeys(differences, 0.0) if reference else differences
    return key | {
        "reference": "numpy idiomatic",
        "certified": not wrong,
        "statistical": statistical,
        "verdict": f"not certified: {BATCH_NORM}" if wrong else verdict(step_kind),
        "differs_by": BATCH_NORM if wrong else "",
        "first_difference": str(RUNNING) if wrong else None,
        "largest_difference": None if wrong else max(differences.values()),
        "differences": differences,
        "float32_parts_at_step": (None if key["model"] == "mlp" else int(noise.integers(40, 200))),
        "float32_differences": {"loss 1": 1e-7},
        "float32_repeats": True,
        "conditions": "c0de",
    }


def equivalence(grid: Grid) -> list[dict]:
    """Equivalent in accuracy everywhere; in epochs too, but where too few seeds reached the target."""
    return [
        {"dataset": dataset, "model": model, "arm": arm, "batch_size": size}
        | {"framework": one, "other": other, "same_as": None, "n": SEEDS, "n_one_alone": 0}
        | _tested(quantity, size)
        for (dataset, model), workload in WORKLOADS.items()
        for arm in grid.arms
        for size in workload["sizes"]
        for one, other in combinations(grid.frameworks, 2)
        for quantity in ("test_accuracy", "epochs_to_target")
    ]


def _tested(quantity: str, size: int) -> dict:
    if quantity == "test_accuracy":
        wide = 0.9 if size >= 256 else 0.2
        found = {
            "estimate": -0.03,
            "lo": -0.03 - wide,
            "hi": -0.03 + wide,
            "margin_lo": -0.5,
            "margin_hi": 0.5,
        }
        found |= {"p": 0.2 if size >= 256 else 0.003}
        return found | {"quantity": quantity, "verdict": _shown(size < 256), "reason": ""}
    found = {"quantity": quantity, "margin_lo": 0.8, "margin_hi": 1.25}
    if size >= 1024:
        nothing = dict.fromkeys(("estimate", "lo", "hi", "p"))
        reason = "target not reached: 0 seeds with the target reached in both frameworks; two are needed"
        return found | nothing | {"n": 0, "verdict": "not testable", "reason": reason}
    return found | {
        "estimate": 1.02,
        "lo": 0.97,
        "hi": 1.07,
        "p": 0.01,
        "verdict": "equivalent",
        "reason": "",
    }


def _shown(equivalent: bool) -> str:
    return "equivalent" if equivalent else "not shown"
