"""Whether a process that is told to keep freed memory does so, by the kernel's own count of page faults.

A training step that allocates a large block anew has the kernel map and clear each of its pages, which takes
as long as many a step. What is timed must not depend on what was freed before.
"""

import functools
import resource

import numpy as np

from benchmarks.common import heap, process

SIZES = [2**17, 2**20, 2**23, 2**27]
"""Bytes of a block."""
FEW = 8
"""Page faults that are none of the block, which has 32 pages at least."""


@functools.cache
def fault() -> str:
    """Of what size a block is not kept; empty if each is."""
    anew, code = process.forked(mapped_anew)
    if anew is None:
        return f"a process that should keep freed memory {process.ended(code)}"
    return f"a block of {anew} bytes that was freed is not kept for the next one" if anew else ""


def mapped_anew() -> int:
    """The size of a block that is mapped anew when it is taken a second time; 0 if none is."""
    heap.keep_freed_memory.cache_clear()
    heap.keep_freed_memory()
    return next((size for size in SIZES if min(page_faults(size) for _ in range(3)) > FEW), 0)


def page_faults(size: int) -> int:
    """Page faults of a block that is taken, filled and freed."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones(size, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
