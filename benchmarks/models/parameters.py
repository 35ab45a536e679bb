"""Initial parameters, drawn once in NumPy and loaded into every framework."""

import itertools
import math

import numpy as np

from benchmarks.models.layer import Shape, Spec, walk
from benchmarks.models.layers import Augmentation
from benchmarks.recipe import randomness

Parameters = dict[str, np.ndarray]
"""Named arrays: `<path of the layer>.<name>`, float64, in the layouts of `layers.py`."""

FILLS = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}
NOT_TRAINED = ("moving_mean", "moving_variance", "generator")
BRANCHES = {"body": 0, "shortcut": 1}
LARGEST_KEY = 2**24
"""Whole numbers up to here are exact in float32."""


def glorot_uniform(shape: Shape, generator: np.random.Generator) -> np.ndarray:
    """A kernel from U(−a, a), a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16)."""
    window = math.prod(shape[:-2])
    limit = math.sqrt(6.0 / (window * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape)


def drawn(name: str, shape: Shape, generator: np.random.Generator) -> np.ndarray:
    """One parameter at the start of a training.

    Kernels by Glorot; tables of embeddings from N(0, 0.02²) (Radford et al. 2018, GPT, section 4.1); the
    key of a random layer a whole number, its count 0.
    """
    if name.endswith("kernel"):
        return glorot_uniform(shape, generator)
    if name == "table":
        return generator.normal(0.0, 0.02, shape)
    if name == "generator":
        return np.array([generator.integers(LARGEST_KEY), 0], np.float64)
    return np.full(shape, FILLS[name.rsplit("_", 1)[-1] if name.endswith("bias") else name])


def parameter_shapes(spec: Spec, input_shape: Shape) -> dict[str, Shape]:
    """Shapes of all parameters of a model by their full names, layer after layer."""
    return {
        f"{path}.{name}": extent
        for path, layer, shape in walk(spec, input_shape)
        for name, extent in layer.parameter_shapes(shape).items()
    }


def _n_augmentation(spec: Spec) -> int:
    """How many layers in front of the model augment its examples."""
    return sum(1 for _ in itertools.takewhile(lambda layer: isinstance(layer, Augmentation), spec))


def _stream(path: str, *, front: int) -> tuple[int, ...]:
    """Purpose and place of the numbers of a layer.

    Places count from the model proper, so that a seed begins alike with and without augmentation.
    """
    first, *rest = (int(BRANCHES.get(part, part)) for part in path.split("."))
    if first < front:
        return (randomness.Purpose.AUGMENTATION, first)
    return (randomness.Purpose.PARAMETERS, first - front, *rest)


def initial_parameters(spec: Spec, input_shape: Shape, *, seed: int) -> Parameters:
    """Initial parameters of a model; the same for the same (spec, seed), whatever trains it."""
    parameters, front = {}, _n_augmentation(spec)
    for path, layer, shape in walk(spec, input_shape):
        generator = randomness.generator(seed, *_stream(path, front=front))
        for name, extent in layer.parameter_shapes(shape).items():
            parameters[f"{path}.{name}"] = drawn(name, extent, generator)
    return parameters


def trained(parameters: Parameters) -> list[str]:
    """Names of the parameters that gradients move; the others are running averages and generators."""
    return [name for name in parameters if not name.endswith(NOT_TRAINED)]
