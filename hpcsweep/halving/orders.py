"""What a submission lets its workers train now: all that it names, or, with [halving], what is decided so far."""

from __future__ import annotations

from dataclasses import replace

from hpcsweep.halving.ladder import Ladder
from hpcsweep.halving.rules import Rules
from hpcsweep.halving.standing import Standing
from hpcsweep.store import Store
from hpcsweep.store.manifest import Manifest


def ladder_of(store: Store, manifest: Manifest) -> Ladder | None:
    """Return the rungs of a submission's sweep, None if it has no [halving]."""
    section = manifest.settings.halving
    return Ladder(store, Rules.of(section), manifest.trajectories) if section else None


def admitted(manifest: Manifest, standing: Standing) -> Manifest:
    """Return what may be trained of a manifest."""
    some = (replace(one, runs=one.runs[: standing.admitted(one)]) for one in manifest.trajectories)
    return replace(manifest, trajectories=tuple(some))


def now(store: Store, manifest: Manifest) -> Manifest:
    """Return what may be trained of a manifest as far as it is decided; nothing is decided here."""
    ladder = ladder_of(store, manifest)
    return manifest if ladder is None else admitted(manifest, ladder.look())
