"""Makes the example of what this release keeps in a store: python -m tests.store.formats.make 0.2.0.

It runs the study of the example before as root, from a folder and under a host name that are those of no real machine,
since both stand in the files. One run is stopped half-way. Of each trajectory only the newest checkpoint is kept, and
no pickle.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

FORMATS = Path(__file__).parent
PACKAGE = Path(__file__).parents[3] / "hpcsweep"
HOME = Path("/home/student")
STUDY = HOME / "study"
RUN = "import socket, sys; socket.sethostname('node01'); from hpcsweep.cli import main; main()"


def main(release: str) -> None:
    """Write <release>.tar.xz beside this file."""
    STUDY.mkdir(parents=True)
    shutil.copytree(PACKAGE, HOME / "hpcsweep")
    with tarfile.open(sorted(FORMATS.glob("*.tar.xz"))[-1]) as archive:
        inputs = [member for member in archive if member.name.startswith(("jobs", "sweeps")) and member.isfile()]
        archive.extractall(STUDY, members=inputs, filter="data")
    hpcsweep("run", "sweeps/net.toml").wait()
    stopped = hpcsweep("run", "sweeps/wave.toml")
    while not (list(STUDY.glob("results/trajectories/*/*/checkpoint.g1.k3.e3"))[1:]):  # of the slow trajectory, too
        time.sleep(0.1)
    os.killpg(stopped.pid, signal.SIGINT)
    stopped.wait()
    for trajectory in STUDY.glob("results/trajectories/*/*"):
        for old in sorted(trajectory.glob("checkpoint.*"), key=lambda path: path.stat().st_mtime_ns)[:-1]:
            old.unlink()
    with tarfile.open(FORMATS / f"{release}.tar.xz", "w:xz") as archive:
        for path in sorted(STUDY.rglob("*")):
            if path.is_file() and path.suffix not in (".pkl", ".pyc") and path.stat().st_size:
                archive.add(path, str(path.relative_to(STUDY)), filter=_nobody)


def hpcsweep(*arguments: str) -> subprocess.Popen[bytes]:
    """Start the command line in the study, in a process group of its own, with one worker."""
    words = ["unshare", "--uts", sys.executable, "-c", RUN, *arguments, "--workers", "1"]
    return subprocess.Popen(words, cwd=STUDY, start_new_session=True, env=os.environ | {"PYTHONPATH": str(HOME)})


def _nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(sys.argv[1])
