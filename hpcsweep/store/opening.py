"""From what a caller gives (a sweep file, a loaded sweep, a store) to the sweep and its store.

Planning, launching and reading results all begin here. No worker imports this module, since it reads sweep files.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from hpcsweep.errors import UsageError
from hpcsweep.store.store import Store, locate_store
from hpcsweep.sweep.load import MAX_RUNS, Sweep, load_sweep

SweepSource = str | Path | Sweep
Source = SweepSource | Store
StoreSource = str | Path | Store | None
Say = Callable[[str], None]


def tell(message: str) -> None:
    """Tell the logger "hpcsweep" what is not a result, such as a warning of the sweep file, if nobody gave a `say`."""
    logging.getLogger("hpcsweep").info(message)


def open_sweep(
    source: SweepSource,
    *,
    store: StoreSource = None,
    profile: str | None = None,
    max_runs: int = MAX_RUNS,
    say: Say = tell,
) -> tuple[Sweep, Store]:
    """Return a sweep and the store of its results, which need not exist; `profile` replaces the sweep's.

    With [suggest], the sweep has the runs of which this store knows. Warnings about a sweep file go to `say`. Raises
    SweepFileError or JobError for a fault in it.
    """
    if isinstance(source, Sweep):
        sweep = source.with_profile(profile) if profile else source
    else:
        sweep = load_sweep(source, max_runs, profile)
        for line in sweep.notes:
            say(f"{sweep.shown}: {line}")
    opened = store_of(sweep, store)
    return sweep.within(opened.decided), opened


def store_of(sweep: Sweep, store: StoreSource = None) -> Store:
    """Return the first store that is given: `store`, HPCSWEEP_STORE, the profile's; or results/ of the study."""
    if isinstance(store, Store):
        return store
    return Store(locate_store(store, sweep.root, sweep.profile.store), lease_s=sweep.profile.lease_s)


def open_store(store: StoreSource = None) -> Store:
    """Return the first store that is given: `store`, HPCSWEEP_STORE; or results/ here. It need not exist."""
    return store if isinstance(store, Store) else Store(locate_store(store, Path.cwd()))


def words_of_sweep(sweep: Sweep, store: Store) -> list[object]:
    """Return the words that name a sweep in a command, with its store if that is not where the command would look."""
    of_other_profile = sweep.profile.store and sweep.profile.name != sweep.own_profile
    found = store_of(sweep).root == store.root and not of_other_profile
    return [Path(sweep.shown), *([] if found else ["--store", store.root])]


def words_of_profile(sweep: Sweep, name: str = "") -> list[object]:
    """Return the words that name a profile, that of `sweep` if none is given; none if the sweep file itself does."""
    name = name or sweep.profile.name
    return [] if name == sweep.own_profile else ["--profile", name]


def words_of_store(store: Store) -> list[object]:
    """Return the words that name a store in a command that is about runs; none if it would find the store by itself."""
    return [] if open_store().root == store.root else ["--store", store.root]


def open_source(source: Source, *, store: StoreSource = None, say: Say = tell) -> tuple[Sweep | None, Store]:
    """Return the sweep of a sweep file and its store; or None and the store, if `source` is a store or its folder.

    Raises UsageError if `source` is neither, SweepFileError or JobError if the sweep file is wrong, StoreError if the
    store is.
    """
    if isinstance(source, Store):
        return None, source
    if not isinstance(source, Sweep):
        if Path(source).is_dir():
            return None, Store(Path(source).absolute())
        if Path(source).suffix != ".toml" and not Path(source).is_file():
            raise UsageError(f"{source}: found no such file or folder; expected a sweep file or a store's folder")
    return open_sweep(source, store=store, say=say)
