"""Progress of a long job: lines that its rule shows on the terminal; all other output goes to the log."""

import sys
import time
from collections.abc import Callable

PAUSE_S = 15
"""The least seconds between two lines, so that a job shorter than this prints none."""


class Progress:
    """Counts the parts of a job that are done, and assumes that the remaining ones take as long."""

    def __init__(self, job: str, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.job, self.total, self.clock, self.done = job, total, clock, 0
        self.start = self.last = clock()

    def advance(self, parts: int = 1) -> None:
        """Count parts as done, and print how many are and how long the rest takes, once in PAUSE_S."""
        self.done += parts
        now = self.clock()
        left_s = (now - self.start) * (self.total - self.done) / self.done
        if now - self.last >= PAUSE_S and self.done < self.total:
            self.last = now
            line = f"progress: {self.job}: {self.done} of {self.total}, {duration(left_s)} left"
            print(line, file=sys.stderr, flush=True)  # a command's own output may be JSON


def duration(seconds: float) -> str:
    """A duration in words, rounded."""
    return (
        f"about {5 * max(1, round(seconds / 5))} s" if seconds < 120 else f"about {round(seconds / 60)} min"
    )
