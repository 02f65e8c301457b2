"""What must hold after a sweep in which each hostile run is followed by a good one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection
from typing import Any

from tests.conftest import Study

Ended = tuple[Study, subprocess.CompletedProcess[str]]
Rows = list[dict[str, Any]]


def rows_of(study: Study) -> Rows:
    """Return what `status --json` says of each run."""
    runs: Rows = json.loads(study.run("status", "sweeps/s.toml", "--json").stdout)["runs"]
    return runs


def require_others_done(rows: Rows, command: subprocess.CompletedProcess[str], kinds: Collection[str]) -> None:
    """Fail unless all good runs are done, one per kind, and the command ended with the exit code of failed runs."""
    good = [row for row in rows if row["params"]["kind"] == "good"]
    assert [row["params"]["turn"] for row in good if row["state"] != "done"] == []
    assert len(good) == len(kinds)
    assert command.returncode == 1
    assert "Traceback" not in command.stderr


def require_named(rows: Rows, kind: str, cause: str | None) -> None:
    """Fail unless the run of this kind failed with a cause that says so, or is done if none is expected."""
    (row,) = [row for row in rows if row["params"]["kind"] == kind]
    assert row["state"] == ("failed" if cause else "done")
    assert (cause or "") in (row["cause"] or "")
    assert bool(row["cause"]) == bool(cause)
    assert len(row["cause"] or "") < 2000
