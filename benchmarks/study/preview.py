"""What a study would do: its grid, its data, and how long it may take; nothing is run for it."""

import math

from benchmarks import datasets
from benchmarks.common.value import Value
from benchmarks.datasets.card import Card
from benchmarks.study.study import Study, Workload, for_timing, replicates

START_S = 4.0
"""Seconds for all that a run does beside training: start, compilation, evaluation, scores. Rough."""
TIMED_S = 1.5
"""Seconds for all that the timing of a case does beside its rounds. Rough."""
EXECUTIONS = 2
"""Each case is timed fused and idiomatic."""


class Preview(Value):
    """The grid, the numbers of cells, trainings and timings, and what is known of the data.

    `about_s` are the seconds of trainings and timings together if every run uses its whole budget. Of a
    built-in data set, which may not be there yet, only the numbers of examples in its parts are told.
    """

    study: str
    grid: list[dict]
    cells: int
    trainings: int
    timings: int
    about_s: int
    built_in: dict[str, dict[str, int]]
    cards: list[Card]

    @property
    def text(self) -> str:
        """The same in words."""
        minutes = math.ceil(self.about_s / 60)
        return "\n".join(
            [
                f"study {self.study}: {self.cells} cells",
                *(f"  {_grid_in_words(part)}" for part in self.grid),
                f"{self.trainings} trainings and {self.timings} timings: about {minutes} min if every "
                "training uses its whole budget; the certificates come first, often some minutes more",
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
        built_in={name: datasets.split_sizes(name)._asdict() for name in sources if name in datasets.NAMES},
        cards=[datasets.obtained(source)[2] for source in sources if source not in datasets.NAMES],
    )


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
