"""A study: a grid of trainings as values, and its cells."""

from typing import Annotated, Literal

from pydantic import Field

from benchmarks import datasets
from benchmarks.common.value import Value
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import first_step
from benchmarks.recipe.plan import Budget, Cell, Plan

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Target(Value):
    """The validation accuracy that a run trains to, and where that figure comes from."""

    validation_accuracy: float = Field(gt=0, le=1)
    source: str = Field(min_length=1)


class Workload(Value):
    """A data set and a model, with the batch sizes, the target and the budget that belong to them.

    `dataset` is a name, or the user's own data as `images:PATH`, `npz:PATH` or `text:PATH`; results call
    it by its `slug`.
    """

    dataset: str
    model: str
    batch_sizes: list[int | Literal["full"]] = Field(min_length=1)
    target: Target
    budget: Budget
    evaluations_per_epoch: int = Field(default=4, ge=1)

    @property
    def slug(self) -> str:
        """The data set's name in results."""
        return datasets.slug(self.dataset)

    @property
    def n_training(self) -> int:
        """Training examples of the data set."""
        return datasets.split_sizes(self.dataset).train

    @property
    def sizes(self) -> list[int]:
        """The batch sizes as numbers, `full` being the whole training set."""
        return [self.n_training if size == "full" else size for size in self.batch_sizes]


class Throughput(Value):
    """How throughput is timed: processes per framework, and seconds of timed rounds per case."""

    processes: int = Field(default=3, ge=2)
    seconds_per_case: float = Field(default=0.5, gt=0)


class Study(Value):
    """The whole study, as `config/README.md` describes it."""

    study: Name
    machine: Name | None = None
    device: Literal["auto", "cpu", "gpu"] = "auto"
    precision: Literal["float32", "float64"] = "float32"
    frameworks: list[str] = Field(min_length=1)
    seeds: list[Annotated[int, Field(ge=0)]]
    arms: list[Arm] = Field(min_length=1)
    workloads: list[Workload] = Field(min_length=1)
    throughput: Throughput = Throughput()


def timed(study: Study) -> Study:
    """The study without what its timings do not depend on: seeds, targets, budgets, the rates of its arms."""
    kinds = list({arm.step_kind: arm.for_timing for arm in study.arms}.values())
    return study.model_copy(update={"seeds": [], "arms": kinds, "workloads": _bare(study), "machine": None})


def traced(study: Study) -> Study:
    """The study without what its traces do not depend on: frameworks, seeds, targets, budgets, sizes."""
    bare = [w.model_copy(update={"batch_sizes": [1]}) for w in _bare(study)]
    return timed(study).model_copy(
        update={
            **{"arms": study.arms, "workloads": bare, "throughput": Throughput(), "precision": "float64"},
            "frameworks": ["numpy"],  # each is named apart, so that a new one is traced alone
        }
    )


def _bare(study: Study) -> list[Workload]:
    """The workloads with targets and budgets that stand for none."""
    target, budget = Target(validation_accuracy=1, source="none"), Budget(epochs=1, seconds=1)
    return [
        w.model_copy(update={"target": target, "budget": budget, "evaluations_per_epoch": 1})
        for w in study.workloads
    ]


def plans(study: Study) -> list[Plan]:
    """Every cell of the study that is trained, in the order of the study."""
    if not study.seeds:
        return []
    return [
        plan(study, workload=workload, framework=framework, arm=arm, batch_size=size)
        for workload in study.workloads
        for size in workload.sizes
        for arm in study.arms
        for framework in study.frameworks
    ]


def plan(study: Study, *, workload: Workload, framework: str, arm: Arm, batch_size: int) -> Plan:
    """The training of one cell."""
    cell = Cell(
        dataset=workload.slug,
        model=workload.model,
        framework=framework,
        arm=arm.name,
        batch_size=batch_size,
    )
    steps = first_step(workload.budget.epochs, workload.n_training, per=batch_size)
    return Plan(
        cell=cell,
        device=study.device,
        precision=study.precision,
        optimizer=arm.optimizer_at(batch_size, total_steps=steps),
        augmentation=arm.augmentation,
        randomness=arm.randomness,
        seeds=study.seeds,
        target=workload.target.validation_accuracy,
        budget=workload.budget,
        evaluate_every=max(1, workload.n_training // workload.evaluations_per_epoch),
    )
