"""Signs of a machine that is not quiet, against arithmetic."""

import os
import signal
import time

import pytest

from benchmarks.common import quiet
from benchmarks.common.process import FORKS
from benchmarks.common.quiet import Disturbance, Watch

CALM = {"others_cpu_share": 0.02, "probe_ms": 1.0, "probe_drift": 1.05, "gap_share": 0.01}


@pytest.fixture
def watch(monkeypatch):
    """A watch that sees nothing but what a test tells it; the fixed work takes the seconds in `to_come`."""
    probes = []
    monkeypatch.setattr(quiet, "probe_s", lambda: probes.pop(0))
    monkeypatch.setattr(quiet.OtherLoad, "share", lambda self: 0.0)
    made = Watch()
    made.to_come = probes
    return made


def test_what_is_slow_throughout_shows_beside_what_is_calm():
    slow, others = Disturbance(**{**CALM, "probe_ms": 1.4}), [Disturbance(**CALM)] * 9
    calm = quiet.calm_ms([slow, *others])
    assert calm == pytest.approx(1.0)
    assert slow.reason == "" == others[0].reason_beside(calm)
    assert slow.reason_beside(calm) == (
        "fixed work took 1.4 times as long as in the calm measurements of the study"
    )


def test_alone_nothing_is_slow():
    assert Disturbance(**CALM).reason_beside(quiet.calm_ms([])) == ""


def test_a_quiet_measurement_has_no_reason():
    calm = Disturbance(**CALM)
    assert calm.reason == "" and calm.degree < 1


@pytest.mark.parametrize(
    ("sign", "value", "said"),
    [
        ("others_cpu_share", 0.3, "others took 30% of the processor"),
        ("others_cpu_share", 0.07, "others took 7% of the processor"),
        ("probe_drift", 1.5, "fixed work took 1.5 times as long as at its fastest"),
        ("gap_share", 0.6, "one call took 60% of the time more than its share"),
    ],
)
def test_each_sign_alone_disturbs(sign, value, said):
    disturbed = Disturbance(**{**CALM, sign: value})
    assert disturbed.reason == said and disturbed.degree > 1


def test_equal_calls_have_no_gap_whatever_their_lengths(watch):
    for steps in (4, 4, 8, 1):
        watch.called(steps, 0.25 * steps)
    assert watch.gap_share() == 0


def test_calls_of_a_larger_batch_are_no_gap_among_those_of_a_smaller_one(watch):
    for batch_size, seconds in [(10, 1.0)] * 5 + [(160, 16.0)] * 3:
        watch.called(4, seconds, batch_size=batch_size)
    assert watch.gap_share() == 0
    watch.called(4, 19.0, batch_size=160)
    assert watch.gap_share() == pytest.approx(3 / 72)


def test_a_stop_is_what_the_longest_call_took_beyond_its_steps(watch):
    for seconds in (1.0, 1.0, 1.0, 21.0):
        watch.called(4, seconds)
    assert watch.gap_share() == pytest.approx(20 / 24)


def test_the_fixed_work_is_not_done_before_the_framework_has_compiled(watch):
    watch.to_come[:] = [2.0, 2.0]  # a watch that had probed when it was made would have found nothing to take
    watch.probe()
    assert watch.disturbance().probe_drift == 1


def seen_with(watch, probes):
    """What a watch sees when the fixed work takes these seconds."""
    watch.to_come[:] = probes
    for _ in probes[1:]:
        watch.probe()
    return watch.disturbance()


def test_drift_is_the_mean_work_over_the_fastest(watch):
    seen = seen_with(watch, [1.0, 1.2, 0.8])
    assert seen.probe_drift == pytest.approx(1.0 / 0.8)
    assert seen.probe_ms == pytest.approx(1000.0)


def test_a_single_pause_among_many_probes_is_no_drift(watch):
    assert seen_with(watch, [1.0] * 19 + [4.0]).reason == ""


@pytest.mark.parametrize("probes", [[1.0] * 10 + [1.6] * 10, [1.0, 1.6], [1.0] + [1.3] * 19])
def test_a_machine_that_was_slower_for_half_of_the_time_has_drifted(watch, probes):
    assert "fixed work" in seen_with(watch, probes).reason


def test_the_fixed_work_takes_time():
    assert quiet.probe_s() > 0


def calls(sender):
    """Twenty calls of a hundredth of a second, and what a watch says of them."""
    watch = Watch()
    for _ in range(20):
        start = time.perf_counter()
        time.sleep(0.01)
        watch.called(1, time.perf_counter() - start)
        sender.send("")
    sender.send(watch.disturbance().reason)


def test_a_process_that_is_stopped_for_a_while_is_seen():
    receiver, sender = FORKS.Pipe(duplex=False)
    child = FORKS.Process(target=calls, args=(sender,))
    child.start()
    receiver.recv()
    os.kill(child.pid, signal.SIGSTOP)
    time.sleep(1.0)
    os.kill(child.pid, signal.SIGCONT)
    assert "one call took" in [receiver.recv() for _ in range(20)][-1]
    child.join()
