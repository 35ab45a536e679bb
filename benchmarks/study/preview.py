"""What a study would do: its grid, its data, and how long it may take; nothing is run for it."""

import math

from benchmarks import datasets
from benchmarks.study.study import Study, Workload, for_timing, replicates

START_S = 4.0
"""Seconds for all that a run does beside training: start, compilation, evaluation, scores. Rough."""
TIMED_S = 1.5
"""Seconds for all that the timing of a case does beside its rounds. Rough."""


def preview(study: Study) -> dict:
    """The grid, the numbers of trainings and timings, and the cards of the data.

    `at_most_s` are the seconds that trainings and timings may take together: each run up to its budget.

    Raises:
        Problem: data of the user's own cannot be used.
    """
    plans = [plan for replicate in replicates(study) for plan in replicate.plans]
    kinds, times = len(for_timing(study).arms), study.throughput
    sizes = sum(len(workload.sizes) for workload in study.workloads)
    n_timed = 2 * sizes * kinds * len(study.frameworks) * times.processes  # fused and idiomatic
    at_most_s = sum(plan.budget.seconds + START_S for plan in plans)
    return {
        "study": study.study,
        "grid": [_part_of_grid(workload, study) for workload in study.workloads],
        "cells": sizes * len(study.arms) * len(study.frameworks),
        "trainings": len(plans),
        "timings": n_timed,
        "at_most_s": math.ceil(at_most_s + n_timed * (times.seconds_per_case + TIMED_S)),
        "cards": [_card(source) for source in dict.fromkeys(w.dataset for w in study.workloads)],
    }


def _part_of_grid(workload: Workload, study: Study) -> dict:
    return {
        **{"dataset": workload.slug, "model": workload.model, "batch_sizes": workload.sizes},
        **{"frameworks": study.frameworks, "arms": [arm.name for arm in study.arms]},
        **{"seeds": study.seeds, "target": workload.target.validation_accuracy},
        "budget": workload.budget.model_dump(),
    }


def _card(source: str) -> dict:
    """The card of the user's own data; of a built-in data set, which may not be there yet, only the sizes."""
    if source in datasets.NAMES:
        return {"dataset": source, "sizes": datasets.split_sizes(source)._asdict()}
    *_, card = datasets.obtained(source)
    return card.model_dump(mode="json")


def text(found: dict) -> str:
    """The same in words."""
    lines = [f"study {found['study']}: {found['cells']} cells"]
    for part in found["grid"]:
        lines.append(
            f"  {part['dataset']} × {part['model']}, B = {', '.join(map(str, part['batch_sizes']))}; "
            f"{', '.join(part['frameworks'])}; {', '.join(part['arms'])}; {len(part['seeds'])} seeds; "
            f"up to {part['target']:.1%} within {part['budget']['epochs']:g} epochs and "
            f"{part['budget']['seconds']:g} s"
        )
    lines.append(
        f"{found['trainings']} trainings and {found['timings']} timings, together at most about "
        f"{math.ceil(found['at_most_s'] / 60)} min; before them the certificates, often a few minutes more"
    )
    for card in found["cards"]:
        sizes = ", ".join(f"{n:,} {part}" for part, n in card["sizes"].items())
        lines += [f"data {card['dataset']}:", *(f"  {each}" for each in card.get("sentences", [sizes]))]
        lines += [f"  warning: {each}" for each in card.get("warnings", [])]
    return "\n".join(lines)
