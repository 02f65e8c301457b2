"""Removing from a store what can be made again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hpcsweep.launch.html import page, table_of
from hpcsweep.slurm.scheduler import SLURM
from hpcsweep.store import Store
from hpcsweep.store.leftovers import Leftover, find_leftovers
from hpcsweep.store.opening import StoreSource, open_store
from hpcsweep.store.task_files import SlurmFiles


@dataclass(frozen=True)
class Leftovers:
    """What may be removed from a store, how much that is, and whether it was removed."""

    store: Store
    found: tuple[Leftover, ...]
    files: int
    bytes: int
    removed: bool = False

    def in_words(self) -> list[str]:
        """Return the lines for people: one per reason, with an example, then the sum."""
        if not self.found:
            return [f"{self.store.root}: nothing to remove"]
        kinds = Counter(one.why for one in self.found)
        examples = {one.why: one.path for one in reversed(self.found)}
        lines = [f"{count} x {why}, such as {examples[why]}" for why, count in kinds.items()]
        return [*lines, f"together {self.files} files, {self.bytes / 1e6:.1f} MB"]

    def _repr_html_(self) -> str:
        rows = [(one.path, one.why) for one in self.found]
        return page("removed" if self.removed else "may be removed", table_of(("path", "why"), rows), self.in_words())


def clean(
    store: StoreSource = None,
    *,
    checkpoints: bool = False,
    dry_run: bool = False,
    agree: Callable[[Leftovers], bool] | None = None,
) -> Leftovers:
    """Remove caches, partly written files and what ended submissions left; never a result, a log or a failure.

    With `checkpoints`, also remove those of what is done; a longer training then starts over. With `dry_run`, or if
    `agree` is asked and says no, nothing is removed. `store` is a store or its folder; without it, the environment or
    the working folder decides.
    """
    opened = open_store(store) if dry_run else open_store(store).probing()
    found = tuple(find_leftovers(opened, _at_work(opened), checkpoints=checkpoints))
    sizes = [one.size() for one in found]
    leftovers = Leftovers(opened, found, sum(files for files, _ in sizes), sum(size for _, size in sizes))
    if dry_run or not found or (agree and not agree(leftovers)):
        return leftovers
    for one in found:
        one.remove()
    return Leftovers(opened, found, leftovers.files, leftovers.bytes, removed=True)


def _at_work(store: Store) -> list[Path]:
    """Return the submissions that may still have workers; if SLURM does not answer, all that were not seen to end."""
    names = store.layout.sweep_names()
    at_work = SLURM.at_work(store, names)
    alive = any(store.is_claimed(trajectory_id) for trajectory_id in store.layout.loose_ids())
    if alive:  # workers on this machine are in no queue
        newest = [found[-1] for name in names if (found := store.layout.submissions(name))]
        at_work += [submission.path for submission in newest if not SlurmFiles(submission).is_slurm]
    return at_work
