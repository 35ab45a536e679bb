"""Checks the configuration of a study and refuses a wrong one, with the key at fault and a fix."""

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
    """The study that a configuration, as YAML gives it, describes.

    Raises:
        Problem: a key or value is unknown, out of range or given twice, or two of them do not fit together.
    """
    try:
        study = Study.model_validate(config)
    except ValidationError as error:
        raise Problem(_faults(error), fix="config/README.md describes every key") from error
    for workload in study.workloads:
        _check_workload(workload)
        _check_model_fits_data(workload)
        for arm in study.arms:
            _check_arm_fits_workload(arm, workload)
        _check_optimizers(workload, study)
    for framework in study.frameworks:
        frameworks.module_name(framework)
    _check_no_duplicates(study)
    return study


def _faults(error: ValidationError, prefix: str = "") -> str:
    """What is wrong, one line for each fault, with the path of the key."""
    # A missing key is listed last: often it is there, but misspelt.
    faults = sorted(error.errors(), key=lambda fault: fault["type"] == "missing")
    return "\n".join(dict.fromkeys(f"config: {prefix}{_fault(fault)}" for fault in faults))


def _fault(fault: ErrorDetails) -> str:
    """One fault in one line."""
    where = ".".join(str(part) for part in fault["loc"] if part not in ("int", "literal['full']"))
    if fault["type"] == "missing":
        return f"{where}: missing"
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(fault["loc"][-1]), KEYS, n=1)
        message = f"unknown key{f', did you mean {near[0]}?' if near else ''}"
    return f"{where}: {message} (given: {json.dumps(fault['input'], default=str)[:80]})"


def _check_workload(workload: Workload) -> None:
    """Check that the data set and the model exist and that the batch sizes are possible."""
    models.spec(workload.model, n_classes=2)
    n_training = workload.n_training
    for size in workload.sizes:
        if not 1 <= size <= n_training:
            raise Problem(
                f"config: batch size {size} is not between 1 and the {n_training} training examples of "
                f"{workload.dataset}",
                fix="name batch sizes in that range, or `full` for the whole training set",
            )


def _check_model_fits_data(workload: Workload) -> None:
    """Check that text goes to a model that reads tokens, and images to one of the others."""
    reads_tokens = models.takes_tokens(models.spec(workload.model, n_classes=2))
    if reads_tokens != (datasets.kind(workload.dataset) == "tokens"):
        needed = "text" if reads_tokens else "images"
        raise Problem(
            f"config: model {workload.model} needs {needed}, which {workload.dataset} is not",
            fix="use the model transformer for text, and any other model for images",
        )


def _check_arm_fits_workload(arm: Arm, workload: Workload) -> None:
    """Check that there is dropout where an arm sets its randomness, and images where an arm augments."""
    spec = models.spec(workload.model, n_classes=2, randomness="framework")
    if arm.randomness == "framework" and not models.is_statistical(spec):
        raise Problem(
            f"config: arm {arm.name} sets randomness: framework, but {workload.model} has no dropout",
            fix="remove randomness from that arm, or put this model into a study of its own",
        )
    if arm.augmentation and (other := _no_images(workload.dataset)):
        raise Problem(
            f"config: arm {arm.name} shifts or flips images, but {workload.dataset} is {other}",
            fix="remove augmentation from that arm, or put this data into a study of its own",
        )


def _check_optimizers(workload: Workload, study: Study) -> None:
    """Check that each arm gives a valid optimizer at each batch size of a workload."""
    for arm in study.arms:
        for size in workload.sizes:
            try:
                plan(
                    study,
                    workload=workload,
                    framework=study.frameworks[0],
                    arm=arm,
                    batch_size=size,
                    seed=0,
                )
            except ValidationError as error:
                raise Problem(
                    _faults(error, f"arm {arm.name} at batch size {size}: "),
                    fix="change the arm's learning rate or scaling, or the workload's budget",
                ) from error


def _no_images(dataset: str) -> str:
    """What the data is, if its examples are not images that can be shifted; "" if they are."""
    if datasets.kind(dataset) == "tokens":
        return "text"
    height, width, _ = datasets.shape(dataset)
    return f"signals of {height} × {width} values" if 1 in (height, width) else ""


def _check_no_duplicates(study: Study) -> None:
    """Check that no point of the grid is named twice and no two data sets have one name in results."""
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
            raise Problem(f"config: {key}: {', '.join(twice)} given twice", fix="name each once")
    for slug in {workload.slug for workload in study.workloads}:
        sources = sorted({w.dataset for w in study.workloads if w.slug == slug})
        if len(sources) > 1:
            raise Problem(
                f"config: {' and '.join(sources)} would both be called {slug} in results",
                fix="rename one of the two folders or files",
            )
