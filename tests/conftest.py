"""A copy of the project that a test may change and run, and a trace of the reference."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dry_run
import filelock
import pytest
import pytorch_process
import synthetic
import tracing
from pictures import draw, grey

# xdist tells its workers by this that they are some, and what tests start would take itself for one too:
# pytest-benchmark times nothing in a worker.
os.environ.pop("PYTEST_XDIST_WORKER", None)

# Several tests run at once: threads that wait leave their core to others.
os.environ["OMP_WAIT_POLICY"] = "passive"

ROOT = Path(__file__).parent.parent
PARTS = ["Snakefile", "benchmarks", "config", "profiles", "workflows", "pyproject.toml", "environment.yml"]

SMOKE = ("--configfile", "config/studies/smoke.yaml")

SLOWEST = [
    "test_workflow",
    "test_damage",
    "test_identity",
    "test_tuned_study",
    "test_keras_parts",
    "test_differential",
    "test_figures",
]
SLOWEST += ["test_training_job", "test_framework_dropout", "test_report", "test_interrupts", "test_rehearsal"]
SLOWEST += ["test_timed", "test_tables", "test_studied", "test_totals", "test_certificate"]
"""The files that are begun first, so that no worker has a long one left when the others are done."""


def pytest_collection_modifyitems(items):
    """The slowest files first; within a file the order stays."""
    places = {name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(SLOWEST)))


class Project:
    """A checkout of its own, with what a person would do in it."""

    def __init__(self, folder: Path, *, fresh: bool = True) -> None:
        self.folder = folder
        for part in PARTS if fresh else []:
            source = ROOT / part
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, folder / part)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "all", *arguments]

    def snakemake(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        if "-n" in arguments:
            return dry_run.run(["--cores", "all", *arguments], self.folder)
        environment = {**os.environ, "PYTHONPATH": ""}
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment,
            **options,
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """One of the project's commands."""
        command = [sys.executable, "-m", "benchmarks", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)

    def study(self, text: str) -> str:
        """Write a study and return the option that names it."""
        (self.folder / "study.yaml").write_text(text)
        return "study.yaml"

    @property
    def results(self) -> Path:
        (found,) = (self.folder / "results" / "smoke").iterdir()
        return found


def planned(done):
    """How many jobs of each rule a dry run would start."""
    assert done.returncode == 0, done.stderr[-3000:]
    if "Nothing to be done" in done.stdout + done.stderr:
        return {}
    table = re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    return {rule: int(count) for rule, count in table if rule not in ("total", "all")}


def made_once(tmp_path_factory, worker_id, name: str, make) -> Path:
    """A folder that the first worker to ask for it makes, for all of them."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if worker_id == "master" else own.parent) / name
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            draft = folder.with_name(f"{name}.draft")
            shutil.rmtree(draft, ignore_errors=True)  # of a worker that failed to make it
            draft.mkdir()
            make(draft)
            draft.rename(folder)
    return folder


def run_smoke(folder: Path) -> None:
    """Run the smoke study to its end."""
    done = Project(folder).snakemake(*SMOKE)
    assert done.returncode == 0, done.stderr[-5000:]


@pytest.fixture(scope="session")
def smoke(tmp_path_factory, worker_id) -> Project:
    """The smoke study, run to its end once for all workers; each has a copy, and tests leave it as it is."""
    finished = made_once(tmp_path_factory, worker_id, "smoke", run_smoke)
    return Project(shutil.copytree(finished, tmp_path_factory.mktemp("smoke") / "project"), fresh=False)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory, worker_id) -> Path:
    """The synthetic study with its figures, drawn once for all workers; tests leave it as it is."""
    from benchmarks.publish import figures

    return made_once(
        tmp_path_factory,
        worker_id,
        "drawn",
        lambda folder: figures.write(synthetic.write(folder, certified=False)),
    )


in_torch = pytest.fixture(pytorch_process.torch_process, scope="session")


@pytest.fixture
def project(tmp_path) -> Project:
    """A fresh checkout without results."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def numpy():
    """The framework of the reference."""
    return tracing.numpy_in_float64()


@pytest.fixture(scope="session")
def digits():
    """Data for traces."""
    return tracing.blobs()


@pytest.fixture(scope="session")
def reference(numpy, digits):
    """The reference's trace of a plain arm."""
    return tracing.traced(numpy, digits, tracing.MOMENTUM)


@pytest.fixture
def photos(tmp_path):
    """Twelve cats, values 0 to 11, and eight dogs, 12 to 19; 6 wide and 5 high."""
    for k in range(20):
        draw(tmp_path / "photos" / ("cat" if k < 12 else "dog") / f"{k:02}.png", value=grey(k))
    return tmp_path / "photos"
