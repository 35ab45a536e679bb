"""Ghost batches and micro-batches of a study: which are refused, and which batch sizes certificates try."""

import pytest
from test_study import GOOD, changed

from benchmarks.common.errors import Problem
from benchmarks.study import check, study


@pytest.mark.parametrize(
    ("model", "sizes", "said"),
    [
        ("mlp", [64], "mlp has no batch norm"),
        ("cnn", [8, 32], "no batch of digits is larger than a ghost batch of 32"),
        ("cnn", [8, 64, 100], "a batch of 100 examples of digits does not consist of ghost batches of 32"),
    ],
)
def test_ghost_batches_that_would_not_be_are_refused(model, sizes, said):
    config = changed("arms", 0, "ghost_batch", to=32)
    config["workloads"] = [{**GOOD["workloads"][0], "model": model, "batch_sizes": sizes}]
    with pytest.raises(Problem, match=said):
        check.read(config)
    config["workloads"][0] |= {"model": "resnet8", "batch_sizes": [8, 64]}
    assert check.read(config).arms[0].ghost_batch == 32


def test_a_batch_that_does_not_divide_into_micro_batches_is_refused():
    config = changed("arms", 0, "accumulation", to=4)
    config["workloads"] = [{**GOOD["workloads"][0], "batch_sizes": [8, 18]}]
    with pytest.raises(
        Problem, match="a batch of 18 examples of digits does not divide into 4 micro-batches"
    ):
        check.read(config)


@pytest.mark.parametrize(
    ("sizes", "accumulation", "rehearsed"),
    [
        ([8, 64], None, [8, 33, 64]),
        ([7, 64], None, [7, 64]),
        ([8, 64], 4, [8, 4 * 15, 64]),
        ([8, 4 * 7], 4, [8, 4 * 7]),
        (["full"], None, [1257]),
    ],
)
def test_certificates_try_an_odd_size_or_micro_batches_of_one(sizes, accumulation, rehearsed):
    config = changed("arms", 0, "accumulation", to=accumulation)
    config["workloads"] = [{**GOOD["workloads"][0], "batch_sizes": sizes}]
    assert study.for_tracing(check.read(config)).workloads[0].sizes == rehearsed
