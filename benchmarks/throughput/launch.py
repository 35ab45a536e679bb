"""One timing process: pytest times the cases of a request and leaves pytest-benchmark's own file.

It is forked from a server that has imported the framework, once for all of its processes.
"""

import contextlib
import functools
import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from benchmarks import datasets, frameworks
from benchmarks.common import machine, process, provenance
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.fork_server import ForkServer
from benchmarks.common.machine import OtherLoad
from benchmarks.datasets.dataset import Dataset
from benchmarks.throughput.rows import Case, Request

PLUGINS = ("--disable-plugin-autoload", "-p", "benchmark", "-p", "no:cacheprovider")
"""Only pytest-benchmark is loaded: no other plug-in of pytest takes part in a timed process."""
CASES_FILE = Path(__file__).with_name("measure.py")


class Died(Exception):
    """A timing process was killed, or broke off, in the middle of its cases."""


@functools.cache
def dataset(path: Path) -> Dataset:
    """A data set, read from its file once for all processes that are forked afterwards."""
    return datasets.read(path)


@contextlib.contextmanager
def servers(names: Iterable[str]) -> Iterator[dict[str, ForkServer]]:
    """A server for each framework, which it has imported; all of them have before anything is timed."""
    started = {name: ForkServer(frameworks.load, name) for name in names}
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(server) for name, server in started.items()}


def launch(request: Request, folder: Path, server: ForkServer) -> dict:
    """Run one process; give the content of its pytest-benchmark file with the cases that failed added.

    A case that was alone in a process which died has failed.

    Raises:
        Died: the process died while it timed several cases.
        Problem: the process could not start, or every GPU is in use.
    """
    name = f".{request.framework}-{request.process}"
    draft, request_file = folder / f"{name}.draft", folder / f"{name}.request"
    write_text(request.model_dump_json(), request_file)
    for suffix in (".failures", ".provenance"):  # of an earlier process that was killed
        request_file.with_suffix(suffix).unlink(missing_ok=True)
    options = [str(CASES_FILE), "-q", "--tb=short", "--override-ini=addopts=", *PLUGINS]
    options += [f"--benchmark-json={draft}", "--benchmark-disable-gc"]
    start, started, load, kills = time.perf_counter(), provenance.now(), OtherLoad(), process.oom_kills()
    with machine.leased_gpu(request.device):
        leased = {key: os.environ[key] for key in machine.LEASE if key in os.environ}
        # No options of the user's own for pytest: they would change what is timed, or stop it.
        environment = {**leased, "BATCH_ATLAS_REQUEST": str(request_file), "PYTEST_ADDOPTS": ""}
        code, died_of = server.call(pytest.main, options, environment=environment)
    if code not in (None, 0, 1) or not request_file.with_suffix(".provenance").exists():
        ended = died_of if code is None else int(code)
        raise Problem(
            f"process {request.process} of {request.framework} ended with code {ended} and left no timing",
            fix="its output is above in this log: fix what it reports and run the same command again",
        )
    if code is None and len(request.cases) > 1:
        raise Died
    if code is None:
        ran_out = died_of == -signal.SIGKILL and process.oom_kills() > kills
        write_failure(request_file, request.cases[0], "out-of-memory" if ran_out else "failed")
    circumstances = {
        **{"threads": request.threads, "others_cpu_share": load.share()},
        **{"started": started, "finished": provenance.now()},
    }
    return collect(draft, request, job_s=time.perf_counter() - start, circumstances=circumstances)


def write_failure(request_file: Path, case: Case, status: str) -> None:
    """Add a case that failed to the file beside the request: pytest-benchmark's own file leaves it out."""
    with request_file.with_suffix(".failures").open("a", encoding="utf-8") as failures:
        failures.write(json.dumps({**case.model_dump(), "status": status}) + "\n")


def collect(draft: Path, request: Request, *, job_s: float, circumstances: dict) -> dict:
    """pytest-benchmark's content with the cases that failed and the provenance; its files are removed.

    pytest-benchmark leaves out cases that failed before their rounds, and writes no file if all did.
    """
    content = json.loads(draft.read_bytes()) if draft.exists() else {"benchmarks": []}
    provenance_file, failures = draft.with_suffix(".provenance"), draft.with_suffix(".failures")
    lines = failures.read_text(encoding="utf-8").splitlines() if failures.exists() else []
    common = {"framework": request.framework, "process": request.process, "threads": request.threads}
    timed = [each for each in content["benchmarks"] if each["extra_info"]["status"] == "measured"]
    content |= {
        "benchmarks": timed,
        "failures": [{**json.loads(line), **common} for line in lines],
        "job_s": job_s,
        "provenance": {**json.loads(provenance_file.read_bytes()), **circumstances},
    }
    for temporary in (draft, failures, provenance_file, draft.with_suffix(".request")):
        temporary.unlink(missing_ok=True)
    return content
