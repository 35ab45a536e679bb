"""The recipe's optimizers: PyTorch's own for the eager loop, and fused kernels that can be captured."""

import numpy as np
import torch

from benchmarks.recipe.optimizer import Optimizer

NATIVE_SLOTS = {"velocity": "momentum_buffer", "mean": "exp_avg", "square": "exp_avg_sq"}
"""PyTorch's names of the optimizer's state arrays."""

Tensors = list[torch.Tensor]


def clip(gradients: Tensors, max_norm: float | None) -> torch.Tensor | None:
    """g ← g · min(1, c / ‖g‖) in place; returns the norm ‖g‖ over all gradients, None if c is None.

    `torch.nn.utils.clip_grad_norm_` is not used, since it divides by ‖g‖ + 1e-6.
    """
    if max_norm is None:
        return None
    norm = torch.nn.utils.get_total_norm(gradients)
    torch._foreach_mul_(gradients, torch.clamp(max_norm / norm, max=1.0))
    return norm


def native(settings: Optimizer, parameters: Tensors) -> torch.optim.Optimizer:
    """The optimizer of `torch.optim` that computes the recipe's equation."""
    rate, decoupled = settings.learning_rate, settings.decoupled_decay
    if settings.slots != ("mean", "square"):
        momentum = {"momentum": settings.momentum, "nesterov": settings.name == "nesterov"}
        return torch.optim.SGD(parameters, lr=rate, weight_decay=settings.coupled_decay, **momentum)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    betas = (settings.beta_1, settings.beta_2)
    return kind(parameters, lr=rate, betas=betas, eps=settings.epsilon, weight_decay=settings.weight_decay)


class NativeOptimizer:
    """PyTorch's own optimizer, with the clipping and the decoupled decay for SGD that it lacks."""

    def __init__(self, settings: Optimizer, parameters: Tensors) -> None:
        self.settings, self.parameters = settings, parameters
        self.optimizer = native(settings, parameters)
        self.decay = settings.decoupled_decay if isinstance(self.optimizer, torch.optim.SGD) else 0.0

    def reset(self) -> None:
        """Clear the state."""
        self.optimizer.state.clear()

    def step(self, rate: float) -> torch.Tensor | None:
        """One step at this learning rate, from the gradients in `.grad`; returns their norm if it clips."""
        norm = clip([parameter.grad for parameter in self.parameters], self.settings.clip_norm)
        if self.decay:
            with torch.no_grad():
                torch._foreach_mul_(self.parameters, 1.0 - rate * self.decay)
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.step()
        return norm

    @property
    def slots(self) -> dict[str, Tensors]:
        """The state arrays by the recipe's names, in the order of the parameters."""
        states = [self.optimizer.state.get(parameter, {}) for parameter in self.parameters]
        return {slot: self._slot(NATIVE_SLOTS[slot], states) for slot in self.settings.slots}

    def _slot(self, name: str, states: list[dict]) -> Tensors:
        """One state array for each parameter, 0 before the first step."""
        pairs = zip(states, self.parameters, strict=True)
        return [state[name] if name in state else torch.zeros_like(parameter) for state, parameter in pairs]


class FusedOptimizer:
    """The recipe's equations in PyTorch's fused kernels, one call for all parameters together.

    These are the kernels of `torch.optim` with `fused=True`. Learning rate and step number are passed as
    tensors, so that they are inputs of a captured graph and not constants in it.
    """

    def __init__(self, settings: Optimizer, parameters: Tensors) -> None:
        self.settings, self.parameters = settings, parameters
        self.slots = {slot: [torch.zeros_like(p) for p in parameters] for slot in settings.slots}
        self.update = self._update_adam if "square" in self.slots else self._update_sgd

    def reset(self) -> None:
        """Clear the state, in place."""
        for slot in self.slots.values():
            torch._foreach_zero_(slot)

    def coefficients(self, first: int, count: int) -> torch.Tensor:
        """Learning rate and number of each step, [count, 2], exact in float32, which the kernels need."""
        numbers = np.arange(first + 1, first + count + 1)
        rows = np.stack([self.settings.rates(first, count), numbers], axis=1)
        return torch.from_numpy(rows.astype(np.float32)).to(self.parameters[0].device)

    def step(self, gradients: Tensors, coefficients: torch.Tensor) -> torch.Tensor | None:
        """One step from these gradients and one row of `coefficients`; returns the norm if it clips."""
        # The kernels run through memory in its order, so gradients must have the layout of the parameters.
        gradients = [gradient.contiguous() for gradient in gradients]
        norm = clip(gradients, self.settings.clip_norm)
        with torch.no_grad():
            self.update(gradients, coefficients)
        return norm

    def _update_sgd(self, gradients: Tensors, coefficients: torch.Tensor) -> None:
        rate, decay = coefficients[0], self.settings.decoupled_decay
        if decay:
            torch._foreach_mul_(self.parameters, 1.0 - rate.double() * decay)
        torch._fused_sgd_(
            *(self.parameters, gradients, self.slots.get("velocity", [])),
            lr=rate,
            momentum=self.settings.momentum,
            weight_decay=self.settings.coupled_decay,
            nesterov=self.settings.name == "nesterov",
            **{"dampening": 0.0, "maximize": False, "is_first_step": False},
        )

    def _update_adam(self, gradients: Tensors, coefficients: torch.Tensor) -> None:
        kernel = torch._fused_adamw_ if self.settings.decoupled_decay else torch._fused_adam_
        kernel(
            *(self.parameters, gradients, self.slots["mean"], self.slots["square"], []),
            [coefficients[1]] * len(gradients),
            lr=coefficients[0],
            beta1=self.settings.beta_1,
            beta2=self.settings.beta_2,
            eps=self.settings.epsilon,
            weight_decay=self.settings.weight_decay,
            **{"amsgrad": False, "maximize": False},
        )
