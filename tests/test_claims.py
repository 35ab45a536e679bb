"""Verdicts on claims: the tests against arithmetic, each judge on known numbers, and how often they err."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
import searched
import synthetic
from scipy import stats

from benchmarks.publish import claims, figures, results, tables
from benchmarks.publish.claims import evidence, verdict
from benchmarks.publish.claims.claim import Claim
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


def test_values_of_a_coarse_measurement_are_not_taken_as_exact():
    same = exactly(np.full(5, 0.3))
    assert of_mean(same, EVERYTHING_ABOVE, fewest=5).p_supported == 0
    assert of_mean(same, EVERYTHING_ABOVE, fewest=5, floor=0.2).p_supported == pytest.approx(
        stats.t.sf(0.1 / (0.2 / math.sqrt(5)), 4)
    )


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


def test_what_must_hold_for_all_parts_is_as_weak_as_the_weakest():
    parts = [Evidence(UNKNOWN, 5, p, 1 - p) for p in (0.001, 0.2, 0.03)]
    found = worst(parts)
    assert (found.p_supported, found.p_refuted) == (0.2, 1.0)
    against = Evidence(UNKNOWN, 5, 0.996, 0.004, "this one")
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


def test_a_place_that_could_not_be_tested_supports_nothing():
    lacking = {Place("mnist", "cnn", "keras"): evidence.lacking("why")}
    assert verdict.verdicts({"it": lacking}) == {"it": "not measured"}
    assert verdict.verdicts({"it": places(mlp_keras=1e-9) | lacking}) == {"it": "inconclusive"}


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


SIZES = [8, 32, 64, 256, 1024, 4096]
SEEDS = range(5)


def throughput(speed, *, framework="keras", execution="fused", processes=5, share=None):
    """Timings of one workload: examples per second by batch size, with 1 % of noise between processes."""
    noise = np.random.default_rng(2)
    rows = [
        {"dataset": "mnist", "model": "mlp", "framework": framework, "step_kind": "momentum"}
        | {"execution": execution, "batch_size": size, "process": process, "status": "measured"}
        | {"samples_per_s": speed(size) * noise.lognormal(0, 0.01), "disturbed": ""}
        | {"input_share": share(size) + noise.normal(0, 0.01) if share else math.nan}
        for size in SIZES
        for process in range(processes)
    ]
    return pd.DataFrame(rows)


def runs(arm="tuned", *, missed=(), seeds=SEEDS, sizes=SIZES, **quantities):
    """Runs of one workload in Keras: each quantity by batch size, with 1 % of noise between seeds."""
    noise = np.random.default_rng(3)
    rows = []
    for size in sizes:
        for seed in seeds:
            row = {"dataset": "mnist", "model": "mlp", "framework": "keras", "arm": arm, "batch_size": size}
            row |= {"seed": seed, "status": "reached", "examples": 1e6, "examples_resolution": 500.0}
            row |= {"examples_to_target": 5e4, "time_to_target_s": math.nan, "train_accuracy": 0.99}
            row |= {"disturbed": "", "training_samples_per_s": 1e4}
            row |= {name: value(size) * noise.lognormal(0, 0.01) for name, value in quantities.items()}
            if size in missed:
                row |= {"examples_to_target": math.nan, "time_to_target_s": math.nan, "status": "missed"}
            rows.append(row)
    return pd.DataFrame(rows)


def law(size):
    return searched.E_MIN * (1 + size / searched.B_CRIT)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """The results of a study of one cell in one framework, whose tables the tests replace."""
    known = results.read(synthetic.write(tmp_path_factory.mktemp("claims")))
    summary = known.summary.query("dataset == 'mnist' and framework == 'keras'")
    names = {"dataset": "mnist", "model": "mlp", "arm": "tuned", "framework": "keras"}
    ends = {"critical_batch_lo": 0.9 * searched.B_CRIT, "critical_batch_hi": 1.1 * searched.B_CRIT}
    laws = pd.DataFrame([names | {"critical_batch": searched.B_CRIT} | ends])
    tuned = {"rates": searched.rates(SIZES), "critical_batch": laws}
    return dataclasses.replace(known, summary=summary, throughput=known.throughput.iloc[:0], **tuned)


def judged(known, name):
    """The evidence of the one place at which a claim is judged."""
    claim = claims.claims()[name]
    (found,) = claims.evidence_of(known, claim).values()
    return found


def told(found):
    return "holds" if found.p_supported < 0.05 else "fails" if found.p_refuted < 0.05 else "not told"


def saturating(size):
    return 1e5 / (1 + 200 / size)


def test_the_time_of_an_epoch_and_its_knee(empty):
    known = dataclasses.replace(empty, throughput=throughput(saturating))
    found = judged(known, "time-per-epoch")
    assert found.effect.value == pytest.approx(saturating(4096) / saturating(8), rel=0.02)
    assert told(found) == "holds"
    # 1 / 1.1 of the speed at 4,096 is that at about 1,300.
    assert found.remark == "B = 8 over 4096; within a tenth of the fastest from B = 4096"
    flat = dataclasses.replace(empty, throughput=throughput(lambda size: 1e5))
    assert told(judged(flat, "time-per-epoch")) == "fails"


def test_one_slower_batch_size_refutes_that_bigger_is_always_faster(empty):
    assert (
        told(judged(dataclasses.replace(empty, throughput=throughput(saturating)), "bigger-is-faster"))
        == "holds"
    )
    slower = throughput(lambda size: saturating(size) / (4 if size == 256 else 1))
    found = judged(dataclasses.replace(empty, throughput=slower), "bigger-is-faster")
    assert told(found) == "fails"
    assert found.effect.value == pytest.approx(4 * saturating(64) / saturating(256), rel=0.02)
    assert found.remark == "B = 256 over 64"


def test_timings_that_were_disturbed_are_no_evidence_and_their_place_stays(empty):
    rows = throughput(saturating)
    rows.loc[rows["process"] > 1, "disturbed"] = "other work"
    for frame, n in ((rows, 2), (rows.assign(disturbed="other work"), 0)):
        found = judged(dataclasses.replace(empty, throughput=frame), "time-per-epoch")
        assert not found.tested
        assert found.remark == f"B = 8 over 4096; {n} of the 5 values that a test needs"


def test_cells_that_are_not_certified_are_no_evidence(empty):
    summary = empty.summary.assign(identity="not certified: loss")
    known = dataclasses.replace(empty, throughput=throughput(saturating), summary=summary)
    found = judged(known, "time-per-epoch")
    assert (found.tested, found.remark) == (False, "a cell is not certified")


def test_the_share_of_the_input(empty):
    rows = throughput(saturating, execution="idiomatic", share=lambda size: 0.5 / (1 + size / 500))
    found = judged(dataclasses.replace(empty, throughput=rows), "data-loading")
    assert found.effect.value == pytest.approx(100 * (0.5 / (1 + 8 / 500) - 0.5 / (1 + 4096 / 500)), abs=2)
    assert told(found) == "holds"


@pytest.mark.parametrize(("gain", "expected"), [(1.2, "holds"), (1.0, "fails")])
def test_powers_of_two(empty, monkeypatch, gain, expected):
    monkeypatch.setitem(globals(), "SIZES", [31, 32, 33, 127, 128, 129, 200, 201, 202])
    speed = lambda size: 1e4 * (gain if size in (32, 128) else 1)  # noqa: E731
    known = dataclasses.replace(empty, throughput=throughput(speed, processes=10))
    found = judged(known, "powers-of-two")
    assert found.effect.value == pytest.approx(gain, rel=0.02)
    assert told(found) == expected


@pytest.mark.parametrize(
    ("peak", "linear", "proportional"),
    [
        (lambda size: 150 + 0.5 * size, "holds", "fails"),
        (lambda size: 0.5 * size, "holds", "holds"),
        (lambda size: 100 * math.sqrt(size), "fails", "fails"),
    ],
)
def test_memory(empty, peak, linear, proportional):
    exact = runs(peak_memory_mib=lambda size: 1.0).assign(
        peak_memory_mib=lambda rows: rows["batch_size"].map(peak)
    )
    known = dataclasses.replace(empty, runs=exact)
    assert told(judged(known, "memory-linear")) == linear
    assert told(judged(known, "memory-proportional")) == proportional


def test_the_line_of_memory_is_the_one_that_the_peaks_lie_on(empty):
    exact = runs().assign(peak_memory_mib=lambda rows: 150 + 0.5 * rows["batch_size"])
    found = judged(dataclasses.replace(empty, runs=exact), "memory-proportional")
    assert found.effect.value == pytest.approx(100 * 150 / (150 + 0.5 * 8))


def test_examples_of_the_largest_batch_size(empty):
    known = dataclasses.replace(empty, runs=runs(examples_to_target=law))
    found = judged(known, "small-fewer-epochs")
    assert found.effect.value == pytest.approx(law(4096) / law(8), rel=0.02)
    assert told(found) == "holds"
    assert told(judged(known, "small-more-epochs")) == "fails"


def test_a_large_batch_that_missed_the_target_bounds_the_ratio_from_below(empty):
    missed = dataclasses.replace(empty, runs=runs(examples_to_target=law, missed=[4096]))
    found = judged(missed, "small-fewer-epochs")
    assert found.effect.value == pytest.approx(1e6 / law(8), rel=0.02)
    assert told(found) == "holds"
    assert found.effect.hi == math.inf
    early = dataclasses.replace(missed, runs=missed.runs.assign(examples=1e4))
    assert told(judged(early, "small-fewer-epochs")) == "not told"


def test_examples_at_the_critical_batch_size_and_at_a_quarter_of_it(empty):
    known = dataclasses.replace(empty, runs=runs(examples_to_target=law))
    found = judged(known, "large-needs-more-epochs")
    # Between the measured sizes the curve of the law lies a little below straight lines of logarithms.
    assert found.effect.value == pytest.approx(2 * law(0) / law(8), rel=0.15)
    assert told(found) == "holds"
    assert told(judged(known, "quarter-needs-few-more-epochs")) == "holds"


def test_a_critical_batch_size_that_is_not_known_shows_nothing(empty):
    known = dataclasses.replace(empty, runs=runs(examples_to_target=law))
    open_ended = dataclasses.replace(
        known, critical_batch=known.critical_batch.assign(critical_batch_hi=math.inf)
    )
    assert not judged(open_ended, "quarter-needs-few-more-epochs").tested
    none = dataclasses.replace(known, critical_batch=known.critical_batch.iloc[:0])
    assert judged(none, "quarter-needs-few-more-epochs").remark.startswith("no law goes through")


def test_a_ratio_that_evaluation_alone_makes_is_not_shown(empty):
    """Every size needs 70,000 examples; a large one is evaluated less often, and so is seen to need more."""
    every = {size: max(5_500, 4 * size) for size in SIZES} | {4096: 32_768}
    seen = runs(examples_to_target=lambda size: 1.0).assign(
        examples_resolution=lambda rows: rows["batch_size"].map(every).astype(float),
        examples_to_target=lambda rows: (
            np.ceil(70_000 / rows["examples_resolution"]) * rows["examples_resolution"]
        ),
    )
    found = judged(dataclasses.replace(empty, runs=seen), "small-fewer-epochs")
    assert found.effect.value == pytest.approx(98_304 / 71_500)
    assert told(found) == "not told"


def test_accuracy_of_small_batches_counts_where_both_were_trained_equally_far(empty):
    better = runs(
        test_accuracy=lambda size: 0.97 if size <= 64 else 0.94, validation_accuracy=lambda size: 0.97
    )
    found = judged(dataclasses.replace(empty, runs=better), "small-generalise-better")
    assert found.effect.value == pytest.approx(3, abs=1.5)
    assert told(found) == "holds"
    short = better.assign(train_accuracy=np.where(better["batch_size"] == 4096, 0.95, 0.99))
    found = judged(dataclasses.replace(empty, runs=short), "small-generalise-better")
    assert not found.tested
    assert found.remark.endswith("their training accuracies are 4.00 points apart")


def test_the_best_small_batch_is_chosen_by_validation(empty):
    chosen = runs(
        test_accuracy=lambda size: {8: 0.99, 32: 0.95}.get(size, 0.9),
        validation_accuracy=lambda size: {8: 0.9, 32: 0.95}.get(size, 0.8),
    )
    found = judged(dataclasses.replace(empty, runs=chosen), "small-generalise-better")
    assert found.remark.startswith("B = 32 less 4096")


def test_small_data_sets_are_judged_by_what_they_add_to_the_gap(empty):
    whole = runs(test_accuracy=lambda b: 0.97 if b <= 64 else 0.96, validation_accuracy=lambda b: 1 / b)
    part = runs(test_accuracy=lambda b: 0.9 if b <= 64 else 0.7, validation_accuracy=lambda b: 1 / b)
    part["dataset"] = "mnist--fraction-0-1"
    rates = pd.concat([empty.rates, empty.rates.assign(dataset="mnist--fraction-0-1")])
    targets = pd.DataFrame(
        {"dataset": ["mnist", "mnist--fraction-0-1"], "model": "mlp", "n_training": [55_000, 5_500]}
    )
    known = dataclasses.replace(empty, runs=pd.concat([whole, part]), rates=rates, targets=targets)
    found = judged(known, "small-data")
    assert found.effect.value == pytest.approx(20 - 1, abs=2)
    assert told(found) == "holds"
    large_better = whole.assign(
        test_accuracy=lambda rows: rows["test_accuracy"].where(rows["batch_size"] > 64, 0.9)
    )
    worse = part.assign(test_accuracy=lambda rows: rows["test_accuracy"].where(rows["batch_size"] > 64, 0.68))
    both = dataclasses.replace(known, runs=pd.concat([large_better, worse]))
    assert told(judged(both, "small-data")) == "fails"
    uneven = pd.concat([whole, part.assign(dataset="mnist--imbalance-10")])
    rates = rates.replace({"dataset": {"mnist--fraction-0-1": "mnist--imbalance-10"}})
    assert (
        claims.evidence_of(
            dataclasses.replace(known, runs=uneven, rates=rates), claims.claims()["small-data"]
        )
        == {}
    )
    alone = dataclasses.replace(known, runs=whole)
    assert claims.evidence_of(alone, claims.claims()["small-data"]) == {}


@pytest.mark.parametrize(("gain", "expected"), [(0.05, "holds"), (-0.05, "fails")])
def test_warm_up_is_judged_by_two_arms_that_differ_in_nothing_else(empty, gain, expected):
    arms = [
        {"name": "tuned", "momentum": 0.875},
        {"name": "warm", "momentum": 0.875, "schedule": {"warm_up": 1.0}},
    ]
    without = runs(test_accuracy=lambda size: 0.9, validation_accuracy=lambda size: 0.9)
    warm = runs("warm", test_accuracy=lambda size: 0.9 + gain, validation_accuracy=lambda size: 0.9)
    known = dataclasses.replace(
        empty,
        runs=pd.concat([without, warm]),
        rates=pd.concat([empty.rates, empty.rates.assign(arm="warm")]),
        provenance={"study": {"arms": arms}},
    )
    found = judged(known, "warm-up")
    assert found.effect.value == pytest.approx(100 * gain, abs=1)
    assert (told(found), found.remark) == (expected, "B = 4096")
    arms[1]["momentum"] = 0.5
    assert claims.evidence_of(known, claims.claims()["warm-up"]) == {}


def test_accuracy_with_one_rate_is_that_of_arms_of_one_rate(empty):
    rows = runs(
        "fixed-lr",
        test_accuracy=lambda size: 0.95 if size <= 64 else 0.5,
        validation_accuracy=lambda b: 1 / b,
    )
    known = dataclasses.replace(empty, runs=rows, summary=empty.summary.query("arm == 'fixed-lr'"))
    assert judged(known, "small-generalise-better-at-one-rate").effect.value == pytest.approx(45, rel=0.1)


def test_b_32_is_held_to_every_other_size(empty):
    times = runs(time_to_target_s=lambda size: {64: 1.0, 32: 1.6}.get(size, 3.0))
    found = judged(dataclasses.replace(empty, runs=times), "start-at-32-time")
    assert found.effect.value == pytest.approx(1.6, rel=0.02)
    assert (told(found), found.remark) == ("fails", "over B = 64")
    near = runs(time_to_target_s=lambda size: {64: 1.0, 32: 1.1}.get(size, 3.0))
    assert told(judged(dataclasses.replace(empty, runs=near), "start-at-32-time")) == "holds"
    missed = times.assign(
        examples_to_target=times["examples_to_target"].where(
            (times["batch_size"] != 32) | (times["seed"] > 2)
        )
    )
    assert told(judged(dataclasses.replace(empty, runs=missed), "start-at-32-time")) == "not told"
    tested = runs(test_accuracy=lambda size: 0.97 if size == 256 else 0.9).assign(
        test_accuracy=lambda rows: rows["test_accuracy"].round(2)
    )
    assert told(judged(dataclasses.replace(empty, runs=tested), "start-at-32-accuracy")) == "fails"


@pytest.mark.parametrize(("value", "linear", "root"), [(1.0, "holds", "fails"), (0.5, "fails", "holds")])
def test_rules_for_the_rate(empty, value, linear, root):
    half = 0.1
    ends = {"rate_slope": value, "rate_slope_lo": value - half, "rate_slope_hi": value + half, "n_rates": 5}
    summary = empty.summary.assign(arm="tuned")
    known = dataclasses.replace(empty, critical_batch=empty.critical_batch.assign(**ends), summary=summary)
    found = judged(known, "linear-rule")
    assert found.effect == pytest.approx((value, value - half, value + half))
    assert (told(found), told(judged(known, "square-root-rule"))) == (linear, root)
    at_edge = dataclasses.replace(known, rates=known.rates.assign(at_edge=True))
    assert not judged(at_edge, "linear-rule").tested


def test_accuracies_of_batch_sizes_that_never_reached_the_target_say_nothing(empty):
    chance = runs(test_accuracy=lambda size: 0.1, validation_accuracy=lambda size: 0.1)
    known = dataclasses.replace(empty, runs=chance.assign(test_accuracy=0.1, examples_to_target=math.nan))
    for name in ("small-generalise-better", "start-at-32-accuracy"):
        assert not judged(known, name).tested
    untold = dataclasses.replace(empty, runs=chance.assign(train_accuracy=math.nan))
    assert not judged(untold, "small-generalise-better").tested


def test_peaks_of_nothing_say_nothing(empty):
    known = dataclasses.replace(empty, runs=runs().assign(peak_memory_mib=0.0))
    assert not judged(known, "memory-proportional").tested


def test_every_claim_that_is_judged_names_a_figure_that_exists():
    names = {claim.figure for claim in claims.claims().values() if claim.judge}
    assert names <= {*figures.modules()}


def test_a_judge_without_a_criterion_is_refused():
    with pytest.raises(ValueError, match="a judge needs above or below, fewest, effect and figure"):
        Claim(name="a", sentence="b", supported_if="c", needs="d", judge="speed.time_per_epoch")


def test_the_tables_hold_every_claim_and_lead_to_the_figures(tmp_path):
    known = results.read(searched.add(synthetic.write(tmp_path)))
    built = {table.name: table for table in tables.build(known)}
    assert [row[0].text for row in built["claims"].rows] == [c.sentence for c in claims.claims().values()]
    links = {row[3].link for row in built["claims"].rows} - {""}
    assert links <= {f"figure-{name}" for name in figures.applicable(known)}
    evidence_rows = built["claims-evidence"].data
    assert {"time-per-epoch", "small-fewer-epochs"} <= {*evidence_rows["claim"]}
    told_of = dict(zip(built["claims"].data["claim"], built["claims"].data["verdict"], strict=True))
    assert told_of["sharp-minima"] == "not measured"


def test_the_same_results_give_the_same_verdicts(tmp_path):
    known = results.read(searched.add(synthetic.write(tmp_path)))
    assert repr(claims.judge(known)) == repr(claims.judge(known))
