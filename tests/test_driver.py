"""A driver that does anything otherwise than its description says gets no certificate."""

import dataclasses
import time
from unittest.mock import Mock, patch

import numpy as np
import pytest

from benchmarks.identity import driver
from benchmarks.training import run
from benchmarks.training.record import Status


def test_the_driver_does_what_its_description_says():
    assert driver.fault() == ""


@pytest.mark.filterwarnings("ignore:invalid value")
def test_the_scripts_end_in_every_way():
    made = {name: driver.driven(script) for name, script in driver.SCRIPTS.items()}
    assert {each.status for each in made.values()} == {
        *(Status.REACHED, Status.MISSED, Status.DIVERGED, Status.TIME_LIMIT),
    }
    middle = made["with the best evaluation in the middle"]
    best = [point.examples for point in middle.curve].index(middle.best_examples)
    assert 5 < best < len(middle.curve) - 5


def test_the_driver_counts_seconds_and_not_those_of_the_processor():
    assert driver.keeps_time()
    with patch.dict(run.run_to_target.__kwdefaults__, clock=time.process_time):
        assert not driver.keeps_time()
        assert driver.fault() == "the driver does not count the seconds that training and evaluation take"


def test_an_infinite_loss_that_goes_on_is_told():
    blind = Mock(wraps=np, isfinite=lambda values: ~np.isnan(values))
    with patch.object(run, "np", blind):
        assert "whose loss is infinite" in driver.fault()


def test_a_loss_that_is_cut_off_is_told():
    original = run.scores

    def cut(logits, labels):
        found = original(logits, labels)
        return found._replace(loss=min(found.loss, 4.0))

    with patch.object(run, "scores", cut):
        assert "curve differs" in driver.fault()


def planned(**changes):
    """The plan of a run with so many evaluations that no script has as many, and its training examples."""
    plan = driver.Script(4, 9000, 40, target=0.9).plan(5)
    budget = {"epochs": 1, "seconds": 20.0}
    return plan.model_copy(update={"budget": plan.budget.model_copy(update=budget), **changes}), 1257


def only_the_last_points(original, *given, **named):
    original(*given, **named)
    del named["state"].curve[:-640]


def starts_anew(original, trainer, data, plan, *, state, clock):
    original(trainer, data, plan, state=state, clock=clock)
    if len(state.curve) > 700:
        trainer.reset(trainer.parameters())


def on_some(original, trainer, data, state):
    """Not on the example that is one more than in the parts of the scripts."""
    if len(data.train_x) == 1257:
        data = dataclasses.replace(data, train_x=data.train_x[:1256], train_y=data.train_y[:1256])
    return original(trainer, data, state)


@pytest.mark.parametrize(
    ("name", "changed"),
    [("_evaluate", only_the_last_points), ("_evaluate", starts_anew), ("_final_scores", on_some)],
    ids=["only the last points", "starts anew", "a part of the training set"],
)
def test_a_driver_is_tried_on_trainings_as_long_as_those_of_the_study(name, changed):
    assert driver.fault([planned()]) == ""
    with method(name, changed):
        assert driver.fault() == ""
        assert "differs from what training.run says of it" in driver.fault([planned()])


def test_trainings_that_differ_in_their_rate_alone_are_tried_once():
    plan, n = planned()
    other = plan.model_copy(update={"optimizer": plan.optimizer.model_copy(update={"learning_rate": 0.5})})
    longer = plan.model_copy(update={"optimizer": plan.optimizer.model_copy(update={"total_steps": 9001})})
    assert [each.planned for each in driver.as_planned([(plan, n), (other, n)]).values()] == [other]
    labelled = longer.model_copy(update={"cell": longer.cell.model_copy(update={"arm": "longer"})})
    assert len(driver.as_planned([(plan, n), (labelled, n)])) == 2


def method(name, changed):
    """Replace a function of the driver by `changed(original, *arguments)`."""
    original = getattr(run, name)
    return patch.object(run, name, lambda *given, **named: changed(original, *given, **named))


def on_a_part(original, logits, labels):
    return original(logits[:1200], labels[:1200])


def last_parameters(original, trainer, data, state):
    state.best = trainer.parameters()
    return original(trainer, data, state)


def frozen_parameters(original, trainer, data, plan, *, state, clock):
    kept = state.best
    original(trainer, data, plan, state=state, clock=clock)
    if len(state.curve) > 5:
        state.best = kept


def parameters_of_the_last_of_two(original, trainer, data, plan, *, state, clock):
    """Of several evaluations that are equally good the last one's parameters are kept."""
    before = state.best_accuracy
    state.best_accuracy = np.nextafter(before, -1.0)
    original(trainer, data, plan, state=state, clock=clock)
    state.best_accuracy = max(before, state.best_accuracy)


def lower_target(original, trainer, data, plan, **given):
    return original(trainer, data, plan.model_copy(update={"target": plan.target - 0.02}), **given)


def never_exactly(original, trainer, data, plan, **given):
    """A target that is met exactly counts as missed."""
    return original(trainer, data, plan.model_copy(update={"target": plan.target + 1e-9}), **given)


def rounded(original, logits, labels):
    found = original(logits, labels)
    return found._replace(accuracy=round(found.accuracy, 3))


def half_the_seconds(original, trainer, stream, plan, *, state, watch, clock):
    return original(trainer, stream, plan, state=state, watch=watch, clock=lambda: clock() / 2)


def no_limit(original, *given, state, **named):
    status = original(*given, state=state, **named)
    return Status.MISSED if status == Status.TIME_LIMIT else status


def goes_on(original, *given, state, **named):
    status = original(*given, state=state, **named)
    return Status.MISSED if status == Status.DIVERGED else status


def evaluation_counted(original, trainer, data, plan, *, state, clock):
    original(trainer, data, plan, state=state, clock=clock)
    state.training_s += 7.0


def drawing_counted(original, trainer, stream, plan, *, state, watch, clock):
    class Timed:
        def after(self, examples, batch_size, **named):
            start = clock()
            drawn = stream.after(examples, batch_size, **named)
            state.training_s += clock() - start
            return drawn

    return original(trainer, Timed(), plan, state=state, watch=watch, clock=clock)


def one_step_late(original, plan, state):
    return min(original(plan, state) + 1, plan.optimizer.total_steps)


class FromTheStart:
    """A stream that begins anew after 1,100 batches."""

    def __init__(self, stream):
        self.stream = stream

    def after(self, examples, batch_size, *, count):
        return self.stream.after(examples if examples < 1100 * batch_size else 0, batch_size, count=count)


def first_batches_again(original, trainer, stream, plan, **given):
    return original(trainer, FromTheStart(stream), plan, **given)


def never_grown(original, trainer, stream, plan, **given):
    return original(trainer, stream, plan.model_copy(update={"growth": []}), **given)


def loss_of_the_last_step(original, plan, state, validation):
    return original(plan, state, validation).model_copy(update={"train_loss": state.losses[-1]})


def others_scored(original, logits, labels):
    return original(logits[:500], labels[:500])


PLANTS = {
    "the last parameters and not the best": ("_final_scores", last_parameters),
    "the best of the first five evaluations": ("_evaluate", frozen_parameters),
    "the last of two best evaluations": ("_evaluate", parameters_of_the_last_of_two),
    "a lower target": ("_finish", lower_target),
    "a target that is met exactly is missed": ("_finish", never_exactly),
    "accuracies of three digits": ("scores", rounded),
    "half of the seconds": ("train_to_evaluation", half_the_seconds),
    "no limit of seconds": ("train_to_evaluation", no_limit),
    "a training that diverged goes on": ("train_to_evaluation", goes_on),
    "seconds of evaluations are counted": ("_evaluate", evaluation_counted),
    "seconds of drawing are counted": ("train_to_evaluation", drawing_counted),
    "evaluations come a step late": ("_next_stop", one_step_late),
    "the first batches come again": ("train_to_evaluation", first_batches_again),
    "the batch never grows": ("train_to_evaluation", never_grown),
    "the loss is that of the last step": ("_point", loss_of_the_last_step),
    "half of the examples are scored": ("scores", others_scored),
    "a part of many examples is scored": ("scores", on_a_part),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_driver_that_does_otherwise_is_told(name):
    with method(*PLANTS[name]):
        assert driver.fault().startswith("in a training ")


def test_numbers_are_close_but_for_rounding():
    assert driver.close(1.0, 1.0 + 1e-12)
    assert not driver.close(1.0, 1.0 + 1e-6)
    assert not driver.close(None, 1.0)
    assert not driver.close([1.0], [1.0, 2.0])
    assert np.isfinite(driver.ROUNDING)
