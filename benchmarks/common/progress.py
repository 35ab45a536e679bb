"""How far a long job has come and what remains: lines that its rule shows, while all else goes to the log."""

import time
from collections.abc import Callable

PAUSE_S = 15
"""Least seconds between two lines: a job that is shorter than that says nothing."""


class Progress:
    """Counts the parts of a job that are done; each of the rest is expected to take as long."""

    def __init__(self, job: str, total: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.job, self.total, self.clock, self.done = job, total, clock, 0
        self.start = self.last = clock()

    def advance(self, parts: int = 1) -> None:
        """Count parts in, and print what is done and what remains unless a line was just printed."""
        self.done += parts
        now = self.clock()
        left_s = (now - self.start) * (self.total - self.done) / self.done
        if now - self.last >= PAUSE_S and self.done < self.total:
            self.last = now
            print(f"progress: {self.job}: {self.done} of {self.total}, {duration(left_s)} left", flush=True)


def duration(seconds: float) -> str:
    """Roughly how long that is, in words."""
    return (
        f"about {5 * max(1, round(seconds / 5))} s" if seconds < 120 else f"about {round(seconds / 60)} min"
    )
