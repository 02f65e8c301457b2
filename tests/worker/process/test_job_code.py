"""What job code finds when it is loaded: one thread and silence, and no TensorFlow that it did not ask for."""

from __future__ import annotations

from hpcsweep.store import Result, Store
from tests.conftest import Study

KERAS_FIRST = """
import keras
import sys
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

FOUND = {
    "deterministic": is_op_determinism_enabled(),
    "threads": tf.config.threading.get_intra_op_parallelism_threads(),
    "sklearn": "sklearn" in sys.modules,
}

def train(run):
    run.record(found=FOUND)
    return {"one": float(keras.ops.sum(keras.ops.ones(1)))}
"""
FRAMES = """
import keras
import pandas

def train(run):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    run.record(found=float(model.predict(pandas.DataFrame({"a": [1.0], "b": [5.0]}), verbose=0)[0, 0]))
"""
HELPER = """
import os
import tensorflow as tf

tf.ones(1)
SET = os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["TF_NUM_INTRAOP_THREADS"], os.environ["OMP_NUM_THREADS"]
"""
HIDDEN = """
from of_the_user import SET

def train(run):
    run.record(found=SET)
"""
# what TensorFlow says before it knows what it was told, on processors for which it has operations of their own
WHILE_LOADED = ("WARNING: All log messages before absl::InitializeLog()", "I0000 ")
PLAIN = """
import sys

def train(run):
    run.record(found=[name for name in sys.modules if name.startswith(("tensor", "ker"))])
"""


def found_by(study: Study, job: str) -> tuple[object, str]:
    """Run a job once; return what it recorded and what its attempt printed."""
    study.job("job", job)
    path = study.sweep("s", 'name = "s"\njob = "jobs/job.py:train"\n')
    ended = study.run("run", path, "--quiet")
    assert ended.returncode == 0, ended.stderr + study.run("status", path).stdout
    (result,) = Store(study.store).results()
    assert isinstance(result, Result)
    (log,) = Store(study.store).log_paths(result.trajectory)
    return result.facts["found"], log.read_text()


def test_a_job_that_imports_keras_first_finds_it_prepared(study: Study) -> None:
    """Keras is single-threaded, deterministic and quiet also where the job file imports it before hpcsweep.training."""
    found, log = found_by(study, KERAS_FIRST)
    assert found == {"deterministic": True, "threads": 1, "sklearn": False}
    assert all(line.startswith("hpcsweep: ") for line in log.splitlines()), log


def test_keras_knows_the_packages_that_the_job_imports(study: Study) -> None:
    """A job that hands pandas frames to Keras can go on doing so, although Keras is imported before the job is."""
    assert found_by(study, FRAMES)[0] == 6.0


def test_a_job_that_hides_tensorflow_finds_the_environment_set(study: Study) -> None:
    """TensorFlow that only a module of the job's imports reads the same settings, and is as quiet as it can be."""
    (study.root / "jobs" / "of_the_user.py").write_text(HELPER)
    found, log = found_by(study, HIDDEN)
    assert found == ["3", "1", "1"]
    assert all(line.startswith(("hpcsweep: ", *WHILE_LOADED)) for line in log.splitlines()), log


def test_a_job_without_keras_is_free_of_it(study: Study) -> None:
    """The worker of a job that does not speak of Keras imports neither it nor TensorFlow."""
    assert found_by(study, PLAIN)[0] == []
