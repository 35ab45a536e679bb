"""`model.fit` as a user writes it, with the loss and gradient norm of every step kept."""

import keras
import numpy as np

from benchmarks.frameworks.keras_parts.optimizer import RecipeOptimizer
from benchmarks.frameworks.trainer import Steps


class Recorder(keras.callbacks.Callback):
    """Keeps what `fit` logs after each step, the mean loss since the start, and the gradient's norm."""

    def __init__(self, optimizer: RecipeOptimizer) -> None:
        super().__init__()
        self.optimizer, self.means, self.norms = optimizer, [], []

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Hold on to the numbers."""
        self.means.append(logs["loss"])
        if self.optimizer.settings.clip_norm:
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()  # during `fit` its variables are empty otherwise
            self.norms.append(float(self.optimizer.gradient_norm.numpy()))

    def steps(self) -> Steps:
        """The loss of a step is k times the k-th mean, less (k − 1) times the one before."""
        sums = np.array([float(mean) for mean in self.means]) * np.arange(1, len(self.means) + 1)
        norms = np.array(self.norms) if self.optimizer.settings.clip_norm else None
        return Steps(np.diff(sums, prepend=0.0), norms)


def compile_for_fit(model: keras.Model, optimizer: RecipeOptimizer) -> None:
    """The loss is the mean over all labels of a batch."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=optimizer, loss=loss)


def fit(model: keras.Model, *data, **settings) -> Steps:
    """One pass over the data in the order given."""
    recorder = Recorder(model.optimizer)
    model.fit(*data, epochs=1, verbose=0, shuffle=False, callbacks=[recorder], **settings)
    return recorder.steps()
