"""The critical batch size: planted ones are found again, and MLPerf's points give the known figures."""

import numpy as np
import pytest

from benchmarks.publish import mlperf
from benchmarks.summary import critical_batch
from benchmarks.summary.critical_batch import fit, through

SIZES = 2.0 ** np.arange(15)
E_MIN, B_CRIT = 100_000.0, 100.0


def points(seed, *, scatter=0.1):
    noise = np.exp(scatter * np.random.default_rng(seed).standard_normal(len(SIZES)))
    return E_MIN * (1 + SIZES / B_CRIT) * noise


def test_points_on_the_law_give_it_back():
    found = fit(SIZES, points(0, scatter=0.0))
    assert found.e_min.value == pytest.approx(E_MIN)
    assert found.b_crit.value == pytest.approx(B_CRIT)
    assert found.s_min.value == pytest.approx(E_MIN / B_CRIT)
    assert found.r_squared == pytest.approx(1.0) and found.holds
    assert (found.n_reached, found.n_censored) == (15, 0)


CENSORED = {
    "none": np.zeros(15, bool),
    "the largest third": np.arange(15) >= 10,
    "every third": np.arange(15) % 3 == 2,
}


@pytest.mark.parametrize("cut", CENSORED.values(), ids=CENSORED)
def test_planted_values_are_found_among_ten_per_cent_of_noise(cut):
    """In the middle of 40 draws, where the budget of some sizes is 0.85 times what they need on average."""
    budget = np.where(cut, 0.85, np.inf) * E_MIN * (1 + SIZES / B_CRIT)
    lines = []
    for seed in range(40):
        examples = points(seed)
        lines.append(through(SIZES, np.minimum(examples, budget), examples > budget))
    at_zero, slope = (np.median([getattr(line, name) for line in lines]) for name in ("at_zero", "slope"))
    assert at_zero == pytest.approx(E_MIN, rel=0.05)
    assert at_zero / slope == pytest.approx(B_CRIT, rel=0.05)
    assert slope == pytest.approx(E_MIN / B_CRIT, rel=0.05)


def test_to_leave_censored_points_out_would_give_another_answer():
    """Those that need most by chance end at their budget; without them the law is too low."""
    budget = 1.05 * E_MIN * (1 + SIZES / B_CRIT)
    kept, left_out = [], []
    for seed in range(40):
        examples = points(seed, scatter=0.2)
        late = examples > budget
        kept.append(through(SIZES, np.minimum(examples, budget), late).at_zero)
        left_out.append(through(SIZES[~late], examples[~late], late[~late]).at_zero)
    assert abs(np.median(kept) - E_MIN) < abs(np.median(left_out) - E_MIN) / 2


def test_intervals_hold_the_planted_value_about_as_often_as_they_say(monkeypatch):
    monkeypatch.setattr(critical_batch, "RESAMPLES", 200)
    found = [fit(SIZES, points(seed)).b_crit for seed in range(100)]
    assert sum(each.lo <= B_CRIT <= each.hi for each in found) >= 85


@pytest.mark.parametrize("slope", [0.0, -3.0])
def test_points_that_do_not_rise_have_no_critical_batch_size(slope):
    noise = np.random.default_rng(1).normal(0, 0.05, len(SIZES))
    found = fit(SIZES, (E_MIN + slope * SIZES) * (1 + noise))
    assert not found.holds and np.isinf(found.b_crit.hi)


def test_through_too_few_points_there_is_no_law():
    late = np.arange(15) >= 3
    assert fit(SIZES, points(0), censored=late) is None
    assert fit([], []) is None


KNOWN = {
    "ResNet-50 on ImageNet": (34.6, 46_900, 0.991),
    "R-GAT, a graph network": (0.752, 116_000, 1.000),
    "RNN-T on LibriSpeech": (35.7, 3_690, 0.996),
    "SSD on OpenImages": (3.32, 1_290, 0.975),
    "DLRM-DCNv2": (0.639, 283_000, 0.978),
    "BERT": (2317, 12_700, 0.946),
    "GPT-3 175B": (1049, 16_100, 0.942),
    "Mask R-CNN on COCO": (12.8, 832, 0.900),
}
"""E_min, B_crit and R² of the same points, fitted by others."""


def test_the_reference_points_of_mlperf_give_the_known_figures():
    data = mlperf.table().data
    for name, (e_min, b_crit, r_squared) in KNOWN.items():
        own = data[data["benchmark"] == name]
        found = fit(own["batch_size"], own["to_target"])
        assert f"{found.e_min.value:.3g}" == f"{e_min:.3g}"
        assert f"{found.b_crit.value:.3g}" == f"{b_crit:.3g}"
        assert found.r_squared == pytest.approx(r_squared, abs=6e-4)


def test_where_the_law_does_not_hold_no_number_is_printed():
    lines = {row[0].text: [entry.text for entry in row] for row in mlperf.table().rows}
    assert {*lines} == {*KNOWN, "3D U-Net on KiTS19"}
    assert lines["3D U-Net on KiTS19"][4:] == ["—", "thousand samples", mlperf.NO_RISE, "—"]
    assert lines["GPT-3 175B"][6].startswith("16,100 [")
