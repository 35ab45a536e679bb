"""Trains small models in one framework, both executions, and in the NumPy reference beside it.

    python tests/keras_subject.py FRAMEWORK OUTPUT.json

Writes the largest relative differences, and what else the tests of Keras ask about.
"""

import dataclasses
import json
import sys
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks import frameworks
from benchmarks.models import layers as L
from benchmarks.models.parameters import initial_parameters
from benchmarks.recipe.batches import BatchStream
from benchmarks.recipe.optimizer import Optimizer, Schedule

STEPS, BATCH, N = 14, 6, 20
BRANCH = (L.Conv(4, stride=2, bias=False), L.GroupNorm(groups=2), L.GELU())
IMAGES = [
    *[L.RandomShift(2), L.RandomFlip(), L.Conv(4, size=5, bias=False), L.MaxPool(3, stride=2), L.BatchNorm()],
    *[L.Residual(BRANCH, (L.Conv(4, size=1, stride=2),)), L.ReLU(), L.Dropout(0.25)],
    *[L.AveragePool(), L.Flatten(), L.Dense(3)],
]
TEXT = [
    *[L.Embedding(7, 8), L.PositionEmbedding(), L.Residual((L.LayerNorm(), L.Attention(2)))],
    *[L.Dense(4, bias=False), L.BatchNorm(), L.Dense(7)],
]
COSINE = Schedule(shape="cosine", warm_up=0.25)
GHOSTS = [
    *[L.Conv(4, bias=False), L.BatchNorm(ghost=2), L.ReLU()],
    *[L.Conv(4, bias=False), L.BatchNorm(ghost=3), L.GELU(), L.Flatten()],
]
CASES = {
    "ghost batches": ([*GHOSTS, L.Dense(3)], (9, 7, 2), {"name": "momentum", "momentum": 0.875}),
    "images": (IMAGES, (9, 7, 2), {"name": "adam", "clip_norm": 0.5, "weight_decay": 0.01}),
    "text": (TEXT, (5,), {"name": "nesterov", "momentum": 0.875, "clip_norm": 0.25}),
    "accumulated": (IMAGES, (9, 7, 2), {"name": "momentum", "momentum": 0.875, "accumulation": 2}),
    "clipped and accumulated": (TEXT, (5,), {"name": "sgd", "clip_norm": 0.25, "accumulation": 3}),
    "pooled": ([L.GlobalAveragePool(), L.Dense(3)], (9, 7, 2), {"name": "sgd"}),
}


def data(shape):
    """Images of few grey levels, so that pools meet ties that are not 0, or tokens."""
    random = np.random.default_rng(7)
    if len(shape) == 1:
        text = random.integers(7, size=(N, shape[0] + 1)).astype(np.int32)
        return text[:, :-1], text[:, 1:]
    x = (1 + random.integers(2, size=(N, *shape)) / 4).astype(np.float32)
    x[:, :4] = 1
    return x, random.integers(3, size=N).astype(np.int32)


def trained(framework, case, execution, precision):
    """All that a training gives, by name; it is cut in two, as one of several epochs is."""
    spec, shape, settings = CASES[case]
    optimizer = Optimizer(learning_rate=0.0625, total_steps=STEPS - 2, schedule=COSINE, **settings)
    (x, y), start = data(shape), initial_parameters(spec, shape, seed=3)
    trainer = framework.Trainer(
        **{"layers": spec, "optimizer": optimizer, "examples": x, "labels": y},
        **{"precision": precision, "execution": execution},
    )
    batches = BatchStream(N, seed=5).batches(BATCH, first=0, count=STEPS)
    trainer.reset(start)
    found = {f"layer {path}": output for path, output in trainer.layer_outputs(x[:BATCH]).items()}
    trainer.train(batches[:3])
    trainer.reset(start)
    loaded = trainer.load_batches(batches)
    assert (loaded.labels == y[batches]).all()
    np.testing.assert_array_equal(loaded.last(), x[batches[-1]])
    parts = [trainer.train(batches[:5]), trainer.train(batches[5:])]
    names = [name for name, value in parts[0]._asdict().items() if value is not None]
    found |= {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    found |= trainer.parameters() | trainer.optimizer_state()
    return found | {"logits": trainer.logits(x)}


def difference(found, reference):
    """The largest, relative to the largest number of the array or to a thousandth of the case's."""
    assert found.keys() == reference.keys(), found.keys() ^ reference.keys()
    largest = max(np.abs(array).max() for name, array in reference.items() if "generator" not in name)
    scales = {name: max(np.abs(array).max(), 1e-3 * largest) for name, array in reference.items()}
    return {name: float(np.abs(found[name] - reference[name]).max() / scales[name]) for name in reference}


def differences(name, precision):
    """Of every case and execution from the reference: the quantity that differs most, and by how much."""
    framework, reference = frameworks.load(name), frameworks.load("numpy")
    found = {}
    for module in (framework, reference):
        module.configure(threads=1, device="cpu", precision=precision)
    for case in CASES:
        expected = trained(reference, case, "fused", precision)
        for execution in ("idiomatic", "fused"):
            by = difference(trained(framework, case, execution, precision), expected)
            found[f"{case} {execution}"] = max(by.items(), key=lambda item: item[1])
    return found


def norms_of_a_small_memory(name):
    """The largest relative difference of gradient norms where the optimizer remembers those of 4 steps."""
    from benchmarks.frameworks.keras_parts import optimizer

    framework = frameworks.load(name)
    framework.configure(threads=1, device="cpu", precision="float64")
    expected = trained(frameworks.load("numpy"), "text", "fused", "float64")["gradient_norm"]
    with patch.object(optimizer, "KEPT_NORMS", 4):
        found = trained(framework, "text", "idiomatic", "float64")["gradient_norm"]
    return float(np.abs(found / expected - 1).max())


def readings(name, steps):
    """How often a `fit` that clips reads a variable back or puts the state of JAX back into variables."""
    framework = frameworks.load(name)
    import keras

    optimizer = Optimizer(name="sgd", learning_rate=0.5, clip_norm=0.25)
    (x, y), layers = data((5,)), TEXT
    trainer = framework.Trainer(
        **{"layers": layers, "optimizer": optimizer, "examples": x, "labels": y},
        **{"precision": "float32", "execution": "idiomatic"},
    )
    trainer.reset(initial_parameters(layers, x.shape[1:], seed=3))
    read = [(type(trainer.optimizer.iterations), "numpy"), (keras.ops, "convert_to_numpy")]
    synced = [(keras.Model, "jax_state_sync")] if keras.backend.backend() == "jax" else []
    with ExitStack() as stack:
        watched = [
            stack.enter_context(patch.object(owner, method, autospec=True, side_effect=own))
            for owner, method in (*read, *synced)
            for own in [getattr(owner, method)]
        ]
        trainer.train(BatchStream(N, seed=5).batches(BATCH, first=0, count=steps))
    return sum(each.call_count for each in watched)


def sizes_loaded(name):
    """The size of each batch that `load` passes through the pipeline of `fit`.

    First in two epochs of four steps, then in two of two steps.
    """
    (x, y), sizes = data((5,)), []
    trainer = frameworks.load(name).Trainer(
        **{"layers": TEXT, "optimizer": Optimizer(name="sgd", learning_rate=0.5), "examples": x, "labels": y},
        **{"precision": "float32", "execution": "idiomatic"},
    )
    own = trainer._batches

    def counted(epoch):
        for x, y in epoch:
            sizes.append(len(y))
            yield x, y

    def seen(*given, **settings):
        return map(counted, own(*given, **settings))

    with patch.object(trainer, "_batches", seen):
        for epochs, steps in ((2, None), (2, 2)):
            trainer.load(BATCH, iter([*[True] * (epochs - 1), False]).__next__, steps=steps)
    return sizes


def steps_fitted(name):
    """How many steps `fit` has taken at the end of each epoch: of two, then of two of two steps."""
    (x, y), taken = data((5,)), []
    trainer = frameworks.load(name).Trainer(
        **{"layers": TEXT, "optimizer": Optimizer(name="sgd", learning_rate=0.5), "examples": x, "labels": y},
        **{"precision": "float32", "execution": "idiomatic"},
    )
    for epochs, steps in ((2, None), (2, 2)):
        trainer.reset(initial_parameters(TEXT, x.shape[1:], seed=3))
        left = iter([*[True] * (epochs - 1), False])

        def go_on(left=left):
            taken.append(int(trainer.optimizer.iterations.numpy()))
            return next(left)

        trainer.fit(BATCH, go_on, steps=steps)
    return taken


def framework_dropout_losses(name):
    """Losses with the framework's own dropout, in both executions."""
    framework = frameworks.load(name)
    own = [
        dataclasses.replace(each, source="framework") if isinstance(each, L.Dropout) else each
        for each in IMAGES
    ]
    CASES["own"] = (own, *CASES["images"][1:])
    return {e: trained(framework, "own", e, "float32")["loss"].tolist() for e in ("idiomatic", "fused")}


def last_coefficients():
    """The end of the table of a fit, what the recipe says of a step far beyond, and the table's length."""
    from benchmarks.frameworks.keras_parts.optimizer import coefficient_table

    found = {}
    for name, used in (("adam", 3), ("sgd", 1)):
        settings = Optimizer(name=name, learning_rate=0.5)
        table, far_beyond = coefficient_table(settings), settings.coefficients(10**6, 1)
        found[name] = [table[-1, :used].tolist(), far_beyond[0, :used].tolist(), len(table)]
    return found


if __name__ == "__main__":
    name, output = sys.argv[1:]
    found = {"float64": differences(name, "float64"), "float32": differences(name, "float32")}
    found |= {"readings": [readings(name, steps) for steps in (3, 12)]}
    found |= {"sizes loaded": sizes_loaded(name), "steps fitted": steps_fitted(name)}
    found |= {"own dropout": framework_dropout_losses(name), "coefficients": last_coefficients()}
    found |= {"norms of a small memory": norms_of_a_small_memory(name)}
    found["imported"] = sorted({"tensorflow", "jax", "torch", "pandas", "sklearn"} & set(sys.modules))
    Path(output).write_text(json.dumps(found))
