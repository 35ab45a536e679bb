"""What a study would do: its grid, its data, and how long it may take; nothing is run for it."""

import math

from benchmarks import datasets, models
from benchmarks.common import processor
from benchmarks.common.value import Value
from benchmarks.datasets.card import Card
from benchmarks.models import flops
from benchmarks.study.study import Study, Workload, for_timing, replicates

START_S = 4.0
"""Seconds for all that a run does beside training: start, compilation, evaluation, scores. Rough."""
TIMED_S = 1.5
"""Seconds for all that the timing of a case does beside its rounds. Rough."""
TRACED, TRACE_S = 80_000, 8.0
"""Training examples, and seconds of start, of a trace in float64: one arm, framework and execution. Rough."""
OPERATIONS_PER_S = 8e9
"""Of one core, in such a trace. Rough."""
N_CLASSES = 10
"""Of which the size of a model hardly depends."""
EXECUTIONS = 2
"""Each case is timed fused and idiomatic."""


class Preview(Value):
    """The grid, the numbers of cells, trainings and timings, and what is known of the data.

    `about_s` are the seconds of trainings and timings together if every run uses its whole budget, and
    `certificates_s` those of the certificates, by the size of the models; both are rough. Of a built-in data
    set, which may not be there yet, only the numbers of examples in its parts are told.
    """

    study: str
    grid: list[dict]
    cells: int
    trainings: int
    timings: int
    about_s: int
    certificates_s: int
    built_in: dict[str, dict[str, int]]
    cards: list[Card]

    @property
    def text(self) -> str:
        """The same in words."""
        return "\n".join(
            [
                f"study {self.study}: {self.cells} cells",
                *(f"  {_grid_in_words(part)}" for part in self.grid),
                f"{self.trainings} trainings and {self.timings} timings: about {_minutes(self.about_s)} if "
                "every training uses its whole budget of seconds, less if its epochs end before; the "
                f"certificates come first, about {_minutes(self.certificates_s)}",
                *(f"data {name}:\n  {_sizes_in_words(sizes)}" for name, sizes in self.built_in.items()),
                *(card.text for card in self.cards),
            ]
        )


def preview(study: Study) -> Preview:
    """The preview of a study.

    Raises:
        Problem: data of the user's own cannot be used.
    """
    plans = [plan for replicate in replicates(study) for plan in replicate.plans]
    kinds, times = len(for_timing(study).arms), study.throughput
    sizes = sum(len(workload.sizes) for workload in study.workloads)
    timings = EXECUTIONS * sizes * kinds * len(study.frameworks) * times.processes
    of_trainings_s = sum(plan.budget.seconds + START_S for plan in plans)
    sources = dict.fromkeys(workload.dataset for workload in study.workloads)
    return Preview(
        study=study.study,
        grid=[_part_of_grid(workload, study) for workload in study.workloads],
        cells=sizes * len(study.arms) * len(study.frameworks),
        trainings=len(plans),
        timings=timings,
        about_s=math.ceil(of_trainings_s + timings * (times.seconds_per_case + TIMED_S)),
        certificates_s=math.ceil(sum(certificates_s(study, workload) for workload in study.workloads)),
        built_in={name: datasets.split_sizes(name)._asdict() for name in sources if name in datasets.NAMES},
        cards=[datasets.obtained(source)[2] for source in sources if source not in datasets.NAMES],
    )


def certificates_s(study: Study, workload: Workload) -> float:
    """Seconds that the traces of a workload take, by the operations of its model. Rough.

    There is one in both precisions for each arm, execution and framework, the reference included; those in
    float32 are half as long.
    """
    layers = models.spec(workload.model, n_classes=N_CLASSES)
    operations = TRACED * flops.of_training(layers, datasets.shape(workload.dataset))
    cores = processor.cores()
    n = 1.5 * len(study.arms) * EXECUTIONS * len({*study.frameworks, "numpy"})
    return n * (TRACE_S + operations / OPERATIONS_PER_S) / cores


def _minutes(seconds: float) -> str:
    return f"{math.ceil(seconds / 60)} min"


def _part_of_grid(workload: Workload, study: Study) -> dict:
    return {
        **{"dataset": workload.slug, "model": workload.model, "batch_sizes": workload.sizes},
        **{"frameworks": study.frameworks, "arms": [arm.name for arm in study.arms]},
        **{"seeds": study.seeds, "target": workload.target.validation_accuracy},
        "budget": workload.budget.model_dump(),
    }


def _grid_in_words(part: dict) -> str:
    steps = f" or {part['budget']['steps']:,} steps" if part["budget"]["steps"] else ""
    return (
        f"{part['dataset']} × {part['model']}, B = {', '.join(map(str, part['batch_sizes']))}; "
        f"{', '.join(part['frameworks'])}; {', '.join(part['arms'])}; {len(part['seeds'])} seeds; "
        f"up to {part['target']:.1%} within {part['budget']['epochs']:g} epochs{steps} and "
        f"{part['budget']['seconds']:g} s"
    )


def _sizes_in_words(sizes: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {part}" for part, n in sizes.items())
