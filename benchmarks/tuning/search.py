"""The search at one batch size: which candidates are tried, and when a trial cannot win any more.

Nothing here knows how a trial is run. That a trial ends early changes no winner: it ends where it is already
worse than the best by more than one evaluation.
"""

import math
from collections.abc import Callable

from scipy.stats import qmc

from benchmarks.recipe.search import Candidate, Search
from benchmarks.study.rates import Found, Trial
from benchmarks.tuning.goals import GOALS, Accuracy, Later, Steps, Tried

SCRAMBLING = 0
"""Seed of the Sobol sequence, so that every batch size has the same candidates."""
WIDEST = 4
"""Octaves beyond an end of its range that a search goes as long as the best lies there."""
Run = Callable[[Candidate, int, float], Trial]
"""Trains a candidate from a seed, to its target or until it has taken this many steps."""


class Trying:
    """Tries candidates one after the other, each no longer than it can still be as good as the best."""

    def __init__(self, run: Run, later: Later, seeds: list[int], goal: Steps | Accuracy) -> None:
        self.run, self.later, self.seeds, self.goal = run, later, seeds, goal
        self.tried: list[Tried] = []

    @property
    def best(self) -> Tried:
        """The best candidate so far."""
        return min(self.tried, key=self.goal.rank)

    @property
    def has_good(self) -> bool:
        """Whether any candidate so far is worth training with."""
        return bool(self.tried) and self.goal.good(self.best)

    @property
    def most_steps(self) -> float:
        """Steps after which a trial can no longer be as good as the best."""
        return self.goal.most_steps(self.best, self.later) if self.tried else math.inf

    @property
    def as_good(self) -> list[Tried]:
        """The candidates that are as good as the best; none where none is good."""
        good = [tried for tried in self.tried if self.goal.good(tried)]
        return [tried for tried in good if self.goal.as_good(tried, self.best, self.later)]

    def attempt(self, candidate: Candidate) -> None:
        """Try a candidate."""
        trials: list[Trial] = []
        for seed in self.seeds:
            trials.append(self.run(candidate, seed, self.most_steps))
            if not self.goal.may_be_good(trials[-1]):
                break
        self.tried.append(Tried(candidate, trials))


def search(settings: Search, start: Candidate, run: Run, later: Later) -> Found:
    """Look for the candidate that is best by the goal of a search, from a start outwards."""
    trying = Trying(run, later, settings.seeds, GOALS[settings.goal])
    if settings.in_several_dimensions:
        for candidate in nearest_first(points(settings), start):
            trying.attempt(candidate)
    else:
        _outwards(settings, _exponent(settings, start), trying)
    return found(settings, trying)


def _exponent(settings: Search, candidate: Candidate) -> int:
    """The k of the nearest candidate on the grid."""
    return round(settings.points_per_octave * math.log2(candidate.learning_rate))


def _outwards(settings: Search, start: int, trying: Trying) -> None:
    """Try the candidates along the grid, upwards and downwards in turn: the range first, then beyond it."""
    ends = {1: start, -1: start}
    trying.attempt(settings.on_grid(start))
    for goes_on in (_goes_on, _goes_beyond):
        while open_sides := [side for side, end in ends.items() if goes_on(settings, trying, end, side)]:
            side = min(open_sides, key=lambda side: abs(ends[side] - start))
            ends[side] += side
            trying.attempt(settings.on_grid(ends[side]))


def _goes_on(settings: Search, trying: Trying, end: int, side: int) -> bool:
    """Whether a side of the range (1 upwards, −1 downwards) goes on after the last candidate that was tried.

    It does until something is good, and then until enough in a row are worse than the best.
    """
    inside = side * (_edge(settings, side) - end) > 0
    return inside and (not trying.has_good or _worse(settings, trying.best, end, side) < settings.patience)


def _goes_beyond(settings: Search, trying: Trying, end: int, side: int) -> bool:
    """Whether a search goes on beyond an end of its range: as long as the best lies there."""
    edge, best = _edge(settings, side), trying.best
    there = side * (_exponent(settings, best.candidate) - edge) >= 0
    near = side * (end - edge) < WIDEST * settings.points_per_octave
    return there and near and _worse(settings, best, end, side) < settings.patience


def _edge(settings: Search, side: int) -> int:
    """The k at an end of the range."""
    return settings.exponents[-1 if side > 0 else 0]


def _worse(settings: Search, best: Tried, end: int, side: int) -> int:
    """How many candidates in a row, from the last one inwards, are worse than the best."""
    return side * (end - _exponent(settings, best.candidate))


def points(settings: Search) -> list[Candidate]:
    """The points of a scrambled Sobol sequence in all ranges of a search, uniform in their logarithms."""
    ends = {name: getattr(settings, name) for name in Candidate.model_fields if getattr(settings, name)}
    drawn = qmc.Sobol(len(ends), scramble=True, rng=SCRAMBLING).random(settings.candidates).tolist()
    return [
        Candidate(
            **{
                name: _between(name, *ends[name], share=share)
                for name, share in zip(ends, point, strict=True)
            }
        )
        for point in drawn
    ]


def _scale(name: str, value: float) -> float:
    """The logarithm along which a setting is searched; of a momentum, that of its distance to 1."""
    return -math.log(1 - value) if name == "momentum" else math.log(value)


def _between(name: str, lo: float, hi: float, *, share: float) -> float:
    """The value of a setting at a share of the way from one end of its range to the other."""
    at = (1 - share) * _scale(name, lo) + share * _scale(name, hi)
    return 1 - math.exp(-at) if name == "momentum" else math.exp(at)


def nearest_first(candidates: list[Candidate], start: Candidate) -> list[Candidate]:
    """The candidates by the distance of their rates from the start, so that a good one comes soon."""
    centre = math.log(start.learning_rate)
    return sorted(candidates, key=lambda each: abs(math.log(each.learning_rate) - centre))


def found(settings: Search, trying: Trying) -> Found:
    """What a search found: the best, and which rates are as good."""
    best, trials = trying.best, [trial for tried in trying.tried for trial in tried.trials]
    rates = [tried.candidate.learning_rate for tried in trying.as_good]
    half = 1.0 if settings.in_several_dimensions else 2.0 ** (0.5 / settings.points_per_octave)
    lowest, highest = settings.learning_rate
    if not settings.in_several_dimensions:
        lowest, highest = (settings.on_grid(settings.exponents[end]).learning_rate for end in (0, -1))
    return Found(
        best=best.candidate,
        steps=best.steps if trying.has_good else None,
        lowest=min(rates) / half if rates else None,
        highest=max(rates) * half if rates else None,
        at_edge=not lowest < best.candidate.learning_rate < highest,
        trials=trials,
    )
