"""Whole runs, followed by the reference: what begins late in them shows, and rounding does not count."""

from types import SimpleNamespace

import followed_plants
import numpy as np
import pytest

from benchmarks.frameworks.trainer import Steps
from benchmarks.identity import followed, repeated
from benchmarks.identity.cost import Cost
from benchmarks.identity.difference import BOUND, FOLLOWED_FLOAT32_BOUND
from benchmarks.identity.expected_run import call_ends
from benchmarks.identity.follower import PARTS, Followed
from benchmarks.identity.repeated import References

BOUNDS = {"float64": BOUND, "float32": FOLLOWED_FLOAT32_BOUND}
EXPECTED = followed.by_the_reference(followed_plants.subject("float64").plans)


def largest(made, precision):
    """The largest difference, as a multiple of its bound."""
    return max(float(size) for size in made.values()) / BOUNDS[precision]


@pytest.mark.parametrize("precision", BOUNDS)
def test_without_a_plant_the_reference_agrees_to_the_end(in_torch, precision):
    made = in_torch(followed_plants.followed, None, precision)
    assert list(made) == list(EXPECTED)
    assert largest(made, precision) < 0.2, made


@pytest.mark.parametrize("precision", BOUNDS)
def test_the_reference_takes_the_settings_of_each_batch_size(in_torch, precision):
    """Of an Adam whose beta_2 follows the batch size."""
    made = in_torch(followed_plants.followed, None, precision, followed_plants.ADAM)
    assert largest(made, precision) < 0.2, made


@pytest.mark.parametrize(
    "name", [name for name in followed_plants.PLANTS if name not in followed_plants.TOLD]
)
def test_what_begins_late_or_with_learning_is_found(in_torch, name):
    made = in_torch(followed_plants.followed, name)
    assert largest(made, "float64") > 2, made


@pytest.mark.parametrize("name", followed_plants.OF_FLOAT32)
def test_what_float32_does_otherwise_is_found(in_torch, name):
    assert largest(in_torch(followed_plants.followed, name, "float32"), "float32") > 2


@pytest.mark.parametrize("name", followed_plants.TOLD)
def test_a_call_that_computes_late_and_a_run_that_ends_early_are_told(in_torch, name):
    assert in_torch(followed_plants.followed, name).startswith(followed_plants.TOLD[name])


@pytest.mark.parametrize("calls", [1, 2, 7, 120])
@pytest.mark.parametrize("apart", [1, 3, 500])
def test_the_first_and_the_last_call_are_always_followed(calls, apart):
    repetition = followed.Repetition(list(range(1, calls + 1)), apart, most_steps=4)
    counts = [repetition(number, np.zeros((9, 1))) for number in range(calls)]
    assert counts[0] == counts[-1] == 4
    assert sum(map(bool, counts)) == len({0, *range(calls - 1, -1, -apart)})


def test_in_float32_so_much_is_followed_of_an_expensive_run_that_a_quarter_of_it_may_differ():
    """With three calls, of which none may be apart, a last digit refused a training that was right."""
    (plan, *_) = followed_plants.subject("float64").plans
    cost = Cost(flops_per_example=5_000_000, n_parameters=1_000_000)
    steps = {}
    for precision in BOUNDS:
        repetition = followed.Repetition.of(plan.model_copy(update={"precision": precision}), cost)
        lengths = np.diff([0, *repetition.ends])
        taken = [repetition(number, np.zeros((length, 8))) for number, length in enumerate(lengths)]
        steps[precision] = [count for count in taken if count]
    assert len(steps["float64"]) < 8 < 12 <= len(steps["float32"])
    assert 0.7 < sum(steps["float32"]) / sum(steps["float64"]) < 1.2


class Doubling:
    """A training whose parameter doubles with each step, and whose error grows as fast."""

    def __init__(self, *, error=0.0):
        self.error, self.value, self.calls = error, np.ones(1), []

    def train(self, batches):
        self.calls.append(len(batches))
        for _ in batches:
            self.value = self.value * 2.0 + self.error
        return Steps(np.full(len(batches), self.value[0]), None)

    def parameters(self):
        return {"weight": self.value.copy()}

    def optimizer_state(self):
        return {}

    def logits(self, examples):
        return examples * self.value

    def reset(self, parameters):
        self.value = parameters["weight"].copy()

    def resume(self, parameters, state, *, step):
        self.reset(parameters)


def following(trainer, *, repeats, exact=None, cause=""):
    """A trainer some of whose calls are followed; of what it is judged by, `cause` is wrong."""
    exact = exact or Doubling()
    references = References(exact, Doubling(), "float64")
    seen = SimpleNamespace(evaluated=lambda *given: None, judged_by=lambda parameters: cause)
    return Followed(
        trainer, references, lambda number, batches: repeats.get(number, 0), evaluated=3, seen=seen
    )


@pytest.mark.parametrize("repeats", [{}, {0: 2}, {1: 2}])
def test_what_changes_a_training_between_two_calls_is_found(repeats):
    trainer = Doubling()
    trained = following(trainer, repeats=repeats)
    trained.train(np.zeros((2, 1)))
    trained.logits(np.ones((5, 1)))
    trainer.value = trainer.value * (1.0 + 1e-15)
    with pytest.raises(RuntimeError, match="between two calls"):
        trained.train(np.zeros((2, 1)))


def test_a_run_that_is_judged_by_other_parameters_than_its_best_is_found():
    trained = following(Doubling(), repeats={}, cause="a run is judged by other parameters")
    trained.reset(trained.parameters())
    trained.train(np.zeros((2, 1)))
    with pytest.raises(RuntimeError, match="other parameters"):
        trained.reset(trained.parameters())


def test_each_call_starts_from_where_the_training_stood():
    """An error of each step is found by its size in one call, and not by what became of it in all."""
    trained = following(Doubling(error=1e-12), repeats={0: 2, 1: 2, 2: 2})
    for _ in range(3):
        trained.train(np.zeros((2, 1)))
    assert trained.apart["parameters"] == pytest.approx(3e-12 / 4, rel=0.01)
    assert len(trained.sizes["parameters"]) == 3


def test_a_call_is_cut_before_the_steps_that_are_followed():
    trainer, exact = Doubling(), Doubling()
    trained = following(trainer, repeats={1: 2}, exact=exact)
    assert trained.train(np.zeros((3, 4))).loss.shape == (3,)
    assert trained.train(np.zeros((5, 4))).loss.shape == (5,)
    assert (trainer.calls, exact.calls) == ([3, 3, 2], [2])
    assert (trained.calls, trained.steps, trained.examples) == (2, 8, 32)


def test_outputs_are_compared_after_a_call_that_is_followed_and_after_a_reset():
    class Wrong(Doubling):
        def logits(self, examples):
            return super().logits(examples) * (1.0 + 1e-6 * (len(examples) == 5))

    trained = following(Wrong(), repeats={1: 1})
    trained.train(np.zeros((1, 1)))
    trained.logits(np.ones((5, 1)))
    assert trained.sizes["outputs"] == []
    trained.train(np.zeros((1, 1)))
    trained.logits(np.ones((5, 1)))
    trained.reset(trained.parameters())
    trained.logits(np.ones((4, 1)))
    trained.logits(np.ones((5, 1)))
    assert trained.sizes["outputs"] == pytest.approx([1e-6, 0.0, 1e-6])


def test_what_rounding_alone_leads_to_is_allowed():
    """Where the reference itself ends elsewhere from other last digits, a framework may too."""
    references = References(Doubling(), Doubling(), "float64")
    start, due = np.ones(4), np.full(4, 9.0)
    near = due + 1e-6
    assert references.array_apart("x", start, due + 2e-5, due, due) > BOUND
    assert references.array_apart("x", start, due + 2e-5, due, near) < BOUND
    assert references.array_apart("x", start, due + 2e-3, due, near) > BOUND


def test_float32_is_held_to_what_a_call_changes():
    references = References(Doubling(), Doubling(), "float32")
    start, due = np.full(4, 100.0), np.full(4, 100.1)
    assert references.array_apart("x", start, start + 0.97 * (due - start), due, due) == pytest.approx(
        0.03, rel=1e-3
    )


def test_in_float32_a_quarter_of_the_calls_may_be_further_apart():
    trained = following(Doubling(), repeats={})
    trained.sizes["state"] = [1e-6, 1.0, 1e-6, 1e-6, 1e-6]
    assert trained.apart["state"] == 1.0
    trained.references.precision = "float32"
    assert trained.apart["state"] == 1e-6
    trained.sizes["state"] = [1e-6, 1.0, 1.0, 1e-6, 1e-6]
    assert trained.apart["state"] == 1.0


def test_the_last_digits_of_what_is_trained_are_others_nearby():
    stand = repeated.Stand({"kernel": np.full(9, 3.0), "0.generator": np.array([5.0, 0.0])}, {})
    near = stand.nearby().parameters
    assert 0 < np.abs(near["kernel"] - 3.0).max() < 1e-14
    assert (near["0.generator"] == [5.0, 0.0]).all()


def test_every_part_has_a_name_at_the_smallest_middle_and_largest_batch_size():
    assert {name.of for name in EXPECTED} == {f"{part} at {size}" for part in PARTS for size in (8, 33, 256)}


def test_in_float32_no_call_whose_length_is_chosen_here_is_long():
    (plan,) = followed_plants.subject("float64").plans[:1]
    long = [
        plan.model_copy(
            update={
                "cell": plan.cell.model_copy(update={"batch_size": size}),
                "optimizer": plan.optimizer.model_copy(update={"total_steps": 9000}),
            }
        )
        for size in (8, 32, 64)
    ]
    made = {each.cell.batch_size: each for each in followed.plans_followed(long, "float32")}
    assert made[8].evaluations == plan.evaluations
    for size in (32, 64):
        assert made[size].evaluations.examples <= followed.FLOAT32_STEPS * size
    smallest, middle, largest = followed.plans_followed(long, "float64")
    assert smallest.evaluations == largest.evaluations == plan.evaluations
    assert len(call_ends(middle)) >= followed.CALLS


def test_where_all_is_learnt_an_array_has_the_rounding_of_larger_numbers():
    references, none = References(Doubling(), Doubling(), "float64"), np.zeros(3)
    small = np.full(3, 1e-8)
    assert references.array_apart("velocity", none, small + 1e-16, small, small) > BOUND
    references.array_apart("velocity", none, np.ones(3), np.ones(3), np.ones(3))
    assert references.array_apart("velocity", none, small + 1e-16, small, small) < BOUND
    assert references.array_apart("velocity", none, 0.9 * small, small, small) > BOUND


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_of_a_training_that_diverges_nothing_is_told_if_the_reference_does_too(precision):
    references, some, none = References(Doubling(), Doubling(), precision), np.ones(2), np.full(2, np.nan)
    assert references.array_apart("x", some, none, some, some) == np.inf
    assert references.array_apart("x", some, none, none, some) == 0.0
    assert references.array_apart("x", some, some, some, none) == 0.0
    huge = np.full(2, 1e300)
    assert references.array_apart("x", some, huge, huge, huge) == 0.0


def test_in_float32_one_example_may_lie_on_the_other_side_of_a_bend():
    references, start, due = References(Doubling(), Doubling(), "float32"), np.zeros(4), np.ones(4)
    made = due * (1.0 + 0.01)
    assert references.array_apart("x", start, made, due, due) == pytest.approx(0.01, rel=1e-3)
    references.call = (25, 4)
    assert references.array_apart("x", start, made, due, due) == pytest.approx(0.01 / 50, rel=1e-3)
    assert references.array_apart("state x", start, made, due, due) == pytest.approx(0.01 / 79, rel=0.01)
