"""What a paper found beside a study that follows it: values, intervals and verdicts against arithmetic."""

import dataclasses
import math
from pathlib import Path

import claimed
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmarks.publish import findings, verdicts
from benchmarks.publish.findings import Finding
from benchmarks.publish.tables import paper
from benchmarks.study import check
from benchmarks.summary import schema

SEEDS = [0, 1, 2, 3, 4]
VALUES = np.array([2.0, 2.1, 1.9, 2.2, 1.8])
MADE = {"study": "s", "paper": "A 2000", "sentence": "It is", "theirs": "2", "differs": "all"}
MADE |= {"table": "checkpoints", "quantity": "sharpness", "role": "end"}


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return claimed.without_measurements(tmp_path_factory)


def with_values(empty, values=VALUES, *, study="s"):
    """Sharpness of 10 at the end with B = 8 and so many times that with B = 64, and of 1,000 on the way."""
    rows = [
        {"dataset": "mnist", "model": "mlp", "arm": "tuned", "batch_size": size, "seed": seed, "steps": steps}
        | {"roles": role, "sharpness": (10.0 * (value if size == 64 else 1.0)) if "end" in role else 1000.0}
        | {"sharpness_half": 1.0, "sharpness_subspace": 1.0}
        for seed, value in zip(SEEDS, values, strict=False)
        for size in (8, 64)
        for steps, role in ((0, "start"), (10, "path"), (20, "path best end"))
    ]
    provenance = {**empty.provenance, "study": {"study": study}}
    tested = claimed.runs(test_accuracy=lambda size: 0.9).assign(framework="pytorch")
    laws = empty.critical_batch.assign(framework="pytorch")
    made = {"checkpoints": pd.DataFrame(rows), "provenance": provenance, "runs": tested}
    return dataclasses.replace(empty, critical_batch=laws, **made)


def judged(known, **changes):
    return findings.judged(known, Finding(**MADE | changes))


def test_a_ratio_is_a_geometric_mean_with_students_interval(empty):
    found = judged(with_values(empty), of="ratio", above=1)
    ends = stats.ttest_1samp(np.log(VALUES), 0).confidence_interval()
    assert found.ours == pytest.approx((stats.gmean(VALUES), math.exp(ends.low), math.exp(ends.high)))
    assert (found.n, found.verdict) == (5, "reproduced")


def test_a_value_and_a_difference_in_points(empty):
    found = judged(with_values(empty), of="largest", scale=100, below=2500)
    ends = stats.ttest_1samp(1000 * VALUES, 0).confidence_interval()
    assert found.ours == pytest.approx((2000, ends.low, ends.high))
    assert judged(with_values(empty), of="smallest", above=0).ours == pytest.approx((10, 10, 10))
    assert judged(with_values(empty), of="points", above=0).ours.value == pytest.approx(-10)


@pytest.mark.parametrize(
    ("region", "verdict"),
    [
        ({"above": 1.5, "below": 2.5}, "reproduced"),
        ({"above": 2.5}, "not reproduced"),
        ({"below": 1.5}, "not reproduced"),
        ({"above": 2.0}, "not told"),
    ],
)
def test_the_whole_interval_decides(empty, region, verdict):
    assert judged(with_values(empty), of="ratio", **region).verdict == verdict


@pytest.mark.parametrize("framework", ["pytorch", "keras"])
def test_what_is_not_certified_is_not_comparable(empty, framework):
    """In PyTorch, which trainings are measured in; what another framework lacks does not count."""
    known = with_values(empty)
    cell = known.summary.iloc[:1].assign(framework=framework, identity="not certified: loss 1")
    other = dataclasses.replace(known, summary=cell)
    told = "not comparable" if framework == "pytorch" else "reproduced"
    assert judged(other, of="ratio", above=1).verdict == told
    of_another_arm = dataclasses.replace(other, summary=cell.assign(arm="x"))
    assert judged(of_another_arm, of="ratio", above=1, arm="tuned").verdict == "reproduced"


def test_too_few_seeds_and_what_was_not_measured_are_not_comparable(empty):
    assert judged(with_values(empty, VALUES[:2]), of="ratio", above=1).verdict == "not comparable"
    assert judged(with_values(empty), of="ratio", above=1, role="matched").verdict == "not comparable"


def test_another_framework_does_not_count_and_two_arms_are_not_comparable(empty):
    known = with_values(empty)
    tested = claimed.runs(test_accuracy=lambda size: 0.9)
    both = dataclasses.replace(known, runs=pd.concat([tested.assign(framework="pytorch"), tested]))
    found = judged(both, table="runs", quantity="test_accuracy", role="", of="smallest", below=1)
    assert (found.n, found.verdict) == (5, "reproduced")
    arms = pd.concat([known.checkpoints, known.checkpoints.assign(arm="other")])
    two = dataclasses.replace(known, checkpoints=arms)
    for of in ("ratio", "path"):
        assert judged(two, of=of, above=1, role="end" if of == "ratio" else "").verdict == "not comparable"


def test_an_arm_is_told_alone_or_over_another_seed_by_seed(empty):
    known = with_values(empty)
    slow = known.checkpoints.assign(arm="slow", sharpness=known.checkpoints["sharpness"] * 3)
    both = dataclasses.replace(known, checkpoints=pd.concat([known.checkpoints, slow]))
    assert judged(both, of="ratio", above=1).verdict == "not comparable"
    alone = judged(both, arm="slow", of="largest", above=0)
    assert alone.ours.value == pytest.approx(3 * judged(known, of="largest", above=0).ours.value)
    over = judged(both, arm="slow", over="tuned", of="largest", above=2)
    assert over.ours == pytest.approx((3, 3, 3)) and over.verdict == "reproduced"
    laws = pd.concat([known.critical_batch, known.critical_batch.assign(arm="slow")])
    of_law = judged(
        dataclasses.replace(both, critical_batch=laws),
        **{"table": "critical_batch", "quantity": "critical_batch", "of": "law", "role": ""},
        **{"arm": "slow", "over": "tuned", "above": 0.5},
    )
    assert of_law.ours == pytest.approx((1, 0.9 / 1.1, 1.1 / 0.9))


def test_seeds_that_lack_a_value_and_ends_that_are_not_needed(empty):
    known = with_values(empty)
    missed = (known.checkpoints["seed"] == 4) & (known.checkpoints["batch_size"] == 64)
    four = dataclasses.replace(known, checkpoints=known.checkpoints[~missed])
    found = judged(four, of="ratio", above=1)
    assert (found.n, found.verdict) == (4, "not told")
    laws = known.critical_batch.assign(critical_batch_hi=math.inf)
    given = {"table": "critical_batch", "quantity": "critical_batch", "of": "law", "role": ""}
    open_ended = dataclasses.replace(known, critical_batch=laws)
    assert judged(open_ended, **given, above=100).verdict == "reproduced"
    assert judged(open_ended, **given, below=1e9).verdict == "not told"
    assert judged(known, of="ratio", sizes=(8, 16), above=1).verdict == "not comparable"


def test_two_sizes_may_stand_for_the_smallest_and_the_largest(empty):
    known = with_values(empty)
    middle = known.checkpoints.query("batch_size == 64").assign(batch_size=16)
    three = dataclasses.replace(known, checkpoints=pd.concat([known.checkpoints, middle]))
    found = judged(three, of="ratio", sizes=(8, 16), above=1)
    assert found.ours == pytest.approx(judged(known, of="ratio", above=1).ours)
    assert judged(three, of="ratio", sizes=(16, 64), above=2).ours.value == pytest.approx(1)


def test_the_best_arm_is_that_of_the_best_validation_at_each_batch_size(empty):
    """And not that of the test set; runs that diverged, and those of another framework, do not win."""
    arms = {
        "slow": {8: (0.90, 0.80), 64: (0.95, 0.85)},
        "fast": {8: (0.93, 0.75), 64: (0.94, 0.99)},
        "wild": {8: (0.99, 0.99), 64: (0.20, 0.20)},
    }
    rows = [
        {"dataset": "mnist", "model": "mlp", "arm": arm, "batch_size": size, "seed": seed, "framework": name}
        | {"validation_accuracy": validated + (name == "keras") * 0.5, "test_accuracy": tested}
        for arm, by_size in arms.items()
        for size, (validated, tested) in by_size.items()
        for seed in SEEDS
        for name in ("keras", "pytorch")
    ]
    runs = pd.DataFrame(rows)
    wild = (runs["arm"] == "wild") & (runs["seed"] > 2)
    runs.loc[wild, ["validation_accuracy", "test_accuracy"]] = np.nan
    found = judged(
        dataclasses.replace(with_values(empty), runs=runs),
        **{"table": "runs", "quantity": "test_accuracy", "role": "", "arm": "best", "of": "points"},
        **{"scale": 100, "below": 0},
    )
    assert found.ours.value == pytest.approx(75.0 - 85.0)
    assert found.n == 5


def test_a_mean_along_the_path_is_over_the_path_alone(empty):
    known = with_values(empty)
    assert judged(known, of="path", role="", below=200).ours.value == pytest.approx(math.sqrt(1000 * 10))


def test_the_law_has_its_own_interval(empty):
    known = with_values(empty)
    found = judged(known, of="law", table="critical_batch", quantity="critical_batch", above=100)
    assert found.ours == pytest.approx(tuple(known.critical_batch.iloc[0][-3:].astype(float)))
    two = dataclasses.replace(known, critical_batch=pd.concat([known.critical_batch] * 2))
    assert findings.judged(two, found.finding).verdict == "not comparable"


def test_every_finding_is_of_a_study_there_is_and_of_a_column_there_is():
    tables = {"runs": schema.RUNS, "checkpoints": schema.CHECKPOINTS, "critical_batch": schema.CRITICAL_BATCH}
    for each in findings.findings():
        study = check.read(check.load(Path(f"config/studies/{each.study}.yaml")))
        assert study.study == each.study
        assert each.quantity in tables[each.table].columns
        assert each.region != (-math.inf, math.inf) and each.region[0] < each.region[1]
        assert len(study.workloads) == len(study.frameworks) == 1
        named = {arm for arm in (each.arm, each.over) if arm and arm != findings.BEST}
        assert named <= {arm.name for arm in study.arms} and (each.arm or len(study.arms) == 1)
        assert {*(each.sizes or ())} <= {*study.workloads[0].sizes}


def test_the_table_sets_them_side_by_side(empty):
    known = with_values(empty, 200 * VALUES, study="keskar-f1")
    (table,) = paper.tables(known)
    row = [entry.text for entry in table.rows[0]]
    assert row[2].startswith("167 (") and row[3].startswith("399 [") and row[5] == "reproduced"
    assert list(table.data["verdict"][1:3]) == ["not reproduced"] * 2, "where both are the same"
    assert "| 167 (" in verdicts.of_papers({"results/x": known})
    assert paper.tables(with_values(empty)) == []
    assert verdicts.of_papers({"results/x": with_values(empty)}).startswith("No published study")
