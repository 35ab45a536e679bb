"""Batch sizes that are found by trial: `batch_sizes: auto`."""

import copy
import math
from types import SimpleNamespace

import pytest
from test_config_files import GOOD

from benchmarks.common.errors import Problem
from benchmarks.identity import auto, largest
from benchmarks.publish.tables import batch_sizes as table
from benchmarks.study import batch_sizes, check
from benchmarks.study.batch_sizes import Trial
from benchmarks.summary import columns, schema

DIGITS = 1257


def study(sizes, **changes):
    """A study of digits in NumPy with these batch sizes."""
    config = copy.deepcopy({**GOOD, "frameworks": ["numpy"], **changes})
    config["workloads"] = [{**config["workloads"][0], "batch_sizes": sizes}]
    return check.read(config)


def made(size, *, fits=True, **names):
    """A trial with made-up numbers."""
    common = {"dataset": "digits", "model": "mlp", "framework": "numpy", "precision": "float64"}
    common |= {"step_kind": "momentum", "peak_memory_mib": 2.0 * size, "limit_mib": 1000.0}
    return Trial(**{**common, **names}, batch_size=size, fits=fits, reason="" if fits else "too large")


@pytest.mark.parametrize(
    ("given", "sizes"),
    [
        ("auto", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        (["auto"], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        ([96, "auto"], [96, 192, 384, 768]),
        (["auto", 100, 7, "full"], [7, 100, 200, 400, 800, DIGITS]),
        ([DIGITS, "auto"], [DIGITS]),
    ],
)
def test_auto_goes_on_with_the_doubles_of_the_largest_that_is_named(given, sizes):
    assert study(given).workloads[0].sizes == sizes


def test_what_does_not_fit_is_left_out_even_if_it_is_named():
    limited = batch_sizes.limited(study([16, "auto", "full"]), [made(DIGITS, fits=False), made(256)])
    assert limited.workloads[0].sizes[-1] == 1024, "nothing smaller than the full batch failed"
    limited = batch_sizes.limited(limited, [made(1024, fits=False), made(128), made(256, fits=False)])
    assert limited.workloads[0].batch_sizes == [16, 32, 64, 128]
    with pytest.raises(Problem, match="no batch size of digits × mlp fitted"):
        batch_sizes.limited(limited, [made(16, fits=False)])


@pytest.mark.parametrize(("sizes", "odd"), [([2, 4, 8], 7), ([1], 1), ([64, 128], 33), ([2, 5], 5)])
def test_certificates_try_no_larger_batch_than_the_study_has(sizes, odd):
    rehearsed = study(sizes).workloads[0].rehearsed_sizes(parts=1)
    assert odd in rehearsed and max(rehearsed) == max(sizes)


def test_micro_batches_of_an_odd_size_are_no_larger_than_the_study_has():
    assert study([16, 64]).workloads[0].rehearsed_sizes(parts=8) == [16, 56, 64]


def test_a_workload_without_trials_is_left_alone():
    named = study([16, "full"])
    assert batch_sizes.limited(named, [made(16, fits=False, model="cnn")]) == named


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ([0, "auto"], "batch size 0 is not between 1 and"),
        ([-4, "auto"], "batch size -4 is not between 1 and"),
        ([2000, "auto"], "batch size 2000 is not between 1 and"),
        ([16, 16, "auto"], "16 given twice"),
        (["auto", "auto"], "auto given twice"),
        ("automatic", "batch_sizes"),
        (["largest"], "batch_sizes"),
        ([], "batch_sizes"),
    ],
)
def test_what_cannot_be_meant_is_refused(sizes, said):
    with pytest.raises(Problem, match=said):
        study(sizes)


@pytest.mark.parametrize("n", [1, 2, 3, 11, 17])
def test_the_largest_that_fits_is_found_in_few_trials_wherever_it_lies(n):
    sizes = [2**power for power in range(n)]
    for fitting in sizes:
        tried = largest.until_largest(sizes, lambda size, most=fitting: made(size, fits=size <= most))
        assert max(each.batch_size for each in tried if each.fits) == fitting
        too_large = [each.batch_size for each in tried if not each.fits]
        assert fitting == sizes[-1] or min(too_large) == 2 * fitting, "the next one has been tried"
        assert len(tried) <= 2 + math.log2(n)


def test_where_not_even_the_smallest_fits_one_message_says_so():
    with pytest.raises(Problem, match=r"even with a batch size of 1: too large; it took 2 MiB and may take"):
        largest.until_largest([1, 2, 4], lambda size: made(size, fits=False))


@pytest.fixture
def counted(monkeypatch):
    """For how many processes at once the trials of a study are made; 512 is the first that does not fit."""
    calls = []

    def trials_here(asked, *, cores, at_once):
        calls.append(at_once)
        return [made(1024, fits=False), made(256), made(512, fits=False)]

    monkeypatch.setattr(auto, "trials_here", trials_here)
    return calls


def found(sizes, folder, *, cores=2, **changes):
    """The batch sizes of a study that is started."""
    asked = study(sizes, **changes)
    auto.find(asked, folder, cores=cores)
    return auto.resolved(asked, folder).workloads[0].batch_sizes


def test_trials_are_made_once_and_kept(tmp_path, counted):
    assert found([64, "auto"], tmp_path) == found([64, "auto"], tmp_path) == [64, 128, 256]
    assert counted == [2]
    times = {"processes": 2, "seconds_per_case": 9.0}
    found([64, "auto"], tmp_path, seeds=[7], throughput=times, cores=3)
    assert counted == [2], "they depend neither on seeds nor on how throughput is timed"
    found([64, "auto"], tmp_path, cores=1)
    assert counted == [2, 1], "fewer processes share the memory"
    found([32, "auto"], tmp_path, cores=1)
    assert counted == [2, 1, 1]


def test_with_another_limit_of_seconds_trials_are_made_anew(tmp_path, counted):
    asked = study(["auto"])
    auto.find(asked, tmp_path, cores=2)
    (workload,) = asked.workloads
    longer = workload.model_copy(update={"budget": workload.budget.model_copy(update={"seconds": 999.0})})
    auto.find(asked.model_copy(update={"workloads": [longer]}), tmp_path, cores=2)
    assert counted == [2, 2]


def test_a_damaged_file_of_trials_is_told_and_made_anew(tmp_path, counted):
    assert found(["auto"], tmp_path)[-1] == 256
    path = tmp_path / batch_sizes.NAME
    path.write_text(path.read_text().replace("false", "true"))
    assert auto.find(study(["auto"]), tmp_path, cores=2) == [f"{path} is damaged or not complete"]
    assert auto.resolved(study(["auto"]), tmp_path).workloads[0].batch_sizes[-1] == 256
    assert counted == [2, 2]


def test_a_job_takes_the_batch_sizes_of_its_workflow_and_makes_no_trials(tmp_path, counted):
    found(["auto"], tmp_path)
    assert auto.resolved(study([16, "auto"]), tmp_path).workloads[0].batch_sizes[-1] == 256
    assert counted == [2]
    with pytest.raises(Problem, match=r"there is no .*batch_sizes\.json"):
        auto.resolved(study(["auto"]), tmp_path / "elsewhere")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"trials": [{}]}', '{"trials": 7}', "nonsense"])
def test_a_damaged_file_of_trials_is_one_message_where_none_are_made(tmp_path, content):
    (tmp_path / batch_sizes.NAME).write_text(content)
    with pytest.raises(Problem, match=r"batch_sizes\.json is damaged"):
        auto.resolved(study(["auto"]), tmp_path)


def test_a_study_that_names_its_batch_sizes_tries_none_and_keeps_no_trials(tmp_path, counted):
    found(["auto"], tmp_path)
    assert found([16], tmp_path) == [16]
    assert counted == [2] and not (tmp_path / batch_sizes.NAME).exists()


def test_what_was_limited_is_checked_again(tmp_path, counted):
    arms = [{**GOOD["arms"][0], "ghost_batch": 256}]
    asked = study([64, "auto"])
    workload = asked.workloads[0].model_copy(update={"model": "resnet8"})
    with pytest.raises(Problem, match="no batch of digits is larger than a ghost batch of 256"):
        config = {**GOOD, "frameworks": ["numpy"], "arms": arms}
        config["workloads"] = [{**GOOD["workloads"][0], "batch_sizes": [64, "auto"], "model": "resnet8"}]
        read = check.read(config)
        trials = [made(512, fits=False, model=workload.model)]
        check.check(batch_sizes.limited(read, trials))


def test_every_framework_tries_only_what_fitted_in_those_before(monkeypatch):
    asked = []

    def of_framework(limited, framework, **_):
        asked.append((framework, limited.workloads[0].sizes[-1]))
        return [made(512, fits=False, framework=framework)] if framework == "numpy" else []

    monkeypatch.setattr(auto, "_tried", of_framework)
    auto.trials_here(study(["auto"], frameworks=["keras", "pytorch"]), cores=2, at_once=2)
    assert asked == [("numpy", 1024), ("keras", 256), ("pytorch", 256)]


def test_the_command_finds_them_and_its_message_reaches_the_user(capfd):
    trials = auto.trials_here(study([512, "auto"]), cores=1, at_once=1)
    assert [(each.framework, each.precision, each.batch_size) for each in trials] == [
        ("numpy", "float64", 1024),
        ("numpy", "float32", 1024),
    ]
    assert "digits mlp numpy float64 momentum B=1024: fits; " in capfd.readouterr().err
    broken = study(["auto"]).model_copy(update={"frameworks": ["nonsense"]})
    with pytest.raises(Problem, match="the trials of nonsense ended with code 1"):
        auto.trials_here(broken, cores=1, at_once=1)
    assert "there is no framework 'nonsense'" in capfd.readouterr().err


def test_what_did_not_fit_is_a_row_of_the_table_of_trials():
    rows = [each.model_dump() for each in (made(1024, fits=False), made(512))]
    written = columns.frame(rows, schema.BATCH_SIZES)
    shown = table.tables(SimpleNamespace(batch_sizes=written))
    lines = [[entry.text for entry in row] for row in shown[0].rows]
    assert [line[-1] for line in lines] == ["no: too large", "yes"]
    assert [line[4] for line in lines] == ["1,024", "512"]
