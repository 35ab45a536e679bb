"""Files of studies that nobody meant to write: each is refused with one message, never with a traceback."""

import copy
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import yaml

from benchmarks.common.errors import Problem
from benchmarks.study import arguments as study_arguments
from benchmarks.study import check, preview, study
from benchmarks.throughput import job

SMOKE = Path("config/studies/smoke.yaml")
GOOD = yaml.safe_load(SMOKE.read_text())
N_MUTATIONS = 5_000
LONGEST = 2_000
"""Characters of a message that somebody still reads."""


def itself():
    """A list that contains itself, as a YAML anchor can make it."""
    made = []
    made.append(made)
    return made


ODD = [
    *(None, True, False, 0, 1, -1, 2**63, 10**400, -(10**400), 0.5, 1e-320, 1e308, 90, 97.0),
    *(float("nan"), float("inf"), -float("inf")),
    *("", " ", "full", "mnist", "images:", "npz:nowhere", "x" * 300, "images:" + "x" * 300, "images:a\0b"),
    *("é" * 40, "\ud800", "a/b", "../..", "table {3}", "{", "<script>", "=cmd()", "1e-3", "9" * 5000),
    *([], {}, [[]], {"a": 1}, [None], {1: 2}, {None: None}, {(1, 2): 3}, {True: 1}, itself(), b"bytes"),
    *(yaml.safe_load("2026-01-01"), range(3), {1, 2}),
]


def places(value, path=()):
    """The path of every key and item in a configuration."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def mutated(rng):
    """The smoke study with one to three things in it that do not belong there."""
    config = copy.deepcopy(GOOD)
    for _ in range(rng.randint(1, 3)):
        found = [*places(GOOD)]
        *path, last = rng.choice(found)
        try:
            place = config
            for key in path:
                place = place[key]
            match rng.randrange(4):
                case 0:
                    del place[last]
                case 1:
                    place[rng.choice(ODD) if rng.random() < 0.5 else "extra"] = rng.choice(ODD)
                case _:
                    place[last] = rng.choice(ODD)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    return config


def test_no_mutation_of_a_study_ends_in_a_traceback():
    rng, refused = random.Random(0), 0
    for number in range(N_MUTATIONS):
        config = mutated(rng)
        try:
            check.read(config)
        except Problem as problem:
            refused += 1
            assert problem.fix and len(str(problem)) < LONGEST, f"mutation {number}: {problem}"
    assert refused > N_MUTATIONS / 2


FILES = {
    "study: a\nstudy: b\n": "study named twice in the part that begins in line 1",
    "a: 1\nb:\n  - c: 1\n    c: 2\n": "c named twice in the part that begins in line 3",
    "study: [\n": "is not valid YAML",
    "a: &x [*x]\n": "",
    "? [1, 2]\n: 3\n": "is not valid YAML",
    "- study\n": "holds no keys",
    "": "holds no keys",
    "study: \x00": "is not valid YAML",
    "&a : *a\n": "",
    "!!python/object:os.system x": "is not valid YAML",
    "study: 2026-13-45\n": "is not valid YAML",
    "[" * 20_000: "is not valid YAML",
}


@pytest.mark.parametrize("content", FILES, ids=lambda content: repr(content[:20]))
def test_a_file_that_is_no_study_is_refused(tmp_path, content):
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(Problem) as raised:
        check.read_file(tmp_path / "a.yaml")
    assert FILES[content] in raised.value.cause and len(str(raised.value)) < LONGEST


def test_anchors_that_make_billions_of_values_are_told_at_once(tmp_path):
    lines = ["a0: &a0 [lol]"] + [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 30)]
    (tmp_path / "a.yaml").write_text("\n".join(lines))
    with pytest.raises(Problem, match="unknown key"):
        check.read_file(tmp_path / "a.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Problem, match=r"nowhere.yaml: No such file"):
        check.read_file(tmp_path / "nowhere.yaml")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"study: \xff\xfe")
    with pytest.raises(Problem, match="is not valid YAML"):
        check.read_file(tmp_path / "a.yaml")


@pytest.mark.parametrize(
    ("key", "value", "likely"),
    [
        (("workloads", 0, "target", "validation_accuracy"), 90, "0.9"),
        (("workloads", 0, "target", "validation_accuracy"), 97.5, "0.975"),
        (("seeds",), 3, "[0, 1, 2]"),
        (("frameworks",), "keras", "[keras]"),
        (("workloads", 0, "batch_sizes"), 64, "[64]"),
    ],
)
def test_the_likely_value_is_named(key, value, likely):
    config = copy.deepcopy(GOOD)
    place = config
    for part in key[:-1]:
        place = place[part]
    place[key[-1]] = value
    with pytest.raises(Problem) as raised:
        check.read(config)
    assert f"did you mean {likely}?" in raised.value.cause


def test_a_preview_counts_what_the_study_will_do(monkeypatch):
    monkeypatch.setattr(preview.processor, "cores", lambda: 2)
    read = check.read_file(SMOKE)
    found = preview.preview(read)
    places = len(job.all_cases(study.for_timing(read))) * len(read.frameworks) * read.throughput.processes
    assert (found.trainings, found.timings) == (len(GOOD["seeds"]) * found.cells, places)
    training = sum(preview.run_s(read.workloads[0], size) for size in (16, 1257))
    seconds = 2 * 2 * (training + 2 * preview.START_S)
    seconds += places * (read.throughput.seconds_per_case + preview.TIMED_S)
    assert found.cells == 4 and found.about_s == math.ceil(seconds)
    assert 60 < found.certificates_s < 120 and "certificates, about 2 min" in found.text
    assert found.searches == 0 and "searches" not in found.text
    assert found.built_in == {"digits": {"train": 1257, "validation": 180, "test": 360}}
    assert "1,257 train, 180 validation, 360 test" in found.text
    assert json.loads(found.model_dump_json())["grid"][0]["batch_sizes"] == [16, 1257]


def test_a_preview_counts_searches_and_takes_no_run_for_longer_than_its_budget():
    arm = {"name": "tuned", "learning_rate": "tune", "momentum": 0.5, "scaling": "none"}
    arm |= {"search": {"learning_rate": [0.1, 1]}}
    plain, searched = (check.read({**GOOD, "arms": arms}) for arms in (GOOD["arms"], [*GOOD["arms"], arm]))
    found = preview.effort(searched)
    assert (found.searches, found.trainings) == (2, 2 * preview.effort(plain).trainings)
    assert found.about_s > preview.effort(plain).about_s
    assert "2 searches for learning rates" in found.duration
    workload = plain.workloads[0]
    accurate = check.read({**GOOD, "arms": [arm | {"search": arm["search"] | {"goal": "accuracy"}}]})
    assert preview.effort(accurate).about_s > preview.effort(check.read({**GOOD, "arms": [arm]})).about_s
    short = workload.model_copy(update={"budget": workload.budget.model_copy(update={"seconds": 0.01})})
    assert preview.run_s(short, 16) == 0.01 < preview.run_s(workload, 16)


def test_certificates_of_a_model_of_twice_the_operations_take_about_twice_as_long():
    """A CNN on images of twice the height and width has four times the operations."""
    of_cnn = {**GOOD["workloads"][0], "model": "cnn"}
    digits, mnist = (
        preview.preview(check.read({**GOOD, "workloads": [{**of_cnn, "dataset": name, "batch_sizes": [8]}]}))
        for name in ("digits", "mnist")
    )
    assert 5 < mnist.certificates_s / digits.certificates_s < (28 / 8) ** 2


def test_arms_that_differ_in_their_runs_alone_add_little_to_the_certificates():
    (arm,) = GOOD["arms"]
    faster = {**arm, "name": "faster", "learning_rate": 2 * arm["learning_rate"]}
    other = {**arm, "name": "other", "momentum": 0.5}
    one, runs_alone, two = (
        preview.certificates_s(read := check.read({**GOOD, "arms": arms}), read.workloads[0])
        for arms in ([arm], [arm, faster], [arm, other])
    )
    followed = preview.PRECISIONS * len(GOOD["frameworks"]) * preview.FOLLOWED_S / preview.processor.cores()
    assert two == pytest.approx(2 * one)
    assert runs_alone - one == pytest.approx(preview.OF_RUNS * (one - followed))


def test_a_preview_shows_the_card_of_the_users_own_data(tmp_path):
    np.savez(tmp_path / "own.npz", x=np.random.default_rng(0).random((40, 4, 4)), y=np.arange(40) % 2)
    workload = {**GOOD["workloads"][0], "dataset": f"npz:{tmp_path / 'own.npz'}", "batch_sizes": [4]}
    found = preview.preview(check.read({**GOOD, "workloads": [workload]}))
    assert found.built_in == {} and found.cards[0].sizes == {"train": 32, "validation": 4, "test": 4}
    assert "data npz-own:" in found.text and "warning: a single one of the 4 test examples" in found.text


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        (["snakemake", "three.yaml"], True),
        (["snakemake", "-n", "three.yaml"], True),
        (["snakemake", "--cores", "all", "three.yml"], True),
        (["snakemake", "--profile", "lab.yaml"], False),
        (["snakemake", "--cores", "all", "publish"], False),
    ],
)
def test_a_study_that_was_named_as_a_target_is_told_its_place(arguments, refused):
    if not refused:
        return study_arguments.check(arguments)
    with pytest.raises(Problem, match="--configfile three"):
        study_arguments.check(arguments)


def test_a_number_of_seeds_costs_a_number_of_seeds(monkeypatch):
    made = []
    plan = study.plan
    monkeypatch.setattr(study, "plan", lambda *args, **options: made.append(1) or plan(*args, **options))
    found = check.read({**GOOD, "seeds": [*range(20_000)]})
    made.clear()
    replicates = study.replicates(found)
    assert len(replicates) == 40_000 and len(made) == 4
    assert [each.seed for each in replicates[-1].plans] == [19_999, 19_999]


@pytest.mark.parametrize(
    ("arguments", "runs"),
    [
        (["--cores", "all"], True),
        (["-c2", "-j1", "--config", "seeds=[]"], True),
        (["publish", "--cores", "all"], True),
        (["-n", "--cores", "2"], False),
        (["-np"], False),
        (["--cores", "2", "--dry-run"], False),
        (["--lint"], False),
        (["--unlock"], False),
    ],
)
def test_what_runs_no_job_is_known_by_its_options(arguments, runs):
    assert study_arguments.runs_jobs(["snakemake", *arguments]) == runs


def test_seeds_from_the_command_line_are_numbers():
    """Snakemake gives what stands after --config as text, the items of a list too."""
    assert check.read({**GOOD, "seeds": ["0", "17"]}).seeds == [0, 17]
    for seeds in (["-1"], ["0.5"], ["x"], ["0", 0], ["9" * 5000]):
        with pytest.raises(Problem, match="seeds"):
            check.read({**GOOD, "seeds": seeds})
