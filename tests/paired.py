"""Records of trainings that are paired by their seeds."""

from benchmarks.recipe.plan import Cell
from benchmarks.training.record import Evaluation, Record, Run, Status


def records(framework, accuracies, examples=None, seeds=None, *, every=1):
    """The records of a cell with these test accuracies and examples to target, evaluated `every` examples."""
    examples = examples or [None] * len(accuracies)
    runs = [
        Run(
            seed=seed,
            status=Status.REACHED,
            test_accuracy=accuracy,
            examples_to_target=reached,
            curve=[point(number) for number in range(every, (reached or 0) + 1, every)],
        )
        for seed, accuracy, reached in zip(seeds or range(len(accuracies)), accuracies, examples, strict=True)
    ]
    cell = Cell(dataset="d", model="m", framework=framework, arm="a", batch_size=8)
    return [Record(cell=cell, settings={}, run=run, provenance={}) for run in runs]


def point(examples):
    return Evaluation(examples=examples, training_s=0, train_loss=0, validation_loss=0, validation_accuracy=0)


def changed(record, **update):
    """The record with some fields of its run replaced."""
    return record.model_copy(update={"run": record.run.model_copy(update=update)})
