"""The worker bundle: what a compute node needs beside its image's own Python, NumPy and Keras."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import grimp
import numpy as np
import pytest

from hpcsweep.slurm.sending import bundle
from hpcsweep.slurm.sending.profile_lines import CHECK_PYTHON
from hpcsweep.slurm.watching.causes import UNFIT_PYTHON_CODE
from hpcsweep.store import Store
from tests.slurm.image import IN_IMAGE, make_image, require_programs
from tests.slurm.study import PROFILE, SlurmStudy

ENTRANCES = ("hpcsweep.slurm.on_node.worker", "hpcsweep.training", "hpcsweep.data", "hpcsweep.slurm.asking.probe")
PURE = {
    "keras",
    "lightning",
    "tensorflow",
    "jax",
    "numpy",
    "submitit",
    "sklearn",
    "skimage",
    "pooch",
    "requests",
    "optuna",
}
"""What the worker half imports of others: the job's own, and in functions what some data sets are made from."""


def test_the_bundle_holds_all_that_workers_import_and_nothing_else_of_ours() -> None:
    """From the worker's entrances on, every module of the package that is imported anywhere is packed."""
    graph = grimp.build_graph("hpcsweep", include_external_packages=True, exclude_type_checking_imports=True)
    names = [name for name in bundle.bundled_files() if name.startswith("hpcsweep/")]
    packed = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names}
    assert packed.issuperset(ENTRANCES)
    inside = packed - {"hpcsweep"}  # its names are imported when they are first used
    imported = {one for module in inside for one in graph.find_modules_directly_imported_by(module)}
    ours = {one for one in imported if one.startswith("hpcsweep")}
    assert ours <= packed
    assert imported - ours <= PURE | set(sys.stdlib_module_names)


def test_the_bundle_uses_nothing_newer_than_its_oldest_python() -> None:
    """Nothing of a Python after 3.9 stands in the worker half, but where the version is asked for."""
    files = [path for name, path in bundle.bundled_files().items() if name.startswith("hpcsweep/")]
    checked = subprocess.run(
        [Path(sys.executable).with_name("vermin"), "--no-tips", "-t=3.9-", "--violations", *files],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_equal_installations_pack_equal_bundles(tmp_path: Path) -> None:
    """A bundle is kept once under its digest, and Python imports from it."""
    first = bundle.pack()
    bundle.pack.cache_clear()
    assert bundle.pack() == first
    assert {"hpcsweep/worker/work_loop.py", "submitit/core/_submit.py"} <= set(
        zipfile.ZipFile(BytesIO(first)).namelist()
    )
    store = Store(tmp_path / "store")
    store.create()
    kept = bundle.keep_bundle(store.layout)
    assert kept == bundle.keep_bundle(store.layout)
    code = "import submitit, hpcsweep.files; print(hpcsweep.files.__file__)"
    bare = [sys.executable, "-S", "-c", code]
    said = subprocess.run(
        bare, cwd=tmp_path, env={"PYTHONPATH": str(kept)}, capture_output=True, text=True, check=True
    ).stdout
    assert said.startswith(str(kept))


def test_a_python_that_cannot_run_a_worker_is_told_in_words() -> None:
    """Where NumPy is missing, the batch script's check says so and ends with an exit code of its own."""
    ended = subprocess.run([sys.executable, "-S", "-c", CHECK_PYTHON], env={}, capture_output=True, text=True)
    assert ended.returncode == UNFIT_PYTHON_CODE
    assert ended.stderr == "found no NumPy for the workers, expected Python 3.9 and NumPy 1.23 or newer\n"
    assert subprocess.run([sys.executable, "-c", CHECK_PYTHON]).returncode == 0


def test_workers_need_nothing_but_python_and_numpy(study: SlurmStudy, tmp_path: Path) -> None:
    """A Python that has NumPy and nothing else of what we install trains a sweep to its end from the bundle."""
    folder = Path(np.__file__).parents[1]
    for name in ("numpy", "numpy.libs"):
        (tmp_path / name).symlink_to(folder / name)
    study.profile("bare", PROFILE + f'python = "{sys.executable} -S"\nenvironment = {{ PYTHONPATH = "{tmp_path}" }}\n')
    body = "repeats = 2\n[fixed]\npace = 0.01\nepochs = 5\nsize = 91\n[resources]\ntime = 1\nworkers = 1\n"
    sweep = study.sweep("bare", body, profile="bare")
    study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(sweep) == ["done"] * 2)
    assert len(list((study.store / "code" / "bundles").iterdir())) == 1


KERAS = """
import keras
from hpcsweep.data import load
from hpcsweep.training import fit

def train(run, *, neurons: int, epochs: int):
    data = load("synthetic", train=640, validate=64)
    layers = [keras.Input(data.input_shape), keras.layers.Flatten(), keras.layers.Dense(neurons, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return fit(run, model, data, epochs=epochs)
"""


COMMAND = """
import os, sys, time
from pathlib import Path

epoch = Path(os.environ["HPCSWEEP_CHECKPOINT"]) / "epoch"
done = int(epoch.read_text()) if epoch.exists() else 0
for step in range(done + 1, int(sys.argv[1]) + 1):
    time.sleep(0.5)
    epoch.write_text(str(step))
    print(f"step {step}: loss {1 / step}, python 3.{sys.version_info[1]}", flush=True)
"""
COMMAND_SWEEP = """
name = "commands"
profile = "boxed"
command = ["python3", "steps.py", "{steps}"]
command_options.patterns = ['step (?P<epoch>\\d+): loss (?P<loss>[\\d.e-]+), python 3.(?P<minor>\\d+)']
grid.steps = [2, 110]
resources.time = 1
resources.workers = 2
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debian 11 as a container's image."""
    require_programs(in_ci=os.environ.get("CI") == "true")
    return make_image(tmp_path_factory.mktemp("image"))


@pytest.mark.training
def test_workers_run_in_a_container_of_an_older_system(study: SlurmStudy, image: Path) -> None:
    """In Debian 11, the newest image, with Python 3.9 and Keras 3.5, a Keras sweep is done; a function's and a
    command's sweep go on after their wall time.
    """
    (image.parent / "debian-9").mkdir()
    container = f'[container]\ncommand = "ch-run"\nimage = "{image.parent}/debian-*"\n'
    more = f'mem_gb = 1.5\nenvironment = {{ PYTHONPATH = "{IN_IMAGE}", USER = "root" }}\n'
    study.profile("debian", PROFILE.replace("mem_gb = 0.3\n", more) + container)
    (study.root / "jobs" / "net.py").write_text(KERAS)
    keras = study.sweep(
        "old",
        "repeats = 2\n[grid]\nneurons = [4, 8]\nepochs = [2, 3]\n[resources]\ntime = 2\n",
        job="net",
        profile="debian",
    )
    cut = study.sweep(
        "cut-old", "[fixed]\npace = 0.5\nepochs = 110\nsize = 93\n[resources]\ntime = 1\n", profile="debian"
    )
    study.profile("boxed", PROFILE + 'environment = { USER = "root" }\n' + container + 'wraps = "command"\n')
    (study.root / "steps.py").write_text(COMMAND)
    commands = study.root / "sweeps" / "commands.toml"
    commands.write_text(COMMAND_SWEEP)
    for sweep in (cut, commands, keras):
        study.submit(sweep)
    study.cluster.wait_until(lambda: study.states(keras) == ["done"] * 8)
    study.cluster.wait_until(lambda: study.states(cut) == ["done"])
    study.cluster.wait_until(lambda: study.states(commands) == ["done"] * 2)
    ids = {run["id"] for sweep in (keras, cut) for run in study.status(sweep)["runs"]}
    facts = [result.facts for result in Store(study.store).results() if result.id in ids]
    assert {one["libraries"]["python"][:4] for one in facts} == {"3.9."}
    assert {one["image"] for one in facts} == {str(image)}
    assert {one["libraries"].get("keras") for one in facts} == {"3.5.0", None}
    attempts = json.loads(study.run("show", study.status(cut)["runs"][0]["id"], "--json"))["attempts"]
    assert len(attempts) > 1
    boxed = {run["params"]["steps"]: run for run in study.status(commands)["runs"]}
    assert {run["metrics"]["minor"] for run in boxed.values()} == {9}
    assert [boxed[steps]["epoch"] for steps in (2, 110)] == [2, 110]
    told = json.loads(study.run("show", boxed[110]["id"], "--json"))
    assert len(told["attempts"]) > 1
    assert told["image"] == str(image)
