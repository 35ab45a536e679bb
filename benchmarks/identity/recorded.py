"""A trainer that takes down what is asked of it, and when; it rests in place of computing."""

import mmap
import time
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from benchmarks import frameworks
from benchmarks.frameworks.trainer import Device, Steps
from benchmarks.identity.scripted import EXAMPLES

STEP_S, COMPILE_S, FIRST_S, EVALUATION_S = 2e-5, 0.02, 0.02, 0.002
"""What a step, a compilation, the first step after it beside STEP_S, and an evaluation take at least."""
LONGER_S = (0.0, 0.001, 0.02)
"""What calls take longer in turn, so that the fastest, the median and the mean differ."""
OWN_MIB, HELD_MIB = 240, 16
"""Memory that the trainer holds as long as it is there, and while it trains: that it gives back to the kernel
at the end of a call."""
FREED_MIB, BLOCK = 32, 2**16
"""Memory that a compilation has taken and freed, in blocks that the C library keeps at first."""


def taken(mib: int) -> mmap.mmap:
    """So much memory, all of it in use."""
    held = mmap.mmap(-1, mib * 2**20)
    np.frombuffer(held, np.uint8)[:: mmap.PAGESIZE] = 1
    return held


def freed(mib: int) -> np.ndarray:
    """Take so much memory and free all but the last block, which holds what is below it in the process."""
    blocks = [np.ones(BLOCK, np.uint8) for _ in range(mib * 2**20 // BLOCK)]
    return blocks[-1]


class Call(NamedTuple):
    """What a trainer was asked for, with the array that it was given, and between which seconds it worked."""

    what: str
    value: np.ndarray
    began: float = 0.0
    ended: float = 0.0

    @property
    def own_s(self) -> float:
        """The seconds that it took."""
        return self.ended - self.began


class Recorded:
    """A trainer that takes down what is asked of it, and holds HELD_MIB in a call."""

    def __init__(self, calls: list[Call], *, own_mib: int = 0) -> None:
        self.calls, self.first_s, self.trained = calls, 0.0, 0
        self.own, self.compiled = taken(own_mib) if own_mib else None, None

    def _rest(self, what: str, value: np.ndarray, seconds: float) -> None:
        """Rest, and take the call down."""
        began = time.perf_counter()
        time.sleep(seconds)
        self.calls.append(Call(what, value.copy(), began, time.perf_counter()))

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Take the parameters down."""
        self._rest("reset", np.concatenate([value.ravel() for value in parameters.values()]), 0.0)

    def compile(self, batch_size: int) -> float:
        """Take the batch size down; the seconds of a rest."""
        self.first_s, self.compiled = FIRST_S, freed(FREED_MIB)
        self._rest("compile", np.array(batch_size), COMPILE_S)
        return self.calls[-1].own_s

    def train(self, batches: np.ndarray) -> Steps:
        """Take the batches down, and rest for each step."""
        began, taken_down = time.perf_counter(), batches.copy()
        with taken(HELD_MIB):
            longer_s = LONGER_S[self.trained % len(LONGER_S)]
            time.sleep(self.first_s + STEP_S * len(batches) + longer_s)
        self.first_s, self.trained = 0.0, self.trained + 1
        self.calls.append(Call("train", taken_down, began, time.perf_counter()))
        return Steps(np.ones(len(batches)), None)

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """Take the examples down, and rest; outputs are of two classes."""
        self._rest("logits", examples, EVALUATION_S)
        return np.zeros((len(examples), 2))

    def parameters(self) -> dict[str, np.ndarray]:
        """The number of calls so far."""
        return {"calls": np.array([len(self.calls)], np.float64)}


def framework(calls: list[Call], name: str) -> SimpleNamespace:
    """A framework whose trainers take calls down, those of the tiny model of `peak_memory` in `tiny`.

    `asked` has what it was configured with. It bears the name of a real one, for what is done otherwise with
    that one alone.
    """
    module, tiny, asked = frameworks.module_name(name), [], []
    trainer = type("Trainer", (Recorded,), {"__module__": module})

    def built(*, examples: np.ndarray, **_) -> Recorded:
        if len(examples) < EXAMPLES:
            return trainer(tiny)
        tiny.append(Call("over", np.array(0), time.perf_counter()))
        return trainer(calls, own_mib=OWN_MIB)

    return SimpleNamespace(
        __name__=module,
        tiny=tiny,
        asked=asked,
        Trainer=built,
        configure=lambda **given: asked.append(given),
        switches=dict,
        device=lambda: Device("cpu", "CPU"),
        reset_peak_memory=lambda: None,
        synchronise=lambda: None,
        is_out_of_memory=lambda _: False,
    )
