"""The equivalence test over seeds, against arithmetic done by hand."""

import math

import numpy as np
import pytest
from paired import changed, records

from benchmarks.identity.equivalence import RATIO_MARGIN, equivalences
from benchmarks.training.record import Status


def rows(*of_cells, n_test=10**9):
    found = equivalences(
        {of_cell[0].cell: of_cell for of_cell in of_cells}, ["x", "y", "z"], n_test={"d": n_test}
    )
    return {row.quantity: row for row in found}


@pytest.mark.parametrize("n", [2, 3, 5])
@pytest.mark.parametrize("epochs", [1.02, 1.05, 2.02, 4.5])
@pytest.mark.parametrize(("spread", "at_least"), [(0.01, 0), (0.1, 100)])
def test_a_ratio_at_the_margin_is_not_called_equivalent_because_the_grid_is_coarse(
    n, epochs, spread, at_least
):
    # Evaluated every quarter of an epoch, both of 1.05 and 1.05 · 1.25 epochs are often read as 1.25. Where
    # seeds hardly differ, most of such readings have no spread to test with; where they do, most have one.
    random = np.random.default_rng(2)
    verdicts = []
    for _ in range(200):
        ours, theirs = (
            records(
                name,
                [None] * n,
                [25 * math.ceil(100 * true * factor / 25) for factor in random.normal(1, spread, n)],
                every=25,
            )
            for name, true in (("x", epochs * RATIO_MARGIN[1]), ("y", epochs))
        )
        verdicts.append(rows(ours, theirs)["epochs_to_target"].verdict)
    assert len(verdicts) - verdicts.count("not testable") >= at_least
    assert (
        verdicts.count("equivalent") <= 20
    )  # 5 % of 200, and the chance that it comes to more than twice that


def test_equal_pairs_have_no_spread_to_test_with():
    ours, theirs = (records(name, [0.9, 0.8], [400, 800], every=25) for name in "xy")
    for row, estimate in zip(rows(ours, theirs, n_test=1000).values(), (0.0, 1.0), strict=True):
        assert (row.verdict, row.n, row.estimate) == ("not testable", 2, estimate)
        assert (row.p, row.lo, row.hi) == (None, None, None)
        assert row.reason == "no spread: every pair is equal, so that a t test says nothing"


@pytest.mark.parametrize("less", [0.1, 0.001])
def test_pairs_that_differ_by_the_same_amount_have_no_spread_to_test_with(less):
    accuracies = [0.93, 0.8, 0.53]  # of which the differences below are no longer equal to the last bit
    ours, theirs = records("x", accuracies), records("y", [value - less for value in accuracies])
    row = rows(ours, theirs, n_test=1000)["test_accuracy"]
    assert (row.verdict, row.p, row.lo, row.hi) == ("not testable", None, None, None)
    assert row.estimate == pytest.approx(100 * less)
    assert row.reason == "no spread: every pair differs by the same amount, so that a t test says nothing"


def test_epochs_of_one_ratio_have_no_spread_to_test_with_though_their_brackets_have():
    ours, theirs = (records(*of) for of in (("x", [None] * 2, [210, 420]), ("y", [None] * 2, [200, 400])))
    row = rows(ours, theirs)["epochs_to_target"]
    assert (row.verdict, row.p, row.estimate) == ("not testable", None, pytest.approx(1.05))


def test_epochs_have_no_spread_to_test_with_if_one_end_of_their_brackets_has_none():
    # Evaluated every 25, the target is met in ours after 375 and after 750 at the least: 15/16 of theirs.
    ours, theirs = (
        records(name, [None] * 2, reached, every=25)
        for name, reached in (("x", [400, 775]), ("y", [400, 800]))
    )
    row = rows(ours, theirs)["epochs_to_target"]
    assert (row.verdict, row.p, row.lo, row.hi) == ("not testable", None, None, None)
    assert row.reason.startswith("no spread: at the ends of their ranges")


def test_epochs_are_known_no_better_than_to_an_evaluation():
    ours, theirs = (
        records("x", [None] * 2, [400, 800], every=25),
        records("y", [None] * 2, [425, 775], every=25),
    )
    row = rows(ours, theirs)["epochs_to_target"]
    assert row.estimate == pytest.approx(math.sqrt(400 / 425 * 800 / 775))
    assert row.lo < math.sqrt(375 / 425 * 775 / 775)
    assert row.hi > math.sqrt(400 / 400 * 800 / 750)


def test_epochs_of_nearly_one_ratio_are_equivalent():
    reached = [1000, 2000, 1500], [1010, 1990, 1505]
    ours, theirs = (records(name, [None] * 3, each) for name, each in zip("xy", reached, strict=True))
    row = rows(ours, theirs)["epochs_to_target"]
    assert (row.verdict, row.reason) == ("equivalent", "")
    assert 0.8 < row.lo < row.estimate < row.hi < 1.25


@pytest.mark.parametrize("reached", [[25, 50, 25], [25, 25, 50]])
def test_a_target_met_at_the_first_evaluation_says_nothing_about_epochs(reached):
    ours, theirs = records("x", [None] * 3, reached, every=25), records("y", [None] * 3, [50] * 3, every=25)
    for both in ((ours, theirs), (theirs, ours)):
        row = rows(*both)["epochs_to_target"]
        assert (row.verdict, row.p, row.lo, row.hi) == ("not testable", None, None, None)
        assert row.reason.startswith("too coarse: with some seed the target was met at the first evaluation")


def test_accuracy_is_known_no_better_than_to_a_test_example():
    ours, theirs = records("x", [0.9, 0.9, 0.9, 0.9, 0.900001]), records("y", [0.9] * 5)
    assert rows(ours, theirs, n_test=201)["test_accuracy"].verdict == "equivalent"
    row = rows(ours, theirs, n_test=199)["test_accuracy"]
    assert (row.verdict, row.p) == ("not shown", pytest.approx(1.0, abs=1e-6))
    assert row.reason.startswith("too coarse")


def test_nothing_is_equivalent_where_one_framework_alone_broke_off():
    ours, theirs = records("x", [0.9] * 5), records("y", [0.9, 0.9, 0.9, 0.9, 0.901])
    assert rows(ours, theirs)["test_accuracy"].verdict == "equivalent"
    for status in (Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY):
        broken = changed(theirs[0], status=status, examples=7)
        row = rows(ours, [broken, *theirs[1:]])["test_accuracy"]
        assert (row.n, row.n_one_alone, row.verdict) == (4, 1, "not shown")
        assert row.p < 0.05


def test_one_framework_alone_is_told_of_where_the_other_pairs_have_no_spread():
    ours, theirs = records("x", [0.9] * 3), records("y", [0.9] * 3)
    row = rows(ours, [changed(theirs[0], status=Status.DIVERGED, examples=7), *theirs[1:]])["test_accuracy"]
    assert (row.n, row.n_one_alone, row.verdict) == (2, 1, "not testable")
    assert "every pair is equal" in row.reason
    assert "for 1 of the seeds only one of the two frameworks" in row.reason


BROKEN = [Status.DIVERGED, Status.FAILED, Status.OUT_OF_MEMORY]


@pytest.mark.parametrize("theirs", BROKEN)
@pytest.mark.parametrize("ours", BROKEN)
def test_runs_that_failed_alike_are_no_pair_though_they_have_an_accuracy(ours, theirs):
    first, second = records("x", [0.9, 0.91, 0.9, 0.1]), records("y", [0.9, 0.909, 0.901, 0.1])
    broken = changed(first[3], status=ours), changed(second[3], status=theirs)
    row = rows([*first[:3], broken[0]], [*second[:3], broken[1]])["test_accuracy"]
    assert (row.n, row.n_one_alone, row.verdict) == (3, 0, "equivalent")
    assert row.reason == "1 of 4 seeds failed in both frameworks"


def test_a_run_that_failed_alone_is_no_pair_though_it_has_an_accuracy():
    ours, theirs = records("x", [0.9, 0.91, 0.9, 0.1]), records("y", [0.9, 0.909, 0.901, 0.1])
    row = rows([*ours[:3], changed(ours[3], status=Status.DIVERGED)], theirs)["test_accuracy"]
    assert (row.n, row.n_one_alone, row.verdict) == (3, 1, "not shown")


def test_frameworks_that_failed_with_every_seed_are_not_testable():
    both = (
        [changed(each, status=Status.DIVERGED) for each in records(name, [0.1, 0.2, 0.3])] for name in "xy"
    )
    row = rows(*both)["test_accuracy"]
    assert (row.verdict, row.n, row.n_one_alone, row.estimate, row.p) == ("not testable", 0, 0, None, None)
    assert row.reason.startswith("failed: ")
    assert row.reason.endswith("3 of 3 seeds failed in both frameworks")


def test_a_target_that_neither_framework_reached_is_told_of_with_the_number_of_seeds():
    ours, theirs = (
        records(name, [None] * 3, [None, None, reached]) for name, reached in (("x", 9), ("y", 9))
    )
    row = rows(ours, theirs)["epochs_to_target"]
    assert (row.verdict, row.n) == ("not testable", 1)
    assert row.reason.startswith("target not reached: 1 seed with the target reached in both frameworks")
    assert row.reason.endswith("2 of 3 seeds reached the target in neither framework")


def test_a_target_that_neither_framework_reached_with_some_seed_is_told_of_beside_a_verdict():
    ours = records("x", [None] * 4, [1000, 2000, 1500, None])
    theirs = records("y", [None] * 4, [1010, 1990, 1505, None])
    row = rows(ours, theirs)["epochs_to_target"]
    assert (row.verdict, row.n) == ("equivalent", 3)
    assert row.reason == "1 of 4 seeds reached the target in neither framework"


def test_one_seed_would_make_too_few_pairs_had_it_not_failed():
    both = (changed(records(name, [0.1])[0], status=Status.DIVERGED) for name in "xy")
    row = rows(*([each] for each in both))["test_accuracy"]
    assert row.reason.startswith("too few pairs: ")
    assert row.reason.endswith("1 of 1 seeds failed in both frameworks")


def test_a_difference_beyond_the_margin_is_not_equivalent():
    row = rows(records("x", [0.75, 0.501]), records("y", [0.5, 0.25]))["test_accuracy"]
    assert (row.verdict, row.estimate) == ("not shown", pytest.approx(25.05))
    assert row.p > 0.99


def test_accuracy_is_in_percentage_points_and_paired_by_seed():
    ours = records("x", [0.901, 0.802, 0.703], seeds=[0, 1, 2])
    theirs = records("y", [0.7, 0.8, 0.9], seeds=[2, 1, 0])
    row = rows(ours, theirs)["test_accuracy"]
    assert row.estimate == pytest.approx(0.2)
    assert row.verdict == "equivalent"


def test_epochs_are_a_ratio_of_those_that_both_reached():
    ours = records("x", [None] * 4, [200, 110, 90, None])
    theirs = records("y", [None] * 4, [None, 100, 100, None])
    row = rows(ours, theirs)["epochs_to_target"]
    assert (row.n, row.n_one_alone) == (2, 1)
    assert row.estimate == pytest.approx(math.sqrt(1.1 * 0.9))
    assert (row.margin_lo, row.margin_hi) == (0.8, 1.25)
    assert row.lo < row.estimate < row.hi


def test_nothing_is_equivalent_where_a_seed_reached_the_target_in_one_framework_alone():
    both = records("x", [None] * 3, [101, 100, 100]), records("y", [None] * 3, [100, 100, None])
    row = rows(*both)["epochs_to_target"]
    assert (row.n, row.n_one_alone, row.verdict) == (2, 1, "not shown")
    assert row.p < 0.05
    assert row.reason.startswith("for 1 of the seeds only one of the two frameworks")


def test_a_run_that_a_time_limit_cut_short_is_not_compared():
    ours, theirs = records("x", [0.9, 0.9001, 0.9]), records("y", [0.9, 0.9, 0.5])
    row = rows(ours, [*theirs[:2], changed(theirs[2], examples=10)])["test_accuracy"]
    assert (row.n, row.estimate, row.verdict) == (2, pytest.approx(0.005), "equivalent")


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_pairs_are_not_testable_and_say_why(n):
    row = rows(records("x", [0.5, 0.5]), records("y", [0.5, 0.5], seeds=[2 - n, 2]))["test_accuracy"]
    assert (row.verdict, row.n, row.p) == ("not testable", n, None)
    assert "two are needed" in row.reason


def test_every_pair_of_frameworks_that_has_records_is_tested():
    of_cells = [records(name, [0.5, 0.5]) for name in "zyx"]
    found = equivalences({each[0].cell: each for each in of_cells}, ["x", "y", "z"], n_test={"d": 100})
    assert {(row.framework, row.other) for row in found} == {("x", "y"), ("x", "z"), ("y", "z")}
    assert len(found) == 6
