"""`model.fit` as a user writes it, with the loss and gradient norm of every step kept."""

import keras
import numpy as np

from benchmarks.frameworks.keras_parts.optimizer import RecipeOptimizer
from benchmarks.frameworks.trainer import Steps


class Recorder(keras.callbacks.Callback):
    """Keeps what `fit` logs after each step, the mean loss since the start, and the gradient's norm.

    A step waits for nothing: what is logged stays on the device until the end, and the norms are read from
    the optimizer then, or when it is about to forget them.
    """

    def __init__(self, optimizer: RecipeOptimizer) -> None:
        super().__init__()
        self.optimizer, self.means, self.norms = optimizer, [], []
        self.clips = optimizer.settings.clip_norm is not None
        self.first = int(optimizer.iterations.numpy()) if self.clips else None

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Hold on to the numbers."""
        self.means.append(logs["loss"])
        if self.clips and len(self.means) - len(self.norms) == self.optimizer.gradient_norms.shape[0]:
            self._read_norms()

    def _read_norms(self) -> None:
        """Take over the norms of the steps since they were last read."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # during `fit` its variables are empty otherwise
        kept = self.optimizer.gradient_norms.numpy()
        steps = self.first + np.arange(len(self.norms), len(self.means))
        self.norms.extend(kept[steps % len(kept)].tolist())

    def steps(self) -> Steps:
        """The loss of a step is k times the k-th mean, less (k − 1) times the one before."""
        sums = np.array([float(mean) for mean in self.means]) * np.arange(1, len(self.means) + 1)
        losses = np.diff(sums, prepend=0.0)
        if not self.clips:
            return Steps(losses, None)
        self._read_norms()
        return Steps(losses, np.array(self.norms))


def compile_for_fit(model: keras.Model, optimizer: RecipeOptimizer) -> None:
    """The loss is the mean over all labels of a batch."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)


def fit(model: keras.Model, *data, **settings) -> Steps:
    """One pass over the data in the order given."""
    recorder = Recorder(model.optimizer)
    model.fit(*data, epochs=1, verbose=0, shuffle=False, callbacks=[recorder], **settings)
    return recorder.steps()
