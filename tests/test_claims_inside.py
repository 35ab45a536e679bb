"""Claims on minima and noise, judged by made-up checkpoints whose truth is known; their figure and chart."""

import dataclasses

import claimed
import numpy as np
import pandas as pd
import pytest
import searched
from claimed import SEEDS, judged, runs, told

from benchmarks.publish import claims, figures, verdicts, writing
from benchmarks.publish.drawing import verdicts as chart

SIZES = [8, 32, 128, 512, 4096]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return claimed.without_measurements(tmp_path_factory)


def checkpoints(**quantities):
    """Checkpoints of a tuned arm: each quantity by batch size, with 1 % of noise between seeds."""
    noise = np.random.default_rng(6)
    usual = {"sharpness": lambda size: 1.0, "largest_eigenvalue": lambda size: 1.0, "width": lambda size: 1.0}
    usual |= {"training_loss": lambda size: 0.05, "gradient_variance": lambda size: 1.0}
    rows = [
        {"dataset": "mnist", "model": "mlp", "arm": "tuned", "batch_size": size, "seed": seed}
        | {"steps": steps, "examples": 120 * steps, "epochs": 1.0, "roles": roles, "status": "measured"}
        | {"noise_scale": 100.0}
        | {name: of(size) * factor * noise.lognormal(0, 0.01) for name, of in (usual | quantities).items()}
        for size in SIZES
        for seed in SEEDS
        for steps, roles, factor in ((10, "path target matched", 1.0), (11, "end", 77.0))
    ]
    return pd.DataFrame(rows)


def curves(error, spread):
    """Twelve evaluations of each run, the last of which is that of the checkpoint, with this error there."""
    noise = np.random.default_rng(11)
    names = {"dataset": "mnist", "model": "mlp", "framework": "pytorch", "arm": "tuned"}
    return pd.DataFrame(
        [
            {**names, "batch_size": size, "seed": seed, "examples": at}
            | {"validation_accuracy": 1 - error(size) - noise.normal(0, 1e-4)}
            | {"validation_loss": 1.0 - 0.02 * at / 100 + spread(size) * noise.normal()}
            for size in SIZES
            for seed in SEEDS
            for at in range(100, 1300, 100)
        ]
    )


def known(empty, error=lambda size: 0.03, spread=lambda size: 0.1 * size**-0.3, **quantities):
    """The same in a study, with its validation error and the spread of its validation loss by batch size."""
    made = runs(sizes=SIZES, train_accuracy=lambda size: 0.99, test_accuracy=lambda size: 0.97)
    made = made.assign(framework="pytorch", peak_memory_mib=np.nan, validation_accuracy=0.97)
    targets = pd.DataFrame([{"dataset": "mnist", "model": "mlp", "n_training": 55_000}])
    return dataclasses.replace(
        empty,
        checkpoints=checkpoints(**quantities),
        runs=made,
        targets=targets,
        curves=curves(error, spread),
        summary=empty.summary.iloc[:1].assign(framework="pytorch", arm="tuned"),
        rates=searched.rates(SIZES),
    )


SHARPER = {
    "sharpness": lambda size: size**0.3,
    "largest_eigenvalue": lambda size: size**0.2,
    "width": lambda size: size**-0.1,
}


def test_sharper_minima_by_all_measures_support_that_large_batches_find_them(empty):
    found = judged(known(empty, **SHARPER), "sharp-minima")
    assert told(found) == "holds"
    assert found.effect.value == pytest.approx(512**0.1, rel=0.05), "that of the measure that says so least"
    assert found.remark.startswith("width, B = 4096 over 8")


FLATTER = {
    "sharpness": lambda size: size**-0.3,
    "largest_eigenvalue": lambda size: size**-0.2,
    "width": lambda size: size**0.1,
}


@pytest.mark.parametrize("measure", SHARPER)
def test_measures_that_contradict_each_other_tell_nothing_and_all_together_refute_it(empty, measure):
    against = SHARPER | {measure: FLATTER[measure]}
    assert told(judged(known(empty, **against), "sharp-minima")) == "not told"
    assert told(judged(known(empty, **FLATTER), "sharp-minima")) == "fails"


def test_training_losses_that_are_not_matched_say_nothing(empty):
    apart = SHARPER | {"training_loss": lambda size: 0.05 if size < 4096 else 0.03}
    for name in ("sharp-minima", "sharp-generalises-worse"):
        found = judged(known(empty, **apart), name)
        assert not found.tested
        assert found.remark.startswith("training losses are 1.6")


def test_a_difference_of_losses_within_what_counts_as_matched_is_not_taken_for_sharpness(empty):
    """Losses a sixth apart may make a sixth of sharpness by themselves."""
    slightly = {
        name: (lambda size: 1.15 if size == 4096 else 1.0) for name in ("sharpness", "largest_eigenvalue")
    }
    slightly |= {"width": lambda size: 1 / 1.15 if size == 4096 else 1.0}
    assert told(judged(known(empty, **slightly), "sharp-minima")) == "holds"
    losses = {"training_loss": lambda size: 0.05 * (1.17 if size == 4096 else 1.0)}
    assert told(judged(known(empty, **slightly, **losses), "sharp-minima")) == "not told"


def test_a_batch_size_at_an_end_that_never_came_down_to_the_loss_says_nothing(empty):
    made = known(empty, **SHARPER)
    rows = made.checkpoints
    lost = rows[~((rows["batch_size"] == 4096) & rows["roles"].str.contains("matched"))]
    for name in ("sharp-minima", "sharp-generalises-worse"):
        found = judged(dataclasses.replace(made, checkpoints=lost), name)
        assert not found.tested and found.remark.startswith("B = 4096 never came down")


def test_checkpoints_of_a_size_whose_search_failed_are_none_of_a_tuned_arm(empty):
    made = known(empty, **SHARPER)
    rates = made.rates.assign(status=np.where(made.rates["batch_size"] == 4096, "failed", "reached"))
    found = judged(dataclasses.replace(made, rates=rates), "sharp-minima")
    assert "B = 512 over 8" in found.remark


def test_arms_without_all_measures_say_nothing_of_sharp_minima(empty):
    made = known(empty, **SHARPER)
    lacking = dataclasses.replace(made, checkpoints=made.checkpoints.assign(width=np.nan))
    assert claims.evidence_of(lacking, claims.claims()["sharp-minima"]) == {}


@pytest.mark.parametrize(
    ("error", "expected"),
    [(lambda size: 0.01 * size**0.2, "holds"), (lambda size: 0.05 * size**-0.2, "fails")],
)
def test_sharpness_that_ranks_as_the_error_does(empty, error, expected):
    found = judged(known(empty, error=error, **SHARPER), "sharp-generalises-worse")
    assert told(found) == expected
    assert abs(found.effect.value) == pytest.approx(1, abs=0.05)


def test_an_error_of_chance_is_not_told(empty):
    assert told(judged(known(empty, **SHARPER), "sharp-generalises-worse")) == "not told"


def test_noise_that_falls_with_the_batch_size(empty):
    found = judged(known(empty), "noisy-gradients")
    assert told(found) == "holds"
    # 1/B - 1/N falls a little faster than 1/B as B comes near to N.
    assert found.effect.value == pytest.approx(-1.01, abs=0.02) or found.criterion == (-np.inf, 0)
    steady = judged(known(empty, spread=lambda size: 0.01 * size**0.3), "noisy-gradients")
    assert told(steady) == "fails" and steady.remark.startswith("validation loss")
    assert steady.criterion == (-np.inf, 0)
    assert steady.effect.value == pytest.approx(0.3, abs=0.1)
    louder = judged(known(empty, gradient_variance=lambda size: size**0.5), "noisy-gradients")
    assert told(louder) == "fails" and louder.remark.startswith("variance")
    assert louder.effect.value == pytest.approx(-0.51, abs=0.02)


def test_several_studies_are_judged_together(empty):
    sharp, flat = known(empty, **SHARPER), known(empty)
    sharper = {each.claim.name: each for each in claims.judge(empty, sharp, flat)}["sharp-minima"]
    assert told(*sharper.evidence.values()) == "holds", "the first that says anything of a place counts"
    other = dataclasses.replace(known(empty, **FLATTER), summary=sharp.summary)
    renamed = {name: getattr(other, name).assign(arm="other") for name in ("checkpoints", "runs", "rates")}
    other = dataclasses.replace(other, **renamed, summary=sharp.summary.assign(arm="other"))
    both = {each.claim.name: each for each in claims.judge(sharp, other)}["sharp-minima"]
    assert [told(found) for found in both.evidence.values()] == ["holds", "fails"]


def test_the_figure_shows_what_was_measured_at_matched_loss(empty):
    made = known(empty, error=lambda size: 0.01 * size**0.2, **SHARPER)
    module = figures.modules()["sharpness"]
    assert module.applies(made) and not module.applies(empty)
    figure = module.draw(made)
    writing.laid_out(figure)
    left, right = figure.axes
    heights = [line.get_ydata()[-1] for line in left.lines if line.get_linestyle() != "None"]
    assert sorted(heights) == pytest.approx([512**power for power in (0.1, 0.2, 0.3)], rel=0.05)
    (seen,) = [line.get_ydata() for line in right.lines if line.get_linestyle() != "None"]
    np.testing.assert_allclose(seen.astype(float), [1.0 * size**0.2 for size in SIZES], rtol=0.05)


def test_a_figure_of_sharpness_is_of_two_sizes_of_one_arm_and_falls_back_to_the_end(empty):
    made = known(empty, **SHARPER)
    module, rows = figures.modules()["sharpness"], made.checkpoints
    one = rows[(rows["batch_size"] == 8) | ~rows["roles"].str.contains("matched")]
    assert module.role(made) == "matched"
    assert module.role(dataclasses.replace(made, checkpoints=one)) == "end"
    writing.laid_out(module.draw(dataclasses.replace(made, checkpoints=one)))
    alone = dataclasses.replace(made, checkpoints=rows[rows["batch_size"] == 8])
    assert not module.applies(alone)


def test_the_chart_has_a_mark_for_each_place_that_says_anything(empty):
    given = claims.judge(known(empty, **SHARPER))
    figure = chart.draw(given)
    writing.laid_out(figure)
    (ax,) = figure.axes
    shown = [each for each in chart.in_order(given) if each.verdict != "not measured"]
    assert len(ax.lines) == sum(len(each.evidence) for each in shown)
    sentences = [label.get_text() for label in ax.get_yticklabels()]
    assert sentences == [each.claim.sentence for each in shown]
    assert [text.get_text() for text in ax.texts] == [each.verdict for each in shown]
    assert 0 < len(shown) < len(given)


def test_of_many_places_the_chart_has_their_numbers(empty):
    (first,) = [each for each in claims.judge(known(empty, **SHARPER)) if each.claim.name == "sharp-minima"]
    ((place, found),) = first.evidence.items()
    others = {place._replace(arm=str(n)): found for n in range(13)}
    others |= {
        place._replace(arm=f"not {n}"): found._replace(p_supported=1.0, p_refuted=0.01) for n in range(3)
    }
    figure = chart.draw([first._replace(evidence=others)])
    (ax,) = figure.axes
    assert len(ax.lines) == 2
    assert [text.get_text() for text in ax.texts][:2] == ["× 13", "× 3"]


def test_the_page_tells_every_claim_with_its_effects(empty):
    studies = {"results/x": known(empty, **SHARPER)}
    given = claims.judge(*studies.values())
    page = verdicts.told(studies, given)
    left = verdicts.open_yet(given)
    assert len(page.splitlines()) + len(left.splitlines()) == 4 + len(claims.claims())
    assert "| Powers of two are faster. | it takes ten undisturbed" in left
    line = verdicts.studies_told({"results/x": known(empty)})
    assert line.startswith("- [`synthetic`](../results/x/tables/main.csv), ") and "; PyTorch; " in line
    (line,) = [line for line in page.splitlines() if "sharp minima." in line and "find" in line]
    assert "PyTorch, tuned: 1.8" in line and "results/x/figures/sharpness.svg" in line
