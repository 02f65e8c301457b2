"""What workers are told: written once, read by workers and readers of this release and others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpcsweep.errors import StoreError
from hpcsweep.store.manifest import (
    Manifest,
    ManifestRun,
    ManifestTrajectory,
    WorkerSettings,
    manifest_lines,
    read_manifest,
)

PARAMS = {"layers": 2, "rate": 0.1}
WORK = ManifestTrajectory("0" * 64, 3, PARAMS, (ManifestRun("1" * 64, {**PARAMS, "epochs": 5}),), retry=2)
SETTINGS = WorkerSettings(engine="stacked", stack_size=4, renew_gb=1.5, stop={"metric": "loss", "mode": "min"})
MANIFEST = Manifest("sweep", "jobs/a.py:train", Path("/a b"), 60.0, 5.0, (WORK,), SETTINGS)


def written(path: Path, **more_settings: object) -> Path:
    """Write the manifest, as it would be with more settings."""
    header, *lines = manifest_lines(MANIFEST)
    whole = json.loads(header)
    whole["settings"] |= more_settings
    path.write_text("\n".join([json.dumps(whole), *lines]) + "\n")
    return path


def test_a_manifest_comes_back_whole(tmp_path: Path) -> None:
    """What a submission writes is what its workers read."""
    assert read_manifest(written(tmp_path / "manifest"), to_train=True) == MANIFEST


def test_settings_that_are_missing_have_their_defaults(tmp_path: Path) -> None:
    """A manifest of a release that knew fewer settings is trained as that release would have."""
    path = written(tmp_path / "manifest")
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(header), "settings": {"engine": "fit"}}), *lines]))
    assert read_manifest(path, to_train=True).settings == WorkerSettings(engine="fit")


def test_a_rule_of_an_old_manifest_has_the_direction_that_its_ids_mean(tmp_path: Path) -> None:
    """Early releases wrote no direction and let workers go by the name; the runs' ids stand for what came of that."""
    for metric, way in {"val_accuracy": "max", "val_loss": "min", "val_iou": "max", "score": "min"}.items():
        path = written(tmp_path / "manifest", stop={"metric": metric, "patience": 3, "mode": None})
        assert read_manifest(path).settings.stop == {"metric": metric, "patience": 3, "mode": way}


def test_what_a_later_release_asks_for_is_read_over_and_not_trained_without(tmp_path: Path) -> None:
    """Readers need the runs only; a worker would train other numbers than it is asked for, so it refuses."""
    path = written(tmp_path / "manifest", mixed_precision=True)
    header, *lines = path.read_text().splitlines()
    path.write_text("\n".join([json.dumps({**json.loads(header), "warm_start": "a"}), *lines]))
    assert read_manifest(path) == MANIFEST
    with pytest.raises(StoreError, match=r"what this hpcsweep does not know \(mixed_precision, warm_start\)"):
        read_manifest(path, to_train=True)
