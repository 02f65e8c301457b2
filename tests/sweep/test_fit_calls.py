"""A job that calls `fit` more than once is known when it is planned, and asked for phases."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import pytest

from hpcsweep.errors import JobError
from hpcsweep.sweep.job import JobSchema, read_job

HEAD = "from hpcsweep.training import fit\n"


def schema_of(root: Path, body: str, *, head: str = HEAD, rest: str = "") -> JobSchema:
    """Return the schema of a job with this body."""
    text = f"{head}\ndef train(run, *, epochs: int):\n{indent(body, '    ')}\n{rest}"
    (root / "job.py").write_text(text)
    return read_job(root, "job.py:train")


TWICE = {
    "one after the other": "fit(run, a, data)\nreturn fit(run, b, data)",
    "the second with a phase only": 'fit(run, a, data)\nreturn fit(run, b, data, phase="fine")',
    "in a loop": "for rate in (0.1, 0.01):\n    fit(run, a, data)",
    "in a loop that may end": "while True:\n    fit(run, a, data)\n    if done:\n        break",
    "in a comprehension": "[fit(run, model, data) for model in models]",
    "in branches that both go on": "if a:\n    fit(run, a, data)\nelse:\n    fit(run, b, data)\nfit(run, c, data)",
    "through a function": "once()\nonce()",
    "inside an expression": "return merge(fit(run, a, data), fit(run, b, data))",
    "under with and try": "with x:\n    fit(run, a, data)\ntry:\n    fit(run, b, data)\nfinally:\n    pass",
}
ONCE = {
    "one of two branches": "if a:\n    fit(run, a, data)\nelse:\n    fit(run, b, data)",
    "an early return": "if a:\n    return fit(run, a, data)\nreturn fit(run, b, data)",
    "one of two expressions": "return fit(run, a, data) if a else fit(run, b, data)",
    "a loop that ends with it": "for a in models:\n    fit(run, a, data)\n    break",
    "what is tried again": "try:\n    return fit(run, a, data)\nexcept MemoryError:\n    return fit(run, b, data)",
    "another's method": "model.fit(x)\nmodel.fit(x)\nreturn fit(run, a, data)",
    "through a function": "return once()",
    "what it cannot know": "fit(run, a, data, **settings)\nreturn fit(run, a, data, **settings)",
}
PHASES = 'fit(run, a, data, phase="head")\nreturn fit(run, b, data, phase="fine", epochs=epochs)'
REST = "\ndef once():\n    return fit(run, a, data)\n"


@pytest.mark.parametrize("body", TWICE.values(), ids=TWICE.keys())
def test_two_calls_without_phases_are_refused_when_the_job_is_read(tmp_path: Path, body: str) -> None:
    """Two calls of `fit` on one way through a job are refused at plan time, with what to type."""
    with pytest.raises(JobError, match=r'more than once in a run \(line .*fit\(\.\.\., phase="head"\)'):
        schema_of(tmp_path, body, rest=REST)


@pytest.mark.parametrize("body", ONCE.values(), ids=ONCE.keys())
def test_one_call_on_every_way_is_let_through(tmp_path: Path, body: str) -> None:
    """Calls of which only one can be reached are one call."""
    assert schema_of(tmp_path, body, rest=REST).shares_epochs


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("from hpcsweep.training import fit as learn\n", "learn"),
        ("import hpcsweep.training\n", "hpcsweep.training.fit"),
        ("from hpcsweep import training as t\n", "t.fit"),
        ("import hpcsweep.training as t\n", "t.fit"),
    ],
)
def test_fit_is_known_under_any_name(tmp_path: Path, head: str, call: str) -> None:
    """However the job imports `fit`, two calls of it are two calls."""
    with pytest.raises(JobError, match="more than once"):
        schema_of(tmp_path, f"{call}(run, a, data)\n{call}(run, a, data)", head=head)


@pytest.mark.parametrize(
    ("head", "call"),
    [
        ("from tuning import tune\n", "tune"),
        ("import tuning\n", "tuning.tune"),
        ("from lib import steps as s\n", "s.again"),
        ("from lib.steps import again as a\n", "a"),
    ],
)
def test_a_second_call_in_another_module_of_the_study_is_found(tmp_path: Path, head: str, call: str) -> None:
    """`fit` called by a helper, or by what a helper calls, counts like a call in the job's own file."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").write_text("")
    (tmp_path / "lib" / "steps.py").write_text("from tuning import tune\n\ndef again(run):\n    return tune(run)\n")
    tuning = "from hpcsweep import training\n\ndef tune(run, {}):\n    return training.fit(run, model, data{})\n"
    (tmp_path / "tuning.py").write_text(tuning.format("x=0", ""))
    body = f"fit(run, a, data)\nreturn {call}(run)"
    with pytest.raises(JobError, match=r"more than once in a run \(line 5, 4 of tuning.py\)"):
        schema_of(tmp_path, body, head=HEAD + head)
    assert schema_of(tmp_path, f"return {call}(run)", head=head).shares_epochs
    (tmp_path / "tuning.py").write_text(tuning.format("x=0", ', phase="fine"'))
    schema = schema_of(tmp_path, body.replace("data)", 'data, phase="head")', 1), head=HEAD + head)
    assert (schema.phases, schema.shares_epochs) == (("head", "fine"), False)


def test_modules_that_import_each_other_are_read_once(tmp_path: Path) -> None:
    """Functions of two modules that call each other end the reading, not the program."""
    (tmp_path / "other.py").write_text("import job\n\ndef back(run):\n    return job.train(run)\n")
    body = "other.back(run)\nreturn fit(run, a, data)"
    assert schema_of(tmp_path, body, head=HEAD + "import other\n").phases == ()


def test_phases_share_no_epochs(tmp_path: Path) -> None:
    """A job in phases is planned, and its runs are no points of one trajectory; to declare them so is refused."""
    assert not schema_of(tmp_path, PHASES).shares_epochs
    text = (tmp_path / "job.py").read_text()
    marked = text.replace("\ndef train", "import hpcsweep\n@hpcsweep.job_options(shares_epochs=True)\ndef train")
    (tmp_path / "job.py").write_text(marked)
    with pytest.raises(JobError, match="not the start of one of more"):
        read_job(tmp_path, "job.py:train")


def test_distribution_over_devices_is_refused_when_the_job_is_read(tmp_path: Path) -> None:
    """A strategy of several devices beside `fit` is refused in words; a job without `fit` may have one."""
    body = "strategy = tf.distribute.MirroredStrategy()\nwith strategy.scope():\n    model = build()\n"
    with pytest.raises(JobError, match=r"tf\.distribute's MirroredStrategy in line 4, expected one device per run"):
        schema_of(tmp_path, body + "return fit(run, model, data)")
    assert schema_of(tmp_path, body + "return model.fit(data)", head="import tensorflow as tf\n").shares_epochs
