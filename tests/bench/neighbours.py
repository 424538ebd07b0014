"""How much of the processor others used meanwhile: a shared machine makes nonsense of seconds, unseen."""

import os
from collections.abc import Callable

import psutil

Share = Callable[[], float]


def watch(supervisor: psutil.Process) -> Share:
    """Start to watch; the result tells the share (0 to 1) of all processor time since that neither we nor ours used."""
    busy, own = _busy_s(), _own_s(supervisor)

    def share() -> float:
        spent, ours = _busy_s() - busy, _own_s(supervisor) - own
        return max(0.0, 1 - ours / spent) if spent > 0 else 0.0

    return share


def busy(process: psutil.Process) -> Callable[[], float]:
    """Start to watch one process; the result tells its processor seconds since."""
    before = _spent_s(process)
    return lambda: _spent_s(process) - before


def _busy_s() -> float:
    """Processor seconds that the machine has spent, on all cores together."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _own_s(supervisor: psutil.Process) -> float:
    """Those of this process and of the platform; the platform's parts do not come and go while it is watched."""
    family = {psutil.Process(os.getpid()), supervisor, *supervisor.children(recursive=True)}
    return sum(map(_spent_s, family))


def _spent_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
