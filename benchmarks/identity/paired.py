"""The paired differences of two frameworks over the seeds, and how many seeds make no pair.

Both quantities come in steps: accuracy moves by whole test examples, and the target is looked for only at
evaluations.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.identity.two_one_sided import Differences
from benchmarks.training.record import Record, Run, Status

BROKEN = (Status.DIVERGED, Status.OUT_OF_MEMORY, Status.FAILED)


class Ends(NamedTuple):
    """How a run can end for a quantity, in words."""

    having: str
    """What both runs of a pair have."""
    lacking: str
    """What a run is that has not come that far."""
    neither: str
    """What is said of seeds with which no run of the two has come that far."""


OF_ACCURACY = Ends("a test accuracy after equally many examples", "failed", "failed in both frameworks")
OF_EPOCHS = Ends("the target reached", "target not reached", "reached the target in neither framework")


class Paired(NamedTuple):
    """What the seeds of two frameworks say about one quantity.

    `alone` counts the seeds for which only one framework reached the target, or only one failed; `neither`
    those for which neither reached it, or both failed.
    """

    differences: Differences
    seeds: int
    alone: int
    neither: int
    ends: Ends


def by_seed(first: list[Record], second: list[Record]) -> list[tuple[Run, Run]]:
    """The runs of two frameworks with the same seed, side by side."""
    others = {record.run.seed: record.run for record in second}
    return [(record.run, others[record.run.seed]) for record in first if record.run.seed in others]


def accuracy(runs: list[tuple[Run, Run]], *, step: float) -> Paired:
    """Test accuracy, from the seeds for which both runs have one after the same number of examples.

    A time limit ends the run of the slower framework early, which says something about speed only. Runs
    that failed alike have the accuracy of what had not yet failed, which says nothing of a whole training.
    `step` is the share of one test example in percentage points: each accuracy is known to within half of it.
    """
    sound = [(a, b) for a, b in runs if a.status not in BROKEN and b.status not in BROKEN]
    pairs = [(a.test_accuracy, b.test_accuracy) for a, b in sound if a.examples == b.examples]
    both = np.array([(a, b) for a, b in pairs if a is not None and b is not None]).reshape(-1, 2)
    difference = 100 * (both[:, 0] - both[:, 1])
    differences = Differences(difference, difference - step, difference + step)
    return _paired(differences, [(a.status in BROKEN, b.status in BROKEN) for a, b in runs], OF_ACCURACY)


def epochs(runs: list[tuple[Run, Run]]) -> Paired:
    """Epochs to target, from the seeds for which both runs reached it, as the logarithm of their ratio.

    The target was reached somewhere between the evaluation that noticed it and the previous one.
    """
    brackets = np.array(
        [(*_bracket(a), *_bracket(b)) for a, b in runs if a.examples_to_target and b.examples_to_target]
    )
    before, ours, before_theirs, theirs = brackets.reshape(-1, 4).T
    with np.errstate(divide="ignore"):  # log 0, if the first evaluation noticed it
        differences = Differences(
            np.log(ours / theirs), np.log(before / theirs), -np.log(before_theirs / ours)
        )
    missed = [(a.examples_to_target is None, b.examples_to_target is None) for a, b in runs]
    return _paired(differences, missed, OF_EPOCHS)


def _paired(differences: Differences, fell_short: list[tuple[bool, bool]], ends: Ends) -> Paired:
    """The differences with the number of seeds for which one run of the two, or both, fell short."""
    short = [one + other for one, other in fell_short]
    return Paired(differences, len(short), alone=short.count(1), neither=short.count(2), ends=ends)


def _bracket(run: Run) -> tuple[float, float]:
    """Examples at the last evaluation before the target (0 if there was none) and at the one that saw it."""
    at = float(run.examples_to_target)
    return max((float(point.examples) for point in run.curve if point.examples < at), default=0.0), at
