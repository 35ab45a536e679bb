"""PyTorch, as an eager loop over a `DataLoader` or as one captured graph a step on resident data."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

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
from benchmarks.frameworks.torch_parts.fused import FusedSteps, mean_loss, numbers
from benchmarks.frameworks.torch_parts.layers import channels_last, start_own_generator
from benchmarks.frameworks.torch_parts.model import build_model, from_native, tensors, to_native
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer, NativeOptimizer
from benchmarks.frameworks.trainer import EVALUATION_BATCH, Execution, Steps
from benchmarks.models.layer import Spec, walk
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


class Trainer:
    """See `frameworks.trainer.Trainer`."""

    def __init__(
        self,
        *,
        layers: Spec,
        optimizer: Optimizer,
        examples: np.ndarray,
        labels: np.ndarray,
        precision: str,
        execution: Execution,
    ) -> None:
        self.device, self.dtype, self.execution = torch_device(), DTYPES[precision], execution
        self.layers, self.input_shape = layers, examples.shape[1:]
        self.model = build_model(layers, self.input_shape).to(self.device, self.dtype)
        self.tensors = tensors(self.model, layers, self.input_shape)
        self.weights = [self.tensors[name] for name in trained(self.tensors)]
        self.settings, self.taken = optimizer, 0
        self.examples, self.labels = self._native(examples), torch.from_numpy(labels.astype(np.int64))
        if execution == "idiomatic":
            self.optimizer = NativeOptimizer(optimizer, self.weights)
            self.steps = self._loop
        else:
            self._build_fused(optimizer)

    def _build_fused(self, optimizer: Optimizer) -> None:
        self.optimizer = FusedOptimizer(optimizer, self.weights)
        self.fused = FusedSteps(
            forward=self.model,
            state=self.tensors.values(),
            optimizer=self.optimizer,
            examples=self.examples,
            labels=self.labels,
        )
        self.steps = self._fused_steps

    def _native(self, examples: np.ndarray) -> torch.Tensor:
        """Images in the precision, tokens as int64."""
        return torch.from_numpy(examples).to(self.dtype if examples.dtype.kind == "f" else torch.int64)

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters, forget the optimizer's state, count steps from 0."""
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(to_native(name, parameters[name])))
        self.optimizer.reset()
        self.taken = 0
        start_own_generator(self.layers, self.input_shape, parameters)

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

        paths = [place.path for place in walk(self.layers, self.input_shape)]
        modules = {path: self.model.get_submodule(path) for path in paths}
        hooks = [module.register_forward_hook(keep(path)) for path, module in modules.items()]
        self.model.train()(self._native(examples).to(self.device))
        for hook in hooks:
            hook.remove()
        return {path: found[path].copy() for path in paths}

    def compile(self, batch_size: int) -> float | None:
        """Seconds to capture the fused step; None for the eager loop, which compiles nothing."""
        if self.execution == "idiomatic":
            return None
        start = time.perf_counter()
        self.model.train()
        self.fused.compile(batch_size)
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

    def _fused_steps(self, batches: np.ndarray) -> torch.Tensor:
        return self.fused.train(batches, self.optimizer.coefficients(self.taken, len(batches)))

    def _loader(self, batches: np.ndarray) -> torch.utils.data.DataLoader:
        """A `DataLoader` over the examples, in the order of the batch stream."""
        data = torch.utils.data.TensorDataset(self.examples, self.labels)
        order = batches.reshape(-1).tolist()
        return torch.utils.data.DataLoader(data, batch_size=batches.shape[1], sampler=order)

    def read(self, batches: np.ndarray) -> np.ndarray:
        """The labels of the same batches, after their examples and they came through the input pipeline."""
        if self.execution == "idiomatic":
            return torch.stack([y for _, y in self._loader(batches)]).numpy()
        read = self.fused.read(batches)
        synchronise()
        return read.cpu().numpy()
