"""PyTorch, as an eager loop over a `DataLoader` or as one captured graph a step on resident data."""

import time
from collections.abc import Callable
from itertools import chain

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.frameworks.torch_parts.captured import CapturedStep
from benchmarks.frameworks.torch_parts.device import (
    DTYPES,
    configure,
    device,
    is_out_of_memory,
    peak_memory_mib,
    reset_peak_memory,
    switches,
    synchronise,
    torch_device,
)
from benchmarks.frameworks.torch_parts.layers import channels_last
from benchmarks.frameworks.torch_parts.model import build_model, from_native, tensors, to_native
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer, NativeOptimizer
from benchmarks.frameworks.torch_parts.random_layers import OwnDropout
from benchmarks.frameworks.trainer import EVALUATION_BATCH, Execution, Steps
from benchmarks.models.layers import Shape, Spec, walk
from benchmarks.models.parameters import trained
from benchmarks.recipe.optimizer import Optimizer

__all__ = [
    "Trainer",
    "configure",
    "device",
    "is_out_of_memory",
    "peak_memory_mib",
    "reset_peak_memory",
    "switches",
    "synchronise",
]


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean softmax cross-entropy of logits [N, …, k] over all labels [N, …]."""
    return functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


def numbers(loss: torch.Tensor, norm: torch.Tensor | None) -> torch.Tensor:
    """What one step reports: its loss, or [loss, gradient norm]."""
    return loss.detach() if norm is None else torch.stack((loss.detach(), norm))


class Trainer:
    """See `frameworks.trainer.Trainer`."""

    def __init__(
        self,
        *,
        layers: Spec,
        input_shape: Shape,
        optimizer: Optimizer,
        examples: np.ndarray,
        labels: np.ndarray,
        precision: str,
        execution: Execution,
    ) -> None:
        self.device, self.dtype, self.execution = torch_device(), DTYPES[precision], execution
        self.paths = [place.path for place in walk(layers, input_shape)]
        self.model = build_model(layers, input_shape).to(self.device, self.dtype)
        self.tensors = tensors(self.model, layers, input_shape)
        self.weights = [self.tensors[name] for name in trained(self.tensors)]
        self.settings, self.taken = optimizer, 0
        self.examples, self.labels = self._native(examples), torch.from_numpy(labels.astype(np.int64))
        if execution == "idiomatic":
            self.optimizer = NativeOptimizer(optimizer, self.weights)
            self.steps = self._loop
        else:
            self._build_fused(optimizer)

    def _build_fused(self, optimizer: Optimizer) -> None:
        self.examples, self.labels = self.examples.to(self.device), self.labels.to(self.device)
        self.optimizer = FusedOptimizer(optimizer, self.weights)
        state = [*self.tensors.values(), *chain.from_iterable(self.optimizer.slots.values())]
        self.captured = CapturedStep(self._step_on, state)
        self.steps = self._captured_steps

    def _native(self, examples: np.ndarray) -> torch.Tensor:
        """Images in the precision, tokens as int64."""
        return torch.from_numpy(examples).to(self.dtype if examples.dtype.kind == "f" else torch.int64)

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters, forget the optimizer's state, count steps from 0.

        PyTorch's own generator starts from the keys of the dropouts that use it.
        """
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(to_native(name, parameters[name])))
        self.optimizer.reset()
        self.taken = 0
        for module in self.model.modules():
            if isinstance(module, OwnDropout):
                torch.manual_seed(int(module.generator[0]))

    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they stand."""
        return {name: from_native(name, tensor) for name, tensor in self.tensors.items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's state as it stands."""
        return {
            f"{slot} {name}": from_native(name, tensor)
            for slot, found in self.optimizer.slots.items()
            for name, tensor in zip(trained(self.tensors), found, strict=True)
        }

    @torch.inference_mode()
    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes]."""
        self.model.eval()
        parts = self._native(examples).split(EVALUATION_BATCH)
        return torch.cat([self.model(part.to(self.device)).cpu() for part in parts]).numpy()

    @torch.no_grad()
    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, channels last."""
        found = {}

        def keep(path: str) -> Callable[[nn.Module, tuple, torch.Tensor], None]:
            return lambda module, inputs, output: found.update({path: channels_last(output).cpu().numpy()})

        modules = {path: self.model.get_submodule(path) for path in self.paths}
        hooks = [module.register_forward_hook(keep(path)) for path, module in modules.items()]
        self.model.train()(self._native(examples).to(self.device))
        for hook in hooks:
            hook.remove()
        return {path: found[path].copy() for path in self.paths}

    def compile(self, batch_size: int) -> float | None:
        """Seconds to capture the fused step; None for the eager loop, which compiles nothing."""
        if self.execution == "idiomatic":
            return None
        start = time.perf_counter()
        self.model.train()
        row = torch.arange(batch_size, device=self.device, dtype=torch.int32)
        self.captured.capture(row, self.optimizer.coefficients(0, 1)[0])
        return time.perf_counter() - start

    def train(self, batches: np.ndarray) -> Steps:
        """One step per row of `batches`."""
        self.model.train()
        found = self.steps(batches).cpu().numpy()
        self.taken += len(batches)
        return Steps(found, None) if found.ndim == 1 else Steps(found[:, 0], found[:, 1])

    def _loop(self, batches: np.ndarray) -> torch.Tensor:
        rates = self.settings.rates(self.taken, len(batches)).tolist()
        pairs = zip(self._loader(batches), rates, strict=True)
        return torch.stack([self._step(x, y, rate) for (x, y), rate in pairs])

    def _step(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> torch.Tensor:
        loss = mean_loss(self.model(x.to(self.device)), y.to(self.device))
        self.model.zero_grad()
        loss.backward()
        return numbers(loss, self.optimizer.step(rate))

    def _captured_steps(self, batches: np.ndarray) -> torch.Tensor:
        coefficients = self.optimizer.coefficients(self.taken, len(batches))
        return self.captured.run(torch.from_numpy(batches).to(self.device), coefficients)

    def _step_on(self, row: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        x, y = self.examples.index_select(0, row), self.labels.index_select(0, row)
        loss = mean_loss(self.model(x), y)
        gradients = torch.autograd.grad(loss, self.weights)
        return numbers(loss, self.optimizer.step(gradients, coefficients))

    def _loader(self, batches: np.ndarray) -> torch.utils.data.DataLoader:
        """A `DataLoader` over the examples, in the order of the batch stream."""
        data = torch.utils.data.TensorDataset(self.examples, self.labels)
        order = batches.reshape(-1).tolist()
        return torch.utils.data.DataLoader(data, batch_size=batches.shape[1], sampler=order)

    def read(self, batches: np.ndarray) -> np.ndarray:
        """The labels of the same batches, after their examples and they came through the input pipeline."""
        if self.execution == "idiomatic":
            read = [y for _, y in self._loader(batches)]
        else:
            rows = torch.from_numpy(batches).to(self.device)
            read = [(self.examples.index_select(0, row), self.labels.index_select(0, row))[1] for row in rows]
        synchronise()
        return torch.stack(read).cpu().numpy()
