"""Make an environment for each pair of releases, ask it, and keep what came out for docs/.

It downloads about 2 GB once, and takes minutes per pair. `python -m tests.training.matrix jax` asks those named so.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[3]
RESULTS = Path(__file__).with_name("results.json")
"""What came out last, which the page on containers in docs/ shows."""


class Pair(NamedTuple):
    """A release of Keras and one of its backends."""

    keras: str
    backend: str

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"Keras {self.keras}, {self.backend.replace('==', ' ').replace('-cpu', '')}"


PAIRS = [
    Pair(keras, f"tensorflow-cpu=={tensorflow}")
    for keras, tensorflow in (
        ("2.15.0", "2.15.1"),
        ("3.3.0", "2.16.1"),
        ("3.5.0", "2.17.1"),
        ("3.8.0", "2.18.1"),
        ("3.10.0", "2.19.1"),
        ("3.12.4", "2.20.0"),
        ("3.15.1", "2.21.0"),
        ("3.12.4", "2.21.0"),
        ("3.15.1", "2.16.1"),
    )
] + [Pair("3.12.4", "jax==0.10.0"), Pair("3.15.1", "jax==0.10.2")]


def ask(pair: Pair, folder: Path) -> dict[str, str]:
    """Return what `inside` says with the releases of `pair`, or why there is no answer; with Python and NumPy."""
    uv, python = REPOSITORY / ".venv" / "bin" / "uv", folder / "bin" / "python"
    subprocess.run([str(uv), "venv", "-q", "--python", sys.executable, folder], check=True)
    releases = [f"keras=={pair.keras}", pair.backend, "pyarrow<26"]  # pyarrow 26 needs NumPy 2
    packages = ["-e", f"{REPOSITORY}[test]", *releases]
    subprocess.run([str(uv), "pip", "install", "-q", "--python", str(python), *packages], check=True)
    own = {"KERAS_BACKEND": pair.backend.split("=")[0].removesuffix("-cpu"), "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [str(python), "-m", "tests.training.matrix.inside"]
    ended = subprocess.run(command, cwd=REPOSITORY, env=os.environ | own, capture_output=True, text=True)
    version = [str(python), "-c", "import numpy; print(numpy.__version__)"]
    numpy = subprocess.run(version, check=True, capture_output=True, text=True)
    made = {"python": platform.python_version(), "numpy": numpy.stdout.strip()}
    if ended.returncode:
        return made | {"all": f"fails: {(ended.stderr.strip().splitlines() or ['no word'])[-1]}"}
    found: dict[str, str] = json.loads(ended.stdout.splitlines()[-1])
    return made | found


def main(words: list[str]) -> None:
    """Ask every pair with one of `words` in its name, all if there are none, and add to what is known."""
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for pair in (one for one in PAIRS if not words or any(word in one.name for word in words)):
        with tempfile.TemporaryDirectory() as folder:
            found[pair.name] = ask(pair, Path(folder) / "venv")
        print(pair.name, found[pair.name], flush=True)
        kept = {one.name: found[one.name] for one in PAIRS if one.name in found}
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
