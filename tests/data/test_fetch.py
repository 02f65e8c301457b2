"""Fetching from a server on this machine: checksums, mirrors, going on after a break, read-only folders."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from hpcsweep.cli import main
from hpcsweep.data.catalogue import CATALOGUE, IDX_NAMES, MNIST, DataFile, Published
from hpcsweep.data.fetch import PART, fetch
from hpcsweep.data.folder import check, checksum, read
from hpcsweep.errors import DataError
from tests.data.writing import write_idx


@dataclass
class Site:
    """A server of files: what it holds, what it was asked, and how it misbehaves."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    break_after: int | None = None
    knows_ranges: bool = True


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    """Make the request handler of `site`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.asked.append((self.path, asked))
            body = site.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and site.knows_ranges else 0
            if start and start >= len(body):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            end = len(body) if site.break_after is None else start + site.break_after
            self.wfile.write(body[start:end])

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """Serve files on a free port of this machine for the length of a test."""
    site = Site()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(site))
    site.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def published(site: Site, tmp_path: Path) -> Published:
    """Put a small MNIST on the server: its catalogue entry."""
    random = np.random.default_rng(1)
    arrays = [
        random.integers(0, 256, (9, 28, 28), np.uint8),
        np.arange(9, dtype=np.uint8),
        random.integers(0, 256, (4, 28, 28), np.uint8),
        np.arange(4, dtype=np.uint8),
    ]
    files = []
    for name, array in zip(IDX_NAMES, arrays, strict=True):
        source = tmp_path / "source" / name
        source.parent.mkdir(exist_ok=True)
        write_idx(source, array)
        site.files[f"/mirror/{name}"] = source.read_bytes()
        kind = "md5" if "labels" in name else "sha256"
        files.append(DataFile(name, checksum(source, kind), (f"{site.url}/mirror/{name}",)))
    return replace(MNIST, files=tuple(files))


def test_fetched_files_check_and_read(published: Published, tmp_path: Path) -> None:
    """Fetch puts the four files in place, where check finds them well and read gives the images."""
    paths = fetch(published, tmp_path / "data")
    assert [path.name for path in paths] == list(IDX_NAMES)
    assert check(published, tmp_path / "data") == []
    assert len(read(published, tmp_path / "data").x) == 9
    assert not list((tmp_path / "data").rglob("*" + PART))


def test_what_is_there_is_not_fetched_again(site: Site, published: Published, tmp_path: Path) -> None:
    """A second fetch asks the server for nothing; a damaged file alone is asked for again."""
    paths = fetch(published, tmp_path)
    site.asked.clear()
    fetch(published, tmp_path)
    assert site.asked == []
    paths[2].write_bytes(b"damaged")
    fetch(published, tmp_path)
    assert [path for path, _ in site.asked] == [f"/mirror/{IDX_NAMES[2]}"]
    assert check(published, tmp_path) == []


def test_a_broken_download_goes_on_where_it_stopped(
    site: Site, published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What arrived before the line broke is kept, and only the rest is asked for."""
    monkeypatch.setattr("hpcsweep.data.fetch.CHUNK_BYTES", 50)
    site.break_after = 100
    with pytest.raises(DataError, match="what has arrived is kept: try again"):
        fetch(published, tmp_path)
    assert not (tmp_path / "mnist" / IDX_NAMES[0]).exists()
    assert (tmp_path / "mnist" / (IDX_NAMES[0] + PART)).stat().st_size == 100
    site.break_after = None
    site.asked.clear()
    fetch(published, tmp_path)
    assert site.asked[0] == (f"/mirror/{IDX_NAMES[0]}", "bytes=100-")
    assert check(published, tmp_path) == []


def test_a_server_without_ranges_starts_over(site: Site, published: Published, tmp_path: Path) -> None:
    """Where the server sends the whole file again, the beginning is not kept twice."""
    part = tmp_path / "mnist" / (IDX_NAMES[0] + PART)
    part.parent.mkdir()
    part.write_bytes(b"some beginning")
    site.knows_ranges = False
    fetch(published, tmp_path)
    assert check(published, tmp_path) == []


def test_a_whole_part_is_used(site: Site, published: Published, tmp_path: Path) -> None:
    """A process killed between the last byte and the rename leaves a whole part, which is verified and used."""
    part = tmp_path / "mnist" / (IDX_NAMES[0] + PART)
    part.parent.mkdir()
    part.write_bytes(site.files[f"/mirror/{IDX_NAMES[0]}"])
    fetch(published, tmp_path)
    assert check(published, tmp_path) == []


def test_another_checksum_is_refused(site: Site, published: Published, tmp_path: Path) -> None:
    """A file that is not the published one never gets its name; the beginning it left is not gone on from."""
    site.files[f"/mirror/{IDX_NAMES[0]}"] = b"<html>please log in</html>"
    with pytest.raises(DataError, match="checksum of what arrived is not sha256:"):
        fetch(published, tmp_path)
    assert list((tmp_path / "mnist").iterdir()) == []


def test_a_wrong_beginning_is_forgotten_and_fetched_whole(site: Site, published: Published, tmp_path: Path) -> None:
    """A part from another file makes the checksum wrong once; the next attempt starts over and is right."""
    part = tmp_path / "mnist" / (IDX_NAMES[0] + PART)
    part.parent.mkdir()
    part.write_bytes(b"of another file")
    with pytest.raises(DataError, match="checksum"):
        fetch(published, tmp_path)
    fetch(published, tmp_path)
    assert check(published, tmp_path) == []


def test_the_next_mirror_is_tried(site: Site, published: Published, tmp_path: Path) -> None:
    """A mirror that has lost its files, or is gone, is passed over for the next."""
    files = tuple(
        replace(file, urls=("http://127.0.0.1:9/gone", f"{site.url}/lost/{file.name}", *file.urls))
        for file in published.files
    )
    fetch(replace(published, files=files), tmp_path)
    assert check(published, tmp_path) == []


def test_no_mirror_left_names_each(site: Site, published: Published, tmp_path: Path) -> None:
    """Where no mirror helps, the error names each address and why."""
    site.files.clear()
    with pytest.raises(DataError, match=rf"{site.url}/mirror/{IDX_NAMES[0]}: 404"):
        fetch(published, tmp_path)


def test_a_folder_not_writable_is_told_before_anything_is_fetched(
    site: Site, published: Published, tmp_path: Path
) -> None:
    """A data folder that cannot be made or written is named, with the option that names another."""
    (tmp_path / "mnist").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot be written .*--data or HPCSWEEP_DATA"):
        fetch(published, tmp_path)
    assert site.asked == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_told(site: Site, published: Published, tmp_path: Path) -> None:
    """A folder without permission to write is told the same."""
    (tmp_path / "mnist").mkdir(mode=0o500)
    with pytest.raises(DataError, match="cannot be written"):
        fetch(published, tmp_path)
    assert site.asked == []


def test_the_verb_fetches_checks_and_repeats(
    site: Site,
    published: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`data fetch` prints the paths, says on stderr what it asked for, and asks for nothing the second time."""
    monkeypatch.setitem(CATALOGUE, "mnist", published)
    for asked in (4, 0):
        site.asked.clear()
        with pytest.raises(SystemExit) as ended:
            main(["data", "fetch", "mnist", "--data", str(tmp_path / "data")])
        assert ended.value.code == 0
        assert len(site.asked) == asked
        paths = capsys.readouterr().out.split("\n")[:-1]
        assert [Path(path).name for path in paths] == list(IDX_NAMES)
    with pytest.raises(SystemExit) as ended:
        main(["data", "check", "--data", str(tmp_path / "data")])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "mnist: well\n"
