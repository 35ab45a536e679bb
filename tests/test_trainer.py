"""What all trainers have in common: where an epoch ends."""

import itertools

import pytest

from benchmarks import frameworks
from benchmarks.frameworks.trainer import in_epochs


@pytest.mark.parametrize(
    ("steps", "epochs", "expected"),
    [(3, 2, "abcabc"), (2, 4, "abcabcab"), (4, 2, "abcabcab"), (1, 1, "a")],
)
def test_an_epoch_has_so_many_batches_and_goes_on_where_the_one_before_ended(steps, epochs, expected):
    ends, taken = [], []

    def go_on():
        ends.append(len(taken))
        return len(ends) < epochs

    for batch in in_epochs(itertools.repeat("abc"), steps, go_on):
        taken.append(batch)
    assert "".join(taken) == expected
    assert ends == [steps * (epoch + 1) for epoch in range(epochs)], (
        "asked when the steps of an epoch are taken"
    )


def test_no_batch_is_drawn_that_is_not_taken():
    drawn = []

    def one_pass():
        for batch in "abc":
            drawn.append(batch)
            yield batch

    passes = (one_pass() for _ in itertools.count())
    assert [*in_epochs(passes, 2, lambda: False)] == drawn == ["a", "b"]


def test_what_stands_beside_the_frameworks_is_none_of_them():
    assert frameworks.NAMES == ["keras", "keras-jax", "keras-torch", "numpy", "pytorch"]
