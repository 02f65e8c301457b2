"""What `status` and others tell people to type works as it stands, however ugly the names of files are."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcsweep.cli import cli
from hpcsweep.launch.advice import Advice
from hpcsweep.slurm.asking import probe
from hpcsweep.slurm.asking.doctor import examine, probe_hint
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.slurm.watching import reasons
from hpcsweep.store import Store
from hpcsweep.store.causes import Cause
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, manifest_lines
from hpcsweep.store.task_files import SlurmFiles
from hpcsweep.sweep.load import Sweep, load_sweep
from hpcsweep.sweep.profile import load_profile
from tests.conftest import COMMAND, Study

NAMES = ["RUN5.toml", "-NODE & PROFILE.toml", 'it\'s $HOME, `id` "ü".toml', "{sweep}SWEEP;{.toml", "RUN TASK 中.toml"]
JOB = """
def train(run, *, size: int):
    if size == 3:
        raise ValueError("no such size")
    run.log(1, loss=0.0)
"""
SWEEP = 'name = "s"\njob = "jobs/job.py:train"\nprofile = "{}"\n[grid]\nsize = [3, 4]\n'
TEMPLATES = [*(cause.advice for cause in Cause), *(advice for _, advice in reasons.STUCK.values())]


def commands_in(text: str) -> Iterator[list[str]]:
    """Give the `hpcsweep` commands in lines of text as lists of words, each up to where the sentence goes on."""
    for line in text.splitlines():
        for part in line.split("hpcsweep ")[1:]:
            lexer = shlex.shlex(part, posix=True, punctuation_chars=";()&")
            lexer.whitespace_split, lexer.commenters = True, ""
            words: list[str] = []
            for word in lexer:
                if word[0] in ";()&":
                    break
                words.append(word)
            yield words


def parsed(words: list[str]) -> dict[str, object]:
    """Return what the command line makes of a command's words; it must be a whole and valid one."""
    context = cli.make_context("hpcsweep", list(words))
    verb = cli.get_command(context, words[0])
    assert verb is not None, words
    return dict(verb.make_context(words[0], words[1:], parent=context).params)


def add_profile(study: Study, more: str = "") -> None:
    """Write a profile of a cluster."""
    (study.root / "jobs" / "profiles").mkdir()
    (study.root / "jobs" / "profiles" / "cluster.toml").write_text(f'scheduler = "slurm"\n{more}')


@pytest.fixture(params=NAMES)
def sweep(study: Study, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """A sweep whose file has an ugly name, given from the study's folder as users do."""
    study.job("job", JOB)
    add_profile(study, "mem_gb = 4\n")
    (study.root / request.param).write_text(SWEEP.format("cluster"))
    monkeypatch.chdir(study.root)
    monkeypatch.delenv("HPCSWEEP_STORE", raising=False)
    return load_sweep(Path(request.param))


@pytest.mark.parametrize("elsewhere", [False, True], ids=["store found", "store elsewhere"])
def test_all_advice_names_the_sweep_and_its_store(sweep: Sweep, elsewhere: bool) -> None:
    """Each command of each template is one that hpcsweep takes, for this very sweep, and this store if it must."""
    store = Store(Path("other results & more" if elsewhere else "results").absolute())
    advice = Advice(sweep, store)
    for template in TEMPLATES:
        text = advice.fill(template, run="0123abc", task="7_1", nodes=["dgx1", "dgx2"], arrays=["7", "9"], used_gb=99.0)
        named = [field for field in re.findall(r"{(\w+)}", template) if field not in ("release", "ask_accounting")]
        assert len(list(commands_in(text))) == len(named)
        for words in commands_in(text):
            given = parsed(words)
            assert Path(str(given.get("sweep_path", sweep.shown))).absolute() == sweep.path
            assert given["store"] == (str(store.root) if elsewhere or words[0] == "doctor" else None)


def test_advice_of_a_worker_is_about_that_worker(sweep: Sweep) -> None:
    """Where a worker's death is told, its log is shown, and its nodes are left out if they are known."""
    advice = Advice(sweep, Store(Path("results").absolute()))
    (logs, _) = commands_in(advice.fill(Cause.CRASHED.advice, task="7_1"))
    assert parsed(logs)["worker"] == "7_1"
    (resume,) = commands_in(advice.fill(Cause.NODE_FAILED.advice, task="7_1", nodes=["dgx1", "dgx2"]))
    assert parsed(resume)["exclude"] == "dgx1,dgx2"
    (resume,) = commands_in(advice.fill(Cause.NODE_FAILED.advice, task="7_1"))
    assert parsed(resume)["exclude"] is None


def test_more_is_more_than_the_workers_had(sweep: Sweep) -> None:
    """Advice to give more time or memory names twice what the newest submission asked for, and its profile."""
    store = Store(Path("results").absolute())
    files = SlurmFiles(SubmissionFolder(store.layout.sweeps / "s" / "20260101-000000-000"))
    files.workers.mkdir(parents=True)
    manifest = Manifest("s", "jobs/job.py:train", sweep.root, 60.0, 5.0, ())
    files.submission.manifest.write_text("\n".join(manifest_lines(manifest)))
    files.write_terms(SlurmTerms(Request(5400.0, mem_gb=48.0), profile="rosie").to_json())
    advice = Advice(sweep, store)
    assert advice.fill(Cause.TIMEOUT.advice).startswith("type: hpcsweep resume --time 03:00:00 --profile rosie ")
    assert advice.fill(Cause.OUT_OF_MEMORY.advice).startswith("type: hpcsweep resume --failed --mem 96G ")


def test_more_memory_is_advised_to_those_who_came_near_to_what_they_had(sweep: Sweep) -> None:
    """Of 4 GB, 3.1 were used: ask for 6. With memory to spare more of it is no advice, and not where nobody knows."""
    advice = Advice(sweep, Store(Path("results").absolute()))
    said = advice.fill(Cause.WORKER_DIED.advice, used_gb=3.1)
    assert "; it used 3.1 of 4 GB, so it may need more: hpcsweep resume --failed --mem 6G " in said
    assert "--mem" not in advice.fill(Cause.WORKER_DIED.advice, used_gb=2.9)
    unknown = advice.fill(Cause.KILLED.advice)
    assert "--mem" not in unknown
    assert unknown.endswith("; how much memory it used is not known")


def test_what_a_failed_run_says_can_be_pasted(study: Study) -> None:
    """`run` and `status` print commands that a real shell takes: they show the log, and try the failed again."""
    name = '-RUN & it\'s $HOME `id` {sweep} "ü".toml'
    study.job("job", JOB)
    (study.root / name).write_text(SWEEP.format("local"))
    ended = study.run("run", "--quiet", "--store", "kept & dear", f"./{name}")
    said = ended.stderr.splitlines()[-1].partition("; see why: ")[2]
    status = study.run("status", "--store", "kept & dear", f"./{name}").stdout
    assert f"see: {said.partition('; try them again: ')[0]}\n" in status
    assert f"  try them again: {said.partition('; try them again: ')[2]}\n" in status
    for command, code, words in zip(
        said.split("; try them again: "), (0, 1), ("no such size", "1 failed"), strict=True
    ):
        pasted = subprocess.run(
            ["bash", "-c", f'hpcsweep() {{ {shlex.join(COMMAND)} "$@"; }}; {command}'],
            cwd=study.root, env=study.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert pasted.returncode == code, pasted.stderr
        assert words in pasted.stdout + pasted.stderr


def test_doctor_names_its_profile_and_store(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SLURM's commands are missing or the disk is full, the commands that doctor offers are for what it saw."""
    monkeypatch.chdir(study.root)
    monkeypatch.setattr(probe, "LOW_BYTES", 10**30)
    monkeypatch.setenv("PYTHONPATH", study.path_without("tensorflow", "jax"))  # whose imports take seconds
    findings = examine(load_profile(study.root, "local"), study.root / "kept & dear", probe=False)
    (clean,) = [words for one in findings for words in commands_in(one.advice) if words[0] == "clean"]
    assert parsed(clean)["store"] == str(study.root / "kept & dear")
    add_profile(study)
    (hint,) = commands_in(probe_hint(load_profile(study.root, "cluster"), study.root / "kept & dear").what)
    assert (parsed(hint)["profile"], parsed(hint)["store"]) == ("cluster", str(study.root / "kept & dear"))
