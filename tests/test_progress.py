"""Long jobs tell how far they have come and what remains, and short ones nothing."""

import pytest

from benchmarks.common.progress import PAUSE_S, Progress, duration


def test_what_remains_follows_from_what_is_done(capfd):
    seconds = iter([100.0, 130.0, 130.0 + PAUSE_S - 1, 175.0, 200.0])
    progress = Progress("throughput", 12, clock=lambda: next(seconds))
    progress.advance(4)
    progress.advance(1)  # too soon after the line before
    progress.advance(4)
    progress.advance(3)  # the end of the job says it by itself
    assert capfd.readouterr().err.splitlines() == [
        "progress: throughput: 4 of 12, about 60 s left",
        "progress: throughput: 9 of 12, about 25 s left",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.1, "about 5 s"), (43, "about 45 s"), (121, "about 2 min"), (3600, "about 60 min")],
)
def test_a_duration_is_as_exact_as_a_person_needs(seconds, words):
    assert duration(seconds) == words
