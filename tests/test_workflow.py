"""The whole pipeline: run, run again, extended, changed, interrupted, misconfigured."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from benchmarks.common.errors import INTERRUPTED

SMOKE = ("--configfile", "config/studies/smoke.yaml")
ROOT = Path(__file__).parent.parent
INTERFACE = [
    *("study", "machine", "dataset", "model", "framework", "arm", "batch_size", "n_runs", "status"),
    *("throughput_samples_per_s", "throughput_samples_per_s_lo", "throughput_samples_per_s_hi"),
    *("throughput_idiomatic_samples_per_s", "peak_memory_mib", "epochs_to_target", "epochs_to_target_lo"),
    *("epochs_to_target_hi", "n_reached", "steps_to_target", "time_to_target_s", "test_accuracy"),
    *("test_accuracy_sd", "train_accuracy", "identity"),
]


def planned(done):
    """How many jobs of each rule a dry run would start."""
    assert done.returncode == 0, done.stderr[-3000:]
    if "Nothing to be done" in done.stdout + done.stderr:
        return {}
    table = re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in table if rule not in ("total", "all")}


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
    timings = [json.loads(path.read_bytes()) for path in (results / "throughput").glob("*.json")]
    assert len(timings) == 4
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


def test_a_deleted_record_is_made_again_and_no_other(smoke):
    record = next((smoke.results / "runs").rglob("*.json"))
    before = record.read_bytes()
    try:
        record.unlink()
        assert planned(smoke.snakemake(*SMOKE, "-n"))["train"] == 1
    finally:
        record.write_bytes(before)


def test_a_new_batch_size_runs_its_cells_alone(smoke):
    text = (smoke.folder / "config/studies/smoke.yaml").read_text()
    study = smoke.study(text.replace("[16, full]", "[16, 64, full]"))
    jobs = planned(smoke.snakemake("--configfile", study, "-n"))
    assert jobs["train"] == 2
    assert jobs["throughput"] == 1
    assert "trace" not in jobs
    assert "dataset" not in jobs


EDITS = {
    "benchmarks/frameworks/keras.py": {"train": 2, "throughput": 1, "trace": 2},
    "benchmarks/models/mlp.py": {"train": 4, "throughput": 1, "trace": 6},  # three frameworks, two precisions
    "benchmarks/models/cnn.py": {},
    "benchmarks/study/check.py": {},
    "benchmarks/datasets/mnist.py": {},
    "benchmarks/training/peak_memory.py": {"train": 4},
    "benchmarks/throughput/measure.py": {"throughput": 1},
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
        assert jobs.get(rule, 0) == expected.get(rule, 0), jobs
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


def test_an_unwritable_results_folder_is_told(project):
    (project.folder / "results").write_text("a file where a folder should be")
    done = project.snakemake(*SMOKE)
    assert done.returncode != 0
    assert "results" in done.stderr
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr


@contextlib.contextmanager
def started(project, *arguments, interrupts=signal.SIG_DFL):
    """The smoke study, running in the background and in a session of its own; in the end it is killed.

    Whether a signal is ignored is inherited, so it is set here: a script's background jobs ignore SIGINT, and
    what `nohup` starts ignores SIGHUP.
    """

    def heed_signals():
        signal.signal(signal.SIGINT, interrupts)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    run = subprocess.Popen(
        project.command(*SMOKE, *arguments),
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=heed_signals,
        env={**os.environ, "PYTHONPATH": ""},
    )
    try:
        yield run
    finally:
        run.kill()


def wait_until(event, run):
    """Wait for an event of a run; if the run ends first, that is the failure."""
    while not event():
        assert run.poll() is None, run.stdout.read()
        time.sleep(0.05)


def descendants(run):
    """The processes of a run with their command lines; the guard, which outlives it, is not among them."""
    found = {}
    for process in psutil.Process(run.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            found[process] = " ".join(process.cmdline())
    return {
        process: command for process, command in found.items() if "benchmarks.common.guard" not in command
    }


def working(run, step):
    """Whether a process of the run executes this command."""
    commands = descendants(run).values()
    return any(f"python -m benchmarks {step} " in command and "bash" not in command for command in commands)


@pytest.fixture
def prepared(project, smoke):
    """A checkout whose data set and device check are done, so that timed jobs start at once."""
    shutil.copytree(smoke.folder / "results" / "datasets", project.folder / "results" / "datasets")
    devices = (smoke.results / "devices.json").relative_to(smoke.folder)
    (project.folder / devices).parent.mkdir(parents=True)
    shutil.copy(smoke.folder / devices, project.folder / devices)
    return project


def test_a_second_run_on_the_same_folder_is_told_and_a_killed_run_is_resumed(prepared, smoke):
    with started(prepared, "--until", "throughput") as run:
        wait_until(lambda: working(run, "throughput"), run)
        second = prepared.snakemake(*SMOKE)
        assert second.returncode != 0
        assert f"another run (process {run.pid}) is working on results/" in second.stderr
        assert "Traceback" not in second.stderr

        children = list(descendants(run))
        run.kill()  # kill -9: no chance to tidy up
        run.wait()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    again = prepared.snakemake(*SMOKE, "-n")
    assert again.returncode == 0, again.stderr
    assert planned(again)["train"] > 0


def timing(project):
    """Whether the process of a throughput job has its framework and times its cases."""
    return any((project.folder / "results").glob("smoke/*/throughput/.*.provenance"))


MOMENTS = {
    "starting, in a script's background": ("trace", "trace", signal.SIGINT, signal.SIG_IGN),
    "training, its terminal closed": ("train", "train-cell", signal.SIGHUP, signal.SIG_DFL),
    "training, told to end": ("train", "train-cell", signal.SIGTERM, signal.SIG_DFL),
    "timing": ("throughput", None, signal.SIGINT, signal.SIG_DFL),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_ends_the_run_without_a_traceback_and_it_can_go_on(prepared, moment):
    rule, step, sent, interrupts = MOMENTS[moment]
    with started(prepared, "--until", rule, interrupts=interrupts) as run:
        wait_until(lambda: working(run, step) if step else timing(prepared), run)
        children = list(descendants(run))
        os.killpg(run.pid, sent)
        output, _ = run.communicate(timeout=15)
    assert run.returncode == 128 + sent
    assert INTERRUPTED in output
    assert "Traceback" not in output
    _, alive = psutil.wait_procs(children, timeout=15)
    assert not alive
    assert prepared.snakemake(*SMOKE, "-n").returncode == 0
