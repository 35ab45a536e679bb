"""A plan: everything that defines the training of one cell of the grid."""

from typing import Literal

from pydantic import Field

from benchmarks.common.value import Value
from benchmarks.recipe.optimizer import Optimizer


class Cell(Value):
    """One point of the grid: data set, model, framework, arm and batch size."""

    dataset: str
    model: str
    framework: str
    arm: str
    batch_size: int

    @property
    def label(self) -> str:
        """The cell in one line, for messages."""
        return f"{self.dataset} {self.model} {self.framework} {self.arm} B={self.batch_size}"


class Budget(Value):
    """The limits at which a run ends even without its target: epochs, and seconds of training."""

    epochs: float = Field(gt=0)
    seconds: float = Field(gt=0)


class Plan(Value):
    """Everything that defines the training of one cell. The job receives it as JSON."""

    cell: Cell
    device: Literal["auto", "cpu", "gpu"]
    precision: Literal["float32", "float64"]
    optimizer: Optimizer
    augmentation: list[str]
    randomness: str
    seeds: list[int]
    target: float
    budget: Budget
    evaluate_every: int
    """Number of training examples between two evaluations."""
