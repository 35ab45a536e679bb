"""How much of the machine others took while something was measured: timings want it to themselves."""

import time

import psutil


class OtherLoad:
    """CPU time of everybody else, from the making of this value on."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._others_s = others_cpu_s()

    def share(self) -> float:
        """Share of all cores' time that others took, 0 to 1; time stolen by a hypervisor counts."""
        elapsed = (time.perf_counter() - self._started) * psutil.cpu_count()
        return max(0.0, (others_cpu_s() - self._others_s) / elapsed)


def others_cpu_s() -> float:
    """CPU seconds since the machine started that went neither to this process and its children nor idle."""
    times, own = psutil.cpu_times(), psutil.Process().cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # Linux counts a guest's time under user as well.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    mine = own.user + own.system + own.children_user + own.children_system
    return sum(times) - idle - guests - mine
