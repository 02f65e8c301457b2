"""By what a run is made: the code and data that its worker really used, and the libraries' versions."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from hpcsweep.code.version import changes, in_words
from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, publish
from hpcsweep.store import Store
from hpcsweep.store.made_by import (
    UNKNOWN,
    data_digest,
    is_accepted,
    keep_data,
    keep_version,
    mark_made,
    read_version,
    telling,
)
from hpcsweep.store.trajectory_folder import TrajectoryFolder
from hpcsweep.sweep.containers import IMAGE
from hpcsweep.sweep.runs import short_id
from hpcsweep.worker.process.imported import library_versions
from hpcsweep.worker.process.snapshot_code import SnapshotCode

DECISIVE = ("keras", "tensorflow", "jax", "torch")  # a training goes on only with the version (major.minor) it has had
_HELP = "begin it anew with --retrain (what is there is put aside)"


class MadeBy:
    """What one attempt at a trajectory works with; `used` are the data that its run has used up to now."""

    def __init__(
        self, store: Store, folder: TrajectoryFolder, generation: int, code: SnapshotCode, meaning: Mapping[str, Any]
    ) -> None:
        self._store, self._folder, self._generation, self._code = store, folder, generation, code
        self._meaning = (canonical_json({"format": 1, **meaning}) + "\n").encode()
        self.used: dict[str, Any] = {}
        self.begun_by: str | None = None  # the other code that its checkpoint is of, if it goes on from one

    def facts(self) -> dict[str, Any]:
        """Return what a result says of its making."""
        version = self._code.version()
        files = {name: entry for name, entry in self.used.items() if "files" in entry}
        facts: dict[str, Any] = {
            "code_sha256": version.sha256,
            "snapshot": self._code.snapshot,
            "data": self.used,
            # of files alone: what is generated, or picked by the seed, may differ from run to run
            "data_sha256": data_digest(files) if files else None,
            "libraries": library_versions(),
        }
        if image := os.environ.get(IMAGE):
            facts["image"] = image
        if self.begun_by:
            facts["begun_by"] = self.begun_by
        if self._code.draws:
            facts["drew_on_import"] = self._code.draws
        if outside := self._code.from_study():
            facts["not_in_snapshot"] = outside
        return facts

    def keep(self) -> None:
        """Write down, before a checkpoint or a result counts, by what it was made."""
        for name, data in self.keep_elsewhere().items():
            if data:
                publish(self._folder.path / name, data)
            else:
                mark_made(self._folder, self._generation, name)

    def keep_elsewhere(self) -> dict[str, bytes]:
        """Write down in the store by what it was made, and return what is still to be written in its own folder."""
        version, layout = self._code.version(), self._store.layout
        keep_version(layout, version)
        keep_data(layout, self.used)
        made = self._folder.made(self._generation, version.sha256, data_digest(self.used))
        return {self._folder.meaning.name: self._meaning, made.name: b""}

    def of_checkpoint(self) -> str:
        """Return what a checkpoint says of its making, as JSON."""
        facts = self.facts()
        told = ("code_sha256", "data", "libraries", "begun_by")
        return json.dumps({name: facts.get(name) for name in told})

    def require_same(self, made: str | None) -> None:
        """Raise StoreError if a checkpoint was made by other code, data or libraries, and nobody said it may go on.

        One of an earlier release, which did not record that, goes on; results say that it is not known.
        """
        if made is None:
            self.begun_by = UNKNOWN
            return
        before: Mapping[str, Any] = json.loads(made)
        self.begun_by = before.get("begun_by") or self.begun_by
        difference = self._other_code(before.get("code_sha256")) or self._other_data(before) or _other_library(before)
        if difference:
            raise StoreError(f"this run's checkpoint was made {difference}; expected the same; {_HELP}")

    def _other_code(self, before: str | None) -> str:
        layout, now = self._store.layout, self._code.version()
        if before == now.sha256:
            return ""
        if before and is_accepted(layout, before, self._code.snapshot_version.sha256):
            self.begun_by = before
            return ""
        known = read_version(layout, before) if before else None
        if known is None:
            return "by code that this store does not know"
        found = changes(known, now)
        return f"by other code ({in_words(found)})" if found else ""

    def _other_data(self, before: Mapping[str, Any]) -> str:
        for name, entry in telling(before.get("data", {})).items():
            now = self.used.get(name)
            if now and now["sha256"] != entry["sha256"] and not self._is_accepted(entry, now):
                return f"with other data ({name}: {_examples(entry)}, now {_examples(now)})"
        return ""

    def _is_accepted(self, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
        return is_accepted(self._store.layout, before["sha256"], now["sha256"])


def _other_library(before: Mapping[str, Any]) -> str:
    now, versions = library_versions(), before.get("libraries", {})
    for name in DECISIVE:
        if name in now and name in versions and minor(now[name]) != minor(versions[name]):
            return f"with {name} {versions[name]}, and this worker has {now[name]}"
    return ""


def minor(version: str) -> str:
    """Return the major and minor number of a version, such as "3.15"."""
    return ".".join(version.split(".")[:2])


def _examples(entry: Mapping[str, Any]) -> str:
    counts = entry.get("examples")
    count = f"{next(iter(counts.values()))} examples, " if counts else ""
    return f"{count}digest {short_id(entry['sha256'])}"
