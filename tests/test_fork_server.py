"""A server prepares once, and each call has a process of its own that starts from what was prepared."""

import contextlib
import os
import signal

import psutil
import pytest

from benchmarks.common.fork_server import ForkServer
from benchmarks.common.process import FORKS

prepared = []


def prepare(what):
    prepared.append((what, os.getpid()))


def see(name):
    """What was prepared, who sees it, and a variable of the environment; what is changed here is lost."""
    prepared.append("by a call")
    return prepared[:-1], os.getpid(), os.environ.get(name)


def test_every_call_has_a_process_of_its_own_that_starts_from_what_was_prepared():
    with ForkServer(prepare, "a framework") as server:
        calls = [server.call(see, "NAME", environment={"NAME": value}) for value in ("one", "two")]
    (first, one, told), (second, other, told_other) = (made for made, _ in calls)
    assert first == second == [("a framework", first[0][1])]
    assert len({one, other, first[0][1], os.getpid()}) == 4
    assert (told, told_other) == ("one", "two")
    assert [code for _, code in calls] == [0, 0]
    assert prepared == [] and "NAME" not in os.environ


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_process_that_dies_tells_of_what_and_the_next_call_goes_on():
    with ForkServer(prepare, "") as server:
        assert server.call(die, environment={}) == (None, -signal.SIGKILL)
        assert server.call(os.getpid, environment={})[1] == 0


def test_a_server_that_cannot_prepare_says_so_to_each_call(capfd):
    with ForkServer(int, "no number") as server:
        assert [server.call(os.getpid, environment={}) for _ in range(2)] == [(None, 1)] * 2
    assert "no number" in capfd.readouterr().err


def test_servers_prepare_at_the_same_time():
    """Each waits for the others: one after the other, the first would wait in vain."""
    meeting = FORKS.Barrier(3)
    servers = [ForkServer(meeting.wait, 60) for _ in range(3)]
    with contextlib.ExitStack() as stack:
        entered = [stack.enter_context(server) for server in servers]
        assert [server.call(os.getpid, environment={})[1] for server in entered] == [0, 0, 0]


def test_a_server_has_prepared_when_its_statement_begins():
    ended = FORKS.Event()
    with ForkServer(ended.set):
        assert ended.is_set()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_nothing_outlives_its_statement_and_a_server_ends_with_a_signal(sent):
    before = set(psutil.Process().children())
    with ForkServer(prepare, "") as server:
        (child,) = set(psutil.Process().children()) - before
        child.send_signal(sent)
        assert server.call(os.getpid, environment={}) == (None, -sent)
    with ForkServer(prepare, ""):
        (child,) = set(psutil.Process().children()) - before
    assert not child.is_running()
