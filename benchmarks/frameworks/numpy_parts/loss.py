"""The loss: mean softmax cross-entropy over all labels of a batch."""

import numpy as np


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> tuple[np.floating, np.ndarray]:
    """L = (1 / m) Σ (log Σ_k exp(z_k) − z_label) over m labels, and dz = (softmax(z) − 1[k = label]) / m.

    Logits [N, …, k] and labels [N, …]. The largest z is taken off first, which changes neither.
    """
    z, label = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    shifted, rows = z - z.max(axis=-1, keepdims=True), np.arange(len(label))
    powers = np.exp(shifted)
    sums = powers.sum(axis=-1, keepdims=True)
    loss = np.mean(np.log(sums[:, 0]) - shifted[rows, label])
    gradient = powers / sums
    gradient[rows, label] -= 1
    return loss, (gradient / len(label)).reshape(logits.shape)
