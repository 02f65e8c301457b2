"""Power cuts: a file system on a loop device is shut down without flushing its journal, and mounted again.

What was written and not flushed to disk is then gone, as after a power cut (xfstests calls it "godown"). HPCSWEEP_CUTS
says how many cuts there are.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hpcsweep.launch.pack import pack
from hpcsweep.store import Result, Store
from hpcsweep.store.adopt import adopt
from hpcsweep.store.claims import describe_owner, try_claim
from hpcsweep.store.commits import Commits, Finished
from hpcsweep.store.results import files_of, publish_files, read_result
from tests.made_results import make_result
from tests.store.test_packs import MADE

CUTS = int(os.environ.get("HPCSWEEP_CUTS", "6"))
SHUTDOWN, WITHOUT_FLUSH = 0x8004587D, 2  # EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH of linux/fs/ext4/ext4.h


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path) -> None:
        self.image, self.place = folder / "disk.img", folder / "disk"
        self.place.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(48 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.image], check=True)

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self.image, self.place], check=True, capture_output=True)

    def come_back(self) -> None:
        """Mount what has reached the disk: a copy of it, since in the mount namespace of another process, such as a
        container that was started meanwhile, the one without power is still mounted.
        """
        subprocess.run(["umount", self.place], check=True, capture_output=True)
        reached = self.image.with_suffix(".copy")
        shutil.copyfile(self.image, reached)
        reached.replace(self.image)
        self.mount()

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, neither what is in memory nor in the journal."""
        descriptor = os.open(self.place, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
        finally:
            os.close(descriptor)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A mounted disk; the test is skipped where none can be mounted."""
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("only root can mount a disk, and mkfs.ext4 makes one")
    made = Disk(tmp_path)
    try:
        made.mount()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device can be mounted here: {error.stderr}")
    yield made
    subprocess.run(["umount", made.place], check=False, capture_output=True)


def work(root: Path, told: Path, number: int) -> None:
    """Publish results, alone or in commits, pack and take out now and then; each is told of, outside, thereafter."""
    store, held = Store(root, probes=True, lease_s=0.01), list[str]()
    commits = Commits(store, at_once=0)
    while True:
        number += 1
        result = make_result({"layers": number}, metrics={"loss": number / 3})
        held.append(f"{number} {result.trajectory} {result.id}\n")
        if number % 4:
            hold(commits, store, result)
            continue
        commits.commit()
        adopt(store, result, {"layers": number}, MADE)
        with open(told, "a") as file:
            file.writelines(held)
        held = []
        if number % 20 == 0:
            pack(store, undo=number % 60 == 0)


def hold(commits: Commits, store: Store, result: Result) -> None:
    """Claim a run and hold its result; a run of which the power cut has left a claim is published."""
    claim = try_claim(store.folder(result.trajectory), {**describe_owner("x"), "ticket": commits.ticket()}, 0.0)
    assert claim is not None
    files = files_of(result, claim.folder, claim.generation)
    if claim.ticket is None:
        publish_files(claim.folder, files)
    else:
        commits.hold(Finished(claim, {}, files, claim.folder.log(1)))


def lost(root: Path, told: Path) -> list[str]:
    """Return the runs that were told of and are not there as they were; whatever is opened is closed on return."""
    store = Store(root)
    missing = []
    for number, trajectory_id, run_id in (line.split() for line in told.read_text().splitlines()):
        try:
            if read_result(store.folder(trajectory_id), run_id).metrics != {"loss": int(number) / 3}:
                missing.append(f"{run_id}: changed")
        except OSError as error:  # also StoreError
            missing.append(f"{run_id}: {error}")
    return missing


def test_what_was_published_outlives_a_power_cut(
    disk: Disk, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Whenever the power is cut, while results are published, packed or taken out, none that was told of is lost."""
    told, chance = tmp_path / "told.txt", random.Random(0)
    told.touch()
    Store(disk.place / "store").create()
    for cut in range(CUTS):
        known = [line.split() for line in told.read_text().splitlines()]
        child = os.fork()
        if not child:
            try:
                work(disk.place / "store", told, len(known))
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0.2, 2.5))
        disk.cut_power()
        os.waitpid(child, 0)
        disk.come_back()
        assert lost(disk.place / "store", told) == [], f"cut {cut}"
    published = len(told.read_text().splitlines())
    assert published > CUTS
    record_property("counted", f"power cuts: {CUTS}; runs published: {published}; lost: 0")
