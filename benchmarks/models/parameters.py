"""Initial parameters, drawn once in NumPy and loaded into every framework."""

import math

import numpy as np

from benchmarks.models.layers import Shape, Spec, input_shapes

Parameters = dict[str, np.ndarray]
"""Named arrays: `<layer index>.<name>`, float64, in the layouts of `layers.py`."""

FILLS = {"bias": 0.0, "beta": 0.0, "gamma": 1.0, "moving_mean": 0.0, "moving_variance": 1.0}
NOT_TRAINED = ("moving_mean", "moving_variance")


def glorot_uniform(shape: Shape, generator: np.random.Generator) -> np.ndarray:
    """A kernel from U(−a, a), a = √(6 / (fan in + fan out)) (Glorot & Bengio 2010, eq. 16)."""
    window = math.prod(shape[:-2])
    limit = math.sqrt(6.0 / (window * (shape[-2] + shape[-1])))
    return generator.uniform(-limit, limit, shape)


def initial_parameters(spec: Spec, input_shape: Shape, *, seed: int) -> Parameters:
    """Initial parameters of a model; the same for the same (spec, seed), whatever trains it."""
    parameters = {}
    for index, (layer, shape) in enumerate(zip(spec, input_shapes(spec, input_shape), strict=True)):
        for name, extent in layer.parameter_shapes(shape).items():
            generator = np.random.default_rng([seed, index])
            drawn = glorot_uniform(extent, generator) if name == "kernel" else np.full(extent, FILLS[name])
            parameters[f"{index}.{name}"] = drawn
    return parameters


def trained(parameters: Parameters) -> list[str]:
    """Names of the parameters that gradients move; the others are batch norm's running averages."""
    return [name for name in parameters if not name.endswith(NOT_TRAINED)]
