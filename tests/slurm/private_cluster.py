"""Brings the private SLURM cluster of `cluster.sh` up and down for the tests, and asks it things."""

from __future__ import annotations

import os
import random
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).parent / "cluster.sh"
PORTS = (1, 2, 3, 21, 22)
BLOCKS = range(26900, 32000, 50)
ATTEMPTS = 3
NODES = ("sinfo", "-N", "-p", "dgx", "-O", "NodeList:20,StateLong:20,Reason:60")


def missing_packages() -> str:
    """Return the Debian packages that the cluster lacks on this machine, separated by spaces."""
    return subprocess.run([SCRIPT, "missing"], capture_output=True, text=True, check=False).stdout.strip()


def install_packages() -> None:
    """Install the packages (root on Debian); the output of apt-get is the error's message."""
    subprocess.run([SCRIPT, "install"], check=True, capture_output=True, text=True)


def no_cgroups() -> str:
    """Return why memory limits by cgroups cannot be had on this machine; empty if they can."""
    return subprocess.run([SCRIPT, "cgroups"], capture_output=True, text=True, check=False).stdout.strip()


def own_cgroups() -> dict[str, str]:
    """Return the settings of a cluster with memory limits by cgroups and nodes of a name of their own, if it can be."""
    return {} if no_cgroups() else {"CGROUP": "1", "NODE": f"n{secrets.token_hex(3)}x"}


def free_port_block() -> int:
    """Return a port whose block is unused now; any of them, so that two who look at once rarely take the same."""
    for base in random.sample(BLOCKS, len(BLOCKS)):
        try:
            for offset in PORTS:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise RuntimeError("no free block of ports")


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its folder and the environment that makes SLURM's commands find it."""

    folder: Path
    environment: dict[str, str]

    @property
    def nodes(self) -> list[str]:
        """The names of its two nodes."""
        name = self.environment.get("NODE", "dgx")
        return [f"{name}1", f"{name}2"]

    def control(self, *words: str) -> None:
        """Run `cluster.sh` with `words`, e.g. ("node-fail", "dgx1")."""
        subprocess.run([SCRIPT, *words], env=self.environment, check=True, capture_output=True, text=True)

    def ask(self, *command: str) -> str:
        """Return what a SLURM command prints."""
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout.strip()

    def wait_until(self, condition: Callable[[], object], seconds: float = 90, pause_s: float = 0.5) -> None:
        """Return as soon as `condition()` holds; TimeoutError with the states of queue and nodes after `seconds`."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{self.ask('squeue', '-a', '-t', 'all')}\n{self.ask(*NODES)}\n{self._controller()}")
            time.sleep(pause_s)

    def has_idle_nodes(self) -> bool:
        """Tell whether nothing is left on either node."""
        return self.ask("sinfo", "-h", "-N", "-p", "dgx", "-o", "%t").split() == ["idle"] * 2

    def _controller(self) -> str:
        """Return what slurmctld wrote last."""
        return (self.folder / "log" / "slurmctld.log").read_text(errors="replace")[-3000:]

    def purge(self, job: str) -> None:
        """Remove a job, and all tasks of an array, from the accounting, as sites do with old records."""
        words = f"delete from testcluster_job_table where id_job={int(job)} or id_array_job={int(job)}"
        port = int(self.environment["CLUSTER_PORT"]) + 3
        self.ask(
            "mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={port}", "--user=slurm", "--password=slurm",
            "slurm_acct_db", f"--execute={words}",
        )  # fmt: skip

    def living(self, job: str, states: str = "PD,R,CG,RQ,S") -> bool:
        """Tell whether any task of a SLURM job is queued or running, or in one of `states`."""
        return bool(self.ask("squeue", "-h", "-j", job, "-t", states, "-o", "%T"))


def start_cluster(**settings: str) -> Cluster:
    """Bring a cluster up in a folder and port block of its own.

    Another block is tried when a daemon does not come up: between the look for free ports and the daemon's start,
    somebody else may have taken one.
    """
    for _ in range(ATTEMPTS):
        cluster, problem = _try_to_start(settings)
        if not problem:
            return cluster
        stop_cluster(cluster)
    raise RuntimeError(f"the test cluster does not come up: {problem}")


def _try_to_start(settings: dict[str, str]) -> tuple[Cluster, str]:
    """Return a cluster and what went wrong as it came up, with the end of the database's log."""
    folder = Path(tempfile.mkdtemp(prefix="hpcsweep-slurm-"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM")} | {
        "CLUSTER_DIR": str(folder),
        "CLUSTER_PORT": str(free_port_block()),
        "SLURM_CONF": str(folder / "etc" / "slurm.conf"),
        **settings,
    }
    up = subprocess.run([SCRIPT, "up"], env=environment, capture_output=True, text=True, check=False)
    log = folder / "log" / "mysqld.log"
    words = f"{up.stderr}\n{log.read_text(errors='replace')[-1000:] if log.exists() else ''}"
    return Cluster(folder, environment), words if up.returncode else ""


def stop_cluster(cluster: Cluster) -> None:
    """Stop what `start_cluster` started and delete its folder."""
    cluster.control("wipe")
    shutil.rmtree(cluster.folder, ignore_errors=True)
