"""Results that were deleted or damaged: told, and made again, and nothing else with them."""

import contextlib
import json
import shutil

import pytest
from conftest import SMOKE, Project, planned
from PIL import Image
from safetensors.numpy import load_file

ARTEFACTS = ["summary.csv", "runs.csv", "curves.csv", "targets.csv", "memory_fit.csv"]
ARTEFACTS += ["provenance.json", "identity.json"]
ARTEFACTS += ["traces/certificates.json", "throughput.csv", "report.html", "tables", "figures", "throughput"]
ARTEFACTS += ["traces/float64/numpy.safetensors", "traces/float32/keras.safetensors"]


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_a_deleted_artefact_is_made_again(smoke, artefact):
    path = smoke.results / artefact
    hidden = path.with_name(f"{path.name}.hidden")
    path.rename(hidden)
    try:
        assert planned(smoke.snakemake(*SMOKE, "-n"))
    finally:
        hidden.rename(path)


PARTS = {
    "figures/throughput.svg": ("figures", "figures"),
    "tables/identity.md": ("tables", "tables"),
    "throughput/keras-0-0.json": ("throughput", "throughput"),
    "summary.csv": ("summary.csv", "summarise"),
    "traces/float64/keras.safetensors": ("traces/float64/keras.safetensors", "trace_in_float64"),
}
"""Files, each with what it is a part of and the rule that makes this."""


@contextlib.contextmanager
def kept(whole, aside):
    """Put a file or folder back afterwards, as it was, with its times."""
    copy = shutil.copytree if whole.is_dir() else shutil.copy2
    copy(whole, aside)
    seal = whole.with_name(f".{whole.name}.seal")
    before = seal.read_bytes()
    try:
        yield
    finally:
        for path in (whole, whole.with_name(f"{whole.name}.damaged")):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        copy(aside, whole)
        seal.write_bytes(before)


@pytest.mark.parametrize("part", PARTS)
def test_what_was_cut_short_is_told_and_made_again(smoke, tmp_path, part):
    path, (whole, rule) = smoke.results / part, PARTS[part]
    with kept(smoke.results / whole, tmp_path / "aside"):
        path.write_bytes(path.read_bytes()[:-20])
        done = smoke.snakemake(*SMOKE, "-n")
    assert planned(done)[rule] == 1
    told = f"{whole} is damaged or not complete; it is set aside and made again"
    assert told in done.stdout + done.stderr


def test_a_figure_that_was_deleted_is_drawn_again(smoke, tmp_path):
    with kept(smoke.results / "figures", tmp_path / "aside"):
        (smoke.results / "figures/throughput.svg").unlink()
        assert planned(smoke.snakemake(*SMOKE, "-n"))["figures"] == 1


def test_a_deleted_card_obtains_the_data_anew_and_repeats_no_measurement(smoke):
    card = smoke.folder / "results/datasets/digits.json"
    before = card.read_bytes()
    card.unlink()
    try:
        jobs = planned(smoke.snakemake(*SMOKE, "-n"))
    finally:
        card.write_bytes(before)
    assert jobs["dataset"] == 1 and not {"train", "throughput", "trace", "trace_in_float64"} & {*jobs}


def test_deleted_data_repeat_no_measurement(smoke):
    data = smoke.folder / "results/datasets/digits.npz"
    hidden = data.rename(data.with_suffix(".hidden"))
    try:
        assert planned(smoke.snakemake(*SMOKE, "-n")) == {}
    finally:
        hidden.rename(data)


PICTURES = """
study: mine
device: cpu
frameworks: [numpy]
seeds: [0]
arms: [{name: a, learning_rate: 0.125, scaling: none, optimizer: sgd}]
workloads:
  - dataset: images:pictures
    model: logistic
    batch_sizes: [8]
    target: {validation_accuracy: 1, source: none}
    budget: {epochs: 1, seconds: 9}
"""


def class_folder(folder, *, shade):
    """Twelve grey pictures of a class of its own."""
    folder.mkdir(parents=True)
    for number in range(12):
        Image.new("L", (4, 4), shade + number).save(folder / f"{number}.png")


def test_a_class_added_to_finished_data_trains_anew_in_the_same_run(tmp_path):
    """Snakemake looks for changed settings of a job only where no job before it is to run."""
    project = Project(tmp_path)
    study = ("--configfile", project.study(PICTURES), "--until", "train")
    for name, shade in (("dark", 0), ("bright", 200)):
        class_folder(tmp_path / "pictures" / name, shade=shade)
    digests = []
    for name, shade in (("middle", 100), ("white", 230)):
        done = project.snakemake(*study)
        assert done.returncode == 0, done.stderr
        (record,) = (tmp_path / "results/mine").rglob("numpy/0.json")
        (of_run,) = json.loads(record.read_bytes())["records"]
        digests.append(of_run["provenance"]["data_sha256"])
        class_folder(tmp_path / "pictures" / name, shade=shade)
    assert len({*digests}) == 2


def test_a_deleted_record_is_made_again_and_no_other(smoke):
    record = next((smoke.results / "runs").rglob("*.json"))
    before = record.read_bytes()
    try:
        record.unlink()
        assert planned(smoke.snakemake(*SMOKE, "-n"))["train"] == 1
    finally:
        record.write_bytes(before)


def altered(content):
    return content.replace(b'"steps": ', b'"steps": 1', 1)


def foreign(content):
    return content.replace(b'"keras"', b'"pytorch"')


@pytest.mark.parametrize("damage", [altered, foreign, lambda content: content[:-30], lambda content: b""])
def test_a_damaged_record_is_told_and_made_again_from_the_store(smoke, damage):
    record = next((smoke.results / "runs").rglob("keras/**/*.json"))
    before = record.read_bytes()
    record.write_bytes(damage(before))
    done = smoke.snakemake(*SMOKE, "--until", "train")
    assert done.returncode == 0, done.stderr
    assert record.name in done.stderr
    assert "is set aside and made again" in done.stderr
    assert record.read_bytes() == before
    assert planned(smoke.snakemake(*SMOKE, "-n")).get("train", 0) == 0


def test_a_deleted_trace_is_made_again_from_the_store(smoke):
    traces = sorted((smoke.results / "traces").rglob("*.safetensors"))
    before = [load_file(path) for path in traces]
    for path in traces:
        path.unlink()
    done = smoke.snakemake(*SMOKE, "--until", "certify")
    assert done.returncode == 0, done.stderr
    assert " left" not in done.stderr  # the seconds left, a line after each trace that is recorded
    for path, arrays in zip(traces, before, strict=True):
        again = load_file(path)
        assert again.keys() == arrays.keys()
        assert all(again[name].tobytes() == arrays[name].tobytes() for name in arrays)
