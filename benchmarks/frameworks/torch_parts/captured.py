"""A training step captured once for each batch size, and replayed without autograd or the model's Python."""

from collections.abc import Callable, Sequence

import torch
from torch.fx.experimental.proxy_tensor import make_fx

Step = Callable[..., torch.Tensor]
"""Example indices [B], and what else the step is given, to what is wanted of it."""

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

    def run(self, rows: torch.Tensor, *others: torch.Tensor) -> torch.Tensor:
        """One step for each row of indices [steps, B] and of the other inputs [steps, …]: [steps, …]."""
        inputs = rows, *others
        replay = self.capture(*(each[0] for each in inputs))
        with torch.inference_mode():
            found = [replay(*each) for each in zip(*(each.unbind() for each in inputs), strict=True)]
        return torch.stack(found)

    def capture(self, row: torch.Tensor, *others: torch.Tensor) -> Step:
        """The step for batches of this row's size, captured if it was not yet."""
        if len(row) not in self.replays:
            before = [tensor.detach().to("cpu", copy=True) for tensor in self.state]
            capture, devices = (_cuda_graph, [row.device]) if row.is_cuda else (_operations, [])
            with torch.random.fork_rng(devices):
                self.replays[len(row)] = capture(self.step, row, *others)
            with torch.no_grad():
                for tensor, value in zip(self.state, before, strict=True):
                    tensor.copy_(value)
        return self.replays[len(row)]


def _operations(step: Step, *inputs: torch.Tensor) -> Step:
    """The tensor operations of one step, a backward pass and update included, as a function."""
    return make_fx(lambda *inputs: step(*inputs))(*inputs).forward


def _cuda_graph(step: Step, *inputs: torch.Tensor) -> Step:
    """One step as a CUDA graph, on inputs and an output that stay at one place in memory.

    As https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture demands.
    """
    inputs = tuple(each.clone() for each in inputs)
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
