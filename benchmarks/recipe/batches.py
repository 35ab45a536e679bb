"""The batch stream: one seeded order of examples, the same for every framework."""

import numpy as np

from benchmarks.recipe import randomness


class BatchStream:
    """An endless stream of examples: one seeded permutation of the training set after the other.

    Batch k consists of the positions kB to (k + 1)B − 1 of the stream. So every batch is full, no example
    is dropped, and B may be any size up to the number of examples.
    """

    def __init__(self, n_examples: int, *, seed: int) -> None:
        self.n_examples = n_examples
        self.seed = seed
        self._permutations: dict[int, np.ndarray] = {}

    def _epoch(self, epoch: int) -> np.ndarray:
        """The permutation of one epoch, drawn from (seed, epoch): it needs none of the earlier ones."""
        if epoch not in self._permutations:
            generator = randomness.generator(self.seed, randomness.Purpose.ORDER, epoch)
            self._permutations[epoch] = generator.permutation(self.n_examples).astype(np.int32)
        return self._permutations[epoch]

    def batches(self, batch_size: int, *, first: int, count: int) -> np.ndarray:
        """The batches `first` to `first + count − 1` as indices of examples, int32 [count, batch_size]."""
        return self.after(first * batch_size, batch_size, count=count)

    def after(self, examples: int, batch_size: int, *, count: int) -> np.ndarray:
        """The next batches after so many examples of the stream, int32 [count, batch_size]."""
        start, stop = examples, examples + count * batch_size
        epochs = range(start // self.n_examples, -(-stop // self.n_examples))
        self._permutations = {epoch: order for epoch, order in self._permutations.items() if epoch in epochs}
        stream = np.concatenate([self._epoch(epoch) for epoch in epochs])
        offset = start - epochs.start * self.n_examples
        return stream[offset : offset + stop - start].reshape(count, batch_size)
