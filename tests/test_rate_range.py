"""The range of learning rates that train well: its ends and widths by hand, the claim, and the map."""

import dataclasses
import math

import claimed
import numpy as np
import pandas as pd
import pytest
from claimed import judged, told

from benchmarks.publish import claims, figures, writing
from benchmarks.publish.claims import rate_range
from benchmarks.summary.schema.names import CELL

OCTAVES = range(-6, 1)
ARMS = {f"r{octave}": 2.0**octave for octave in OCTAVES}
SIZES = (4, 256)
empty = pytest.fixture(claimed.without_measurements, scope="module")


def grid(empty, tested, *, diverged=lambda size, octave: False, seeds=5, **settings):
    """Runs of arms of one rate each, with a test accuracy by batch size and octave."""
    arms = [
        {"name": name, "learning_rate": rate, "optimizer": "sgd", "scaling": "none", **settings}
        for name, rate in ARMS.items()
    ]
    rows = [
        {"dataset": "mnist", "model": "mlp", "framework": "pytorch", "arm": f"r{octave}", "batch_size": size}
        | {"seed": seed, "examples": 1000.0, "learning_rate": 2.0**octave, "examples_to_target": 500.0}
        | {"status": "diverged" if diverged(size, octave) else "reached"}
        | {"test_accuracy": tested(size, octave) + 0.0001 * seed}
        for size in SIZES
        for octave in OCTAVES
        for seed in range(seeds)
    ]
    runs = pd.DataFrame(rows)
    cells = runs.drop_duplicates(CELL).assign(identity="certified")
    provenance = {**empty.provenance, "study": {"study": "s", "arms": arms}}
    return dataclasses.replace(
        empty, runs=runs.drop(columns="learning_rate"), summary=cells, provenance=provenance
    )


def within(low, high):
    """Accuracy .97 from one octave to another, .9 beyond."""
    return lambda octave: 0.97 if low <= octave <= high else 0.9


def narrowing(size, octave):
    return within(-5, -1)(octave) if size == 4 else within(-3, -2)(octave)


def test_a_range_ends_half_a_step_beyond_the_outermost_rates_that_train_well(empty):
    ((place, runs),) = rate_range.grids(grid(empty, narrowing))
    assert place == ("mnist", "mlp", "pytorch", "")
    found = rate_range.ranges(runs).groupby("batch_size").first()
    assert np.log2(found.loc[4, ["lo", "hi"]].astype(float)).tolist() == pytest.approx([-5.5, -0.5])
    assert found.loc[4, ["observed", "least", "most"]].tolist() == [5, 4, 6]
    assert found.loc[256, ["observed", "least", "most"]].tolist() == [2, 1, 3]


def test_of_rates_that_are_not_evenly_apart_a_range_ends_halfway_to_the_next(empty):
    """At B = 4 without the rate of 2^-5: from between 2^-6 and 2^-4 to between 2^-1 and 2^0."""
    known = grid(empty, narrowing)
    ((_, runs),) = rate_range.grids(dataclasses.replace(known, runs=known.runs[known.runs["arm"] != "r-5"]))
    found = rate_range.ranges(runs).groupby("batch_size").first().loc[4]
    assert np.log2(found[["lo", "hi"]].astype(float)).tolist() == pytest.approx([-5, -0.5])
    assert found[["observed", "least", "most"]].tolist() == [4.5, 3, 6]


def test_a_range_at_the_end_of_the_grid_may_be_as_wide_as_any(empty):
    runs = grid(empty, lambda size, octave: within(-6, -1)(octave)).runs.merge(
        pd.DataFrame({"arm": list(ARMS), "learning_rate": list(ARMS.values())})
    )
    found = rate_range.ranges(runs).iloc[0]
    assert (found["observed"], found["least"], found["most"]) == (6, 5, math.inf)


def test_what_lies_apart_from_the_best_rate_or_diverged_is_no_part_of_its_range(empty):
    def tested(size, octave):
        return {-5: 0.965, -3: 0.96, -2: 0.97, -1: 0.965}.get(octave, 0.9)

    known = grid(empty, tested, diverged=lambda size, octave: octave == -1)
    ((_, runs),) = rate_range.grids(known)
    found = rate_range.ranges(runs).iloc[0]
    assert np.log2([found["lo"], found["hi"]]).tolist() == pytest.approx([-3.5, -1.5])


def test_seeds_that_differ_and_one_that_a_size_lacks(empty):
    """Ranges narrow by 2, 3 or 4 octaves, by seed."""
    known = grid(empty, narrowing)
    octave = known.runs["arm"].str[1:].astype(int)
    wider = (known.runs["batch_size"] == 256) & (known.runs["seed"] % 2 == 0) & (octave == -4)
    runs = known.runs.assign(test_accuracy=known.runs["test_accuracy"].mask(wider, 0.97))
    found = judged(dataclasses.replace(known, runs=runs), "rate-range")
    assert found.n == 5 and found.effect.value == pytest.approx(-(3 * 2 + 2 * 3) / 5)
    less = runs[(runs["seed"] != 4) | (runs["batch_size"] != 4)]
    assert judged(dataclasses.replace(known, runs=less), "rate-range").n == 4


def test_a_batch_size_at_which_all_rates_diverge_has_no_range_and_not_the_widest(empty):
    known = grid(empty, narrowing)
    lost = (known.runs["batch_size"] == 256) & (known.runs["seed"] == 0)
    runs = known.runs.assign(status=known.runs["status"].mask(lost, "diverged"))
    ((_, own),) = rate_range.grids(dataclasses.replace(known, runs=runs))
    found = rate_range.ranges(own).set_index(["batch_size", "seed"]).loc[(256, 0)]
    assert found["observed"] == found["most"] == 0 and np.isnan(found["lo"])
    never = known.runs.assign(
        examples_to_target=known.runs["examples_to_target"].mask(known.runs["batch_size"] == 256)
    )
    nothing = judged(dataclasses.replace(known, runs=never), "rate-range")
    assert not nothing.tested and "never reached" in nothing.remark


def test_a_run_that_diverges_after_its_target_trains_no_better_than_one_that_never_does(empty):
    known = grid(empty, narrowing)
    late = (known.runs["batch_size"] == 256) & (known.runs["arm"] == "r-2")
    runs = known.runs.assign(examples=known.runs["examples"].mask(late, 700.0))
    ((_, own),) = rate_range.grids(dataclasses.replace(known, runs=runs))
    assert rate_range.ranges(own).groupby("batch_size")["observed"].first().to_dict() == {4: 5, 256: 1}
    told_of = judged(dataclasses.replace(known, runs=runs), "rate-range")
    assert told_of.tested


def test_arms_of_other_scalings_are_other_grids(empty):
    known = grid(empty, narrowing)
    arms = [
        arm | {"scaling": "linear" if place % 2 else "none"}
        for place, arm in enumerate(known.provenance["study"]["arms"][:6])
    ]
    mixed = dataclasses.replace(known, provenance={**known.provenance, "study": {"arms": arms}})
    assert claims.evidence_of(mixed, claims.claims()["rate-range"]) == {}


@pytest.mark.parametrize(
    ("tested", "expected"), [(narrowing, "holds"), (lambda s, o: narrowing(260 - s, o), "fails")]
)
def test_a_range_that_narrows_by_more_than_the_grid_can_hide_holds(empty, tested, expected):
    found = judged(grid(empty, tested), "rate-range")
    assert abs(found.effect.value) == 3
    assert told(found) == expected


def test_one_octave_of_a_grid_of_octaves_tells_nothing(empty):
    found = judged(
        grid(empty, lambda size, octave: within(-4, -1 if size == 4 else -2)(octave)), "rate-range"
    )
    assert found.effect.value == -1 and told(found) == "not told"


def test_a_small_batch_whose_range_has_no_end_still_tells(empty):
    found = judged(
        grid(empty, lambda size, octave: within(-6 if size == 4 else -3, -2)(octave)), "rate-range"
    )
    assert told(found) == "holds" and "beyond the rates" in found.remark
    other = grid(empty, lambda size, octave: within(-6 if size == 256 else -3, -2)(octave))
    assert told(judged(other, "rate-range")) == "fails"


def test_other_arms_uneven_runs_and_too_few_rates_say_nothing(empty):
    known = grid(empty, narrowing)
    claim = claims.claims()["rate-range"]
    arms = known.provenance["study"]["arms"]

    def of(arms):
        return dataclasses.replace(known, provenance={**known.provenance, "study": {"arms": arms}})

    assert claims.evidence_of(of(arms[:3]), claim) == {}
    apart = [arm | {"momentum": index / 10} for index, arm in enumerate(arms)]
    assert claims.evidence_of(of(apart), claim) == {}
    assert claims.evidence_of(of([arm | {"learning_rate": "tune"} for arm in arms]), claim) == {}
    longer = known.runs.assign(examples=np.where(known.runs["batch_size"] == 256, 2000.0, 1000.0))
    found = judged(dataclasses.replace(known, runs=longer), "rate-range")
    assert not found.tested and "as many examples" in found.remark


def test_the_map_has_every_rate_the_range_and_crosses(empty):
    known = grid(empty, narrowing, diverged=lambda size, octave: size == 256 and octave == 0)
    module = figures.modules()["stability"]
    assert module.applies(known) and not module.applies(empty)
    drawn = module.draw(known)
    writing.laid_out(drawn)
    ax = drawn.axes[0]
    (points,) = [each for each in ax.collections if len(each.get_offsets()) == 13]
    assert points.get_array().max() == pytest.approx(7)
    (crosses,) = [line for line in ax.lines if line.get_marker() == "x"]
    assert (crosses.get_xdata().tolist(), crosses.get_ydata().tolist()) == ([256], [1])
    lowest = next(line for line in ax.lines if len(line.get_xdata()) == 2)
    assert np.log2(lowest.get_ydata()).tolist() == pytest.approx([-5.5, -3.5])
