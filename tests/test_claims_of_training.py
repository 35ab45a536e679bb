"""Claims about convergence and accuracy, judged by runs that are known."""

import dataclasses
import math

import claimed
import numpy as np
import pandas as pd
import pytest
from claimed import SIZES, judged, law, runs, told

from benchmarks.publish import claims
from benchmarks.publish.claims import early_stopping

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
    assert found.remark.endswith("training accuracies are 4.00 points apart")


def test_the_best_small_batch_is_chosen_by_validation(empty):
    chosen = runs(
        test_accuracy=lambda size: {8: 0.99, 32: 0.95}.get(size, 0.9),
        validation_accuracy=lambda size: {8: 0.9, 32: 0.95}.get(size, 0.8),
    )
    found = judged(dataclasses.replace(empty, runs=chosen), "small-generalise-better")
    assert found.remark.startswith("B = 32 less 4096")


def test_choosing_the_best_small_batch_does_not_favour_it(empty):
    """Every batch size is as good; validation and test of a run share their luck, .15 points of it."""
    draw, effects = np.random.default_rng(7), []
    made = runs(test_accuracy=lambda size: 0.9, validation_accuracy=lambda size: 0.9)
    for _ in range(100):
        luck = draw.normal(0, 0.0015, len(made))
        rows = made.assign(test_accuracy=0.9 + luck, validation_accuracy=0.9 + luck)
        effects.append(judged(dataclasses.replace(empty, runs=rows), "small-generalise-better").effect.value)
    # Were it chosen by its own validation, it would be .08 points better on average.
    assert abs(np.mean(effects)) < 0.03


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


PATH = np.array([0.2, 0.5, 0.8, 1.0])
"""The evaluations of a made-up run, as parts of its budget."""


def stopped(empty, *, best, last, trained=0.0, noise=0.0, seeds=5):
    """A tuned arm whose largest batch is worse by a gap at its best evaluation, and by another at the end."""
    known = runs(seeds=range(seeds)).assign(validation_accuracy=0.95, test_accuracy=0.95)
    large = known["batch_size"] == 4096
    known["train_accuracy"] -= trained * large
    path = known[["dataset", "model", "framework", "arm", "batch_size", "seed"]]
    random, parts = np.random.default_rng(0), []
    for place, part in enumerate(PATH):
        gap = (0.0, best, best, last)[place] + known["seed"] / 10_000
        scatter = np.round(noise * random.normal(size=len(path)), 4)
        below = np.where(large, gap, 0.0) + (0.1 if place == 0 else 0.0)
        parts.append(path.assign(examples=1e6 * part, validation_accuracy=0.95 - below + scatter))
    return dataclasses.replace(empty, runs=known, curves=pd.concat(parts, ignore_index=True))


@pytest.mark.parametrize(("best", "expected"), [(0.04, "holds"), (0.01, "fails")])
def test_early_stopping_is_judged_by_the_gaps_where_it_ends_a_run_and_at_the_end(empty, best, expected):
    found = judged(stopped(empty, best=best, last=0.04), "early-stopping")
    assert found.effect.value == pytest.approx(100 * (best - 0.75 * 0.04), abs=0.02)
    assert told(found) == expected
    assert found.remark == "B = 4096, gap at the end 4.02 points"


def test_early_stopping_says_nothing_without_a_gap_or_where_sizes_were_not_trained_equally_far(empty):
    none = judged(stopped(empty, best=0.04, last=0.001), "early-stopping")
    assert not none.tested and none.remark.startswith("no gap of 0.2 points")
    unequal = judged(stopped(empty, best=0.04, last=0.04, trained=0.02), "early-stopping")
    assert not unequal.tested and "points apart" in unequal.remark


def test_noise_along_a_curve_is_no_gap_where_it_is_stopped():
    """Every evaluation is as good as any; chosen by its own, the best of twenty would be .2 points better."""
    noise = np.random.default_rng(0).normal(0, 0.001, (40, 5, 20))
    found = []
    for curve in noise:
        rows = [
            {"batch_size": 64, "seed": seed, "examples": place, "validation_accuracy": 0.95 + value}
            for seed, values in enumerate(curve)
            for place, value in enumerate(values)
        ]
        whole = runs(sizes=[64])
        ends = early_stopping.with_ends(whole, pd.DataFrame(rows))
        found.append((ends["stopped_accuracy"] - ends["last_accuracy"]).mean())
    assert np.mean(found) == pytest.approx(0.0, abs=0.0002)


def test_runs_that_ended_before_the_others_do_not_count_for_early_stopping(empty):
    known = stopped(empty, best=0.04, last=0.04)
    collapsed = (known.curves["batch_size"] == 4096) & (known.curves["seed"] == 2)
    curves = known.curves[~(collapsed & (known.curves["examples"] > 6e5))]
    curves = curves.assign(
        validation_accuracy=curves["validation_accuracy"].where(~collapsed | (curves["examples"] < 5e5), 0.1)
    )
    found = judged(dataclasses.replace(known, curves=curves), "early-stopping")
    assert found.remark.startswith("4 of the 5 values") or not found.tested
    six = stopped(empty, best=0.04, last=0.04, seeds=6)
    cut = (six.curves["batch_size"] == 4096) & (six.curves["seed"] == 2) & (six.curves["examples"] > 6e5)
    found = judged(dataclasses.replace(six, curves=six.curves[~cut]), "early-stopping")
    assert (found.n, told(found)) == (5, "holds")


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


def with_ghosts(empty, *, gap, won):
    """Two tuned arms: without ghost batches the largest batch is worse by a gap, of which they win a part."""
    arms = [{"name": "tuned", "momentum": 0.875}, {"name": "ghost", "momentum": 0.875, "ghost_batch": 32}]
    plain = runs(test_accuracy=lambda b: 0.9 - gap * (b == 4096), validation_accuracy=lambda b: 1 / b)
    ghost = runs("ghost", test_accuracy=lambda b: 0.9 - gap + won, validation_accuracy=lambda b: 1 / b)
    both = pd.concat([plain, ghost])
    exact = both.assign(test_accuracy=lambda rows: rows["test_accuracy"].round(2))
    return dataclasses.replace(
        empty,
        runs=exact,
        rates=pd.concat([empty.rates, empty.rates.assign(arm="ghost")]),
        provenance={"study": {"arms": arms}},
    )


@pytest.mark.parametrize(("won", "expected"), [(0.15, "holds"), (0.0, "fails")])
def test_ghost_batch_norm_is_judged_by_the_share_of_the_gap_that_it_closes(empty, won, expected):
    found = judged(with_ghosts(empty, gap=0.2, won=won), "ghost-batch-norm")
    assert found.effect.value == pytest.approx(100 * (won - 0.3 * 0.2), abs=1)
    assert told(found) == expected


def test_ghost_batch_norm_closes_no_gap_where_there_is_none(empty):
    found = judged(with_ghosts(empty, gap=0.0, won=0.1), "ghost-batch-norm")
    assert not found.tested
    assert found.remark.startswith("no gap of 0.2 points")


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
