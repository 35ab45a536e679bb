"""The configuration of a study, read from YAML: held to what there is, or refused with a fix."""

import difflib
import json

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from benchmarks import datasets, frameworks, models
from benchmarks.common.errors import Problem
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Schedule
from benchmarks.recipe.plan import Budget
from benchmarks.study.study import Study, Target, Throughput, Workload, plan

PARTS = (Study, Workload, Arm, Schedule, Target, Budget, Throughput)
KEYS = [key for part in PARTS for key in part.model_fields]


def read(config: dict) -> Study:
    """Check a configuration.

    Raises:
        Problem: a key or value that is unknown, out of range, or named twice.
    """
    try:
        study = Study.model_validate(config)
    except ValidationError as error:
        raise Problem(_first(error), fix="config/README.md describes every key") from error
    for workload in study.workloads:
        _check_workload(workload)
        _check_kind(workload, study.arms)
        _check_arms(workload, study)
    for framework in study.frameworks:
        frameworks.module_name(framework)
    _check_no_duplicates(study)
    return study


def _first(error: ValidationError, prefix: str = "") -> str:
    """What is wrong, one line for each fault, in the words of the configuration."""
    faults = sorted(error.errors(), key=lambda fault: fault["type"] == "missing")  # often a misspelt key
    return "\n".join(dict.fromkeys(f"config: {prefix}{_fault(fault)}" for fault in faults))


def _fault(fault: ErrorDetails) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part not in ("int", "literal['full']"))
    if fault["type"] == "missing":
        return f"{where}: missing"
    said = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), KEYS, n=1)
        said = f"unknown key{f', did you mean {near[0]}?' if near else ''}"
    return f"{where}: {said} (given: {json.dumps(fault['input'], default=str)[:80]})"


def _check_workload(workload: Workload) -> None:
    """Hold names and batch sizes to what there is."""
    models.spec(workload.model, n_classes=2)
    n_training = workload.n_training
    for size in workload.sizes:
        if not 1 <= size <= n_training:
            raise Problem(
                f"config: batch size {size} is not between 1 and the {n_training} training examples of "
                f"{workload.dataset}",
                fix="name batch sizes in that range, or `full` for the whole training set",
            )


def _check_kind(workload: Workload, arms: list[Arm]) -> None:
    """Text goes to models that read tokens, and images to the others."""
    reads_tokens = models.takes_tokens(models.spec(workload.model, n_classes=2))
    kind = datasets.kind(workload.dataset)
    if reads_tokens != (kind == "tokens"):
        wanted = "text" if reads_tokens else "images"
        raise Problem(
            f"config: model {workload.model} reads {wanted}, and {workload.dataset} is not",
            fix="pair transformer with text, every other model with images",
        )
    spec = models.spec(workload.model, n_classes=2, randomness="framework")
    for arm in arms:
        if arm.randomness == "framework" and not models.is_statistical(spec):
            raise Problem(
                f"config: arm {arm.name}: randomness: framework, and {workload.model} has no dropout",
                fix="take randomness out of that arm, or make this model a study of its own",
            )
        if arm.augmentation and (other := _no_images(workload.dataset)):
            raise Problem(
                f"config: arm {arm.name} shifts or flips images, and {workload.dataset} is {other}",
                fix="take augmentation out of that arm, or make this data a study of its own",
            )


def _check_arms(workload: Workload, study: Study) -> None:
    """Hold what arms come to at each batch size to what an optimizer can be."""
    for arm in study.arms:
        for size in workload.sizes:
            try:
                plan(study, workload=workload, framework=study.frameworks[0], arm=arm, batch_size=size)
            except ValidationError as error:
                raise Problem(
                    _first(error, f"arm {arm.name} at batch size {size}: "),
                    fix="change the arm's learning rate or scaling, or the workload's budget",
                ) from error


def _no_images(dataset: str) -> str:
    """What the data is where its examples are no images that can be moved; "" where they are."""
    if datasets.kind(dataset) == "tokens":
        return "text"
    height, width, _ = datasets.shape(dataset)
    return f"signals of {height} × {width} values" if 1 in (height, width) else ""


def _check_no_duplicates(study: Study) -> None:
    """A grid names each of its points once."""
    lists = {
        "frameworks": study.frameworks,
        "seeds": study.seeds,
        "arms": [arm.name for arm in study.arms],
        "workloads": [f"{workload.slug} {workload.model}" for workload in study.workloads],
    }
    for workload in study.workloads:
        lists[f"batch_sizes of {workload.dataset} {workload.model}"] = workload.sizes
    for key, values in lists.items():
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        if twice:
            raise Problem(f"config: {key}: {', '.join(twice)} named twice", fix="name it once")
    for slug in {workload.slug for workload in study.workloads}:
        sources = sorted({w.dataset for w in study.workloads if w.slug == slug})
        if len(sources) > 1:
            raise Problem(
                f"config: {' and '.join(sources)} would both be called {slug} in results",
                fix="rename one of the two folders or files",
            )
