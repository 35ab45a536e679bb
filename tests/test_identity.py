"""The command certifies every framework in both executions; Keras on each of its backends."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from tracing import STUDY

from benchmarks import frameworks
from benchmarks.common.errors import Problem
from benchmarks.frameworks.trainer import EXECUTIONS
from benchmarks.identity import mixed_precision, quantity, subjects
from benchmarks.identity.certificate import ONLY_OF_RUNS, judged
from benchmarks.identity.difference import BOUND, by_stage, differences
from benchmarks.identity.quantity import Stage
from benchmarks.study import check

KERAS = [name for name in frameworks.NAMES if name.startswith("keras")]


def stages(execution):
    """The stages by which an execution is judged in float64."""
    left_out = (
        Stage.CONSTANT,
        Stage.PRODUCTS,
        Stage.STUDIED_SIZES,
        *(ONLY_OF_RUNS if execution == "idiomatic" else ()),
    )
    return [stage for stage in Stage if stage not in left_out]


def run(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def on_one_core():
    """Keep this process to one core, so that frameworks take one thread: two wait where other tests run."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def identity(folder, *arguments, cwd=None, **changes):
    """The command for a person, on the study with some changes: its exit code, and what it printed.

    In another working folder it is that of the copy of the package there.
    """
    (folder / "study.yaml").write_text(yaml.safe_dump(STUDY | changes))
    of_process = {"preexec_fn": on_one_core, "cwd": cwd}
    command = run("identity", "--config", folder / "study.yaml", *arguments, **of_process)
    said = command.communicate()
    return command.returncode, *said


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """What the command says of PyTorch."""
    if find_spec("torch") is None:  # found, not imported: that is left to the command
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
        assert list(row["differences"]) == stages(row["execution"])
    assert out.count("pytorch fused") == 1
    assert code == 0


PLANTED = (
    "frameworks/torch_parts/fused.py",
    "self.steps.run(self._rows(batches), coefficients)",
    "self.steps.run(self._rows(batches[:, : max(1, batches.shape[1] & -2)]), coefficients)",
)


def test_a_difference_in_a_users_own_copy_is_told_by_the_command(tmp_path):
    """Odd batches lose their last example."""
    if find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    project = Path(subjects.__file__).parents[2]
    copy = shutil.copytree(project / "benchmarks", tmp_path / "benchmarks", ignore=lambda *_: ["__pycache__"])
    copied, before, after = copy / PLANTED[0], *PLANTED[1:]
    content = copied.read_text()
    assert content.count(before) == 1
    copied.write_text(content.replace(before, after))
    code, out, error = identity(tmp_path, cwd=tmp_path)
    assert code == 1
    assert "not certified" in out, out + error


def test_micro_batches_over_ghost_batches_are_certified(tmp_path):
    """Of 64 examples in two micro-batches, which are four ghost batches each."""
    if find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    arm = {**STUDY["arms"][0], "name": "parts", "accumulation": 2, "ghost_batch": 8}
    workload = {**STUDY["workloads"][0], "batch_sizes": [8, 64]}
    code, out, error = identity(tmp_path, arms=[arm], workloads=[workload])
    assert out.count(" certified ") == 2, out + error
    assert code == 0


def test_a_batch_that_grows_is_certified_beside_one_that_does_not(tmp_path):
    if find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")
    (arm,) = STUDY["arms"]
    grown = {**arm, "name": "grown", "growth": {"factor": 4, "milestones": [0.5, 0.75]}}
    grown.pop("schedule", None)
    workload = {**STUDY["workloads"][0], "batch_sizes": [8, 64]}
    code, out, error = identity(tmp_path, arms=[arm, grown], workloads=[workload])
    assert out.count(" certified ") == 4, out + error
    assert code == 0


@pytest.mark.parametrize(
    ("framework", "model", "package"), [("pytorch", "mlp", "torch"), ("keras-jax", "cnn", "jax")]
)
def test_products_in_bfloat16_are_certified(tmp_path, framework, model, package):
    """On processors without instructions for it, PyTorch's convolutions would not be."""
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    arm = {"name": "mixed", "learning_rate": 0.0625, "momentum": 0.875, "scaling": "none"}
    workload = {**STUDY["workloads"][0], "model": model}
    arms, output = [{**arm, "mixed_precision": "bfloat16"}], tmp_path / "identity.json"
    code, out, error = identity(tmp_path, framework, "--output", output, arms=arms, workloads=[workload])
    assert out.count(" certified ") == 2, out + error
    assert code == 0
    for row in json.loads(output.read_bytes())["certificates"]:
        assert row["differences"][Stage.PRODUCTS] <= BOUND
        assert row["float32_differences"][Stage.PRODUCTS] <= mixed_precision.SHARE_OF_SUMS


def test_the_command_names_what_it_could_not_trace(tmp_path):
    code, _, error = identity(tmp_path, "numpy")
    assert code == 1
    assert "nothing to compare with it" in error
    assert "fix: pip install" in error


@pytest.fixture(scope="module")
def keras_traces(tmp_path_factory):
    """Keras on each of its backends that is installed, side by side in processes of their own."""
    folder = tmp_path_factory.mktemp("traces")
    assert run("fetch", "digits", "--output", folder / "digits.npz").wait() == 0
    given = [folder / "digits.npz", "--study", check.read(STUDY).model_dump_json()]
    jobs = {}
    for file in subjects.files(KERAS):
        if file.precision == "float64":
            # One thread each: four frameworks side by side would wait for one another's threads.
            arguments = ["--framework", file.framework, "--precision", "float64", "--threads", 1]
            arguments += [] if file.certified else ["--reference"]
            output = folder / f"{file.framework}.safetensors"
            jobs[file.framework] = run("trace", *given, *arguments, "--output", output)
    failed = {name: job.communicate()[1] for name, job in jobs.items() if job.wait()}
    assert all("is not installed" in message for message in failed.values()), failed
    return {name: folder / f"{name}.safetensors" for name in jobs if name not in failed}


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("framework", KERAS)
def test_keras_agrees_with_the_reference_on_each_backend(keras_traces, framework, execution):
    if framework not in keras_traces:
        pytest.skip(f"{framework} is not installed")
    where = quantity.trace_name("digits", "cnn", "adam", execution)
    of_reference = quantity.trace_name("digits", "cnn", "adam", "idiomatic")
    both = [
        judged(quantity.read_trace(keras_traces[made], name), execution=execution, precision="float64")
        for made, name in ((framework, where), ("numpy", of_reference))
    ]
    found = by_stage(differences(*both))
    assert list(found) == stages(execution)
    assert max(found.values()) <= BOUND, found


def test_unknown_frameworks_are_told():
    with pytest.raises(Problem, match="did you mean pytorch"):
        frameworks.module_name("pytroch")


def test_help_lists_every_command_with_its_purpose():
    listed, _ = run("--help").communicate()
    assert "compute the same numbers" in " ".join(listed.split())
    for command in ("fetch", "trace", "certify", "throughput", "train", "summarise", "compare"):
        assert f" {command} " in listed


def test_the_help_of_a_command_shows_an_example():
    helped, _ = run("identity", "--help").communicate()
    assert "Example: python -m benchmarks identity pytorch keras-jax" in helped
