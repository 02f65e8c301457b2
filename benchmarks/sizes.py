"""How large we are: the worker bundle, and an installation on a login node, in megabytes (10^6 bytes) and files."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from hpcsweep.slurm.sending.bundle import bundled_files, pack

ROOT = Path(__file__).parents[1]
LARGEST = 6


def size_of(folder: Path) -> tuple[float, int]:
    """Return the megabytes and the number of the files below a folder, links not followed."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return sum(path.stat().st_size for path in files) / 1e6, len(files)


def in_words(what: str, megabytes: float, files: int) -> str:
    return f"{what:<42} {megabytes:8.1f} MB {files:7,} files"


def main() -> None:
    print(in_words("worker bundle (one zip file)", len(pack()) / 1e6, 1), f"with {len(bundled_files())} in it")
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "venv", "bin", "python")
        uv = ROOT / ".venv" / "bin" / "uv"
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, python.parents[1]], check=True)
        pinned = ["-c", str(ROOT / "constraints.txt")]
        subprocess.run([uv, "pip", "install", "-q", "--python", python, *pinned, str(ROOT)], check=True)
        packages = next(python.parents[1].glob("lib/python*/site-packages"))
        print(in_words("a login node's installation", *size_of(packages)))
        print(in_words("  of it hpcsweep itself", *size_of(packages / "hpcsweep")))
        each = {one.name: size_of(one) for one in packages.iterdir() if one.is_dir() and one.suffix != ".dist-info"}
        for name in sorted(each, key=lambda name: -each[name][0])[:LARGEST]:
            print(in_words(f"  {name}", *each[name]))


if __name__ == "__main__":
    main()
