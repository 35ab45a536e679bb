"""Differences to plant into batches and into the loss."""

import contextlib
import functools
import importlib
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from planting import ACCUMULATED, IMAGES, planted


def with_loader(change: Callable) -> contextlib.AbstractContextManager:
    """Replace what comes out of the loader by `change(loader, trainer, batches)`."""
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    loader = trainer._in_order
    return patch.object(trainer, "_in_order", lambda self, batches: change(loader, self, batches))


@planted("batch stream", IMAGES, first="batch stream")
def one_sample_swapped():
    def swapped(loader, trainer, batches):
        batches = batches.copy()
        batches[-1, 3] = (batches[-1, 3] + 1) % len(trainer.labels)
        return loader(trainer, batches)

    with with_loader(swapped):
        yield


@planted("batch stream", IMAGES, first="batch stream")
def ragged_batches_at_the_end_of_an_epoch():
    def anew(loader, trainer, batches):
        """Each epoch cut into batches of its own, its short last batch left out."""
        n, size = len(trainer.labels), batches.shape[1]
        order = batches.reshape(-1)
        epochs = [order[start : start + n] for start in range(0, len(order), n)]
        whole = [epoch[: len(epoch) // size * size] for epoch in epochs]
        rows = np.concatenate(whole).reshape(-1, size)
        return loader(trainer, np.concatenate([rows, rows])[: len(batches)])

    with with_loader(anew):
        yield


@planted("batch stream", IMAGES, first="batch stream by its examples")
def examples_that_are_not_gathered():
    """The time of the input pipeline would be told without most of its work."""
    with with_loader(lambda loader, trainer, batches: ((x * 0, y) for x, y in loader(trainer, batches))):
        yield


def with_loss(loss: Callable) -> contextlib.AbstractContextManager:
    """Replace the loss; it takes what `cross_entropy` takes."""
    from torch.nn import functional

    return patch.object(functional, "cross_entropy", functools.partial(loss, functional.cross_entropy))


@planted("loss", IMAGES, first="loss 1")
def sum_of_the_loss():
    with with_loss(lambda loss, x, y: loss(x, y, reduction="sum")):
        yield


@planted("loss", IMAGES, first="loss 1")
def label_smoothing():
    with with_loss(lambda loss, x, y: loss(x, y, label_smoothing=0.001)):
        yield


def with_micro_batches(change: Callable) -> contextlib.AbstractContextManager:
    """Replace a step over micro-batches by `change(step, trainer, xs, ys, rate)`."""
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    step = trainer._accumulated_step
    return patch.object(trainer, "_accumulated_step", lambda self, *given: change(step, self, *given))


@planted(
    "backward pass or norm of the gradient, at layer 8 Dense or behind it",
    IMAGES,
    ACCUMULATED,
    first="gradient norm 1",
)
def gradients_of_micro_batches_added_up():
    import torch

    def added_up(step, trainer, xs, ys, rate):
        with patch.object(torch.Tensor, "__truediv__", lambda loss, n: loss):
            loss, *norm = step(trainer, xs, ys, rate).reshape(-1)
        return torch.stack((loss / len(xs), *norm)) if norm else loss / len(xs)

    with with_micro_batches(added_up):
        yield


@planted("loss", IMAGES, ACCUMULATED, first="loss 1")
def last_micro_batch_left_out():
    with with_micro_batches(lambda step, trainer, xs, ys, rate: step(trainer, xs[:-1], ys[:-1], rate)):
        yield
