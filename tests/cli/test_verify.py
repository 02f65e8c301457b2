"""`hpcsweep verify`: hashes, fresh models, and a sample trained again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

from hpcsweep.files import canonical_json, sha256_hex
from tests.conftest import Study

HONEST = """
import numpy as np
def train(run, *, rate: float, epochs: int = 3):
    for epoch in range(epochs + 1):
        run.log(epoch=epoch, loss=float(np.random.default_rng([run.seed, epoch]).random()) * rate)
    run.record(initial_weights_sha256=f"fresh {run.seed}", final_weights_sha256=f"{run.id}")
"""
# The mistake that this project exists for: a model kept between calls.
ACCUMULATES = """
kept = {"weights": "fresh"}
def train(run, *, rate: float, epochs: int = 3):
    run.record(initial_weights_sha256=kept["weights"])
    kept["weights"] = f"after {run.id[:8]}"
    run.log(epoch=epochs, loss=rate)
    run.record(final_weights_sha256=kept["weights"])
"""
SWEEP = 'name = "s"\njob = "jobs/{}.py:train"\nrepeats = 2\n[grid]\nrate = [0.1, 0.2]\n'


def test_an_honest_sweep_is_verified(study: Study) -> None:
    """Intact results of fresh models, the same when trained again alone, are told to be so."""
    study.job("honest", HONEST)
    path = study.sweep("s", SWEEP.format("honest"))
    study.run("run", path)
    ended = study.run("verify", path, "--sample", "2")
    assert ended.returncode == 0, ended.stderr
    assert "4 of 4 results match their hashes" in ended.stdout
    assert ended.stdout.count("identical to the bit") == 2


def test_a_model_that_was_not_rebuilt_is_seen(study: Study) -> None:
    """A run that began with the weights another ended with is named, and so is what differs when trained alone."""
    study.job("kept", ACCUMULATES)
    path = study.sweep("s", SWEEP.format("kept"))
    study.run("run", path, "--workers", "1")
    ended = study.run("verify", path, "--sample", "4")
    assert ended.returncode == 1
    assert ended.stdout.count("its model was not a fresh one") == 3
    assert ended.stdout.count("differs in initial_weights_sha256") == 3


def test_only_training_again_finds_a_forgery(study: Study) -> None:
    """A result that was changed and hashed again passes the hashes, which is said; trained again, it differs."""
    study.job("honest", HONEST)
    path = study.sweep("s", SWEEP.format("honest"))
    study.run("run", path)
    forged = sorted((study.root / "results").rglob("run-*.json"))[0]
    record = json.loads(forged.read_text())
    del record["sha256"]
    record["facts"]["final_weights_sha256"] = "what somebody wished"
    record["sha256"] = sha256_hex(canonical_json(record).encode())
    forged.write_text(json.dumps(record))
    believed = study.run("verify", path, "--no-train")
    assert (believed.returncode, "4 of 4 results match their hashes" in believed.stdout) == (0, True)
    assert "4 were checked by their hashes only: that finds damage, not a forgery" in believed.stdout
    found = study.run("verify", path, "--sample", "all")
    assert (found.returncode, found.stdout.count("differs in final_weights_sha256")) == (1, 1)
    assert "by their hashes only" not in found.stdout


def test_damage_in_the_store_is_seen(study: Study) -> None:
    """A result that was edited is named with the file to delete, and is no part of a table."""
    study.job("honest", HONEST)
    path = study.sweep("s", SWEEP.format("honest"))
    study.run("run", path)
    record = next((study.store / "trajectories").glob("*/*/run-*.json"))
    record.write_text(record.read_text().replace('"loss": 0.', '"loss": 7.'))
    ended = study.run("verify", path, "--sample", "0")
    assert ended.returncode == 1
    assert "3 of 4 results match" in ended.stdout
    assert shlex.join(["rm", str(record)]) in ended.stdout


def test_nothing_to_verify_is_exit_code_3(study: Study) -> None:
    """Before anything is done, verify says what to type."""
    study.job("honest", HONEST)
    ended = study.run("verify", study.sweep("s", SWEEP.format("honest")))
    assert ended.returncode == 3
    assert "hpcsweep run" in ended.stderr


def test_the_sample_is_another_each_time_and_trained_by_its_own_code(study: Study) -> None:
    """The seed of the draw is said; `--sample all` trains all; an edited job does not change what is trained again."""
    study.job("honest", HONEST)
    path = study.sweep("s", SWEEP.format("honest"))
    study.run("run", path)
    study.job("honest", HONEST.replace("* rate", "* rate * 2"))
    ended = study.run("verify", path, "--sample", "all")
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.count("identical to the bit") == 4
    said = [study.run("verify", path, "--sample", "1", "--seed", seed).stdout for seed in ("1", "1", "2", "3", "4")]
    assert said[0] == said[1]
    assert "sample of 1, picked with seed 2:" in said[2]
    assert len({text.partition("picked with seed")[2].partition(":")[2] for text in said}) > 1


def test_what_was_not_recorded_was_not_looked_at(study: Study) -> None:
    """Of a job that records no weights it is not said that none accumulated."""
    study.job("plain", "def train(run, *, rate: float):\n    return {'loss': rate}\n")
    path = study.sweep("s", SWEEP.format("plain"))
    study.run("run", path)
    said = study.run("verify", path, "--sample", "0").stdout
    assert "4 were not checked for that" in said
    assert "0 began" not in said


READS = """
from pathlib import Path
def train(run, *, rate: float):
    file = Path(__file__).parents[1] / "numbers.txt"
    run.uses(file)
    return {"loss": rate * float(file.read_text())}
"""


def test_data_that_have_changed_are_told_apart_from_code(study: Study) -> None:
    """A run that differs because its data do is said to have been trained again with other data."""
    (study.root / "numbers.txt").write_text("1.0")
    study.job("reads", READS)
    path = study.sweep("s", SWEEP.format("reads"))
    study.run("run", path)
    (study.root / "numbers.txt").write_text("2.0")
    ended = study.run("verify", path)
    assert ended.returncode == 1
    assert "differs in metric loss; trained again with other data" in ended.stdout


def test_the_commands_of_the_report_about_a_run_work_from_any_folder(study: Study, tmp_path: Path) -> None:
    """Pasted into a shell elsewhere, they train one run again, print its log and show it; a failed run is tried."""
    study.job("honest", HONEST.replace("epochs + 1):", "epochs + 1):\n        assert rate < 9"))
    path = study.sweep("s", SWEEP.format("honest").replace("0.2]", "9]"))
    study.run("run", path)
    page = study.run("report", path, "--out", tmp_path / "page.html").stdout.strip()
    data = json.loads(Path(page).read_text().partition('id="data">')[2].partition("</script>")[0])
    commands, ids = data["commands"], data["columns"]["id"]["values"]
    environment = study.environment() | {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}

    def paste(name: str, run: str) -> str:
        line = f"{commands[name]} {run[:12]}"
        ended = subprocess.run(
            ["sh", "-c", line], cwd="/", env=environment, capture_output=True, text=True, check=False
        )
        return ended.stdout + ended.stderr

    assert f"  {ids[1][:12]} trained again alone: identical to the bit\n" in paste("again", ids[1])
    assert "picked with seed" not in paste("again", ids[1])
    assert ids[0] in paste("show", ids[0])
    assert "AssertionError" in paste("logs", ids[2])
    assert "AssertionError" in paste("try", ids[2])
    assert "has no intact result" in paste("again", ids[2])
    assert "--run says which runs" in study.run("verify", path, "--run", ids[0], "--sample", "all").stderr
