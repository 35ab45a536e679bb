"""What the C library does with memory that a program has freed."""

import ctypes
import functools

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
"""Parameters of mallopt(3)."""
LARGEST = 2**31 - 1
TOP_PAD = 64 * 2**20


def _glibc(function: str):
    """A function of glibc, or None where the C library is another one."""
    return getattr(ctypes.CDLL(None), function, None)


@functools.cache
def keep_freed_memory() -> None:
    """Keep freed memory in this process for its next allocations, instead of giving it back to the kernel.

    By default glibc gives large blocks back as soon as they are freed, and the kernel has to map and clear
    every page of the next one. Whether a block counts as large depends on what was freed before, so the same
    training step may take one to three times as long from process to process. The default does not come back.
    """
    if mallopt := _glibc("mallopt"):
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, LARGEST)
        mallopt(M_TOP_PAD, TOP_PAD)


def give_back_freed_memory() -> None:
    """Give all memory that is freed at present back to the kernel, so that what is resident is in use."""
    if malloc_trim := _glibc("malloc_trim"):
        malloc_trim(0)
