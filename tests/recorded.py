"""Records and timings of a cell, to be summarised."""

from benchmarks.recipe.plan import Cell
from benchmarks.training.record import Record, Run, Status

CELL = Cell(dataset="digits", model="mlp", framework="keras", arm="fixed-lr", batch_size=50)

SETTINGS = {"optimizer": {"learning_rate": 0.0625}}
NAMES = {**CELL.model_dump(), "step_kind": "momentum"}


def reached(seed, examples, *, test):
    return Run(
        seed=seed,
        status=Status.REACHED,
        examples_to_target=examples,
        steps_to_target=examples // 50,
        time_to_target_s=examples / 100,
        test_accuracy=test,
        train_accuracy=test,
    )


def records(*runs, cell=CELL, **changes):
    """The record of each run of a cell."""
    measured = {"peak_memory_mib": 12.0, "energy_j": 5.0}
    values = {
        "settings": SETTINGS,
        "job_s": 2.0,
        "measuring_s": 1.5,
        "provenance": {},
        "measurements": measured,
    }
    return [Record(cell=cell, run=run, **{**values, **changes}) for run in runs]


def timing(execution, rate, process, **changes):
    values = {
        "dataset": "digits",
        "model": "mlp",
        "framework": "keras",
        "step_kind": "momentum",
        "batch_size": 50,
        "status": "measured",
    }
    values |= {"execution": execution, "samples_per_s": rate, "process": process, "step_ms": 5e4 / rate}
    values |= {"disturbed": "", "compile_s": 0.5, "first_step_s": 0.1, "input_share": 0.2}
    values |= {"flops_per_example": 1e6, "peak_share": 0.25}
    return {**values, **changes}
