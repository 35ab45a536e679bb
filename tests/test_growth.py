"""A batch that grows: its phases by hand, what is refused, and what is judged by it."""

import copy
import dataclasses

import claimed
import numpy as np
import pandas as pd
import pytest
from claimed import judged

from benchmarks.common.errors import Problem
from benchmarks.publish.claims import growing_batch
from benchmarks.recipe.growth import Growth, Phase
from benchmarks.study import check, study

ARM = {"name": "growing", "learning_rate": 0.0625, "momentum": 0.875, "scaling": "none"}
GROWTH = {"factor": 4, "milestones": [0.5, 0.75]}
CONFIG = {
    "study": "growing",
    "frameworks": ["pytorch"],
    "seeds": [0],
    "arms": [{**ARM, "growth": GROWTH}],
    "workloads": [
        {
            **{"dataset": "digits", "model": "mlp", "batch_sizes": [10, 64]},
            "target": {"validation_accuracy": 0.9, "source": "chosen for the test"},
            "budget": {"epochs": 2, "seconds": 30},
        }
    ],
}


def changed(*path, to):
    config = copy.deepcopy(CONFIG)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return config


def test_the_phases_begin_with_the_step_that_completes_a_milestone():
    found = Growth(factor=3, milestones=[0.25, 0.5]).phases(10, examples=1000)
    assert found.of == [
        Phase(first_step=0, examples=0, batch_size=10),
        Phase(first_step=25, examples=250, batch_size=30),
        Phase(first_step=34, examples=520, batch_size=90),  # 500 within the 34th step
    ]
    sizes = [10] * 25 + [30] * 9 + [90] * 6
    before = [0, *np.cumsum(sizes).tolist()]
    assert [found.at(step).batch_size for step in range(40)] == sizes
    assert [found.examples(steps) for steps in range(41)] == before
    for examples in range(1, before[-1] + 1):
        assert found.steps(examples) == next(steps for steps, seen in enumerate(before) if seen >= examples)
    assert [found.end(step) for step in (0, 24, 25, 33, 34)] == [25, 25, 34, 34, np.inf]


def test_a_plan_has_the_examples_of_its_budget_in_fewer_steps():
    (replicate,) = study.replicates(check.read(CONFIG))
    for plan in replicate.plans:
        budget = study.replicates(check.read(changed("arms", 0, to=ARM)))[0].plans[0].budget.epochs * 1257
        steps, size = plan.optimizer.total_steps, plan.phases.batch_sizes[-1]
        assert budget <= plan.phases.examples(steps) < budget + size + plan.cell.batch_size
        assert plan.phases.batch_sizes == [plan.cell.batch_size * k for k in (1, 4, 16)]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (changed("arms", 0, "growth", to={"factor": 1, "milestones": [0.5]}), "arms.0.growth.factor"),
        (changed("arms", 0, "growth", to={"factor": 2.5, "milestones": [0.5]}), "arms.0.growth.factor"),
        (changed("arms", 0, "growth", to={"factor": 2, "milestones": []}), "arms.0.growth.milestones"),
        (changed("arms", 0, "growth", to={"factor": 2, "milestones": [0.5, 0.5]}), "rising fractions"),
        (changed("arms", 0, "growth", to={"factor": 2, "milestones": [1.0]}), "rising fractions"),
        (changed("arms", 0, "growth", to={"factr": 2, "milestones": [0.5]}), "did you mean factor"),
        (changed("arms", 0, "schedule", to={"warm_up": 0.1}), "takes the place of a schedule"),
        (
            changed("arms", 0, to={**ARM, "learning_rate": "tune", "growth": GROWTH})
            | {
                "arms": [
                    {**ARM, "learning_rate": "tune", "growth": GROWTH, "search": {"learning_rate": [0.1, 1]}}
                ]
            },
            "growth has no search",
        ),
        (changed("workloads", 0, "batch_sizes", to=[10, 79]), "grows to 1264, beyond the 1257"),
        (changed("workloads", 0, "batch_sizes", to="auto"), "batch_sizes: auto"),
        (changed("arms", 0, "growth", "milestones", to=[0.5, 0.9999]), "takes no step"),
        (changed("arms", 0, "growth", "milestones", to=[0.49, 0.5]), "takes no step"),
    ],
)
def test_what_makes_no_sense_is_refused(config, told):
    with pytest.raises(Problem) as problem:
        check.read(config)
    assert told in problem.value.cause


def test_micro_batches_and_ghost_batches_divide_the_sizes_that_a_batch_grows_to():
    grown = {**ARM, "ghost_batch": 16, "growth": {"factor": 3, "milestones": [0.5]}}
    config = changed("arms", 0, to=grown)
    config["workloads"][0] |= {"model": "cnn", "batch_sizes": [8]}
    with pytest.raises(Problem, match="a batch of 24 examples"):
        check.read(config)


FALLING = {**ARM, "name": "falling", "schedule": {"shape": "step", "milestones": [0.5, 0.75], "factor": 0.25}}


def test_counterparts_are_arms_that_grow_and_fall_by_the_same():
    growing = {**ARM, "growth": GROWTH, "schedule": {}}
    assert growing_batch.counterparts(growing, FALLING)
    for other in (
        {**FALLING, "momentum": 0.9},
        {**FALLING, "schedule": {**FALLING["schedule"], "factor": 0.5}},
        {**FALLING, "schedule": {**FALLING["schedule"], "milestones": [0.5, 0.8]}},
        {**FALLING, "schedule": {**FALLING["schedule"], "warm_up": 0.1}},
        growing,
    ):
        assert not growing_batch.counterparts(growing, other)
    by_ten = {**FALLING["schedule"], "factor": None}
    assert growing_batch.counterparts(
        {**growing, "growth": {**GROWTH, "factor": 10}}, {**FALLING, "schedule": by_ten}
    )


empty = pytest.fixture(claimed.without_measurements, scope="module")


def of_three_arms(empty, *, less=0.0, examples=1000, identity="certified", worth=0.01):
    """Five seeds; at B = 64 the growing batch is less accurate by this, after so many examples.

    An arm that keeps its rate is less accurate by what a falling one is `worth`.
    """
    rows = []
    for seed in range(5):
        for size in (16, 64):
            for arm in ("growing", "falling", "kept"):
                worse = less if (arm, size) == ("growing", 64) else worth if arm == "kept" else 0.0
                rows.append(
                    {
                        **{"dataset": "mnist", "model": "mlp", "framework": "keras", "arm": arm},
                        **{"batch_size": size, "seed": seed, "examples_to_target": 100},
                        "examples": examples if (arm, size) == ("growing", 64) else 1000,
                        "test_accuracy": 0.95 + 1e-4 * (seed % 2) - worse,
                    }
                )
    arms = [{**ARM, "growth": GROWTH, "schedule": {}}, FALLING, {**FALLING, "name": "kept", "schedule": {}}]
    cells = empty.summary.assign(dataset="mnist", model="mlp", framework="keras")
    certain = [cells.assign(arm=arm) for arm in ("growing", "kept")]
    cells = pd.concat([*certain, cells.assign(arm="falling", identity=identity)])
    return dataclasses.replace(
        empty,
        summary=cells,
        runs=pd.DataFrame(rows).reindex(columns=empty.runs.columns),
        provenance={**empty.provenance, "study": {**empty.provenance["study"], "arms": arms}},
    )


@pytest.mark.parametrize(("less", "expected"), [(0.0, "holds"), (0.01, "fails")])
def test_the_claim_is_judged_at_every_batch_size(empty, less, expected):
    found = judged(of_three_arms(empty, less=less), "growing-batch")
    assert ("holds" if found.p_supported <= 0.05 else "fails" if found.p_refuted <= 0.05 else "") == expected
    assert found.remark == ("B = 64" if less else found.remark)


def test_what_a_falling_rate_is_not_worth_nothing_can_equal(empty):
    found = judged(of_three_arms(empty, worth=0.001), "growing-batch")
    assert not found.tested and "gains 0.10 points" in found.remark
    known = of_three_arms(empty)
    study = {"arms": known.provenance["study"]["arms"][:2]}
    alone = dataclasses.replace(known, provenance={**known.provenance, "study": study})
    assert judged(alone, "growing-batch").remark.startswith("there is no arm without either")


def test_arms_that_were_not_trained_alike_or_not_certified_say_nothing(empty):
    longer = judged(of_three_arms(empty, examples=1030), "growing-batch")
    assert (longer.tested, longer.remark) == (False, "B = 64 was not trained on as many examples")
    foreign = judged(of_three_arms(empty, identity="not certified: loss"), "growing-batch")
    assert (foreign.tested, foreign.remark) == (False, "a cell is not certified")
