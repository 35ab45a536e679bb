"""The store: one result for all that it depends on, kept once, checked when read, swept by use."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks.common.store import Store, differences, digest

CONDITIONS = {"measurement": "run", "threads": 2, "code": {"a": "1", "b": "2"}}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_a_result_is_found_under_its_conditions_and_no_others(store):
    assert store.find(CONDITIONS) is None
    store.keep(CONDITIONS, {"accuracy": 0.5})
    assert store.find(CONDITIONS) == {"accuracy": 0.5}
    assert store.find({**CONDITIONS, "threads": 1}) is None
    assert store.find({**CONDITIONS, "code": {"a": "1", "b": "3"}}) is None


def test_the_order_of_keys_does_not_matter():
    assert digest(CONDITIONS) == digest(dict(reversed(CONDITIONS.items())))


def test_the_earlier_of_two_results_counts(store):
    store.keep(CONDITIONS, {"accuracy": 0.5})
    assert store.keep(CONDITIONS, {"accuracy": 0.6}) == {"accuracy": 0.5}
    assert store.find(CONDITIONS) == {"accuracy": 0.5}


DAMAGES = {
    "one digit": lambda content: content.replace(b"0.5", b"0.6"),
    "the digest itself": lambda content: content.replace(b'"sha256": "', b'"sha256": "0'),
    "cut short": lambda content: content[:-9],
    "empty": lambda content: b"",
    "no text": lambda content: bytes(200),
    "another file": lambda content: b'{"result": {"accuracy": 0.9}}',
    "a list": lambda content: b"[]",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_told_set_aside_and_measured_again(store, capsys, damage):
    store.keep(CONDITIONS, {"accuracy": 0.5})
    path = store.path(CONDITIONS)
    path.write_bytes(DAMAGES[damage](path.read_bytes()))
    assert store.find(CONDITIONS) is None
    assert str(path) in capsys.readouterr().err
    assert path.with_name(f"{path.name}.damaged").exists()
    assert store.keep(CONDITIONS, {"accuracy": 0.7}) == {"accuracy": 0.7}


def test_an_entry_under_the_name_of_another_is_not_taken(store):
    other = {**CONDITIONS, "threads": 1}
    store.keep(other, {"accuracy": 0.5})
    store.path(other).rename(store.path(CONDITIONS))
    assert store.find(CONDITIONS) is None


def test_the_nearest_entry_and_every_difference_from_it(store):
    store.keep({**CONDITIONS, "threads": 1, "code": {"a": "9", "b": "8"}}, {})
    near = {**CONDITIONS, "code": {"a": "1", "c": "4"}}
    store.keep(near, {})
    assert store.nearest(CONDITIONS) == near
    assert differences(CONDITIONS, near) == {"code.b": ("2", None), "code.c": (None, "4")}


def test_what_was_not_used_for_a_while_is_swept_and_the_rest_stays(store):
    old, used = CONDITIONS, {**CONDITIONS, "threads": 1}
    for conditions in (old, used):
        store.keep(conditions, {})
        month_ago = time.time() - 30 * 86400
        os.utime(store.path(conditions), (month_ago, month_ago))
    store.find(used)
    assert store.sweep(unused_for_s=86400) == [store.path(old)]
    assert store.find(used) == {}


QUIET = {"others_cpu_share": 0.0, "probe_ms": 1.0, "probe_drift": 1.0, "gap_share": 0.0}
BUSY = {**QUIET, "others_cpu_share": 0.5}


def test_what_was_disturbed_can_be_removed_so_that_it_is_measured_again(store):
    results = {
        "a quiet run": {"disturbance": QUIET},
        "a disturbed run": {"disturbance": BUSY},
        "a run that died": {"disturbance": None},
        "a quiet case": {"benchmarks": [{"extra_info": {"disturbance": QUIET}}]},
        "a disturbed case": {"benchmarks": [{"extra_info": {"disturbance": BUSY}}]},
        "a case that was slow throughout": {"disturbance": {**QUIET, "probe_ms": 1.5}},
    }
    for name, result in results.items():
        store.keep({**CONDITIONS, "name": name}, result)
    store.sweep(disturbed=True)
    left = {name for name in results if store.find({**CONDITIONS, "name": name}) is not None}
    assert left == {"a quiet run", "a run that died", "a quiet case"}


def test_a_sweep_is_told_what_to_remove(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "sweep", "--store", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0 and "say what to remove" in done.stderr and "Traceback" not in done.stderr
