"""Checks the configuration of a study and refuses a wrong one, with the key at fault and a fix."""

from collections import Counter
from itertools import pairwise
from pathlib import Path

import yaml
from pydantic import ValidationError

from benchmarks import datasets, frameworks, models
from benchmarks.common.errors import Problem
from benchmarks.models.layer import Spec
from benchmarks.models.layers import BatchNorm
from benchmarks.recipe.arm import Arm
from benchmarks.study import faults
from benchmarks.study.study import Study, Workload, plan

N_DIGITS = 10
"""Digits of the largest seed."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that is named twice, of which YAML's own loader takes the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if twice := [key for key in dict.fromkeys(keys) if keys.count(key) > 1]:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"{', '.join(twice)} named twice in the part that begins in line {line}")
        return super().construct_mapping(node, deep)


def load(path: Path) -> dict:
    """The content of a configuration file.

    Raises:
        Problem: it is not there, or is no YAML of keys and values, or names a key twice.
    """
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except OSError as error:
        raise Problem(f"{path}: {error.strerror}", fix="give the path of the study's file") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        cause = " ".join(str(error).split())
        raise Problem(f"{path} is not valid YAML: {cause}", fix="correct that place") from error
    if not isinstance(config, dict):
        raise Problem(f"{path} holds no keys", fix="config/README.md shows a whole study")
    return config


def read_file(path: Path) -> Study:
    """The study that a file describes.

    Raises:
        Problem: as for `load` and `read`.
    """
    return read(load(path))


def read(config: dict) -> Study:
    """The study that a configuration, as YAML gives it, describes.

    Raises:
        Problem: a key or value is unknown, out of range or given twice, or two of them do not fit together.
    """
    try:
        study = Study.model_validate({**config, **_seeds_as_numbers(config)})
    except ValidationError as error:
        raise Problem(faults.told(error), fix="config/README.md describes every key") from error
    _check_no_truth(config)
    check(study)
    return study


def _seeds_as_numbers(config: dict) -> dict:
    """The seeds with their digits as numbers: those of `--config` come from Snakemake as text."""
    seeds = config.get("seeds")
    if not isinstance(seeds, list):
        return {}
    return {"seeds": [int(each) if _is_digits(each) else each for each in seeds]}


def _is_digits(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= N_DIGITS


def check(study: Study) -> None:
    """Check that the keys of a study fit together.

    Raises:
        Problem: two of them do not.
    """
    for workload in study.workloads:
        _check_workload(workload)
        _check_model_fits_data(workload)
        for arm in study.arms:
            _check_arm_fits_workload(arm, workload)
            _check_seeds_of_search(arm, study)
            _check_precision(arm, study)
        _check_optimizers(workload, study)
    for framework in study.frameworks:
        frameworks.module_name(framework)
    _check_analyses(study)
    _check_no_duplicates(study)


def _check_analyses(study: Study) -> None:
    """Check that what is to be measured from the inside is trained by the framework that does it."""
    if study.analyses and not study.seeds:
        raise Problem("config: analyses: a study without seeds trains nothing", fix="give seeds")
    matched = [n for n, workload in enumerate(study.workloads) if workload.matched_loss is not None]
    if matched and not study.analyses:
        raise Problem(
            f"config: workloads.{matched[0]}.matched_loss: analyses compare at it, and there are none",
            fix="add analyses, or leave it out",
        )
    if study.analyses and frameworks.ANALYSED_WITH not in study.frameworks:
        raise Problem(
            f"config: analyses are made with {frameworks.ANALYSED_WITH}, which is none of the frameworks",
            fix=f"add {frameworks.ANALYSED_WITH} to frameworks",
        )


def _check_no_truth(value: object, place: str = "") -> None:
    """Check that nothing is true or false, which would count as 1 or 0; no key of a study takes either."""
    if isinstance(value, bool):
        raise Problem(
            f"config: {place}: true or false is no number (given: {value})",
            fix="write the number; YAML also reads yes, no, on and off as true and false",
        )
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        _check_no_truth(part, f"{place}.{key}".lstrip("."))


def _check_workload(workload: Workload) -> None:
    """Check that the data set and the model exist and that the batch sizes are possible."""
    models.spec(workload.model, n_classes=2)
    n_training = workload.n_training
    named = [size for size in workload.batch_sizes if isinstance(size, int)]
    for size in [*named, *workload.sizes]:
        if not 1 <= size <= n_training:
            raise Problem(
                f"config: batch size {size} is not between 1 and the {n_training} training examples of "
                f"{workload.dataset}",
                fix="name batch sizes in that range, or `full` for the whole training set",
            )
    if 0 < workload.budget.steps < workload.steps_per_evaluation:
        raise Problem(
            f"config: {workload.dataset} × {workload.model}: budget.steps is {workload.budget.steps}, and "
            f"the first evaluation may come only after {workload.steps_per_evaluation} steps",
            fix="raise budget.steps, or lower steps_per_evaluation",
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
    """Check that a model has the layers that an arm gives settings to, and images where an arm augments."""
    spec = models.spec(workload.model, n_classes=2, randomness="framework")
    if arm.randomness == "framework" and not models.is_statistical(spec):
        raise Problem(
            f"config: arm {arm.name} sets randomness: framework, but {workload.model} has no dropout",
            fix="remove randomness from that arm, or put this model into a study of its own",
        )
    sizes = [grown for size in workload.sizes for grown in arm.batch_sizes(size)]
    if ragged := [size for size in sizes if size % (arm.accumulation or 1)]:
        raise Problem(
            f"config: arm {arm.name}: a batch of {ragged[0]} examples of {workload.dataset} does not divide "
            f"into {arm.accumulation} micro-batches",
            fix=f"name batch sizes that are multiples of {arm.accumulation}"
            + (f", as in [{arm.accumulation}, auto]" if workload.is_auto else ""),
        )
    if arm.growth:
        _check_growth(arm, workload, largest=max(sizes))
    if arm.ghost_batch:
        parts = [size // (arm.accumulation or 1) for size in sizes]
        _check_ghost_batches(arm.ghost_batch, spec, arm, workload, sizes=parts)
    if arm.augmentation and (other := _no_images(workload.dataset)):
        raise Problem(
            f"config: arm {arm.name} shifts or flips images, but {workload.dataset} is {other}",
            fix="remove augmentation from that arm, or put this data into a study of its own",
        )


def _check_growth(arm: Arm, workload: Workload, *, largest: int) -> None:
    """Check that batches do not grow beyond the training set, and not from sizes that are not known yet."""
    if workload.is_auto:
        raise Problem(
            f"config: arm {arm.name}: a batch that grows begins with a size that is named, and "
            f"{workload.dataset} × {workload.model} has batch_sizes: auto",
            fix="name the batch sizes, or put this arm into a study of its own",
        )
    if largest > workload.n_training:
        raise Problem(
            f"config: arm {arm.name}: a batch of {max(workload.sizes)} examples grows to {largest}, beyond "
            f"the {workload.n_training} training examples of {workload.dataset}",
            fix="name smaller batch sizes, or a smaller factor or fewer milestones",
        )
    for size in workload.sizes:
        steps = workload.total_steps(size)
        phases = arm.growth.phases(size, examples=steps * size)
        begun = [phase.first_step for phase in phases.of] + [phases.steps(steps * size)]
        if any(first >= after for first, after in pairwise(begun)):
            raise Problem(
                f"config: arm {arm.name}: where a batch of {size} examples of {workload.dataset} grows, one "
                "of its sizes takes no step, so few are the examples of the budget",
                fix="name smaller batch sizes, milestones further apart, or more epochs",
            )


def _check_ghost_batches(ghost: int, spec: Spec, arm: Arm, workload: Workload, *, sizes: list[int]) -> None:
    """Check that there is batch norm, and that each batch is at most a ghost batch or consists of several."""
    if not any(isinstance(layer, BatchNorm) for layer in models.all_layers(spec)):
        raise Problem(
            f"config: arm {arm.name} sets ghost_batch, but {workload.model} has no batch norm",
            fix="remove ghost_batch from that arm, or put this model into a study of its own",
        )
    if max(sizes) <= ghost:
        raise Problem(
            f"config: arm {arm.name}: no batch of {workload.dataset} is larger than a ghost batch of {ghost}",
            fix="name a larger batch size, or a smaller ghost_batch",
        )
    if ragged := [size for size in sizes if size > ghost and size % ghost]:
        parts = "micro-batch" if arm.accumulation else "batch"
        raise Problem(
            f"config: arm {arm.name}: a {parts} of {ragged[0]} examples of {workload.dataset} does not "
            f"consist of ghost batches of {ghost}",
            fix=f"name batch sizes with which it is a multiple of {ghost}, or smaller",
        )


def _check_seeds_of_search(arm: Arm, study: Study) -> None:
    """Check that no run is trained from a seed that its learning rate was chosen by."""
    if shared := sorted({*study.seeds} & {*(arm.search.seeds if arm.search else [])}):
        raise Problem(
            f"config: arm {arm.name}: seed {shared[0]} of its search is a seed of the study too, so that the "
            "learning rate would be judged by a run that it was chosen by",
            fix="give other numbers in search.seeds",
        )


def _check_precision(arm: Arm, study: Study) -> None:
    """Check that an arm with mixed precision has a part that is in float32."""
    if arm.mixed_precision and study.precision != "float32":
        raise Problem(
            f"config: arm {arm.name} has mixed_precision: {arm.mixed_precision}, and the study "
            f"precision: {study.precision}",
            fix="set precision: float32, or remove mixed_precision",
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
                    faults.told(error, f"arm {arm.name} at batch size {size}: "),
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
        "analyses": study.analyses,
        "arms": [arm.name for arm in study.arms],
        "workloads": [f"{workload.slug} {workload.model}" for workload in study.workloads],
    }
    for workload in study.workloads:
        given = workload.batch_sizes if workload.is_auto else workload.sizes
        lists[f"batch_sizes of {workload.dataset} {workload.model}"] = given
    for key, values in lists.items():
        twice = sorted(str(value) for value, n in Counter(values).items() if n > 1)
        if twice:
            raise Problem(f"config: {key}: {', '.join(twice)} given twice", fix="name each once")
    for slug in {workload.slug for workload in study.workloads}:
        sources = sorted({w.dataset for w in study.workloads if w.slug == slug})
        if len(sources) > 1:
            raise Problem(
                f"config: {' and '.join(sources)} would both be called {slug} in results",
                fix="rename one of the two folders or files",
            )
