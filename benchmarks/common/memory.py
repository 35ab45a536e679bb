"""The main memory that this machine, or the container around this process, has left."""

import math
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.common.machine import MIB

GIB = 2**30
CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
V2 = ("memory.max", "memory.current", "inactive_file")
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
"""Of the two versions of cgroups(7): the files of limit and use, and which part of it can be dropped."""


def available_mib() -> float:
    """Main memory in MiB that new processes can take without any of it going to swap."""
    return min(psutil.virtual_memory().available, _left_in_container()) / MIB


def limit_of_container() -> float:
    """The least limit, in bytes, of the containers around this process; infinite without one."""
    return min((_number(folder / names[0]) for folder, names in _containers()), default=math.inf)


def _left_in_container() -> float:
    """Bytes that the limits of all containers around this process leave."""
    return min((_left(folder, *names) for folder, names in _containers()), default=math.inf)


def _left(folder: Path, limit: str, used: str, droppable: str) -> float:
    lines = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    cached = dict(line.split() for line in lines).get(droppable, 0)
    return max(0.0, _number(folder / limit) - _number(folder / used) + int(cached))


def _number(path: Path) -> float:
    text = path.read_text(encoding="ascii").strip()
    return math.inf if text == "max" else float(text)


def _containers() -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """The folder of each control group around this process that limits memory, with the names there.

    Within a container, the path of its group may be that on the host; its folder is then the top one.
    """
    lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines() if MEMBERSHIP.exists() else []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers and "memory" not in controllers.split(","):
            continue
        top, names = (CGROUPS / "memory", V1) if controllers else (CGROUPS, V2)
        own = top / path.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(top) and (folder / names[0]).exists() and (folder / names[1]).exists():
                yield folder, names
