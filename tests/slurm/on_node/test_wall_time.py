"""The end of the wall time: four ways to go on after it, all ending where an undisturbed run ends."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hpcsweep.store import Result, Store
from tests.slurm.study import CUT_BODY, WAYS, SlurmStudy, cut_pace


@pytest.fixture(scope="module")
def undisturbed(study: SlurmStudy, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The same numbers, trained at once on this machine."""
    store = tmp_path_factory.mktemp("undisturbed")
    sweep = study.sweep("undisturbed", CUT_BODY.format(pace=0.001), profile="local")
    study.run("run", "-q", sweep, "--store", store)
    return next(Store(store).results())


def _result(study: SlurmStudy, way: str) -> Result:
    runs = [result for result in Store(study.store).results() if result.params.get("pace") == cut_pace(way)]
    assert len(runs) == 1
    return runs[0]


def _require_equal(result: Result, undisturbed: Result) -> None:
    np.testing.assert_array_equal(result.arrays["weights"], undisturbed.arrays["weights"])
    np.testing.assert_array_equal(result.history["epoch"], np.arange(1, 111))
    np.testing.assert_array_equal(result.history["loss"], undisturbed.history["loss"])


@pytest.mark.parametrize("way", WAYS[:3])
def test_work_goes_on_by_itself_and_ends_as_if_undisturbed(
    study: SlurmStudy, cut_sweeps: dict[str, Path], undisturbed: Result, way: str
) -> None:
    """Cut by the wall time and continued, a run's history and weights equal the undisturbed ones bit for bit."""
    study.cluster.wait_until(lambda: study.states(cut_sweeps[way]) == ["done"], 150)
    _require_equal(_result(study, way), undisturbed)

    def stops() -> list[str]:
        return [event["why"] for event in study.events(f"cut-{way}") if event["event"] == "stop"]

    study.cluster.wait_until(lambda: len(stops()) > 1, 30)  # a worker ends a moment after its last run
    assert stops()[:2] == ["time", "nothing left"]


def test_manual_work_waits_for_resume(study: SlurmStudy, cut_sweeps: dict[str, Path], undisturbed: Result) -> None:
    """With "manual", nothing is queued after the wall time, and `resume` goes on from the checkpoint."""
    sweep = cut_sweeps["manual"]
    study.cluster.wait_until(lambda: [e["event"] for e in study.events("cut-manual")][-1:] == ["exit"], 100)
    assert study.states(sweep) == ["resumable"]
    study.run("resume", sweep, "--continue", "requeue")
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"], 90)
    _require_equal(_result(study, "manual"), undisturbed)


def test_a_chain_that_is_done_leaves_no_worker_behind(study: SlurmStudy, cut_sweeps: dict[str, Path]) -> None:
    """Links that find nothing left end at once and well."""
    study.cluster.wait_until(lambda: len([e for e in study.events("cut-chain") if e["event"] == "exit"]) == 3, 60)
    assert {event["code"] for event in study.events("cut-chain") if event["event"] == "exit"} == {0}


@pytest.mark.parametrize("way", WAYS[:3])
def test_work_that_goes_on_by_itself_brings_one_mail(study: SlurmStudy, cut_sweeps: dict[str, Path], way: str) -> None:
    """However it goes on after its wall time, the sweep's end is told once, when all is done."""
    study.cluster.wait_until(lambda: study.states(cut_sweeps[way]) == ["done"], 150)
    study.cluster.wait_until(lambda: study.mails(f"cut-{way}"), 60)
    study.cluster.wait_until(lambda: not study.cluster.ask("squeue", "-h", "--name", f"cut-{way}: workers have ended"))
    (mail,) = study.mails(f"cut-{way}")
    assert f"Name=cut-{way}: 1 of 1 runs done Ended" in mail
