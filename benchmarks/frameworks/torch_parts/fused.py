"""Fast training steps in PyTorch: steps are captured once for each batch size and then replayed.

A replay runs neither autograd nor the Python code of the model. On a CPU the captured step is a graph of
tensor operations, on a GPU it is a CUDA graph.
"""

import contextlib
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

import numpy as np
import torch
import torch._dynamo  # make_fx would import it in its first call, within what is timed and measured there
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional

from benchmarks.frameworks.torch_parts.device import torch_device
from benchmarks.frameworks.torch_parts.optimizer import FusedOptimizer
from benchmarks.frameworks.trainer import Loaded


def mean_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean softmax cross-entropy of logits [N, …, k] over all labels [N, …]."""
    return functional.cross_entropy(logits.flatten(0, -2), labels.flatten())


def metrics(loss: torch.Tensor, norm: torch.Tensor | None) -> torch.Tensor:
    """The result of one step: its loss, or [loss, gradient norm] if it clips."""
    return loss.detach() if norm is None else torch.stack((loss.detach(), norm))


class FusedSteps:
    """Training steps of a model, and the loading of their batches, each as a captured graph.

    `forward` is the model in training mode, and `state` has all its tensors, including those that are not
    trained. `examples` and `labels` are copied to the device.
    """

    def __init__(
        self,
        *,
        forward: Callable[[torch.Tensor], torch.Tensor],
        state: Iterable[torch.Tensor],
        optimizer: FusedOptimizer,
        examples: torch.Tensor,
        labels: torch.Tensor,
    ) -> None:
        self.forward, self.optimizer = forward, optimizer
        self.device = torch_device()
        self.examples, self.labels = examples.to(self.device), labels.to(self.device)
        self.steps = CapturedStep(self._step, [*state, *chain.from_iterable(optimizer.slots.values())])
        self.gathers, self.gathered = CapturedStep(self._gather, []), {}

    def compile(self, batch_size: int) -> None:
        """Capture the step for this batch size."""
        row = torch.arange(batch_size, device=self.device, dtype=torch.int32)
        self.steps.capture(row, self.optimizer.coefficients(0, 1)[0])

    def train(self, batches: np.ndarray, coefficients: torch.Tensor) -> torch.Tensor:
        """One step for each row of `batches` and `coefficients`; the `metrics` of the steps, [steps, …]."""
        return self.steps.run(self._rows(batches), coefficients)

    def load_batches(self, batches: np.ndarray) -> Loaded:
        """Gather the examples and labels of batches without training."""
        size = batches.shape[1]
        if size not in self.gathered:
            self.gathered[size] = self.examples.new_empty((size, *self.examples.shape[1:]))
        labels = self.gathers.run(self._rows(batches))
        return Loaded(labels.cpu().numpy(), lambda: self.gathered[size].to("cpu", copy=True).numpy())

    def _rows(self, batches: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(batches).to(self.device)

    def _step(self, row: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        parts = row.chunk(self.optimizer.settings.micro_batches(len(row)))
        loss, *gradients = self._loss_and_gradients(parts[0])
        for part in parts[1:]:
            pairs = zip((loss, *gradients), self._loss_and_gradients(part), strict=True)
            loss, *gradients = [total + of_part for total, of_part in pairs]
        if len(parts) > 1:
            loss, *gradients = [total / len(parts) for total in (loss, *gradients)]
        return metrics(loss, self.optimizer.step(gradients, coefficients))

    def _loss_and_gradients(self, row: torch.Tensor) -> list[torch.Tensor]:
        """The loss of a micro-batch, and the gradient of each parameter."""
        x, y = self.examples.index_select(0, row), self.labels.index_select(0, row)
        loss = mean_loss(self.forward(x), y)
        return [loss.detach(), *torch.autograd.grad(loss, self.optimizer.parameters)]

    def _gather(self, row: torch.Tensor) -> torch.Tensor:
        """The labels of a batch. Its examples go to a buffer: a graph drops what has no effect."""
        torch.index_select(self.examples, 0, row, out=self.gathered[len(row)])
        return self.labels.index_select(0, row)


Step = Callable[..., torch.Tensor]
"""A function of example indices [B] and the step's other inputs that returns one tensor."""

WARM_UPS = 3
"""Eager steps before a CUDA graph is captured: libraries choose kernels and allocate workspaces in them."""
LONGEST_GRAPH = 32
"""The most steps in one CUDA graph. A launch and small copies lie around each, which a small step feels."""


class CapturedStep:
    """A step as a captured graph for each batch size: CUDA graphs on a GPU, tensor operations on a CPU.

    Capturing runs steps on the real tensors. `state` has every tensor that a step changes, generators
    included. Afterwards all of them are restored in place, and so is PyTorch's own generator; each replay
    draws new numbers from it.

    Every replay reads and writes the same tensors, so a reset must copy into them. On a GPU the step must
    not wait for the device (no `.item()`, no copy from the host).
    """

    def __init__(self, step: Step, state: Sequence[torch.Tensor]) -> None:
        self.step, self.state = step, list(state)
        self.replays: dict[int, Step] = {}

    def run(self, rows: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """One step for each row of indices [steps, B] and of the other inputs [steps, …]; [steps, …]."""
        inputs = rows, *others
        replay = self.capture(*(each[0] for each in inputs))
        with torch.inference_mode():
            return replay(*inputs)

    def capture(self, row: torch.Tensor, *others: torch.Tensor) -> Step:
        """The steps for batches of this row's size; they are captured at the first call."""
        if len(row) not in self.replays:
            before = [tensor.detach().to("cpu", copy=True) for tensor in self.state]
            capture, devices = (_cuda_graphs, [row.device]) if row.is_cuda else (_operations, [])
            with torch.random.fork_rng(devices):
                self.replays[len(row)] = capture(self.step, row, *others)
            with torch.no_grad():
                for tensor, value in zip(self.state, before, strict=True):
                    tensor.copy_(value)
        return self.replays[len(row)]


def _operations(step: Step, *inputs: torch.Tensor) -> Step:
    """Steps as the tensor operations of one step, including backward pass and update."""
    operations = make_fx(lambda *inputs: step(*inputs))(*inputs).forward

    def replay(*values: torch.Tensor) -> torch.Tensor:
        of_steps = zip(*(each.unbind() for each in values), strict=True)
        return torch.stack([operations(*of_step) for of_step in of_steps])

    return replay


def _cuda_graphs(step: Step, *inputs: torch.Tensor) -> Step:
    """Steps as CUDA graphs: of many steps each as long as so many are left, then of one step.

    Both take their memory from one pool, since they never run at the same time.
    """
    _warm_up(lambda: step(*inputs))
    pool = torch.cuda.graph_pool_handle()
    lengths = sorted({steps_of_graph(len(inputs[0])), 1}, reverse=True)
    with _no_collection():
        graphs = {length: _cuda_graph(step, length, inputs, pool) for length in lengths}

    def replay(*values: torch.Tensor) -> torch.Tensor:
        results, first, count = [], 0, len(values[0])
        for length, graph in graphs.items():
            while count - first >= length:
                results.append(graph(*(each[first : first + length] for each in values)))
                first += length
        return torch.cat(results)

    return replay


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Collect garbage now and not within: an earlier trainer's graphs must not be freed during a capture."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def steps_of_graph(batch_size: int) -> int:
    """Steps in one CUDA graph: many for small batches, one for large ones, which keep the GPU busy anyway."""
    return max(1, min(LONGEST_GRAPH, 32768 // batch_size))


def _cuda_graph(step: Step, length: int, inputs: Sequence[torch.Tensor], pool: tuple) -> Step:
    """So many steps as one CUDA graph, whose inputs and outputs stay at one place in memory.

    See https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture.
    """
    places = [each.expand(length, *each.shape).clone() for each in inputs]
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        output = torch.stack([step(*of_step) for of_step in zip(*places, strict=True)])

    def replay(*values: torch.Tensor) -> torch.Tensor:
        for place, value in zip(places, values, strict=True):
            place.copy_(value)
        graph.replay()
        return output.clone()

    return replay


def _warm_up(step: Callable[[], torch.Tensor]) -> None:
    """A few steps on a side stream, as PyTorch requires before a capture."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(side)
