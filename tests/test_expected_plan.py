"""A study that plans its runs otherwise than its settings say gets no certificate."""

from fractions import Fraction
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import yaml

from benchmarks.identity import expected_plan
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer, Schedule
from benchmarks.recipe.plan import Budget, Evaluations, Plan
from benchmarks.study import check, study

ROOT = Path(__file__).parent.parent
ARMS = [
    {
        "name": "linear",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "scaling": "linear",
        "reference_batch_size": 32,
    },
    {
        **{"name": "all", "optimizer": "adamw", "learning_rate": 0.002, "weight_decay": 0.01, "clip_norm": 1},
        **{"scaling": "sqrt", "augmentation": ["shift"], "beta_2": 0.95, "beta_2_reference": 16},
        "schedule": {"shape": "cosine", "warm_up": 0.07},
    },
    {
        **{"name": "steps", "optimizer": "sgd", "learning_rate": 0.1, "scaling": "none"},
        "schedule": {"shape": "step", "milestones": [0.3, 0.7], "factor": 0.2},
    },
]
STUDY = check.read(
    {
        **{"study": "plans", "device": "cpu", "frameworks": ["pytorch"], "seeds": [0, 3], "arms": ARMS},
        "workloads": [
            {
                **{"dataset": "digits", "model": "c1", "batch_sizes": [8, 64, "full"]},
                "target": {"validation_accuracy": 0.9, "source": "none"},
                "budget": {"epochs": 3.3, "seconds": 60},
            }
        ],
    }
)


def faults(of=STUDY):
    """What is wrong with the plans of each arm."""
    (workload,) = of.workloads
    return [expected_plan.fault(of, workload, arm, "pytorch") for arm in of.arms]


def test_the_plans_of_a_study_are_what_its_settings_say():
    assert faults() == ["", "", ""]


@pytest.mark.parametrize(
    "path", ["config/config.yaml", "config/studies/paper.yaml", "config/studies/full.yaml"]
)
def test_so_are_those_of_the_studies_that_come_with_it(path):
    of = study.at_start(check.read(yaml.safe_load((ROOT / path).read_text())))
    arms = {
        expected_plan.fault(of, workload, arm, of.frameworks[0])
        for workload in of.workloads
        for arm in of.arms
    }
    assert arms == {""}


def planned(**changes):
    """Plans with some fields replaced at one batch size; a function gives the field from the plan."""
    original = study.plan

    def plan(given, **names):
        made = original(given, **names)
        if names["batch_size"] != 64:
            return made
        new = {name: value(made) if callable(value) else value for name, value in changes.items()}
        return made.model_copy(update=new)

    return patch.object(study, "plan", plan)


def next_seeds():
    """The replicates of the seeds that follow those of the study."""
    original = study.replicates

    def replicates(given):
        return original(given.model_copy(update={"seeds": [seed + 1 for seed in given.seeds]}))

    return patch.object(expected_plan, "replicates", replicates)


def optimizer(**changes):
    return planned(optimizer=lambda made: made.optimizer.model_copy(update=changes))


def rates(change):
    original = Optimizer.rates
    return patch.object(Optimizer, "rates", lambda self, first, count: change(original(self, first, count)))


def late(found):
    found[len(found) // 2 :] *= 2
    return found


PLANTS = {
    "the rate of another size": (
        lambda: planned(optimizer=lambda made: made.optimizer.model_copy(update={"learning_rate": 0.5})),
        "optimizer.learning_rate is 0.5, and the study says 0.2",
    ),
    "twice the steps": (
        lambda: optimizer(total_steps=130),
        "optimizer.total_steps is 130, and the study says 65",
    ),
    "another momentum": (lambda: optimizer(momentum=0.5), "optimizer.momentum is 0.5"),
    "decay where there is none": (lambda: optimizer(weight_decay=0.1), "optimizer.weight_decay is 0.1"),
    "another schedule": (
        lambda: optimizer(schedule=Schedule(warm_up=0.1)),
        "optimizer.schedule.warm_up is 0.1",
    ),
    "the next seed": (next_seeds, "there are"),
    "evaluated twice as often": (
        lambda: planned(evaluations=Evaluations(examples=100)),
        "evaluations.examples is 100",
    ),
    "evaluated after more steps": (
        lambda: planned(evaluations=Evaluations(examples=314, steps=2)),
        "evaluations.steps is 2",
    ),
    "of more steps": (
        lambda: planned(budget=Budget(epochs=3.3, steps=1000, seconds=60)),
        "budget.steps is 1000",
    ),
    "a lower target": (lambda: planned(target=0.85), "target is 0.85, and the study says 0.9"),
    "augmentation": (lambda: planned(augmentation=["flip"]), "augmentation is ['flip']"),
    "accumulation": (
        lambda: planned(optimizer=lambda plan: plan.optimizer.model_copy(update={"accumulation": 4})),
        "optimizer.accumulation is 4",
    ),
    "ghost batches": (lambda: planned(ghost_batch=8), "ghost_batch is 8"),
    "another precision": (lambda: planned(precision="float64"), "precision is float64"),
    "another device": (lambda: planned(device="auto"), "device is auto"),
    "another batch size": (
        lambda: planned(cell=lambda made: made.cell.model_copy(update={"batch_size": 63})),
        "cell.batch_size is 63",
    ),
    "a rate that changes": (lambda: rates(late), "the learning rate of step"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_plan_that_is_another_is_told(name):
    plant, told = PLANTS[name]
    with plant():
        assert told in faults()[0]


def test_rates_that_differ_by_how_they_are_asked_for_are_told():
    original = Schedule.factors

    def on_a_line(self, first, count, *, total):
        made = original(self, first, count, total=total)
        return np.linspace(made[0], made[-1], count) if first > 20 and count > 1 else made

    told = fault_with((Schedule, "factors"), on_a_line)
    assert told[0] == "" and all("the learning rate of step" in cause for cause in told[1:])


def test_half_of_the_seeds_is_told():
    original = study.replicates
    with patch.object(expected_plan, "replicates", lambda given: original(given)[::2]):
        assert "there are 3 runs, and the study says 6" in faults()[0]


def fault_with(name, changed):
    """What is told where a method of the recipe is replaced."""
    with patch.object(*name, changed):
        return faults()


def test_rules_of_the_recipe_are_worked_out_again():
    def unscaled(self, batch_size, *, total_steps):
        return Optimizer(name="sgd", learning_rate=self.learning_rate, total_steps=total_steps)

    def constant(self, first, count, *, total):
        return np.ones(count)

    assert all(fault_with((Arm, "optimizer_at"), unscaled)[:2])
    assert [bool(told) for told in fault_with((Schedule, "factors"), constant)] == [False, True, True]


def test_parts_are_decimal_numbers():
    assert expected_plan.ceiling(0.07, 100) == 7
    assert expected_plan.ceiling(3.3, 1257, per=64) == -(-Fraction("3.3") * 1257 // 64)


def test_a_plan_has_no_field_that_is_not_compared():
    stated = expected_plan.expected(STUDY, STUDY.workloads[0], STUDY.arms[0], batch_size=8)
    fields = {name.split(".")[0] for name in stated}
    assert fields | {"seed"} == set(Plan.model_fields)


def asked_late(original, self, first, count):
    return original(self, first, count) * (0.5 if first >= 40 else 1.0)


def in_two_steps(original, self, first, count):
    steps = np.arange(first, first + count)
    return original(self, first, count) * np.where(np.isin(steps, [17, 41]), 16.0, 1.0)


def correction_that_stands_still(original, self, first, count):
    made = original(self, first, count)
    made[:, 2] = 1.0 / np.sqrt(1.0 - self.beta_2 ** np.minimum(np.arange(first, first + count) + 1, 20))
    return made


@pytest.mark.parametrize(
    ("method", "change", "told"),
    [
        ("rates", asked_late, "the learning rate of step"),
        ("rates", in_two_steps, "the learning rate of step 18 is"),
        ("coefficients", correction_that_stands_still, "the corrections of its steps are not those of Adam"),
    ],
)
def test_rates_and_corrections_of_single_steps_are_worked_out_again(method, change, told):
    original = getattr(Optimizer, method)
    with patch.object(Optimizer, method, lambda *given: change(original, *given)):
        assert told in faults()[0]


def test_what_a_result_is_kept_under_has_every_setting():
    def without_decay(self):
        return self.model_dump(
            mode="json", exclude={"device": True, "cell": {"arm"}, "optimizer": {"weight_decay"}}
        )

    with patch.object(Plan, "settings", property(without_decay)):
        assert "kept under leaves out optimizer.weight_decay" in faults()[0]
