"""What tuned trainings say together, on points that follow a law which is known."""

import dataclasses
import io
import types

import numpy as np
import pandas as pd
import pytest
import searched
import synthetic

from benchmarks.common.errors import Problem
from benchmarks.publish import figures, results, tables, writing
from benchmarks.publish.claims.tuned import searched_for, tuned_for_steps
from benchmarks.publish.tables.tuning import rule
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.search import Candidate
from benchmarks.recommend import rate
from benchmarks.study.rates import Found, Tuned
from benchmarks.summary import scaling, summarise

SIZES = [4, 16, 64, 256, 1024, 4096]
TARGETS = pd.DataFrame({"dataset": ["mnist"], "model": ["mlp"], "n_training": [55_000]})


def fit(**changes):
    (row,) = scaling.fits(searched.cells(SIZES, **changes), searched.rates(SIZES), TARGETS)
    return row


def test_the_law_is_that_of_the_points():
    row = fit()
    assert row["examples_min"] == pytest.approx(searched.E_MIN)
    assert row["critical_batch"] == pytest.approx(searched.B_CRIT)
    assert row["steps_min"] == pytest.approx(searched.E_MIN / searched.B_CRIT)
    assert (row["n_reached"], row["n_censored"]) == (6, 0)


def test_a_batch_size_that_missed_its_target_lies_above_its_last_example():
    row = fit(missed=[1024, 4096])
    assert (row["n_reached"], row["n_censored"]) == (4, 2)
    assert row["critical_batch"] == pytest.approx(searched.B_CRIT, rel=0.2)
    assert fit(missed=[4096], noise=0.05)["critical_batch"] == pytest.approx(searched.B_CRIT, rel=0.3)


def test_too_few_batch_sizes_give_no_law():
    assert scaling.fits(searched.cells(SIZES[:3]), searched.rates(SIZES), TARGETS) == []


def test_steps_that_hardly_fall_have_no_law_and_examples_that_fall_no_fewest_steps():
    sizes = np.array([64, 256, 1024, 4096])
    constant = searched.cells(sizes).assign(examples_to_target=sizes * np.array([7, 8, 8, 9]))
    assert scaling.fits(constant, searched.rates(sizes), TARGETS) == []
    falling = searched.cells(sizes).assign(examples_to_target=[60e3, 58e3, 50e3, 20e3])
    (row,) = scaling.fits(falling, searched.rates(sizes), TARGETS)
    assert row["critical_batch"] == np.inf
    assert np.isnan(row["steps_min"])


def test_a_search_that_failed_is_no_evidence():
    rates = searched.rates(SIZES)
    rates.loc[rates["batch_size"] == 4096, "status"] = "failed"
    (row,) = scaling.fits(searched.cells(SIZES), rates, TARGETS)
    assert row["n_reached"] == 5


def test_arms_that_are_not_tuned_have_no_law():
    other = searched.cells(SIZES).assign(arm="fixed-lr")
    assert scaling.fits(other, searched.rates(SIZES), TARGETS) == []


def test_each_framework_has_its_own_law():
    both = pd.concat([searched.cells(SIZES), searched.cells(SIZES, framework="pytorch", noise=0.1)])
    rows = scaling.fits(both, searched.rates(SIZES), TARGETS)
    assert [row["framework"] for row in rows] == ["keras", "pytorch"]
    assert rows[0]["r_squared"] > rows[1]["r_squared"]


def test_scaling_is_perfect_up_to_the_first_batch_size_that_takes_a_quarter_more():
    assert scaling.perfect_to(searched.cells(SIZES)) == 64  # B_crit / 4 is 130
    assert scaling.perfect_to(searched.cells([4, 16, 64])) == 64


def test_the_slope_is_that_of_the_rates_up_to_half_of_the_critical_batch_size():
    row = fit()
    assert row["n_rates"] == 4  # 256 is less than half of 520
    assert row["rate_slope"] == pytest.approx(1.0)
    # Rates on a grid of octaves, hi / lo = 2: the residuals are no less than those of a uniform error.
    x = np.log([4, 16, 64, 256])
    half = 4.3027 * np.log(2) / np.sqrt(12) / np.sqrt(((x - x.mean()) ** 2).sum())
    assert row["rate_slope_hi"] - row["rate_slope"] == pytest.approx(half, rel=1e-3)


def test_two_rates_have_no_slope():
    assert np.isnan(scaling.slope(searched.rates([4, 16])).value)


@pytest.mark.parametrize(
    ("lo", "hi", "told"),
    [
        (0.85, 1.15, "linear"),
        (0.4, 0.6, "square root"),
        (0.7, 0.75, "neither"),
        (1.3, 1.5, "neither"),
        (0.4, 1.1, "not told apart"),
        (np.nan, np.nan, "—"),
    ],
)
def test_a_rule_is_named_where_the_interval_lies_within_its_bounds(lo, hi, told):
    assert rule(lo, hi) == told


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    return searched.add(synthetic.write(tmp_path_factory.mktemp("tuned")))


def test_the_tables_of_a_tuned_study(tuned):
    tables.write(tuned)
    rates = (tuned / "tables" / "learning-rates.md").read_text()
    assert "no rate reaches the target" in rates
    assert "MNIST, MLP | fixed-lr" in rates
    laws = (tuned / "tables" / "critical-batch.md").read_text()
    assert "B_crit" in laws
    tex = (tuned / "tables" / "critical-batch.tex").read_text()
    assert "η" not in tex


def test_the_figures_of_a_tuned_study_show_every_candidate_and_the_law(tuned):
    known = results.read(tuned)
    drawn = figures.applicable(known)
    assert {"learning-rate", "critical-batch"} <= drawn.keys()
    figure = drawn["learning-rate"].draw(known)
    panel = figure.axes[0]
    n_sizes = known.rates.groupby(["dataset", "model"], sort=False).size().iloc[0]
    assert sum(len(points.get_offsets()) for points in panel.collections[1:]) == 2 * n_sizes
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:4] == ["best", "as good", "η ∝ B", "η ∝ √B"]
    assert {"diverged", "target missed", "ended when it could not win"} <= set(texts)
    laws = drawn["critical-batch"].draw(known)
    assert len(laws.axes) == 2 * len(known.critical_batch[["dataset", "model"]].drop_duplicates())


def test_an_arm_that_looks_for_accuracy_is_coloured_by_it_and_has_no_law(tuned):
    known = results.read(tuned)
    study = known.provenance["study"]
    arms = [arm | {"search": {"goal": "accuracy"}} for arm in study["arms"]]
    accurate = dataclasses.replace(
        known,
        provenance={**known.provenance, "study": {**study, "arms": arms}},
        trials=known.trials.assign(validation_accuracy=0.95 - 0.01 * (known.trials["ended"] == "missed")),
    )
    assert searched_for(accurate, "accuracy") == ["fixed-lr"] and searched_for(accurate, "steps") == []
    assert searched_for(known, "steps") == ["fixed-lr"]
    figure = figures.modules()["learning-rate"].draw(accurate)
    writing.laid_out(figure)
    points = figure.axes[0].collections[1]
    assert {round(float(each), 6) for each in points.get_array()} == {0, 1}
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert "Points below the best" in labels and "Steps over the fewest" not in labels
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "diverged" in texts and "target missed" not in texts
    assert [*tuned_for_steps(accurate)] == []
    with pytest.raises(Problem, match="searched for the fewest steps"):
        rate.searched(accurate, ("mnist", "mlp"))


def test_no_law_is_fitted_to_an_arm_that_looks_for_accuracy(tuned, monkeypatch):
    monkeypatch.setattr(summarise, "targets", lambda workloads: pd.read_csv(tuned / "targets.csv"))
    summary = pd.read_csv(tuned / "summary.csv")
    made = [
        Tuned(
            **{"dataset": row.dataset, "model": row.model, "arm": row.arm, "framework": "keras"},
            **{"batch_size": row.batch_size, "start": Candidate(learning_rate=row.start)},
            found=Found(
                best=Candidate(learning_rate=row.learning_rate),
                **{"steps": 50, "lowest": 0.1, "highest": 0.3, "at_edge": False, "trials": []},
            ),
        )
        for row in pd.read_csv(tuned / "rates.csv").itertuples()
    ]

    def laws(goal):
        arm = {"name": "fixed-lr", "learning_rate": "tune", "momentum": 0.5, "scaling": "none"}
        arm |= {"search": {"learning_rate": [0.1, 1], "goal": goal}}
        one = types.SimpleNamespace(arms=[Arm(**arm)], workloads=[])
        return pd.read_csv(io.StringIO(summarise.of_searches(made, summary, one)["critical_batch.csv"]))

    assert len(laws("steps")) > 0 and laws("accuracy").empty


def test_a_study_without_a_tuned_arm_has_none_of_it(tmp_path):
    known = results.read(synthetic.write(tmp_path))
    assert not {"learning-rate", "critical-batch"} & figures.applicable(known).keys()
    assert not [table for table in tables.build(known) if table.name in ("learning-rates", "critical-batch")]
