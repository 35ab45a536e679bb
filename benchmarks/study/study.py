"""A study as a value: a grid of trainings, and the plans of its runs."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, field_validator

from benchmarks import datasets
from benchmarks.common.value import INERT, Value
from benchmarks.frameworks import ANALYSED_WITH
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import first_step
from benchmarks.recipe.plan import Budget, Cell, Evaluations, Plan, Replicate

RESERVED = ("compare", "published", "datasets", "store", "logs")
"""Folders of `results/` that are not of a study."""
ODD = 33
"""The odd batch size that is tried where a study has none."""
AUTO = "auto"
"""Among batch sizes: the doubles of the largest number that is named, or of 1, as far as they fit."""
Analysis = Literal[
    "noise-scale",
    "noise-curvature",
    "branching",
    "curvature",
    "sharpness",
    "width",
    "landscape",
    "interpolation",
]
"""The modules of `analysis` that measure something."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
Known = Annotated[str, Field(max_length=100)]
"""The name of something that there is a file for."""


class Target(Value):
    """The validation accuracy that a run trains to, and the source of that number.

    The source stands in tables, where a text must not be a formula or an element of HTML.
    """

    validation_accuracy: float = Field(gt=0, le=1)
    source: str = Field(min_length=1, max_length=1000)

    @field_validator("source")
    @classmethod
    def _inert(cls, source: str) -> str:
        if not re.match(INERT, source):
            raise ValueError("begin it with a letter or digit, and leave out what looks like HTML")
        return source


class Workload(Value):
    """A data set and a model, with their batch sizes, target and budget.

    `dataset` is the name of a built-in data set, or `images:PATH`, `npz:PATH` or `text:PATH` for the user's
    own data. In results the data set is named by its `slug`.
    """

    dataset: str = Field(max_length=1000)
    model: Known
    batch_sizes: list[Annotated[int, Field(strict=True)] | Literal["full", "auto"]] = Field(min_length=1)
    target: Target
    budget: Budget
    evaluations_per_epoch: int = Field(default=4, ge=1)
    steps_per_evaluation: int = Field(default=1, ge=1)
    matched_loss: float | None = Field(default=None, gt=0)

    @field_validator("batch_sizes", mode="before")
    @classmethod
    def _listed(cls, sizes: object) -> object:
        return [AUTO] if sizes == AUTO else sizes

    @property
    def slug(self) -> str:
        """The data set's name in results."""
        return datasets.slug(self.dataset)

    @property
    def n_training(self) -> int:
        """Number of training examples of the data set."""
        return datasets.split_sizes(self.dataset).train

    @property
    def evaluations(self) -> Evaluations:
        """When its runs are evaluated."""
        examples = max(1, self.n_training // self.evaluations_per_epoch)
        return Evaluations(examples=examples, steps=self.steps_per_evaluation)

    def total_steps(self, batch_size: int) -> int:
        """Steps of a run that uses up both its epochs and its steps."""
        of_epochs = first_step(self.budget.epochs, self.n_training, per=batch_size)
        return max(of_epochs, self.budget.steps)

    @property
    def is_auto(self) -> bool:
        """Whether its batch sizes have yet to be found by trial."""
        return AUTO in self.batch_sizes

    @property
    def sizes(self) -> list[int]:
        """The batch sizes as numbers; `full` is the size of the training set, `auto` what is said at AUTO.

        Whether those of `auto` fit into memory is not known here.
        """
        named = [self.n_training if size == "full" else size for size in self.batch_sizes if size != AUTO]
        if not self.is_auto:
            return named
        first = max((size for size in self.batch_sizes if isinstance(size, int)), default=1)
        return sorted({*named, *self._doubles(first)})

    def _doubles(self, size: int) -> Iterator[int]:
        """The batch size times 1, 2, 4 and so on, up to the training set."""
        while 0 < size <= self.n_training:
            yield size
            size *= 2

    def rehearsed_sizes(self, *, parts: int) -> list[int]:
        """The batch sizes that certificates try: all of the study, and an odd one if it has none.

        With arms that accumulate gradients over `parts` micro-batches, it is those whose size is odd.
        """
        odd = (size for size in self.sizes if size // parts % 2 and size > parts)
        most = max(1, min(ODD, max(self.sizes) // parts))
        return sorted({*self.sizes, next(odd, parts * (most - 1 + most % 2))})


class Throughput(Value):
    """How throughput is timed: processes for each framework, and seconds of timed rounds for each case."""

    processes: int = Field(default=5, ge=2, le=1000)
    seconds_per_case: float = Field(default=0.3, gt=0, le=3600)


class Study(Value):
    """The whole study, as `config/README.md` describes it."""

    study: Name
    machine: Name | None = None
    device: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Literal["float32", "float64"] = "float32"
    frameworks: list[Known] = Field(min_length=1)
    seeds: list[Annotated[int, Field(ge=0, lt=2**32, strict=True)]]
    arms: list[Arm] = Field(min_length=1)
    workloads: list[Workload] = Field(min_length=1)
    throughput: Throughput = Throughput()
    analyses: list[Analysis] = []

    @property
    def is_auto(self) -> bool:
        """Whether batch sizes of a workload have yet to be found by trial."""
        return any(workload.is_auto for workload in self.workloads)

    @property
    def tunes(self) -> bool:
        """Whether learning rates are searched for: only for trainings."""
        return bool(self.seeds) and any(arm.tuned for arm in self.arms)

    @property
    def analysed(self) -> list[str]:
        """The names of the replicates that are measured from the inside; none without `analyses`."""
        found = replicates(self) if self.analyses else []
        return [each.name for each in found if each.plans[0].cell.framework == ANALYSED_WITH]

    @property
    def multiplies_in_bfloat16(self) -> bool:
        """Whether an arm has mixed precision."""
        return any(arm.mixed_precision for arm in self.arms)

    @field_validator("study")
    @classmethod
    def _not_reserved(cls, name: str) -> str:
        if name in RESERVED:
            raise ValueError(f"{name} is the name of a folder in results/ with another purpose")
        return name


def without_analyses(study: Study) -> Study:
    """The study without what says how trainings are measured from the inside: nothing else depends on it."""
    workloads = [workload.model_copy(update={"matched_loss": None}) for workload in study.workloads]
    return study.model_copy(update={"workloads": workloads, "analyses": []})


def at_start(study: Study) -> Study:
    """The study with a learning rate in every arm: where it is searched for, the one where the search starts.

    What is certified of an arm holds at every learning rate.
    """
    return study.model_copy(update={"arms": [arm.at_start for arm in study.arms]})


def for_tuning(study: Study) -> Study:
    """The part of a study that its searches depend on: the arms that are tuned, and no seeds."""
    arms = [arm for arm in study.arms if arm.tuned]
    return without_analyses(study).model_copy(
        update={"seeds": [], "arms": arms, "machine": None, "throughput": Throughput()}
    )


def for_timing(study: Study) -> Study:
    """The part of a study that its timings depend on: no seeds, targets, budgets or learning rates."""
    study = without_analyses(study)
    kinds = list({arm.step_kind: arm.for_timing for arm in study.arms}.values())
    return study.model_copy(
        update={"seeds": [], "arms": kinds, "workloads": _without_targets(study), "machine": None}
    )


def for_tracing(study: Study) -> Study:
    """The part of a study that its traces depend on: no frameworks, seeds, targets or limits of seconds.

    The epochs, steps and evaluations stay, since they say which calls a run consists of. The framework is
    given to each trace separately, so that adding one to a study traces only that one.
    """
    study, parts = without_analyses(study), max(arm.accumulation or 1 for arm in study.arms)
    workloads = [
        w.model_copy(
            update={
                "batch_sizes": w.rehearsed_sizes(parts=parts),
                "budget": of_study.budget.model_copy(update={"seconds": 1}),
            }
        )
        for w, of_study in zip(_without_targets(study), study.workloads, strict=True)
    ]
    return for_timing(study).model_copy(
        update={
            **{"arms": at_start(study).arms, "workloads": workloads, "throughput": Throughput()},
            **{"precision": "float64", "frameworks": ["numpy"]},
        }
    )


def _without_targets(study: Study) -> list[Workload]:
    """The workloads with the same placeholder for every target and budget."""
    target, budget = Target(validation_accuracy=1, source="none"), Budget(epochs=1, seconds=1)
    return [w.model_copy(update={"target": target, "budget": budget}) for w in study.workloads]


def replicates(study: Study) -> list[Replicate]:
    """Every replicate, in the order of the study; none if the study has no seeds.

    Neighbours differ in the framework, so that a drift of the machine is no difference between frameworks.
    """
    if not study.seeds:
        return []
    of_first_seed = [
        [
            plan(study, workload=workload, framework=framework, arm=arm, batch_size=size, seed=study.seeds[0])
            for arm in study.arms
            for size in workload.sizes
        ]
        for workload in study.workloads
        for framework in study.frameworks
    ]
    tuned = [arm.name for arm in study.arms if arm.tuned]
    return [
        Replicate(plans=[each.model_copy(update={"seed": seed}) for each in plans], to_be_tuned=tuned)
        for seed in study.seeds
        for plans in of_first_seed
    ]


def cell(workload: Workload, *, framework: str, arm: Arm, batch_size: int) -> Cell:
    """One cell."""
    return Cell(
        dataset=workload.slug, model=workload.model, framework=framework, arm=arm.name, batch_size=batch_size
    )


def plan(study: Study, *, workload: Workload, framework: str, arm: Arm, batch_size: int, seed: int) -> Plan:
    """The plan of one run.

    Raises:
        ValidationError: the arm gives no valid optimizer at this batch size.
    """
    steps, phases = workload.total_steps(batch_size), None
    if arm.growth:
        phases = arm.growth.phases(batch_size, examples=steps * batch_size)
        steps = phases.steps(steps * batch_size)
    return Plan(
        cell=cell(workload, framework=framework, arm=arm, batch_size=batch_size),
        seed=seed,
        device=study.device,
        precision=study.precision,
        optimizer=arm.optimizer_at(batch_size, total_steps=steps),
        growth=phases.of[1:] if phases else [],
        augmentation=arm.augmentation,
        randomness=arm.randomness,
        ghost_batch=arm.ghost_batch,
        mixed_precision=arm.mixed_precision,
        target=workload.target.validation_accuracy,
        budget=workload.budget,
        evaluations=workload.evaluations,
    )
