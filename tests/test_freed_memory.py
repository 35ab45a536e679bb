"""A process that does not keep all that it frees is told, from a process of its own: it cannot be undone."""

import subprocess
import sys
from unittest.mock import patch

import pytest

from benchmarks.identity import freed_memory

SCRIPT = """
from benchmarks.common import heap
from benchmarks.identity import freed_memory

original, left_out = heap._glibc, {left_out}
heap._glibc = lambda function: lambda name, value: name == left_out or original(function)(name, value)
print(freed_memory.fault())
"""


@pytest.mark.parametrize(
    ("left_out", "told"),
    [
        ("None", ""),
        ("heap.M_MMAP_MAX", "is not kept for the next one"),
        ("heap.M_TRIM_THRESHOLD", "is not kept for the next one"),
    ],
)
def test_a_setting_that_is_left_out_is_told(left_out, told):
    command = [sys.executable, "-c", SCRIPT.format(left_out=left_out)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert said.endswith(told) and bool(said) == bool(told), said


def test_a_process_that_ends_is_told():
    with patch.object(freed_memory.process, "forked", lambda _: (None, -9)):
        freed_memory.fault.cache_clear()
        assert freed_memory.fault() == "a process that should keep freed memory was killed by SIGKILL"
    freed_memory.fault.cache_clear()
