"""A run that starts from something else than its plan says is found, though all frameworks start from it."""

import dataclasses
import types
from unittest.mock import patch

import numpy as np
import pytest
import tracing

from benchmarks import models
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import expected_setup
from benchmarks.identity.expected_run import batches
from benchmarks.models import parameters
from benchmarks.models.layers import BatchNorm, Dropout, RandomShift
from benchmarks.recipe import randomness
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.growth import Phase, Phases
from benchmarks.recipe.optimizer import Optimizer
from benchmarks.study import check, study
from benchmarks.training import measure

DATA = tracing.blobs()


def plans(model="cnn", **settings):
    """The plans of a run at each of two batch sizes, from a seed that is not 0."""
    arm = {
        "name": "a",
        "learning_rate": 0.25,
        "momentum": 0.9,
        "scaling": "linear",
        "augmentation": ["shift"],
    }
    (workload,) = tracing.STUDY["workloads"]
    workload = {**workload, "model": model, "batch_sizes": [16, 256], "budget": {"epochs": 4, "seconds": 9}}
    given = {**tracing.STUDY, "seeds": [5], "arms": [{**arm, **settings}], "workloads": [workload]}
    (replicate,) = study.replicates(check.read(given))
    return replicate.plans


def faults(model="cnn", **settings):
    """What is wrong with the set-up of each run, without repetition."""
    made = [(measure.set_up(None, plan, DATA), plan) for plan in plans(model, **settings)]
    return {expected_setup.fault(setup, plan, DATA) for setup, plan in made}


@pytest.mark.parametrize("model", [name for name in models.NAMES if name != "transformer"])
@pytest.mark.parametrize("augmentation", [[], ["flip", "shift"]])
def test_every_model_starts_as_the_plan_says(model, augmentation):
    assert faults(model, augmentation=augmentation) == {""}


@pytest.mark.parametrize("source", ["shared", "framework"])
def test_dropout_draws_from_where_the_plan_says(source):
    from benchmarks.models import mlp

    (plan, _), layers = plans("mlp"), mlp.layers
    plan = plan.model_copy(update={"randomness": source})
    with patch.object(mlp, "layers", lambda n_classes: [*layers(n_classes), Dropout(0.5)]):
        assert expected_setup.fault(measure.set_up(None, plan, DATA), plan, DATA) == ""
        other = plan.model_copy(update={"randomness": {"shared": "framework"}.get(source, "shared")})
        told = expected_setup.fault(measure.set_up(None, other, DATA), plan, DATA)
    assert f"with {source} randomness" in told


def changed(owner, name, change):
    original = getattr(owner, name)
    return patch.object(owner, name, lambda *given, **named: change(original, *given, **named))


def trained_with(**settings):
    """Trainers are given another optimizer than their set-up has."""

    def trainer(original, self):
        other = dataclasses.replace(self, optimizer=self.optimizer.model_copy(update=settings))
        return original(other)

    return changed(Setup, "trainer", trainer)


def trained_on(**arrays):
    """Trainers are given other data than their set-up has."""

    def trainer(original, self):
        return original(dataclasses.replace(self, **{name: array(self) for name, array in arrays.items()}))

    return changed(Setup, "trainer", trainer)


def without_dropout(original, layers, *given):
    return tuple(
        dataclasses.replace(layer, rate=0.0) if isinstance(layer, Dropout) else layer
        for layer in original(layers, *given)
    )


def with_keys_of_zero(original, name, shape, generator):
    made = original(name, shape, generator)
    return np.zeros_like(made) if name == "generator" else made


def only_in_traces(original, data, *, augmentation, first=None, **settings):
    return original(data, augmentation=augmentation if first else [], first=first, **settings)


def rate_cut(original, framework, plan, data):
    setup = original(framework, plan, data)
    return dataclasses.replace(setup, optimizer=setup.optimizer.model_copy(update={"learning_rate": 0.25}))


def halved(original, self, batch_size, *, first, count):
    return original(self, batch_size, first=first % 20, count=count)


def another_limit(original, shape, generator):
    return 1.01 * original(shape, generator)


def without_mixed_precision(original, name, **settings):
    return original(name, **settings | {"mixed_precision": None})


def without_ghosts(original, name, **settings):
    return original(name, **settings | {"ghost_batch": None})


@pytest.mark.parametrize("model", ["cnn", "resnet8"])
def test_ghost_batches_are_those_of_the_plan(model):
    assert faults(model, ghost_batch=8) == {""}
    with changed(models, "spec", without_ghosts):
        (told,) = faults(model, ghost_batch=8)
    assert "ghost batches of 8" in told


@pytest.mark.parametrize("model", ["cnn", "resnet8"])
def test_products_are_in_the_precision_of_the_plan(model):
    assert faults(model, mixed_precision="bfloat16") == {""}
    with changed(models, "spec", without_mixed_precision):
        (told,) = faults(model, mixed_precision="bfloat16")
    assert told.endswith("and mixed precision bfloat16")


PLANTS = {
    "augmentation in traces alone": (lambda: changed(Setup, "on", only_in_traces), "its layers are not"),
    "another shift": (
        lambda: patch.dict(models.AUGMENTATIONS, shift=RandomShift(reach=2)),
        "its layers are not",
    ),
    "a rate cut": (lambda: changed(measure, "set_up", rate_cut), "its optimizer"),
    "half of the examples": (
        lambda: changed(Setup, "on", lambda o, data, **named: o(data, **named | {"first": 350})),
        "its examples are not all",
    ),
    "parameters of one seed": (
        lambda: changed(Setup, "parameters", lambda o, self, *, seed: o(self, seed=0)),
        "of seed 5 is not drawn",
    ),
    "another initialiser": (lambda: changed(parameters, "glorot_uniform", another_limit), "is not drawn"),
    "biases that are not 0": (lambda: patch.dict(parameters.FILLS, bias=0.01), "bias is not 0"),
    "parameters of seeds without their second bit": (
        lambda: changed(Setup, "parameters", lambda o, self, *, seed: o(self, seed=seed & ~2)),
        "of seed 2 is not drawn",
    ),
    "batches of seeds without their second bit": (
        lambda: changed(Setup, "stream", lambda o, self, *, seed: o(self, seed=seed & ~2)),
        "are not those of seed 2",
    ),
    "batches of one seed": (
        lambda: changed(Setup, "stream", lambda o, self, *, seed: o(self, seed=0)),
        "the batches from step 1 on",
    ),
    "another momentum of the trainer": (lambda: trained_with(momentum=0.5), "its optimizer"),
    "another decay of the trainer": (lambda: trained_with(weight_decay=0.125), "its optimizer"),
    "labels of other examples": (
        lambda: trained_on(labels=lambda setup: np.roll(setup.labels, 1)),
        "its examples are not all",
    ),
    "a trainer in another precision": (lambda: trained_on(precision=lambda _: "float64"), "its optimizer"),
    "a trainer of the other execution": (
        lambda: trained_on(execution=lambda _: "idiomatic"),
        "its optimizer",
    ),
    "a trainer of fewer layers": (lambda: trained_on(layers=lambda setup: setup.layers[1:]), "its layers"),
    "no dropout": (lambda: changed(models, "_set", without_dropout), "its layers are not"),
    "keys of zero": (
        lambda: changed(parameters, "initial_parameter", with_keys_of_zero),
        "generator of seed 5 is not drawn",
    ),
    "batches that come again": (lambda: changed(BatchStream, "batches", halved), "the batches from step"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_another_start_is_told(name):
    plant, told = PLANTS[name]
    with plant():
        assert any(told in cause for cause in faults() | faults("c1"))


@pytest.mark.parametrize("kind", ["kernel", "gamma", "moving_variance", "beta"])
def test_first_parameters_of_every_kind_are_looked_at(kind):
    plan, _ = plans()
    setup = measure.set_up(None, plan, DATA)
    values = setup.parameters(seed=5)
    name = next(each for each in values if each.endswith(kind))
    other = values | {name: values[name] + 0.1}
    with patch.object(Setup, "parameters", lambda self, *, seed: other):
        assert name in expected_setup.fault(setup, plan, DATA)


@pytest.mark.parametrize(
    "same",
    [
        lambda seed, purpose, epoch: (0, purpose, epoch),
        lambda seed, purpose, epoch: (seed % 4, purpose, epoch),
    ],
)
def test_orders_that_are_the_same_for_two_seeds_are_not_the_second_statements(monkeypatch, same):
    """The second statement draws them without the function that the stream draws them with."""
    drawn = randomness.generator
    right = BatchStream(100, seed=5).batches(8, first=0, count=30)
    np.testing.assert_array_equal(right, batches(100, seed=5, batch_size=8, steps=30))
    monkeypatch.setattr(randomness, "generator", lambda *given: drawn(*same(*given)))
    wrong = BatchStream(100, seed=5).batches(8, first=0, count=30)
    assert (wrong != batches(100, seed=5, batch_size=8, steps=30)).any()


@pytest.mark.parametrize(
    ("where", "name", "told"),
    [(BatchNorm, "ghost_batches", "ghost batches"), (Optimizer, "micro_batches", "micro-batches")],
)
def test_a_batch_that_is_cut_into_other_parts_is_told(monkeypatch, where, name, told):
    layers = [BatchNorm(ghost=8)]
    optimizer = Optimizer(name="sgd", learning_rate=1.0, accumulation=2)
    plan = types.SimpleNamespace(
        optimizer=optimizer, phases=Phases(of=[Phase(first_step=0, examples=0, batch_size=64)])
    )
    assert list(expected_setup.wrong_parts(plan, layers)) == []
    monkeypatch.setattr(where, name, lambda self, n: 1)
    assert all(told in each for each in expected_setup.wrong_parts(plan, layers))
    assert list(expected_setup.wrong_parts(plan, layers))
