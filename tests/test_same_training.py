"""An arm that is the same training as one before it counts once."""

from pathlib import Path

import yaml
from paired import records

from benchmarks.identity.equivalence import equivalences
from benchmarks.recipe.plan import Cell
from benchmarks.study import check
from benchmarks.study.study import replicates
from benchmarks.training.record import Record, Run, Status


def trained(framework, arm, settings, *, size=8):
    """The records of two seeds of an arm with these settings besides the seed and the cell."""
    cell = Cell(dataset="d", model="m", framework=framework, arm=arm, batch_size=size)
    own = cell.model_dump(exclude={"arm"})
    return [
        each.model_copy(update={"cell": cell, "settings": {"cell": own, "seed": each.run.seed, **settings}})
        for each in records(framework, [0.9, 0.8])
    ]


def same_as(*of_cells):
    """The arm that each arm is the same training as, at every batch size."""
    found = equivalences({each[0].cell: each for each in of_cells}, ["x", "y", "z"], n_test={"d": 100})
    return {(row.arm, row.batch_size, row.framework, row.other): row.same_as for row in found}


def test_an_arm_that_is_the_training_of_one_listed_before_says_so():
    arms = {"fixed": 0.1, "other": 0.2, "scaled": 0.1, "again": 0.1}
    found = same_as(*(trained(name, arm, {"rate": rate}) for arm, rate in arms.items() for name in "xy"))
    assert {arm: same for (arm, *_), same in found.items()} == {
        **{"fixed": None, "other": None, "scaled": "fixed", "again": "fixed"}
    }


def test_an_arm_is_the_same_training_at_one_batch_size_alone():
    sizes = {("fixed", 8): 0.1, ("fixed", 16): 0.1, ("scaled", 8): 0.1, ("scaled", 16): 0.2}
    found = same_as(
        *(
            trained(name, arm, {"rate": rate}, size=size)
            for (arm, size), rate in sizes.items()
            for name in "xy"
        )
    )
    assert [key[:2] for key, same in found.items() if same] == [("scaled", 8)]


def test_an_arm_whose_settings_differ_with_one_seed_is_another_training():
    first = [trained(name, "fixed", {"rate": 0.1}) for name in "xy"]
    second = [trained(name, "scaled", {"rate": 0.1}) for name in "xy"]
    for of_cell in second:
        of_cell[1] = of_cell[1].model_copy(update={"settings": of_cell[1].settings | {"rate": 0.2}})
    assert set(same_as(*first, *second).values()) == {None}


def test_a_pair_of_frameworks_counts_where_the_arm_before_has_no_such_pair():
    of_cells = [trained(name, "fixed", {"rate": 0.1}) for name in "xy"]
    of_cells += [trained(name, "scaled", {"rate": 0.1}) for name in "xyz"]
    same = {key[2:]: value for key, value in same_as(*of_cells).items() if key[0] == "scaled"}
    assert same == {("x", "y"): "fixed", ("x", "z"): None, ("y", "z"): None}


def test_the_arms_of_the_published_study_are_one_training_at_the_reference_batch_size():
    study = check.read(yaml.safe_load(Path("config/studies/full.yaml").read_text()))
    with_rates = [arm for arm in study.arms if not arm.tuned]
    study = study.model_copy(update={"arms": with_rates})
    by_cell = {}
    for plan in (plan for replicate in replicates(study) for plan in replicate.plans):
        run = Run(seed=plan.seed, status=Status.MISSED)
        record = Record(cell=plan.cell, settings=plan.settings, run=run, provenance={})
        by_cell.setdefault(plan.cell, []).append(record)
    found = equivalences(by_cell, study.frameworks, n_test={"mnist": 10000, "digits": 360})
    same = {(row.dataset, row.arm, row.batch_size, row.same_as) for row in found if row.same_as}
    assert same == {
        (dataset, arm, 32, "fixed-lr") for dataset in ("mnist", "digits") for arm in ("linear-lr", "sqrt-lr")
    }
