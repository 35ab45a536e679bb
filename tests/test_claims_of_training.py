"""Claims about convergence and accuracy, judged by runs that are known."""

import dataclasses
import math

import claimed
import numpy as np
import pandas as pd
import pytest
from claimed import SIZES, judged, law, runs, told

from benchmarks.publish import claims

empty = pytest.fixture(claimed.without_measurements, scope="module")


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


@pytest.mark.parametrize(("apart", "expected"), [(0.0001, "holds"), (0.05, "fails")])
def test_accumulation_is_held_to_the_whole_batch_at_every_size(empty, apart, expected):
    """Neither arm is tuned; at one batch size they are apart by so much."""
    arms = [
        {"name": "whole", "learning_rate": 0.0625, "momentum": 0.875, "accumulation": None},
        {"name": "parts", "learning_rate": 0.0625, "momentum": 0.875, "accumulation": 8},
    ]
    whole = runs("whole", sizes=[64, 256]).assign(test_accuracy=lambda rows: 0.9 + rows["seed"] / 10_000)
    parts = whole.assign(
        arm="parts", test_accuracy=whole["test_accuracy"] + apart * (whole["batch_size"] == 64)
    )
    known = dataclasses.replace(empty, runs=pd.concat([whole, parts]), provenance={"study": {"arms": arms}})
    found = judged(known, "accumulation")
    assert (told(found), found.remark) == (expected, "B = 64")
    assert found.effect.value == pytest.approx(100 * apart)
    ended = known.runs["examples"].where(
        (known.runs["arm"] == "whole") | (known.runs["batch_size"] == 256), 5e5
    )
    early = judged(dataclasses.replace(known, runs=known.runs.assign(examples=ended)), "accumulation")
    assert "not trained on as many examples" in early.remark and told(early) != "holds"
    arms[1]["momentum"] = 0.5
    assert claims.evidence_of(known, claims.claims()["accumulation"]) == {}


def test_tuned_arms_say_nothing_of_accumulation(empty):
    """Their rates differ."""
    arms = [{"name": "tuned", "learning_rate": "tune"}]
    arms.append({"name": "parts", "learning_rate": "tune", "accumulation": 8})
    both = pd.concat([runs(test_accuracy=lambda size: 0.9), runs("parts", test_accuracy=lambda size: 0.9)])
    known = dataclasses.replace(
        empty,
        runs=both,
        rates=pd.concat([empty.rates, empty.rates.assign(arm="parts")]),
        provenance={"study": {"arms": arms}},
    )
    assert claims.evidence_of(known, claims.claims()["accumulation"]) == {}


def test_one_cold_run_that_diverges_does_not_silence_what_warm_up_does(empty):
    arms = [{"name": "tuned"}, {"name": "warm", "schedule": {"warm_up": 0.1}}]
    cold = runs(test_accuracy=lambda size: 0.9, validation_accuracy=lambda size: 0.9)
    diverged = (cold["batch_size"] == 4096) & (cold["seed"] == 1)
    cold = cold.assign(
        examples=cold["examples"].where(~diverged, 1e5), status=cold["status"].where(~diverged, "diverged")
    )
    warm = runs("warm", test_accuracy=lambda size: 0.95, validation_accuracy=lambda size: 0.9)
    known = dataclasses.replace(
        empty,
        runs=pd.concat([cold, warm]),
        rates=pd.concat([empty.rates, empty.rates.assign(arm="warm")]),
        provenance={"study": {"arms": arms}},
    )
    assert told(judged(known, "warm-up")) == "holds"
    limited = known.runs["status"].replace("diverged", "time-limit")
    one_cut = judged(dataclasses.replace(known, runs=known.runs.assign(status=limited)), "warm-up")
    assert "not trained on as many examples" in one_cut.remark
    all_cut = known.runs["examples"].where(known.runs["arm"] != "tuned", 1e5)
    cut = judged(dataclasses.replace(known, runs=known.runs.assign(examples=all_cut)), "warm-up")
    assert "not trained on as many examples" in cut.remark


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
    longer = tested.assign(examples=tested["examples"].mask(tested["batch_size"] == 256, 2e6))
    assert told(judged(dataclasses.replace(empty, runs=longer), "start-at-32-accuracy")) != "fails"
    alone = tested.assign(examples=tested["examples"].mask(tested["batch_size"] != 32, 2e6))
    nothing = judged(dataclasses.replace(empty, runs=alone), "start-at-32-accuracy")
    assert not nothing.tested and "more examples" in nothing.remark
    without = dataclasses.replace(empty, runs=tested[tested["batch_size"] != 32])
    assert claims.evidence_of(without, claims.claims()["start-at-32-accuracy"]) == {}


def test_accuracies_of_batch_sizes_that_never_reached_the_target_say_nothing(empty):
    chance = runs(test_accuracy=lambda size: 0.1, validation_accuracy=lambda size: 0.1)
    known = dataclasses.replace(empty, runs=chance.assign(test_accuracy=0.1, examples_to_target=math.nan))
    for name in ("small-generalise-better", "start-at-32-accuracy"):
        assert not judged(known, name).tested
    untold = dataclasses.replace(empty, runs=chance.assign(train_accuracy=math.nan))
    assert not judged(untold, "small-generalise-better").tested


def checkpoints(scale, *, seeds=range(5), reached=True):
    """Checkpoints of a tuned arm at two batch sizes: after 10, 20 and 40 steps, and at the end."""
    noise, rows = np.random.default_rng(4), []
    roles = {0: "start", 10: "path", 20: "path", 40: "path target" if reached else "path", 80: "path end"}
    for size, seed in [(size, seed) for size in (8, 32) for seed in seeds]:
        for steps, role in roles.items():
            row = {"dataset": "mnist", "model": "mlp", "arm": "tuned", "batch_size": size, "seed": seed}
            of_size = 1.0 if size == 8 else 100.0
            row |= {"noise_scale": of_size * scale(steps) * noise.lognormal(0, 0.01)}
            rows.append(row | {"steps": steps, "roles": role})
    return pd.DataFrame(rows)


def with_noise(empty, scale, **settings):
    laws = empty.critical_batch.assign(framework="pytorch")
    made = runs().assign(framework="pytorch")
    summary = empty.summary.assign(framework="pytorch")
    return dataclasses.replace(
        empty, checkpoints=checkpoints(scale, **settings), critical_batch=laws, runs=made, summary=summary
    )


def test_the_noise_scale_is_held_to_the_critical_batch_size(empty):
    """On the way to the target, 260, 520 and 1,040; beyond it, it says nothing."""
    known = with_noise(empty, lambda steps: 26 * steps if 0 < steps <= 40 else 1e9)
    assert {*known.rates["arm"]} == {"tuned"}
    found = judged(known, "noise-scale")
    assert found.effect.value == pytest.approx(1, rel=0.15)
    assert told(found) == "holds"
    assert found.remark.startswith("B = 8")


def test_a_critical_batch_size_that_is_badly_known_refutes_nothing_within_its_interval(empty):
    known = with_noise(empty, lambda steps: 520.0)
    wide = known.critical_batch.assign(critical_batch_lo=100.0, critical_batch_hi=2700.0)
    assert told(judged(dataclasses.replace(known, critical_batch=wide), "noise-scale")) == "not told"
    beyond = with_noise(empty, lambda steps: 20_000.0)
    assert told(judged(dataclasses.replace(beyond, critical_batch=wide), "noise-scale")) == "fails"


def test_an_arm_without_a_search_beside_a_tuned_one_says_nothing_of_the_noise_scale(empty):
    known = with_noise(empty, lambda steps: 520.0)
    both = pd.concat([known.checkpoints, known.checkpoints.assign(arm="fixed-lr")])
    runs_of_both = pd.concat([known.runs, known.runs.assign(arm="fixed-lr")])
    assert (
        told(judged(dataclasses.replace(known, checkpoints=both, runs=runs_of_both), "noise-scale"))
        == "holds"
    )


def test_a_target_that_the_study_did_not_reach_in_time_counts_for_no_noise_scale(empty):
    known = with_noise(empty, lambda steps: 520.0)
    late = known.runs.assign(
        examples_to_target=known.runs["examples_to_target"].where(known.runs["seed"] > 1)
    )
    assert not judged(dataclasses.replace(known, runs=late), "noise-scale").tested


@pytest.mark.parametrize("factor", [1 / 8, 8])
def test_a_noise_scale_far_from_it_refutes_that(empty, factor):
    known = with_noise(empty, lambda steps: 520 * factor)
    assert told(judged(known, "noise-scale")) == "fails"


def test_a_noise_scale_without_a_law_or_a_target_says_nothing(empty):
    known = with_noise(empty, lambda steps: 520.0, reached=False)
    assert not judged(known, "noise-scale").tested
    open_ended = dataclasses.replace(
        with_noise(empty, lambda steps: 520.0),
        critical_batch=empty.critical_batch.assign(framework="pytorch", critical_batch_hi=math.inf),
    )
    assert judged(open_ended, "noise-scale").remark.startswith("the critical batch size has no interval")
    none = dataclasses.replace(open_ended, critical_batch=empty.critical_batch.iloc[:0])
    assert judged(none, "noise-scale").remark.startswith("no law goes through")
