"""The examination of a cluster that `doctor` prints: SLURM, limits, expected start, and a node if asked."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any

from hpcsweep.errors import HpcsweepError, SchedulerError, UsageError, shell, to_type
from hpcsweep.machine import is_old_keras
from hpcsweep.slurm.asking.cluster import ask_cluster
from hpcsweep.slurm.asking.limits import ClusterLimits, describe_user_limits
from hpcsweep.slurm.asking.probe import (
    BACKENDS,
    MARK,
    MISSING,
    Finding,
    Level,
    check_store,
    installed_versions,
)
from hpcsweep.slurm.asking.request import refuse_impossible
from hpcsweep.slurm.commands import ask, clean_environment
from hpcsweep.slurm.sending.bundle import pack
from hpcsweep.slurm.sending.from_profile import make_request, make_terms, needs_bundle
from hpcsweep.slurm.sending.profile_lines import profile_lines
from hpcsweep.slurm.sending.submit import expected_start
from hpcsweep.slurm.terms import Request, SlurmTerms
from hpcsweep.slurm.text import format_duration
from hpcsweep.slurm.watching.causes import why_not_begun
from hpcsweep.slurm.watching.queue import Queue
from hpcsweep.store import locate_store
from hpcsweep.sweep.profile import Profile

PROBE_WAIT_S = 300.0
_TRAP = "trap 'hpcsweep_code=$?; hpcsweep_before_work; exit $hpcsweep_code' EXIT"


def examine(profile: Profile, store: Path, *, probe: bool) -> list[Finding]:
    """Return what was found, in the order in which a submission would meet it."""
    findings = check_store(store)
    if profile.scheduler != "slurm":
        return findings + probe_here(store)
    queue, limits = ask_cluster(profile.account, profile.qos)
    findings += describe_cluster(queue, limits)
    if queue.problem:
        return findings
    request = make_request(profile)
    fits = describe_limits(request, limits) + describe_image(profile)
    findings += fits
    if any(finding.level == Level.FAULT for finding in fits):
        return findings
    findings.append(describe_start(request))
    return findings + (probe_node(profile, request, store) if probe else [probe_hint(profile, store)])


def probe_hint(profile: Profile, store: Path) -> Finding:
    """Return a line that says how to look at a node."""
    elsewhere = [] if locate_store(None, Path.cwd(), profile.store) == store else ["--store", store]
    probe = to_type("doctor", "--probe", "--profile", profile.name, *elsewhere)
    return Finding(Level.OK, f"no node was looked at; a one-minute job does that: {probe}")


def describe_cluster(queue: Queue, limits: ClusterLimits) -> list[Finding]:
    """Return lines about what SLURM itself said."""
    if queue.absent:
        return [
            Finding(
                Level.FAULT,
                "SLURM's commands are not on this machine",
                f"log in to the cluster, outside of any container, or train here: {to_type('run', 'SWEEP')}",
            )
        ]
    if queue.problem:
        return [Finding(Level.FAULT, f"SLURM does not answer ({queue.problem})", "wait, or ask the administrators")]
    findings = [Finding(Level.OK, f"SLURM {limits.version} answers")]
    findings += [Finding(Level.WARNING, sentence, "submissions work without them") for sentence in limits.unknown]
    if not limits.requeue_by_default:
        said = "the cluster does not requeue jobs by itself; workers ask for it"
        findings.append(Finding(Level.OK, said))
    return findings


def describe_limits(request: Request, limits: ClusterLimits) -> list[Finding]:
    """Return lines about the partition, the user's limits, and whether the request fits both."""
    findings = []
    partition = limits.partition(request.partition)
    if partition:
        most = "no time limit" if partition.max_s is None else f"at most {format_duration(partition.max_s)} per job"
        findings.append(Finding(Level.OK, f'partition "{partition.name}": {most}'))
    if limits.accounts:
        findings.append(Finding(Level.OK, f"limits of your account and QOS: {describe_user_limits(limits.user)}"))
    if limits.max_array_size:
        findings.append(Finding(Level.OK, f"arrays of at most {limits.max_array_size} tasks"))
    try:
        refuse_impossible(request, limits)
    except SchedulerError as error:
        findings.append(Finding(Level.FAULT, str(error), "change the profile"))
    return findings


def describe_image(profile: Profile) -> list[Finding]:
    """Return a line on the image that the profile names, or of a pattern the newest; nothing without a container."""
    try:
        found = profile.container.found() if profile.container else None
    except UsageError as error:
        return [Finding(Level.FAULT, f"{profile.source}: {error}")]
    return [Finding(Level.OK, f"the image is {found['image']}")] if found else []


def describe_start(request: Request) -> Finding:
    """Return a line that says when a worker would start."""
    try:
        return Finding(Level.OK, f"the scheduler says: {expected_start(request, 1)}")
    except HpcsweepError as error:
        return Finding(Level.FAULT, f"a worker would not start: {error}", "change the profile")


def probe_here(store: Path) -> list[Finding]:
    """Return what this machine's own Python can do, seen by a process of its own, which may write to stderr."""
    answer = ask([sys.executable, "-m", "hpcsweep.slurm.asking.probe", str(store), str(store)], timeout_s=PROBE_WAIT_S)
    line = next((line for line in answer.lines if line.startswith(MARK)), None)
    if line is None:
        return [Finding(Level.FAULT, f"Python cannot be started: {answer.problem}", "install hpcsweep again")]
    facts = json.loads(line.removeprefix(MARK))
    gpus = [
        Finding(Level.OK, f"{BACKENDS[name]} sees {seen or 'no'} GPU{'s' if seen > 1 else ''} here")
        for name, seen in facts["gpus"].items()
    ]
    return describe_python("here", facts, None) + gpus


def probe_node(profile: Profile, request: Request, store: Path) -> list[Finding]:
    """Run a one-minute job on a node and return what it found there."""
    folder = next(path for path in (store, *store.parents) if path.is_dir())
    token = folder / f".tmp-doctor-{secrets.token_hex(4)}"
    options = [option for option in request.sbatch_options() if not option.startswith(("--time", "--mail"))]
    bundle = token.with_suffix(".zip") if needs_bundle(profile) else None
    terms = make_terms(profile, request, at_once=1, bundle=bundle, binds=[folder, Path.cwd()])
    shell_words = _shell_words(terms)
    module = ["-m", "hpcsweep.slurm.asking.probe", str(store), str(token)]
    try:
        token.touch()
        if bundle:
            bundle.write_bytes(pack())
        command = ["srun", "--quiet", "--time=1", *options, "--ntasks=1", *shell_words, *module]
        answer = ask(command, timeout_s=PROBE_WAIT_S, environment=clean_environment())
    except OSError as error:
        return [Finding(Level.FAULT, f"{folder} cannot be written: {error.strerror}", "choose another store")]
    finally:
        for path in filter(None, (token, bundle)):
            path.unlink(missing_ok=True)
    line = next((line for line in answer.lines if line.startswith(MARK)), None)
    if line is None:
        why = answer.problem or "it printed nothing"
        if "memory" in why.lower() or "oom" in why.lower():
            return [
                Finding(Level.FAULT, f"a job on a node ran out of memory: {why}", "give it more: mem_gb in the profile")
            ]
        said = f"a job on a node failed: {why_not_begun(answer.text) or why}"
        return [Finding(Level.FAULT, said, "see `python`, `setup`, `modules` and `container` in the profile")]
    return _describe_node(json.loads(line.removeprefix(MARK)), request)


def _shell_words(terms: SlurmTerms) -> list[str]:
    """Return a shell that does for Python what a worker's does; what keeps Python from starting, it says on stdout."""
    lines = ["exec 3>&2 2>&1", _TRAP, *profile_lines(terms), "exec 2>&3", f'exec {terms.python} "$@"']
    return ["bash", "-c", "\n".join(lines), "bash"]


def _describe_node(facts: dict[str, Any], request: Request) -> list[Finding]:
    findings = [Finding(**found) for found in facts["store"] if found["level"] != Level.OK]
    if not facts["sees_store"]:
        said = f"node {facts['host']} does not see what is written to the store here"
        findings.append(Finding(Level.FAULT, said, "put the store on a file system that the nodes share (--store)"))
    elif not findings:
        findings.append(Finding(Level.OK, f"node {facts['host']} sees and can write the store"))
    findings += describe_python(f"on node {facts['host']}", facts, installed_versions())
    findings.append(describe_jobs(facts["packages"]["keras"]))
    if request.gpu_count:
        findings += _describe_gpus(facts["gpus"], request.gpu_count)
    free = [f"GPU {name} with {free_gb:.1f} GB free" for name, free_gb in facts["gpu_memory"]]
    free.append(f"{facts['memory_gb']:.1f} GB of memory free")
    return [*findings, Finding(Level.OK, f"node {facts['host']}: {', '.join(free)}")]


def describe_jobs(keras: str) -> Finding:
    """Return a line on which kinds of job work with this release of Keras; "missing (...)" where there is none."""
    if "(" not in keras and not is_old_keras(keras):
        return Finding(Level.OK, "jobs that work there: `fit`, other functions, commands")
    why = f"Keras is {keras}" if "(" in keras else f"it needs Keras 3.3 or newer, and found {keras}"
    said = f"jobs that work there: functions and commands; not `fit`: {why}"
    return Finding(Level.WARNING, said, "name an image with Keras 3.3 or newer, if jobs use `fit`")


def _describe_gpus(seen: dict[str, int], asked: int) -> list[Finding]:
    """Return a line on each backend of Keras; if one has what was asked for, it is no fault that another has not."""
    found = []
    level = Level.WARNING if max(seen.values(), default=0) >= asked else Level.FAULT
    for name, count in seen.items():
        said = f"{BACKENDS[name]} sees {count} of {asked} GPUs there"
        advice = f"is it the GPU build of {BACKENDS[name]}, and has the container --nv?"
        found.append(Finding(Level.OK, said) if count >= asked else Finding(level, said, advice))
    return found


def describe_python(where: str, facts: dict[str, Any], here: dict[str, str] | None) -> list[Finding]:
    """Return lines about Python and its packages at a place, compared with those here."""
    packages: dict[str, str] = facts["packages"]
    said = ", ".join(f"{name} {version}" for name, version in packages.items())
    findings = []
    has_backend = any("(" not in packages[name] for name in BACKENDS)
    for name, version in packages.items():
        if "(" in version and not (name in BACKENDS and version == MISSING and has_backend):  # one backend is enough
            level = Level.FAULT if name in ("hpcsweep", "submitit", "numpy") else Level.WARNING
            findings.append(Finding(level, f"{where}: {name} is {version}", f"install {name} there"))
    if not findings:
        findings.append(Finding(Level.OK, f"{where}: Python {facts['python']}, {said}"))
    if facts.get("uncompiled"):
        told = f"{where}: Python compiles Keras again at every start, which takes seconds"
        findings.append(
            Finding(Level.WARNING, told, f"type once: {shell('python', '-m', 'compileall', '-q', facts['uncompiled'])}")
        )
    if here is None:
        return findings
    differing = [name for name in packages if name != "numpy" and here[name] != packages[name]]
    if differing:
        told = ", ".join(f"{name} {here[name]} here, {packages[name]} there" for name in differing)
        findings.append(Finding(Level.WARNING, f"versions differ: {told}", "numbers may differ in their last digits"))
    return findings
