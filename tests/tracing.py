"""Arms, a study and traces of the reference, for the tests of identity."""

import numpy as np

from benchmarks import frameworks
from benchmarks.datasets.dataset import Dataset
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import record_trace, set_up
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Schedule

MOMENTUM = Arm(name="plain", learning_rate=0.0625, momentum=0.875, scaling="none")
ADAM = Arm(
    name="adam",
    optimizer="adam",
    learning_rate=0.001953125,
    weight_decay=0.03125,
    decay="decoupled",
    clip_norm=1.0,
    schedule=Schedule(shape="cosine", warm_up=0.1),
    scaling="sqrt",
)
STUDY = {
    "study": "identity",
    "device": "cpu",
    "frameworks": ["pytorch"],
    "seeds": [],
    "arms": [ADAM.model_dump(exclude={"momentum"}, exclude_defaults=True)],
    "workloads": [
        {
            **{"dataset": "digits", "model": "cnn", "batch_sizes": [4]},
            "target": {"validation_accuracy": 0.9, "source": "none"},
            "budget": {"epochs": 1, "seconds": 1},
        }
    ],
}


def numpy_in_float64():
    """The reference framework, configured."""
    framework = frameworks.load("numpy")
    framework.configure(threads=1, device="cpu", precision="float64")
    return framework


def blobs() -> Dataset:
    """Noise with a bright spot for each class, in the shape of digits."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, 700).astype(np.int32)
    images = random.normal(size=(700, 8, 8, 1)).astype(np.float32)
    images[np.arange(700), labels % 8, labels // 8] += 4  # so that there is something to learn
    rest = {f"{part}_x": images[:20] for part in ("validation", "test")}
    rest |= {f"{part}_y": labels[:20] for part in ("validation", "test")}
    return Dataset(name="digits", n_classes=10, sha256="", train_x=images, train_y=labels, **rest)


def traced(numpy, digits, arm, *, model="cnn", execution="idiomatic", recorded=record_trace) -> Trace:
    """A trace of one framework on one arm."""
    setup = set_up(numpy, digits, arm, model=model, execution=execution, precision="float64")
    return recorded(setup)
