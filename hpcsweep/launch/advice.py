"""What to type next about a sweep: templates of advice, filled with commands that a shell takes as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hpcsweep.errors import StoreError, shell, to_type
from hpcsweep.slurm.terms import SlurmTerms
from hpcsweep.slurm.text import format_duration
from hpcsweep.store import Store
from hpcsweep.store.opening import words_of_profile, words_of_store, words_of_sweep
from hpcsweep.store.task_files import slurm_submissions
from hpcsweep.sweep.load import Sweep

USUAL_TIME_S, USUAL_MEM_GB = 3600.0, 16.0  # what a worker is assumed to have had if nothing says it
MORE = 2.0  # times as much as it had
SOME_MORE = 1.5
NEAR = 0.75  # of what there was: memory may have been short


@dataclass(frozen=True)
class Advice:
    """Fills the templates of causes, pending reasons and notes for one sweep and its store."""

    sweep: Sweep
    store: Store

    def fill(
        self,
        template: str,
        *,
        run: str = "RUN",
        task: str = "",
        nodes: Sequence[str] = (),
        arrays: Sequence[str] = (),
        used_gb: float = 0.0,
    ) -> str:
        """Return a template with commands in its fields, for a run, a worker's `task`, its nodes, or waiting arrays.

        Every field that a template may have is a command here. `used_gb`: the most memory that a process was seen to
        use, 0 if that is not known; more is advised only where it came near to what there was.
        """
        store = words_of_store(self.store)
        sweep = [*words_of_profile(self.sweep, self._profile), *words_of_sweep(self.sweep, self.store)]
        other_nodes = ["--exclude", ",".join(nodes)] if nodes else []
        return template.format(
            submit=to_type("submit", *sweep),
            resume=to_type("resume", *sweep),
            resume_with_more_time=to_type("resume", "--time", self._more_time, *sweep),
            resume_on_other_nodes=to_type("resume", *other_nodes, *sweep),
            retry=to_type("resume", "--failed", *sweep),
            retry_with_more_memory=to_type("resume", "--failed", "--mem", self._more_memory(used_gb), *sweep),
            or_with_more_memory=self._if_memory_was_short(used_gb, sweep),
            retry_with_one_worker_per_gpu=to_type("resume", "--failed", "--workers-per-gpu", 1, *sweep),
            logs=to_type("logs", *(["--worker", task] if task else [run]), *store),
            clean=to_type("clean", *store),
            look_at_a_node=self._look_at_a_node,
            ask_accounting=shell("sacct", "-X", "-j", task),
            release=shell("scontrol", "release", *arrays),
        )

    @property
    def on_slurm(self) -> bool:
        """Whether the sweep's workers go to SLURM, or the newest ones did."""
        return self.sweep.profile.scheduler == "slurm" or self._terms is not None

    @property
    def retry_here(self) -> str:
        """The command that trains failed runs again on this machine."""
        return to_type("run", "--failed", *words_of_sweep(self.sweep, self.store))

    def logs(self, run: str) -> str:
        """Return the command that shows what a run printed."""
        return to_type("logs", run, *words_of_store(self.store))

    @property
    def _profile(self) -> str:
        return (self._terms.profile if self._terms else "") or self.sweep.profile.name

    @property
    def _look_at_a_node(self) -> str:
        there = "" if Path.cwd() == self.sweep.root else f"{shell('cd', self.sweep.root)} && "
        return there + to_type("doctor", "--probe", "--profile", self._profile, "--store", self.store.root)

    @cached_property
    def _terms(self) -> SlurmTerms | None:
        """The terms on which the newest workers went to SLURM."""
        submissions = slurm_submissions(self.store.layout, self.sweep.name)
        try:
            return SlurmTerms.from_json(submissions[-1].read_terms()) if submissions else None
        except (StoreError, KeyError, TypeError):
            return None

    @property
    def _more_time(self) -> str:
        had_s = self._terms.request.time_s if self._terms else self.sweep.profile.time_s
        return format_duration(MORE * (had_s or USUAL_TIME_S))

    @property
    def _had_gb(self) -> float | None:
        return self._terms.request.mem_gb if self._terms else self.sweep.profile.mem_gb

    def _more_memory(self, used_gb: float) -> str:
        used_gb *= self._processes
        return f"{math.ceil(MORE * (self._had_gb or used_gb or USUAL_MEM_GB) * 10) / 10:g}G"

    def _if_memory_was_short(self, used_gb: float, sweep: Sequence[object]) -> str:
        """Return what to type if a worker came near to the memory that it had, and whether nobody knows."""
        if not used_gb:
            return "; how much memory it used is not known"
        had_gb, used_gb = self._had_gb, used_gb * self._processes
        if not had_gb or used_gb < NEAR * had_gb:
            return ""
        more = f"{math.ceil(max(SOME_MORE * had_gb, SOME_MORE * used_gb))}G"
        retry = to_type("resume", "--failed", "--mem", more, *sweep)
        who = "it used" if self._processes == 1 else f"its {self._processes} processes may have used"
        return f"; {who} {used_gb:.2g} of {had_gb:g} GB, so it may need more: {retry}"

    @property
    def _processes(self) -> int:
        """How many processes of a worker shared its memory."""
        if not self._terms:
            return 1
        request, sharing = self._terms.request, self._terms.workers_per_gpu
        return request.gpu_count * (sharing if isinstance(sharing, int) else 1) or request.cpus
