"""Random trainings come to the same in every framework as in the hand-written reference."""

from collections import Counter

import differential
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from benchmarks.identity.difference import differences
from benchmarks.models.layer import walk
from benchmarks.models.parameters import initial_parameters

BOUND = 1e-9
DRAWS = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "phases": [Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@pytest.fixture(scope="session")
def workers():
    found = differential.Workers()
    if not found.pipes:
        pytest.skip("no framework but NumPy is installed")
    yield found
    found.stop()


@pytest.fixture(scope="session")
def reference():
    return differential.loaded("numpy")


def check_agreement(workers, reference, training):
    exact = differential.trained(reference, training)
    for name, made in workers.train(training).items():
        assert not isinstance(made, str), f"{name}: {made}"
        off = {str(key): size for key, size in differences(made, exact).items() if not size <= BOUND}
        assert not off, f"{name} differs: {off}"


@settings(max_examples=25, **DRAWS)
@given(training=differential.trainings())
def test_every_framework_agrees_with_the_reference(workers, reference, training):
    check_agreement(workers, reference, training)


@pytest.mark.thorough
@settings(max_examples=500, **DRAWS)
@given(training=differential.trainings())
def test_every_framework_agrees_with_the_reference_on_five_hundred(workers, reference, training):
    check_agreement(workers, reference, training)


@settings(max_examples=100, **DRAWS)
@given(training=differential.trainings())
def test_no_training_that_is_drawn_magnifies_rounding(reference, training):
    """Were initial parameters a little different in their last bits, little would come of it."""
    exact = differential.trained(reference, training)
    random = np.random.default_rng(0)

    def shaken(*arguments, **settings):
        found = initial_parameters(*arguments, **settings)
        return {
            name: value
            if name.endswith("generator")
            else value * (1 + 1e-14 * random.choice([-1, 1], value.shape))
            for name, value in found.items()
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(differential, "initial_parameters", shaken)
        off = differences(differential.trained(reference, training), exact)
    assert max(off.values()) <= BOUND / 10, off


def test_every_kind_of_layer_and_optimizer_is_drawn():
    seen = Counter()

    @settings(max_examples=500, **DRAWS)
    @given(training=differential.trainings())
    def count(training):
        seen.update({type(layer).__name__ for _, layer, _ in walk(training.layers, training.shape)})
        seen.update({training.optimizer.name, training.optimizer.schedule.shape, training.execution})

    count()
    assert {name for name, n in seen.items() if n >= 5} >= {
        *("Dense", "Conv", "BatchNorm", "GroupNorm", "LayerNorm", "ReLU", "GELU", "MaxPool", "AveragePool"),
        *("GlobalAveragePool", "Flatten", "Dropout", "RandomShift", "RandomFlip", "Residual", "Embedding"),
        *("PositionEmbedding", "Attention", "sgd", "momentum", "nesterov", "adam", "adamw"),
        *("constant", "step", "cosine", "idiomatic", "fused"),
    }
