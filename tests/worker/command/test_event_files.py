"""TensorBoard's event files are read to the bit without TensorBoard, as they grow."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from hpcsweep.errors import JobError
from hpcsweep.worker.command.event_files import EventFile
from hpcsweep.worker.command.metrics import EventFiles

# written by tensorboard 2.21: loss as simple_value, val_loss as tensor_content and accuracy as float_val of a tensor
WRITTEN = base64.b64decode(
    "SAAAAAAAAAD+kkidCf1H1vfWwdpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2ZpbGVfd3JpdGVy"
    "UchfYRgAAAAAAAAAo39LIgkAAAAAAADwPyoNCgsKBGxvc3MVAAAAP+VivM8hAAAAAAAAAAF77PYJAAAAAAAA8D8qFgoUCgh2YWxfbG9zc0IICAEi"
    "BAAAID8Z3RaUGgAAAAAAAAASm9gtCQAAAAAAAPA/EAEqDQoLCgRsb3NzFQAAgD73B7KfIwAAAAAAAACwn3dDCQAAAAAAAPA/EAEqFgoUCgh2YWxf"
    "bG9zc0IICAEiBAAAwD5xtlhMIwAAAAAAAACwn3dDCQAAAAAAAPA/EAEqFgoUCghhY2N1cmFjeUIICAEqBAAAQD99YCkD"
)
SCALARS = [(0, "loss", 0.5), (0, "val_loss", 0.625), (1, "loss", 0.25), (1, "val_loss", 0.375), (1, "accuracy", 0.75)]


@pytest.mark.parametrize("cut", range(0, len(WRITTEN), 7))
def test_a_growing_file_gives_each_scalar_once(tmp_path: Path, cut: int) -> None:
    """Whatever byte a look falls on, half a record waits for the rest."""
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(WRITTEN[:cut])
    file = EventFile(path)
    before = list(file.new_scalars())
    path.write_bytes(WRITTEN)
    assert before + list(file.new_scalars()) == SCALARS


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    """A byte that has changed is found by its checksum, wherever it is in a whole record."""
    path = tmp_path / "events.out.tfevents.1"
    for at in (0, 9, 30, len(WRITTEN) - 10):
        path.write_bytes(WRITTEN[:at] + bytes([WRITTEN[at] ^ 1]) + WRITTEN[at + 1 :])
        with pytest.raises(JobError, match="damaged record"):
            list(EventFile(path).new_scalars())


def test_folders_name_what_keras_logs_in_them(tmp_path: Path) -> None:
    """Keras writes the same tags into train/ and validation/; other folders are a part of the name."""
    for folder in ("train", "validation", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "events.out.tfevents.1").write_bytes(WRITTEN)
    rows = list(EventFiles(tmp_path).new_rows(ended=True))
    names = {name for row in rows for name in row}
    assert {"loss", "val_loss", "val_val_loss", "other/loss", "epoch"} <= names
    assert [row["loss"] for row in rows if "loss" in row] == [0.5, 0.25]
