"""What a training costs by reckoning, so that how fast a machine is does not decide what is certified."""

from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.frameworks.setup import Setup


class Speed(NamedTuple):
    """Seconds of a step beside its products, of a parameter's update, and of an operation of a product."""

    step_s: float
    parameter_s: float
    operation_s: float


FRAMEWORK, REFERENCE = Speed(1e-4, 2e-9, 2e-11), Speed(1e-4, 6e-9, 5e-11)
"""On two cores of a processor of 2023."""


@dataclass(frozen=True)
class Cost:
    """The seconds of a training: of its steps, and of their operations for each example and parameter."""

    flops_per_example: int
    n_parameters: int

    @classmethod
    def of(cls, setup: Setup) -> "Cost":
        """That of a set-up."""
        n_parameters = sum(each.size for each in setup.parameters(seed=0).values())
        return cls(setup.flops_per_example, n_parameters)

    def seconds(self, steps: int, examples: int, speed: Speed) -> float:
        """Of so many steps with so many examples together."""
        of_step_s = speed.step_s + speed.parameter_s * self.n_parameters
        return steps * of_step_s + examples * self.flops_per_example * speed.operation_s

    def steps_within(self, most_s: float, batch_size: int, speed: Speed) -> int:
        """The most steps within these seconds, at least one."""
        return max(1, int(most_s / self.seconds(1, batch_size, speed)))
