"""Differences to plant into layers: what they compute, what they keep, and their gradients."""

import importlib
from unittest.mock import patch

import numpy as np
from planting import GHOSTS, IMAGES, RANDOM, TEXT, planted, replaced_forward, setting

from benchmarks.models import layers as spec

# Forward pass


@planted("forward pass of layer 1 BatchNorm", IMAGES)
def batch_norm_epsilon():
    with setting(spec.BatchNorm, eps=1e-3):
        yield


@planted("forward pass of layer 1 BatchNorm", GHOSTS)
def ghost_batches_normalised_as_one():
    with setting(spec.BatchNorm, ghost_batches=lambda n: 1):
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


@planted("running averages of layer 1 BatchNorm", GHOSTS, first="parameter 1.moving_mean after one step")
def averages_of_all_ghost_batches_at_once():
    layers = importlib.import_module("benchmarks.frameworks.torch_parts.layers")

    def together(self, running, moments):
        running.lerp_(moments.mean(0), self.momentum)

    with patch.object(layers.GhostBatchNorm, "_average", together):
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
