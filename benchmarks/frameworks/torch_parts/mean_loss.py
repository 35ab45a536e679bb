"""The mean loss of a model as a function of its parameters, with its first and second derivatives.

It is what noise scales, curvature and sharpness are computed from, whichever framework trained: a model in
evaluation mode, so that the loss of an example depends on no other example. PyTorch computes it, since its
modules, which certificates hold for, can be differentiated twice and example by example without compiling
anything for a number of examples.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.func import functional_call, grad, vmap
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.frameworks.torch_parts.device import torch_device
from benchmarks.frameworks.torch_parts.model import build_model, from_native, tensors, to_native
from benchmarks.models.layer import Spec, walk
from benchmarks.models.parameters import parameter_shapes, trained

MOST_GRADIENTS = 2**22
"""Numbers in the gradients of the examples that are computed at a time."""
MOST_OUTPUTS = 2**22
"""Numbers in the outputs of all layers for the examples that pass the model at a time. To differentiate twice
takes about four times their memory."""


def sum_of_losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The softmax cross-entropy of each example, summed; that of a text is the mean over its positions."""
    losses = functional.cross_entropy(logits.movedim(-1, 1), labels, reduction="sum")
    return losses / labels[0].numel()


class MeanLoss:
    """The mean loss over examples [N, …] with labels [N] or [N, positions], as a function of θ [P].

    θ are the trained parameters of the tree, one after the other, as one vector; running averages stay as
    they are in the `parameters` of `at`. `chosen` are indices of examples, all of them if it is None.
    """

    def __init__(
        self, *, layers: Spec, examples: np.ndarray, labels: np.ndarray, precision: str = "float64"
    ) -> None:
        self.shapes = parameter_shapes(layers, examples.shape[1:])
        self.names = trained(self.shapes)
        outputs = [layer.output_shape(shape) for _, layer, shape in walk(layers, examples.shape[1:])]
        self.rows = max(1, MOST_OUTPUTS // sum(map(math.prod, outputs)))
        self.kind = getattr(torch, precision)
        self.model = build_model(layers, examples.shape[1:]).to(torch_device(), self.kind).eval()
        self.tensors = tensors(self.model, layers, examples.shape[1:])
        self.weights = [self.tensors[name] for name in self.names]
        kind = self.kind if examples.dtype.kind == "f" else torch.int64
        self.examples = torch.from_numpy(examples).to(torch_device(), kind)
        self.labels = torch.from_numpy(labels).to(torch_device(), torch.int64)

    def at(self, parameters: dict[str, np.ndarray]) -> np.ndarray:
        """θ of a parameter tree, whose running averages are taken too."""
        self._set(parameters)
        return np.concatenate([np.asarray(parameters[name], np.float64).ravel() for name in self.names])

    @property
    def n(self) -> int:
        """The number of examples."""
        return len(self.labels)

    def tree(self, theta: np.ndarray) -> dict[str, np.ndarray]:
        """The trained parameters of θ, by name."""
        ends = np.cumsum([int(np.prod(self.shapes[name])) for name in self.names])
        parts = np.split(theta, ends[:-1])
        return {name: part.reshape(self.shapes[name]) for name, part in zip(self.names, parts, strict=True)}

    @torch.no_grad()
    def _set(self, parameters: dict[str, np.ndarray]) -> None:
        for name, array in parameters.items():
            self.tensors[name].copy_(torch.from_numpy(to_native(name, np.asarray(array))))

    def value(self, theta: np.ndarray, chosen: np.ndarray | None = None) -> float:
        """The mean loss at θ."""
        self._set(self.tree(theta))
        with torch.no_grad():
            return float(self._mean(lambda loss: [loss], chosen)[0])

    def value_and_gradient(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """The mean loss over all examples at θ and its gradient."""
        self._set(self.tree(theta))
        value, *gradient = self._mean(
            lambda loss: (loss.detach(), *torch.autograd.grad(loss, self.weights)), None
        )
        return float(value), self._vector(gradient)

    def gradient(self, theta: np.ndarray, chosen: np.ndarray | None = None) -> np.ndarray:
        """The gradient of the mean loss at θ, [P]."""
        self._set(self.tree(theta))
        return self._vector(self._mean(lambda loss: torch.autograd.grad(loss, self.weights), chosen))

    def hessian_vector(
        self, theta: np.ndarray, vector: np.ndarray, chosen: np.ndarray | None = None
    ) -> np.ndarray:
        """The Hessian of the mean loss at θ times a vector, [P], by differentiating twice."""
        self._set(self.tree(theta))
        direction = self._native(vector)

        def times_vector(loss: torch.Tensor) -> tuple[torch.Tensor, ...]:
            gradients = torch.autograd.grad(loss, self.weights, create_graph=True)
            along = sum((g * v).sum() for g, v in zip(gradients, direction, strict=True))
            return torch.autograd.grad(along, self.weights, materialize_grads=True)

        # Attention's fused kernels cannot be differentiated twice.
        with sdpa_kernel(SDPBackend.MATH):
            return self._vector(self._mean(times_vector, chosen))

    def squared_distances(self, theta: np.ndarray, vector: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """|g − v|² for the gradient g at θ of each chosen example and a vector v [P]: [chosen]."""
        self._set(self.tree(theta))
        names = {id(tensor): name for name, tensor in self.model.named_parameters()}
        weights = {names[id(weight)]: weight.detach() for weight in self.weights}
        centre = dict(zip(weights, self._native(vector), strict=True))

        def loss(weights: dict[str, torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return sum_of_losses(functional_call(self.model, weights, x[None]), y[None])

        of_some, found = vmap(grad(loss), in_dims=(None, 0, 0)), []
        with sdpa_kernel(SDPBackend.MATH):
            for part in torch.from_numpy(chosen).split(max(1, min(self.rows, MOST_GRADIENTS // len(theta)))):
                gradients = of_some(weights, self.examples[part], self.labels[part])
                apart = [gradients[name].sub_(v).square_().flatten(1).sum(1) for name, v in centre.items()]
                found.append(torch.stack(apart).sum(0).cpu().numpy())
        return np.concatenate(found)

    def _native(self, vector: np.ndarray) -> list[torch.Tensor]:
        """A vector in the order of θ as tensors like the weights."""
        parts = self.tree(vector).items()
        return [torch.from_numpy(to_native(name, part)).to(torch_device(), self.kind) for name, part in parts]

    def _mean(
        self, of_loss: Callable[[torch.Tensor], tuple[torch.Tensor, ...]], chosen: np.ndarray | None
    ) -> list[torch.Tensor]:
        """The mean over examples of what is linear in their losses, part by part."""
        every = torch.arange(len(self.labels)) if chosen is None else torch.from_numpy(chosen)
        sums = None
        for part in every.split(self.rows):
            of_part = of_loss(sum_of_losses(self.model(self.examples[part]), self.labels[part]))
            found = [each.double() for each in of_part]  # sums over parts are in float64
            sums = found if sums is None else [one + more for one, more in zip(sums, found, strict=True)]
        return [each / len(every) for each in sums]

    def _vector(self, tensors: list[torch.Tensor]) -> np.ndarray:
        """One vector, in the order and the layout of θ, of tensors like the weights."""
        pairs = zip(self.names, tensors, strict=True)
        return np.concatenate([from_native(name, tensor).ravel() for name, tensor in pairs])
