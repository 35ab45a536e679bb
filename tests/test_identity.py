"""Every framework computes what the reference computes; a certificate says so, or by what it differs."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml

from benchmarks import certify, frameworks, models, study
from benchmarks.datasets.dataset import Dataset
from benchmarks.errors import Problem
from benchmarks.frameworks.trainer import EXECUTIONS, Steps
from benchmarks.identity import files
from benchmarks.identity.certificate import certificate
from benchmarks.identity.difference import (
    BOUND,
    apart,
    by_stage,
    differences,
    first_step_apart,
    scales,
)
from benchmarks.identity.place import place, ratio
from benchmarks.identity.quantity import Quantity, Stage
from benchmarks.identity.trace import (
    BATCH_SIZE,
    EXAMPLES,
    STEPS,
    case_of,
    changing,
    is_constant,
    layer_kinds,
    optimizer_of,
    rates_of,
    record_losses,
    record_trace,
)
from benchmarks.models.layers import Conv, Dense, Dropout, Flatten, ReLU, Residual
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.schedule import Schedule

MOMENTUM = Arm(name="plain", learning_rate=0.0625, momentum=0.875, scaling="none")
ADAM = Arm(
    name="adam",
    optimizer="adam",
    learning_rate=0.001953125,
    weight_decay=0.03125,
    decay="decoupled",
    clip_norm=1.0,
    schedule=Schedule(shape="cosine", warm_up=0.1),
    scaling="sqrt",
)
STUDY = {
    "study": "identity",
    "device": "cpu",
    "frameworks": ["pytorch"],
    "seeds": [],
    "arms": [ADAM.model_dump(exclude={"momentum"}, exclude_defaults=True)],
    "workloads": [
        {
            **{"dataset": "digits", "model": "cnn", "batch_sizes": [32]},
            "goal": {"validation_accuracy": 0.9, "source": "none"},
            "budget": {"epochs": 1, "seconds": 1},
        }
    ],
}


KERAS = [name for name in frameworks.NAMES if name.startswith("keras")]


def run(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def identity(folder, *arguments):
    """The command for a person, on the study: its exit code, and what it printed."""
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY))
    command = run("identity", "--config", folder / "study.yaml", *arguments)
    said = command.communicate()
    return command.returncode, *said


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """What the command says of PyTorch."""
    if importlib.util.find_spec("torch") is None:  # found, not imported: that is left to the command
        pytest.skip("PyTorch is not installed")
    folder = tmp_path_factory.mktemp("identity")
    output = folder / "identity.json"
    code, out, error = identity(folder, "--output", output)
    assert output.exists(), out + error
    return code, out, json.loads(output.read_bytes())


def test_the_command_certifies_both_executions(command):
    code, out, content = command
    assert [row["execution"] for row in content["certificates"]] == list(EXECUTIONS)
    for row in content["certificates"]:
        assert row["verdict"] == "certified", row
        assert row["reference"] == "numpy idiomatic"
        assert row["largest_difference"] <= content["bound"] == 1e-10
        assert list(row["differences"]) == [str(stage) for stage in Stage if stage != Stage.CONSTANT]
    assert out.count("pytorch fused") == 1
    assert code == 0


def test_the_command_names_what_it_could_not_trace(tmp_path):
    code, _, error = identity(tmp_path, "--frameworks", "numpy")
    assert code == 1
    assert "nothing to hold to it" in error
    assert "mend: pip install" in error


@pytest.fixture(scope="module")
def keras_traces(tmp_path_factory):
    """Keras on each of its backends that is installed, side by side in processes of their own."""
    folder = tmp_path_factory.mktemp("traces")
    assert run("fetch", "digits", "--output", folder / "digits.npz").wait() == 0
    given = ["--study", study.read(STUDY).model_dump_json(), "--data", folder / "digits.npz"]
    names = {"numpy": None, **dict.fromkeys(KERAS)}
    for name in names:
        output = folder / f"{name}.safetensors"
        arguments = ["--framework", name, "--precision", "float64", "--output", output]
        names[name] = run("trace", *given, *arguments)
    failed = {name: job.communicate()[1] for name, job in names.items() if job.wait()}
    assert all("is not installed" in message for message in failed.values()), failed
    return {name: folder / f"{name}.safetensors" for name in names if name not in failed}


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("framework", KERAS)
def test_keras_agrees_with_the_reference_on_each_backend(keras_traces, framework, execution):
    if framework not in keras_traces:
        pytest.skip(f"{framework} is not installed")
    where = files.where("digits", "cnn", "adam", execution)
    reference = files.read(keras_traces["numpy"], files.where("digits", "cnn", "adam", "idiomatic"))
    found = by_stage(differences(files.read(keras_traces[framework], where), reference))
    assert list(found) == [stage for stage in Stage if stage != Stage.CONSTANT]
    assert max(found.values()) <= BOUND, found


# Traces of the reference alone


@pytest.fixture(scope="module")
def numpy():
    framework = frameworks.load("numpy")
    framework.configure(threads=1, device="cpu", precision="float64")
    return framework


@pytest.fixture(scope="module")
def digits():
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 700).astype(np.int32)
    images = random.normal(size=(700, 8, 8, 1)).astype(np.float32)
    images[np.arange(700), labels % 8, labels // 8] += 4  # so that there is something to learn
    rest = dict.fromkeys(("validation_x", "validation_y", "test_x", "test_y"), np.empty(0))
    return Dataset(name="digits", n_classes=10, sha256="", train_x=images, train_y=labels, **rest)


def traced(numpy, digits, arm, *, model="cnn", execution="idiomatic", recorded=record_trace):
    case = case_of(numpy, digits, arm, model=model, execution=execution, precision="float64")
    return recorded(case)


@pytest.fixture(scope="module")
def reference(numpy, digits):
    return traced(numpy, digits, MOMENTUM)


def test_the_loss_falls_so_that_agreement_means_something(reference):
    losses = reference[Quantity(Stage.LOSS)]
    assert len(losses) == 200
    assert losses[-10:].mean() < 0.5 * losses[:10].mean()


def test_the_gradients_norm_is_there_for_arms_that_do_not_clip(reference):
    norms = reference[Quantity(Stage.NORM)]
    assert norms.shape == (200,)
    assert (norms > 0).all()
    assert reference[Quantity(Stage.FIRST_NORM)] == norms[:1]


def test_a_constant_rate_is_traced_as_it_stands_too(reference, numpy, digits):
    assert any(name.stage == Stage.CONSTANT for name in reference)
    adam = traced(numpy, digits, ADAM, model="logistic")
    assert not any(name.stage == Stage.CONSTANT for name in adam)


def test_losses_are_the_same_however_many_steps_are_taken_at_a_time(reference, numpy, digits):
    losses = traced(numpy, digits, MOMENTUM, recorded=record_losses)[Quantity(Stage.LOSS)]
    assert apart(losses, reference[Quantity(Stage.LOSS)], scale=1) < 1e-13


class TellsMeans:
    """A trainer whose losses fall as `TRUE` and come, as from Keras's `fit`, out of float32 running means."""

    TRUE = 2.5 * np.exp(-np.arange(STEPS) / 30)

    def __init__(self, **_):
        self.first = 0

    def reset(self, parameters):
        self.first = 0

    def train(self, batches):
        losses = self.TRUE[self.first : self.first + len(batches)]
        self.first += len(batches)
        numbers = np.arange(1, len(losses) + 1)
        means = (np.cumsum(losses) / numbers).astype(np.float32)
        return Steps(np.diff(means.astype(float) * numbers, prepend=0.0), None)


def test_losses_told_as_means_keep_their_digits_in_float32(digits):
    framework = SimpleNamespace(Trainer=TellsMeans)
    case = case_of(framework, digits, MOMENTUM, model="mlp", execution="idiomatic", precision="float32")
    losses = record_losses(case)[Quantity(Stage.LOSS)]
    assert first_step_apart(losses, TellsMeans.TRUE, by=1e-3 * TellsMeans.TRUE) is None


def test_batches_straddle_epochs(digits, numpy):
    case = case_of(numpy, digits, MOMENTUM, model="mlp", execution="fused", precision="float64")
    assert len(case.labels) == EXAMPLES
    assert EXAMPLES % BATCH_SIZE
    assert case.batches().shape == (STEPS, BATCH_SIZE)


def test_the_rate_changes_in_every_trace():
    assert is_constant(optimizer_of(MOMENTUM))
    assert len(np.unique(rates_of(MOMENTUM))) > 10
    assert changing(optimizer_of(ADAM)) == optimizer_of(ADAM)
    assert optimizer_of(ADAM).schedule == ADAM.schedule
    assert (np.diff(rates_of(ADAM)) != 0).sum() >= STEPS - 2  # warm-up and half a cosine


def test_quantities_come_in_causal_order_and_survive_their_file(reference, tmp_path):
    files.write({"a/b/c/d": reference, "a/b/c/e": {}}, tmp_path / "x.safetensors")
    found = files.read(tmp_path / "x.safetensors", "a/b/c/d")
    assert {str(name) for name in found} == {str(name) for name in reference}
    stages = [name.stage for name in differences(found, reference)]
    assert list(dict.fromkeys(stages)) == list(Stage)
    assert max(differences(found, reference).values()) == 0
    assert files.read(tmp_path / "x.safetensors", "a/b/c/e") == {}


def test_a_residual_is_compared_after_what_is_inside_it():
    layers = [Conv(2), Residual((Conv(2), ReLU()), (Conv(2),)), Flatten(), Dense(3)]
    found = layer_kinds(layers, (4, 4, 1))
    assert list(found) == ["0", "1.body.0", "1.body.1", "1.shortcut.0", "1", "2", "3"]
    assert found["1"] == "Residual"


# What is made of the differences


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("batch stream", "batch stream"),
        ("initial parameter 3.kernel", "initialiser of layer 3 Conv"),
        ("output of layer 4 BatchNorm", "forward pass of layer 4 BatchNorm"),
        ("loss 1", "loss"),
        ("gradient norm 1", "backward pass"),
        ("parameter 3.kernel after one step", "optimizer: update rule"),
        ("parameter 4.moving_variance after one step", "running averages of layer 4 BatchNorm"),
        ("velocity 8.bias after one step", "optimizer: weight decay, of 8.bias alone"),
        ("parameter 3.kernel after 20 steps", "training: in the first steps"),
        ("loss", "training: from step 4 on"),
        ("velocity 8.bias", "training: in the last steps"),
        ("gradient norm", "optimizer: as soon as gradients are clipped"),
        ("evaluation outputs", "evaluation mode"),
        ("parameter 3.kernel at a constant rate", "optimizer: at a constant learning rate"),
    ],
)
def test_one_number_off_fails_and_names_the_place(reference, name, told):
    (quantity,) = [each for each in reference if str(each) == name]
    changed = dict(reference)
    changed[quantity] = reference[quantity].astype(float)
    changed[quantity].flat[min(3, changed[quantity].size - 1)] += 1e-8 * np.abs(changed[quantity]).max()
    found = differences(changed, reference)
    assert [str(each) for each, size in found.items() if size > BOUND] == [name]
    assert found[quantity] == pytest.approx(1e-8, rel=1e-3)
    assert place(found, changed, reference, rates=rates_of(MOMENTUM)).startswith(told)


def test_a_missing_array_behind_the_first_fault_is_told(reference):
    changed = dict(reference)
    changed[Quantity(Stage.FIRST_PARAMETERS, "3.kernel")] = (
        2 * reference[Quantity(Stage.FIRST_PARAMETERS, "3.kernel")]
    )
    del changed[Quantity(Stage.FIRST_STATE, "velocity 4.gamma")]
    told = certified(changed, reference).differs_by
    assert told.startswith("velocity 4.gamma after one step is missing or of another shape")
    changed[Quantity(Stage.FIRST_STATE, "velocity 4.gamma")] = np.zeros(1)
    assert certified(changed, reference).differs_by == told


def test_a_quantity_that_is_missing_fails(reference):
    changed = {name: value for name, value in reference.items() if name.of != "3.kernel"}
    made = certified(changed, reference)
    assert (
        made.verdict == "not certified: initial parameter 3.kernel is missing or of another shape "
        "[initial parameter 3.kernel by inf]"
    )
    assert made.largest_difference is None
    assert (
        json.loads(json.dumps(made.model_dump(), allow_nan=False))["differences"]["initial parameters"]
        is None
    )


def certified(trace, reference, *, losses=None, statistical=False):
    names = dict.fromkeys(("dataset", "model", "arm", "framework", "execution"), "x")
    losses = reference[Quantity(Stage.LOSS)] if losses is None else losses
    return certificate(
        names, trace, reference, rates=rates_of(MOMENTUM), losses=losses, statistical=statistical
    )


def test_the_step_at_which_float32_parts_is_the_first_beyond_a_thousandth(reference):
    losses = reference[Quantity(Stage.LOSS)].astype(np.float32)
    assert certified(reference, reference, losses=losses).float32_parts_at_step is None
    losses[6:] *= 1.0011
    losses[3] *= 1.0009
    made = certified(reference, reference, losses=losses)
    assert made.float32_parts_at_step == 7
    assert made.verdict == "certified"
    losses[1] = np.nan
    assert certified(reference, reference, losses=losses).float32_parts_at_step == 2


def test_what_cannot_be_compared_is_infinitely_apart():
    a = np.ones(3)
    assert apart(a, np.ones(4), scale=1) == np.inf
    assert apart(a * np.nan, a * np.nan, scale=1) == np.inf
    assert apart(a + 1e-3, a, scale=1) == pytest.approx(1e-3)
    assert apart(np.zeros(2), np.zeros(2), scale=0) == 0
    assert first_step_apart(a, a, by=0) is None


def test_an_array_of_rounding_is_measured_by_its_family():
    weight, bias = Quantity(Stage.PARAMETERS, "0.kernel"), Quantity(Stage.PARAMETERS, "0.bias")
    slot, key = Quantity(Stage.STATE, "mean 0.bias"), Quantity(Stage.PARAMETERS, "1.generator")
    trace = {
        weight: np.array([2.0]),
        bias: np.array([1e-17]),
        slot: np.array([1e-17]),
        key: np.array([1e7, 1]),
    }
    assert scales(trace) == {weight: 2.0, bias: 2.0, slot: 1e-17, key: 1e7}
    assert scales({**trace, bias: np.array([1e-4])})[bias] == 1e-4


def test_stages_have_their_largest_difference():
    found = {
        Quantity(Stage.STATE, "mean a"): 1.0,
        Quantity(Stage.STATE, "mean b"): 3.0,
        Quantity(Stage.LOSS): 0.5,
    }
    assert by_stage(found) == {Stage.STATE: 3.0, Stage.LOSS: 0.5}


def test_a_ratio_is_found_only_where_there_is_one():
    a = np.array([1.0, -2.0])
    assert ratio([a, 2 * a], [4 * a, 8 * a]) == pytest.approx(0.25)
    assert ratio([a, 2 * a], [4 * a, 9 * a]) is None
    assert ratio([a], [0 * a]) is None


# Chance inside a framework


def test_dropout_of_the_framework_is_statistical_and_traced_with_the_shared_generator(numpy, digits):
    own = MOMENTUM.model_copy(update={"randomness": "framework"})
    layers = [Flatten(), Residual((Dense(4), Dropout(0.5, "framework")), (Dense(4),))]
    assert models.is_statistical(layers)
    assert not models.is_statistical([Flatten(), Dropout(0.5), Dense(3)])
    case = case_of(numpy, digits, own, model="c1", execution="fused", precision="float64")
    assert models.is_statistical(models.spec("c1", n_classes=10, randomness="framework"))
    assert case.layers == models.spec("c1", n_classes=10)


def test_the_verdict_of_chance_is_statistical_unless_the_rest_differs(reference):
    assert certified(reference, reference, statistical=True).verdict == "statistical"
    other = {**reference, Quantity(Stage.FIRST_LOSS): np.array([1.0])}
    assert certified(other, reference, statistical=True).verdict.startswith("not certified: loss")


def test_certificates_cover_the_study_whether_or_not_it_lists_the_reference(numpy, digits, tmp_path):
    read = study.read({**STUDY, "arms": [MOMENTUM.model_dump(exclude_defaults=True)]})
    traces = {
        files.where("digits", "cnn", "plain", execution): traced(numpy, digits, MOMENTUM, execution=execution)
        for execution in EXECUTIONS
    }
    for precision in ("float32", "float64"):
        for name in ("numpy", "pytorch"):
            files.write(traces, tmp_path / precision / f"{name}.safetensors")
    made = certify.certificates(read, read.frameworks, tmp_path)
    assert [(c.framework, c.execution) for c in made] == [("pytorch", "idiomatic"), ("pytorch", "fused")]
    assert {c.reference for c in made} == {"numpy idiomatic"}
    content = json.loads(json.dumps(certify.content(made), allow_nan=False))
    assert (content["bound"], content["steps"], content["batch_size"]) == (1e-10, 200, 32)


def test_another_framework_leaves_what_traces_depend_on_as_it_is():
    more = {**STUDY, "frameworks": ["pytorch", "keras-jax"], "seeds": [3]}
    assert study.traced(study.read(STUDY)) == study.traced(study.read(more))


@pytest.mark.parametrize("worse", EXECUTIONS)
def test_the_graver_verdict_of_both_executions_reaches_the_summary(tmp_path, reference, worse):
    from benchmarks.summarise import verdicts

    names = {"dataset": "d", "model": "m", "framework": "pytorch"}
    spoiled = {**reference, Quantity(Stage.FIRST_LOSS): np.array([1.0])}
    made = [
        made.model_copy(update={**names, "arm": arm, "execution": execution})
        for execution in EXECUTIONS
        for arm, made in {
            "a": certified(reference, reference),
            "b": certified(spoiled if execution == worse else reference, reference),
            "c": certified(reference, reference, statistical=True),
        }.items()
    ]
    path = tmp_path / "identity.json"
    path.write_text(json.dumps(certify.content(made)))
    said = verdicts(path)
    assert said["d", "m", "pytorch", "a"] == "certified"
    assert said["d", "m", "pytorch", "b"].startswith("not certified: loss")
    assert said["d", "m", "pytorch", "c"] == "statistical"


def test_unknown_frameworks_are_told():
    with pytest.raises(Problem, match="did you mean pytorch"):
        frameworks.module_name("pytroch")


def test_the_module_and_its_first_line_are_a_command():
    from benchmarks.__main__ import COMMANDS, purpose

    assert "identity" in COMMANDS
    assert "same numbers" in purpose("identity")
    assert Path("benchmarks/identity/__main__.py").exists()
