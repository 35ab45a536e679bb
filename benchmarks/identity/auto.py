"""What `auto` in `batch_sizes` stands for: found by trial once on a machine, and kept beside its results.

A study that goes on must not meet other batch sizes because something else uses the memory today. So what was
found is found anew only if what is trained, the machine, the code, the versions, or the number of processes
that share the memory differ.
"""

import json
import tempfile
from pathlib import Path

import psutil

from benchmarks import datasets, frameworks
from benchmarks.common import machine, memory, process, seals
from benchmarks.common.conditions import conditions
from benchmarks.common.errors import Problem
from benchmarks.common.files import write_text
from benchmarks.common.store import Conditions, digest
from benchmarks.identity import subjects
from benchmarks.study import check
from benchmarks.study.batch_sizes import NAME, Trial, limited, read
from benchmarks.study.study import Study, Throughput, for_timing


def resolved(study: Study, folder: Path) -> Study:
    """The study with the batch sizes that fitted; `folder` is that of its results on this machine.

    Raises:
        Problem: they have not been found yet, or the study is none with them.
    """
    if not study.is_auto:
        return study
    found = limited(study, read(folder))
    check.check(found)
    return found


def find(study: Study, folder: Path, *, cores: int) -> list[str]:
    """Find by trial which batch sizes fit, unless the folder has that already; what was wrong with it if so.

    Raises:
        Problem: not even the smallest batch size fits, or a trial failed for another reason.
    """
    path = folder / NAME
    if not study.is_auto:
        path.unlink(missing_ok=True)  # of a study of this name that had some to be found
        return []
    broken = seals.set_aside_broken([path])
    at_once = _at_once(study, cores)
    asked = digest(_conditions_of(study, at_once))
    if not path.exists() or json.loads(path.read_bytes())["asked"] != asked:
        made = trials_here(study, cores=cores, at_once=at_once)
        content = {"asked": asked, "trials": [each.model_dump() for each in made]}
        write_text(json.dumps(content, indent=1) + "\n", path)
        seals.seal(path)
    return broken


def _at_once(study: Study, cores: int) -> int:
    """How many processes share the memory: several certificates are made at once.

    Beside one that has the GPU, there is only NumPy's.
    """
    on_gpu = study.device != "cpu" and machine.gpus()
    return min(cores, 2 if on_gpu else len(subjects.files(study.frameworks)))


def _auto(study: Study) -> Study:
    """The part of a study that is tried."""
    return study.model_copy(update={"workloads": [each for each in study.workloads if each.is_auto]})


def _conditions_of(study: Study, at_once: int) -> Conditions:
    """All that the trials depend on but the memory that is free."""
    part = _auto(study)
    asked = for_timing(part).model_copy(
        update={"frameworks": sorted(study.frameworks), "throughput": Throughput()}
    )
    plugins = [frameworks.module_name(name) for name in study.frameworks]
    plugins += [f"benchmarks.models.{each.model}" for each in part.workloads]
    settings = {
        "study": asked.model_dump(mode="json"),
        "seconds": [each.budget.seconds for each in part.workloads],
        "memory_gib": round(min(psutil.virtual_memory().total, memory.limit_of_container()) / memory.GIB),
        "at_once": at_once,
    }
    return conditions(
        "batch sizes",
        settings,
        modules=("benchmarks.identity.largest", *sorted(set(plugins))),
        data={each.slug: datasets.fingerprint(each.dataset) for each in part.workloads},
        threads=0,
        device=study.device,
    )


def trials_here(study: Study, *, cores: int, at_once: int) -> list[Trial]:
    """The trials of all frameworks, one after the other; each tries only what fitted in those before it."""
    made: list[Trial] = []
    for name in dict.fromkeys(file.framework for file in subjects.files(study.frameworks)):
        made += _tried(limited(_auto(study), made), name, threads=cores, at_once=at_once)
    return made


def _tried(study: Study, framework: str, *, threads: int, at_once: int) -> list[Trial]:
    """The trials of one framework, which does not share a process with another."""
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch) / NAME
        options = {"study": study.model_dump_json(), "framework": framework, "threads": str(threads)}
        options |= {"at-once": str(at_once), "output": str(output)}
        code = process.run(
            process.python("largest", *(f"--{name}={value}" for name, value in options.items()))
        )
        if code:
            raise Problem(
                f"batch_sizes: auto: the trials of {framework} ended with code {code}",
                fix="do what its error above says, or name batch sizes in place of auto",
            )
        return [Trial.model_validate(each) for each in json.loads(output.read_bytes())]
