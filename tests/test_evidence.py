"""What a place says of a claim, and all places together: tests against arithmetic, and how often they err."""

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.publish.claims import evidence, verdict
from benchmarks.publish.claims.evidence import Bounded, Evidence, Place, exactly, of_mean, of_ratio, worst
from benchmarks.summary.statistics import UNKNOWN

VALUES = np.array([0.31, 0.28, 0.35, 0.30, 0.27])
EVERYTHING_ABOVE = (0.2, math.inf)


def test_the_tests_are_those_of_student():
    found = of_mean(exactly(VALUES), EVERYTHING_ABOVE, fewest=5)
    above = stats.ttest_1samp(VALUES, 0.2, alternative="greater")
    assert found.p_supported == pytest.approx(above.pvalue)
    assert found.p_refuted == pytest.approx(1 - above.pvalue)
    ends = stats.ttest_1samp(VALUES, 0).confidence_interval()
    assert found.effect == pytest.approx((VALUES.mean(), ends.low, ends.high))
    assert found.n == 5


def test_within_a_region_both_ends_must_be_passed_and_one_is_enough_to_lie_outside():
    found = of_mean(exactly(VALUES), (0.2, 0.32), fewest=5)
    p_above = stats.ttest_1samp(VALUES, 0.2, alternative="greater").pvalue
    p_below = stats.ttest_1samp(VALUES, 0.32, alternative="less").pvalue
    assert found.p_supported == pytest.approx(max(p_above, p_below))
    outside = stats.ttest_1samp(VALUES, 0.32, alternative="greater").pvalue
    assert found.p_refuted == pytest.approx(min(1, 2 * min(1 - p_above, outside)))


def test_ratios_are_tested_by_their_logarithms():
    found = of_ratio(exactly(np.log([2.0, 2.1, 1.9, 2.2, 1.8])), (1.05, math.inf), fewest=5)
    assert found.effect.value == pytest.approx(stats.gmean([2.0, 2.1, 1.9, 2.2, 1.8]))
    logs = np.log([2.0, 2.1, 1.9, 2.2, 1.8])
    assert found.p_supported == pytest.approx(
        stats.ttest_1samp(logs, math.log(1.05), alternative="greater").pvalue
    )
    assert of_ratio(exactly(logs), (-math.inf, 1.05), fewest=5).p_refuted == pytest.approx(found.p_supported)


@pytest.mark.parametrize("n", [0, 1, 4])
def test_too_few_values_say_nothing(n):
    found = of_mean(exactly(VALUES[:n]), EVERYTHING_ABOVE, fewest=5)
    assert not found.tested
    assert found.remark == f"{n} of the 5 values that a test needs"


def test_what_may_be_less_or_more_is_taken_at_its_worst():
    known = Bounded(VALUES, VALUES - 0.2, VALUES)
    # What may be .2 less is not shown to lie above .2, and is shown to lie below .5.
    assert of_mean(known, (0.2, math.inf), fewest=5).p_supported > 0.9
    assert of_mean(known, (-math.inf, 0.5), fewest=5).p_supported < 0.01
    found = of_mean(known, (0.2, math.inf), fewest=5)
    exact = of_mean(exactly(VALUES), (0.2, math.inf), fewest=5)
    assert (found.effect.lo, found.effect.hi) == pytest.approx((exact.effect.lo - 0.2, exact.effect.hi))


def test_an_open_end_shows_nothing_on_its_side():
    at_least = Bounded(VALUES, VALUES, np.full(5, math.inf))
    assert of_mean(at_least, (0.2, math.inf), fewest=5).p_supported < 0.01
    assert of_mean(at_least, (0.9, math.inf), fewest=5).p_refuted == 1
    at_most = Bounded(VALUES, np.full(5, -math.inf), VALUES)
    assert of_mean(at_most, (-math.inf, 0.9), fewest=5).p_supported < 0.01
    assert of_mean(at_most, (-math.inf, 0.1), fewest=5).p_refuted == 1


def test_a_ratio_of_bounds_has_bounds():
    one, other = Bounded(*np.array([[8.0], [4.0], [8.0]])), Bounded(*np.array([[2.0], [1.0], [np.inf]]))
    found = one.log_over(other)
    assert np.exp([end[0] for end in found]).tolist() == pytest.approx([4, 0, 8])


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number_says_nothing(value):
    found = of_mean(exactly([*VALUES[:4], value]), EVERYTHING_ABOVE, fewest=5)
    assert not found.tested


@pytest.mark.parametrize(
    ("effect", "region", "side"),
    [
        (0.25, (0.2, math.inf), "p_supported"),
        (0.15, (-0.2, 0.2), "p_supported"),
        (0.0, (-0.06, 0.06), "p_supported"),
        (0.25, (-0.2, 0.2), "p_refuted"),
        (0.25, (-math.inf, 0.2), "p_refuted"),
    ],
)
def test_as_many_values_as_it_says_decide_four_times_in_five(effect, region, side):
    random = np.random.default_rng(0)
    seen = np.array([-1.5, -0.5, 0.0, 0.5, 1.5])
    told = of_mean(exactly(effect + 0.12 * seen / seen.std(ddof=1)), region, fewest=5).decided_by
    assert 20 < told < 60
    drawn = effect + 0.12 * random.normal(size=(2000, told))
    found = [of_mean(exactly(values), region, fewest=5) for values in drawn]
    assert np.mean([getattr(each, side) <= evidence.ALONE for each in found]) == pytest.approx(0.8, abs=0.03)


def test_what_is_left_to_chance_takes_one_value_more_at_least():
    found = of_mean(exactly(VALUES), (0.2, math.inf), fewest=5)
    assert found.decided_by == 6
    assert evidence.of_estimate(found.effect, (0.1, 0.1), 3, (0.2, math.inf)).decided_by is None


def test_an_effect_at_the_end_of_its_region_or_that_is_badly_seen_is_decided_by_no_number():
    assert of_mean(exactly(VALUES - VALUES.mean() + 0.2), EVERYTHING_ABOVE, fewest=5).decided_by is None
    known = Bounded(VALUES, VALUES - 0.2, VALUES)
    assert of_mean(known, EVERYTHING_ABOVE, fewest=5).decided_by is None


def test_an_effect_that_would_take_more_values_than_anyone_has_is_decided_by_no_number():
    values = exactly(np.array([-1.0, 1.0, -1.0, 1.0, 1e-9]))
    assert of_mean(values, (0.0, np.inf), fewest=5).decided_by is None
    hair = exactly(1e-15 + np.array([-1e-7, 1e-7, -1e-7, 1e-7, 0.0]))
    assert of_mean(hair, (0.0, np.inf), fewest=5).decided_by is None


def test_what_must_hold_for_all_parts_is_as_weak_as_the_weakest():
    parts = [Evidence(UNKNOWN, 5, p, 1 - p) for p in (0.001, 0.2, 0.03)]
    found = worst(parts)
    assert (found.p_supported, found.p_refuted) == (0.2, 1.0)
    against = Evidence(UNKNOWN, 5, 0.996, 0.004, "this one")
    doubtful = Evidence(UNKNOWN, 5, 0.9, 0.1)
    assert worst([evidence.lacking("few"), doubtful]).remark == "", "the other may refute it"
    assert worst([evidence.lacking("few"), *parts[:1]]).remark == "few", "nothing may be said for it"
    refuted = worst([evidence.lacking("few"), against, *parts])
    assert (refuted.p_refuted, refuted.remark) == (pytest.approx(0.02), "this one")


def test_holms_correction_stops_at_the_first_that_is_too_large():
    tests = [
        verdict.Hypothesis(name, "", p) for name, p in (("a", 0.01), ("b", 0.04), ("c", 0.03), ("d", 0.005))
    ]
    # .005 <= .05 / 4 and .01 <= .05 / 3, but .03 > .05 / 2 (Holm 1979), so that .04 is not looked at.
    assert [test.claim for test in verdict.holm(tests)] == ["d", "a"]


def places(**by_place):
    """Evidence by "workload_framework": the p value that the claim is supported there."""
    return {
        Place("mnist", model, framework): Evidence(UNKNOWN, 5, p, 1 - p)
        for name, p in by_place.items()
        for model, framework in [name.split("_")]
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({}, "not measured"),
        ({"mlp_keras": 1e-5, "mlp_pytorch": 1e-4}, "supported"),
        ({"mlp_keras": 1e-5, "mlp_pytorch": 0.3}, "inconclusive"),
        ({"mlp_keras": 1 - 1e-5, "mlp_pytorch": 1 - 1e-4}, "refuted"),
        ({"mlp_keras": 1e-5, "mlp_pytorch": 1 - 1e-5}, "depends on framework"),
        ({"mlp_keras": 1e-5, "cnn_keras": 1 - 1e-5}, "depends on workload"),
        (
            {"mlp_keras": 1e-5, "cnn_keras": 1 - 1e-5, "mlp_pytorch": 1 - 1e-5, "cnn_pytorch": 1e-5},
            "depends on framework, workload, arm",
        ),
    ],
)
def test_verdicts(found, expected):
    assert verdict.verdicts({"it": places(**found)}) == {"it": expected}


def test_a_factor_is_named_only_by_places_that_decide():
    found = places(mlp_keras=1e-5, cnn_pytorch=1 - 1e-5)
    assert verdict.verdicts({"it": found}) == {"it": "depends on framework or workload"}
    undecided = found | places(mlp_pytorch=0.4)
    assert verdict.verdicts({"it": undecided}) == {"it": "depends on framework or workload"}
    of_arms = {
        place._replace(model="mlp", framework="keras", arm=place.framework): e for place, e in found.items()
    }
    assert verdict.verdicts({"it": of_arms}) == {"it": "depends on arm"}


def test_what_always_happens_is_refuted_by_one_place():
    found = {"it": places(mlp_keras=1e-5, mlp_pytorch=1 - 1e-5)}
    assert verdict.verdicts(found, always=frozenset(["it"])) == {"it": "refuted"}


def test_a_place_that_could_not_be_tested_says_nothing_and_hinders_no_other():
    lacking = {Place("mnist", "cnn", "keras"): evidence.lacking("why")}
    assert verdict.verdicts({"it": lacking}) == {"it": "not measured"}
    assert verdict.verdicts({"it": places(mlp_keras=1e-9) | lacking}) == {"it": "supported"}


def test_of_a_thousand_studies_in_which_no_claim_holds_at_most_one_in_twenty_supports_any():
    """Every effect lies at the very end of its region, where a wrong verdict is most likely."""
    draw = np.random.default_rng(0)
    wrong = 0
    for _ in range(1000):
        found = {
            str(claim): {
                Place("mnist", "mlp", str(place)): of_mean(
                    exactly(draw.normal(0.2, 1, 5)), EVERYTHING_ABOVE, fewest=5
                )
                for place in range(1 + claim % 3)
            }
            for claim in range(16)
        }
        wrong += any(told != "inconclusive" for told in verdict.verdicts(found).values())
    assert wrong <= 50


def test_a_clear_effect_is_found():
    draw = np.random.default_rng(1)
    found = {
        str(claim): {
            Place("mnist", "mlp", str(place)): of_mean(
                exactly(draw.normal(3, 0.2, 5)), EVERYTHING_ABOVE, fewest=5
            )
            for place in range(4)
        }
        for claim in range(16)
    }
    assert {*verdict.verdicts(found).values()} == {"supported"}
