"""Signs of a machine that is not quiet, against arithmetic."""

import pytest

from benchmarks.common import quiet
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


def test_a_quiet_measurement_has_no_reason():
    calm = Disturbance(**CALM)
    assert calm.reason == "" and calm.degree < 1


@pytest.mark.parametrize(
    ("sign", "value", "said"),
    [
        ("others_cpu_share", 0.3, "others took 30% of the processor"),
        ("others_cpu_share", 0.07, "others took 7% of the processor"),
        ("probe_drift", 1.5, "fixed work took up to 1.5 times as long"),
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


def test_a_stop_is_what_the_longest_call_took_beyond_its_steps(watch):
    for seconds in (1.0, 1.0, 1.0, 21.0):
        watch.called(4, seconds)
    assert watch.gap_share() == pytest.approx(20 / 24)


def test_the_fixed_work_is_not_done_before_the_framework_has_compiled(watch):
    watch.to_come[:] = [2.0, 2.0]  # a watch that had probed when it was made would have found nothing to take
    watch.probe()
    assert watch.disturbance().probe_drift == 1


def test_drift_is_the_slowest_work_over_the_fastest(watch):
    watch.to_come[:] = [1.0, 1.2, 0.8]
    watch.probe()
    watch.probe()
    seen = watch.disturbance()
    assert seen.probe_drift == pytest.approx(1.2 / 0.8)
    assert seen.probe_ms == pytest.approx(1000.0)


def test_the_fixed_work_takes_time():
    assert quiet.probe_s() > 0
