"""The search for a learning rate: on curves that are known, against all candidates tried to their ends."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.recipe.search import Candidate, Search
from benchmarks.study.rates import Ended, Trial
from benchmarks.tuning.goals import Accuracy, Steps, Tried
from benchmarks.tuning.search import WIDEST, Trying, points, search

EVERY = 10
"""Steps between two evaluations."""
BUDGET = 500
SEEDS = [7, 8]


def later(steps):
    return (steps // EVERY + 1) * EVERY


class Curves:
    """Trainings whose steps to the target are given: [exponent][seed], None where they never reach it."""

    def __init__(self, steps, *, accuracy=None):
        self.steps, self.accuracy, self.trained, self.order = steps, accuracy or {}, 0, []

    def run(self, candidate, seed, most_steps):
        exponent = round(math.log2(candidate.learning_rate))
        self.order.append(exponent)
        due = self.steps.get(exponent, {}).get(seed)
        reached = math.inf if due is None else due
        ended = min(reached, BUDGET, most_steps)
        self.trained += ended
        how = Ended.REACHED if reached == ended else Ended.MISSED if ended == BUDGET else Ended.BEATEN
        seen = self.accuracy.get(exponent, 0.5 if exponent in self.steps else 0.1)
        return Trial(
            candidate=candidate, seed=seed, ended=how, steps=ended, validation_accuracy=seen, training_s=0.1
        )


def a_range(lowest, highest, **changes):
    return Search(learning_rate=(2.0**lowest, 2.0**highest), seeds=SEEDS, **changes)


def at(exponent):
    return Candidate(learning_rate=2.0**exponent)


def to_the_end(curves, exponents):
    """The best of all candidates, each trained from every seed until it reaches the target or its end."""
    tried = []
    for exponent in exponents:
        trials = []
        for seed in SEEDS:
            trials.append(curves.run(at(exponent), seed, math.inf))
            if trials[-1].ended != Ended.REACHED:
                break
        tried.append(Tried(at(exponent), trials))
    return min(tried, key=Steps().rank)


STEPS = st.one_of(st.none(), st.integers(1, BUDGET // EVERY).map(lambda n: n * EVERY))
ANY = st.fixed_dictionaries({e: st.fixed_dictionaries(dict.fromkeys(SEEDS, STEPS)) for e in range(-6, 3)})


@settings(max_examples=300, deadline=None)
@given(steps=ANY, start=st.integers(-6, 2))
def test_trials_that_end_early_change_no_winner(steps, start):
    patient = a_range(-6, 2, patience=1000)
    made = search(patient, at(start), Curves(steps).run, later)
    best = to_the_end(Curves(steps), range(-6, 3))
    assert made.best == best.candidate
    assert made.steps == (best.steps if best.reached else None)


@settings(max_examples=300, deadline=None)
@given(steps=ANY)
def test_the_start_changes_the_cost_and_not_the_winner(steps):
    patient = a_range(-6, 2, patience=1000)
    winners = {search(patient, at(start), Curves(steps).run, later).best for start in range(-6, 3)}
    assert len(winners) == 1


@settings(max_examples=200, deadline=None)
@given(optimum=st.integers(-6, 2), start=st.integers(-6, 2), width=st.integers(1, 4))
def test_of_a_curve_with_one_minimum_few_candidates_are_enough(optimum, start, width):
    steps = {
        e: {seed: EVERY * (3 + abs(e - optimum)) if abs(e - optimum) <= width else None for seed in SEEDS}
        for e in range(-12, 9)
    }
    curves = Curves(steps)
    made = search(a_range(-6, 2), at(start), curves.run, later)
    assert made.best == at(optimum)
    distance = abs(start - optimum)
    assert len(set(curves.order)) <= (distance + 5 if distance <= width else 9 + 2)


def test_trials_cost_less_when_they_end_early():
    steps = {e: dict.fromkeys(SEEDS, EVERY * 2 ** abs(e)) for e in range(-5, 6)}
    early, late = Curves(steps), Curves(steps)
    search(a_range(-5, 5, patience=100), at(0), early.run, later)
    to_the_end(late, range(-5, 6))
    assert early.trained < late.trained / 3


def test_the_worst_seed_counts():
    lucky = {-1: {7: 10, 8: 90}, 0: {7: 50, 8: 50}}
    assert search(a_range(-1, 0), at(-1), Curves(lucky).run, later).best == at(0)


def test_of_two_that_need_the_same_steps_the_more_accurate_wins():
    same = {-1: dict.fromkeys(SEEDS, 50), 0: dict.fromkeys(SEEDS, 50)}
    made = search(a_range(-1, 0), at(0), Curves(same, accuracy={-1: 0.98, 0: 0.97}).run, later)
    assert made.best == at(-1)


def test_rates_within_one_evaluation_are_as_good():
    steps = {-2: dict.fromkeys(SEEDS, 80), -1: dict.fromkeys(SEEDS, 60), 0: dict.fromkeys(SEEDS, 50)}
    steps[1] = dict.fromkeys(SEEDS, 200)
    made = search(a_range(-4, 4), at(0), Curves(steps).run, later)
    assert (made.best, made.steps, made.at_edge) == (at(0), 50, False)
    assert (made.lowest, made.highest) == pytest.approx((2**-1.5, 2**0.5))


def test_a_best_at_the_edge_widens_the_range_and_is_flagged():
    steps = {e: dict.fromkeys(SEEDS, EVERY * (3 + abs(e - 4))) for e in range(-12, 12)}
    made = search(a_range(-3, 2), at(0), Curves(steps).run, later)
    assert made.best == at(4)
    assert made.at_edge
    steps = {e: dict.fromkeys(SEEDS, EVERY * (30 - e)) for e in range(-12, 20)}
    made = search(a_range(-3, 2), at(0), Curves(steps).run, later)
    assert made.best == at(2 + WIDEST)
    assert made.at_edge


def test_where_none_reaches_the_target_the_nearest_is_told():
    curves = Curves({}, accuracy={-3: 0.6, -2: 0.8, -1: 0.9, 0: 0.7})
    made = search(a_range(-4, 1), at(1), curves.run, later)
    assert made.best == at(-1)
    assert (made.steps, made.lowest, made.highest) == (None, None, None)
    assert set(curves.order) == set(range(-4, 2))


def test_the_nearest_at_an_edge_widens_the_range_too():
    curves = Curves({3: dict.fromkeys(SEEDS, 20)}, accuracy={0: 0.6, 1: 0.8, 2: 0.9, 3: 0.97})
    made = search(a_range(-4, 1), at(-2), curves.run, later)
    assert (made.best, made.at_edge) == (at(3), True)


def test_a_candidate_that_fails_from_its_first_seed_is_tried_no_further():
    curves = Curves({0: {7: None, 8: 10}, 1: {7: 20, 8: 20}})
    search(a_range(0, 1), at(0), curves.run, later)
    assert curves.order[:3] == [0, 1, 1]
    assert curves.order.count(0) == 1


def test_trials_end_one_evaluation_after_the_best():
    trying = Trying(Curves({0: {7: 20, 8: 40}}).run, later, SEEDS, Steps())
    assert trying.most_steps == math.inf
    trying.attempt(at(0))
    assert trying.most_steps == 50


class WholeBudgets:
    """Trainings to the end of their budgets, whose best validation accuracy is given: [exponent][seed]."""

    def __init__(self, accuracy, *, diverged=()):
        self.accuracy, self.diverged, self.order = accuracy, diverged, []

    def run(self, candidate, seed, most_steps):
        assert most_steps == math.inf
        exponent = round(math.log2(candidate.learning_rate))
        self.order.append(exponent)
        seen = self.accuracy(exponent, seed)
        how = Ended.DIVERGED if (exponent, seed) in self.diverged else Ended.MISSED
        how = Ended.REACHED if how == Ended.MISSED and seen >= 0.9 else how
        return Trial(
            candidate=candidate, seed=seed, ended=how, steps=BUDGET, validation_accuracy=seen, training_s=0.1
        )


def by_octave(best, *, top=0.95, lost=0.01):
    return lambda exponent, seed: max(0.0, top - lost * abs(exponent - best) + 0.0001 * (seed - 7))


def test_a_search_for_accuracy_takes_the_best_mean_over_the_seeds():
    trained = WholeBudgets(by_octave(-2))
    made = search(a_range(-6, 2, goal="accuracy"), at(1), trained.run, later)
    assert (made.best, made.steps, made.at_edge) == (at(-2), BUDGET, False)
    assert (made.lowest, made.highest) == pytest.approx((2**-2.5, 2**-1.5))
    assert trained.order == [1, 1, 2, 2, 0, 0, -1, -1, -2, -2, -3, -3, -4, -4]
    uneven = {-1: {7: 0.99, 8: 0.8}, 0: {7: 0.9, 8: 0.9}}
    chosen = search(
        a_range(-1, 0, goal="accuracy"),
        at(0),
        WholeBudgets(lambda exponent, seed: uneven.get(exponent, {}).get(seed, 0.1)).run,
        later,
    )
    assert chosen.best == at(0)


def test_rates_that_lose_no_more_than_a_fifth_of_a_point_are_as_accurate():
    made = search(
        a_range(-6, 2, goal="accuracy"), at(-2), WholeBudgets(by_octave(-2, lost=0.0015)).run, later
    )
    assert (made.lowest, made.highest) == pytest.approx((2**-3.5, 2**-0.5))


def test_a_candidate_that_diverges_from_any_seed_does_not_win_by_its_accuracy():
    trained = WholeBudgets(by_octave(0), diverged=[(0, 8)])
    made = search(a_range(-3, 1, goal="accuracy"), at(0), trained.run, later)
    assert made.best == at(1) or made.best == at(-1)
    assert not Accuracy().good(Tried(at(0), [trained.run(at(0), seed, math.inf) for seed in SEEDS]))


def test_an_accuracy_below_the_target_is_the_best_all_the_same():
    made = search(a_range(-6, 2, goal="accuracy"), at(0), WholeBudgets(by_octave(-2, top=0.8)).run, later)
    assert (made.best, made.steps) == (at(-2), BUDGET)
    assert made.lowest < 2**-2 < made.highest


def test_several_settings_are_a_sobol_sequence_within_their_ranges():
    several = Search(
        learning_rate=(2**-8, 1), momentum=(0.5, 0.96875), weight_decay=(1e-5, 1e-2), candidates=64
    )
    made = points(several)
    assert len(set(made)) == 64
    assert made == points(several)
    octaves = np.log2([each.learning_rate for each in made])
    assert octaves.min() >= -8
    assert octaves.max() <= 0
    # Of 64 points of the sequence, each eighth of a range holds eight, or a neighbour of eight by rounding.
    assert np.histogram(octaves, bins=8, range=(-8, 0))[0].tolist() == [8] * 8
    to_one = -np.log2([1 - each.momentum for each in made])
    assert np.histogram(to_one, bins=4, range=(1, 5))[0].tolist() == [16] * 4
    assert all(1e-5 <= each.weight_decay <= 1e-2 for each in made)


def test_of_several_settings_all_candidates_are_tried_the_nearest_rate_first():
    several = Search(learning_rate=(2**-8, 1), momentum=(0.5, 0.96875), candidates=16)
    made = points(several)
    order = []

    def run(candidate, seed, most_steps):
        order.append(candidate)
        ended = Ended.REACHED if candidate == made[5] else Ended.MISSED
        return Trial(
            candidate=candidate, seed=seed, ended=ended, steps=20, validation_accuracy=0.5, training_s=0
        )

    found = search(several, made[3], run, later)
    assert found.best == made[5]
    assert order[0] == made[3]
    assert set(order) == set(made)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": (1.0, 0.5)},
        {"learning_rate": (0.0, 0.5)},
        {"learning_rate": (0.6, 0.9)},
        {"learning_rate": (0.1, 1.0), "seeds": [1]},
        {"learning_rate": (0.1, 1.0), "seeds": [1, 1]},
        {"learning_rate": (0.1, 1.0), "candidates": 8},
        {"learning_rate": (0.1, 1.0), "momentum": (0.5, 0.9)},
        {"learning_rate": (0.1, 1.0), "momentum": (0.5, 1.0), "candidates": 8},
    ],
)
def test_a_search_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        Search(**wrong)
