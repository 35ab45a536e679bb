"""A training step captured once for each batch size, and replayed without autograd or the model's Python."""

from collections.abc import Callable, Sequence

import torch
from torch.fx.experimental.proxy_tensor import make_fx

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(example indices [B], optimizer's coefficients [k]) to the step's numbers: its loss, or [loss, norm]."""

WARM_UPS = 3
"""Eager steps before a CUDA graph is captured, in which libraries choose kernels and take workspaces."""


class CapturedStep:
    """One training step as a graph, on a GPU a CUDA graph, on a CPU a list of tensor operations.

    Capturing takes steps on the real tensors. `state` names every tensor that a step changes, generators
    included; all are put back afterwards, in place, and so is PyTorch's own generator, from which
    every replay draws anew.

    A step reads and writes the same tensors at every replay, so whoever resets the training must copy
    into them. On a GPU it must not wait for the device (no `.item()`, no copy from the host).
    """

    def __init__(self, step: Step, state: Sequence[torch.Tensor]) -> None:
        self.step, self.state = step, list(state)
        self.replays: dict[int, Step] = {}

    def run(self, rows: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        """One step for each row of indices [steps, B] and of coefficients [steps, k]: [steps, …]."""
        replay = self.capture(rows[0], coefficients[0])
        with torch.inference_mode():
            numbers = [replay(*each) for each in zip(rows.unbind(), coefficients.unbind(), strict=True)]
        return torch.stack(numbers)

    def capture(self, row: torch.Tensor, coefficients: torch.Tensor) -> Step:
        """The step for batches of this row's size, captured if it was not yet."""
        if len(row) not in self.replays:
            before = [tensor.detach().to("cpu", copy=True) for tensor in self.state]
            capture, devices = (_cuda_graph, [row.device]) if row.is_cuda else (_operations, [])
            with torch.random.fork_rng(devices):
                self.replays[len(row)] = capture(self.step, row, coefficients)
            with torch.no_grad():
                for tensor, value in zip(self.state, before, strict=True):
                    tensor.copy_(value)
        return self.replays[len(row)]


def _operations(step: Step, row: torch.Tensor, coefficients: torch.Tensor) -> Step:
    """The tensor operations of one step, backward pass and update included, as a function."""
    return make_fx(lambda row, coefficients: step(row, coefficients))(row, coefficients).forward


def _cuda_graph(step: Step, row: torch.Tensor, coefficients: torch.Tensor) -> Step:
    """One step as a CUDA graph, on inputs and an output that stay at one place in memory.

    As https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture demands.
    """
    inputs = row.clone(), coefficients.clone()
    _warm_up(lambda: step(*inputs))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = step(*inputs)

    def replay(*values: torch.Tensor) -> torch.Tensor:
        for place, value in zip(inputs, values, strict=True):
            place.copy_(value)
        graph.replay()
        return output.clone()

    return replay


def _warm_up(step: Callable[[], torch.Tensor]) -> None:
    """A few steps on a side stream, since what the main stream holds would be captured with it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(side)
