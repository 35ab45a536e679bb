"""Studies: what is refused, and which cells a good one names."""

import copy
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.common.errors import Problem
from benchmarks.study import check, study

GOOD = yaml.safe_load(Path("config/studies/smoke.yaml").read_text())


def changed(*path, to):
    config = copy.deepcopy(GOOD)
    place = config
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = to
    return config


ADAM = {"name": "adam", "optimizer": "adam", "learning_rate": 0.001, "scaling": "none"}


def few_steps(steps):
    """The workload, with a budget of so many steps besides."""
    workload = GOOD["workloads"][0]
    return {**workload, "budget": {**workload["budget"], "steps": steps}}


BAD = {
    "unknown key": (changed("epoch", to=3), "epoch: unknown key"),
    "misspelt key": (
        changed("arms", 0, "learning_rat", to=3),
        "learning_rat: unknown key, did you mean learning_rate?",
    ),
    "unknown key inside": (changed("workloads", 0, "targets", to=3), "workloads.0.targets: unknown key"),
    "unknown value": (changed("precision", to="float16"), "precision"),
    "unknown scaling": (changed("arms", 0, "scaling", to="cubic"), "arms.0.scaling"),
    "batch size 0": (changed("workloads", 0, "batch_sizes", to=[0]), "batch size 0 is not between 1 and"),
    "negative": (changed("workloads", 0, "batch_sizes", to=[-4]), "batch size -4 is not between 1 and"),
    "too large": (
        changed("workloads", 0, "batch_sizes", to=[1258]),
        "batch size 1258 is not between 1 and the 1257",
    ),
    "not a number": (changed("workloads", 0, "batch_sizes", to=["many"]), "workloads.0.batch_sizes.0"),
    "none": (changed("workloads", 0, "batch_sizes", to=[]), "workloads.0.batch_sizes"),
    "twice": (changed("workloads", 0, "batch_sizes", to=["full", 1257]), "1257 given twice"),
    "dataset": (changed("workloads", 0, "dataset", to="mnits"), "mnits"),
    "model": (changed("workloads", 0, "model", to="resnet999"), "resnet999"),
    "framework": (changed("frameworks", to=["keras", "pytorhc"]), "pytorhc"),
    "target": (changed("workloads", 0, "target", "validation_accuracy", to=97), "validation_accuracy"),
    "budget": (changed("workloads", 0, "budget", "seconds", to=0), "seconds"),
    "negative steps": (changed("workloads", 0, "budget", "steps", to=-1), "budget.steps"),
    "half a step": (changed("workloads", 0, "budget", "steps", to=0.5), "budget.steps"),
    "endless steps": (changed("workloads", 0, "budget", "steps", to=10**10), "budget.steps"),
    "steps below one evaluation": (
        changed("workloads", 0, to={**few_steps(3), "steps_per_evaluation": 4}),
        "budget.steps is 3, and the first evaluation may come only after 4 steps",
    ),
    "no steps to an evaluation": (changed("workloads", 0, "steps_per_evaluation", to=0), "steps_per_eval"),
    "seed": (changed("seeds", to=[0, 0]), "0 given twice"),
    "rate": (changed("arms", 0, "learning_rate", to=-1), "learning_rate"),
    "endless seconds": (changed("workloads", 0, "budget", "seconds", to=math.inf), "budget.seconds"),
    "endless epochs": (changed("workloads", 0, "budget", "epochs", to=math.inf), "budget.epochs"),
    "too many epochs": (changed("workloads", 0, "budget", "epochs", to=1e300), "total_steps"),
    "no number": (
        changed("workloads", 0, "target", "validation_accuracy", to=math.nan),
        "validation_accuracy",
    ),
    "endless timing": (changed("throughput", "seconds_per_case", to=math.inf), "throughput.seconds_per_case"),
    "rate below float32": (changed("arms", 0, "learning_rate", to=1e-50), "arms.0.learning_rate"),
    "rate above float32": (changed("arms", 0, "learning_rate", to=1e39), "arms.0.learning_rate"),
    "momentum that rounds to 1": (changed("arms", 0, "momentum", to=0.999999999), "arms.0.momentum"),
    "momentum that rounds to 0": (changed("arms", 0, "momentum", to=1e-60), "arms.0.momentum"),
    "no momentum at all": (changed("arms", 0, "momentum", to=0), "arms.0.momentum"),
    "clip above float32": (changed("arms", 0, "clip_norm", to=1e40), "arms.0.clip_norm"),
    "beta that rounds to 1": (
        changed("arms", 0, to={**ADAM, "beta_2": 0.999999999}),
        "arms.0.beta_2",
    ),
    "scaled rate above float32": (
        changed("arms", 0, to={**GOOD["arms"][0], "learning_rate": 1e38, "scaling": "linear"}),
        "arm fixed-lr at batch size 1257: learning_rate",
    ),
    "scaled rate below float32": (
        changed(
            *("arms", 0),
            to={**GOOD["arms"][0], "learning_rate": 1e-44, "scaling": "linear", "reference_batch_size": 9999},
        ),
        "arm fixed-lr at batch size 16: learning_rate",
    ),
    "name": (changed("study", to="../elsewhere"), "study"),
    **{
        f"reserved {name}": (changed("study", to=name), f"{name} is the name of a folder")
        for name in ("compare", "published", "datasets", "store", "logs")
    },
    "a seed beyond 32 bits": (changed("seeds", to=[2**32]), "seeds.0"),
    "a seed that is true": (changed("seeds", to=[True]), "seeds.0"),
    "a batch size that is true": (changed("workloads", 0, "batch_sizes", to=[True]), "batch_sizes.0"),
    "a rate that is true": (
        changed("arms", 0, "learning_rate", to=True),
        "arms.0.learning_rate: true or false is no number (given: True)",
    ),
    "a target that is true": (
        changed("workloads", 0, "target", "validation_accuracy", to=True),
        "workloads.0.target.validation_accuracy: true or false",
    ),
    "seconds that are true": (
        changed("throughput", "seconds_per_case", to=True),
        "seconds_per_case: true or",
    ),
    "a long arm": (changed("arms", 0, "name", to="a" * 300), "arms.0.name"),
    "endless processes": (changed("throughput", "processes", to=10**400), "throughput.processes"),
    "a control character": (changed("workloads", 0, "target", "source", to="a\x1b[31mred"), "source"),
    "a formula": (changed("workloads", 0, "target", "source", to="=cmd()"), "leave out what looks like HTML"),
    "a script": (changed("workloads", 0, "target", "source", to="a <script>"), "what looks like HTML"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_study_is_refused_by_name_with_a_mend(case):
    config, expected = BAD[case]
    with pytest.raises(Problem) as raised:
        check.read(config)
    assert expected in raised.value.cause
    assert raised.value.fix


TRANSFORMER = {"model": "transformer", "batch_sizes": [4]}
TEXT = {"dataset": "tinyshakespeare", "model": "transformer"}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (changed("workloads", 0, "model", to="transformer"), "transformer needs text, which digits is not"),
        (changed("workloads", 0, "dataset", to="tinyshakespeare"), "mlp needs images"),
        (
            changed("arms", 0, to={**GOOD["arms"][0], "augmentation": ["flip"]})
            | {"workloads": [{**GOOD["workloads"][0], **TEXT, "batch_sizes": [4]}]},
            "arm fixed-lr shifts or flips images",
        ),
    ],
)
def test_text_and_images_go_to_models_that_read_them(config, said):
    with pytest.raises(Problem, match=said):
        check.read(config)


def augmented(dataset, model="mlp", by=("shift",)):
    config = changed("arms", 0, "augmentation", to=list(by))
    return config | {
        "workloads": [{**GOOD["workloads"][0], "dataset": dataset, "model": model, "batch_sizes": [4]}]
    }


@pytest.mark.parametrize("by", ["shift", "flip"])
def test_signals_are_neither_shifted_nor_flipped(tmp_path, by):
    """A column that moves by up to four is gone in eight examples out of nine."""
    np.savez(tmp_path / "own.npz", x=np.zeros((40, 12)), y=np.arange(40) % 2)
    for dataset, extent in (("mnist1d", "40 × 1"), (f"npz:{tmp_path}/own.npz", "12 × 1")):
        with pytest.raises(Problem, match=f"arm fixed-lr .*{extent} values") as raised:
            check.read(augmented(dataset, by=[by]))
        assert "remove augmentation" in raised.value.fix


def test_images_of_the_users_own_may_be_augmented(tmp_path):
    np.savez(tmp_path / "flat.npz", x=np.zeros((40, 12, 9)), y=np.arange(40) % 2)
    np.savez_compressed(
        tmp_path / "apart.npz",
        **{f"{part}_x": np.zeros((40, 5, 6, 3), np.uint8) for part in ("train", "test")},
        **{f"{part}_y": np.arange(40) % 2 for part in ("train", "test")},
    )
    for name in ("flat", "apart"):
        assert check.read(augmented(f"npz:{tmp_path}/{name}.npz"))


def test_framework_dropout_is_refused_where_there_is_none():
    """A second step kind would be timed, and called another, for the very same computation."""
    with pytest.raises(Problem, match="arm fixed-lr sets randomness: framework, but mlp has no dropout"):
        check.read(changed("arms", 0, "randomness", to="framework"))
    config = changed("arms", 0, "randomness", to="framework")
    config["workloads"][0]["model"] = "c1"
    assert check.read(config)


def test_a_study_survives_its_journey_as_json():
    arms = [*GOOD["arms"], ADAM, {**ADAM, "name": "sgd", "optimizer": "sgd"}]
    read = check.read(changed("arms", to=arms))
    for found in (read, study.for_timing(read), study.for_tracing(read)):
        assert study.Study.model_validate_json(found.model_dump_json()) == found


def test_two_sources_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "words.txt").write_text("to be or not to be " * 200)
    both = [
        {**GOOD["workloads"][0], "dataset": f"text:{tmp_path}/{folder}/words.txt", **TRANSFORMER}
        for folder in ("a", "b")
    ]
    with pytest.raises(Problem, match="text-words"):
        check.read(changed("workloads", to=both))


def test_arms_of_another_form_are_timed_apart():
    faster = {**GOOD["arms"][0], "name": "faster", "learning_rate": 0.5}
    found = study.for_timing(check.read(changed("arms", to=[*GOOD["arms"], faster, ADAM])))
    assert [arm.name for arm in found.arms] == ["momentum", "adam"]


def plans(found):
    """The plan of every run."""
    return [plan for replicate in study.replicates(found) for plan in replicate.plans]


def test_the_schedule_of_a_cell_spans_its_budget():
    warm = {**GOOD["arms"][0], "schedule": {"shape": "cosine", "warm_up": 0.1}}
    found = plans(check.read(changed("arms", to=[warm])))
    keras = [plan for plan in found if (plan.cell.framework, plan.seed) == ("keras", 0)]
    assert [plan.optimizer.total_steps for plan in keras] == [786, 10]
    assert found[0].optimizer.rates(785, 1)[0] < 1e-4 * found[0].optimizer.learning_rate


def test_a_run_ends_when_both_its_epochs_and_its_steps_are_used_up():
    """Two epochs of 1,257 examples at B = 16 are more than 100 steps; at the full batch they are fewer."""
    found = plans(check.read(changed("workloads", 0, to={**few_steps(100), "steps_per_evaluation": 4})))
    keras = [plan for plan in found if (plan.cell.framework, plan.seed) == ("keras", 0)]
    epochs = GOOD["workloads"][0]["budget"]["epochs"]
    assert [plan.optimizer.total_steps for plan in keras] == [math.ceil(epochs * 1257 / 16), 100]
    assert keras[0].evaluations.steps == 4


def test_full_is_the_whole_training_set():
    assert check.read(GOOD).workloads[0].sizes == [16, 1257]


def test_a_study_names_every_point_of_its_grid_once():
    runs = [(p.cell.framework, p.cell.batch_size, p.seed) for p in plans(check.read(GOOD))]
    assert sorted(runs) == sorted(itertools.product(["keras", "pytorch"], [16, 1257], GOOD["seeds"]))


def test_a_replicate_is_one_seed_of_every_arm_and_batch_size_and_frameworks_take_turns():
    arms = [GOOD["arms"][0], GOOD["arms"][0] | {"name": "another"}]
    found = study.replicates(check.read({**GOOD, "arms": arms}))
    assert [each.name for each in found[:2]] == ["digits/mlp/keras/0", "digits/mlp/pytorch/0"]
    for replicate in found:
        cells = [(plan.cell.arm, plan.cell.batch_size) for plan in replicate.plans]
        assert cells == [*itertools.product(["fixed-lr", "another"], [16, 1257])]
        assert len({plan.seed for plan in replicate.plans}) == 1


def test_the_order_of_batch_sizes_depends_on_the_seed_alone():
    config = changed("workloads", 0, "batch_sizes", to=[1, 2, 4, 8, 16, 32, 64, 128])
    orders = {}
    for replicate in study.replicates(check.read(config)):
        order = tuple(plan.cell.batch_size for plan in replicate.in_seeded_order())
        assert sorted(order) == config["workloads"][0]["batch_sizes"]
        orders.setdefault(replicate.plans[0].seed, set()).add(order)
    assert all(len(of_seed) == 1 for of_seed in orders.values())
    assert len(set.union(*orders.values())) == len(orders)


def test_what_a_run_depends_on_leaves_out_the_name_of_its_arm_and_nothing_else():
    renamed = changed("arms", 0, "name", to="another-name")
    ours, theirs = (study.replicates(check.read(config))[0].plans[0] for config in (GOOD, renamed))
    assert ours != theirs
    assert ours.settings == theirs.settings
    for path, value in ((("seeds",), [5]), (("arms", 0, "learning_rate"), 0.5), (("precision",), "float64")):
        other = study.replicates(check.read(changed(*path, to=value)))[0].plans[0]
        assert other.settings != ours.settings


def test_no_seeds_means_no_training():
    assert plans(check.read(changed("seeds", to=[]))) == []


def test_timings_do_not_depend_on_targets_budgets_seeds_or_arms():
    base = study.for_timing(check.read(GOOD))
    for config in (
        changed("seeds", to=[7]),
        changed("workloads", 0, "budget", "seconds", to=99),
        changed("workloads", 0, "target", "validation_accuracy", to=0.5),
        changed("arms", 0, "learning_rate", to=0.5),
    ):
        assert study.for_timing(check.read(config)) == base
    assert study.for_timing(check.read(changed("workloads", 0, "batch_sizes", to=[8]))) != base
