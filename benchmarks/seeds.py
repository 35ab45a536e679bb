"""The random numbers that a seed of a study stands for: one stream for each purpose, none shared."""

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What numbers are drawn for; part of every result, so a new purpose takes a new number."""

    PARAMETERS = 0
    AUGMENTATION = 1
    ORDER = 2


def generator(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """The stream of one seed, purpose and place (a layer's, an epoch's); all three tell streams apart.

    They are the key of a child of the seed (`SeedSequence.spawn_key`): in a bare list of numbers
    [7, 3] and [7, 3, 0, 0] are the same.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))
