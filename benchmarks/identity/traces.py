"""Records the traces that a study needs and the store lacks, and writes them file by file."""

import functools
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import datasets, frameworks
from benchmarks.common import process, processor, stored_arrays
from benchmarks.common.conditions import conditions
from benchmarks.common.errors import Problem
from benchmarks.common.progress import Progress
from benchmarks.common.store import Conditions, Store, digest
from benchmarks.datasets.dataset import Dataset
from benchmarks.frameworks import devices
from benchmarks.identity import expected_data, quantity, studied
from benchmarks.identity.quantity import Trace
from benchmarks.identity.record import expected_runs, record, whole_runs
from benchmarks.identity.subjects import File, Part, parts_of, subjects_of
from benchmarks.study.study import Study
from benchmarks.training.dependencies import certified_conditions

RECORDED = {"runs": expected_runs, "whole runs": whole_runs, "steps": record}
"""What records each part of a subject once the framework is configured."""
STORED = "trace"
"""The name of a trace in its file in the store."""


def attempt(recorded: Callable[[], Trace]) -> Trace | str:
    """What is recorded, or the error for which there is no certificate; its traceback is printed.

    Raises:
        Problem: something that a person has to fix first.
    """
    try:
        return recorded()
    except Problem:
        raise
    except Exception as error:
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"


def traces(
    study: Study, file: File, data: dict[str, Dataset], wanted: list[Part], *, threads: int
) -> Iterator[tuple[str, Trace | str]]:
    """What is recorded of these parts of a file, or the error in its place, each with its name.

    The runs by the study's own code come first: each configures the framework in a process of its own.
    """
    framework, precision = frameworks.load(file.framework), file.precision
    progress = Progress(f"traces of {file.framework} in {precision}", len(wanted))
    for name, subject in ((each.name, each.subject) for each in wanted if each.is_by_the_study):
        given = (framework, subject.plans, data[subject.workload.slug])
        by_the_study = functools.partial(studied.by_the_study, *given, precision=precision, threads=threads)
        yield name, attempt(by_the_study)
        progress.advance()
    devices.configure(framework, threads=threads, device=file.device(study.device), precision=precision)
    for part in (each for each in wanted if not each.is_by_the_study):
        given = (part.subject, framework, data[part.subject.workload.slug])
        yield part.name, attempt(functools.partial(RECORDED[part.of], *given, precision=precision))
        progress.advance()


Keep = Callable[[str, Trace], None]
"""Keeps what was recorded of the part of a name in the store."""


def surviving(
    study: Study, file: File, data: dict[str, Dataset], wanted: list[Part], keep: Keep, *, threads: int
) -> dict[str, Trace | str]:
    """The same from a process of its own, which keeps each part as soon as it is recorded.

    If the process dies, each part is recorded by one of its own, so that one costs no other. The kernel
    kills the process that has taken most memory. What it died of then stands in the place of the trace.

    Raises:
        Problem: something that a person has to fix first.
    """
    made, exit_code = process.forked(_told, study, file, data, wanted, keep, threads=threads)
    if isinstance(made, tuple):
        cause, fix = made
        raise Problem(cause, fix=fix)
    if made is not None:
        return made
    if len(wanted) > 1:
        alone = [surviving(study, file, data, [each], keep, threads=threads) for each in wanted]
        return {name: trace for each in alone for name, trace in each.items()}
    return {wanted[0].name: f"the process that traced it {process.ended(exit_code)}"}


def _told(
    study: Study, file: File, data: dict[str, Dataset], wanted: list[Part], keep: Keep, *, threads: int
) -> dict[str, Trace | str] | tuple[str, str]:
    """All these traces; or cause and fix of a problem, which does not travel between processes itself."""
    made = {}
    try:
        for name, trace in traces(study, file, data, wanted, threads=threads):
            made[name] = trace
            if not isinstance(trace, str):
                keep(name, trace)
        return made
    except Problem as problem:
        return problem.cause, problem.fix


def conditions_by_arm(study: Study, file: File, data: dict[str, Dataset], *, threads: int) -> dict[str, str]:
    """The digests of what each arm's certificate holds for, by the name of the trace.

    There is one for all batch sizes, unless a setting depends on them, as β₂ may.
    """
    found = {}
    for subject in subjects_of(study, file):
        own = data[subject.workload.slug]
        held = (digest(certified_conditions(plan, data=own, threads=threads)) for plan in subject.plans)
        found[subject.name] = " ".join(dict.fromkeys(held))
    return found


def check_data(study: Study, files: list[Path], data: dict[str, Dataset]) -> None:
    """Hold the data to their files, and to the number of examples that the steps of the study are counted by.

    Raises:
        Problem: a data set is another one.
    """
    for path, name in zip(files, data, strict=True):
        if cause := expected_data.fault(path, data[name]):
            raise Problem(
                f"{name} was not read as it has to be: {cause}",
                fix="undo what was changed in benchmarks/datasets; otherwise this is a fault of Batch Atlas",
            )
    for workload in study.workloads:
        found = len(data[workload.slug].train_y)
        if found != workload.n_training:
            raise Problem(
                f"{workload.slug} has {found} training examples, not the {workload.n_training} of the study",
                fix="if the data changed meanwhile, run the same command again; otherwise this is a fault",
            )


def conditions_of(study: Study, file: File, part: Part, data: Dataset, *, threads: int) -> Conditions:
    """All that a part depends on; `study` is from `study.for_tracing`. What its arm is called is no part."""
    subject = part.subject
    arm = subject.arm.model_copy(update={"name": "traced"})
    of_subject = study.model_copy(update={"workloads": [subject.workload], "arms": [arm]})
    settings = {
        **{"framework": file.framework, "precision": file.precision, "execution": subject.execution},
        **{"part": part.of, "study": of_subject.model_dump(mode="json")},
    }
    modules = f"benchmarks.models.{subject.workload.model}", frameworks.module_name(file.framework)
    return conditions(
        "trace",
        settings,
        modules=("benchmarks.identity.traces", *modules),
        data={subject.workload.slug: data.digest},
        threads=threads,
        device=study.device,
    )


def record_missing(
    study: Study, file: File, data: dict[str, Dataset], store: Store, *, threads: int
) -> dict[str, Trace | str]:
    """The traces of a file by their names: from the store, or recorded now; an error is kept nowhere.

    What is the same of several arms is recorded once: everything but their runs, if only their learning rates
    differ, and in float32 these too. In float64, one that is tuned has the runs of where its search starts.
    """
    parts = {each.name: parts_of(each, study, file.precision) for each in subjects_of(study, file)}
    each_part = {part.name: part for of_subject in parts.values() for part in of_subject}
    keys = {
        name: conditions_of(study, file, part, data[part.subject.workload.slug], threads=threads)
        for name, part in each_part.items()
    }
    found: dict[str, Trace | str | None] = {name: _stored(store, key) for name, key in keys.items()}
    first = {digest(key): name for name, key in reversed(keys.items())}
    missing = [part for name, part in each_part.items() if found[name] is None and name in first.values()]

    def keep(name: str, trace: Trace) -> None:
        content = quantity.serialised({STORED: trace}, {STORED: digest(keys[name])})
        stored_arrays.keep(store, keys[name], content)

    found |= surviving(study, file, data, missing, keep, threads=threads) if missing else {}
    return {
        name: joined([found[first[digest(keys[part.name])]] for part in of_subject])
        for name, of_subject in parts.items()
    }


def _stored(store: Store, conditions: Conditions) -> Trace | None:
    path = stored_arrays.find(store, conditions)
    return path and quantity.read_trace(path, STORED)


def joined(parts: list[Trace | str]) -> Trace | str:
    """The trace of which these are the parts, or the first error among them."""
    errors = [part for part in parts if isinstance(part, str)]
    return errors[0] if errors else {name: array for part in parts for name, array in part.items()}


def write(study: Study, file: File, data: list[Path], *, threads: int, store: Path, output: Path) -> None:
    """Trace what the store lacks of one framework on these data sets, and write its file of traces.

    A certificate holds for the number of threads that the study computes with. What is only compared with
    takes one: where several traces are made at once, the threads of small products wait for one another.
    """
    threads = (threads or processor.cores()) if file.certified else 1
    read = {each.name: each for each in map(datasets.read, data)}
    check_data(study, data, read)
    # First, since a forked run works out the digest of its code anew unless this process knows it.
    by_arm = conditions_by_arm(study, file, read, threads=threads)
    made = record_missing(study, file, read, Store(store), threads=threads)
    quantity.write_traces(made, by_arm, output)
