"""What is seen of a run from outside, while the study's driver trains, and what its record says of it."""

from dataclasses import dataclass, field

import numpy as np

from benchmarks.datasets.dataset import Dataset
from benchmarks.identity.expected_run import accuracy
from benchmarks.recipe.plan import Plan
from benchmarks.training.record import Run, Status


@dataclass
class Seen:
    """The evaluations of a run, [(examples, accuracy)], and the parameters of the first best one.

    `final` has the accuracies on test and training data once they are asked for.
    """

    data: Dataset
    points: list[tuple[int, float]] = field(default_factory=list)
    best: dict[str, np.ndarray] | None = None
    final: dict[str, float] = field(default_factory=dict)

    def evaluated(
        self, inputs: np.ndarray, outputs: np.ndarray, parameters: dict[str, np.ndarray], examples: int
    ) -> None:
        """Take an evaluation down, after so many examples of training."""
        if inputs is self.data.validation_x:
            found = accuracy(outputs, self.data.validation_y)
            if all(found > earlier for _, earlier in self.points):
                self.best = {name: value.copy() for name, value in parameters.items()}
            self.points.append((examples, found))
        for part in ("test", "train"):
            if inputs is getattr(self.data, f"{part}_x"):
                self.final[part] = accuracy(outputs, getattr(self.data, f"{part}_y"))

    def judged_by(self, parameters: dict[str, np.ndarray]) -> str:
        """What is wrong with these parameters, by which the driver judges the run; empty if nothing is."""
        same = self.best is not None and all(
            np.array_equal(value, parameters[name], equal_nan=True) for name, value in self.best.items()
        )
        return "" if same else "a run is judged by other parameters than those of its best evaluation"

    def fault(self, run: Run, plan: Plan) -> str:
        """What the record of the run says otherwise than it was seen; empty if nothing."""
        top = max((found for _, found in self.points), default=None)
        reached = next((examples for examples, found in self.points if found >= plan.target), None)
        due = {
            "curve": self.points,
            "validation_accuracy": top,
            "best_examples": next((examples for examples, found in self.points if found == top), None),
            "examples_to_target": reached,
            "test_accuracy": self.final.get("test"),
            "train_accuracy": self.final.get("train"),
            "reached": reached is not None,
        }
        told = run.model_dump(include=set(due)) | {
            "curve": [(point.examples, point.validation_accuracy) for point in run.curve],
            "reached": run.status == Status.REACHED,
        }
        return next(
            (f"the {name} of a run is not as it was seen" for name in due if told[name] != due[name]), ""
        )
