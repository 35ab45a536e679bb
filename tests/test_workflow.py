"""The whole pipeline: run, run again, extended, changed, misconfigured."""

import json

import pandas as pd
import pytest
from conftest import SMOKE, planned

from benchmarks.common import processor

INTERFACE = [
    *("study", "machine", "dataset", "model", "framework", "arm", "batch_size", "n_runs", "status"),
    *("throughput_samples_per_s", "throughput_samples_per_s_lo", "throughput_samples_per_s_hi"),
    *("throughput_idiomatic_samples_per_s", "peak_memory_mib", "epochs_to_target", "epochs_to_target_lo"),
    *("epochs_to_target_hi", "n_reached", "steps_to_target", "time_to_target_s", "test_accuracy"),
    *("test_accuracy_sd", "train_accuracy", "identity"),
]


def test_the_summary_has_a_row_for_every_cell_and_every_column_of_the_interface(smoke):
    table = pd.read_csv(smoke.results / "summary.csv")
    assert set(INTERFACE) <= set(table.columns)
    assert len(table) == 4
    assert set(table["identity"]) == {"certified"}
    assert set(table["n_runs"]) == {2}
    small = table[table["batch_size"] == 16]
    assert set(small["status"]) == {"reached"}
    assert (small["time_to_target_s"] > 0).all()
    large = table[table["batch_size"] == 1257]
    assert set(large["status"]) == {"missed"}
    assert large["time_to_target_s"].isna().all()
    assert (table["throughput_samples_per_s"] > 0).all()


def test_both_frameworks_need_the_same_number_of_epochs(smoke):
    table = pd.read_csv(smoke.results / "summary.csv")
    reached = table[table["batch_size"] == 16].set_index("framework")
    assert reached.loc["keras", "epochs_to_target"] == reached.loc["pytorch", "epochs_to_target"]
    assert reached.loc["keras", "test_accuracy"] == pytest.approx(
        reached.loc["pytorch", "test_accuracy"], abs=0.01
    )


def test_records_timings_provenance_and_pages_are_there(smoke):
    results = smoke.results
    assert len(list((results / "runs").rglob("*.json"))) == 4
    files = list((results / "throughput").glob("*.json"))
    # What was disturbed was timed once more, which leaves a second file of the same process.
    processes = {path.stem.rpartition("-")[0] for path in files}
    assert processes == {"keras-0", "keras-1", "pytorch-0", "pytorch-1"}
    timings = [json.loads(path.read_bytes()) for path in files]
    assert all("machine_info" in content and content["benchmarks"] for content in timings)
    provenance = json.loads((results / "provenance.json").read_bytes())
    assert provenance["machine"]["cpu"]
    assert {"tensorflow", "torch"} & {v.removesuffix("-cpu") for v in provenance["versions"]}
    assert 0 < provenance["measuring_s"] < provenance["job_s"]
    for kind in ("svg", "pdf", "png"):
        assert len(list((results / "figures").glob(f"*.{kind}"))) >= 6
    for kind in ("csv", "md", "tex"):
        assert len(list((results / "tables").glob(f"*.{kind}"))) >= 3
    assert (results / "report.html").stat().st_size > 100_000


def test_a_finished_study_has_nothing_to_do(smoke):
    assert planned(smoke.snakemake(*SMOKE, "-n")) == {}


def test_records_and_timings_of_another_number_of_threads_are_not_used(smoke):
    jobs = planned(smoke.snakemake(*SMOKE, "-n", "--cores", "1"))
    assert (jobs["train"], jobs["throughput"]) == (4, 1)


def test_why_tells_what_is_in_the_store_and_what_would_differ(smoke):
    cell = "digits/mlp/keras/fixed-lr/16"
    option = ["--config", "config/studies/smoke.yaml", "--threads"]
    there = smoke.run("why", cell, *option, "0")
    assert "in the store: results/store/run/" in there.stdout, there.stderr
    other = smoke.run("why", cell, *option, "1" if processor.cores() > 1 else "2")
    assert "not in the store" in other.stdout
    assert f"threads: {1 if processor.cores() > 1 else 2} here, {processor.cores()} there" in other.stdout
    unknown = smoke.run("why", "digits/mlp/keras/fixed-lr/17", *option, "0")
    assert unknown.returncode == 1
    assert "fix:" in unknown.stderr


def of_rule(rule, jobs):
    """How many jobs are of a rule, or of one that was made from it."""
    return sum(count for name, count in jobs.items() if name.startswith(rule))


def test_a_new_batch_size_adds_to_every_replicate_and_to_every_trace(smoke):
    text = (smoke.folder / "config/studies/smoke.yaml").read_text()
    study = smoke.study(text.replace("[16, full]", "[16, 64, full]"))
    jobs = planned(smoke.snakemake("--configfile", study, "-n"))
    assert jobs["train"] == 4
    assert jobs["throughput"] == 1
    assert of_rule("trace", jobs) == 5  # in two precisions, of the reference in one
    assert "dataset" not in jobs


def test_a_study_that_lists_the_reference_traces_it_as_any_other_framework(smoke):
    text = (smoke.folder / "config/studies/smoke.yaml").read_text()
    assert "[keras, pytorch]" in text
    study = smoke.study(text.replace("[keras, pytorch]", "[keras, pytorch, numpy]"))
    jobs = planned(smoke.snakemake("--configfile", study, "-n", "--until", "certify"))
    assert of_rule("trace", jobs) == 2


EDITS = {
    "benchmarks/frameworks/keras.py": {"train": 2, "throughput": 1, "trace": 2},
    "benchmarks/models/mlp.py": {"train": 4, "throughput": 1, "trace": 5},  # two precisions; of NumPy one
    "benchmarks/models/cnn.py": {},
    "benchmarks/study/check.py": {},
    "benchmarks/datasets/mnist.py": {},
    "benchmarks/training/peak_memory.py": {"train": 4, "trace": 5},  # certificates rehearse a whole run
    "benchmarks/throughput/measure.py": {"throughput": 1},
    "benchmarks/throughput/rounds.py": {"throughput": 1, "trace": 5},  # certificates take a timed round
    "benchmarks/publish/drawing/style.py": {"figures": 1, "report": 1},
    "benchmarks/publish/figures/throughput.py": {"figures": 1, "report": 1},
    "config/README.md": {},
    "environment.yml": {},
}


@pytest.mark.parametrize("path", EDITS)
def test_an_edit_runs_again_what_depends_on_it_and_nothing_else(smoke, path):
    file = smoke.folder / path
    before = file.read_text()
    try:
        file.write_text(before + ("\nEDITED = True\n" if path.endswith(".py") else "\n# edited\n"))
        jobs = planned(smoke.snakemake(*SMOKE, "-n"))
    finally:
        file.write_text(before)
    expected = EDITS[path]
    for rule in ("dataset", "devices", "train", "throughput", "trace"):
        assert of_rule(rule, jobs) == expected.get(rule, 0), jobs
    if not expected:
        assert jobs == {}
    if "figures" in expected:
        assert set(jobs) <= {"tables", "figures", "report"}


def test_a_comment_or_docstring_runs_nothing_again(smoke):
    file = smoke.folder / "benchmarks/training/run.py"
    before = file.read_text()
    try:
        file.write_text(before.replace('"""One run:', '"""A run, once more:') + "\n# a remark\n")
        assert planned(smoke.snakemake(*SMOKE, "-n")) == {}
    finally:
        file.write_text(before)


BAD_CONFIGS = {
    "unknown key": ("seeds: [0, 1]", "seedz: [0, 1]", "seedz: unknown key"),
    "batch size 0": ("[16, full]", "[0, full]", "batch size 0 is not between 1 and"),
    "batch size negative": ("[16, full]", "[-1]", "batch size -1 is not between 1 and"),
    "batch size too large": ("[16, full]", "[5000]", "batch size 5000 is not between 1 and the 1257"),
    "dataset": ("dataset: digits", "dataset: digitz", "did you mean digits"),
    "model": ("model: mlp", "model: mpl", "did you mean mlp"),
    "framework": ("[keras, pytorch]", "[keras, torch]", "there is no framework 'torch'"),
    "missing study": ("study: smoke", "", "study: missing"),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_bad_config_is_one_message_with_a_mend_and_no_traceback(project, case):
    old, new, message = BAD_CONFIGS[case]
    text = (project.folder / "config/studies/smoke.yaml").read_text()
    assert old in text
    done = project.snakemake("--configfile", project.study(text.replace(old, new)), "-n")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert message in said
    assert "fix:" in said
    assert "Traceback" not in said


def test_braces_in_a_text_of_the_study_are_no_wildcards(project):
    text = (project.folder / "config/studies/smoke.yaml").read_text()
    source = text.split("source: ")[1].splitlines()[0]
    done = project.snakemake("--configfile", project.study(text.replace(source, '"table {3} {seed}"')), "-n")
    assert done.returncode == 0, done.stderr


def test_a_message_has_no_line_of_ours_beside_it(project):
    text = (project.folder / "config/studies/smoke.yaml").read_text()
    done = project.snakemake("--configfile", project.study(text + "seeds: [7]\n"), "-n")
    assert done.returncode == 1 and "seeds named twice" in done.stderr
    assert "common.smk" not in done.stderr


def test_an_unwritable_results_folder_is_told(project):
    (project.folder / "results").write_text("a file where a folder should be")
    done = project.snakemake(*SMOKE)
    assert done.returncode != 0
    assert "results" in done.stderr
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr
