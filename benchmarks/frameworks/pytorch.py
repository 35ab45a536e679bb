"""PyTorch: an eager loop over a `DataLoader`, or one captured graph for each step with data on the device."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import nn

from benchmarks.frameworks.evaluation import Parts, rows
from benchmarks.frameworks.torch_parts.device import (
    DTYPES,
    configure,
    device,
    is_out_of_memory,
    peak_memory_mib,
    product,
    reset_peak_memory,
    scaling,
    switches,
    synchronise,
    torch_device,
)
from benchmarks.frameworks.torch_parts.fused import FusedSteps, mean_loss, metrics
from benchmarks.frameworks.torch_parts.layers import channels_last, seed_framework_generator
from benchmarks.frameworks.torch_parts.model import build_model, from_native, tensors, to_native
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer, NativeOptimizer
from benchmarks.frameworks.trainer import Execution, Loaded, Steps, in_epochs
from benchmarks.models.layer import Spec, walk
from benchmarks.models.parameters import trained
from benchmarks.recipe.optimizer import Optimizer

__all__ = [
    "Trainer",
    "configure",
    "device",
    "is_out_of_memory",
    "peak_memory_mib",
    "product",
    "reset_peak_memory",
    "scaling",
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
        self.settings, self.steps_taken = optimizer, 0
        most = rows(layers, self.input_shape)
        self.parts = Parts(most, lambda part: self._native(part).to(self.device))
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
        """The examples as a tensor: images in the precision, tokens as int64."""
        return torch.from_numpy(examples).to(self.dtype if examples.dtype.kind == "f" else torch.int64)

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Set the parameters, clear the optimizer's state and count steps from 0."""
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(to_native(name, parameters[name])))
        self.optimizer.reset()
        self.steps_taken = 0
        seed_framework_generator(self.layers, self.input_shape, parameters)

    def retune(self, optimizer: Optimizer) -> None:
        """Take another learning rate, which is an input of the captured graph."""
        self.settings = self.optimizer.settings = self.settings.retuned(optimizer)

    def parameters(self) -> dict[str, np.ndarray]:
        """The present parameters."""
        return {name: from_native(name, tensor) for name, tensor in self.tensors.items()}

    def optimizer_state(self) -> dict[str, np.ndarray]:
        """The optimizer's present state, by `<slot> <name of the trained parameter>`."""
        return {
            f"{slot} {name}": from_native(name, tensor)
            for slot, tensors in self.optimizer.slots.items()
            for name, tensor in zip(trained(self.tensors), tensors, strict=True)
        }

    @torch.inference_mode()
    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes] or [N, positions, n_classes]."""
        self.model.eval()
        return torch.cat([self.model(part).cpu() for part in self.parts.of(examples)]).numpy()

    @torch.no_grad()
    def layer_outputs(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Output of every layer in training mode, channels last, by path."""
        outputs = {}

        def keep(path: str) -> Callable[[nn.Module, tuple, torch.Tensor], None]:
            return lambda module, inputs, output: outputs.update({path: channels_last(output).cpu().numpy()})

        paths = [place.path for place in walk(self.layers, self.input_shape)]
        modules = {path: self.model.get_submodule(path) for path in paths}
        hooks = [module.register_forward_hook(keep(path)) for path, module in modules.items()]
        self.model.train()(self._native(examples).to(self.device))
        for hook in hooks:
            hook.remove()
        return {path: outputs[path].copy() for path in paths}

    def compile(self, batch_size: int) -> float | None:
        """Capture the fused step; returns seconds, or None for the eager loop, which compiles nothing."""
        if self.execution == "idiomatic":
            return None
        start = time.perf_counter()
        self.model.train()
        self.fused.compile(batch_size)
        return time.perf_counter() - start

    def train(self, batches: np.ndarray) -> Steps:
        """One step for each row of `batches` [steps, B]."""
        self.model.train()
        values = self.steps(batches).cpu().numpy()
        self.steps_taken += len(batches)
        return Steps(values, None) if values.ndim == 1 else Steps(values[:, 0], values[:, 1])

    def _loop(self, batches: np.ndarray) -> torch.Tensor:
        rates = self.settings.rates(self.steps_taken, len(batches)).tolist()
        pairs = zip(self._in_order(batches), rates, strict=True)
        return torch.stack([self._step(x, y, rate) for (x, y), rate in pairs])

    def _step(self, x: torch.Tensor, y: torch.Tensor, rate: float) -> torch.Tensor:
        n = self.settings.micro_batches(len(y))
        if n > 1:
            return self._accumulated_step(x.chunk(n), y.chunk(n), rate)
        loss = mean_loss(self.model(x.to(self.device)), y.to(self.device))
        self.model.zero_grad()
        loss.backward()
        return metrics(loss, self.optimizer.step(rate))

    def _accumulated_step(
        self, xs: Sequence[torch.Tensor], ys: Sequence[torch.Tensor], rate: float
    ) -> torch.Tensor:
        self.model.zero_grad()
        losses = []
        for x, y in zip(xs, ys, strict=True):
            losses.append(mean_loss(self.model(x.to(self.device)), y.to(self.device)) / len(xs))
            losses[-1].backward()
        return metrics(torch.stack(losses).sum(), self.optimizer.step(rate))

    def _fused_steps(self, batches: np.ndarray) -> torch.Tensor:
        return self.fused.train(batches, self.optimizer.coefficients(self.steps_taken, len(batches)))

    def _loader(self, batch_size: int, **order) -> torch.utils.data.DataLoader:
        """A `DataLoader` over the examples."""
        data = torch.utils.data.TensorDataset(self.examples, self.labels)
        return torch.utils.data.DataLoader(data, batch_size=batch_size, **order)

    def _in_order(self, batches: np.ndarray) -> torch.utils.data.DataLoader:
        """A `DataLoader` over the examples, in the order of the batch stream."""
        return self._loader(batches.shape[1], sampler=batches.reshape(-1).tolist())

    def load_batches(self, batches: np.ndarray) -> Loaded:
        """Pass batches through the input pipeline without training."""
        if self.execution == "fused":
            return self.fused.load_batches(batches)
        labels = []
        for x, y in self._in_order(batches):
            labels.append(y)
            last = x
        return Loaded(torch.stack(labels).numpy(), last.numpy)

    def fit(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """An eager loop over a shuffled `DataLoader`."""

        def computed() -> bool:
            synchronise()
            return go_on()

        self.model.train()
        for x, y in self._shuffled(batch_size, computed, steps=steps):
            self._step(x, y, self.settings.learning_rate)

    def load(self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None = None) -> None:
        """Pass what `fit` trains on through its input pipeline without training."""
        for _ in self._shuffled(batch_size, go_on, steps=steps):
            pass

    def _shuffled(
        self, batch_size: int, go_on: Callable[[], bool], *, steps: int | None
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        loader = self._loader(batch_size, shuffle=True)
        return in_epochs(itertools.repeat(loader), steps or len(loader), go_on)
