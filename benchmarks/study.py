"""A study: the YAML file that names a grid, checked and turned into cells."""

import json
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from benchmarks import datasets, frameworks, models
from benchmarks.errors import Problem
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.recipe.schedule import first_step
from benchmarks.record import Cell
from benchmarks.value import Value

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Goal(Value):
    """The validation accuracy that a run trains to, and where that figure comes from."""

    validation_accuracy: float = Field(gt=0, le=1)
    source: str = Field(min_length=1)


class Budget(Value):
    """Where a run ends whether or not it reached its goal: epochs, and seconds of training."""

    epochs: float = Field(gt=0)
    seconds: float = Field(gt=0)


class Workload(Value):
    """A data set and a model, with the batch sizes, the goal and the budget that belong to them.

    `dataset` is a name, or the user's own data as `images:PATH`, `npz:PATH` or `text:PATH`; results call
    it by its `slug`.
    """

    dataset: str
    model: str
    batch_sizes: list[int | Literal["full"]] = Field(min_length=1)
    goal: Goal
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


class Plan(Value):
    """Everything that defines the training of one cell; it travels to the job as JSON."""

    cell: Cell
    device: Literal["auto", "cpu", "gpu"]
    precision: Literal["float32", "float64"]
    optimizer: Optimizer
    augmentation: list[str] = []
    randomness: str = "shared"
    seeds: list[int]
    goal: float
    budget: Budget
    evaluate_every: int
    """Examples between two evaluations."""


def read(config: dict) -> Study:
    """Check a configuration.

    Raises:
        Problem: a key or value that is unknown, out of range, or named twice.
    """
    try:
        study = Study.model_validate(config)
    except ValidationError as error:
        raise Problem(_first(error), mend="config/README.md describes every key") from error
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
    lines = []
    for fault in error.errors():
        where = ".".join(str(part) for part in fault["loc"] if part not in ("int", "literal['full']"))
        said = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"]
        given = json.dumps(fault["input"], default=str)[:80]
        lines.append(f"config: {prefix}{where}: {said} (given: {given})")
    return "\n".join(dict.fromkeys(lines))


def _check_workload(workload: Workload) -> None:
    """Hold names and batch sizes to what there is."""
    models.spec(workload.model, n_classes=2)
    n_training = workload.n_training
    for size in workload.sizes:
        if not 1 <= size <= n_training:
            raise Problem(
                f"config: batch size {size} is not between 1 and the {n_training} training examples of "
                f"{workload.dataset}",
                mend="name batch sizes in that range, or `full` for the whole training set",
            )


def _check_kind(workload: Workload, arms: list[Arm]) -> None:
    """Text goes to models that read tokens, and images to the others."""
    reads_tokens = models.takes_tokens(models.spec(workload.model, n_classes=2))
    kind = datasets.kind(workload.dataset)
    if reads_tokens != (kind == "tokens"):
        wanted = "text" if reads_tokens else "images"
        raise Problem(
            f"config: model {workload.model} reads {wanted}, and {workload.dataset} is not",
            mend="pair transformer with text, every other model with images",
        )
    spec = models.spec(workload.model, n_classes=2, randomness="framework")
    for arm in arms:
        if arm.randomness == "framework" and not models.is_statistical(spec):
            raise Problem(
                f"config: arm {arm.name}: randomness: framework, and {workload.model} has no dropout",
                mend="take randomness out of that arm, or make this model a study of its own",
            )
        if arm.augmentation and (other := _no_images(workload.dataset)):
            raise Problem(
                f"config: arm {arm.name} shifts or flips images, and {workload.dataset} is {other}",
                mend="take augmentation out of that arm, or make this data a study of its own",
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
                    mend="change the arm's learning rate or scaling, or the workload's budget",
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
            raise Problem(f"config: {key}: {', '.join(twice)} named twice", mend="name it once")
    for slug in {workload.slug for workload in study.workloads}:
        sources = sorted({w.dataset for w in study.workloads if w.slug == slug})
        if len(sources) > 1:
            raise Problem(
                f"config: {' and '.join(sources)} would both be called {slug} in results",
                mend="rename one of the two folders or files",
            )


def timed(study: Study) -> Study:
    """The study without what its timings do not depend on: seeds, goals, budgets, the rates of its arms."""
    forms = list({arm.form: arm.gentle for arm in study.arms}.values())
    return study.model_copy(update={"seeds": [], "arms": forms, "workloads": _bare(study), "machine": None})


def traced(study: Study) -> Study:
    """The study without what its traces do not depend on: frameworks, seeds, goals, budgets, batch sizes."""
    bare = [w.model_copy(update={"batch_sizes": [1]}) for w in _bare(study)]
    return timed(study).model_copy(
        update={
            **{"arms": study.arms, "workloads": bare, "throughput": Throughput(), "precision": "float64"},
            "frameworks": ["numpy"],  # each is named apart, so that a new one is traced alone
        }
    )


def _bare(study: Study) -> list[Workload]:
    """The workloads with goals and budgets that stand for none."""
    goal, budget = Goal(validation_accuracy=1, source="none"), Budget(epochs=1, seconds=1)
    return [
        w.model_copy(update={"goal": goal, "budget": budget, "evaluations_per_epoch": 1})
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
        goal=workload.goal.validation_accuracy,
        budget=workload.budget,
        evaluate_every=max(1, workload.n_training // workload.evaluations_per_epoch),
    )
