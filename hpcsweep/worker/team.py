"""The workers of one machine: forked from one process, which has imported Keras for all of them if their job needs it.

The import takes longer than a short sweep. It uses no device and runs no operation, so the fork is safe; where there
are GPUs, or Keras runs on JAX, which starts threads, each worker imports for itself.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from hpcsweep.store import Store
from hpcsweep.store.layout import SubmissionFolder
from hpcsweep.store.manifest import Manifest, read_manifest
from hpcsweep.worker.process.child import in_children
from hpcsweep.worker.process.job_code import JobCode
from hpcsweep.worker.work_loop import be_worker, begin, load_code


def work_together(
    submission_path: str,
    workers: int,
    *,
    threads: int = 1,
    pin: bool = False,
    gpus: Sequence[int] = (),
    data: str | None = None,
    launcher: tuple[int, int | None] | None = None,
) -> dict[str, int]:
    """Be all `workers` of a submission on this machine; return how many trajectories ended how.

    This is what submitit calls in a process of its own: all it is sent is this function and paths. `gpus` are shared
    out among the workers; the other arguments are those of `work`. A worker that dies takes no other with it.
    """
    submission, stop = begin(submission_path, threads=threads, data=data, launcher=launcher)
    manifest = read_manifest(submission.manifest, to_train=True)

    def train(index: int) -> dict[str, int]:
        if gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(gpus[index % len(gpus)])
        return be_worker(submission, manifest, stop, index, workers, pin=pin)

    if workers == 1:
        return train(0)
    if not gpus:
        _import_keras(submission, manifest)
    ended = in_children([partial(train, index) for index in range(workers)], stop)
    return dict(sum((Counter(one.answer) for one in ended if one.answer), Counter[str]()))


def _import_keras(submission: SubmissionFolder, manifest: Manifest) -> None:
    """Import Keras with TensorFlow if the job needs it; an error is left to the workers, which meet it again."""
    backend = manifest.settings.backend or os.environ.get("KERAS_BACKEND", "tensorflow")
    with suppress(Exception):
        code = load_code(Store(submission.store_root, lease_s=manifest.lease_s), manifest)
        if backend == "tensorflow" and isinstance(code, JobCode) and code.uses_keras:
            os.environ["KERAS_BACKEND"] = backend
            code.prepare_keras()
