"""The user's job function: imported from its snapshot, with all random generators seeded the same before."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import random
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from hpcsweep.code.closure import files_of_job
from hpcsweep.code.version import CodeVersion
from hpcsweep.data.used import noting
from hpcsweep.errors import JobError
from hpcsweep.machine import old_keras
from hpcsweep.store import Store
from hpcsweep.store.manifest import Manifest
from hpcsweep.worker.process.generators import generator_states
from hpcsweep.worker.process.imported import ImportedCode
from hpcsweep.worker.process.output import say
from hpcsweep.worker.process.snapshot_code import Job, SnapshotCode
from hpcsweep.worker.process.snapshot_import import SnapshotLoader, import_from, module_name

_ADAPTED_TO = re.compile(r"^\s*(?:import|from)\s+(sklearn|pandas|matplotlib)\b", re.MULTILINE)
_KERAS = re.compile(r"\b(keras|tensorflow|hpcsweep\.training|from\s+hpcsweep\s+import\s+.*\btraining)\b")
SEED_OF_IMPORTS = 0


class JobCode(SnapshotCode):
    """The code of a job function; imported when it is first called for.

    A manifest of an earlier release has no snapshot: its job is what the study holds now.
    """

    def __init__(self, store: Store, manifest: Manifest) -> None:
        """Read the files; StoreError if the snapshot is not what was kept."""
        self._file, self._function = manifest.job_file, manifest.job_function
        super().__init__(store, manifest)
        self._folder = store.layout.snapshot(self.snapshot) if self.snapshot else self.study
        self._precision = manifest.settings.precision
        self._is_warm = False

    def read(self, store: Store) -> dict[str, bytes]:
        """Return the job's files."""
        if self.snapshot:
            return super().read(store)
        try:
            return files_of_job(self.study, [self._file])
        except JobError:  # a job that is gone is the failure of each of its runs, told when it is imported
            return {}

    @cached_property
    def speaks_of_keras(self) -> bool:
        """Whether Keras or TensorFlow is named in the code."""
        return any(_KERAS.search(text) for text in self._texts())

    @cached_property
    def uses_keras(self) -> bool:
        """Whether the code speaks of Keras, so that Keras must be set up before it and seeded before each call.

        A Keras that is older than we know is the job's own affair, but for its seeds.
        """
        return self.speaks_of_keras and not old_keras()

    @cached_property
    def function(self) -> Job:
        """The job's function, imported at the first call; whatever its file raises is raised."""
        if self.uses_keras:
            self.prepare_keras()
        elif self.speaks_of_keras:
            with contextlib.suppress(ImportError):
                importlib.import_module("tensorflow")  # so that it can be seeded before the job imports it
        seed_everything(SEED_OF_IMPORTS, keras=self.uses_keras, precision=self._precision)
        before = drawn_from(keras=self.uses_keras)
        with noting(self.used_at_import):
            module = self._import()
        after = drawn_from(keras=self.uses_keras)
        self.draws = [name for name in after if after[name] != before.get(name, after[name]) and self._may_draw(name)]
        if self.draws:
            say(
                f"hpcsweep: {self._file} draws random numbers while it is imported ({', '.join(self.draws)}), the same "
                "in every run; draw them inside the job function if each run should have its own"
            )
        self.after_import()
        job = getattr(module, self._function, None)
        if not callable(job):
            raise JobError(f"{self.study / self._file}: has no function {self._function} after import; expected one")
        return job  # type: ignore[no-any-return]

    @cached_property
    def _imported(self) -> ImportedCode:
        return ImportedCode(self.snapshot_version, self.study)

    def version(self) -> CodeVersion:
        """Return what the code that this process has imported means."""
        return self._imported.version()

    def from_study(self) -> list[str]:
        """Return the modules that came from the study's folder, since the snapshot lacks them."""
        return self._imported.from_study()

    def prepare_keras(self) -> None:
        """Set Keras up before the job can import it as it comes: with more threads, other sums, and chatter.

        Keras adapts itself to some packages if it finds them, and is kept from it; not from those that the job imports.
        """
        for name in sorted({name for text in self._texts() for name in _ADAPTED_TO.findall(text)}):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
        importlib.import_module("hpcsweep.training")

    def warm_up(self) -> None:
        """Start Keras if the job needs it; an error is left to the runs, which meet it again."""
        if self.uses_keras and not self._is_warm:
            self._is_warm = True
            with contextlib.suppress(Exception):
                self.prepare_keras()
                seed_everything(SEED_OF_IMPORTS, keras=True, precision=self._precision)

    def _may_draw(self, generator: str) -> bool:
        """Whether the code, and not only a library that it imports, may draw: Python's own generator must be named."""
        return generator != "python" or any(re.search(r"\brandom\b", text) for text in self._texts())

    def _texts(self) -> list[str]:
        return [text.decode("utf-8", errors="replace") for name, text in self.files.items() if name.endswith(".py")]

    def _import(self) -> Any:
        import_from(self._folder, self.files, self.study, self._file)
        name = module_name(self._file)
        if name is not None:
            return importlib.import_module(name)
        return self._import_by_path()

    def _import_by_path(self) -> Any:
        """Import a file whose path has dots, which no name can have; other processes do not find its functions."""
        path = self.study / self._file
        name = f"_hpcsweep_job_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
        loader = SnapshotLoader(name, str(path), self.files[self._file])
        spec = importlib.util.spec_from_file_location(name, path, loader=loader)
        if spec is None:
            raise JobError(f"{path}: cannot be imported; expected a Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        loader.exec_module(module)
        return module


def seed_everything(seed: int, *, keras: bool, precision: str | None = None) -> None:
    """Seed Python's and NumPy's global generators, and those of Keras and PyTorch if these are in use."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    if keras:
        from hpcsweep.training import seed_everything as seed_keras

        seed_keras(seed, precision)
    elif "tensorflow" in sys.modules:
        sys.modules["tensorflow"].random.set_seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def drawn_from(*, keras: bool) -> Mapping[str, str]:
    """Return a digest of the state of each global generator by its name: one that differs later was drawn from."""
    states = generator_states()
    python, numpy = states["python"], states["numpy"]
    found = {
        "python": repr((python["words"].tobytes(), python["gauss"])),
        "numpy": repr((numpy["keys"].tobytes(), numpy["position"], numpy["has_gauss"], numpy["cached"])),
    }
    if keras:
        from hpcsweep.training.state.variables import shared_seeds_text

        found["keras"] = shared_seeds_text()
    if "torch" in states:
        found["torch"] = hashlib.sha256(states["torch"]["cpu"].tobytes()).hexdigest()
    return found
