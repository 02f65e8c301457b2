"""Downloading published data sets, through pooch, on a machine with a network. Workers never do this.

Pooch verifies the checksum of what arrives before it puts the file in its place. It cannot resume a
download; the downloader here adds that. What has arrived of a file stays beside it as `.part`, and the
next attempt asks the server for the rest (an HTTP Range request). A server that cannot do that sends
the whole file, which is fine too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hpcsweep.data.catalogue import DataFile, Published
from hpcsweep.data.folder import Verdict, find, judge
from hpcsweep.errors import DataError, MissingPackageError

PART = ".part"
CHUNK_BYTES = 1 << 13  # as much as a broken connection can lose
TIMEOUT_S = 30  # without a byte, before the next mirror is tried
Report = Callable[[str], None]


def fetch(published: Published, folder: Path, report: Report = lambda line: None) -> list[Path]:
    """Put the files of `published` into `folder`/<its name> and return their paths.

    What is there with the right checksum or content is left alone. Raises DataError if the folder cannot be
    written, no mirror has the file, or what arrived has another checksum.
    """
    found = find(published, folder)
    if found is not None and judge(published, folder) == Verdict([], compared=True):
        report(f"{published.name}: there and right")
        return list(found.paths)
    target = folder / published.name
    _make_writable(target)
    return [_fetch_file(file, target, report) for file in published.files]


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written ({error.strerror}); name another with --data or HPCSWEEP_DATA"
        ) from error


def _fetch_file(file: DataFile, folder: Path, report: Report) -> Path:
    refusals: list[str] = []
    for url in file.urls:
        try:
            return _retrieve(file, url, folder, report)
        except DataError as error:
            refusals.append(f"{url}: {error}")
    reasons = "; ".join(refusals)
    raise DataError(f"{file.name}: could not be fetched: {reasons}; what has arrived is kept: try again")


def _retrieve(file: DataFile, url: str, folder: Path, report: Report) -> Path:
    try:
        import pooch
    except ImportError as error:
        raise MissingPackageError("data fetch: needs pooch; type: pip install pooch") from error
    pooch.get_logger().setLevel("WARNING")
    downloader = ResumingDownloader(folder / (file.name + PART), report)
    try:
        return Path(pooch.retrieve(url, file.checksum, file.name, folder, downloader=downloader))
    except ValueError as error:  # pooch's error for a wrong checksum; the part was removed with the file
        raise DataError(f"checksum of what arrived is not {file.checksum}") from error
    except OSError as error:  # requests' errors are among them
        raise DataError(_reason(error)) from error


def _reason(error: OSError) -> str:
    """What went wrong, without the nested classes that requests and urllib3 put around it."""
    innermost = getattr(error.args[0] if error.args else None, "reason", error)
    return str(innermost).split("): ", 1)[-1] or type(error).__name__


class ResumingDownloader:
    """A pooch downloader that continues from `part`, the beginning of the file, which an earlier attempt left."""

    def __init__(self, part: Path, report: Report = lambda line: None) -> None:
        """Keep what arrives in `part`; `report` is told one line per download."""
        self.part = part
        self.report = report

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download `url` to `output_file`, which pooch then verifies and puts in place."""
        import requests

        start = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Range": f"bytes={start}-"} if start else {}
        # identity: a compressed transfer would make the lengths of part and file incomparable
        headers["Accept-Encoding"] = "identity"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                self.report(f"{url}: all of it had arrived")
            else:
                answer.raise_for_status()
                resumed = answer.status_code == requests.codes.partial_content
                self.report(f"{url}: {'going on after' if resumed else 'from'} byte {start if resumed else 0}")
                self._save(answer, "ab" if resumed else "wb")
        os.replace(self.part, output_file)

    def _save(self, answer: object, mode: str) -> None:
        with open(self.part, mode) as file:
            for chunk in answer.iter_content(CHUNK_BYTES):  # type: ignore[attr-defined]
                file.write(chunk)
