"""Noise for trainings in which float32 is held to its reference over many steps.

Where pixels are blank, a convolution gives exactly 0 at first, and so does a batch norm whose input does not
vary. There the slope of a ReLU jumps: a last digit decides on which side the next step leaves it, and float32
parts from float64 within a few steps though nothing is wrong. With noise there is no such 0.
"""

import numpy as np

from benchmarks.models.parameters import Parameters, trained

OF_IMAGES = 0.25
OF_PARAMETERS = 2.0**-6
"""Standard deviations."""


def noisy_images(examples: np.ndarray) -> np.ndarray:
    """Examples [N, …] with noise; text, which is tokens, as it is."""
    if examples.dtype.kind != "f":
        return examples
    drawn = np.random.default_rng(0).standard_normal(examples.shape, np.float32)
    return (examples + OF_IMAGES * drawn).astype(examples.dtype)


def noisy_parameters(parameters: Parameters) -> Parameters:
    """Parameters with noise on all that are trained."""
    random = np.random.default_rng(0)
    drawn = {name: random.standard_normal(parameters[name].shape) for name in trained(parameters)}
    return parameters | {
        name: (parameters[name] + OF_PARAMETERS * noise).astype(np.float32) for name, noise in drawn.items()
    }
