"""How the code that made a sweep's results differs from today's code, as text."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import suppress

from hpcsweep.errors import StoreError
from hpcsweep.launch.plan import today_of
from hpcsweep.store import Store
from hpcsweep.store.made_by import short
from hpcsweep.store.opening import Say, StoreSource, SweepSource, open_sweep, tell
from hpcsweep.store.snapshots import read_snapshot
from hpcsweep.store.states import RunState
from hpcsweep.store.today import Today


def code_diff(source: SweepSource, *, store: StoreSource = None, say: Say = tell) -> str:
    """Return the difference between the code of a sweep's finished runs and today's, file by file; empty if none.

    There is one part per version of the code. Changes without a meaning (comments, layout) are shown too, below those
    that have one.
    """
    sweep, opened = open_sweep(source, store=store, say=say)
    today = today_of(sweep, opened)
    versions: dict[str, tuple[str | None, int]] = {}
    states = opened.states(sweep.runs)
    for run in sweep.runs:
        if states.get(run.id) == RunState.DONE:
            with suppress(StoreError):
                facts = opened.summary(run).facts
                code = facts.get("code_sha256")
                if code and code != today.version.sha256:
                    versions[code] = facts.get("snapshot"), versions.get(code, ("", 0))[1] + 1
    return "".join(_part(opened, today, code, *found) for code, found in versions.items())


def _part(store: Store, today: Today, code: str, snapshot: str | None, runs: int) -> str:
    changed = today.changed_code(short(code))
    head = [f"# {runs} runs were done by code {short(code)}, today's is {short(today.version.sha256)}"]
    head += [f"#   {change}" for change in changed]
    try:
        before: Mapping[str, bytes] = read_snapshot(store.layout, snapshot) if snapshot else {}
    except StoreError as error:
        return "\n".join([*head, f"# {error}", ""])
    lines = [line for name in sorted({*before, *today.files}) for line in _file(name, before, today.files)]
    return "\n".join([*head, *lines, ""])


def _file(name: str, before: Mapping[str, bytes], now: Mapping[str, bytes]) -> Iterator[str]:
    old, new = (files.get(name, b"").decode(errors="replace").splitlines() for files in (before, now))
    yield from difflib.unified_diff(old, new, f"then/{name}", f"now/{name}", lineterm="")
