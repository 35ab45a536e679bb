"""What `auto` in `batch_sizes` stands for: found by trial once on a machine, and kept beside its results.

A study that goes on must not meet other batch sizes because something else uses the memory today. So what was
found is found anew only if what is trained, the machine, the code or the versions differ.
"""

import json
import subprocess
from pathlib import Path

import psutil

from benchmarks import datasets, frameworks
from benchmarks.common import machine, process, seals
from benchmarks.common.conditions import conditions
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.store import Conditions, digest
from benchmarks.identity import subjects
from benchmarks.study.batch_sizes import NAME, Trial, limited, read
from benchmarks.study.study import Study, for_timing

GIB = 2**30


def resolved(study: Study, folder: Path, *, cores: int, anew: bool) -> Study:
    """The study with the batch sizes that fit; `folder` is that of its results on this machine.

    They are found by trial if the folder does not have them. Unless `anew`, whatever it has counts: a job
    takes the batch sizes of the workflow that it belongs to, even on another node of a cluster.

    Raises:
        Problem: not even the smallest batch size fits, or a trial failed for another reason.
    """
    if not study.is_auto:
        return study
    path = folder / NAME
    if anew:
        seals.set_aside_broken([path])
        asked = digest(_conditions_of(study))
        if not path.exists() or json.loads(path.read_bytes())["asked"] != asked:
            _keep(trials_here(study, cores=cores), asked, path)
    return limited(study, read(folder))


def _keep(made: list[Trial], asked: str, path: Path) -> None:
    """Write the trials and what they were made for."""
    content = {"asked": asked, "trials": [each.model_dump() for each in made]}
    write_text(json.dumps(content, indent=1) + "\n", path)
    seals.seal(path)


def _conditions_of(study: Study) -> Conditions:
    """All that the trials depend on but the memory that was free."""
    workloads = [each for each in study.workloads if each.is_auto]
    asked = for_timing(study).model_copy(
        update={"workloads": [each for each in for_timing(study).workloads if each.is_auto]}
    )
    plugins = [frameworks.module_name(name) for name in study.frameworks]
    plugins += [f"benchmarks.models.{each.model}" for each in workloads]
    memory_gib = round(psutil.virtual_memory().total / GIB)
    return conditions(
        "batch sizes",
        {"study": asked.model_dump(mode="json"), "memory_gib": memory_gib},
        modules=("benchmarks.identity.largest", *sorted(set(plugins))),
        data={each.slug: datasets.fingerprint(each.dataset) for each in workloads},
        threads=0,
        device=study.device,
    )


def trials_here(study: Study, *, cores: int) -> list[Trial]:
    """The trials of all frameworks, one after the other; each tries only what fitted in those before it.

    On a CPU several certificates are made at once, which share the memory.
    """
    of_study = subjects.files(study.frameworks)
    on_gpu = study.device != "cpu" and machine.gpus()
    at_once = 1 if on_gpu else min(cores, len(of_study))
    made: list[Trial] = []
    for name in dict.fromkeys(file.framework for file in of_study):
        made += _tried(limited(study, made), name, threads=cores, at_once=at_once)
    return made


def _tried(study: Study, framework: str, *, threads: int, at_once: int) -> list[Trial]:
    """The trials of one framework, which does not share a process with another."""
    options = {"study": study.model_dump_json(), "framework": framework}
    options |= {"threads": str(threads), "at-once": str(at_once)}
    command = process.python("largest", *(f"--{name}={value}" for name, value in options.items()))
    completed = subprocess.run(command, capture_output=True, encoding="utf-8")
    if completed.returncode:
        cause, _, fix = completed.stderr.rpartition("error: ")[2].strip().partition("\n  fix: ")
        raise Problem(f"batch_sizes: auto: {cause}", fix=fix or "name batch sizes in place of auto")
    return [Trial.model_validate(each) for each in json.loads(completed.stdout.splitlines()[-1])]
