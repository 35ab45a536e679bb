"""Differences to plant into the PyTorch implementation, one at a time, each with the place to be found at.

PyTorch is imported where a plant needs it: in the worker process that makes the traces.
"""

import contextlib
import functools
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np

from benchmarks import frameworks
from benchmarks.frameworks.setup import Setup
from benchmarks.identity.quantity import Trace
from benchmarks.identity.trace import CHANGING, record_trace
from benchmarks.models import layers as spec
from benchmarks.models.layer import Layer, Shape
from benchmarks.recipe.optimizer import Optimizer, Schedule

STEPS = 40
PARTS = "benchmarks.frameworks.torch_parts"

IMAGES = [
    *(spec.Conv(4, bias=False), spec.BatchNorm(), spec.ReLU(), spec.Conv(4, stride=2), spec.ReLU()),
    *(spec.Residual((spec.Conv(4), spec.GroupNorm(2))), spec.MaxPool(2), spec.Flatten(), spec.Dense(10)),
]
TEXT = [
    *(spec.Embedding(11, 8), spec.PositionEmbedding()),
    spec.Residual((spec.LayerNorm(), spec.Attention(2))),
    spec.Residual((spec.LayerNorm(), spec.Dense(16), spec.GELU(), spec.Dense(8))),
    *(spec.LayerNorm(), spec.Dense(11)),
]
RANDOM = [
    *(spec.RandomShift(2), spec.RandomFlip(), spec.Flatten()),
    *(spec.Dense(16), spec.ReLU(), spec.Dropout(0.5), spec.Dense(10)),
]


def optimizer(name: str = "momentum", **settings) -> Optimizer:
    """An optimizer whose rate changes, with numbers that float32 holds."""
    chosen = {"learning_rate": 0.0625, "schedule": CHANGING, "total_steps": STEPS, **settings}
    return Optimizer(name=name, **({"momentum": 0.875} if name in ("momentum", "nesterov") else {}), **chosen)


MOMENTUM = optimizer()
ADAM = optimizer("adam", learning_rate=0.0078125, epsilon=0.0009765625)
DECAYED = optimizer(weight_decay=0.03125)
CLIPPED = optimizer(clip_norm=0.5)
STEPPED = optimizer(schedule=Schedule(shape="step", milestones=[0.4], factor=0.5))
LATE = optimizer(schedule=Schedule(shape="step", milestones=[0.6], factor=0.5))
CONSTANT = optimizer(schedule=Schedule())

Plant = Callable[[], contextlib.AbstractContextManager]


@dataclass(frozen=True)
class Planted:
    """One difference: the training it is planted into, and what its certificate must say first."""

    place: str
    plant: Plant
    layers: list
    optimizer: Optimizer = MOMENTUM
    first: str = ""


PLANTS: dict[str, Planted] = {}


def planted(place: str, layers: list, optimizer: Optimizer = MOMENTUM, *, first: str = ""):
    """Register a plant, a generator that holds the difference in place while it is suspended."""

    def register(plant: Callable[[], Iterator[None]]) -> Plant:
        PLANTS[plant.__name__] = Planted(place, contextlib.contextmanager(plant), layers, optimizer, first)
        return plant

    return register


def parts(name: str):
    """A module of the implementation."""
    return importlib.import_module(f"{PARTS}.{name}")


def built_with(kind: type[Layer], change: Callable) -> contextlib.AbstractContextManager:
    """Change every module of a kind of layer after it was built from the spec."""
    modules = parts("model").MODULES
    build = modules[kind]

    def changed(layer: Layer, shape: Shape):
        module = build(layer, shape)
        change(module)
        return module

    return patch.dict(modules, {kind: changed})


def replaced_forward(kind: type[Layer], forward: Callable) -> contextlib.AbstractContextManager:
    """Replace what a kind of layer computes by `forward(module, x)`; `module.original` is what it was."""

    def change(module) -> None:
        module.original = module.forward
        module.forward = functools.partial(forward, module)

    return built_with(kind, change)


def setting(kind: type[Layer], **values) -> contextlib.AbstractContextManager:
    """Give every module of a kind of layer other settings."""

    def change(module) -> None:
        for name, value in values.items():
            setattr(module, name, value)

    return built_with(kind, change)


# Forward pass


@planted("forward pass of layer 1 BatchNorm", IMAGES)
def batch_norm_epsilon():
    with setting(spec.BatchNorm, eps=1e-3):
        yield


@planted("forward pass of layer 3 Conv", IMAGES)
def padding_at_stride_two_as_tensorflow_pads():
    from torch.nn.functional import conv2d, pad

    def forward(module, x):
        if module.stride == (1, 1):
            return module.original(x)
        return conv2d(pad(x, (0, 1, 0, 1)), module.weight, module.bias, module.stride)

    with replaced_forward(spec.Conv, forward):
        yield


@planted("forward pass of layer 7 Flatten", IMAGES)
def flatten_order():
    with replaced_forward(spec.Flatten, lambda module, x: x.flatten(1)):
        yield


@planted("forward pass of layer 8 Dense", IMAGES, first="output of layer 8 Dense")
def float32_in_one_dense_layer():
    from torch.nn.functional import linear

    def forward(module, x):
        return linear(x.float(), module.weight.float(), module.bias.float()).double()

    with replaced_forward(spec.Dense, forward):
        yield


@planted("forward pass of layer 0 Conv", IMAGES)
def tf32_in_convolutions():
    import torch

    def rounded(x):
        """To the ten bits of TF32's mantissa, straight through in the backward pass."""
        mantissa, exponent = torch.frexp(x.detach())
        return x + (torch.ldexp(torch.round(mantissa * 2**11) / 2**11, exponent) - x.detach())

    def forward(module, x):
        return module._conv_forward(rounded(x), rounded(module.weight), module.bias)

    with replaced_forward(spec.Conv, forward):
        yield


@planted("forward pass of layer 3.body.2 GELU", TEXT)
def gelu_by_tanh():
    with setting(spec.GELU, approximate="tanh"):
        yield


@planted("forward pass of layer 2.body.0 LayerNorm", TEXT)
def layer_norm_epsilon():
    with setting(spec.LayerNorm, eps=1e-6):
        yield


@planted("forward pass of layer 2.body.1 Attention", TEXT)
def attention_sees_the_future():
    from torch.nn import functional

    attend = functional.scaled_dot_product_attention
    with patch.object(functional, "scaled_dot_product_attention", lambda q, k, v, is_causal: attend(q, k, v)):
        yield


@planted("forward pass of layer 5 Dropout", RANDOM)
def dropout_without_its_scale():
    with replaced_forward(spec.Dropout, lambda module, x: module.original(x) * (1 - module.rate)):
        yield


@planted("forward pass of layer 0 RandomShift", RANDOM)
def shift_the_other_way():
    import torch

    with replaced_forward(
        spec.RandomShift,
        lambda module, x: torch.flip(module.original(torch.flip(x, (2,))), (2,)) if module.training else x,
    ):
        yield


# What layers keep


@planted("running averages of layer 1 BatchNorm", IMAGES, first="parameter 1.moving_variance after one step")
def unbiased_running_variance():
    def forward(module, x):
        before = module.running_var.clone()
        y = module.original(x)
        if module.training:
            n = x.numel() // x.shape[1]
            biased = module.running_var - (1 - module.momentum) * before
            module.running_var.add_(biased / (n - 1))
        return y

    with replaced_forward(spec.BatchNorm, forward):
        yield


@planted("running averages of layer 1 BatchNorm", IMAGES, first="parameter 1.moving_mean after one step")
def batch_norm_momentum():
    with setting(spec.BatchNorm, momentum=0.01):
        yield


@planted("random numbers of layer 5 Dropout", RANDOM)
def dropout_counts_twice():
    def forward(module, x):
        y = module.original(x)
        if module.training:
            module.generator[1].add_(1)
        return y

    with replaced_forward(spec.Dropout, forward):
        yield


@planted("random numbers of layer 5 Dropout", RANDOM)
def dropout_count_restarts_with_each_call():
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    train = trainer.train

    def restarted(self, batches):
        self.tensors["5.generator"][1] = 0
        return train(self, batches)

    with patch.object(trainer, "train", restarted):
        yield


@planted("initialiser of layer 3 Conv", IMAGES, first="initial parameter 3.kernel")
def initialiser_of_one_layer():
    model = importlib.import_module("benchmarks.frameworks.pytorch")
    load = model.to_native
    uniform = np.random.default_rng(1).uniform

    def other(name, array):
        return load(name, uniform(-0.1, 0.1, array.shape) if name == "3.kernel" else array)

    with patch.object(model, "to_native", other):
        yield


@planted("evaluation mode", IMAGES)
def evaluation_with_another_epsilon():
    def forward(module, x):
        module.eps = 1e-5 if module.training else 1e-3
        return module.original(x)

    with replaced_forward(spec.BatchNorm, forward):
        yield


# Batches and loss


@planted("batch stream", IMAGES, first="batch stream")
def one_sample_swapped():
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    loader = trainer._in_order

    def swapped(self, batches):
        batches = batches.copy()
        batches[-1, 3] = (batches[-1, 3] + 1) % len(self.labels)
        return loader(self, batches)

    with patch.object(trainer, "_in_order", swapped):
        yield


@planted("batch stream", IMAGES, first="batch stream")
def ragged_batches_at_the_end_of_an_epoch():
    trainer = importlib.import_module("benchmarks.frameworks.pytorch").Trainer
    loader = trainer._in_order

    def anew(self, batches):
        """Each epoch cut into batches of its own, its short last batch left out."""
        n, size = len(self.labels), batches.shape[1]
        order = batches.reshape(-1)
        epochs = [order[start : start + n] for start in range(0, len(order), n)]
        whole = [epoch[: len(epoch) // size * size] for epoch in epochs]
        rows = np.concatenate(whole).reshape(-1, size)
        return loader(self, np.concatenate([rows, rows])[: len(batches)])

    with patch.object(trainer, "_in_order", anew):
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


# Backward pass


@planted(
    "backward pass or norm of the gradient, at layer 5.body.1 GroupNorm or behind it",
    IMAGES,
    first="gradient norm 1",
)
def gradient_cut_in_one_branch():
    def forward(module, x):
        return module.body(x) + module.shortcut(x) + 0.001 * (module.body(x) - module.body(x).detach())

    with replaced_forward(spec.Residual, forward):
        yield


# Optimizer: `native` makes the one that the eager loop steps


def stepped_by(rule: Callable, slots: tuple[str, ...]) -> contextlib.AbstractContextManager:
    """Another optimizer: `rule(settings, rate, t, θ, g, *state)` changes parameter and state in place."""
    import torch

    module = parts("optimizer")

    class Own(torch.optim.SGD):
        def __init__(self, settings: Optimizer, parameters: list) -> None:
            super().__init__(parameters, lr=settings.learning_rate)
            self.settings = settings

        @torch.no_grad()
        def step(self) -> None:
            for p in self.param_groups[0]["params"]:
                state = self.state[p]
                if not state:
                    state.update({"t": 0, **{name: torch.zeros_like(p) for name in slots}})
                state["t"] += 1
                held = [state[name] for name in slots]
                rule(self.settings, self.param_groups[0]["lr"], state["t"], p, p.grad, *held)

    return patch.object(module, "native", Own)


@planted("optimizer: formulation of its velocity (the state times 0.015625)", IMAGES)
def learning_rate_inside_the_velocity():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g, alpha=rate)
        p.sub_(v)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


@planted("optimizer: update rule (its first step times 0.533333)", IMAGES, optimizer("nesterov"))
def heavy_ball_for_nesterov():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g)
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


@planted("training: from step", IMAGES)
def dampened_momentum():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g, alpha=1.0 if t == 1 else 1 - settings.momentum)
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


def adam(root: Callable, *, corrected: bool = True, beta_2: float | None = None):
    """Adam with another denominator: `root(square, correction, ε)`."""

    def rule(settings, rate, t, p, g, m, s):
        second = beta_2 or settings.beta_2
        m.mul_(settings.beta_1).add_(g, alpha=1 - settings.beta_1)
        s.mul_(second).add_(g * g, alpha=1 - second)
        first = 1 - settings.beta_1**t if corrected else 1.0
        p.sub_(m / first / root(s, 1 - second**t if corrected else 1.0, settings.epsilon), alpha=rate)

    return stepped_by(rule, ("exp_avg", "exp_avg_sq"))


@planted("optimizer: update rule", IMAGES, ADAM)
def adam_epsilon_inside_the_root():
    with adam(lambda s, correction, epsilon: (s / correction + epsilon).sqrt()):
        yield


@planted("optimizer: update rule", IMAGES, ADAM)
def adam_epsilon_before_the_correction():
    with adam(lambda s, correction, epsilon: (s.sqrt() + epsilon) / correction**0.5):
        yield


@planted("optimizer: update rule", IMAGES, ADAM)
def adam_without_its_correction():
    with adam(lambda s, correction, epsilon: s.sqrt() + epsilon, corrected=False):
        yield


@planted("optimizer: rule of its square", IMAGES, ADAM)
def adam_beta_2():
    with adam(lambda s, correction, epsilon: (s / correction).sqrt() + epsilon, beta_2=0.99):
        yield


@planted("optimizer: weight decay", IMAGES, DECAYED)
def weight_decay_decoupled():
    def rule(settings, rate, t, p, g, v):
        p.mul_(1 - rate * settings.weight_decay)
        v.mul_(settings.momentum).add_(g)
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


@planted("optimizer: weight decay", IMAGES, DECAYED)
def weight_decay_on_kernels_alone():
    def rule(settings, rate, t, p, g, v):
        v.mul_(settings.momentum).add_(g + (settings.weight_decay * p if p.ndim > 1 else 0))
        p.sub_(v, alpha=rate)

    with stepped_by(rule, ("momentum_buffer",)):
        yield


def clipping(clip: Callable) -> contextlib.AbstractContextManager:
    """Another clipping: `clip(original, gradients, threshold)` gives the norm."""
    module = parts("optimizer")
    return patch.object(module, "clip", functools.partial(clip, module.clip))


@planted("optimizer: gradient clipping (the gradient times 0.5)", IMAGES, CLIPPED)
def clipping_threshold():
    with clipping(lambda clip, gradients, threshold: clip(gradients, threshold and threshold / 2)):
        yield


@planted("optimizer: gradient clipping", IMAGES, CLIPPED)
def clipping_with_an_epsilon():
    import torch

    def as_clip_grad_norm(original, gradients, threshold):
        norm = torch.nn.utils.get_total_norm(gradients)
        torch._foreach_mul_(gradients, torch.clamp(threshold / (norm + 1e-6), max=1.0))
        return norm

    with clipping(as_clip_grad_norm):
        yield


@planted("optimizer: gradient clipping, of each array alone", IMAGES, optimizer(clip_norm=0.0625))
def clipping_of_each_array():
    import torch

    def clip(original, gradients, threshold):
        norm = torch.nn.utils.get_total_norm(gradients)
        for gradient in gradients:
            gradient.mul_(torch.clamp(threshold / gradient.norm(), max=1.0))
        return norm

    with clipping(clip):
        yield


@planted("schedule: the learning rate of step 17", IMAGES, STEPPED)
def rate_one_step_late():
    def late(self, first, count):
        return (
            rates(self, max(0, first - 1), count)
            if first
            else np.concatenate([rates(self, 0, 1), rates(self, 0, count - 1)])
        )

    rates = Optimizer.rates
    with patch.object(Optimizer, "rates", late):
        yield


def still_where(condition: Callable[[Optimizer], bool], factor: float = 1.0) -> Iterator[None]:
    """A rate that keeps to `factor` times its first value in the optimizers that meet a condition."""
    rates = Optimizer.rates

    def still(self, first, count):
        own = rates(self, first, count)
        return np.full(count, factor * rates(self, 0, 1)[0]) if condition(self) else own

    with patch.object(Optimizer, "rates", still):
        yield


@planted("optimizer: as long as nothing is clipped", IMAGES)
def rate_that_stands_still_where_nothing_is_clipped():
    yield from still_where(lambda optimizer: not optimizer.clip_norm)


@planted("optimizer: as long as nothing is clipped", IMAGES, LATE, first="loss")
def late_milestone_left_out_where_nothing_is_clipped():
    yield from still_where(lambda optimizer: not optimizer.clip_norm)


@planted("optimizer: at a constant learning rate", IMAGES, CONSTANT)
def constant_rate_as_float16():
    yield from still_where(lambda optimizer: optimizer.schedule.shape == "constant", factor=1 + 2**-10)


# Traces


def case(framework: str, layers: list, optimizer: Optimizer) -> Setup:
    """A training on 100 random examples, so that every third batch straddles two epochs."""
    random = np.random.default_rng(0)
    if isinstance(layers[0], spec.Embedding):
        text = random.integers(0, 11, (100, 7)).astype(np.int32)
        examples, labels = text[:, :-1], text[:, 1:]
    else:
        examples = random.normal(size=(100, 8, 8, 1)).astype(np.float32)
        labels = random.integers(0, 10, 100).astype(np.int32)
    module = frameworks.load(framework)
    module.configure(threads=1, device="cpu", precision="float64")
    return Setup(module, layers, optimizer, examples, labels, "float64", "idiomatic")


def traced(name: str, plant: bool) -> Trace:
    """The trace of PyTorch on the training of a plant, with it or without."""
    chosen = PLANTS[name]
    with chosen.plant() if plant else contextlib.nullcontext():
        return record_trace(case("pytorch", chosen.layers, chosen.optimizer), steps=STEPS)
