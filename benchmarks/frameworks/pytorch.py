"""PyTorch, as an eager loop over a `DataLoader` or as one captured graph a step on resident data."""

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

from benchmarks.frameworks.trainer import EVALUATION_BATCH, Device, Execution
from benchmarks.models.layers import (
    BatchNorm,
    Conv,
    Dense,
    Flatten,
    Layer,
    MaxPool,
    ReLU,
    Shape,
    Spec,
    input_shapes,
)
from benchmarks.recipe.optimizer import Momentum

DTYPES = {"float32": torch.float32, "float64": torch.float64}
NAMES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
"""Batch norm's names in PyTorch and in the parameter tree."""

_visible = {"gpu": True}


def configure(*, threads: int, device: str, precision: str) -> None:
    """Set threads, device and numbers; TF32 is off.

    Numbers below 1e-38 are flushed to 0, as TensorFlow does. The velocities of weights that seldom get
    a gradient (the edge pixels of MNIST) come down to there and stay, and are slow to compute with.
    """
    torch.set_flush_denormal(True)  # before the thread pool starts, whose threads take it over
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_default_dtype(DTYPES[precision])
    _visible["gpu"] = device != "cpu"


def device() -> Device:
    """The device that PyTorch computes on."""
    if _visible["gpu"] and torch.cuda.is_available():
        return Device("gpu", torch.cuda.get_device_name(0))
    return Device("cpu", "CPU")


def switches() -> dict:
    """What is switched on and off in this process, as PyTorch reports it."""
    return {
        "intra_op_threads": torch.get_num_threads(),
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "captured_graph": "fused",
        "default_dtype": str(torch.get_default_dtype()),
    }


def synchronise() -> None:
    """Wait until everything asked of the device is computed."""
    if device().kind == "gpu":
        torch.cuda.synchronize()


def reset_peak_memory() -> None:
    """Start the framework's own GPU peak counter anew."""
    if device().kind == "gpu":
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mib() -> float | None:
    """The framework's own GPU peak in MiB; None on a CPU, where PyTorch would report 0."""
    return torch.cuda.max_memory_allocated() / 2**20 if device().kind == "gpu" else None


def is_out_of_memory(error: Exception) -> bool:
    """Whether PyTorch says with this error that memory ran out."""
    said = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return said or isinstance(error, torch.OutOfMemoryError | MemoryError)


class BiasedBatchNorm(nn.BatchNorm2d):
    """Batch norm whose running variance is the biased one, as in the layer spec.

    PyTorch's own averages the unbiased variance and so is another model in evaluation.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise by the batch in training, by the running averages in evaluation."""
        if not self.training:
            return super().forward(x)
        y, mean, inverse_sd = torch.native_batch_norm(
            x, self.weight, self.bias, None, None, True, 0.0, self.eps
        )
        with torch.no_grad():
            variance = inverse_sd.pow(-2).sub_(self.eps)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance, self.momentum)
        return y


class ChannelsLast(nn.Module):
    """From the data's order (height, width, channel) to PyTorch's (channel, height, width)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """A view; nothing is copied."""
        return x.permute(0, 3, 1, 2)


class FlattenChannelsLast(nn.Module):
    """Flatten in the order height, width, channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, H, W] to [N, H·W·C]."""
        return x.permute(0, 2, 3, 1).flatten(1)


def native_layer(layer: Layer, shape: Shape) -> nn.Module:
    """The PyTorch module that computes what the spec says."""
    match layer:
        case Dense():
            return nn.Linear(shape[-1], layer.units)
        case Conv():
            return nn.Conv2d(shape[-1], layer.filters, layer.size, padding=layer.size // 2, bias=layer.bias)
        case BatchNorm():
            return BiasedBatchNorm(shape[-1], eps=layer.epsilon, momentum=1 - layer.momentum)
        case ReLU():
            return nn.ReLU()
        case MaxPool():
            return nn.MaxPool2d(layer.window(shape))
        case Flatten():
            return FlattenChannelsLast()


def build_model(layers: Spec, input_shape: Shape) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """An ordinary PyTorch module, and its tensors by the names of the parameter tree."""
    shapes = input_shapes(layers, input_shape)
    native = [native_layer(layer, shape) for layer, shape in zip(layers, shapes, strict=True)]
    tensors = {}
    for index, module in enumerate(native):
        norm = isinstance(module, BiasedBatchNorm)
        for name, tensor in module.state_dict(keep_vars=True).items():
            if name != "num_batches_tracked":
                tensors[f"{index}.{NAMES[name] if norm else name.replace('weight', 'kernel')}"] = tensor
    return nn.Sequential(ChannelsLast(), *native), tensors


def to_native(array: np.ndarray) -> np.ndarray:
    """From the parameter tree's layout to PyTorch's: kernels [in, out] and [h, w, in, out]."""
    return array.transpose({2: (1, 0), 4: (3, 2, 0, 1)}[array.ndim]) if array.ndim > 1 else array


def from_native(tensor: torch.Tensor) -> np.ndarray:
    """From PyTorch's layout back to the parameter tree's; a copy."""
    array = tensor.detach().cpu().numpy()
    return (array.transpose({2: (1, 0), 4: (2, 3, 1, 0)}[array.ndim]) if array.ndim > 1 else array).copy()


def build_optimizer(model: nn.Module, settings: Momentum) -> torch.optim.SGD:
    """PyTorch's SGD, which computes the recipe's equation, with its velocities made beforehand."""
    optimizer = torch.optim.SGD(model.parameters(), lr=settings.learning_rate, momentum=settings.momentum)
    for parameter in model.parameters():
        optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    return optimizer


def velocities(optimizer: torch.optim.SGD) -> list[torch.Tensor]:
    """The velocity of each parameter, in the parameters' order."""
    return [state["momentum_buffer"] for state in optimizer.state.values()]


def update(optimizer: torch.optim.SGD, gradients: tuple[torch.Tensor, ...]) -> None:
    """v ← μ v + g, θ ← θ − η v: what `optimizer.step()` computes, in tensor operations alone."""
    (group,) = optimizer.param_groups
    with torch.no_grad():
        for parameter, gradient in zip(group["params"], gradients, strict=True):
            velocity = optimizer.state[parameter]["momentum_buffer"]
            velocity.mul_(group["momentum"]).add_(gradient)
            parameter.add_(velocity, alpha=-group["lr"])


class CapturedStep:
    """One training step captured as a graph of tensor operations and replayed without autograd.

    Capturing runs the step once for each batch size, on the real tensors; `state` names all that a
    step changes, and is put back afterwards.
    """

    def __init__(self, step: Callable[[torch.Tensor], torch.Tensor], state: list[torch.Tensor]) -> None:
        self.step, self.state = step, state
        self.graphs: dict[int, torch.fx.GraphModule] = {}

    def capture(self, row: torch.Tensor) -> torch.fx.GraphModule:
        """The graph for batches of this row's size."""
        if len(row) not in self.graphs:
            before = [tensor.detach().clone() for tensor in self.state]
            self.graphs[len(row)] = make_fx(lambda row: self.step(row))(row)
            with torch.no_grad():
                for tensor, value in zip(self.state, before, strict=True):
                    tensor.copy_(value)
        return self.graphs[len(row)]


class Trainer:
    """See `frameworks.trainer.Trainer`."""

    def __init__(
        self,
        *,
        layers: Spec,
        input_shape: Shape,
        optimizer: Momentum,
        examples: np.ndarray,
        labels: np.ndarray,
        precision: str,
        execution: Execution,
    ) -> None:
        self.device = torch.device("cuda" if device().kind == "gpu" else "cpu")
        self.dtype, self.execution = DTYPES[precision], execution
        self.model, self.tensors = build_model(layers, input_shape)
        self.model.to(self.device)
        self.examples = torch.from_numpy(examples).to(self.dtype)
        self.labels = torch.from_numpy(labels.astype(np.int64))
        self.optimizer = build_optimizer(self.model, optimizer)
        self.train = self._train_loop
        if execution == "fused":
            self.examples, self.labels = self.examples.to(self.device), self.labels.to(self.device)
            state = [*self.model.parameters(), *self.model.buffers(), *velocities(self.optimizer)]
            self.captured, self.train = CapturedStep(self._step_on, state), self._train_captured

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take these parameters and forget the optimizer's state."""
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(np.ascontiguousarray(to_native(parameters[name]))))
            for velocity in velocities(self.optimizer):
                velocity.zero_()

    def parameters(self) -> dict[str, np.ndarray]:
        """The parameters as they stand."""
        return {name: from_native(tensor) for name, tensor in self.tensors.items()}

    def velocity(self) -> dict[str, np.ndarray]:
        """The optimizer's state as it stands."""
        names = [name for name, tensor in self.tensors.items() if tensor.requires_grad]
        return {name: from_native(v) for name, v in zip(names, velocities(self.optimizer), strict=True)}

    @torch.inference_mode()
    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Outputs in evaluation mode, [N, n_classes]."""
        self.model.eval()
        parts = torch.from_numpy(examples).split(EVALUATION_BATCH)
        out = [self.model(part.to(self.device, self.dtype)).cpu() for part in parts]
        return torch.cat(out).numpy()

    def compile(self, batch_size: int) -> float | None:
        """Seconds to capture the fused step; None for the eager loop, which compiles nothing."""
        if self.execution == "idiomatic":
            return None
        start = time.perf_counter()
        self.model.train()
        self.captured.capture(torch.arange(batch_size, device=self.device, dtype=torch.int32))
        return time.perf_counter() - start

    def _step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss = functional.cross_entropy(self.model(x), y)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def _step_on(self, row: torch.Tensor) -> torch.Tensor:
        x, y = self.examples.index_select(0, row), self.labels.index_select(0, row)
        loss = functional.cross_entropy(self.model(x), y)
        update(self.optimizer, torch.autograd.grad(loss, list(self.model.parameters())))
        return loss.detach()

    def _loader(self, batches: np.ndarray) -> torch.utils.data.DataLoader:
        """A `DataLoader` over the examples, in the order of the batch stream."""
        data = torch.utils.data.TensorDataset(self.examples, self.labels)
        order = batches.reshape(-1).tolist()
        return torch.utils.data.DataLoader(data, batch_size=batches.shape[1], sampler=order)

    def _train_loop(self, batches: np.ndarray) -> np.ndarray:
        self.model.train()
        losses = [self._step(x.to(self.device), y.to(self.device)) for x, y in self._loader(batches)]
        return torch.stack(losses).cpu().numpy()

    def _train_captured(self, batches: np.ndarray) -> np.ndarray:
        self.compile(batches.shape[1])
        graph, rows = self.captured.graphs[batches.shape[1]], torch.from_numpy(batches).to(self.device)
        with torch.inference_mode():
            losses = [graph(row) for row in rows]
        return torch.stack(losses).cpu().numpy()

    def read(self, batches: np.ndarray) -> None:
        """Pass the same batches through the input pipeline alone."""
        if self.execution == "idiomatic":
            for _ in self._loader(batches):
                pass
        else:
            for row in torch.from_numpy(batches).to(self.device):
                _ = self.examples.index_select(0, row), self.labels.index_select(0, row)
        synchronise()
