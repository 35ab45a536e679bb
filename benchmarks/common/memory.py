"""The main memory that this machine, or the container around this process, has left."""

from pathlib import Path

import psutil

MIB = 2**20
CGROUP = Path("/sys/fs/cgroup")


def available_mib() -> float:
    """Main memory in MiB that new processes can take without any of it going to swap."""
    free = psutil.virtual_memory().available
    return min(free, _left_in_container(free)) / MIB


def _left_in_container(otherwise: float) -> float:
    """Bytes that the container's limit leaves, caches that it can drop included (cgroups(7), version 2)."""
    try:
        limit, used = (
            (CGROUP / name).read_text(encoding="ascii").strip() for name in ("memory.max", "memory.current")
        )
        droppable = _statistic("inactive_file")
    except OSError:
        return otherwise
    return otherwise if limit == "max" else max(0, int(limit) - int(used) + droppable)


def _statistic(name: str) -> int:
    """A number in bytes from the statistics of the container's memory."""
    lines = dict(line.split() for line in (CGROUP / "memory.stat").read_text(encoding="ascii").splitlines())
    return int(lines.get(name, 0))
