"""Initial parameters, drawn once in NumPy and loaded into every framework."""

import itertools
import math

import numpy as np

from benchmarks.models.layer import Shape, Spec, walk
from benchmarks.models.layers import Augmentation
from benchmarks.recipe import randomness

Parameters = dict[str, np.ndarray]
"""Arrays by name, `<path of the layer>.<name>`: float64, in the shapes that `layers.py` gives."""

FILLS = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}
NOT_TRAINED = ("moving_mean", "moving_variance", "generator")
BRANCHES = {"body": 0, "shortcut": 1}
LARGEST_KEY = 2**24
"""Whole numbers up to this one are exact in float32."""


def glorot_uniform(shape: Shape, generator: np.random.Generator) -> np.ndarray:
    """A kernel drawn from U(−a, a) with a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16)."""
    window = math.prod(shape[:-2])
    limit = math.sqrt(6.0 / (window * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape)


def initial_parameter(name: str, shape: Shape, generator: np.random.Generator) -> np.ndarray:
    """One parameter at the start of a training, float64 of this shape.

    Kernels are drawn by `glorot_uniform`, embedding tables from N(0, 0.02²) (Radford et al. 2018, GPT,
    section 4.1). The generator of a random layer gets a random whole number as its key and the count 0.
    """
    if name.endswith("kernel"):
        return glorot_uniform(shape, generator)
    if name == "table":
        return generator.normal(0.0, 0.02, shape)
    if name == "generator":
        return np.array([generator.integers(LARGEST_KEY), 0], np.float64)
    return np.full(shape, FILLS[name.rsplit("_", 1)[-1] if name.endswith("bias") else name])


def parameter_shapes(spec: Spec, input_shape: Shape) -> dict[str, Shape]:
    """Shapes of all parameters of a model by their full names, in the order of the layers."""
    return {
        f"{path}.{name}": extent
        for path, layer, shape in walk(spec, input_shape)
        for name, extent in layer.parameter_shapes(shape).items()
    }


def _n_augmentation(spec: Spec) -> int:
    """Number of augmentation layers in front of the model."""
    return sum(1 for _ in itertools.takewhile(lambda layer: isinstance(layer, Augmentation), spec))


def _stream(path: str, *, n_augmentation: int) -> tuple[int, ...]:
    """Purpose and place of the random numbers of a layer.

    Places are counted from the first layer after the augmentation, so that a seed gives the same initial
    parameters with and without augmentation.
    """
    first, *rest = (int(BRANCHES.get(part, part)) for part in path.split("."))
    if first < n_augmentation:
        return (randomness.Purpose.AUGMENTATION, first)
    return (randomness.Purpose.PARAMETERS, first - n_augmentation, *rest)


def initial_parameters(spec: Spec, input_shape: Shape, *, seed: int) -> Parameters:
    """Initial parameters of a model: a function of (spec, seed), so the same in every framework."""
    parameters, n_augmentation = {}, _n_augmentation(spec)
    for path, layer, shape in walk(spec, input_shape):
        generator = randomness.generator(seed, *_stream(path, n_augmentation=n_augmentation))
        for name, extent in layer.parameter_shapes(shape).items():
            parameters[f"{path}.{name}"] = initial_parameter(name, extent, generator)
    return parameters


def trained(parameters: Parameters) -> list[str]:
    """Names of the parameters that are trained; the others are running averages and generators."""
    return [name for name in parameters if not name.endswith(NOT_TRAINED)]
