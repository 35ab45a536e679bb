"""What a search looks for: the fewest steps to the target, or the best accuracy that a budget reaches."""

import math
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.recipe.search import Candidate
from benchmarks.study.rates import Ended, Trial

ALIKE = 0.002
"""Shares of validation accuracy within which rates are as good, .2 points."""
ROUNDING = 1e-9
"""What arithmetic may take from an accuracy."""
Later = Callable[[int], int]
"""The number of steps at the first evaluation after so many."""


class Tried(NamedTuple):
    """A candidate with its trials: one for each seed, up to the first that cannot be good."""

    candidate: Candidate
    trials: list[Trial]

    @property
    def reached(self) -> bool:
        """Whether it reaches the target from all seeds."""
        return all(trial.ended == Ended.REACHED for trial in self.trials)

    @property
    def steps(self) -> int:
        """Steps of the worst of its trials."""
        return max(trial.steps for trial in self.trials)

    @property
    def accuracy(self) -> float:
        """The mean over its trials of the best validation accuracy that each saw."""
        return sum(trial.validation_accuracy for trial in self.trials) / len(self.trials)

    @property
    def last_resort(self) -> tuple:
        """Its rank among candidates that are not good, behind all that are."""
        return (1, -len(self.trials), -self.trials[-1].validation_accuracy, self.candidate.learning_rate)


class Steps:
    """The fewest steps to the target from the worst seed. A trial ends there, or where it cannot win."""

    to_the_end = False

    def may_be_good(self, trial: Trial) -> bool:
        """Whether a candidate with this trial may still be good."""
        return trial.ended == Ended.REACHED

    def good(self, tried: Tried) -> bool:
        """Whether a candidate is worth training with."""
        return tried.reached

    def rank(self, tried: Tried) -> tuple:
        """The better, the smaller; no two candidates have the same."""
        if not tried.reached:
            return tried.last_resort
        of_all = sum(trial.steps for trial in tried.trials)
        return (0, tried.steps, of_all, -tried.accuracy, tried.candidate.learning_rate)

    def most_steps(self, best: Tried, later: Later) -> float:
        """Steps after which a trial can no longer be as good: one evaluation more than the best needs."""
        return later(best.steps) if best.reached else math.inf

    def as_good(self, tried: Tried, best: Tried, later: Later) -> bool:
        """Whether a good candidate is no worse than the best by more than one evaluation."""
        return tried.steps <= later(best.steps)


class Accuracy:
    """The best validation accuracy on the way through the whole budget, the mean over the seeds."""

    to_the_end = True

    def may_be_good(self, trial: Trial) -> bool:
        """Whether a candidate with this trial may still be good."""
        return trial.ended != Ended.DIVERGED

    def good(self, tried: Tried) -> bool:
        """Whether a candidate is worth training with: no trial of it diverged."""
        return all(self.may_be_good(trial) for trial in tried.trials)

    def rank(self, tried: Tried) -> tuple:
        """The better, the smaller; no two candidates have the same."""
        if not self.good(tried):
            return tried.last_resort
        return (0, -tried.accuracy, tried.candidate.learning_rate)

    def most_steps(self, best: Tried, later: Later) -> float:
        """Steps after which a trial can no longer be as good: none, since accuracy may rise to the end."""
        return math.inf

    def as_good(self, tried: Tried, best: Tried, later: Later) -> bool:
        """Whether a good candidate is no worse than the best by more than ALIKE."""
        return tried.accuracy >= best.accuracy - ALIKE - ROUNDING


GOALS: dict[str, Steps | Accuracy] = {"steps": Steps(), "accuracy": Accuracy()}
"""By the name that a study gives them."""
