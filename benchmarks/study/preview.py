"""What a study would do: its grid, its data, and how long it may take; nothing is run for it."""

import math

from benchmarks import datasets, models
from benchmarks.common import processor
from benchmarks.common.value import Value
from benchmarks.datasets.card import Card
from benchmarks.models import flops
from benchmarks.models.layers import Dense, Product
from benchmarks.study.study import Study, Workload, for_timing

START_S = 3.0
"""Seconds for all that a run does beside training: start, compilation, evaluation, scores. Rough."""
STEP_S = 2e-4
"""Seconds of a step beside its operations. Rough."""
BUDGETS = {"steps": 4.0, "accuracy": 14.0}
"""Whole budgets that a search trains at a batch size, by its goal: most of its trials end early where it
looks for steps, and none where it looks for accuracy. Rough."""
ANALYSED = {
    "noise-scale": (10, 1.0, 20_000),
    "noise-curvature": (3, 1.0, 250_000),
    "curvature": (4, 0.0, 600_000),
    "sharpness": (2, 23.0, 0),
    "width": (2, 0.0, 350_000),
    "landscape": (1, 0.0, 500_000),
    "interpolation": (1, 0.0, 80_000),
    "branching": (9, 7.0, 0),
}
"""Of an analysis: its checkpoints, and at each how often the training examples pass, and how many others do.
In float64, of which this is told, that takes twice as long. Rough."""
TIMED_S = 1.5
"""Seconds for all that the timing of a case does beside its rounds. Rough."""
TRACED, TRACE_S = 80_000, 8.0
"""Training examples, and seconds of start, of a trace in float64: one arm, framework and execution. Rough."""
OF_RUNS = 0.27
"""Part of a trace that is the study's own runs, which each arm has. Rough."""
PRECISIONS, FOLLOWED_S = 2, 20.0
"""In which whole runs are followed, and the seconds that those of an arm and framework take. Rough."""
OPERATIONS_PER_S = 8e9
"""Of one core, in such a trace. Rough."""
INSIDE_PER_S = 16e9
"""The same in what is measured from the inside, by many examples at a time. Rough."""
OF_DENSE = 5.0
"""How many times as many a second a model has whose products are those of dense layers alone. Rough."""
N_CLASSES = 10
"""Of which the size of a model hardly depends."""
EXECUTIONS = 2
"""Each case is timed fused and idiomatic."""


class Effort(Value):
    """How much a study has to do, and how long that may take; nothing is taken from the store.

    `about_s` are the seconds of searches, trainings and timings together, and `certificates_s` those of the
    certificates. Both go by the operations of the models and are rough.
    """

    cells: int
    searches: int
    trainings: int
    timings: int
    about_s: int
    certificates_s: int

    @property
    def duration(self) -> str:
        """The same in words."""
        searches = f"{self.searches} searches for learning rates, " if self.searches else ""
        return (
            f"{searches}{self.trainings} trainings and {self.timings} timings: about "
            f"{_minutes(self.about_s)} here, and certificates, about {_minutes(self.certificates_s)} (both "
            "rough, and less for what the store has)"
        )


class Preview(Effort):
    """The grid, how much there is to do, and what is known of the data.

    Of a built-in data set, which may not be there yet, only the numbers of examples in its parts are told.
    """

    study: str
    grid: list[dict]
    built_in: dict[str, dict[str, int]]
    cards: list[Card]

    @property
    def text(self) -> str:
        """The same in words."""
        return "\n".join(
            [
                f"study {self.study}: {self.cells} cells",
                *(f"  {_grid_in_words(part)}" for part in self.grid),
                self.duration,
                *(f"data {name}:\n  {_sizes_in_words(sizes)}" for name, sizes in self.built_in.items()),
                *(card.text for card in self.cards),
            ]
        )


def preview(study: Study) -> Preview:
    """The preview of a study.

    Raises:
        Problem: data of the user's own cannot be used.
    """
    sources = dict.fromkeys(workload.dataset for workload in study.workloads)
    return Preview(
        **effort(study).model_dump(),
        study=study.study,
        grid=[_part_of_grid(workload, study) for workload in study.workloads],
        built_in={
            name: datasets.split_sizes(name)._asdict() for name in sources if datasets.is_built_in(name)
        },
        cards=[datasets.obtained(source)[2] for source in sources if not datasets.is_built_in(source)],
    )


def effort(study: Study) -> Effort:
    """How much a study has to do, told without a look at its data."""
    kinds, times = len(for_timing(study).arms), study.throughput
    sizes = sum(len(workload.sizes) for workload in study.workloads)
    timings = EXECUTIONS * sizes * kinds * len(study.frameworks) * times.processes
    tuned = sum(arm.tuned for arm in study.arms) if study.seeds else 0
    budgets = sum(BUDGETS[arm.search.goal] for arm in study.arms if arm.tuned) if study.seeds else 0
    cells = sizes * len(study.arms) * len(study.frameworks)
    of_runs_s = sum(run_s(workload, size) for workload in study.workloads for size in workload.sizes)
    runs = len(study.arms) * len(study.frameworks) * len(study.seeds)
    inside = sum(inside_s(study, workload) for workload in study.workloads) if study.analyses else 0
    of_trainings_s = runs * (of_runs_s + sizes * START_S) + budgets * of_runs_s
    of_trainings_s += len(study.arms) * len(study.seeds) * inside
    return Effort(
        cells=cells,
        searches=tuned * sizes,
        trainings=cells * len(study.seeds),
        timings=timings,
        about_s=math.ceil(of_trainings_s + timings * (times.seconds_per_case + TIMED_S)),
        certificates_s=math.ceil(sum(certificates_s(study, workload) for workload in study.workloads)),
    )


def run_s(workload: Workload, batch_size: int) -> float:
    """Seconds of training of a run that uses up its budget, by the operations of its model. Rough."""
    operations = batch_size * _operations(workload)
    step_s = STEP_S + operations / (OPERATIONS_PER_S * processor.cores())
    return min(workload.budget.seconds, workload.total_steps(batch_size) * step_s)


def inside_s(study: Study, workload: Workload) -> float:
    """Seconds that the trainings of an arm and seed take without a clock, and what is measured of them."""
    endless = workload.budget.model_copy(update={"seconds": 1e12})
    unlimited = workload.model_copy(update={"budget": endless})
    passes = [
        at * (times * workload.n_training + others) for at, times, others in map(ANALYSED.get, study.analyses)
    ]
    each = 2 * sum(passes) * _operations(workload) / (INSIDE_PER_S * processor.cores())
    return sum(run_s(unlimited, size) + START_S + each for size in workload.sizes)


def _operations(workload: Workload) -> float:
    """Of a forward and a backward pass for an example; those of a model of dense layers count less."""
    layers = models.spec(workload.model, n_classes=N_CLASSES)
    products = [layer for layer in models.all_layers(layers) if isinstance(layer, Product)]
    is_dense = all(isinstance(layer, Dense) for layer in products)
    return flops.of_training(layers, datasets.shape(workload.dataset)) / (OF_DENSE if is_dense else 1)


def certificates_s(study: Study, workload: Workload) -> float:
    """Seconds that the traces of a workload take, by the operations of its model. Rough.

    There is one in both precisions for each arm, execution and framework, the reference included; those in
    float32 are half as long. Arms that differ in their runs alone share the rest.
    """
    operations, cores = TRACED * _operations(workload), processor.cores()
    distinct = {arm.in_a_trace.model_dump_json() for arm in study.arms}
    arms = OF_RUNS * len(study.arms) + (1 - OF_RUNS) * len(distinct)
    n = 1.5 * arms * EXECUTIONS * len({*study.frameworks, "numpy"})
    followed_s = PRECISIONS * len(distinct) * len(study.frameworks) * FOLLOWED_S
    return (n * (TRACE_S + operations / OPERATIONS_PER_S) + followed_s) / cores


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min"


def _part_of_grid(workload: Workload, study: Study) -> dict:
    return {
        **{"dataset": workload.slug, "model": workload.model, "batch_sizes": workload.sizes},
        "as_far_as_they_fit": workload.is_auto,
        **{"frameworks": study.frameworks, "arms": [arm.name for arm in study.arms]},
        **{"seeds": study.seeds, "target": workload.target.validation_accuracy},
        "budget": workload.budget.model_dump(),
    }


def _grid_in_words(part: dict) -> str:
    steps = f" or {part['budget']['steps']:,} steps" if part["budget"]["steps"] else ""
    limit = " as far as they fit into memory" if part["as_far_as_they_fit"] else ""
    return (
        f"{part['dataset']} × {part['model']}, B = {', '.join(map(str, part['batch_sizes']))}{limit}; "
        f"{', '.join(part['frameworks'])}; {', '.join(part['arms'])}; {len(part['seeds'])} seeds; "
        f"up to {part['target']:.1%} within {part['budget']['epochs']:g} epochs{steps} and "
        f"{part['budget']['seconds']:g} s"
    )


def _sizes_in_words(sizes: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {part}" for part, n in sizes.items())
