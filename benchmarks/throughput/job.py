"""Times every case of a study.

Each framework is timed in several independent processes, interleaved (A B A B …), and each process times
its cases in another random order. Cases that the same code has already timed are kept: adding a batch size
times only that size, and an interrupted measurement continues with the process that it was in.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.common import machine, process, provenance
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.machine import OtherLoad
from benchmarks.common.progress import Progress
from benchmarks.study.study import Study
from benchmarks.throughput.rows import Case, Request, Timing, cases_of, read_timings, shuffled

KEYS = list(Case.model_fields)
PLUGINS = ("--disable-plugin-autoload", "-p", "benchmark", "-p", "no:cacheprovider")
"""Only pytest-benchmark is loaded: no other plug-in of pytest takes part in a timed process."""
CASES_FILE = Path(__file__).with_name("measure.py")


def all_cases(study: Study) -> list[Case]:
    """Every case of a study from `study.for_timing`, whose arms are named after their step kinds."""
    step_kinds = [arm.name for arm in study.arms]
    return [case for workload in study.workloads for case in cases_of(workload, step_kinds)]


def missing(cases: list[Case], measured: pd.DataFrame, *, framework: str, number: int) -> list[Case]:
    """The cases that the process `number` of a framework has not timed yet."""
    of_process = measured[(measured["framework"] == framework) & (measured["process"] == number)]
    timed = set(of_process[KEYS].itertuples(index=False, name=None))
    return [case for case in cases if tuple(case.model_dump()[key] for key in KEYS) not in timed]


def missing_of_each(study: Study, cases: list[Case], measured: pd.DataFrame) -> dict[tuple, list[Case]]:
    """The cases that each (process, framework) still has to time, with the frameworks interleaved."""
    return {
        (number, framework): part
        for number in range(study.throughput.processes)
        for framework in study.frameworks
        if (part := missing(cases, measured, framework=framework, number=number))
    }


def measure(request: Request, folder: Path) -> None:
    """Run one process and store its pytest-benchmark file, with the cases that failed added to it.

    Raises:
        Problem: the process was killed or could not start, or every GPU is in use.
    """
    name = f"{request.framework}-{request.process}"
    draft, request_file = folder / f".{name}.draft", folder / f".{name}.request"
    write_text(request.model_dump_json(), request_file)
    for suffix in (".failures", ".provenance"):  # of an earlier process that was killed
        request_file.with_suffix(suffix).unlink(missing_ok=True)
    pytest = [sys.executable, "-m", "pytest", str(CASES_FILE), "-q", "--tb=short", "--override-ini=addopts="]
    pytest += [*PLUGINS, f"--benchmark-json={draft}", "--benchmark-disable-gc"]
    start, started, load = time.perf_counter(), provenance.now(), OtherLoad()
    with machine.leased_gpu(request.device):
        code = process.run(pytest, environment={"BATCH_ATLAS_REQUEST": str(request_file)})
    if code not in (0, 1) or not request_file.with_suffix(".provenance").exists():
        raise Problem(
            f"process {request.process} of {request.framework} ended with code {code} and left no timing",
            fix="its output is above in this log: fix what it reports and run the same command again",
        )
    store(
        draft,
        request,
        job_s=time.perf_counter() - start,
        circumstances={
            "started": started,
            "finished": provenance.now(),
            "others_cpu_share": load.share(),
        },
        path=folder / f"{name}-{serial(folder, name)}.json",
    )


def store(draft: Path, request: Request, *, job_s: float, circumstances: dict, path: Path) -> None:
    """Store pytest-benchmark's file under its final name, with provenance and the cases that failed.

    pytest-benchmark leaves out cases that failed before their rounds, and writes an empty file if all did.
    """
    content = json.loads(draft.read_bytes() or b'{"benchmarks": []}')
    provenance_file, failures = draft.with_suffix(".provenance"), draft.with_suffix(".failures")
    lines = failures.read_text().splitlines() if failures.exists() else []
    common = {"framework": request.framework, "process": request.process, "code": request.code}
    timed = [each for each in content["benchmarks"] if each["extra_info"]["status"] == "measured"]
    content |= {
        "benchmarks": timed,
        "failures": [{**json.loads(line), **common} for line in lines],
        "job_s": job_s,
        "provenance": {**json.loads(provenance_file.read_bytes()), **circumstances},
    }
    write_text(json.dumps(content, indent=1), path)
    for temporary in (draft, failures, provenance_file, draft.with_suffix(".request")):
        temporary.unlink(missing_ok=True)


def serial(folder: Path, name: str) -> int:
    """The number of the next file of this process: one more than the highest that exists."""
    existing = [int(path.stem.rsplit("-", 1)[1]) for path in folder.glob(f"{name}-*.json")]
    return max(existing, default=-1) + 1


def remove_stale(folder: Path, *, code: str) -> None:
    """Remove the timings of other versions of the code: only timings of one version are compared."""
    for path in folder.glob("*.json"):
        content = json.loads(path.read_bytes())
        infos = [benchmark["extra_info"] for benchmark in content["benchmarks"]] + content["failures"]
        if any(info["code"] != code for info in infos):
            path.unlink()


def tidy(cases: list[Case], measured: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows that the study asks for, in its order, as throughput.csv has them."""
    columns = [name for name in Timing.__annotations__ if name != "code"]
    requested = pd.DataFrame([case.model_dump() for case in cases])[KEYS]
    table = requested.reset_index(names="place").merge(measured, on=KEYS)
    table = table[table["framework"].isin(study.frameworks)]
    table = table[table["process"] < study.throughput.processes]
    ranks = table["framework"].map(study.frameworks.index)
    return table.assign(rank=ranks).sort_values(["place", "rank", "process"])[columns]


def write(study: Study, data: list[Path], *, threads: int, code: str, output: Path) -> None:
    """Time the missing cases and write the table; the timings go to throughput/ in the same folder."""
    folder = output.parent / "throughput"
    folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder, code=code)
    cases = all_cases(study)
    common = {
        **{"code": code, "device": study.device, "precision": study.precision, "arms": study.arms},
        **{"threads": threads or machine.cores(), "data": {path.stem: path.resolve() for path in data}},
        "seconds_per_case": study.throughput.seconds_per_case,
    }
    todo = missing_of_each(study, cases, read_timings(folder, code=code))
    progress = Progress("cases timed", sum(len(part) for part in todo.values()))
    for (number, framework), part in todo.items():
        order = shuffled(part, seed=number)
        measure(Request(framework=framework, process=number, cases=order, **common), folder)
        progress.advance(len(part))
    table = tidy(cases, read_timings(folder, code=code), study)
    write_text(table.to_csv(index=False), output)
