"""What becomes of freed memory, each time in a process of its own: it cannot be undone."""

import subprocess
import sys

import pytest

MIB = 64
SCRIPT = f"""
import numpy as np
from benchmarks.common import heap
from benchmarks.training.peak_memory import resident_mib

if {{keep}}:
    heap.keep_freed_memory()
before = resident_mib("VmRSS")
np.ones({MIB} * 2**17)
kept = resident_mib("VmRSS") - before
heap.give_back_freed_memory()
print(kept, resident_mib("VmRSS") - before)
"""


@pytest.mark.parametrize("keep", [False, True])
def test_freed_memory_is_kept_only_where_it_should_be_and_can_be_given_back(keep):
    command = [sys.executable, "-c", SCRIPT.format(keep=keep)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept, left = map(float, shown.split())
    assert kept > 0.9 * MIB if keep else kept < 0.1 * MIB
    assert left < 0.1 * MIB
