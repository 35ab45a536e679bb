"""A process that does not keep all that it frees is told."""

from unittest.mock import patch

import pytest

from benchmarks.common import heap
from benchmarks.identity import freed_memory


def fault():
    freed_memory.fault.cache_clear()
    try:
        return freed_memory.fault()
    finally:
        freed_memory.fault.cache_clear()


def test_freed_memory_is_kept():
    assert fault() == ""


@pytest.mark.parametrize("left_out", ["M_MMAP_MAX", "M_TRIM_THRESHOLD"])
def test_a_setting_that_is_left_out_is_told(left_out):
    original, number = heap._glibc, getattr(heap, left_out)

    def of_glibc(function):
        return lambda name, value: name == number or original(function)(name, value)

    with patch.object(heap, "_glibc", of_glibc):
        assert "is not kept for the next one" in fault()


def test_a_process_that_ends_is_told():
    with patch.object(freed_memory.process, "forked", lambda _: (None, -9)):
        assert fault() == "a process that should keep freed memory was killed by SIGKILL"
