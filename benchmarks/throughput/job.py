"""Times every case of a study; what the store has is taken from there.

Each framework is timed in several independent processes, interleaved (A B A B …), and each process times
its cases in another random order. Each case is kept in the store by itself, so that a new batch size times
only that size, and an interrupted measurement continues with the process that it was in.
"""

import json
import math
from pathlib import Path

import pandas as pd

from benchmarks import frameworks
from benchmarks.common import processor
from benchmarks.common.conditions import conditions
from benchmarks.common.files import write_text
from benchmarks.common.fork_server import ForkServer
from benchmarks.common.progress import Progress
from benchmarks.common.quiet import Repetition, calm_ms
from benchmarks.common.store import Conditions, Store
from benchmarks.frameworks import devices
from benchmarks.study.study import Study
from benchmarks.throughput.launch import Died, dataset, launch, servers
from benchmarks.throughput.rows import Case, Request, Timing, cases_of, disturbance, row, shuffled

Place = tuple[int, str, Case]
"""One timing: the number of the process, the framework and the case."""


def all_cases(study: Study) -> list[Case]:
    """Every case of a study from `study.for_timing`, whose arms are named after their step kinds."""
    step_kinds = [arm.name for arm in study.arms]
    return [case for workload in study.workloads for case in cases_of(workload, step_kinds)]


def conditions_of(place: Place, study: Study, *, data: dict[str, str], threads: int) -> Conditions:
    """All that a timing depends on; `data` has the digest of each data set."""
    number, framework, case = place
    arm = next(arm for arm in study.arms if arm.name == case.step_kind)
    return conditions(
        "timing",
        {
            **{"case": case.model_dump(), "framework": framework, "process": number},
            **{"arm": arm.model_dump(mode="json"), "precision": study.precision},
            "seconds_per_case": study.throughput.seconds_per_case,
        },
        modules=(
            "benchmarks.throughput.measure",
            f"benchmarks.models.{case.model}",
            frameworks.module_name(framework),
        ),
        data={case.dataset: data[case.dataset]},
        threads=threads,
        device=study.device,
    )


def entries(content: dict) -> list[tuple[Case, dict]]:
    """What the store keeps of a process: each case by itself, with what is common to all of the process."""
    common = {key: content[key] for key in content if key not in ("benchmarks", "failures", "job_s")}
    parts = [(each["extra_info"], {"benchmarks": [each], "failures": []}) for each in content["benchmarks"]]
    parts += [(each, {"benchmarks": [], "failures": [each]}) for each in content["failures"]]
    return [
        (
            Case.model_validate({key: info[key] for key in Case.model_fields}),
            {**common, **part, "job_s": content["job_s"] / len(parts)},
        )
        for info, part in parts
    ]


def together(parts: list[dict]) -> list[dict]:
    """The parts of each process as one content of pytest-benchmark again, in the order of their starts."""
    processes: dict[str, dict] = {}
    for part in parts:
        whole = processes.setdefault(
            part["provenance"]["started"], {**part, "benchmarks": [], "failures": [], "job_s": 0.0}
        )
        for key in ("benchmarks", "failures", "job_s"):
            whole[key] += part[key]
    return [processes[started] for started in sorted(processes)]


def tidy(parts: list[dict]) -> pd.DataFrame:
    """The rows of throughput.csv, in the order of the parts."""
    calm, rows = calm_ms([disturbance(each) for part in parts for each in part["benchmarks"]]), []
    for part in parts:
        peaks = (part["provenance"].get("limits") or {"product_gflops": {}})["product_gflops"]
        rows += [row(timed, product_gflops=peaks, calm=calm) for timed in part["benchmarks"]]
        rows += part["failures"]
    return pd.DataFrame(rows, columns=list(Timing.__annotations__))


def degree(part: dict) -> float:
    """How disturbed the machine was during a case; infinite for one that failed, of which nobody knows."""
    timed = part["benchmarks"]
    return disturbance(timed[0]).degree if timed else math.inf


def timed(request: Request, folder: Path, server: ForkServer) -> dict[Case, dict]:
    """The cases of a process; if it dies, each in a process of its own, so that one costs no other."""
    try:
        return dict(entries(launch(request, folder, server)))
    except Died:
        alone = [request.model_copy(update={"cases": [case]}) for case in request.cases]
        return {case: part for each in alone for case, part in timed(each, folder, server).items()}


def timed_calmly(
    request: Request, folder: Path, server: ForkServer, repetition: Repetition
) -> dict[Case, dict]:
    """The cases of a process; those that were disturbed are timed once more, in another process."""
    found = timed(request, folder, server)
    disturbed = [case for case in request.cases if 1 < degree(found[case]) < math.inf]
    if disturbed and repetition.helps:
        again = timed(request.model_copy(update={"cases": disturbed}), folder, server)
        repetition.helps = any(degree(part) <= 1 for part in again.values())
        found |= {case: part for case, part in again.items() if degree(part) < degree(found[case])}
    return found


def time_missing(
    study: Study, store: Store, keys: dict[Place, Conditions], request: dict, folder: Path
) -> dict:
    """Every timing by its place: from the store, or timed now; those that failed are kept nowhere."""
    found = {place: store.find(key) for place, key in keys.items()}
    missing = [place for place in keys if found[place] is None]
    progress, repetition = Progress("cases timed", len(missing)), Repetition()
    with servers({framework for _, framework, _ in missing}) as by_framework:
        for number, framework in in_turn(missing, study.frameworks):
            cases = [place[2] for place in missing if place[:2] == (number, framework)]
            wanted = Request(
                framework=framework, process=number, cases=shuffled(cases, seed=number), **request
            )
            for case, part in timed_calmly(wanted, folder, by_framework[framework], repetition).items():
                place = number, framework, case
                explained = all(failure["status"] != "failed" for failure in part["failures"])
                found[place] = store.keep(keys[place], part) if explained else part
            progress.advance(len(cases))
    return found


def in_turn(places: list[Place], frameworks: list[str]) -> list[tuple[int, str]]:
    """The processes of these places, the frameworks in turn, as number and framework.

    Every other time they come in the opposite order, so that a steady drift is no difference between them.
    """

    def turn(process: tuple[int, str]) -> tuple[int, int]:
        number, place = process[0], frameworks.index(process[1])
        return number, place if number % 2 == 0 else -place

    return sorted({place[:2] for place in places}, key=turn)


def write(study: Study, data: list[Path], *, threads: int, store: Path, output: Path) -> None:
    """Time what the store lacks and write the table; the timings go to throughput/ in the same folder.

    Raises:
        Problem: this machine has no instructions for the mixed precision of an arm.
    """
    if study.multiplies_in_bfloat16:
        devices.check_bfloat16(study.device)
    folder, threads = output.parent / "throughput", threads or processor.cores()
    folder.mkdir(parents=True, exist_ok=True)
    read = {path.resolve(): dataset(path.resolve()) for path in data}
    digests = {each.name: each.digest for each in read.values()}
    places = [
        (number, framework, case)
        for case in all_cases(study)
        for framework in study.frameworks
        for number in range(study.throughput.processes)
    ]
    keys = {place: conditions_of(place, study, data=digests, threads=threads) for place in places}
    request = {
        **{"device": study.device, "precision": study.precision, "arms": study.arms, "threads": threads},
        **{"data": {each.name: path for path, each in read.items()}},
        "seconds_per_case": study.throughput.seconds_per_case,
    }
    found = time_missing(study, Store(store), keys, request, folder)
    parts = [found[place] for place in places]
    write_processes(found, folder)
    write_text(tidy(parts).to_csv(index=False), output)


def write_processes(found: dict[Place, dict], folder: Path) -> None:
    """Write pytest-benchmark's file of each process, in place of those of earlier timings."""
    for path in folder.glob("*.json"):
        path.unlink()
    for number, framework in dict.fromkeys(place[:2] for place in found):
        parts = [part for place, part in found.items() if place[:2] == (number, framework)]
        for serial, content in enumerate(together(parts)):
            write_text(json.dumps(content, indent=1), folder / f"{framework}-{number}-{serial}.json")
