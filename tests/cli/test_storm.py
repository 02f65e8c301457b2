"""Signals at random, to commands and workers of a Keras sweep: the same command ends it as if undisturbed.

HPCSWEEP_SIGNALS says how many; without it there is no storm, since each costs another start of Keras.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hpcsweep.launch.verify import differences
from tests.cli.test_keras_run import SWEEP, results
from tests.cli.test_run import worker_pids
from tests.conftest import Study

SIGNALS = int(os.environ.get("HPCSWEEP_SIGNALS", "0"))
KINDS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGUSR2, signal.SIGHUP, signal.SIGSTOP)
EPOCHS = 400


@pytest.mark.training
@pytest.mark.skipif(not SIGNALS, reason="HPCSWEEP_SIGNALS is not set; `make torture` sets it")
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_keras_sweep_outlives_a_storm_of_signals(
    tmp_path: Path, record_property: Callable[[str, object], None], backend: str
) -> None:
    """Whatever hits the command or a worker, whenever: no run fails, none is trained twice, all bits are the same."""
    assert Study(tmp_path).run("init", tmp_path / "study").returncode == 0
    study = Study(tmp_path / "study")
    path = study.sweep("digits", SWEEP.replace("200", str(EPOCHS)) + f'[training]\nbackend = "{backend}"\n')
    table = _finish(study, path, study.root / "undisturbed")
    chance, sent, commands, finished = random.Random(f"{SIGNALS} {backend}"), Counter[str](), 0, 0
    while sent.total() < SIGNALS:
        place = study.root / f"store{finished}"
        command = study.start("run", path, "--workers", "2", "--quiet", "--store", place)
        commands += 1
        assert command.stderr
        command.stderr.readline()  # before it has said what it will do, Python may still be importing its modules
        while command.poll() is None and sent.total() < SIGNALS:
            time.sleep(chance.uniform(0.2, 6))
            kind = chance.choice(KINDS)
            if command.poll() is None:
                _send(chance.choice([command.pid, *worker_pids(place)]), kind, chance.uniform(0.1, 3))
                sent[kind.name] += 1
        _, said = command.communicate()
        assert "Traceback" not in said, said
        if command.returncode == 0:
            assert not _differences(place, study.root / "undisturbed")
            finished += 1
    place = study.root / f"store{finished}"
    assert _finish(study, path, place) == table
    assert not _differences(place, study.root / "undisturbed")
    kinds = ", ".join(f"{name} {count}" for name, count in sorted(sent.items()))
    record_property(
        "counted",
        f"signals at a Keras sweep ({backend}): {sent.total()} ({kinds}), "
        f"in {commands} commands; runs failed or different: 0; the same command finished {finished + 1} sweeps",
    )


def _finish(study: Study, sweep: Path, store: Path) -> str:
    """Run a sweep to its end, however long that takes, and return its table."""
    command = study.start("run", sweep, "--workers", "2", "--store", store)
    table, said = command.communicate()
    assert command.returncode == 0, said
    return table


def _send(victim: int, kind: signal.Signals, stopped_s: float) -> None:
    """Send a signal; what is stopped goes on after `stopped_s`."""
    with suppress(ProcessLookupError):
        os.kill(victim, kind)
        if kind is signal.SIGSTOP:
            time.sleep(stopped_s)
            os.kill(victim, signal.SIGCONT)


def _differences(store: Path, undisturbed: Path) -> list[str]:
    """Return the runs that are not as in the undisturbed store."""
    ours, theirs = results(store), results(undisturbed)
    assert ours.keys() == theirs.keys()
    return [run_id for run_id, result in ours.items() if differences(result, theirs[run_id])]
