"""`recommend --from-noise`: the noise scale of one training in words, and how far such answers were off."""

import dataclasses
import math

import claimed
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.common.errors import Problem
from benchmarks.publish import noise_scale, results
from benchmarks.recommend import answer, noise

MNIST = ("mnist", "mlp")


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """Noise scales of 100 and 400 on the way to the target with B = 8, and 9,999 elsewhere."""
    empty = claimed.without_measurements(tmp_path_factory)
    path = {0: ("start", 9999.0), 10: ("path", 100.0), 20: ("path target", 400.0), 40: ("path end", 9999.0)}
    rows = [
        {"dataset": "mnist", "model": "mlp", "arm": "tuned", "batch_size": size, "seed": seed}
        | {"steps": steps, "roles": roles, "noise_scale": scale * 1.1**seed if size == 8 else 9999.0}
        for size in (8, 32)
        for seed in (-1, 0, 1)
        for steps, (roles, scale) in path.items()
    ]
    law = empty.critical_batch.assign(framework="pytorch", critical_batch=500.0)
    summary = empty.summary.iloc[:1].assign(study="s", machine="lab")
    study = {"study": "s", "arms": [{"name": "tuned", "optimizer": "sgd"}]}
    return dataclasses.replace(
        empty,
        checkpoints=pd.DataFrame(rows),
        critical_batch=law,
        summary=summary,
        rates=empty.rates.assign(learning_rate=0.03),
        provenance={**empty.provenance, "study": study},
    )


def test_the_scale_is_that_of_the_smallest_batch_size_on_the_way_to_the_target(known):
    found = noise_scale.scale(known, MNIST)
    assert (found.batch_size, found.n) == (8, 3)
    assert found.value == pytest.approx(200)
    assert (found.least, found.most) == pytest.approx((200 / 1.1, 220))


def test_the_answer_has_the_batch_size_the_rate_and_the_error(known):
    told = noise.sentences(known, MNIST, [known])
    assert "is 200 (182 to 220 over 3 seeds)" in told[0] and "with B = 200 takes twice" in told[0]
    # eps_max / (1 + S / B): half of eps_max at B = S, and eps_max / 26 at B = 8.
    assert "there is 0.390, from the best one, 0.0300, at B = 8" in told[1]
    assert told[-1].endswith("0.400 times (s on lab, MNIST, MLP, tuned).")


def test_it_tells_how_far_its_rates_were_from_tuned_ones(known):
    """From .03 at B = 8 and S = 200 the formula has .39 at B = 200 and .585 at B = 600."""
    rows = [(8, 0.03, "reached", False), (200, 0.78, "reached", False), (600, 0.195, "reached", False)]
    rows += [(32, 9.0, "reached", True), (64, 9.0, "no-rate-reached", False)]
    columns = ["batch_size", "learning_rate", "status", "at_edge"]
    rates = pd.DataFrame(rows, columns=columns).assign(dataset="mnist", model="mlp", arm="tuned")
    tuned = dataclasses.replace(known, rates=rates)
    (ratios,) = noise.errors_of_rates([tuned]).values()
    assert ratios == pytest.approx([0.5, 3.0])
    told = noise.sentences(tuned, MNIST, [tuned])
    assert told[2].endswith("from the tuned ones: 0.500 to 3.00 times (s on lab, MNIST, MLP, tuned).")
    assert noise.sentences(tuned, MNIST, [])[2].startswith("No study here has learning rates")


def test_without_a_law_beside_it_it_says_that_nobody_knows_how_far_it_is_off(known):
    for unknown in (
        {"critical_batch": math.nan},
        {"critical_batch_hi": math.inf},
        {"critical_batch": 0.0, "critical_batch_lo": 0.0},
    ):
        none = dataclasses.replace(known, critical_batch=known.critical_batch.assign(**unknown))
        told = noise.sentences(known, MNIST, [none])
        assert told[-1].startswith("No study here has both")


def test_a_study_whose_target_was_never_reached_answers_nothing_and_hinders_no_other(known):
    never = dataclasses.replace(known, checkpoints=known.checkpoints.assign(roles="path"))
    assert noise.measured(known, MNIST) and not noise.measured(never, MNIST)
    assert len(noise.errors([never, known])) == 1


def test_an_arm_without_a_search_or_of_another_optimizer_has_no_rate(known):
    adam = {"study": "s", "arms": [{"name": "tuned", "optimizer": "adam"}]}
    of_adam = dataclasses.replace(known, provenance={**known.provenance, "study": adam})
    fixed = dataclasses.replace(known, rates=known.rates.iloc[:0])
    for each in (of_adam, fixed):
        assert noise.sentences(each, MNIST, [])[1].startswith("It predicts no learning rate")


def test_results_without_noise_scales_are_told(known, monkeypatch):
    bare = dataclasses.replace(known, checkpoints=known.checkpoints.assign(noise_scale=np.nan))
    monkeypatch.setattr(answer.evidence, "sources", lambda *given: [claimed])
    monkeypatch.setattr(answer.evidence, "latest", lambda found, has: bare if has(bare) else None)
    with pytest.raises(
        Problem, match="the noise scale of mnist × mlp on the way to its target is in no results"
    ):
        answer.from_noise("results", MNIST)


def test_the_command_answers(known, monkeypatch):
    monkeypatch.setattr(answer.evidence, "sources", lambda *given: [])
    monkeypatch.setattr(answer.evidence, "latest", lambda found, has: known)
    monkeypatch.setattr(answer.machines, "find", lambda folder: results and type("F", (), {"taken": []}))
    given = ["recommend", "--dataset", "mnist", "--model", "mlp", "--from-noise"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0 and "with B = 200 takes twice" in done.output


@pytest.mark.parametrize("given", [("examples",), ("time", "lab"), ("time", None, "keras")])
def test_what_it_does_not_heed_is_refused(given):
    with pytest.raises(Problem, match="depends on no machine"):
        answer.check_alone(*given)
    answer.check_alone("time", None, None)
