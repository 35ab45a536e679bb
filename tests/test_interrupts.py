"""Runs that end before their time: by Ctrl-C, a closed terminal, `kill`, `kill -9`; and then go on."""

import contextlib
import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from conftest import SMOKE, planned

from benchmarks.common.errors import INTERRUPTED


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
    "training, its terminal closed": ("train", "train", signal.SIGHUP, signal.SIG_DFL),
    "training, told to end": ("train", "train", signal.SIGTERM, signal.SIG_DFL),
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
