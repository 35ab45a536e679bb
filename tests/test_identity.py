"""Both frameworks compute the same numbers, and a certificate notices where they do not."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks import certify, study
from benchmarks.errors import Problem
from benchmarks.identity.certificate import BOUND, differences, relative_difference, worst

STUDY = study.read(yaml.safe_load(Path("config/studies/smoke.yaml").read_text()))
BOTH_MODELS = STUDY.model_copy(
    update={"workloads": [STUDY.workloads[0].model_copy(update={"model": model}) for model in ("mlp", "cnn")]}
)


@pytest.fixture(scope="module")
def traces(tmp_path_factory):
    """100 steps in float64 of both models, each framework in a process of its own."""
    folder = tmp_path_factory.mktemp("traces")
    run("fetch", "digits", "--output", folder / "digits.npz")
    arguments = ["--study", BOTH_MODELS.model_dump_json(), "--data", folder / "digits.npz"]
    for name in ("keras", "pytorch"):
        run("trace", *arguments, "--framework", name, "--output", folder / f"{name}.safetensors")
    return {name: certify.load(folder / f"{name}.safetensors") for name in ("keras", "pytorch")}


def run(command, *arguments):
    subprocess.run([sys.executable, "-m", f"benchmarks.{command}", *map(str, arguments)], check=True)


@pytest.mark.parametrize("model", ["mlp", "cnn"])
@pytest.mark.parametrize("framework", ["keras", "pytorch"])
@pytest.mark.parametrize("execution", ["idiomatic", "fused"])
def test_a_hundred_steps_agree_in_losses_parameters_velocities_and_evaluation_outputs(
    traces, model, framework, execution
):
    found = differences(
        traces[framework][f"digits/{model}/fixed-lr/{execution}"],
        traces["keras"][f"digits/{model}/fixed-lr/idiomatic"],
    )
    assert len(traces["keras"][f"digits/{model}/fixed-lr/idiomatic"]["loss"]) == 100
    assert {"loss", "evaluation outputs"} < set(found)
    assert max(found.values()) <= 1e-10, worst(found)


def test_the_loss_falls_so_that_agreement_means_something(traces):
    losses = traces["keras"]["digits/cnn/fixed-lr/idiomatic"]["loss"]
    assert losses[-10:].mean() < 0.5 * losses[:10].mean()


def test_certificates_cover_every_framework_and_execution(traces):
    made = certify.certificates(BOTH_MODELS, traces)
    assert len(made) == 2 * 2 * 2
    assert {c.verdict for c in made} == {"certified"}


@pytest.mark.parametrize(
    "quantity", ["loss", "evaluation outputs", "parameter 4.moving_variance", "velocity 8.bias"]
)
def test_a_difference_in_one_number_fails_and_names_the_place(traces, quantity):
    reference = traces["keras"]["digits/cnn/fixed-lr/idiomatic"]
    changed = {name: value.copy() for name, value in reference.items()}
    changed[quantity].flat[3] += 1e-8 * np.abs(changed[quantity]).max()
    found = differences(changed, reference)
    assert max(found.values()) > BOUND
    assert worst(found).startswith(f"{quantity} by 1.0e-08")


def test_what_is_missing_or_not_finite_or_of_another_shape_differs():
    a = np.ones(3)
    assert relative_difference(a, np.ones(4)) == np.inf
    assert relative_difference(a * np.nan, a * np.nan) == np.inf
    assert differences({"x": a}, {"y": a}) == {"x": np.inf, "y": np.inf}
    assert relative_difference(a + 1e-3, a) == pytest.approx(1e-3)
    assert relative_difference(np.zeros(2), np.zeros(2)) == 0


def test_what_is_read_of_certificates_reaches_the_summary(traces, tmp_path):
    from benchmarks.summarise import verdicts

    made = certify.certificates(BOTH_MODELS, traces)
    spoiled = made[3].model_copy(update={"certified": False, "differs_by": "loss by 1.0e+00"})
    assert spoiled.execution == "fused"
    path = tmp_path / "identity.json"
    path.write_text(json.dumps({"certificates": [c.model_dump() for c in [*made[:3], spoiled]]}))
    assert set(verdicts(path).values()) == {"certified", "not certified: loss by 1.0e+00"}


def test_unknown_frameworks_are_told():
    from benchmarks import frameworks

    with pytest.raises(Problem, match="did you mean pytorch"):
        frameworks.module_name("pytroch")
