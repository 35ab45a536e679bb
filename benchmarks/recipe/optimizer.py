"""Optimizers as values: the equation each one stands for, with its settings.

Every framework implements these equations, whatever its own optimizer of the same name computes.
"""

import struct
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def as_float32(value: float) -> float:
    """The nearest number that float32 can hold.

    Keras keeps a learning rate in float32 even where it trains in float64, so every framework is
    given the rounded value: otherwise two trainings differ by 2e-7 a step.
    """
    return struct.unpack("f", struct.pack("f", value))[0]


Float32 = Annotated[float, AfterValidator(as_float32)]


class Momentum(BaseModel):
    """Stochastic gradient descent with momentum (heavy ball).

    v ← μ v + g,  θ ← θ − η v, with g the gradient of the mean loss over the batch and v = 0 at
    first. The learning rate η stays outside the velocity v (Sutskever et al. 2013 hold it inside;
    the two agree only while η is constant). μ = 0 is plain SGD.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    learning_rate: Float32 = Field(gt=0)
    momentum: Float32 = Field(ge=0, lt=1)
