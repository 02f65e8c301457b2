"""What people say of runs: notes and tags, each a file of its own that nobody changes.

A remark is about one run, or about a setting: all runs of a job with the same parameters, whatever their seed, also
those that come later. Taking it back is a remark, too, so that several people can write at once; the latest one counts.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hpcsweep.errors import StoreError
from hpcsweep.files import canonical_json, publish
from hpcsweep.store.layout import Layout
from hpcsweep.store.reader import read_record
from hpcsweep.store.sharing import obey_sharing

FORMAT = 1


@dataclass(frozen=True)
class Remark:
    """One note or tag (`kind`) of the run with the id `about`, or of the setting with the key `about`."""

    kind: str
    about: str
    text: str
    holds: bool = True


def setting_key(job: str, params: Mapping[str, Any]) -> str:
    """Return what the runs of one setting have in common, as one text."""
    return canonical_json({"job": job, "params": dict(params)})


def write_remark(layout: Layout, remark: Remark) -> None:
    """Keep a remark; of several about the same, the latest counts."""
    obey_sharing(layout.root)
    layout.remarks.mkdir(exist_ok=True)
    made = {"by": os.environ.get("USER", str(os.getuid())), "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    said = {"kind": remark.kind, "about": remark.about, "text": remark.text, "holds": remark.holds}
    record = {"format": FORMAT, **made, **said}
    publish(layout.remark(f"{time.time_ns():020d}", secrets.token_hex(4)), json.dumps(record).encode())


def read_remarks(layout: Layout) -> tuple[list[Remark], list[str]]:
    """Return the remarks that hold, in the order in which they were first made, and what could not be read."""
    found: dict[tuple[str, str, str], Remark] = {}
    unread = []
    for path in layout.all_remarks():
        try:
            record = read_record(path, FORMAT)
            kind, about, text = (str(record[name]) for name in ("kind", "about", "text"))
            remark = Remark(kind, about, text, record["holds"] is True)
        except (OSError, StoreError, KeyError) as error:
            unread.append(str(error) if isinstance(error, StoreError) else f"{path}: damaged: found no remark")
            continue
        found[remark.kind, remark.about, remark.text] = remark
    return [remark for remark in found.values() if remark.holds], unread


class Remarks:
    """The remarks of a store, to be looked up run by run."""

    def __init__(self, remarks: Iterable[Remark]) -> None:
        """`remarks` as `read_remarks` returns them."""
        self._of: dict[tuple[str, str], list[str]] = {}
        for remark in remarks:
            self._of.setdefault((remark.kind, remark.about), []).append(remark.text)
        self._settings = any(about.startswith("{") for _, about in self._of)

    def about(self, run_id: str, job: str, params: Mapping[str, Any]) -> dict[str, list[str]]:
        """Return the "note"s and the "tag"s of a run and its setting, those of the run first."""
        if not self._of:
            return {"note": [], "tag": []}
        keys = [run_id, *([setting_key(job, params)] if self._settings else [])]
        return {kind: [text for key in keys for text in self._of.get((kind, key), [])] for kind in ("note", "tag")}
