"""A linear classifier trained by the equations of `recipe.optimizer.Optimizer`, written out once more.

Keras's optimizer and the reference's take their steps from one function, so that a fault in it would be the
same in both. Here the gradient and every rule are plain arithmetic on one vector.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.special import softmax

from benchmarks import frameworks
from benchmarks.models.layers import Dense
from benchmarks.recipe.arm import Arm
from benchmarks.recipe.optimizer import Optimizer

EXAMPLES, INPUTS, CLASSES = 40, 5, 3
BATCH_SIZE, STEPS = 8, 24
STRONG = {"learning_rate": 0.125, "clip_norm": 0.25, "weight_decay": 0.125}
"""Settings with which each rule that an arm has shows within some steps."""
BOUND = 1e-10
Row = tuple[float, np.ndarray]
"""A step's learning rate and the examples of its batch, [B]."""


def strong(arm: Arm) -> Arm:
    """The arm with these settings, of which it keeps away those that it does not have."""
    had = {name: value for name, value in STRONG.items() if name == "learning_rate" or getattr(arm, name)}
    return arm.model_copy(update={**had, "scaling": "none"})


def gradient(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """That of the mean cross-entropy of softmax(x K + b); `weights` are K, then b, as one vector."""
    kernel, bias = weights[:-CLASSES].reshape(INPUTS, CLASSES), weights[-CLASSES:]
    wrong = softmax(x @ kernel + bias, axis=1) - np.eye(CLASSES)[y]
    return np.concatenate([(x.T @ wrong / len(x)).reshape(-1), wrong.mean(axis=0)])


def number(arm: Arm, name: str, default: float) -> float:
    """A setting of the arm as float32 holds it, or what it is where the arm leaves it out."""
    value = getattr(arm, name)
    return float(np.float32(default if value is None else value))


def trained(
    arm: Arm, weights: np.ndarray, x: np.ndarray, y: np.ndarray, rows: Iterator[Row], *, after: int = 0
) -> np.ndarray:
    """The weights after these steps, which begin `after` so many others that left no trace."""
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    decay, inside = arm.weight_decay, (arm.decay or "coupled") == "coupled" and arm.optimizer != "adamw"
    for t, (rate, batch) in enumerate(rows, start=after + 1):
        g = gradient(weights, x[batch], y[batch])
        if arm.clip_norm and np.linalg.norm(g) > arm.clip_norm:
            g = g * arm.clip_norm / np.linalg.norm(g)
        g, weights = (g + decay * weights, weights) if inside else (g, (1.0 - rate * decay) * weights)
        if arm.optimizer in ("adam", "adamw"):
            b1, b2 = number(arm, "beta_1", 0.9), number(arm, "beta_2", 0.999)
            b2 = float(np.float32(b2 ** (BATCH_SIZE / (arm.beta_2_reference or BATCH_SIZE))))
            first, second = b1 * first + (1 - b1) * g, b2 * second + (1 - b2) * g**2
            root = np.sqrt(second / (1 - b2**t)) + number(arm, "epsilon", 1e-7)
            weights = weights - rate * first / (1 - b1**t) / root
            continue
        mu = number(arm, "momentum", 0.0)
        first = mu * first + g
        weights = weights - rate * (g + mu * first if arm.optimizer == "nesterov" else first)
    return weights


def by_the_reference(
    optimizer: Optimizer,
    weights: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    batches: np.ndarray,
    *,
    after: int = 0,
) -> np.ndarray:
    """The weights after the same steps by the reference's trainer in float64."""
    trainer = frameworks.load("numpy").Trainer(
        **{"layers": [Dense(CLASSES)], "optimizer": optimizer, "examples": x, "labels": y},
        **{"precision": "float64", "execution": "idiomatic"},
    )
    kernel, bias = weights[:-CLASSES].reshape(INPUTS, CLASSES), weights[-CLASSES:]
    trainer.reset({"0.kernel": kernel, "0.bias": bias})
    trainer.resume({"0.kernel": kernel, "0.bias": bias}, trainer.optimizer_state(), step=after)
    trainer.train(batches)
    made = trainer.parameters()
    return np.concatenate([made["0.kernel"].reshape(-1), made["0.bias"]])


def fault(arm: Arm, budgets: Iterable[int] = ()) -> str:
    """In words, that the reference does not train as the arm says; empty if it does.

    It is tried at the first and at the last steps of a short training, and of those with these `budgets` of
    steps.
    """
    random, strengthened = np.random.default_rng(0), strong(arm)
    x = random.standard_normal((EXAMPLES, INPUTS)).astype(np.float32).astype(np.float64)
    y = random.integers(CLASSES, size=EXAMPLES).astype(np.int32)
    weights = random.standard_normal((INPUTS + 1) * CLASSES)
    batches = random.integers(EXAMPLES, size=(STEPS, BATCH_SIZE)).astype(np.int32)
    for total in sorted({STEPS, *budgets}):
        optimizer = strengthened.optimizer_at(BATCH_SIZE, total_steps=total)
        for first in {0, max(0, total - STEPS)}:
            rates = optimizer.rates(first, STEPS)  # themselves compared with the arm by expected_plan
            due = trained(strengthened, weights, x, y, zip(rates, batches, strict=True), after=first)
            made = by_the_reference(optimizer, weights, x, y, batches, after=first)
            apart = abs(made - due).max() / abs(due).max()
            if not apart <= BOUND:
                return f"the reference's steps are not those of {arm.optimizer}, by {apart:.1e}"
    return ""
