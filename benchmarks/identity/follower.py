"""A trainer that is itself to whoever trains it, while the reference repeats some of its calls."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.frameworks.trainer import Steps, Trainer
from benchmarks.identity.repeated import References, Stand, Taken
from benchmarks.identity.seen import Seen

FURTHER = 0.25
"""The share of the calls that may be further apart in float32, where a last digit may decide on which side
of a bend an output lies."""
LATE, MOST_WAITED_S = 0.2, 0.1
"""What of the seconds of a call its results may take later, and how long those of all may take."""
PARTS = ("losses", "parameters", "state", "outputs")
"""What is compared of each call; the outputs are those of the evaluation after it."""


@dataclass
class Followed:
    """A trainer that is itself to whoever trains it, and some of whose calls the references repeat.

    `repeats` says how many of its steps, the last ones, a call is followed for, by its number and its
    batches; a call of which only a part is followed is cut before it. Of an evaluation after it, and of those
    after a reset, `evaluated` examples are compared. `sizes` has the differences of each of PARTS.
    """

    trainer: Trainer
    references: References
    repeats: Callable[[int, np.ndarray], int]
    evaluated: int
    seen: Seen
    calls: int = 0
    steps: int = 0
    examples: int = 0
    waits: list[tuple[float, float]] = field(default_factory=list)
    """The seconds of each call that is followed, and those for which its results had to be waited for."""
    reading_s: float = 0.0
    left: Stand | None = None
    """Where the last call left the training."""
    held: dict[str, np.ndarray] | None = None
    """The parameters whose outputs are compared, if they are."""
    sizes: dict[str, list[float]] = field(default_factory=lambda: {part: [] for part in PARTS})

    @property
    def apart(self) -> dict[str, float]:
        """The largest difference of each part; in float32 the one that a share of FURTHER exceeds."""
        rank = 1.0 if self.references.precision == "float64" else 1.0 - FURTHER
        return {
            part: float(np.quantile(sizes or [0.0], rank, method="higher"))
            for part, sizes in self.sizes.items()
        }

    def train(self, batches: np.ndarray) -> Steps:
        """Take the steps, the last of them followed if the call is."""
        count = self.repeats(self.calls, batches)
        self.calls, self.held = self.calls + 1, None
        alone, followed = np.split(batches, [len(batches) - count])
        if self.left and not self.left.same(Stand.of(self.trainer)):
            raise RuntimeError("between two calls of train something changes the training")
        losses = [self._taken(alone, self.trainer.train)] if len(alone) else []
        losses += [self._taken(followed, self._followed)] if len(followed) else []
        self.left = Stand.of(self.trainer)
        return Steps(np.concatenate([each.loss for each in losses]), None)

    def _taken(self, batches: np.ndarray, train: Callable[[np.ndarray], Steps]) -> Steps:
        """Take steps, and count them."""
        taken = train(batches)
        self.steps, self.examples = self.steps + len(batches), self.examples + batches.size
        return taken

    def _followed(self, batches: np.ndarray) -> Steps:
        """Take these steps and compare what they come to."""
        before, began = Stand.of(self.trainer), time.perf_counter()
        taken, ended = self.trainer.train(batches), time.perf_counter()
        made, read = Taken(np.array(taken.loss), Stand.of(self.trainer)), time.perf_counter()
        Stand.of(self.trainer)
        again_s = time.perf_counter() - read
        self.waits.append((ended - began, max(0.0, read - ended - max(again_s, self.reading_s))))
        self.held = made.stand.parameters
        self._add(self.references.apart(before, made, batches, steps=self.steps))
        return taken

    @property
    def computes_late(self) -> bool:
        """Whether most calls end before their steps are computed, which results have to wait for then."""
        late = [waited_s > LATE * call_s for call_s, waited_s in self.waits]
        return sum(late) > len(late) / 2 and sum(waited_s for _, waited_s in self.waits) > MOST_WAITED_S

    def _add(self, apart: dict[str, float]) -> None:
        """Take differences down."""
        for part, size in apart.items():
            self.sizes[part].append(size)

    def logits(self, examples: np.ndarray) -> np.ndarray:
        """The outputs, some of which are compared where they are of parameters that are known."""
        made = self.trainer.logits(examples)
        self.seen.evaluated(examples, made, self.trainer.parameters(), self.examples)
        if self.held is not None:
            some = slice(None, None, -(-len(examples) // self.evaluated))
            self._add({"outputs": self.references.outputs_apart(made[some], examples[some], self.held)})
        return made

    def parameters(self) -> dict[str, np.ndarray]:
        """The present parameters."""
        return self.trainer.parameters()

    def reset(self, parameters: dict[str, np.ndarray]) -> None:
        """Start anew from these: from the first ones, or at the end from the best.

        Raises:
            RuntimeError: they are not the best ones.
        """
        if self.calls and (cause := self.seen.judged_by(parameters)):
            raise RuntimeError(cause)
        self.held, self.left = parameters, None
        self.trainer.reset(parameters)
        began = time.perf_counter()
        Stand.of(self.trainer)  # as some frameworks keep what they copied, the first time counts
        self.reading_s = time.perf_counter() - began
