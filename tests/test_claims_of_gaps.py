"""Claims about the gap between small batches and large ones, judged by runs that are known."""

import dataclasses

import claimed
import numpy as np
import pandas as pd
import pytest
from claimed import judged, runs, told

from benchmarks.publish import claims
from benchmarks.publish.claims import early_stopping

empty = pytest.fixture(claimed.without_measurements, scope="module")


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


def of_norms(empty, *, lost, lost_with_group_norm):
    """Runs of a model with either norm, whose large batches lose so much test accuracy."""
    models = {"cnn": lost, "cnn_gn": lost_with_group_norm}
    made = [
        runs(
            test_accuracy=lambda size, less=less: 0.97 if size <= 64 else 0.97 - less,
            validation_accuracy=lambda size: 0.97,
        ).assign(model=model)
        for model, less in models.items()
    ]
    rates = pd.concat([empty.rates.assign(model=model) for model in models])
    cells = pd.concat([empty.summary.assign(model=model, arm="tuned") for model in models])
    return dataclasses.replace(empty, runs=pd.concat(made), rates=rates, summary=cells)


@pytest.mark.parametrize(("lost", "beside", "expected"), [(0.15, 0.12, "holds"), (0.03, 0.12, "fails")])
def test_batch_norm_is_judged_by_the_gap_beside_that_with_group_norm(empty, lost, beside, expected):
    found = judged(of_norms(empty, lost=lost, lost_with_group_norm=beside), "batch-norm")
    # Of two criteria, the one that decides is told: of a large gap, that it is there at all.
    decides = 100 * (lost if expected == "holds" else lost - beside)
    assert found.effect.value == pytest.approx(decides, abs=1)
    assert told(found) == expected


def test_a_gap_that_batch_norm_does_not_have_is_not_its_doing(empty):
    """Large batches are better with either norm, and less so with batch norm."""
    found = judged(of_norms(empty, lost=-0.06, lost_with_group_norm=-0.11), "batch-norm")
    assert (told(found), found.remark) == ("fails", "with batch norm alone")


def test_group_norm_without_a_certificate_is_no_evidence(empty):
    known = of_norms(empty, lost=0.09, lost_with_group_norm=0.03)
    doubtful = known.summary["identity"].mask(known.summary["model"] == "cnn_gn", "not certified: loss")
    bare = dataclasses.replace(known, summary=known.summary.assign(identity=doubtful))
    assert claims.evidence_of(bare, claims.claims()["batch-norm"]) == {}


def test_batch_norm_says_nothing_of_one_norm_or_where_sizes_were_not_trained_equally_far(empty):
    known = of_norms(empty, lost=0.09, lost_with_group_norm=0.03)
    alone = dataclasses.replace(known, runs=known.runs.query("model == 'cnn'"))
    assert claims.evidence_of(alone, claims.claims()["batch-norm"]) == {}
    less = known.runs["train_accuracy"].where(
        (known.runs["model"] == "cnn") | (known.runs["batch_size"] < 4096), 0.9
    )
    uneven = judged(dataclasses.replace(known, runs=known.runs.assign(train_accuracy=less)), "batch-norm")
    assert not uneven.tested and "points apart" in uneven.remark
