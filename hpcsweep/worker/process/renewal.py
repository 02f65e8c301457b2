"""Jobs run in a child of their worker, which is renewed when it is too big, changed beyond repair, or dead.

TensorFlow keeps memory for every architecture that it has traced, and a job may leave threads behind, close files,
crash in native code or end the process. The worker itself runs no code of a job and uses no device; at most it has
imported Keras, and on GPUs not even that. So the fork is safe, and nobody outside (SLURM, submitit, `hpcsweep run`)
notices it: the process that they started stays, takes their signals and answers for the child.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

from hpcsweep.machine import kills_for_memory, memory_gb_per_core
from hpcsweep.store import Store
from hpcsweep.store.claims import Claim
from hpcsweep.worker.endings import Ending, Tally
from hpcsweep.worker.pace import Pace
from hpcsweep.worker.process.at_work import ClaimsAtWork
from hpcsweep.worker.process.child import Ended, in_child
from hpcsweep.worker.process.death import Death, death_of, record_death
from hpcsweep.worker.process.output import say
from hpcsweep.worker.stop_request import Stop

MOST_GROWTH_GB = 4.0
SHARE = 0.5  # of the memory per core
MOST_IDLE_DEATHS = 3
# what people and schedulers send, and the kernel when memory runs out
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Growth:
    """How much this process has grown since it was first asked about."""

    def __init__(self, bound_gb: float | None) -> None:
        """Take the bound that is given; by default 4 GB, or half of the memory per core if that is less."""
        self._bound_gb = bound_gb or min(MOST_GROWTH_GB, SHARE * memory_gb_per_core())
        self._first_gb: float | None = None

    def is_too_big(self) -> bool:
        """Whether the process has grown by more than its bound."""
        now_gb = _resident_gb()
        if self._first_gb is None:
            self._first_gb = now_gb
        return now_gb - self._first_gb > self._bound_gb


def drain_in_children(
    drain: Callable[[Pace], Counter[str]], at_work: ClaimsAtWork, store: Store, pace: Pace, stop: Stop
) -> Counter[str]:
    """Call `drain` in one child after the other, until one ends because nothing is left; sum up the endings.

    If a child dies, the trajectory that it trained loses an attempt, and no other loses anything. If children die again
    and again without training, or one dies that was asked to stop, this process dies as it did, so that whoever watches
    sees how.
    """
    endings: Counter[str] = Counter()
    idle_deaths = 0
    while True:
        killed_before = kills_for_memory()
        ended = in_child(lambda: _answer(drain, pace), stop)
        if ended.answer is None:
            death = death_of(ended.status)
            if death.signal == signal.SIGKILL and "SLURM_JOB_ID" in os.environ and _may_be_memory(killed_before):
                _die_alike(death)  # SLURM's own record shall name the limit
            claims = at_work.left_behind(store)
            idle_deaths = 0 if claims else idle_deaths + 1
            endings += _bury(claims, ended, stop)
            if stop.requested or idle_deaths == MOST_IDLE_DEATHS:
                _die_alike(death)
            continue
        now = Counter(ended.answer["endings"])
        pace.learn(ended.answer["slowest_start_s"])
        if not now.pop(Tally.SPENT, 0):
            pace.later, pace.too_short = ended.answer["left"]
            return endings + now
        endings.update(now)


def _answer(drain: Callable[[Pace], Counter[str]], pace: Pace) -> dict[str, Any]:
    endings = drain(pace)
    return {"endings": endings, "slowest_start_s": pace.slowest_start_s, "left": [pace.later, pace.too_short]}


def _bury(claims: list[Claim], ended: Ended, stop: Stop) -> Counter[str]:
    """Record the death of a child as the failure of the one trajectory that it trained, if the job caused it.

    That a process was killed from outside, or asked to stop, is not the fault of the run. Its claim then stays as that
    of an attempt that died, and only several of these in a row are a failure. If several trajectories were trained
    together, nobody knows which of them it was, so they are tried again.
    """
    death = death_of(ended.status)
    say(f"hpcsweep: the process that trained {death.words}; the worker continues with a new one")
    if stop.requested or death.signal in FROM_OUTSIDE or len(claims) != 1:
        return Counter()
    record_death(claims[0], death, ended.memory_gb)
    return Counter([Ending.FAILED])


def _may_be_memory(killed_before: int | None) -> bool:
    """Whether the kernel has killed a process for lack of memory since then, or does not say."""
    return killed_before is None or kills_for_memory() != killed_before


def _die_alike(death: Death) -> None:
    if death.signal is not None:
        if death.signal != signal.SIGKILL:
            signal.signal(death.signal, signal.SIG_DFL)
        os.kill(os.getpid(), death.signal)
    raise SystemExit(death.exit_code or 1)


def _resident_gb() -> float:
    with open("/proc/self/statm") as file:  # proc_pid_statm(5): the second number counts resident pages
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e9
