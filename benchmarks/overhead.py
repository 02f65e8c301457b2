"""What a run costs beside its work: function runs against joblib, command runs against GNU parallel.

    python benchmarks/overhead.py [--runs 250] [--rounds 5]

Each side does the same little work with two workers: a function that returns a number, or a program that prints one.
The tools do not do the same: ours writes down each result so that it survives a kill, and keeps a folder per run, what
it was made by, and a table; joblib keeps results in memory, and GNU parallel in files of its own (--joblog, --results).
In turn, each does 50 runs and more, so that the cost of a run is told apart from that of starting. Prints milliseconds
of wall-clock and of processor time, of the children too; where strace is installed, also the flushes to disk (fsync)
and the files that are left, per run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from measuring.commands import HPCSWEEP, Took, timed

FEW = 50
WORKERS = 2
TRACED = ["strace", "-f", "-qq", "-e", "trace=fsync", "-e", "signal=none", "-o"]
FUNCTION = "def train(run, *, number: int):\n    return {'loss': number / 7}\n"
JOBLIB = """
import sys
from joblib import Parallel, delayed

def train(number):
    return {"loss": number / 7}

if __name__ == "__main__":
    print(len(Parallel(n_jobs=int(sys.argv[2]))(delayed(train)(n) for n in range(int(sys.argv[1])))))
"""
PROGRAM = 'printf \'{"loss": %s}\\n\' "$1" >>"${HPCSWEEP_METRICS:-/dev/stdout}"\n'


def sweep(folder: Path, job: str, runs: int) -> list[str]:
    """Write a study whose sweep has so many runs; return the command that trains it."""
    for name in ("jobs", "sweeps"):
        (folder / name).mkdir()
    (folder / "jobs" / "job.py").write_text(FUNCTION)
    (folder / "jobs" / "program.sh").write_text(PROGRAM)
    (folder / "sweeps" / "s.toml").write_text(f'name = "s"\n{job}\n[grid]\nnumber = {list(range(runs))}\n')
    return [*HPCSWEEP, "run", "sweeps/s.toml", "--quiet", "--workers", str(WORKERS)]


def functions(folder: Path, runs: int) -> list[str]:
    """Return our command for functions."""
    return sweep(folder, 'job = "jobs/job.py:train"', runs)


def commands(folder: Path, runs: int) -> list[str]:
    """Return our command for programs."""
    return sweep(folder, 'command = ["sh", "jobs/program.sh", "{number}"]', runs)


def joblib(folder: Path, runs: int) -> list[str]:
    """Return joblib's."""
    (folder / "job.py").write_text(JOBLIB)
    return [sys.executable, "job.py", str(runs), str(WORKERS)]


def gnu_parallel(folder: Path, runs: int) -> list[str]:
    """Return GNU parallel's, which writes a log and the output of each run."""
    (folder / "program.sh").write_text(PROGRAM)
    how = ["--will-cite", "-j", str(WORKERS), "--joblog", "log", "--results", "out"]
    return ["parallel", *how, "sh", "program.sh", ":::", *map(str, range(runs))]


SIDES: dict[str, Callable[[Path, int], list[str]]] = {
    "function, hpcsweep": functions,
    "function, joblib": joblib,
    "command, hpcsweep": commands,
    "command, GNU parallel": gnu_parallel,
}


def measure(name: str, runs: int) -> Took:
    """Do so many runs in a new folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = SIDES[name](Path(folder), runs)
        return timed(command, Path(folder))


def left_behind(name: str, runs: int) -> tuple[int, int]:
    """Do so many runs in a new folder; return the calls of fsync, and the files that are there then."""
    with tempfile.TemporaryDirectory() as place:
        folder, trace = Path(place) / "study", Path(place) / "trace.txt"
        folder.mkdir()
        timed([*TRACED, str(trace), *SIDES[name](folder, runs)], folder)
        calls = sum("fsync(" in line for line in trace.read_text().splitlines())
        return calls, sum(path.is_file() for path in folder.rglob("*"))


def _medians(took: list[Took]) -> list[float]:
    return [statistics.median(part) for part in zip(*took, strict=True)]


def main() -> None:
    """Print a row per side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    names = list(SIDES)
    if not shutil.which("parallel"):
        print("GNU parallel is not installed and left out (Debian: apt-get install parallel)")
        names.remove("command, GNU parallel")
    taken: dict[tuple[str, int], list[Took]] = {}
    for _ in range(options.rounds):
        for name in names:
            for runs in (FEW, options.runs):
                taken.setdefault((name, runs), []).append(measure(name, runs))
    print(f"{options.rounds} rounds, {WORKERS} workers, {os.cpu_count()} cores; medians in ms, wall / processor")
    print(f"{'':24}{'per run':>18}{'to start and end':>22}{'fsyncs':>9}{'files':>8} per run")
    for name in names:
        few, many = (_medians(taken[name, runs]) for runs in (FEW, options.runs))
        per_run = [(more - less) / (options.runs - FEW) for less, more in zip(few, many, strict=True)]
        start = [less - FEW * one for less, one in zip(few, per_run, strict=True)]
        row = f"{name:24}{1e3 * per_run[0]:9.2f} /{1e3 * per_run[1]:7.2f}{1e3 * start[0]:13.0f} /{1e3 * start[1]:7.0f}"
        if shutil.which("strace"):
            counted = zip(left_behind(name, options.runs), left_behind(name, FEW), strict=True)
            calls, files = ((more - less) / (options.runs - FEW) for more, less in counted)
            row += f"{calls:9.2f}{files:8.2f}"
        print(row)


if __name__ == "__main__":
    main()
