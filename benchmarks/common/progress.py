"""How far a long job has come and what remains: lines that its rule shows, while all else goes to the log."""

import time
from collections.abc import Callable

PAUSE_S = 15
"""Least seconds between two lines: a job that is shorter than that says nothing."""


class Progress:
    """What a job does, in how many parts of which kind, and when it began (seconds since the epoch).

    Lines fall into intervals counted from there, at most one into each. Several processes may do one job in
    turn: `since` is when the turn of this one began.
    """

    def __init__(
        self,
        job: str,
        *,
        part: str,
        parts: int,
        began: float,
        since: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.job, self.part, self.parts, self.began, self.clock = job, part, parts, began, clock
        self.every_s = TERMINAL_S if os.isatty(descriptor()) else FILE_S
        self.latest = self._interval(began if since is None else since)

    def _interval(self, moment: float) -> int:
        """The number of the interval that a moment falls into."""
        return int((moment - self.began) // self.every_s)

    def at(self, done: float) -> None:
        """So many parts are done, a fraction too; a line says so if an interval began since the last call."""
        now = self.clock()
        if self._interval(now) > self.latest and 0 < done < self.parts:
            left = self._left(done / self.parts, passed_s=now - self.began)
            write(f"{self.job}: {self.part} {int(done) + 1} of {self.parts}{left}")
        self.latest = self._interval(now)

    def _left(self, share: float, *, passed_s: float) -> str:
        """About how long the rest takes, once enough is done."""
        return f", about {remaining(passed_s * (1 - share) / share)} left" if share >= ENOUGH else ""
