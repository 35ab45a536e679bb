"""Differences to plant into PyTorch's products in bfloat16, and float32 with one of them."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from unittest.mock import patch

import planting
from planting import IMAGES, MOMENTUM, TEXT, in_bfloat16, parts, replaced_forward

from benchmarks import frameworks
from benchmarks.frameworks.setup import Setup
from benchmarks.identity import products
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import record_beginning
from benchmarks.models import layers as spec
from benchmarks.recipe.optimizer import Optimizer

VECTORS = [
    *(spec.Flatten(), spec.Dense(24), spec.BatchNorm(), spec.ReLU()),
    *(spec.Residual((spec.Dense(24), spec.ReLU())), spec.Dense(10)),
]
LAYERS = {"vectors": VECTORS, "text": TEXT, "images": IMAGES}
SIZES = [4, 600]
NEEDS_INSTRUCTIONS = ("images",)
"""Without instructions for bfloat16, PyTorch sums the gradient of a convolution in bfloat16 itself."""
PLANTS: dict[str, tuple[Callable, str]] = {}


def planted(kind: str):
    """Register a plant into the model for images or for text."""

    def register(plant: Callable[[], Iterator[None]]) -> Callable:
        PLANTS[plant.__name__] = contextlib.contextmanager(plant), kind
        return plant

    return register


def setup(framework: str, kind: str, precision: str, optimizer: Optimizer = MOMENTUM) -> Setup:
    """The training of a plant, with its products in bfloat16."""
    made = planting.case(framework, in_bfloat16(LAYERS[kind]), optimizer)
    module = frameworks.load(framework)
    module.configure(threads=1, device="cpu", precision=precision)
    return Setup(module, made.layers, optimizer, made.examples, made.labels, precision, "fused")


def traced(name: str | None, kind: str, optimizer: Optimizer = MOMENTUM) -> Trace:
    """What is recorded of PyTorch in float32, with a plant or without."""
    with PLANTS[name][0]() if name else contextlib.nullcontext():
        return recorded(setup("pytorch", kind, "float32", optimizer))


def recorded(made: Setup) -> Trace:
    """What float32 is judged by up to the first step."""
    return {**products.alone(made, SIZES), **record_beginning(made)}


def product(changed: Callable):
    """Replace how a product in bfloat16 is computed by `changed(product, *factors)`."""
    return patch.object(parts("mixed_precision"), "in_bfloat16", changed)


def narrowed(x):
    """x as bfloat16 represents it; the gradient is passed on as it is."""
    return x + (x.detach().bfloat16().to(x.dtype) - x.detach())


@planted("vectors")
def nothing_is_rounded():
    with product(lambda product, *factors: product(*factors)):
        yield


@planted("vectors")
def results_are_not_rounded():
    with product(lambda product, *factors: product(*(factor.bfloat16().float() for factor in factors))):
        yield


@planted("vectors")
def factors_are_not_rounded():
    with product(lambda product, *factors: product(*factors).bfloat16().float()):
        yield


@planted("vectors")
def gradients_are_not_rounded():
    with product(lambda product, *factors: narrowed(product(*map(narrowed, factors)))):
        yield


@planted("vectors")
def digits_are_cut_off():
    import torch

    def cut(x):
        whole = (x.detach().contiguous().view(torch.int32) & -65536).view(torch.float32)
        return x + (whole - x.detach())

    with product(lambda product, *factors: cut(product(*map(cut, factors)))):
        yield


@planted("vectors")
def float16_in_its_place():
    def in_float16(product, *factors):
        return product(*(factor.half().float() for factor in factors)).half().float()

    with product(in_float16):
        yield


@planted("vectors")
def sums_are_of_two_halves_that_are_rounded():
    import torch

    def forward(self, x):
        halves = zip(x.chunk(2, -1), self.weight.chunk(2, -1), strict=True)
        a, b = (torch.nn.functional.linear(x.bfloat16(), w.bfloat16()) for x, w in halves)
        return (a + b).float() + self.bias

    with patch.object(parts("mixed_precision").Linear, "forward", forward):
        yield


@planted("vectors")
def the_bias_is_rounded_too():
    import torch

    def forward(self, x):
        y = torch.nn.functional.linear(x.bfloat16(), self.weight.bfloat16(), self.bias.bfloat16())
        return y.float()

    with patch.object(parts("mixed_precision").Linear, "forward", forward):
        yield


@planted("vectors")
def a_norm_is_rounded():
    with replaced_forward(spec.BatchNorm, lambda module, x: narrowed(module.original(x))):
        yield


@planted("vectors")
def parameters_are_kept_in_bfloat16():
    import torch

    optimizer = parts("optimizer").FusedOptimizer
    step = optimizer.step

    def kept(self, *given):
        norm = step(self, *given)
        with torch.no_grad():
            for parameter in self.parameters:
                parameter.copy_(parameter.bfloat16())
        return norm

    with patch.object(optimizer, "step", kept):
        yield


@planted("vectors")
def the_loss_is_in_bfloat16():
    fused = parts("fused")
    loss = fused.mean_loss
    with patch.object(fused, "mean_loss", lambda logits, labels: loss(logits.bfloat16(), labels).float()):
        yield


@planted("text")
def scores_of_attention_are_not_rounded():
    import torch

    original = parts("mixed_precision").in_bfloat16

    def plain(product, *factors):
        return product(*factors) if product is torch.matmul else original(product, *factors)

    with product(plain):
        yield


@planted("text")
def the_softmax_is_rounded():
    import torch

    softmax = torch.Tensor.softmax
    with patch.object(torch.Tensor, "softmax", lambda x, axis: softmax(x.bfloat16(), axis).float()):
        yield


@planted("text")
def attention_adds_three_gradients_in_bfloat16():
    import torch

    module = parts("mixed_precision")

    def forward(self, x):
        narrow = x.bfloat16()

        def projected(linear):
            y = torch.nn.functional.linear(narrow, linear.weight.bfloat16()).float()
            return self._heads(y + linear.bias)

        attended = self.attended(*map(projected, (self.query, self.key, self.value)))
        return self.output(attended.transpose(1, 2).flatten(2))

    with patch.object(module.Attention, "forward", forward):
        yield


@planted("vectors")
def an_evaluation_does_not_round():
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    logits = trainer.logits

    def unrounded(self, examples):
        with product(lambda product, *factors: product(*factors)):
            return logits(self, examples)

    with patch.object(trainer, "logits", unrounded):
        yield


@planted("vectors")
def small_batches_are_not_rounded():
    original = parts("mixed_precision").in_bfloat16

    def plain(product, *factors):
        return product(*factors) if len(factors[0]) < 8 else original(product, *factors)

    with product(plain):
        yield


@planted("vectors")
def large_batches_are_summed_in_bfloat16():
    import torch

    class Parted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight):
            ctx.save_for_backward(x, weight)
            return torch.nn.functional.linear(x, weight)

        @staticmethod
        def backward(ctx, dy):
            x, weight = ctx.saved_tensors
            of_parts = [a.T @ b for a, b in zip(dy.chunk(8), x.chunk(8), strict=True)]
            return dy @ weight, sum(of_parts)

    original = parts("mixed_precision").in_bfloat16

    def parted(product, *factors):
        large = len(factors[0]) > 256 and product is torch.nn.functional.linear
        return original(Parted.apply if large else product, *factors)

    with product(parted):
        yield
