"""The batch stream: one seeded order of examples, the same for every framework."""

import numpy as np

from benchmarks.recipe import randomness


class BatchStream:
    """Seeded permutations of the training examples, concatenated without end.

    Batch k holds positions [kB, (k+1)B) of that stream: no ragged last batch, no example dropped,
    valid for every B up to the number of examples.
    """

    def __init__(self, n_examples: int, *, seed: int) -> None:
        self.n_examples = n_examples
        self.seed = seed
        self._held: dict[int, np.ndarray] = {}

    def _epoch(self, epoch: int) -> np.ndarray:
        """The permutation of one epoch; drawn from (seed, epoch), so that any can be had at once."""
        if epoch not in self._held:
            generator = randomness.generator(self.seed, randomness.Purpose.ORDER, epoch)
            self._held[epoch] = generator.permutation(self.n_examples).astype(np.int32)
        return self._held[epoch]

    def batches(self, batch_size: int, *, first: int, count: int) -> np.ndarray:
        """Batches first … first + count − 1, as example indices of shape [count, batch_size]."""
        start, stop = first * batch_size, (first + count) * batch_size
        epochs = range(start // self.n_examples, -(-stop // self.n_examples))
        self._held = {epoch: order for epoch, order in self._held.items() if epoch in epochs}
        stream = np.concatenate([self._epoch(epoch) for epoch in epochs])
        offset = start - epochs.start * self.n_examples
        return stream[offset : offset + stop - start].reshape(count, batch_size)
