"""The cache of frames: fast, never stale, never trusted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hpcsweep import results
from hpcsweep.results import cache, reading
from hpcsweep.store import Store
from hpcsweep.store import results as store_results
from hpcsweep.store.results import publish_result
from tests.made_results import fill_store, make_result


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of thirty results, of one epoch more each."""
    made = [make_result({"x": n}, history={"epoch": range(n + 1), "loss": np.arange(n + 1.0)}) for n in range(30)]
    return fill_store(tmp_path / "results", made)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the results that were opened."""
    ids: list[str] = []
    real = store_results.read_result

    def spy(folder: Any, run_id: str, **options: Any) -> Any:
        ids.append(run_id)
        return real(folder, run_id, **options)

    monkeypatch.setattr(reading, "read_result", spy)
    return ids


def publish(store: Store, result: Any) -> None:
    """Add a result to the store."""
    folder = store.folder(result.trajectory)
    folder.path.mkdir(parents=True, exist_ok=True)
    publish_result(folder, result, 1)


def test_the_second_reading_opens_no_result(store: Store, opened: list[str]) -> None:
    """What was read once is not opened again."""
    results.runs(store.root)
    assert len(opened) == 30
    opened.clear()
    results.runs(store.root)
    assert opened == []


def test_only_new_results_are_opened(store: Store, opened: list[str]) -> None:
    """A result that came since is seen at once, and is the only one that is opened."""
    results.runs(store.root)
    opened.clear()
    added = make_result({"x": 99})
    publish(store, added)
    assert 99 in results.runs(store.root)["x"].tolist()
    assert opened == [added.id]


def test_a_result_that_went_away_is_gone(store: Store) -> None:
    """A deleted result is no row any more, cache or not."""
    gone = results.runs(store.root).iloc[3]
    store.folder(gone["trajectory"]).result(gone["id"]).unlink()
    assert gone["id"] not in results.runs(store.root)["id"].tolist()


def test_a_changed_file_is_read_again(store: Store) -> None:
    """A result file of the same name and size that was damaged after caching is found out."""
    row = results.runs(store.root).iloc[3]
    path = store.folder(str(row["trajectory"])).result(row["id"])
    before = path.stat()
    path.write_text(path.read_text().replace('"cpu"', '"gpu"'))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    frame = results.runs(store.root).set_index("id")
    assert frame.loc[row["id"], "state"] == "corrupt"


def test_a_replaced_result_shows_its_new_numbers(store: Store) -> None:
    """A run that was deleted and trained again shows the new result, not the cached one."""
    row = results.runs(store.root).set_index("x").loc[3]
    folder = store.folder(str(row["trajectory"]))
    for path in list(folder.path.iterdir()):
        path.unlink()
    publish(store, make_result({"x": 3}, history={"epoch": [0, 1], "loss": [5.0, 42.0]}))
    assert results.runs(store.root).set_index("x").loc[3, "last_loss"] == 42.0


@pytest.mark.parametrize("kind", ["records", "histories"])
@pytest.mark.parametrize("fate", ["damaged", "gone"])
def test_a_damaged_cache_is_ignored(store: Store, kind: str, fate: str) -> None:
    """A cache file with one byte changed, or gone, is read as absent, and the numbers and histories are right."""
    runs, history = results.runs(store.root), results.history(store.root)
    (path,) = (store.root / "cache").glob(f"{kind}-*")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    if fate == "damaged":
        path.write_bytes(bytes(data))
    pd.testing.assert_frame_equal(results.runs(store.root), runs, check_exact=True)
    pd.testing.assert_frame_equal(results.history(store.root), history, check_exact=True)


def test_a_history_is_right_though_the_cache_went_away_since(store: Store) -> None:
    """Who has read runs through the cache gets their histories even if somebody removes the cache in between."""
    expected = results.history(store.root)
    known = results.load(store.root)
    shutil.rmtree(store.layout.cache)
    pd.testing.assert_frame_equal(known.history(), expected, check_exact=True)


def test_many_segments_become_one(store: Store, monkeypatch: pytest.MonkeyPatch, opened: list[str]) -> None:
    """Segments are merged when there are many, and none of their runs is lost or read again."""
    monkeypatch.setattr(cache, "MIN_RUNS", 1)
    for number in range(cache.MAX_SEGMENTS + 3):
        publish(store, make_result({"x": 1000 + number}))
        results.runs(store.root)
    assert len(store.layout.all_records()) <= cache.MAX_SEGMENTS
    assert len(list(store.layout.cache.iterdir())) <= 2 * cache.MAX_SEGMENTS
    opened.clear()
    assert len(results.runs(store.root)) == 30 + cache.MAX_SEGMENTS + 3
    assert opened == []


def test_a_store_that_cannot_be_written_has_no_cache(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a store that belongs to somebody else works, without a cache."""

    def refuse(path: Path, data: bytes) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(cache, "write_atomic", refuse)
    assert len(results.runs(store.root)) == 30
    assert store.layout.all_records() == []
